"""A study without a screen: plain progress lines, then the report; the exit code says how it went.

Nothing here knows a terminal: lines go to the streams that are handed in, at most one of progress every ten seconds or
five percent.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path
from types import FrameType
from typing import TextIO

from sampler.brakes import Brakes, RunLimits
from sampler.ci import Case, Outcome, tell_ci
from sampler.displays import Bar, JsonLines
from sampler.doors import real_doors
from sampler.entry import read_along
from sampler.exits import Exit
from sampler.faults import exit_for
from sampler.forecast import UNKNOWN, Forecast
from sampler.manner import Display, Headless
from sampler.models.cli import models_dir
from sampler.page.sheet import PageFacts, Sheet, make_sheet
from sampler.progress import Notice, Progress, Subscriber
from sampler.reader import Reader, StoreError, StoreOld
from sampler.render import Page, one_line, print_report, report_json
from sampler.report import Facts, Report, Wish, make_report
from sampler.rows import StudyRow
from sampler.run import Doors, Run, RunEnd
from sampler.spec import Study, load_study, stored_budgets
from sampler.stats.budget import PromptCharge, Unit
from sampler.store import Store

LINE_SECONDS = 10.0
LINE_SHARE = 0.05


class PlainLines:
    """A subscriber that writes lines: notices as they come, progress now and then. Called from several threads."""

    def __init__(self, out: TextIO, *, clock: Callable[[], float] = time.time) -> None:
        self._out = out
        self._clock = clock
        self._lock = threading.Lock()
        self._forecast = Forecast()
        self._last_at = float("-inf")
        self._last_done = -1

    def __call__(self, event: Progress | Notice) -> None:
        """Write the event, unless it is progress and a line was written just now."""
        with self._lock:
            match event:
                case Notice():
                    level = "" if event.level == "info" else f"{event.level}: "
                    self._write(f"{level}{one_line(event.message)}")
                case Progress():
                    self._progress(event)

    def _progress(self, now: Progress) -> None:
        at, done = self._clock(), now.sampled + now.scored
        self._forecast.see(at, now)
        far = done - self._last_done >= max(1.0, LINE_SHARE * 2 * now.wanted)
        finished = done == 2 * now.wanted
        if done == self._last_done or not (far or finished or at - self._last_at >= LINE_SECONDS):
            return
        self._last_at, self._last_done = at, done
        left = self._forecast.left(now)
        eta = "" if finished else f" · {left.words if left else UNKNOWN}"
        share = now.scored / now.wanted if now.wanted else 1.0
        passed = " · ".join(f"{one_line(m.name)} {m.passed}/{m.verdicts} passed" for m in now.models if m.verdicts)
        head = f"{one_line(now.study)} {now.sampled}/{now.wanted} sampled, {now.scored} scored ({floor(100 * share)}%){eta}"
        self._write(f"{head} · {passed}" if passed else head)

    def _write(self, line: str) -> None:
        stamp = time.strftime("%H:%M:%S", time.localtime(self._clock()))
        with suppress(OSError, ValueError):  # whoever read along has left; the study goes on
            self._out.write(f"{stamp} {line}\n")
            self._out.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run went. `reason` is a line for people."""

    code: Exit
    reason: str
    cases: tuple[Case, ...] = ()


def run_headless(
    study_path: Path,
    *,
    out: TextIO,
    log: TextIO | None = None,
    doors: Doors | None = None,
    manner: Headless = Headless(),  # noqa: B008 - frozen
) -> int:
    """Run a study: progress and errors to `log` (or `out`), the report to `out`. Returns the exit code.

    With the JSON display everything but errors goes to `out`, a line each.
    """
    log = log or out
    lines = JsonLines(out) if manner.display is Display.JSON else None
    with told(log, traceback=manner.traceback) as failed:
        study = load_study(study_path)
        study = replace(study, store=manner.store or study.store, boxes=manner.boxes or study.boxes)
        with _shown(manner.display, log, lines) as tell:
            doors = doors or real_doors(models_dir(), saying(tell), fetch=manner.fetch)
            ended = run_limited(study, doors, tell, manner.limits)
        tell_ci(manner.places, f"{study.name}: {ended.reason}", ended.cases, lambda line: _write_line(log, line))
        made = read_report(study.store, study.name)
        with read_along(out):
            if lines is None:
                print_report(made, Page(file=out))
            else:
                lines.say("report", report=json.loads(report_json(made)))
                lines.done(ended.code, ended.reason)
        return ended.code
    if lines is not None:
        lines.done(failed[0], "broken off by an error; standard error says which")
    if failed[0] is not Exit.INTERRUPTED:
        case = Case(suite=study_path.stem, name="gate: the run", outcome=Outcome.ERROR, message="it broke; see its log")
        tell_ci(manner.places, study_path.stem, [case], lambda line: _write_line(log, line))
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
def told(log: TextIO, *, traceback: bool = False) -> Iterator[list[Exit]]:
    """Whatever breaks in here becomes one line that names the way out; its exit code is put into the list."""
    failed: list[Exit] = []
    try:
        yield failed
    except (Exception, KeyboardInterrupt) as error:
        failed.append(exit_for(error))
        if traceback:
            raise
        log.write(f"{_line(error, failed[0])}\n")


def _line(error: BaseException, code: Exit) -> str:
    match code:
        case Exit.INTERRUPTED:
            return "broken off; what was stored is kept, the same command continues"
        case Exit.BUG:
            what = one_line(f"{type(error).__name__}: {error}")
            return f"internal error: {what}; this is a bug: please report it with what --traceback shows"
        case _:
            return f"error: {one_line(str(error))}"


def run_study(study: Study, doors: Doors, tell: Subscriber) -> Exit:
    """Run a study into its store; raises what broke it."""
    return run_limited(study, doors, tell, RunLimits()).code


def run_limited(study: Study, doors: Doors, tell: Subscriber, limits: RunLimits) -> Ended:
    """The same, within limits."""
    brakes = Brakes(limits, tell, lambda: _spent(study.store))
    with Store(study.store) as store:
        run = Run(study, store, doors, brakes)
        with brakes.watching(run.stop), interrupts(run.stop, tell) as caught:
            end = run()
    tell(Notice(level="info" if end.complete else "warning", kind="end", message=f"{study.name}: {end.reason}"))
    return Ended(code=_code(end, brakes, caught), reason=end.reason, cases=_cases(study.name, end, brakes))


def _code(end: RunEnd, brakes: Brakes, caught: Sequence[int]) -> Exit:
    if caught and not end.complete:
        return Exit.TERMINATED if caught[0] == signal.SIGTERM else Exit.INTERRUPTED
    if brakes.too_many_faults:
        return Exit.INFRASTRUCTURE
    return Exit.OK if end.complete else Exit.INCOMPLETE


def _cases(name: str, end: RunEnd, brakes: Brakes) -> tuple[Case, ...]:
    """A run's gates: that it is complete, and that not too much of it failed by our fault."""
    complete = Outcome.PASSED if end.complete else Outcome.FAILED
    faults = Outcome.ERROR if brakes.too_many_faults else Outcome.PASSED
    return (
        Case(suite=name, name="gate: complete", outcome=complete, message=end.reason),
        Case(suite=name, name="gate: faults of ours", outcome=faults, message=brakes.fault_line),
    )


def _spent(path: Path) -> float:
    """FLOPs of all samples in a store, as far as they are known."""
    with Reader(path) as reader:
        rows = [row for study in reader.studies() for row in reader.tallies(study.id)]
    return sum((row.prompt_flops or 0.0) + (row.decode_flops or 0.0) for row in rows)


def saying(tell: Subscriber) -> Callable[[str], None]:
    """What a door says while it opens, as notices."""
    return lambda message: tell(Notice(level="info", kind="setup", message=message))


@contextmanager
def interrupts(stop: Callable[[], None], tell: Subscriber) -> Iterator[list[int]]:
    """The first SIGINT or SIGTERM asks the run to stop, the second breaks it off. Which ones came is in the list.

    Outside the main thread there are no signals to catch, and nothing is changed.
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


def read_facts(path: Path, name: str | None = None) -> Facts:
    """What a store says about the study called `name` (or with that id), or about the newest one; raises StoreError."""
    with _up_to_date(path) as reader:
        row = chosen_study(reader.studies(), path, name)
        return _facts(reader, row)


def read_report(
    path: Path, name: str | None = None, *, units: tuple[Unit, ...] = (), charge: PromptCharge = PromptCharge.EACH
) -> Report:
    """The report of the study called `name`, or of the newest one, in a store; raises StoreError.

    A store of an older version is brought up to date first.
    """
    with _up_to_date(path) as reader:
        row = chosen_study(reader.studies(), path, name)
        facts, wish = _asked(reader, row, path, units, charge)
    return make_report(facts, wish)


def read_sheet(
    path: Path, name: str | None = None, *, units: tuple[Unit, ...] = (), charge: PromptCharge = PromptCharge.EACH
) -> Sheet:
    """What the page of a study says; as `read_report`."""
    with _up_to_date(path) as reader:
        row = chosen_study(reader.studies(), path, name)
        facts, wish = _asked(reader, row, path, units, charge)
        page = PageFacts(facts=facts, failures=reader.failures(row.id), origin=reader.origin(row.id))
    return make_sheet(page, wish)


def _asked(
    reader: Reader, row: StudyRow, path: Path, units: tuple[Unit, ...], charge: PromptCharge
) -> tuple[Facts, Wish]:
    facts = _facts(reader, row)
    wish = Wish(budgets=stored_budgets(reader.spec(row.id), path), charge=charge, seed=row.seed)
    return facts, replace(wish, units=units or tuple(dict.fromkeys([*wish.units, *wish.budgets])))


def _facts(reader: Reader, row: StudyRow) -> Facts:
    return Facts(
        study=row,
        models=reader.models(row.id),
        greedy=reader.greedy(row.id),
        tallies=reader.tallies(row.id),
        verdicts=reader.verdict_counts(row.id),
    )


def _up_to_date(path: Path) -> Reader:
    try:
        return Reader(path)
    except StoreOld:
        Store(path).close()
        return Reader(path)


def chosen_study(studies: list[StudyRow], path: Path, name: str | None) -> StudyRow:
    """The study called `name`, or the newest one; raises StoreError."""
    chosen = [row for row in studies if name in (None, row.name, row.uid)]
    if not chosen:
        held = ", ".join(repr(row.name) for row in studies) or "none"
        raise StoreError(
            f"{str(path)!r} holds no study {name!r} (it holds: {held})" if name else f"{str(path)!r} is empty"
        )
    return chosen[0]
