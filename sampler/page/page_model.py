"""Decide what the page says before anything is drawn. Pure: facts of a store in, a `PageModel` out.

Beside the report's own tables it shows which model to ask at each budget: the frontier as a figure, the best of each
strategy as a table.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, pairwise

from sampler.page.chart import WHOLE_BAND, Chart, ChartMark, Extra, Extrapolations, Line, chart, extrapolations
from sampler.plotting import format_interval
from sampler.reporting.allocation_report import Allocation, AllocationRow
from sampler.reporting.analyse import AnalysisRequest, allotment
from sampler.reporting.comparison import crossover_words, crossovers
from sampler.reporting.metrics import RELIABILITY, MetricTable, metric_tables
from sampler.reporting.paired_data import PairedData, paired_data
from sampler.reporting.render import amount
from sampler.reporting.render_analysis import WAYS, legs_words, short_names
from sampler.reporting.report import Finding, Report, ReportRequest, Row, StudyFacts, Table, make_report
from sampler.reporting.tree_report import TreeReport
from sampler.reporting.verdict_explanation import explanation
from sampler.stats.allocation import Choice, CrossValidated
from sampler.stats.bootstrap import Interval
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.passk import Curve
from sampler.store.read_models import FailureRow, ModelRow, OriginRow, SampleDetail, StudyRow, TallyRow
from sampler.values import sample_number
from sandbox.sanitize import sanitize

MARGIN = 16  # on the right of a figure without names
MOST_MODELS = 8  # of more, cascades and mixtures would take longer than a page may
MOST_BESIDE = 4  # models that have a column; of more, each has a line at each budget
ALL_PAIRS = 4  # models; of more, only those are compared that cost nearly the same
MOST_FAILURES = 40
MOST_EXAMPLES = 40  # problems with a failed sample
LONGEST_CODE = 6_000  # characters of a program or of a prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class BestChoice:
    """The best choice of one strategy at one budget; `held` is its value on problems that did not choose it."""

    words: str
    choice: str
    seen: float
    held: CrossValidated | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetChoices:
    """A budget, the best choice of each strategy within it, and what an oracle router reaches, with its interval."""

    budget: float
    ways: tuple[BestChoice, ...]
    router: float | None
    router_interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The figure of the frontier, the models (label, name and tone), and the best choices at each budget."""

    chart: Chart | None
    lines: tuple[Line, ...]
    key: tuple[tuple[str, str, int], ...]
    rows: tuple[BudgetChoices, ...]


def choices(paired: PairedData, table: Table, seed: int) -> Choices | None:
    """Return which model to ask, in the unit of a table; None if there is no budget, or too many models."""
    budgets = [row.budget for row in table.rows]
    if not budgets or len(table.unit_costs) > MOST_MODELS:
        return None
    made = allotment(paired, AnalysisRequest(unit=table.unit, charge=table.charge, seed=seed), budgets)
    if made is None:
        return None
    tones = {drawn.model: tone for tone, drawn in enumerate(table.curves)}
    called = short_names(list(tones))
    ends = {drawn.model: drawn.end for drawn in table.curves}
    lines = tuple(_lines(made, tones, ends, table.unit))
    return Choices(
        chart=chart(lines, Extra(margin=MARGIN)),
        lines=lines,
        key=tuple((called[name], name, tone) for name, tone in tones.items()),
        rows=tuple(_choices_at(row, called) for row in made.rows if row.single is not None),
    )


def _lines(made: Allocation, tones: Mapping[str, int], ends: Mapping[str, float], unit: Unit) -> Iterator[Line]:
    """Return a piece for each part of the frontier that one model holds, up to the next model's part."""
    runs = [list(run) for _, run in groupby(made.frontier, key=_model)]
    for at, run in enumerate(runs):
        name = _model(run[0])
        near = [choice.interval for choice in run if choice.interval is not None]
        known = len(near) == len(run)
        yield Line(
            name=name,
            xs=tuple(choice.cost for choice in run),
            ys=tuple(choice.rate for choice in run),
            ks=tuple(choice.legs[0][1] for choice in run),
            low=tuple(one.low for one in near) if known else (),
            high=tuple(one.high for one in near) if known else (),
            starts=tuple(amount(choice.cost, unit) for choice in run),
            end=runs[at + 1][0].cost if at + 1 < len(runs) else max(ends[name], run[-1].cost),
            thin=None,
            tone=tones[name],
            piece=True,
        )


def _model(choice: Choice) -> str:
    return choice.legs[0][0]


def _choices_at(row: AllocationRow, called: Mapping[str, str]) -> BudgetChoices:
    ways = tuple(_best_choices(row, called))
    return BudgetChoices(budget=row.budget, ways=ways, router=row.oracle, router_interval=row.oracle_interval)


def _best_choices(row: AllocationRow, called: Mapping[str, str]) -> Iterator[BestChoice]:
    for kind, words in WAYS.items():
        choice: Choice | None = getattr(row, kind)
        if choice is not None:
            yield BestChoice(words=words, choice=legs_words(choice, called), seen=choice.rate, held=row.held[kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadChange:
    """Two models and the text on the budget from which one of them leads; `at` is None without such a budget."""

    names: tuple[str, str]
    at: float | None
    sentence: str


def turns(paired: PairedData, unit: Unit, charge: PromptCharge) -> tuple[LeadChange, ...]:
    """Return the crossovers of the pairs of models that have a cost in `unit` and share a budget."""
    found = crossovers(paired, _marked_pairs(paired, unit, charge), unit, charge) if paired.draws is not None else []
    return tuple(
        LeadChange(
            names=one.names,
            at=one.crossover.at if one.crossover else None,
            sentence=crossover_words(one.crossover, unit, one.end, clear=one.clear_at_end),
        )
        for one in found
    )


def _marked_pairs(paired: PairedData, unit: Unit, charge: PromptCharge) -> Sequence[tuple[ModelRow, ModelRow]]:
    costs = ((paired.cost(model, unit, charge), model) for model in paired.models)
    known = sorted(((cost.of(1), at, model) for at, (cost, model) in enumerate(costs) if cost), key=lambda row: row[:2])
    models = [model for _, _, model in known]
    return list(combinations(models, 2)) if len(models) <= ALL_PAIRS else list(pairwise(models))


def marks(found: Sequence[LeadChange]) -> tuple[ChartMark, ...]:
    """Return the crossovers within a figure, as vertical rules."""
    return tuple(
        ChartMark(x=turn.at, y=0.0, text=f"{' and '.join(turn.names)}: {turn.sentence}") for turn in found if turn.at
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One model on one problem: passed of scored samples."""

    passed: int
    scored: int

    @property
    def share(self) -> float | None:
        """Return the share of right samples; None without a scored one."""
        return self.passed / self.scored if self.scored else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """One problem, a cell for each model."""

    problem: str
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The map of problems; its rows run from those that all models solve to those that none solves."""

    models: tuple[str, ...]
    rows: tuple[HeatRow, ...]

    @property
    def unsolved(self) -> int:
        """Return how many problems no model has solved."""
        return sum(not any(cell.passed for cell in row.cells) for row in self.rows)


def heat(models: Sequence[ModelRow], tallies: Sequence[TallyRow]) -> Heat:
    """Return the map of all problems with a scored sample."""
    held = {(row.model_id, row.problem): HeatCell(passed=row.passed, scored=row.scored) for row in tallies}
    nothing = HeatCell(passed=0, scored=0)
    problems = dict.fromkeys(row.problem for row in tallies if row.scored)
    rows = [
        HeatRow(problem=problem, cells=tuple(held.get((model.id, problem), nothing) for model in models))
        for problem in problems
    ]
    return Heat(models=tuple(model.name for model in models), rows=tuple(sorted(rows, key=_mean_share, reverse=True)))


def _mean_share(row: HeatRow) -> float:
    shares = [cell.share for cell in row.cells if cell.share is not None]
    return sum(shares) / len(shares) if shares else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One unit: the report's table, its curves, and which model to ask at each budget."""

    table: Table
    chart: Chart | None
    lines: tuple[Line, ...]
    turns: tuple[LeadChange, ...]
    choices: Choices | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictMix:
    """The verdicts of a model: (verdict, its tone, count, share), in the same order and tones for every model."""

    model: str
    total: int
    parts: tuple[tuple[str, int, int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingProblem:
    """A problem with failed samples: how many failed, and the newest of them with the reason of its verdict."""

    problem: str
    failures: int
    model: str
    number: str
    reason: str
    prompt: str
    code: str


def failing_problem(failures: int, detail: SampleDetail) -> FailingProblem:
    """Return what the page shows of a failed sample; its texts are hostile and cut to a length."""
    return FailingProblem(
        problem=detail.row.problem,
        failures=failures,
        model=detail.row.model,
        number=sample_number(detail.row.index),
        reason=explanation(detail)[0],
        prompt=cut(detail.prompt),
        code=cut(detail.program),
    )


def cut(text: str) -> str:
    """Return a hostile text without control characters, cut to a length."""
    lines = "\n".join(sanitize(line) for line in text.expandtabs(4)[:LONGEST_CODE].splitlines())
    return f"{lines}\n… {len(text) - LONGEST_CODE:,} more characters" if len(text) > LONGEST_CODE else lines


@dataclass(frozen=True, slots=True, kw_only=True)
class PageModel:
    """The whole page. `origin` says where each number comes from, as lines of (what, value)."""

    report: Report
    figures: tuple[Figure, ...]
    trees: tuple[TreeReport, ...]
    reliability: tuple[MetricTable, ...]
    beyond: Extrapolations | None
    heat: Heat
    mixes: tuple[VerdictMix, ...]
    failures: tuple[FailureRow, ...]
    more_failures: int
    failing: tuple[FailingProblem, ...]
    origin: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """What the page needs from a store, besides what the report needs."""

    facts: StudyFacts
    failures: Sequence[FailureRow]
    origin: OriginRow
    failing: Sequence[tuple[int, SampleDetail]] = ()
    trees: tuple[TreeReport, ...] = ()  # where a model has a strategy, one for each unit


def make_page_model(page: PageFacts, request: ReportRequest) -> PageModel:
    """Return the page model of one study."""
    facts = page.facts
    report = make_report(facts, request)
    models = [model for model in facts.models if model.wanted]
    paired = paired_data(models, facts.tallies, request.seed)
    return PageModel(
        report=report,
        figures=tuple(_figure(table, paired, request.seed) for table in report.tables),
        trees=page.trees,
        reliability=report.metrics or metric_tables(paired, RELIABILITY),
        beyond=extrapolations(paired, request.seed),
        heat=heat(models, facts.tallies),
        mixes=tuple(_mixes(models, facts.verdicts)),
        failures=tuple(page.failures[:MOST_FAILURES]),
        more_failures=max(0, len(page.failures) - MOST_FAILURES),
        failing=tuple(failing_problem(*one) for one in page.failing),
        origin=tuple(_origin(facts.study, models, page.origin)),
    )


def _figure(table: Table, paired: PairedData, seed: int) -> Figure:
    lines = tuple(_line(drawn, table.unit) for drawn in table.curves)
    found = turns(paired, table.unit, table.charge)
    extra = Extra(stars=tuple(_stars(table, lines)), rules=marks(found))
    whom = choices(paired, table, seed)
    return Figure(table=table, chart=chart(lines, extra), lines=lines, turns=found, choices=whom)


def _stars(table: Table, lines: Sequence[Line]) -> Iterator[ChartMark]:
    """Return the greedy samples, in the colour of their model's line."""
    for tone, line in enumerate(lines):
        if point := table.greedy.get(line.name):
            near = f", interval {format_interval(point.interval.low, point.interval.high)}" if point.interval else ""
            tooltip = f"{line.name} greedy for {amount(point.cost, table.unit)} · {100 * point.rate:.1f} %{near}"
            yield ChartMark(x=point.cost, y=point.rate, text=tooltip, tone=tone)


def _line(drawn: Curve, unit: Unit) -> Line:
    bands = [point.band for point in drawn.points if point.band is not None]
    known = len(bands) == len(drawn.points)
    return Line(
        name=drawn.model,
        xs=tuple(point.cost for point in drawn.points),
        ys=tuple(point.rate for point in drawn.points),
        ks=tuple(point.k for point in drawn.points),
        low=tuple(band.low for band in bands) if known else (),
        high=tuple(band.high for band in bands) if known else (),
        end=drawn.end,
        starts=tuple(amount(point.cost, unit) for point in drawn.points),
        band=WHOLE_BAND,
        thin=next((at for at, point in enumerate(drawn.points) if point.thin), None),
    )


def _mixes(models: Sequence[ModelRow], verdicts: Mapping[tuple[int, str], int]) -> Iterator[VerdictMix]:
    overall: Counter[str] = Counter()
    for (_, name), count in verdicts.items():
        overall[name] += count
    order = [name for name, _ in overall.most_common()]
    for model in models:
        total = sum(verdicts.get((model.id, name), 0) for name in order)
        counts = ((name, tone, verdicts.get((model.id, name), 0)) for tone, name in enumerate(order))
        parts = tuple((name, tone, count, count / total) for name, tone, count in counts if count)
        yield VerdictMix(model=model.name, total=total, parts=parts)


def _origin(study: StudyRow, models: Sequence[ModelRow], origin: OriginRow) -> list[tuple[str, str]]:
    lines = [
        ("study", f"{study.name} ({study.uid})"),
        ("problems", f"{study.problems} from {study.problems_source}, digest {study.problems_digest[:16]}"),
        ("seed", str(study.seed)),
        ("limits of a program", _pairs(origin.limits)),
        ("box image", origin.image or "not known"),
        ("software", _pairs(origin.versions)),
    ]
    for model in models:
        digest = f", digest {model.digest[:16]}" if model.digest else ""
        params = f", {model.params:,} parameters" if model.params else ""
        lines.append((model.name, f"{model.engine or model.backend}{params}{digest}; {_costs(model)}"))
    return lines


def _pairs(held: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in held.items())


def _costs(model: ModelRow) -> str:
    dollars = f"; dollars: {model.costs.prices}" if model.costs.prices else ""
    if model.architecture is None:
        return f"FLOPs: not known{dollars}"
    return f"FLOPs: by the architecture that the model's file declares{dollars}"


def sentence(row: Row) -> str:
    """Return what a budget shows, in words."""
    match row.finding:
        case Finding.CLEAR:
            leads = ", ".join(
                f"{100 * lead.mean:+.1f} {format_interval(lead.interval.low, lead.interval.high)} over {other}"
                for other, lead in row.differences.items()
            )
            return f"{row.model} wins: {leads}"
        case Finding.NO_CLEAR_WINNER:
            return "no clear winner: no lead is clear once corrected for all pairs of models and all budgets"
        case Finding.ONLY_ONE:
            return f"only {row.model} fits" if len(row.cells) > 1 else "–"
        case Finding.NOTHING_FITS:
            return "no model's sample fits"
        case Finding.TOO_FEW_SAMPLES:
            return "not comparable: a model has too few samples"


def charge_words(charge: PromptCharge) -> str:
    """Return how the prompt is charged, in words."""
    match charge:
        case PromptCharge.EACH:
            return "every sample pays for reading its prompt"
        case PromptCharge.MEASURED:
            return "every sample pays for reading what its engine did not have in the cache"
        case PromptCharge.ONCE:
            return "the prompt is read once for all samples of a problem"
