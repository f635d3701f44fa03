"""Render a gate's decision as text, as JSON, and as cases for continuous integration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sampler.gating.gate import Checked, Decision, Drop, Minimum, Mode, Rule, Side
from sampler.reporting.render import amount, one_line
from sampler.running.ci import Case, Outcome
from sampler.stats.budget import Unit
from sampler.stats.differences import POWER

JSON_SCHEMA = 2
SHOWN = 5  # names of problems


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
    return f"{one_line(one.pair.model)} at {amount(one.pair.budget, unit)}"


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
    low, high = 100 * drop.interval.low, 100 * drop.interval.high
    claim = "more" if rule.mode is Mode.SIGNIFICANT else "less"
    yield f"drop {100 * drop.mean:+.1f} points, 95% interval {low:+.1f} to {high:+.1f}"
    yield f"that it is {claim} than {100 * rule.max_drop:.1f} points: {_p(drop)}"
    yield _power(drop, rule.mode)
    yield f"no longer solved: {_names(drop.broken)}; newly solved: {_names(drop.fixed)}"


def _side(side: Side) -> str:
    return f"{side.rate:.1%} (k={side.k})"


_SAME = "the baseline is a copy of this study: before and after are the same samples"


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
    return f"{len(names)} ({', '.join(map(one_line, names[:SHOWN]))}{more})"


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


def cases(decision: Decision, unit: Unit) -> list[Case]:
    """Return a case for each comparison."""
    return [
        Case(
            suite=one.pair.model,
            name=f"gate: pass@{amount(one.pair.budget, unit)}",
            outcome=Outcome.PASSED if one.passed else Outcome.FAILED,
            message=", ".join(one.against) or " · ".join(_lines(one, decision.rule)),
            properties={"budget": f"{one.pair.budget:g} {unit}", "pass@budget": f"{one.pair.after.rate:.6f}"},
        )
        for one in decision.checked
    ]
