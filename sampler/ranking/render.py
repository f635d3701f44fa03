"""Render a ranking as tables for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sampler.drawing.axis import format_interval
from sampler.ranking.request import Best, RankedModel, RankLine, RankPoint, RankReport
from sampler.reporting.render import NAMES, amount, grid, in_lines, one_line, plain
from sampler.stats.bootstrap import Interval
from sampler.stats.budget import PromptCharge, Unit

JSON_SCHEMA = 1
_NARROW = 16  # characters of a line of a name
_CHARGES = {
    PromptCharge.EACH: "each pays for reading its prompt",
    PromptCharge.ONCE: "the prompt is read once",
}


def ranks_json(report: RankReport) -> str:
    """Return the ranking as JSON with sorted keys."""
    return json.dumps({"schema": JSON_SCHEMA, **plain(report)}, sort_keys=True, indent=2)


def print_ranks(report: RankReport, console: Console) -> None:
    """Print the tables, a model after the other."""
    for model in report.models:
        console.print(_values(model, report))
        for line in model.lines:
            if line.selected:
                console.print(_selection(line))
    for unit, best in report.frontiers.items():
        console.print(_frontier(unit, best, report))
    for note in _closing(report):
        console.print(Text(note))


def _values(model: RankedModel, report: RankReport) -> Table:
    name = one_line(model.model)
    shown = grid(
        f"{name}, {model.oracle.problems} problems: how often the one answer handed out of k samples is correct, in %"
    )
    shown.add_column("chosen by", overflow="fold")
    for point in model.oracle.points:
        thin = "~" if 2 * point.k > model.samples else ""
        shown.add_column(f"k={point.k}{thin}", justify="right", overflow="fold")
    shown.add_row("oracle (pass@k)", *map(_point, model.oracle.points))
    if model.greedy is not None:
        others = [""] * (len(model.oracle.points) - 1)
        shown.add_row("greedy, one sample", _percent(model.greedy, model.greedy_interval), *others)
    for line in model.lines:
        shown.add_row(_label(line, model), *map(_point, line.points))
        if report.charged:
            for unit in (Unit.FLOPS, Unit.SECONDS):
                shown.add_row(Text(f"  its {unit.value}", style="dim"), *_costs(line, unit))
    if not report.charged:
        for unit in (Unit.FLOPS, Unit.SECONDS):
            shown.add_row(Text(f"{unit.value} of k samples", style="dim"), *_costs(model.oracle, unit))
    return shown


def _label(line: RankLine, model: RankedModel) -> str:
    fewer = "" if line.problems == model.oracle.problems else f" ({line.problems} problems)"
    return f"{one_line(line.ranker)}{fewer}"


def _costs(line: RankLine, unit: Unit) -> Iterator[Text]:
    for point in line.points:
        cost = point.costs[unit]
        yield Text("unknown" if cost is None else amount(cost, unit), style="dim")


def _point(point: RankPoint | Best) -> str:
    return _percent(point.rate, point.interval)


def _percent(rate: float | None, interval: Interval | None = None) -> str:
    if rate is None:
        return "–"
    return f"{100 * rate:.1f}" + (f" {format_interval(rate, interval.low, interval.high)}" if interval else "")


def _frontier(unit: Unit, best: Sequence[Best], report: RankReport) -> Table:
    charged = "sampling and ranking" if report.charged else "sampling"
    shown = grid(
        f"Frontier in {NAMES[unit]} of {charged}: the (model, k, chosen by) that no other beats for its cost, "
        "none of them "
        "with the judge's tests; found among the problems that it is shown for"
    )
    for head in ("model", "chosen by"):
        shown.add_column(head, overflow="fold")
    for head in ("k", "cost", "correct, in %"):
        shown.add_column(head, justify="right", no_wrap=True)
    for one in best:
        chosen = one.ranker if one.k > 1 else "the only one"
        shown.add_row(in_lines(one.model, _NARROW), one_line(chosen), str(one.k), amount(one.cost, unit), _point(one))
    return shown


def _selection(line: RankLine) -> Table:
    shown = grid("Handing out one that passes the selection tests, or else nothing, in %")
    shown.add_column("", overflow="fold")
    for point in line.selected:
        shown.add_column(f"k={point.k}", justify="right", overflow="fold")
    for name, label in _SELECTED.items():
        shown.add_row(label, *(_percent(getattr(point, name), point.intervals[name]) for point in line.selected))
    return shown


_SELECTED = {
    "coverage": "coverage: a correct one is among the k",
    "answered": "an answer is handed out",
    "correct": "a correct answer is handed out",
    "false_positive": "false positives among the answers",
}


def _closing(report: RankReport) -> Iterator[str]:
    yield (
        f"± is half the {report.level:.0%} interval from {report.resamples:,} resamplings of the problems; where it is "
        "lopsided, - and + say how far it reaches."
    )
    yield "~ marks k above half of the samples drawn: an estimate from few subsets."
    errors = [point.error for model in report.models for line in model.lines for point in line.points]
    if any(errors):
        yield (
            f"Where samples vote for each other, values are means over {report.draws} drawn subsets a problem; "
            "their largest "
            f"standard error is {100 * max(errors):.2f}."
        )
    if report.charged:
        yield (
            f"Costs are a problem's, of sampling ({_CHARGES[report.prompt]}) and of ranking. Executing is counted "
            "in CPU "
            "seconds of the sandbox, and what came with a verdict as all that the verdict took; what it cost a "
            "model to write "
            "tests is not in them."
        )
    yield from map(one_line, report.notes)
