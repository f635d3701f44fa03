"""`sandbox problems`: list a set of problems, and check its own solutions."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

from sandbox.boxes.image import ImageSpec
from sandbox.commands.command_line import OUR_FAULT, PASSED, PROGRAM_FAULT, USAGE, say, stop
from sandbox.commands.problem_options import ProblemReader, assume_option, filter_options, problem_options
from sandbox.commands.scoring_options import chosen_limits, image_spec_options, limit_options, limits_of
from sandbox.errors import SandboxError
from sandbox.judging.explaining import explain
from sandbox.problems import CATALOGUE, Problem, ProblemsError
from sandbox.problems.problem_formats import REGISTRY as FORMATS
from sandbox.sanitize import one_line
from sandbox.scoring.references import ReferenceFailed, usual_directory
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import (
    CallTests,
    CheckTests,
    Flag,
    InteractiveTests,
    LanguageTests,
    ReferenceTests,
    StdinTests,
    Verdict,
)


@click.command("problems")
@click.argument("source", metavar="NAME|FILE", required=False)
@click.option("--list", "listed", is_flag=True, help="List the data sets that have a name, with what each asks for.")
@click.option("--check", is_flag=True, help="Run every canonical solution and name those that do not pass.")
@click.option(
    "--write-failing",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --check: write the names of those that do not pass into a file, with the reasons, for --leave-out.",
)
@click.option("--boxes", type=click.IntRange(min=1), help="How many boxes [default: one per core].")
@problem_options
@filter_options
@assume_option
@image_spec_options
@limit_options
def problems_(
    source: str | None,
    check: bool,
    write_failing: Path | None,
    boxes: int | None,
    reader: ProblemReader,
    image_spec: ImageSpec,
    **limits: Any,
) -> None:
    """List the problems of a set, and how each is tested.

    With --list it lists the sets that have a name.

    A problem is tested in one of five ways. "data": calls, whose answers are compared on the host. "stdin": whole
    programs, whose output is compared on the host or by a checker. "interactive": whole programs that talk with an
    interactor. "code": the tests run in a grader box over the answers. "in_process": the tests run in the program's own
    process. Then come the rule for printed output, and what programs may assume: imports, a recursion limit, integers
    of any length, times instead of the usual ones.
    """
    listed = limits.pop("listed")
    if listed or source is None:
        if not listed or source is not None:
            raise click.UsageError("give a set of problems, or --list")
        _list_sets()
        return
    if write_failing is not None and not check:
        raise click.UsageError("--write-failing writes what --check finds; give both")
    chosen = limits_of(limits)
    try:
        found = reader.problems(source)
        if not check:
            for problem in found:
                cells = (one_line(problem.name), one_line(problem.entry_point), _kind(problem), _rules_text(problem))
                click.echo("\t".join(cells).rstrip("\t"))
            kinds = Counter(map(_kind, found))
            counted = ", ".join(f"{number} tested by {kind}" for kind, number in kinds.most_common())
            click.echo(f"{len(found)} problems: {counted}")
            return
        scoring = ScoringOptions(image_spec=image_spec, kept=usual_directory(), chosen=chosen_limits())
        with open_scorer(chosen, boxes=boxes, options=scoring, say=say) as scorer:
            failed = _check_canonical(found, scorer)
        if write_failing is not None:
            _write_failing(write_failing, failed)
    except ProblemsError as error:
        stop(str(error), USAGE)
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    sys.exit(PROGRAM_FAULT if failed else PASSED)


def _write_failing(path: Path, failed: list[tuple[str, str, str]]) -> None:
    try:
        path.write_text("".join("\t".join(one) + "\n" for one in failed), encoding="utf-8")
    except OSError as error:
        stop(f"cannot write {path}: {error.strerror or error}", OUR_FAULT)


def _list_sets() -> None:
    """Print a line of fields for each data set of the catalogue, with tabs between them."""
    for one in CATALOGUE.values():
        cells = (one.name, one.origin, one.licence, f"{one.problems} problems", one.tests, one.limits)
        profile = f"profile {one.profile}" if one.profile else "no packages"
        click.echo("\t".join((*cells, profile, one.prompt, one.about, one.checked)).rstrip("\t"))
    for name, plugin in FORMATS.plugins.items():
        if not plugin.built_in and (value := FORMATS.values().get(name)) and value.rows:
            click.echo(f"{name}\tof the package {plugin.package} {plugin.version}")


def _rules_text(problem: Problem) -> str:
    """Return the rule for printed output, if it is used, and what programs may assume."""
    tests = problem.checked_by
    rule = f"output rule {tests.rule.name}" if isinstance(tests, StdinTests) and not tests.by_points else ""
    return ", ".join(filter(None, (rule, problem.assumptions.text)))


def _kind(problem: Problem) -> str:
    match problem.checked_by:
        case CallTests() | ReferenceTests():
            return "data"
        case InteractiveTests():
            return "interactive"
        case StdinTests():
            return "stdin"
        case LanguageTests(pairs=pairs):
            return "data" if pairs else "in_process"
        case CheckTests():
            return "code"
        case str():
            return "in_process"


def _check_canonical(problems: list[Problem], scorer: Scorer) -> list[tuple[str, str, str]]:
    """Print each canonical solution that does not pass; return their names, verdicts and reasons."""
    solved = [(p, p.complete(p.canonical_solution)) for p in problems if p.canonical_solution is not None]
    running = [(problem, program, scorer.submit(program)) for problem, program in solved]
    failed: list[tuple[str, str, str]] = []

    def fails(problem: Problem, verdict: str, reason: str) -> None:
        failed.append((one_line(problem.name), verdict, one_line(reason)))
        click.echo("\t".join(failed[-1]))

    for problem, program, future in running:
        try:
            scored = future.result()
        except ReferenceFailed as error:
            fails(problem, "not scored", str(error))
            continue
        if scored.verdict is not Verdict.PASSED:
            fails(problem, scored.verdict, explain(scored, scorer.limits_for(program.assumptions), program))
        elif Flag.IN_PROCESS in scored.flags and isinstance(problem.checked_by, CheckTests):
            click.echo(
                f"{one_line(problem.name)}\tin_process\tits tests pass only beside the program, not over its answers"
            )
    untried = sum(one.canonical_solution is None and isinstance(one.checked_by, CheckTests) for one in problems)
    if untried:
        click.echo(
            f"{untried} tested by code without a canonical solution: nothing shows that these tests work over answers"
        )
    without = f" ({len(problems) - len(solved)} problems have none)" if len(solved) < len(problems) else ""
    click.echo(f"{len(solved)} canonical solutions: {len(solved) - len(failed)} passed{without}")
    return failed
