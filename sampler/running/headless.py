"""Run a study without a screen: print progress lines, then the report; return an exit code.

No terminal is needed: lines go to the given streams, with at most one line of progress every ten seconds or five
percent.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TextIO

from sampler.cli_errors import error_boundary
from sampler.exit_codes import CommandError, Exit, allow_closed_pipe
from sampler.exporting import ExportFault, ExportRequest, destinations, exporter_of, send
from sampler.models.pull import models_dir
from sampler.reporting.inputs import read_report
from sampler.reporting.render import Page, print_report
from sampler.reporting.report_files import report_json
from sampler.running.ci import CiCase, CiOutcome, tell_ci
from sampler.running.dependencies import real_dependencies
from sampler.running.displays import Bar, JsonLines, PlainLines
from sampler.running.progress import Notice, Progress, Subscriber
from sampler.running.run import Dependencies, RunEnd, StudyRun
from sampler.running.run_options import Display, HeadlessOptions, RunLimits, RunStopper
from sampler.store.reader import Reader
from sampler.store.sample_readers import ExportReader
from sampler.store.writer import Store, chosen_study
from sampler.study.spec import Study, load_study
from sampler.tracking import LiveLog, RunName


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended; `reason` is a line of text."""

    code: Exit
    reason: str
    cases: tuple[CiCase, ...] = ()


def run_headless(
    study_path: Path,
    *,
    out: TextIO,
    log: TextIO | None = None,
    dependencies: Dependencies | None = None,
    run_options: HeadlessOptions = HeadlessOptions(),  # noqa: B008 - frozen
) -> int:
    """Run a study: write progress and errors to `log` (or `out`), the report to `out`; return the exit code.

    With the JSON display everything but errors goes to `out`, one line each.
    """
    log = log or out
    lines = JsonLines(out) if run_options.display is Display.JSON else None
    with error_boundary(log, traceback=run_options.traceback, program=run_options.program) as failed:
        study = load_study(study_path)
        study = replace(study, store=run_options.store or study.store, boxes=run_options.boxes or study.boxes)
        study = replace(study, cluster=run_options.cluster or study.cluster)
        with _shown(run_options.display, log, lines) as tell:
            dependencies = dependencies or real_dependencies(models_dir(), saying(tell), fetch=run_options.fetch)
            with _logged(study, tell) as logged:
                ended = run_limited(study, dependencies, logged, run_options.limits)
        tell_ci(run_options.places, f"{study.name}: {ended.reason}", ended.cases, lambda line: _write_line(log, line))
        made = read_report(study.store, study.name)
        with allow_closed_pipe(out):
            if lines is None:
                print_report(made, Page(file=out))
            else:
                lines.say("report", report=json.loads(report_json(made)))
                lines.done(ended.code, ended.reason)
        return ended.code
    if lines is not None:
        lines.done(failed[0], "broken off by an error; standard error says which")
    if failed[0] is not Exit.INTERRUPTED:
        case = CiCase(
            suite=study_path.stem, name="gate: the run", outcome=CiOutcome.ERROR, message="it broke; see its log"
        )
        tell_ci(run_options.places, study_path.stem, [case], lambda line: _write_line(log, line))
    return failed[0]


def _write_line(log: TextIO, line: str) -> None:
    log.write(f"{line}\n")


@contextmanager
def _shown(display: Display, log: TextIO, lines: JsonLines | None) -> Iterator[Subscriber]:
    match display:
        case Display.RICH:
            with Bar(log) as bar:
                yield bar
        case Display.NONE:
            yield lambda _event: None
        case Display.JSON if lines is not None:
            yield lines
        case _:
            yield PlainLines(log)


@contextmanager
def _logged(study: Study, tell: Subscriber) -> Iterator[Subscriber]:
    """Yield a subscriber that also logs progress to the study's tracker; send the curves at the end."""
    if not study.log:
        yield tell
        return
    name, _, project = study.log.partition(":")
    opened = exporter_of(name, "tracker", destinations).track
    if opened is None:
        raise ExportFault(f"[report] log = {study.log!r}: {name!r} is no tracker; write trackio or wandb")

    def complain(line: str) -> None:
        tell(Notice(level="warning", kind="log", message=line))

    run = RunName(project=project or study.name, name=f"{study.name}, progress", group=study.name, config={})
    live = LiveLog(lambda: opened(run), complain)
    live.begin()

    def both(event: Progress | Notice) -> None:
        tell(event)
        if isinstance(event, Progress):
            live.see(event.sampled + event.scored, _counts(event))

    try:
        yield both
    finally:
        live.close()
    try:
        with ExportReader(study.store) as reader:
            row = chosen_study(reader.studies(), study.store, study.name)
            for line in send(name, project, ExportRequest(study=row.id, to=study.store, format=name), reader):
                tell(Notice(level="info", kind="log", message=line))
    except CommandError as error:
        complain(f"the curves are not logged: {error}")


def _counts(event: Progress) -> dict[str, float]:
    """Return how far each model is, by the names of a tracker."""
    return {
        f"{model.name}/{what}": float(value)
        for model in event.models
        for what, value in (("sampled", model.sampled), ("scored", model.scored), ("passed", model.passed))
    } | {f"{model.name}/pass_rate": model.passed / model.verdicts for model in event.models if model.verdicts}


def run_study(study: Study, dependencies: Dependencies, tell: Subscriber) -> Exit:
    """Run a study into its store; raises what broke it."""
    return run_limited(study, dependencies, tell, RunLimits()).code


def run_limited(study: Study, dependencies: Dependencies, tell: Subscriber, limits: RunLimits) -> RunResult:
    """Run a study within limits."""
    began = time.monotonic()
    stopper = RunStopper(limits, tell, lambda: _spent(study.store))
    with Store(study.store) as store:
        run = StudyRun(study, store, dependencies, stopper)
        with stopper.watching(run.stop), interrupts(run.stop, tell) as caught:
            end = run()
    tell(Notice(level="info" if end.complete else "warning", kind="end", message=f"{study.name}: {end.reason}"))
    cases = _cases(study.name, end, stopper, time.monotonic() - began)
    return RunResult(code=_code(end, stopper, caught), reason=end.reason, cases=cases)


def _code(end: RunEnd, stopper: RunStopper, caught: Sequence[int]) -> Exit:
    if caught and not end.complete:
        return Exit.TERMINATED if caught[0] == signal.SIGTERM else Exit.INTERRUPTED
    if stopper.too_many_faults:
        return Exit.INFRASTRUCTURE
    return Exit.OK if end.complete else Exit.INCOMPLETE


def _cases(name: str, end: RunEnd, stopper: RunStopper, seconds: float) -> tuple[CiCase, ...]:
    """Return a run's gates: that it is complete, as long as the run took, and that our faults are few."""
    complete = CiOutcome.PASSED if end.complete else CiOutcome.FAILED
    faults = CiOutcome.ERROR if stopper.too_many_faults else CiOutcome.PASSED
    return (
        CiCase(suite=name, name="gate: complete", outcome=complete, message=end.reason, seconds=seconds),
        CiCase(suite=name, name="gate: faults of ours", outcome=faults, message=stopper.fault_line),
    )


def _spent(path: Path) -> float:
    """Return the FLOPs of all samples in a store, as far as they are known."""
    with Reader(path) as reader:
        rows = [row for study in reader.studies() for row in reader.tallies(study.id)]
    return sum((row.prompt_flops or 0.0) + (row.decode_flops or 0.0) for row in rows)


def saying(tell: Subscriber) -> Callable[[str], None]:
    """Return a function that sends the messages of a dependency as notices."""
    return lambda message: tell(Notice(level="info", kind="setup", message=message))


@contextmanager
def interrupts(stop: Callable[[], None], tell: Subscriber) -> Iterator[list[int]]:
    """Stop the run at the first SIGINT or SIGTERM, abort it at the second; yield the list of received signals.

    Outside the main thread signals cannot be handled, and nothing is changed.
    """
    caught: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 1:
            raise KeyboardInterrupt
        stop()
        message = "stopping: what is under way finishes, everything is kept; once more to break off"
        threading.Thread(target=tell, args=(Notice(level="warning", kind="stop", message=message),)).start()

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
