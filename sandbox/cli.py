"""`sandbox`: run one program, score a file, build the image, clean up. Reads argv; everything else is handed on.

Exit codes: 0 it ran and passed (or the command did its work), 1 the program's fault, 2 usage, 3 our fault or the machine's,
130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sandbox import image, judge, pool
from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.problems import BUILT_IN, Problem, ProblemsError, Wanted, load_problems
from sandbox.references import ReferenceFailed, References, usual_directory
from sandbox.rejudging import Changes, rejudged
from sandbox.samples import SamplesError, read_samples
from sandbox.scorefile import (
    Row,
    Summary,
    continued,
    read_rows,
    score_samples,
    still_to_score,
    write_row,
    write_rows,
)
from sandbox.scoring import Manner, Scorer, open_scorer
from sandbox.selftest import Range, SuiteError, escapes_directory, read_cases
from sandbox.show import harmless
from sandbox.tables import print_outcomes
from sandbox.values import CallTests, CheckTests, Limits, Program, ReferenceTests, Score, StdinTests, Verdict

PASSED, PROGRAM_FAULT, USAGE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def _say(message: str) -> None:
    click.echo(message, err=True)


def _stop(message: str, code: int) -> NoReturn:
    _say(f"sandbox: {message}")
    sys.exit(code)


def _limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each limit, with the one default that `Limits` has."""
    names = {"cpu_s": "--cpu", "wall_s": "--wall", "memory_mb": "--memory", "output_kb": "--output",
             "processes": "--processes", "disk_mb": "--disk", "files": "--files"}  # fmt: skip
    units = {"cpu_s": "S", "wall_s": "S", "memory_mb": "MB", "output_kb": "KB", "disk_mb": "MB"}
    for item in reversed(fields(Limits)):
        kind = float if isinstance(item.default, float) else int
        command = click.option(
            names[item.name], item.name, type=kind, default=item.default, show_default=True,
            metavar=units.get(item.name, "N"), help=f"Limit: {item.name.rpartition('_')[0] or item.name}.",
        )(command)  # fmt: skip
    return command


_python_option = click.option("--python", metavar="VERSION", help="The Python that programs run on, like 3.13.")


def _limits(options: dict[str, Any]) -> Limits:
    try:
        return Limits(**options)
    except ValueError as error:
        _stop(str(error), USAGE)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codebudget")
def cli() -> None:
    """Run untrusted programs in hardened Docker boxes.

    \b
      sandbox exec -c 'print(6 * 7)'
      sandbox exec program.py --tests tests.py --json
      sandbox score --problems humaneval --samples samples.jsonl --out scored.jsonl
    """  # noqa: D301  (click's mark for "leave the lines alone")
    # A terminated command must still remove its boxes.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))


@cli.command("exec")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("-c", "code", metavar="CODE", help="The program itself, instead of a file.")
@click.option("--stdin", "stdin", type=click.File("rb"), help="What the program reads from its standard input.")
@click.option("--tests", type=click.File("rb"), help="Python that runs after the program, in its namespace.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the program's output.")
@_python_option
@_limit_options
def exec_(
    file: Any, code: str | None, stdin: Any, tests: Any, as_json: bool, python: str | None, **limits: Any
) -> None:
    """Run one program (FILE, - for standard input, or -c CODE), show its output and how it ended."""
    if (file is None) == (code is None):
        _stop("give a FILE (or -), or -c CODE, and not both", USAGE)
    chosen = _limits(limits)
    try:
        source = code if code is not None else file.read().decode("utf-8-sig")
        program = Program(source=source, tests=tests.read().decode("utf-8") if tests else None)
    except UnicodeDecodeError as error:
        _stop(f"the program is not UTF-8: {error}", USAGE)
    try:
        with open_scorer(chosen, boxes=1, manner=Manner(python=python), say=_say) as scorer:
            scored = scorer.score(program, stdin.read() if stdin else b"")
    except SandboxError as error:
        _stop(str(error), OUR_FAULT)
    except ValueError as error:
        _stop(str(error), USAGE)
    if as_json:
        click.echo(json.dumps(_as_object(scored, chosen, program)))
    else:
        _show(scored, chosen, program)
    sys.exit(PASSED if scored.verdict is Verdict.PASSED else PROGRAM_FAULT)


def _as_object(scored: Score, limits: Limits, program: Program) -> dict[str, Any]:
    run = scored.run
    return {
        "verdict": scored.verdict,
        "explanation": judge.explain(scored, limits, program),
        "ending": run.ending,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "cpu_s": round(run.cpu_s, 6),
        "wall_s": round(run.wall_s, 6),
        "memory_mb": round(run.memory_mb, 2),
        "stdout": run.stdout.decode("utf-8", "replace"),
        "stderr": run.stderr.decode("utf-8", "replace"),
        "flags": sorted(scored.flags),
    }


def _show(scored: Score, limits: Limits, program: Program) -> None:
    run = scored.run
    for content, stream in ((run.stdout, sys.stdout), (run.stderr, sys.stderr)):
        if stream.isatty():
            stream.write(harmless(content))
        else:
            stream.buffer.write(content)
        stream.flush()
    flags = f" [{', '.join(sorted(scored.flags))}]" if scored.flags else ""
    used = f"{run.cpu_s:.3f} s CPU, {run.wall_s:.3f} s wall, {run.memory_mb:.0f} MB"
    _say(f"{scored.verdict}: {harmless(judge.explain(scored, limits, program))} · {used}{flags}")


@cli.command("score")
@click.option("--problems", required=True, metavar="NAME|FILE", help=f"{', '.join(BUILT_IN)}, or a JSON-lines file.")
@click.option("--samples", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="JSON lines with task_id and completion (or solution); .gz allowed.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Where results go, as JSON lines [default: standard output]. Continues a file begun before.")  # fmt: skip
@click.option("--tests", "wanted", type=click.Choice(list(Wanted)), default=Wanted.BOTH, show_default=True,
              help="Which tests to run. With both, the judge's give the verdict, the selection's stand beside it.")  # fmt: skip
@click.option("--fresh", is_flag=True, help="Answer each call from a fresh copy of the program: no call sees another.")
@click.option("--explain", is_flag=True, help="Say for each sample that did not pass why, with the first difference.")
@click.option("--boxes", type=click.IntRange(min=1), help="How many boxes [default: one per core].")
@_python_option
@_limit_options
def score(problems: str, samples: Path, out: Path | None, boxes: int | None, **options: Any) -> None:
    """Score a file of samples and print pass@k."""
    wanted, fresh, explain, python = (options.pop(name) for name in ("wanted", "fresh", "explain", "python"))
    chosen = _limits(options)
    summary = Summary()
    try:
        known = {problem.name: problem for problem in load_problems(problems)}
        asked = list(read_samples(samples, known, chosen, Wanted(wanted)))
        place: AbstractContextManager[tuple[TextIO, dict[int, Row]]]
        place = continued(out) if out else nullcontext((sys.stdout, {}))
        with place as (file, kept):
            todo = still_to_score(asked, kept, out) if out else asked
            for row in kept.values():
                summary.add(row)
            manner = Manner(fresh=fresh, python=python, kept=usual_directory())
            opened = open_scorer(chosen, boxes=boxes, manner=manner, say=_say)
            with opened as scorer, _progress("scoring", len(asked), len(kept)) as advance:
                for row in score_samples(todo, scorer):
                    write_row(row, file)
                    summary.add(row)
                    if explain:
                        _explain(row)
                    advance()
    except (ProblemsError, SamplesError, ValueError) as error:
        _stop(str(error), USAGE)
    except BrokenPipeError:
        raise  # whoever read our output has left: no error
    except (SandboxError, OSError) as error:
        kept_too = "; what was scored is kept, run the command again to continue" if summary.verdicts and out else ""
        _stop(f"{error}{kept_too}", OUR_FAULT)
    _report(summary, err=out is None)
    sys.exit(OUR_FAULT if summary.unscored else PASSED)


def _explain(row: Row) -> None:
    if row["verdict"] not in {None, Verdict.PASSED}:
        _say(f"{row['task_id']}, line {row['line']}: {row['verdict']}: {harmless(row['explanation'])}")


@cli.command("rejudge")
@click.option("--problems", required=True, metavar="NAME|FILE", help="What the samples were scored against.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Where the rows go [default: standard output].")  # fmt: skip
@click.option("--explain", is_flag=True, help="Say for each sample that does not pass why, with the first difference.")
def rejudge(problems: str, file: Path, out: Path | None, explain: bool) -> None:
    """Judge the rows of a scored FILE again, from the facts that they carry; no program runs.

    Prints how many verdicts changed, and which.
    """
    summary, changes = Summary(), Changes()
    try:
        known = {problem.name: problem for problem in load_problems(problems)}
        pairs = changes.counted(rejudged(read_rows(file), known, References(usual_directory())))
        write_rows(_passed_on(pairs, summary, _explain if explain else None), out)
    except (ProblemsError, SamplesError, ReferenceFailed) as error:
        _stop(str(error), USAGE)
    _report(summary, err=out is None)
    moved = ", ".join(f"{number} from {old} to {new}" for (old, new), number in changes.moved.most_common())
    _say(f"judge {judge.JUDGE_VERSION}: {changes.moved.total()} verdicts changed{': ' if moved else ''}{moved}")
    if changes.without_facts:
        _say(f"{changes.without_facts} rows carry no facts and stay as they were; score them again")


def _passed_on(rows: Iterable[Row], summary: Summary, explain: Callable[[Row], None] | None) -> Iterator[Row]:
    for row in rows:
        summary.add(row)
        if explain is not None:
            explain(row)
        yield row


class _progress:  # noqa: N801  (used as a function)
    """A bar on standard error; plain silence where that is no terminal."""

    def __init__(self, what: str, total: int, done: int) -> None:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
        self._row = self._bar.add_task("", total=total, completed=done)

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        return lambda: self._bar.advance(self._row)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _report(summary: Summary, *, err: bool) -> None:
    counted = ", ".join(f"{number} {verdict}" for verdict, number in summary.verdicts.most_common())
    click.echo(f"{sum(summary.verdicts.values())} samples of {summary.problems} problems: {counted or 'none'}", err=err)
    for k, rate in summary.pass_at().items():
        click.echo(f"pass@{k} {100 * rate:.1f}", err=err)
    if summary.selected:
        right = f"{summary.selected_right} of them ({100 * summary.selected_right / summary.selected:.1f} %) the judge tests"
        click.echo(f"{summary.selected} samples pass the selection tests, {right}", err=err)
    if summary.unscored:
        _say(f"sandbox: {summary.unscored} samples could not be scored (not their fault); run the command again")


@cli.command("problems")
@click.argument("source", metavar="NAME|FILE")
@click.option("--check", is_flag=True, help="Run every canonical solution and name those that do not pass.")
@click.option("--boxes", type=click.IntRange(min=1), help="How many boxes [default: one per core].")
@_python_option
@_limit_options
def problems_(source: str, check: bool, boxes: int | None, python: str | None, **limits: Any) -> None:
    """List the problems of a set, and how each is tested.

    "data": calls, and answers compared here. "stdin": whole programs, and what they print compared here. "code": the tests run
    in a grader box over the answers. "in_process": they have to stand beside the program.
    """
    chosen = _limits(limits)
    try:
        found = load_problems(source)
        if not check:
            for problem in found:
                click.echo(f"{problem.name}\t{problem.entry_point}\t{_kind(problem)}")
            kinds = Counter(map(_kind, found))
            counted = ", ".join(f"{number} tested by {kind}" for kind, number in kinds.most_common())
            click.echo(f"{len(found)} problems: {counted}")
            return
        with open_scorer(chosen, boxes=boxes, manner=Manner(python=python, kept=usual_directory()), say=_say) as scorer:
            failed = _check_canonical(found, scorer)
    except ProblemsError as error:
        _stop(str(error), USAGE)
    except SandboxError as error:
        _stop(str(error), OUR_FAULT)
    sys.exit(PROGRAM_FAULT if failed else PASSED)


def _kind(problem: Problem) -> str:
    match problem.checked_by:
        case CallTests() | ReferenceTests():
            return "data"
        case StdinTests():
            return "stdin"
        case CheckTests():
            return "code"
        case str():
            return "in_process"


def _check_canonical(problems: list[Problem], scorer: Scorer) -> int:
    """How many canonical solutions do not pass; each is named with the reason."""
    solved = [(p, p.complete(p.canonical_solution)) for p in problems if p.canonical_solution is not None]
    running = [(problem, program, scorer.submit(program)) for problem, program in solved]
    failed = 0
    for problem, program, future in running:
        try:
            scored = future.result()
        except ReferenceFailed as error:
            failed += 1
            click.echo(f"{problem.name}\tnot scored\t{harmless(str(error))}")
            continue
        if scored.verdict is not Verdict.PASSED:
            failed += 1
            reason = harmless(judge.explain(scored, scorer.limits, program))
            click.echo(f"{problem.name}\t{scored.verdict}\t{reason}")
    without = f" ({len(problems) - len(solved)} problems have none)" if len(solved) < len(problems) else ""
    click.echo(f"{len(solved)} canonical solutions: {len(solved) - failed} passed{without}")
    return failed


@cli.command()
@click.option("--group", "groups", multiple=True, metavar="LETTER", help="One group of attacks; may be repeated.")
@click.option("--runtime", metavar="NAME", help="The container runtime to test, like runsc.")
@_python_option
def selftest(groups: tuple[str, ...], runtime: str | None, python: str | None) -> None:
    """Run the attack suite on this machine and show what holds."""
    try:
        cases = read_cases(escapes_directory(), groups)
        with closing(Engine()) as engine:
            tag = image.ensure_image(engine, python=python, say=_say)
            with closing(Range(engine, tag, runtime)) as boxes, _progress("testing", len(cases), 0) as advance:
                outcomes = [(boxes.run(case), advance())[0] for case in cases]
    except SuiteError as error:
        _stop(str(error), USAGE)
    except SandboxError as error:
        _stop(str(error), OUR_FAULT)
    print_outcomes(outcomes, Console())
    sys.exit(PROGRAM_FAULT if any(outcome.broken for outcome in outcomes) else PASSED)


@cli.command()
@click.option("--base", metavar="IMAGE", help="Build on this image instead of the usual base.")
@click.option("--force", is_flag=True, help="Build even if the present image fits.")
@_python_option
def build(base: str | None, force: bool, python: str | None) -> None:
    """Build the box image (does nothing if it is there and fits)."""
    try:
        with closing(Engine()) as engine:
            wanted = image.build_image(engine, base=base, python=python, say=_say) if base or force else None
            tag = wanted or image.ensure_image(engine, python=python, say=_say)
    except SandboxError as error:
        _stop(str(error), OUR_FAULT)
    click.echo(tag)


@cli.command()
@click.option("--images", is_flag=True, help="Remove the box images, too.")
def clean(images: bool) -> None:
    """Remove every box of ours from the engine, running ones included."""
    try:
        with closing(Engine()) as engine:
            click.echo(f"{pool.remove_all(engine)} boxes removed")
            if images:
                click.echo(f"{len(image.remove_images(engine))} images removed")
    except SandboxError as error:
        _stop(str(error), OUR_FAULT)


def main() -> None:
    """The console script: whatever goes wrong is one line and an exit code."""
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        _stop(error.format_message(), USAGE)
    except (click.Abort, KeyboardInterrupt):
        _stop("interrupted; what was scored is kept, no box is left", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush at exit
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        _stop(str(error), OUR_FAULT)
