"""`sampler gate`: whether models got worse, as an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sampler.cli_errors import error_boundary
from sampler.commands.common import (
    FILE,
    STORE,
    Amount,
    amounts,
    counted_in,
    json_option,
    print_result,
    study_option,
    unit_option,
)
from sampler.exit_codes import Exit
from sampler.gating import (
    Checked,
    Decision,
    DifferentProblems,
    Drop,
    GateError,
    GateRequest,
    IncompleteStudy,
    Minimum,
    Mode,
    Rule,
    Side,
    decide,
    pairs,
    usual_budgets,
)
from sampler.plotting import format_interval
from sampler.reporting.inputs import read_budgets, read_facts
from sampler.reporting.render import amount, collapse
from sampler.reporting.report import StudyFacts
from sampler.running.ci import CiCase, CiOutcome, Places, tell_ci
from sampler.stats.budget import Unit
from sampler.stats.differences import POWER

JSON_SCHEMA = 2
SHOWN = 5  # names of problems
_SAME = "the baseline is a copy of this study: before and after are the same samples"


def verdict_line(decision: Decision, unit: Unit) -> str:
    """Return the verdict in one line, which says the same as the exit code."""
    failed = [one for one in decision.checked if not one.passed]
    if not failed:
        return f"gate: PASS ({_counted(decision)})"
    why = "; ".join(f"{_titled(one, unit)}: {', '.join(one.against)}" for one in failed)
    return f"gate: FAIL ({len(failed)} of {_counted(decision)}): {why}"


def _counted(decision: Decision) -> str:
    count = len(decision.checked)
    return f"{count} comparison{'s' if count != 1 else ''}, {decision.rule.mode}, alpha {decision.rule.alpha:g}"


def _titled(one: Checked, unit: Unit) -> str:
    return f"{collapse(one.pair.model)} at {amount(one.pair.budget, unit)}"


def print_decision(decision: Decision, unit: Unit, console: Console) -> None:
    """Print each comparison with its numbers, and in the last line the verdict."""
    for one in decision.checked:
        console.print(Text(f"{'pass' if one.passed else 'FAIL'}  {_titled(one, unit)}"))
        for line in _lines(one, decision.rule):
            console.print(Padding(Text(line), (0, 0, 0, 6)))
    console.print(Text(verdict_line(decision, unit), style="bold"), soft_wrap=True)


def _lines(one: Checked, rule: Rule) -> Iterator[str]:
    count = len(one.pair.problems)
    if one.pair.before is None or one.drop is None:
        yield f"solves {_side(one.pair.after)} of {count} problems"
    else:
        yield f"solves {_side(one.pair.after)}, before {_side(one.pair.before)}, of {count} problems"
        yield from _drop_lines(one.drop, rule) if not one.pair.same else [_SAME]
    if one.minimum is not None:
        claim = "less" if rule.mode is Mode.SIGNIFICANT else "more"
        yield f"minimum {one.minimum.floor:.1%}; that it solves {claim}: {_p(one.minimum)}"
    yield from one.against


def _drop_lines(drop: Drop, rule: Rule) -> Iterator[str]:
    claim = "more" if rule.mode is Mode.SIGNIFICANT else "less"
    yield f"drop {100 * drop.mean:+.1f} {format_interval(drop.interval.low, drop.interval.high)} points"
    yield f"that it is {claim} than {100 * rule.max_drop:.1f} points: {_p(drop)}"
    yield _power(drop, rule.mode)
    yield f"no longer solved: {_names(drop.broken)}; newly solved: {_names(drop.fixed)}"


def _side(side: Side) -> str:
    return f"{side.rate:.1%} (k={side.k})"


def _p(test: Drop | Minimum) -> str:
    return f"p = {test.p:.2g}" + (f", corrected (Holm) {test.corrected:.2g}" if test.corrected != test.p else "")


def _power(drop: Drop, mode: Mode) -> str:
    if mode is Mode.NON_INFERIOR:
        return f"with no true drop, {drop.needed} problems like these would pass in {POWER:.0%} of all gates"
    if drop.detectable is None:
        return "no problem differs, so the smallest drop that these problems would show is unknown"
    return f"these problems would show a true drop of {100 * drop.detectable:.1f} points in {POWER:.0%} of all gates"


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} ({', '.join(map(collapse, names[:SHOWN]))}{more})"


def decision_json(decision: Decision, unit: Unit) -> str:
    """Return the decision as JSON with sorted keys."""
    told: dict[str, Any] = {
        "schema": JSON_SCHEMA,
        "passed": decision.passed,
        "verdict": verdict_line(decision, unit),
        "mode": decision.rule.mode,
        "max_drop": decision.rule.max_drop,
        "alpha": decision.rule.alpha,
        "least": decision.rule.least,
        "margin": decision.rule.margin,
        "unit": unit,
        "comparisons": [_plain(one) for one in decision.checked],
    }
    return json.dumps(told, sort_keys=True, indent=2)


def _plain(one: Checked) -> dict[str, Any]:
    drop, before = one.drop, one.pair.before
    told: dict[str, Any] = {
        "model": one.pair.model,
        "budget": one.pair.budget,
        "problems": len(one.pair.problems),
        "after": {"k": one.pair.after.k, "rate": one.pair.after.rate},
        "before": before and {"k": before.k, "rate": before.rate},
        "same": one.pair.same,
        "passed": one.passed,
        "against": list(one.against),
    }
    if one.minimum is not None:
        told["minimum"] = {
            "floor": one.minimum.floor,
            "p": one.minimum.p,
            "p_corrected": one.minimum.corrected,
            "needed": one.minimum.needed,
        }
    if drop is not None:
        told |= {
            "drop": drop.mean,
            "interval": [drop.interval.low, drop.interval.high],
            "p": drop.p,
            "p_corrected": drop.corrected,
            "detectable": drop.detectable,
            "needed": drop.needed,
            "broken": list(drop.broken),
            "fixed": list(drop.fixed),
        }
    return told


def cases(decision: Decision, unit: Unit) -> list[CiCase]:
    """Return a case for each comparison."""
    return [
        CiCase(
            suite=one.pair.model,
            name=f"gate: pass@{amount(one.pair.budget, unit)}",
            outcome=CiOutcome.PASSED if one.passed else CiOutcome.FAILED,
            message=", ".join(one.against) or " · ".join(_lines(one, decision.rule)),
            properties={"budget": f"{one.pair.budget:g} {unit}", "pass@budget": f"{one.pair.after.rate:.6f}"},
        )
        for one in decision.checked
    ]


@click.command()
@click.argument("store", type=STORE)
@click.option(
    "--baseline", metavar="STORE|ID", help="The results from before: another store, or another study of this one."
)
@click.option(
    "--at",
    "budgets",
    type=Amount(),
    multiple=True,
    metavar="BUDGET",
    help="A budget for each problem, such as 1e12, 1TFLOP, 30s or $0.02; may be repeated. Default: the "
    "study's budgets, or those of its report.",
)
@click.option(
    "--max-drop",
    type=float,
    default=Rule().max_drop,
    show_default=True,
    help="How far a model may drop below the baseline, as a share of problems.",
)
@click.option("--alpha", type=float, default=Rule().alpha, show_default=True, help="Significance level of the tests.")
@click.option(
    "--min",
    "least",
    type=float,
    metavar="RATE",
    help="The smallest share of problems that a model must solve, tested as --mode says.",
)
@click.option(
    "--margin",
    type=float,
    default=Rule().margin,
    show_default=True,
    help="How far below --min a model may be, as a share of problems.",
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.SIGNIFICANT.value,
    show_default=True,
    help="Fail what is shown to be worse, or what is not shown to be as good.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    help="Check only this model; may be repeated. Default: all models of the baseline.",
)
@unit_option
@study_option
@json_option
@click.option("--junit", "junit_file", type=FILE, help="Write the comparisons as JUnit test cases.")
@click.option(
    "--github-summary",
    type=FILE,
    envvar="GITHUB_STEP_SUMMARY",
    help="Append a table of the comparisons to this Markdown file.",
)
@click.option(
    "--annotate/--no-annotate",
    envvar="GITHUB_ACTIONS",
    default=False,
    help="Print failures as annotations of GitHub Actions.",
)
@click.pass_obj
def gate(traceback: bool, /, **options: Any) -> None:
    """Check that no model of a STORE is worse than before.

    Models are compared with --baseline, with --min, or with both, at equal budget. The exit code is 1 if one fails.
    Both studies have to be complete, and of the same problems. Differences are paired by problem. Two things are tested
    at the level --alpha: the drop from --baseline against --max-drop, and the rate against --min less --margin. The
    mode significant fails a model that is shown to be worse than allowed. The mode non-inferior fails one that is not
    shown to be as good, and says how many problems would be enough.

    \b
    sampler gate new.db --baseline old.db --at 1TFLOP --max-drop 0.02
    sampler gate new.db --mode non-inferior --min 0.35 --margin 0.02
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        unit = counted_in(options["unit"], options["budgets"], "--at")
        options["budgets"] = amounts(options["budgets"])
        try:
            decision = _decided(options, unit)
        except DifferentProblems as error:
            _stop(error, Exit.STORE)
        except IncompleteStudy as error:
            _stop(error, Exit.INCOMPLETE)
        except (GateError, ValueError) as error:
            _stop(error, Exit.USAGE)
        places = Places(junit=options["junit_file"], summary=options["github_summary"], annotate=options["annotate"])
        print_result(
            decision,
            as_json=options["as_json"],
            json=lambda made: decision_json(made, unit),
            text=lambda made, console: print_decision(made, unit, console),
        )
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
    wanted = GateRequest(budgets=options["budgets"], unit=unit, models=options["models"])
    if not wanted.budgets:
        given = read_budgets(store, options["study"], unit)
        wanted = replace(wanted, budgets=usual_budgets(after, before, wanted, given))
    return decide(pairs(after, before, wanted), rule)


def _baseline(said: str, store: Path, after: StudyFacts) -> StudyFacts:
    """Return another store's newest study, or a study of this store by its name or id."""
    if Path(said).is_file() or Path(said).suffix == ".db":
        return read_facts(Path(said))
    before = read_facts(store, said)
    if before.study.id == after.study.id:
        raise GateError(f"{said!r} is what is to be compared, and no baseline of itself; name another study or store")
    return before
