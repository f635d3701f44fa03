"""Print a report as text for a terminal or a log.

Names are hostile, so control characters in them are made visible.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from sampler.plotting import format_interval, shorten_names, sized
from sampler.reporting.metrics import MetricTable
from sampler.reporting.report import Finding, ModelLine, Report, Row, Table
from sampler.reporting.thought_lengths import Thinking
from sampler.stats.bootstrap import Interval
from sampler.stats.budget import FLOP_UNITS, SECOND_UNITS, PromptCharge, Unit, UnitCost
from sampler.stats.passk import CurveValue, Point, Reach
from sandbox.console import SanitizingConsole
from sandbox.sanitize import sanitize

NAMES = {
    Unit.FLOPS: "FLOPs",
    Unit.FLOPS_PARAMS: "FLOPs (2N a token)",
    Unit.FLOPS_128: "FLOPs (2N × 128)",
    Unit.TABLE_FLOPS: "FLOPs by the table",
    Unit.SECONDS: "seconds",
    Unit.TABLE_SECONDS: "seconds by the table",
    Unit.SANDBOX_SECONDS: "sandbox CPU seconds",
    Unit.TOTAL_SECONDS: "seconds with the sandbox's",
    Unit.JOULES: "joules",
    Unit.DOLLARS: "dollars",
    Unit.TOKENS: "tokens",
    Unit.SAMPLES: "samples",
}
_BESIDE_MODELS, _EACH_MODEL = 32, 15  # columns of a terminal: budget and finding, and a model's values
_BESIDE_NAME, _NARROWEST_NAME = 61, 19  # the same where each model has a line
_IN_FRONT = 2  # units whose costs stand in the table of models, where there is no room for more
_WAYS_OUT = {
    Unit.FLOPS: (
        "it takes token counts and the model's architecture, --unit flops_params its size, --unit samples nothing"
    ),
    Unit.FLOPS_PARAMS: "it takes token counts and the model's size, --unit samples nothing",
}
_CHARGES = {
    PromptCharge.EACH: "every sample pays for reading its prompt",
    PromptCharge.MEASURED: "every sample pays for reading what its engine did not have in the cache",
    PromptCharge.ONCE: "the prompt is read once for all samples of a problem",
}


class Page(SanitizingConsole):
    """The console for reports.

    A closed pipe raises an exception here; Rich would end the process with 1.
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__(file=file, highlight=False)

    def on_broken_pipe(self) -> None:
        """Raise the error again; Rich calls this while it handles the error."""
        raise BrokenPipeError


def collapse(text: str) -> str:
    """Return `text` on one line: white space is collapsed, and control characters are left out."""
    return " ".join(sanitize(text).split())


def amount(value: float, unit: Unit) -> str:
    """Return a cost for people: three digits and a size."""
    if unit in SECOND_UNITS:
        return f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s"
    if unit is Unit.DOLLARS:
        if 0 < value < 1e-3:
            return f"{value * 1e6:.3g} µ$"
        return f"${value:.3g}" if value < 1000 else f"${value:,.0f}"
    if unit in {Unit.TOKENS, Unit.SAMPLES}:
        short = float(f"{value:.3g}")
        number = f"{short:,.0f}" if 1000 <= short < 1e6 else sized(short, "")
        return f"{number} {NAMES[unit].removesuffix('s') if number == '1' else NAMES[unit]}"
    return sized(value, "FLOP" if unit in FLOP_UNITS else "J" if unit is Unit.JOULES else "")


def spanned(cost: float, near: Interval | None, unit: Unit) -> str:
    """Return a cost and its interval; a size that all of them have is written once."""
    if near is None:
        return amount(cost, unit)
    told = [amount(value, unit) for value in (cost, near.low, near.high)]
    sizes = {words.partition(" ")[2] for words in told}
    size = sizes.pop() if len(sizes) == 1 else ""
    mean, low, high = (words.removesuffix(f" {size}") for words in told)
    return f"{mean} [{low}, {high}] {size}".rstrip()


def print_report(report: Report, console: Console) -> None:
    """Print the tables. Rich leaves out colour by itself where there is no terminal or NO_COLOR is set."""
    title = f"{collapse(report.study)} · {report.problems} problems · {report.status}"
    console.print(Text(title, style="bold"))
    for words in conclusions(report):
        console.print(Text(words, style="bold"))
    console.print(_models(report))
    for table in report.tables:
        _print_table(table, console)
        if any(table.unit_costs.values()) and table.unit in _units(report) and table.unit not in _in_front(report):
            console.print(Text(_unit_costs(table)))
    for metric in report.metrics:
        _print_metric(metric, console)
    for model in report.thinking:
        _print_thinking(model, console)
    for note in _closing(report):
        console.print(Text(note))


def conclusions(report: Report) -> list[str]:
    """Return the first sentences of a report: a conclusion for each unit, or why there is none."""
    found = [conclusion(table) for table in report.tables if table.rows]
    return found or [f"Nothing can be compared yet: {_why_not(report.tables[0])}."] if report.tables else []


def conclusion(table: Table, called: Mapping[str, str] | None = None) -> str:
    """Return in one or two sentences which model to use at equal cost in the unit of a table, and how sure that is.

    A table with one row gives the conclusion at that budget. `called` are shorter names of models, where there is
    little room.
    """
    unit, names = NAMES[table.unit], _names(table, called or {})
    if len(table.rows) == 1:
        return f"At {amount(table.rows[0].budget, table.unit)} a problem {_at_one(table.rows[0], names)}."
    if len(table.curves) == 1:
        return f"{_single_model_sentence(table.rows, table.unit, names)}."
    compared = [row for row in table.rows if row.finding in {Finding.CLEAR, Finding.NO_CLEAR_WINNER}]
    if not compared:
        return f"At equal {unit} no budget lets two models be compared."
    runs = [(model, list(rows)) for model, rows in itertools.groupby(compared, key=lambda row: row.model)]
    won = [_won(rows, table.unit, names) for model, rows in runs if model is not None]
    if not won:
        end = compared[-1]
        last = f": {_measured(end, names)}" if end.lead else ""
        last += f" at {amount(end.budget, table.unit)}" if last and len(compared) > 1 else ""
        return f"At equal {unit} no model is clearly better {_budgets(compared, table.unit)}{last}."
    rest = " At the other budgets of the table no lead is clear." if len(won) < len(runs) else ""
    return f"At equal {unit} {', and '.join(won)}.{rest}"


def _names(table: Table, called: Mapping[str, str]) -> Mapping[str, str]:
    """Return what to call each model of a table."""
    models = [cell.model for row in table.rows for cell in row.cells]
    return {model: called.get(model, collapse(model)) for model in models}


def _at_one(row: Row, names: Mapping[str, str]) -> str:
    """Return what one budget shows."""
    match row.finding:
        case Finding.CLEAR:
            return _wins(row, "wins", names)
        case Finding.NO_CLEAR_WINNER if row.lead:
            return f"no model is clearly better: {_measured(row, names)}"
        case Finding.NO_CLEAR_WINNER:
            return "no model is clearly better: the best are equal"
        case Finding.ONLY_ONE:
            alone = next(cell for cell in row.cells if cell.model == row.model)
            others = "the only model" if len(row.cells) == 1 else "no other model's sample fits"
            return f"{names[alone.model]} (k={alone.k}) solves {_percent(alone.point)} %: {others}"
        case Finding.NOTHING_FITS:
            return "no model's sample fits: take a larger budget"
        case Finding.TOO_FEW_SAMPLES:
            return f"the models cannot be compared: {_short_of(row, names)}; take a smaller budget"


def _short_of(row: Row, names: Mapping[str, str]) -> str:
    """Return which models have fewer samples than a budget buys; at most two are named."""
    short = [cell for cell in row.cells if cell.reach is Reach.UNDEFINED]
    named = [f"{names[cell.model]} (needs k={cell.k})" for cell in short[:1]]
    if len(short) == 2:
        named.append(f"{names[short[1].model]} (needs k={short[1].k})")
    elif len(short) > 2:
        named.append(f"{len(short) - 1} other models")
    return f"too few samples of {' and '.join(named)}"


def _single_model_sentence(rows: Sequence[Row], unit: Unit, names: Mapping[str, str]) -> str:
    """Return what the only model solves at the smallest and at the largest budget that it has samples for."""
    cells = [(row.budget, cell) for row in rows for cell in row.cells if cell.point is not None]
    if not cells:
        return "The only model has no value at these budgets"
    shown = [f"{_percent(cell.point)} % with k={cell.k} for {amount(budget, unit)}" for budget, cell in cells]
    told = shown[0] if len(shown) == 1 else f"{shown[0]}, and {shown[-1]}"
    return f"{names[cells[0][1].model]}, the only model, solves {told} a problem"


def _won(rows: Sequence[Row], unit: Unit, names: Mapping[str, str]) -> str:
    """Return that one model wins at these budgets, with the numbers of the last one."""
    end = f" at {amount(rows[-1].budget, unit)}" if len(rows) > 1 else ""
    return _wins(rows[-1], f"wins {_budgets(rows, unit)}", names) + end


MOST_OTHERS = 2  # models against which a winner is named; of more only the nearest


def _wins(row: Row, how: str, names: Mapping[str, str]) -> str:
    best, *others = _reached(row)
    nearest = _nearest(row)
    many = f", nearest of {len(others)} others" if len(others) > MOST_OTHERS else ""
    shown = [one for one in others if one.model == nearest] if many else others
    against = ", ".join(f"{_rate(one)} of {names[one.model]} (k={one.k}{many})" for one in shown)
    return f"{names[best.model]} (k={best.k}) {how}: {_rate(best)} against {against}, a clear lead of {_lead(row)}"


def _measured(row: Row, names: Mapping[str, str]) -> str:
    """Return which model measured highest at a budget without a winner, and how far it is ahead."""
    best, *others = _reached(row)
    nearest = _nearest(row)
    over = f" of {names[nearest]}" if len(others) > 1 and nearest else ""
    return f"{names[best.model]} (k={best.k}) measured highest, {_rate(best)}, ahead{over} by {_lead(row)}"


def _nearest(row: Row) -> str | None:
    """Return the model over which the best one's lead is smallest."""
    return min(row.differences, key=lambda model: row.differences[model].mean, default=None)


def _lead(row: Row) -> str:
    """Return the lead over the nearest other model, in points, with its interval."""
    lead = row.lead
    return f"{100 * lead.mean:.1f} {format_interval(lead.interval.low, lead.interval.high)} points" if lead else "–"


def _reached(row: Row) -> list[CurveValue]:
    """Return the models that have a value at a budget, the best one first, the others in the order of the report."""
    cells = [cell for cell in row.cells if cell.point is not None and cell.reach is Reach.REACHED]
    best = max(cells, key=lambda cell: cell.point.rate if cell.point else 0.0)
    return [best, *(cell for cell in cells if cell is not best)]


def _budgets(rows: Sequence[Row], unit: Unit) -> str:
    first, last = (amount(row.budget, unit) for row in (rows[0], rows[-1]))
    return f"at {first} a problem" if len(rows) == 1 else f"from {first} to {last} a problem"


def _rate(cell: CurveValue) -> str:
    return "–" if cell.point is None else f"{100 * cell.point.rate:.1f} %"


def _models(report: Report) -> RichTable:
    shown = grid(
        "Each model alone: problems × samples drawn; problems solved by 1 and by all samples, in %; tokens of "
        "the prompt + of the completion, and mean cost of a sample"
    )
    shown.collapse_padding = True
    shown.add_column("model", overflow="fold")
    for head, width in (("drawn", 7), ("pass@1", 12), ("pass@all", 12), ("tokens", 6)):
        shown.add_column(head, overflow="fold", min_width=width)
        if head == "pass@all" and _any_greedy(report):
            shown.add_column("greedy", overflow="fold", min_width=12)
    for unit in _in_front(report):
        costs = [_cost(line.unit_costs[unit], unit) for line in report.models]
        words = [*costs, *NAMES[unit].split()]  # an amount stays in one line with its unit
        shown.add_column(
            NAMES[unit], overflow="fold", min_width=max(len(line) for text in words for line in text.splitlines())
        )
    for line in report.models:
        shown.add_row(*_model_cells(line, report))
    return shown


def _units(report: Report) -> list[Unit]:
    return [table.unit for table in report.tables if table.unit not in (Unit.SAMPLES, Unit.TOKENS)]


def _in_front(report: Report) -> list[Unit]:
    """Return the units that have a column in the table of models: the first ones that some model has a cost in."""
    known = [unit for unit in _units(report) if any(line.unit_costs[unit] for line in report.models)]
    return (known or _units(report))[:_IN_FRONT]


def _any_greedy(report: Report) -> bool:
    return any(line.greedy for line in report.models)


def _model_cells(line: ModelLine, report: Report) -> Iterator[Text]:
    yield in_lines(line.name, 11)
    yield Text(f"{line.problems} × {line.samples}")
    yield Text(_percent(line.first))
    yield Text(_percent(line.most))
    if _any_greedy(report):
        yield Text(f"★ {_percent(line.greedy)}" if line.greedy else "–")
    known = line.prompt_tokens is not None and line.completion_tokens is not None
    yield Text(f"{line.prompt_tokens:.0f}+{line.completion_tokens:.0f}" if known else "–")
    for unit in _in_front(report):
        yield Text(_cost(line.unit_costs[unit], unit))


def _cost(cost: UnitCost | None, unit: Unit) -> str:
    if cost is None:
        return "unknown"
    return f"{amount(cost.once, unit)} once\n{amount(cost.each, unit)} each" if cost.once else amount(cost.each, unit)


def _print_table(table: Table, console: Console) -> None:
    console.print()
    if not table.rows:
        console.print(Text(f"No comparison in {NAMES[table.unit]}: {_why_not(table)}"))
        return
    shown = grid(f"Share of problems solved, in %, at equal {NAMES[table.unit]} a problem ({_CHARGES[table.charge]})")
    shown.add_column("budget", justify="right", no_wrap=True)
    if _BESIDE_MODELS + _EACH_MODEL * len(table.rows[0].cells) <= console.width:
        _models_as_columns(shown, table)
    else:
        _models_as_rows(shown, table, max(_NARROWEST_NAME, console.width - _BESIDE_NAME))
    console.print(shown)
    for model, star in table.greedy.items():
        cost = amount(star.cost, table.unit)
        console.print(Text(f"★ {collapse(model)}, one answer at temperature 0: {_percent(star)} % solved for {cost}."))
    if table.ends is not None and table.end is not None:
        end = amount(table.end, table.unit)
        console.print(Text(f"From {end} on {collapse(table.ends)} has too few samples to compare."))
    if table.unknown:
        names = ", ".join(collapse(name) for name in table.unknown)
        console.print(Text(f"Without a known cost above 0 in {NAMES[table.unit]}, so not compared: {names}."))


def _models_as_columns(shown: RichTable, table: Table) -> None:
    for cell in table.rows[0].cells:
        shown.add_column(in_lines(cell.model, 18), overflow="fold")
    shown.add_column("at this budget", overflow="fold")
    for row in table.rows:
        cells = (_cell(cell, row) for cell in row.cells)
        shown.add_row(Text(amount(row.budget, table.unit)), *cells, _finding(row))


def _models_as_rows(shown: RichTable, table: Table, width: int) -> None:
    """Add a line for each model that a budget suffices for, the best one first, and a count of the others."""
    names = [cell.model for cell in table.rows[0].cells]
    called = dict(zip(names, shorten_names(list(map(collapse, names)), width), strict=True))
    shown.add_column("model", no_wrap=True)
    shown.add_column("solved", no_wrap=True)
    shown.add_column("at this budget", overflow="fold")
    for row in table.rows:
        shown.add_section()
        reached = sorted((cell for cell in row.cells if cell.point), key=lambda cell: -cell.point.rate)  # type: ignore[union-attr]
        lines = [(called[cell.model], _cell(cell, row)) for cell in reached]
        for reach, words in ((Reach.UNDEFINED, "too few samples"), (Reach.TOO_DEAR, "one costs more")):
            if count := sum(cell.reach is reach for cell in row.cells):
                lines.append((f"{count} model{'s' if count > 1 else ''}", Text(words, style="dim")))
        for at, (name, value) in enumerate(lines):
            found = Text("wins", style="bold") if row.finding is Finding.CLEAR else _finding(row)
            first = (Text(amount(row.budget, table.unit)), found) if at == 0 else (Text(), Text())
            shown.add_row(first[0], Text(name), value, first[1])


WAITS = {
    "short-m": "until {m} of {k} are done",
    "all": "until all {k} are done",
    "oracle": "until a right one of {k}",
}


def _print_thinking(of: Thinking, console: Console) -> None:
    console.print()
    console.print(Text(thinking_words(of), style="bold"))
    if of.parts:
        shown = grid("Share of right samples, in %, from each problem's shortest thoughts to its longest")
        for label in ("shortest quarter", "second", "third", "longest"):
            shown.add_column(label, justify="right")
        cells = (f"{_share(part.rate, part.interval)}, {part.thought_tokens:.0f} tokens" for part in of.parts)
        shown.add_row(*map(Text, cells))
        console.print(shown)
    if of.waits:
        shown = grid(
            "k thoughts at once: tokens until the answer, of all together, and how often one of those is right, in %"
        )
        for label in ("wait", "time", "compute", "right"):
            shown.add_column(label, justify="left" if label == "wait" else "right")
        for one in of.waits:
            words = WAITS[one.rule].format(k=one.k, m=one.m)
            shown.add_row(words, f"{one.time:,.0f}", f"{one.compute:,.0f}", _share(one.coverage, one.interval))
        console.print(shown)


def thinking_words(of: Thinking) -> str:
    """Return how a model's thoughts went, as a sentence."""
    answer = "" if of.answer_tokens is None else f" and {of.answer_tokens:,.0f} of answer"
    words = (
        f"{collapse(of.model)} thinks in {of.thought_share:.0%} of its samples: {of.thought_tokens:,.0f} tokens{answer}"
    )
    if of.cut_share:
        words += f"; {100 * of.cut_share:.1f} % were cut inside their thought"
    if of.right_minus_wrong is not None:
        near = of.right_minus_wrong_interval
        spread = f" [{100 * near.low:+.0f}, {100 * near.high:+.0f}]" if near else ""
        words += (
            f". Right samples think {100 * of.right_minus_wrong:+.0f} %{spread} as compared with wrong ones of the same"
            f" problem ({of.mixed} problems have both)"
        )
    return f"{words}."


def _share(rate: float, near: Interval | None) -> str:
    return f"{100 * rate:.1f}{f' {format_interval(near.low, near.high)}' if near else ''}"


def _print_metric(table: MetricTable, console: Console) -> None:
    kind = "credible intervals, for these problems" if table.credible else "intervals for new problems of the kind"
    shown = grid(f"{table.metric} in %, over the compared problems ({kind})")
    shown.add_column("model")
    shown.add_column("n" if table.credible else "k", justify="right")
    shown.add_column(table.metric, no_wrap=True)
    for line in table.lines:  # a line for each k, since as columns they would not fit a terminal
        shown.add_section()
        ks = "\n".join(str(value.k) for value in line.values)
        values = "\n".join(_share(value.value, value.interval) for value in line.values)
        shown.add_row(in_lines(line.model, 28), Text(ks or "–"), Text(values or "–"))
    console.print()
    console.print(shown)


def _unit_costs(table: Table) -> str:
    costs = (f"{collapse(name)} {_cost(cost, table.unit)}" for name, cost in table.unit_costs.items())
    return f"A sample costs on average: {', '.join(costs)}.".replace("\n", " + ")


def way_out(unit: Unit) -> str:
    """Return what makes costs in a unit known, and which unit needs none."""
    return _WAYS_OUT.get(unit, "--unit samples needs no costs")


def _why_not(table: Table) -> str:
    if not table.unknown:
        return "no problem is complete yet"
    return f"no cost above 0 is known of {', '.join(map(collapse, table.unknown))}; {way_out(table.unit)}"


def _cell(cell: CurveValue, row: Row) -> Text:
    match cell.reach:
        case Reach.TOO_DEAR:
            return Text("one costs more", style="dim")
        case Reach.UNDEFINED:
            return Text(f"undefined (k={cell.k}, too few samples)", style="dim")
        case Reach.REACHED:
            thin = "~" if cell.point and cell.point.thin else ""
            wins = row.finding is Finding.CLEAR and cell.model == row.model
            return Text(f"{_percent(cell.point)} (k={cell.k}{thin})", style="bold" if wins else "")


def _finding(row: Row) -> Text:
    match row.finding:
        case Finding.CLEAR:
            return Text(f"{in_lines(row.model or '', 16)} wins", style="bold")
        case Finding.ONLY_ONE:
            return Text("no other fits" if len(row.cells) > 1 else "–")
        case Finding.NO_CLEAR_WINNER:
            return Text("no clear winner")
        case Finding.NOTHING_FITS:
            return Text("nothing fits")
        case Finding.TOO_FEW_SAMPLES:
            return Text("not comparable")


def _closing(report: Report) -> Iterator[str]:
    yield ""
    yield (
        f"Brackets hold the {report.level:.0%} interval from {report.resamples:,} resamplings of the problems (BCa). "
        "A winner is named where its paired lead over every other model is significant in a sign-flip test, corrected "
        "(maxT) for all pairs of models and all budgets in this unit, and the interval of the lead leaves out zero."
    )
    if any(cell.point and cell.point.thin for table in report.tables for row in table.rows for cell in row.cells):
        yield "~ marks k above half of the samples drawn: an estimate from few subsets."
    yield from (collapse(note) for note in report.notes)


def _percent(point: Point | None) -> str:
    if point is None:
        return "–"
    spread = f" {format_interval(point.interval.low, point.interval.high)}" if point.interval else ""
    return f"{point.rate * 100:.1f}{spread}"


def grid(title: str) -> RichTable:
    """Return an empty table with a title, as narrow as its content."""
    return RichTable(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, expand=False)


def in_lines(name: str, width: int) -> Text:
    """Return a name, broken at hyphens and blanks into lines of about `width`, so that its column stays narrow."""
    lines = [""]
    for part in re.split(r"(?<=[-_ ])", collapse(name)):
        if lines[-1] and len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return Text("\n".join(lines))
