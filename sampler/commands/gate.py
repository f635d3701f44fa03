"""`sampler gate`: whether models got worse, as an exit code."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from sampler.cli_errors import error_boundary
from sampler.cli_main import allow_closed_pipe
from sampler.commands.common import FILE, STORE, Amount, json_option, study_option, unit_option
from sampler.exit_codes import Exit
from sampler.gating.gate import (
    Decision,
    GateError,
    Mode,
    NotComplete,
    Rule,
    Unlike,
    Wanted,
    decide,
    pairs,
    usual_budgets,
)
from sampler.gating.render import cases, decision_json, print_decision, verdict_line
from sampler.reporting.inputs import read_budgets, read_facts
from sampler.reporting.render import Page
from sampler.reporting.report import Facts
from sampler.running.ci import Places, tell_ci
from sampler.stats.budget import Unit


@click.command()
@click.argument("store", type=STORE)
@click.option("--baseline", metavar="STORE|ID", help="What it was before: another store, or a study of this one.")
@click.option(
    "--at",
    "budgets",
    type=Amount(),
    multiple=True,
    metavar="BUDGET",
    help="May be repeated. Default: the study's budgets, or those of its report.",
)
@click.option(
    "--max-drop",
    type=float,
    default=Rule().max_drop,
    show_default=True,
    help="Drop that is allowed, as a share of problems.",
)
@click.option("--alpha", type=float, default=Rule().alpha, show_default=True, help="Significance level of the tests.")
@click.option("--min", "least", type=float, metavar="RATE", help="Minimum of the share solved, tested as --mode says.")
@click.option(
    "--margin",
    type=float,
    default=Rule().margin,
    show_default=True,
    help="How far below --min is allowed, as a share of problems.",
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.SIGNIFICANT.value,
    show_default=True,
    help="Fail what is shown to be worse, or what is not shown to be as good.",
)
@click.option(
    "--model", "models", multiple=True, help="Only this model; may be repeated. Default: all of the baseline."
)
@unit_option
@study_option
@json_option
@click.option("--junit", "junit_file", type=FILE, help="Write the comparisons as test cases, too.")
@click.option("--github-summary", type=FILE, envvar="GITHUB_STEP_SUMMARY", help="Append a table to this file.")
@click.option("--annotate/--no-annotate", envvar="GITHUB_ACTIONS", default=False, help="Say failures as GitHub has it.")
@click.pass_obj
def gate(traceback: bool, /, **options: Any) -> None:
    """Compare a STORE with its baseline at equal budget; exit code 1 where a model got worse.

    Both studies have to be complete, and of the same problems. Differences are paired by problem. Two things are tested
    at the level --alpha: the drop from --baseline against --max-drop, and the rate against --min less --margin. The
    mode significant fails a model that is shown to be worse than allowed. The mode non-inferior fails one that is not
    shown to be as good, and says how many problems would be enough.

    \b
    sampler gate new.db --baseline old.db --at 1e12 --max-drop 0.02
    sampler gate new.db --mode non-inferior --min 0.35 --margin 0.02
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        unit = Unit(options["unit"])
        try:
            decision = _decided(options, unit)
        except Unlike as error:
            _stop(error, Exit.STORE)
        except NotComplete as error:
            _stop(error, Exit.INCOMPLETE)
        except (GateError, ValueError) as error:
            _stop(error, Exit.USAGE)
        places = Places(junit=options["junit_file"], summary=options["github_summary"], annotate=options["annotate"])
        with allow_closed_pipe(sys.stdout):
            if options["as_json"]:
                click.echo(decision_json(decision, unit))
            else:
                print_decision(decision, unit, Page(file=sys.stdout))
        tell_ci(places, verdict_line(decision, unit), cases(decision, unit), partial(click.echo, err=True))
        sys.exit(Exit.OK if decision.passed else Exit.GATE)
    sys.exit(failed[0])


def _stop(error: Exception, code: Exit) -> NoReturn:
    click.echo(f"sampler: {error}", err=True)
    sys.exit(code)


def _decided(options: dict[str, Any], unit: Unit) -> Decision:
    rule = Rule(
        mode=Mode(options["mode"]),
        max_drop=options["max_drop"],
        alpha=options["alpha"],
        least=options["least"],
        margin=options["margin"],
    )
    baseline, store = options["baseline"], options["store"]
    if baseline is None and rule.least is None:
        raise GateError("there is nothing to compare it with: give --baseline, or --min, or both")
    after = read_facts(store, options["study"])
    before = None if baseline is None else _baseline(baseline, store, after)
    wanted = Wanted(budgets=options["budgets"], unit=unit, models=options["models"])
    if not wanted.budgets:
        given = read_budgets(store, options["study"], unit)
        wanted = replace(wanted, budgets=usual_budgets(after, before, wanted, given))
    return decide(pairs(after, before, wanted), rule)


def _baseline(said: str, store: Path, after: Facts) -> Facts:
    """Return another store's newest study, or a study of this store by its name or id."""
    if Path(said).is_file() or Path(said).suffix == ".db":
        return read_facts(Path(said))
    before = read_facts(store, said)
    if before.study.id == after.study.id:
        raise GateError(f"{said!r} is what is to be compared, and no baseline of itself; name another study or store")
    return before
