"""`sandbox score` and `sandbox rejudge`: files of samples."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click

from sandbox.cluster.pool import PoolPlace, open_anywhere
from sandbox.commands.command_line import OUR_FAULT, PASSED, USAGE, inside_a_folder, say, stop
from sandbox.commands.problem_options import ProblemReader, assume_option, filter_options, problem_options, say_left_out
from sandbox.commands.scoring_options import cluster_options, limit_options, limits_of, scoring_options
from sandbox.console import progress
from sandbox.errors import SandboxError
from sandbox.extraction import TEXT_KINDS
from sandbox.judging import judge
from sandbox.languages import named
from sandbox.problems import ChosenTests, ProblemsError
from sandbox.sanitize import first_few, one_line, sanitize
from sandbox.scoring.references import ReferenceFailed, References, usual_directory
from sandbox.scoring.samples import ReadOptions, SamplesError, read_samples
from sandbox.scoring.scorefile import (
    Changes,
    Row,
    Summary,
    continued,
    read_rows,
    rejudged,
    score_samples,
    still_to_score,
    write_row,
    write_rows,
)
from sandbox.values import PYTHON, Verdict


def _ks(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, ...]:
    """Parse whole numbers above 0, separated by commas."""
    words = [word.strip() for word in text.split(",")] if text else []
    if not all(word.isascii() and word.isdecimal() and 0 < int(word) < 10**9 for word in words):
        raise click.BadParameter(f"{text!r} is no list of whole numbers above 0, such as 1,5,10")
    return tuple(sorted({int(word) for word in words}))


k_option = click.option("--k", "ks", callback=_ks, metavar="N,…", help="Which pass@k to print [default: 1,10,100 …].")


@click.command("score")
@click.option(
    "--problems",
    required=True,
    metavar="NAME|FILE",
    help="A name that `sandbox problems --list` shows, hf:ORG/NAME@REVISION, or a file or folder of problems.",
)
@click.option(
    "--samples",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="JSON lines with task_id and completion (or solution); .gz allowed.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    callback=inside_a_folder,
    help="Where results go, as JSON lines [default: standard output]. Continues a file begun before.",
)
@click.option(
    "--as",
    "given",
    type=click.Choice(TEXT_KINDS),
    help="What a text is: a chat's answer, in which code is looked for; a completion of the prompt or a solution "
    "that stands alone, as they are; a raw completion, to be cut [default: as its field is called].",
)
@click.option(
    "--tests",
    "wanted",
    type=click.Choice([kind.value for kind in ChosenTests]),
    default=ChosenTests.BOTH.value,
    show_default=True,
    help="Which tests to run. With both, the judge's give the verdict.",
)
@click.option(
    "--fresh", is_flag=True, help="Run each call of a test in a process of its own, so that no call sees another."
)
@click.option("--explain", is_flag=True, help="Say for each sample that did not pass why, with the first difference.")
@k_option
@click.option("--boxes", type=click.IntRange(min=1), help="How many boxes [default: one per core].")
@problem_options
@filter_options
@assume_option
@cluster_options
@click.option(
    "--language", metavar="NAME", help="The language of the samples, where problems are about whole programs."
)
@scoring_options
@limit_options
def score(
    problems: str,
    samples: Path,
    out: Path | None,
    boxes: int | None,
    cluster: str | None,
    registry: str | None,
    reader: ProblemReader,
    ks: tuple[int, ...],
    **options: Any,
) -> None:
    """Score a file of samples and print pass@k."""
    given, wanted, fresh, explain, scoring, language = (
        options.pop(name) for name in ("given", "wanted", "fresh", "explain", "scoring", "language")
    )
    left_out: list[str] = []
    scoring = replace(scoring, fresh=fresh, kept=usual_directory())
    chosen = limits_of(options)
    summary = Summary()
    try:
        held = reader.file(problems)
        known = {problem.name: problem for problem in held.problems}
        how = ReadOptions(
            tested=scoring.text,
            given=given,
            skip_bad=reader.skip_bad,
            left_out=left_out.append,
            untested=held.untested,
            language=named(language or PYTHON),
        )
        asked = list(read_samples(samples, known, chosen, ChosenTests(wanted), how))
        say_left_out(left_out, "sample")
        place: AbstractContextManager[tuple[TextIO, dict[int, Row]]]
        place = continued(out) if out else nullcontext((sys.stdout, {}))
        with place as (file, kept):
            todo = still_to_score(asked, kept, out) if out else asked
            for row in kept.values():
                summary.add(row)
            languages = tuple(sorted({sample.program.language for sample in todo}))
            opened = open_anywhere(PoolPlace(cluster, boxes, registry, languages), chosen, scoring, say)
            with opened as scorer, progress("scoring", len(asked), len(kept)) as advance:
                for row in score_samples(todo, scorer):
                    write_row(row, file)
                    summary.add(row)
                    if explain:
                        _explain(row)
                    advance()
    except (ProblemsError, SamplesError, ValueError) as error:
        stop(str(error), USAGE)
    except BrokenPipeError:
        raise  # the reader of our output has closed it: no error
    except (SandboxError, OSError) as error:
        kept_too = "; what was scored is kept, run the command again to continue" if summary.verdicts and out else ""
        stop(f"{error}{kept_too}", OUR_FAULT)
    _report(summary, list(known), ks, err=out is None)
    sys.exit(OUR_FAULT if summary.unscored else PASSED)


def _explain(row: Row) -> None:
    if row["verdict"] not in {None, Verdict.PASSED}:
        program = f" (extraction: {row['extraction']})" if row.get("extraction") else ""
        where = f"{one_line(row['task_id'])}, line {row['line']}"
        say(f"{where}: {row['verdict']}: {sanitize(row.get('explanation', '') + program)}")


@click.command("rejudge")
@click.option("--problems", required=True, metavar="NAME|FILE", help="What the samples were scored against.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    callback=inside_a_folder,
    help="Where the rows go [default: standard output].",
)
@click.option("--explain", is_flag=True, help="Say for each sample that does not pass why, with the first difference.")
@k_option
@problem_options
@filter_options
def rejudge(
    problems: str, file: Path, out: Path | None, explain: bool, reader: ProblemReader, ks: tuple[int, ...]
) -> None:
    """Judge a scored FILE again; no program runs.

    The verdicts are made anew from the facts that each row carries. Prints how many changed, and which.
    """
    summary, changes = Summary(), Changes()
    try:
        known = {problem.name: problem for problem in reader.problems(problems)}
        anew = changes.counted(rejudged(read_rows(file), known, References(usual_directory())))
        write_rows(_passed_on(anew, summary, _explain if explain else None), out)
    except (ProblemsError, SamplesError, ReferenceFailed) as error:
        stop(str(error), USAGE)
    _report(summary, list(known), ks, err=out is None)
    moved = ", ".join(f"{number} from {old} to {new}" for (old, new), number in changes.moved.most_common())
    say(f"judge {judge.JUDGE_VERSION}: {changes.moved.total()} verdicts changed{': ' if moved else ''}{moved}")
    if changes.without_facts:
        say(f"{changes.without_facts} rows carry no facts and stay as they were; score them again")
    for told in first_few(changes.unreadable):
        say(f"stays as it was, score it again: {told}")


def _passed_on(rows: Iterable[Row], summary: Summary, explain: Callable[[Row], None] | None) -> Iterator[Row]:
    for row in rows:
        summary.add(row)
        if explain is not None:
            explain(row)
        yield row


def _report(summary: Summary, known: Sequence[str], ks: tuple[int, ...], *, err: bool) -> None:
    by_number = sorted(summary.verdicts.items(), key=lambda item: (-item[1], item[0]))
    counted = ", ".join(f"{number} {verdict}" for verdict, number in by_number)
    samples, problems = sum(summary.verdicts.values()), summary.problems
    scored = f"{samples} sample{'s' * (samples != 1)} of {problems} problem{'s' * (problems != 1)}"
    click.echo(f"{scored}: {counted or 'none'}", err=err)
    for k, rate in summary.pass_at(ks).items():
        click.echo(f"pass@{k} {100 * rate:.1f}", err=err)
    for line in _beside(summary, known, ks):
        click.echo(line, err=err)
    if summary.selected:
        right = (
            f"{summary.selected_right} of them ({100 * summary.selected_right / summary.selected:.1f} %) the judge "
            "tests"
        )
        passing = "1 sample passes" if summary.selected == 1 else f"{summary.selected} samples pass"
        click.echo(f"{passing} the selection tests, {right}", err=err)
    if summary.unscored:
        say(f"sandbox: {summary.unscored} samples could not be scored (not their fault); run the command again")


def _beside(summary: Summary, problems: Sequence[str], ks: tuple[int, ...]) -> Iterator[str]:
    """Print what pass@k does not show by itself.

    These are problems without a sample, unequal numbers of samples, and each k that is too large.
    """
    if not summary.problems:
        return
    missing = summary.without_sample(problems)
    if missing:
        some = ", ".join(map(one_line, missing[:5])) + (" …" if len(missing) > 5 else "")
        yield f"{len(missing)} of {len(problems)} problems have no sample and do not count: {some}"
    if summary.fewest < summary.most:
        yield f"problems have between {summary.fewest} and {summary.most} samples"
    if too_large := [k for k in ks if k > summary.fewest]:
        yield f"no pass@k for k = {', '.join(map(str, too_large))}: a problem has {summary.fewest} samples"
