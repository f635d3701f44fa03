"""Render a comparison of two models as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from sampler.drawing.axis import format_interval
from sampler.reporting.comparison import Comparison, Step
from sampler.reporting.render import NAMES, amount, grid, one_line, plain
from sampler.stats.bootstrap import LEVEL
from sampler.stats.budget import Unit
from sampler.stats.differences import ADDED
from sampler.stats.paired import POWER, Crossover

JSON_SCHEMA = 2
MOST_NAMES = 12


def print_comparison(made: Comparison, console: Console) -> None:
    """Print the table and what follows from it."""
    first, second = map(one_line, made.names)
    shown = grid(f"{first} (A) against {second} (B) at equal {NAMES[made.unit]}, on {made.problems} problems")
    for head in ("budget", "A", "B", "A - B", "p", "sees"):
        shown.add_column(head, justify="right", overflow="fold")
    for step in made.rows:
        shown.add_row(*map(Text, _cells(step, made)))
    console.print(shown)
    for line in _closing(made):
        console.print(Text(line))


def _cells(step: Step, made: Comparison) -> Iterator[str]:
    lead = step.difference
    yield amount(step.budget, made.unit)
    for rate, near, k in zip(step.rates, step.intervals, step.ks, strict=True):
        spread = f" {format_interval(rate, near.low, near.high, brief=True)}" if near else ""
        yield f"{100 * rate:.1f}{spread} (k={k})"
    mark = " *" if lead.clear else ""
    yield f"{100 * lead.mean:+.1f} [{100 * lead.interval.low:+.1f}, {100 * lead.interval.high:+.1f}]{mark}"
    yield f"{lead.p_corrected:.4f}" if lead.p_corrected is not None else ""
    yield f"{100 * step.detectable.difference:.1f}"


def _closing(made: Comparison) -> Iterator[str]:
    yield ""
    yield crossover_words(made.crossover, made.unit, made.steps[-1].budget, clear=made.clear_at_end)
    for name, side in zip(made.names, (1, -1), strict=True):
        clear = [step for step in made.steps if step.difference.clear and side * step.difference.mean > 0]
        if clear:
            begin, end = amount(clear[0].budget, made.unit), amount(clear[-1].budget, made.unit)
            share = f"{len(clear)} of {len(made.steps)} budgets"
            yield f"{one_line(name)} is clearly ahead at {share} between {begin} and {end}."
    if not made.family:
        yield (
            "No lead is called clear yet: the study's report is of fewer problems, until its other models are complete."
        )
    first, second = map(one_line, made.names)
    yield f"Solved by {second} alone: {_names(made.fixed)}. By {first} alone: {_names(made.broken)}."
    yield from map(one_line, made.notes)
    pairs = f" and all pairs of its {len(made.family)} models" if len(made.family) > 2 else ""
    yield (
        f"± is half the {LEVEL:.0%} interval of a model alone (BCa over problems), - and + say how far it reaches "
        "where it is "
        f"lopsided. A - B is paired by problem, with its own interval (Student's t, {ADDED} of a problem added on "
        "each side). "
        f"p is of a sign-flip test, corrected for all budgets{pairs} (maxT). * marks a clear lead: p is at most "
        f"{1 - LEVEL:.2f}, and the interval leaves out zero. sees: the smallest true difference whose interval "
        "would leave out "
        f"zero with {POWER:.0%} chance."
    )


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{len(names)} ({', '.join(map(one_line, names[:MOST_NAMES]))}{more})"


def crossover_words(found: Crossover | None, unit: Unit, end: float, *, clear: bool) -> str:
    """Return a sentence on a crossover.

    A leader is named if it is `clear` that it is ahead at `end`, the largest budget.
    """
    largest = f"the largest budget that both cover, {amount(end, unit)}"
    if found is None:
        return f"The two are equal at {largest}: there is no crossover."
    low = amount(found.low, unit) if found.low is not None else "the smallest budget"
    high = amount(found.high, unit) if found.high is not None else "beyond the samples"
    where = "at every budget" if found.at is None else f"from {amount(found.at, unit)} on"
    near = f"({LEVEL:.0%} interval of the crossover: {low} to {high})"
    if clear:
        return f"{one_line(found.leader)} leads {where} {near}."
    return f"No clear leader at {largest}; {one_line(found.leader)} measured higher {where} {near}."


def comparison_json(made: Comparison) -> str:
    """Return the comparison as JSON with sorted keys."""
    return json.dumps({"schema": JSON_SCHEMA, "level": LEVEL, **plain(made)}, sort_keys=True, indent=2)
