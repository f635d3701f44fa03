"""Render an analysis as text and as JSON; every table has its definition above it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from sampler.plotting import format_interval, without_middle
from sampler.reporting.allocation_report import AllocationRow, Stratum
from sampler.reporting.analyse import Accept, Analysis, ModelAnalysis
from sampler.reporting.render import NAMES, amount, collapse, grid, in_lines, spanned, way_out
from sampler.reporting.report_files import plain
from sampler.stats.allocation import Choice, CrossValidated
from sampler.stats.bootstrap import Interval
from sampler.stats.budget import Unit
from sampler.stats.stopping import CostOfPass

JSON_SCHEMA = 1
SHORT = 14  # characters of a name that fits into every cell
MOST_RUNS = 8
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def print_analysis(made: Analysis, console: Console, *, everything: bool = True) -> None:
    """Print the tables and the conclusion; without `everything`, so little that it fits on a screen of 80×24."""
    whose = {Accept.JUDGE: "the judge's tests accept", Accept.SELECTION: "the selection tests accept, the judge's tell"}
    about = f"{collapse(made.study)} · {made.problems} problems · {NAMES[made.unit]} · {whose[made.accept]}"
    console.print(Text(about, style="bold"))
    if not made.models:
        console.print(Text("No problem is complete yet for every model."))
        return
    if everything:
        for table in _tables(made):
            console.print(table)
        for line in _closing(made):
            console.print(Text(line))
        console.print(Text(analysis_conclusion(made), style="bold"))
    else:
        _print_brief(made, console)


def _print_brief(made: Analysis, console: Console) -> None:
    """Print the short form, with as many models as fit into SCREEN lines; their letters stand in the conclusion."""
    called = _called(made)
    for shown in range(min(MOST_MODELS, len(made.models)), 0, -1):
        letters = {model.name: called[model.name] for model in made.models[:shown]}
        lines = [*_brief_lines(made, console.width, shown), *_brief_closing(made)]
        conclusion = Text(analysis_conclusion(made, letters), style="bold")
        if 1 + len(lines) + len(conclusion.wrap(console, console.width)) <= SCREEN or shown == 1:
            break
    for line in lines:
        console.print(Text(line))
    console.print(conclusion)


def _brief_closing(made: Analysis) -> Iterator[str]:
    """Yield what was left out, and where more is."""
    yield from _left_out(made)
    yield "--all prints every table, with the definition of each number."


def analysis_conclusion(made: Analysis, called: Mapping[str, str] | None = None) -> str:
    """Return in a few sentences whom to ask at the largest budget, and what more samples would bring.

    `called` are labels to use for models instead of their names.
    """
    names = {model.name: collapse(model.name) for model in made.models} | dict(called or {})
    return " ".join([*_best_way(made, names), *_promises(made, names)]) or "There are too few samples for a conclusion."


def _best_way(made: Analysis, names: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence on the strategy that solves most unseen problems within the largest budget."""
    if not made.allotment or not made.allotment.rows:
        return
    row = made.allotment.rows[-1]
    budget = amount(row.budget, made.unit)
    held = {kind: value for kind in WAYS if (value := row.held.get(kind)) and getattr(row, kind)}
    rated = [(kind, value) for kind, value in held.items() if value.rate is not None and not value.over(row.budget)]
    if not rated:
        yield f"Within {budget} a problem no way keeps to the budget on problems that it was not chosen on."
        return
    kind, best = max(rated, key=lambda one: (float(_percent(one[1].rate or 0.0)), -one[1].cost))  # equal as printed
    equal = sum(_percent(value.rate or 0.0) == _percent(best.rate or 0.0) for _, value in rated) > 1
    how = "is the cheapest of the ways that measured highest" if equal else "measured highest"
    whom = legs_words(getattr(row, kind), names)
    yield (
        f"Within {budget} a problem, {_IN_WORDS[kind]} {how}: {whom}, {_around_held(best)} % of unseen problems "
        f"for {amount(best.cost, made.unit)}."
    )


_IN_WORDS = {
    "single": "one model",
    "stopping": "one model until its first pass",
    "cascade": "a cascade",
    "mixture": "a mixture",
    "greedy": "the greedy schedule",
}


def _around_held(held: CrossValidated) -> str:
    near = f" {format_interval(held.interval.low, held.interval.high)}" if held.interval else ""
    return f"{_percent(held.rate or 0.0)}{near}"


def _promises(made: Analysis, names: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence on the model whose extrapolation gains most by the first step beyond its samples."""
    gains = [
        (model.beyond[0].promise.rate - model.measured, model, model.measured)
        for model in made.models
        if model.beyond and model.measured is not None
    ]
    if not gains:
        return
    _, model, measured = max(gains, key=lambda one: one[0])
    promise = model.beyond[0].promise
    near = format_interval(promise.interval.low, promise.interval.high)
    yield (
        f"More samples would bring most for {names[model.name]}: {_percent(measured)} % with k={model.n}, and a fit "
        f"promises {_percent(promise.rate)} {near} % with k={promise.k}."
    )


SCREEN = 22  # lines of the short form: with the prompts before and after it, a screen of 24
MOST_MODELS = 6  # that the short form shows
LEAST_NAME = 16  # cells


def _brief_lines(made: Analysis, width: int, shown: int) -> Iterator[str]:
    """Yield what a solution costs, what more samples bring, and the ways at the largest budget, a line for each."""
    called = _called(made)
    yield "What a solution costs, until a first pass, and what more samples would bring:"
    heads = ("model", "k", "solved [95%]", "to solve", "promised by a fit")
    yield from _aligned(heads, [_brief_model(model, made.unit, called) for model in made.models[:shown]], width)
    if len(made.models) > shown:
        yield f"… and {len(made.models) - shown} more models (--all)"
    yield ""
    if made.allotment and made.allotment.rows:
        row = made.allotment.rows[-1]
        yield f"Whom to ask within {amount(row.budget, made.unit)} a problem, on problems that it was not chosen on:"
        yield from _aligned(("choice", "way", "solves [95%]", "for"), list(_brief_ways(row, made.unit, called)), width)
        yield ""


def _brief_model(model: ModelAnalysis, unit: Unit, called: Mapping[str, str]) -> Sequence[str]:
    short, name = called[model.name], collapse(model.name)
    stopped = model.stopped
    promise = model.beyond[0].promise if model.beyond else None
    near = format_interval(promise.interval.low, promise.interval.high) if promise else ""
    return (
        name if short == name else f"{short}: {name}",
        str(model.n),
        _rate(stopped.rate, stopped.rate_interval) if stopped else "unknown",
        amount(stopped.cost, unit) if stopped else "unknown",
        f"{_percent(promise.rate)} {near} k={promise.k}" if promise else collapse(model.not_fitted or "–"),
    )


def _brief_ways(row: AllocationRow, unit: Unit, called: Mapping[str, str]) -> Iterator[Sequence[str]]:
    for kind, words in WAYS.items():
        choice, held = getattr(row, kind), row.held.get(kind)
        if choice is not None:
            over = " (over)" if held and held.over(row.budget) else ""
            cells = (_rate(held.rate, held.interval), f"{amount(held.cost, unit)}{over}") if held else ("undefined", "")
            yield legs_words(choice, called), words, *cells


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield heads and rows, a line each; the first column is cut in the middle if the line would be too long."""
    table = [heads, *rows]
    others = [max(map(len, column)) for column in list(zip(*table, strict=True))[1:]]
    longest = max(len(row[0]) for row in table)
    first = min(longest, max(LEAST_NAME, width - sum(others) - 2 * len(others)))
    for row in table:
        cells = [
            without_middle(row[0], first).ljust(first),
            *(cell.ljust(wide) for cell, wide in zip(row[1:], others, strict=True)),
        ]
        yield "  ".join(cells).rstrip()


def _tables(made: Analysis) -> Iterator[RichTable]:
    yield _solving(made)
    if made.budgets and any(model.spent for model in made.models):
        yield _spending(made)
    yield _beyond(made)
    if any(model.diversity for model in made.models):
        yield _diversity(made)
    if made.allotment and made.budgets:
        yield _frontier(made.allotment.frontier, made)
        yield _budgets(made.allotment.rows, made)
    if made.strata and made.budgets:
        yield _strata(made)


def _table(title: str, heads: Sequence[str], rows: Iterator[Sequence[str]]) -> RichTable:
    shown = grid(title)
    for head in heads:
        shown.add_column(Text(collapse(head)), overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    return shown


def _solving(made: Analysis) -> RichTable:
    called = _called(made)
    rows = [[_titled(model.name, called), *_solving_cells(model, made.unit)] for model in made.models]
    if made.cheapest:
        rows.append(["cheapest of all", "", "", "", *_pass_cells(made.cheapest, made.unit)])
    title = (
        "Cost to solve: mean cost of a problem if the first pass ends it, or n samples do. Cost of pass: mean over "
        "solved problems of cost of a sample / pass@1 (Erol et al. 2025)"
    )
    return _table(title, ("model", "n", "to solve", "solved", "cost of pass", "never solved"), iter(rows))


def _solving_cells(model: ModelAnalysis, unit: Unit) -> list[str]:
    if model.stopped is None or model.cost_of_pass is None:
        return [str(model.n), "unknown", "", "unknown", ""]
    cost = spanned(model.stopped.cost, model.stopped.cost_interval, unit)
    return [
        str(model.n),
        cost,
        _rate(model.stopped.rate, model.stopped.rate_interval),
        *_pass_cells(model.cost_of_pass, unit),
    ]


def _pass_cells(found: CostOfPass, unit: Unit) -> list[str]:
    mean = "infinite" if found.mean is None else spanned(found.mean, found.interval, unit)
    return [mean, _rate(found.unsolved, found.unsolved_interval)]


def _spending(made: Analysis) -> RichTable:
    called = _called(made)
    title = (
        "The same budget by four rules: the paper's k = budget / mean cost; each problem's own k; sample by sample "
        "in random orders, at what each cost; and for the set as a whole, in rounds, each problem ended by its first "
        "pass"
    )
    rows = (
        (
            amount(at.budget, made.unit),
            called[model.name],
            *(_rate(getattr(at, rule), at.intervals[rule]) for rule in RULES),
        )
        for model in made.models
        for at in model.spent
    )
    return _table(title, ("budget", "model", *RULES.values()), rows)


RULES = {"by_mean": "mean cost", "by_own": "own cost", "by_sample": "by sample", "in_rounds": "in rounds"}


def _beyond(made: Analysis) -> RichTable:
    called = _called(made)

    def rows() -> Iterator[Sequence[str]]:
        for model in made.models:
            if model.not_fitted:
                yield called[model.name], "", "", "", model.not_fitted
            for one in model.beyond:
                rate = _around(one.promise.rate, one.promise.interval)
                yield (
                    called[model.name],
                    str(one.promise.k),
                    rate,
                    _rate(model.fit.impossible if model.fit else 0.0, one.promise.impossible),
                    "; ".join(one.warnings),
                )

    title = "pass@k beyond the samples drawn: what a fitted beta-binomial distribution promises, not a measurement"
    return _table(title, ("model", "k", "pass@k", "impossible", "beware"), rows())


def _diversity(made: Analysis) -> RichTable:
    rows = (
        (collapse(model.name), str(of.solved), *(_number(getattr(of, what), of.intervals[what]) for what in _DIVERSE))
        for model in made.models
        if (of := model.diversity)
    )
    title = (
        "Diversity: means over solved problems of right samples, different texts, different programs (by syntax tree)"
    )
    return _table(title, ("model", "solved", *_DIVERSE.values()), rows)


_DIVERSE = {"correct": "right", "texts": "texts", "programs": "programs"}


def _number(value: float, near: Interval | None) -> str:
    return f"{value:.1f}" + (f" [{near.low:.1f}, {near.high:.1f}]" if near else "")


def _frontier(choices: Sequence[Choice], made: Analysis) -> RichTable:
    title = (
        "Frontier: the (model, k) that no other beats for its cost, all k samples paid; every doubling of k, and each "
        "turn"
    )
    called = _called(made)
    rows = (
        (legs_words(one, called), amount(one.cost, made.unit), _around(one.rate, one.interval))
        for one in turning(choices)
    )
    return _table(title, ("choice", "cost", "solved"), rows)


def turning(choices: Sequence[Choice]) -> Iterator[Choice]:
    """Return the first and last of each run of one model, and the powers of two between."""
    names = [choice.legs[0][0] for choice in choices]
    for at, choice in enumerate(choices):
        k = choice.legs[0][1]
        inside = names[max(0, at - 1)] == names[at] == names[min(at + 1, len(names) - 1)]
        if not inside or at in (0, len(choices) - 1) or not k & (k - 1):
            yield choice


def _budgets(rows: Sequence[AllocationRow], made: Analysis) -> RichTable:
    title = (
        "The best of each way within each mean budget. Seen: on the problems that it was chosen on, which is too "
        "good, and so without an interval. Unseen: chosen on four fifths of the problems and valued on the rest, "
        "five times, with what it cost there"
    )
    called = _called(made)
    cells = (
        (amount(row.budget, made.unit) if at == 0 else "", *cells)
        for row in rows
        for at, cells in enumerate(_ways(row, made.unit, called))
    )
    return _table(title, ("budget", "way", "choice", "seen", "unseen", "its cost"), cells)


WAYS = {  # as the attributes of a row, and in words
    "single": "one model",
    "stopping": "to a pass",
    "cascade": "cascade",
    "mixture": "mixture",
    "greedy": "schedule",
}


def _ways(row: AllocationRow, unit: Unit, called: Mapping[str, str]) -> Iterator[Sequence[str]]:
    for kind, words in WAYS.items():
        choice: Choice | None = getattr(row, kind)
        if choice is None:
            continue
        held = row.held[kind]
        over = " (over)" if held and held.over(row.budget) else ""
        unseen = (
            (_rate(held.rate, held.interval), f"{spanned(held.cost, held.cost_interval, unit)}{over}")
            if held
            else ("undefined", "")
        )
        yield words, legs_words(choice, called), _percent(choice.rate), *unseen
    yield "router", "", _rate(row.oracle, row.oracle_interval), "", ""


def _called(made: Analysis) -> Mapping[str, str]:
    return short_names([model.name for model in made.models])


def short_names(names: Sequence[str]) -> Mapping[str, str]:
    """Return the models' labels for narrow cells: their names, or letters if some name is long."""
    if all(len(name) <= SHORT for name in names):
        return {name: collapse(name) for name in names}
    turns = len(_LETTERS)
    return {name: _LETTERS[at % turns] + str(at // turns or "") for at, name in enumerate(names)}


def _titled(model: str, called: Mapping[str, str]) -> str:
    """Return a model's name after its letter, if it has one, broken into lines for a narrow column."""
    name, short = collapse(model), called[model]
    return in_lines(name if short == name else f"{short}: {name}", SHORT).plain


def _strata(made: Analysis) -> RichTable:
    title = (
        f"Difficulty: fifths of the problems by pass@1 of {collapse(made.reference or '')}, and who solves how much "
        "of each"
    )

    called = _called(made)

    def rows() -> Iterator[Sequence[str]]:
        for number, stratum in enumerate(made.strata, 1):
            for at, (name, rates) in enumerate(stratum.rates.items()):
                about = "" if at else _about(number, stratum)
                yield about, called[name], *map(_rate, rates, stratum.intervals[name])

    heads = ("stratum", "model", *(amount(budget, made.unit) for budget in made.budgets))
    return _table(title, heads, rows())


def _about(number: int, stratum: Stratum) -> str:
    return f"{number}: {stratum.problems} at {_rate(stratum.reference, stratum.reference_interval)}"


def _closing(made: Analysis) -> Iterator[str]:
    if made.allotment and made.allotment.schedule:
        called = _called(made)
        runs = [f"{count} × {called[name]}" for name, count in made.allotment.schedule]
        more = ", …" if len(runs) > MOST_RUNS else ""
        yield f"The greedy schedule, until one passes: {', then '.join(runs[:MOST_RUNS])}{more}."
    yield from _left_out(made)
    if made.allotment:
        yield (
            "Ways: k samples of one model; up to k, to the first pass; a cascade, up to k1, then up to k2, ended by "
            "a pass; a mixture, k1 and k2 whatever happens; the greedy schedule, ended by a pass; a router that "
            "knows for each problem which one model to spend the budget on, all samples paid: a bound, and too high "
            "by luck."
        )
    yield (
        f"Intervals are of {made.level:.0%}, from resampled problems. {_STOPS[made.accept]} Strata were sorted by the "
        "reference's own luck, too: among the hard its rates are too low, among the easy too high."
    )


def _left_out(made: Analysis) -> Iterator[str]:
    """Yield which models and problems the numbers are not about, and notes on uneven samples."""
    if made.unknown:
        names = ", ".join(map(collapse, made.unknown))
        yield f"Without a known cost above 0 in {NAMES[made.unit]}: {names}; {way_out(made.unit)}."
    if made.left_out:
        yield f"Left out, because they have no selection tests: {made.left_out} problem(s)."
    yield from map(collapse, made.notes)


def legs_words(choice: Choice, called: Mapping[str, str]) -> str:
    """Return the samples of each model in the order in which they are asked, or their sums if there are many runs."""
    sums: dict[str, int] = {}
    for name, k in choice.legs:
        sums[name] = sums.get(name, 0) + k
    mixed = " mixed" if len(sums) < len(choice.legs) else ""
    return ", ".join(f"{called[name]} k={k}" for name, k in sums.items()) + mixed


def _around(rate: float, near: Interval | None) -> str:
    return _percent(rate) + (f" {format_interval(near.low, near.high)}" if near else "")


_STOPS = {
    Accept.JUDGE: "What stops early stops at the judge's pass: an upper bound for whoever has other tests.",
    Accept.SELECTION: (
        "What is solved is a right answer handed out: one of those that pass the selection tests, none where none "
        "does. What stops early stops at the first that passes them, right or wrong. Cost of pass and pass@k beyond "
        "the samples are by the judge's tests."
    ),
}


def _rate(rate: float | None, near: Interval | None) -> str:
    """Return a rate and its interval."""
    return "undefined" if rate is None else _around(rate, near)


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}"


def analysis_json(made: Analysis) -> str:
    """Return the analysis as JSON with sorted keys."""
    return json.dumps({"schema": JSON_SCHEMA, **plain(made)}, sort_keys=True, indent=2)
