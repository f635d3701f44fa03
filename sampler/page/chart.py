"""Lay out a figure in pixels: share of problems solved against budget, a line and a band for each model. Pure.

pass@k beyond the samples is such a figure, too: first measured values, then those of a fitted distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler.plotting import (
    ON_LIGHT,
    Scale,
    Tick,
    budget_scale,
    budget_ticks,
    format_interval,
    rate_scale,
    rate_ticks,
    shorten_names,
)
from sampler.reporting.analyse import TIMES, AnalysisRequest, Beyond, beyond
from sampler.reporting.paired_data import PairedData
from sampler.reporting.render import collapse
from sampler.stats.passk import Counts, Curve

WIDTH, HEIGHT = 950, 400
LEFT, RIGHT, TOP, BOTTOM = 52, 220, 16, 46
LABEL_HEIGHT = 16
LABEL_LETTERS = 29  # of a name, at most, in the margin
PIXELS_PER_LETTER = 9  # of a tick's label, with air
DASHES = ("", "7 3", "2 3", "9 3 2 3")
WHOLE_BAND = "band of the whole curve"  # wider than the interval of one point
POINTS = 24  # of a promise, even in the logarithm of k
DASH = "6 4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One model's curve: the value `ys[i]` holds from `xs[i]` on, up to the next, the last up to `end`.

    `low` and `high` are the band, empty where there is none. From the index `thin` on, the values rest on few subsets.
    `tone` and `dash` are set if they do not follow from the line's place, `says` if a point's text is more than its k.
    A `piece` of a longer line has no name at its end, and no value outside of itself.
    """

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    ks: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    end: float
    thin: int | None
    tone: int | None = None
    dash: str | None = None
    says: tuple[str, ...] = ()
    band: str = "interval"  # what `low` and `high` are
    starts: tuple[str, ...] = ()  # the `xs` with their unit
    piece: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartMark:
    """A point that is no step of a curve, with its text for the pointer."""

    x: float
    y: float
    text: str
    tone: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLine:
    """A line as SVG paths.

    `tone` is its colour, `dash` its pattern; the name, if any, stands at (`label_x`, `label_y`).
    """

    name: str  # cut in the middle where it is long, so that names stay different
    tone: int
    dash: str
    path: str
    thin_path: str
    band: str
    dots: tuple[ChartMark, ...]
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything that the template draws, and the scales that the script needs to read values."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    budgets: Scale
    rates: Scale
    budget_ticks: tuple[tuple[float, str], ...]
    rate_ticks: tuple[tuple[float, str], ...]
    lines: tuple[DrawnLine, ...]
    stars: tuple[ChartMark, ...]
    rules: tuple[ChartMark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """What a figure shows besides the curves.

    These are single points, budgets with a vertical rule, and space for names on the right.
    """

    stars: Sequence[ChartMark] = ()
    rules: Sequence[ChartMark] = ()
    margin: int = RIGHT


def chart(lines: Sequence[Line], extra: Extra | None = None) -> Chart | None:
    """Return the figure of these lines; None if no line has a point at a positive budget."""
    extra = extra or Extra()
    shown = [line for line in lines if line.xs]
    stars = [(star.x, star.y) for star in extra.stars]
    budgets = budget_scale([*(x for line in shown for x in (*line.xs, line.end)), *(x for x, _ in stars)], log=True)
    if budgets is None:
        return None
    rates = rate_scale([*(y for line in shown for y in (*line.ys, *line.low, *line.high)), *(y for _, y in stars)])
    frame = _Frame(budgets, rates, WIDTH - extra.margin)
    names = list(dict.fromkeys(line.name for line in lines))
    called = dict(zip(names, shorten_names([collapse(name) for name in names], LABEL_LETTERS), strict=True))
    drawn = [frame.draw(line, place) for place, line in enumerate(lines) if line.xs]
    drawn = [replace(line, name=called.get(line.name, "")) for line in drawn]
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=frame.right,
        top=TOP,
        bottom=HEIGHT - BOTTOM,
        budgets=budgets,
        rates=rates,
        budget_ticks=_budget_ticks(frame),
        rate_ticks=tuple((frame.y_at(tick.at), tick.label) for tick in rate_ticks(rates, 30)),
        lines=_spread(drawn),
        stars=tuple(frame.place(star) for star in extra.stars),
        rules=tuple(frame.place(rule) for rule in extra.rules if budgets.low <= rule.x <= budgets.high),
    )


def _budget_ticks(frame: _Frame) -> tuple[tuple[float, str], ...]:
    columns = (frame.right - LEFT) // PIXELS_PER_LETTER
    ticks: list[Tick] = budget_ticks(frame.budgets, columns)
    return tuple((frame.x_at(tick.at), tick.label) for tick in ticks)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Converts budgets and rates to pixels."""

    budgets: Scale
    rates: Scale
    right: int

    def x_at(self, fraction: float) -> float:
        return round(LEFT + fraction * (self.right - LEFT), 1)

    def y_at(self, fraction: float) -> float:
        return round(HEIGHT - BOTTOM - fraction * (HEIGHT - TOP - BOTTOM), 1)

    def x(self, budget: float) -> float:
        return self.x_at(self.budgets.at(budget))

    def y(self, rate: float) -> float:
        return self.y_at(self.rates.at(rate))

    def place(self, mark: ChartMark) -> ChartMark:
        return replace(mark, x=self.x(mark.x), y=self.y(mark.y), tone=mark.tone % len(ON_LIGHT))

    def draw(self, line: Line, place: int) -> DrawnLine:
        thin = len(line.xs) if line.thin is None else line.thin
        tone = place if line.tone is None else line.tone
        return DrawnLine(
            name="" if line.piece else line.name,
            tone=tone % len(ON_LIGHT),
            dash=DASHES[tone // len(ON_LIGHT) % len(DASHES)] if line.dash is None else line.dash,
            path=self._steps(line, 0, thin),
            thin_path=self._steps(line, thin, len(line.xs)),
            band=self._band(line),
            dots=tuple(ChartMark(x=self.x(x), y=self.y(y), text=_tooltip(line, at)) for at, (x, y) in _dots(line)),
            label_x=self.right + 8,
            label_y=self.y(line.ys[-1]) + 4,
        )

    def _steps(self, line: Line, first: int, last: int) -> str:
        """Return a step line over the points `first` up to `last`, from the end of the step before."""
        if first >= last:
            return ""
        ends = (*line.xs[1:], line.end)
        start = f"M{self.x(line.xs[first])} {self.y(line.ys[max(first - 1, 0)])}"
        steps = zip(line.ys[first:last], ends[first:last], strict=True)
        return start + "".join(f"V{self.y(rate)}H{self.x(end)}" for rate, end in steps)

    def _band(self, line: Line) -> str:
        if not line.low:
            return ""
        ends = (*line.xs[1:], line.end)
        there = [f"V{self.y(high)}H{self.x(end)}" for high, end in zip(line.high, ends, strict=True)]
        back = [f"V{self.y(low)}H{self.x(start)}" for low, start in zip(line.low[::-1], line.xs[::-1], strict=True)]
        return f"M{self.x(line.xs[0])} {self.y(line.low[0])}{''.join(there)}{''.join(back)}Z"


def _dots(line: Line) -> list[tuple[int, tuple[float, float]]]:
    """Return the points that get a dot: all of a short curve, those of k = 1, 2, 4 … of a long one."""
    points = list(enumerate(zip(line.xs, line.ys, strict=True)))
    return points if len(points) <= 16 else [point for point in points if line.ks[point[0]].bit_count() == 1]


def _tooltip(line: Line, at: int) -> str:
    band = f", {line.band} {format_interval(line.low[at], line.high[at])}" if line.low else ""
    what = line.says[at] if line.says else f"k={line.ks[at]}"
    start = f" · from {line.starts[at]} on" if line.starts else ""
    return f"{line.name} · {what} · {100 * line.ys[at]:.1f} %{band}{start}"


def _spread(drawn: Sequence[DrawnLine]) -> tuple[DrawnLine, ...]:
    """Return the lines with their labels moved up or down just enough that they do not overlap."""
    order = sorted((at for at, line in enumerate(drawn) if line.name), key=lambda at: drawn[at].label_y)
    places: list[float] = []
    for at in order:
        places.append(max(drawn[at].label_y, places[-1] + LABEL_HEIGHT if places else TOP + LABEL_HEIGHT / 2))
    beyond = max(0.0, places[-1] - (HEIGHT - BOTTOM)) if places else 0.0
    moved = {at: place - beyond for at, place in zip(order, places, strict=True)}
    return tuple(replace(line, label_y=round(moved.get(at, line.label_y), 1)) for at, line in enumerate(drawn))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelExtrapolation:
    """One model: its measured curve, and the fit's pass@k at each of `TIMES`; `why_not` says why there is none."""

    model: str
    tone: int
    curve: Curve
    shown: tuple[Beyond, ...]
    why_not: str | None

    @property
    def warnings(self) -> tuple[tuple[str, str], ...]:
        """Return the warnings, each once, with their k."""
        at: dict[str, list[int]] = {}
        for one in self.shown:
            for words in one.warnings:
                at.setdefault(words, []).append(one.promise.k)
        return tuple((words, f"k={', '.join(map(str, ks))}") for words, ks in at.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolations:
    """The section of the page; measured lines are solid, extrapolated ones dashed."""

    chart: Chart | None
    lines: tuple[Line, ...]
    rows: tuple[ModelExtrapolation, ...]


def extrapolations(paired: PairedData, seed: int) -> Extrapolations | None:
    """Return the extrapolations of all models; None if no model can be resampled."""
    if paired.draws is None:
        return None
    lines: list[Line] = []
    rows: list[ModelExtrapolation] = []
    for tone, model in enumerate(paired.models):
        counts, curve = paired.counts[model.id], paired.curves[model.id]
        if not curve.points:
            continue
        found, why_not = _extrapolated(counts, seed)
        lines += _lines(curve, found, tone)
        wanted = {times * counts.n for times in TIMES}
        shown = tuple(one for one in found if one.promise.k in wanted)
        rows.append(ModelExtrapolation(model=model.name, tone=tone, curve=curve, shown=shown, why_not=why_not))
    marks = [ChartMark(x=n, y=0.0, text=f"{n} samples were drawn") for n in sorted({row.curve.n for row in rows})]
    return (
        Extrapolations(chart=chart(lines, Extra(rules=marks)), lines=tuple(lines), rows=tuple(rows)) if rows else None
    )


def _extrapolated(counts: Counts, seed: int) -> tuple[Sequence[Beyond], str | None]:
    far = np.geomspace(counts.n + 1, max(TIMES) * counts.n, POINTS).round().astype(int).tolist()
    ks = tuple(sorted({*far, *(times * counts.n for times in TIMES)}))
    try:
        return beyond(counts, AnalysisRequest(ks=ks, seed=seed)), None
    except ValueError as error:
        return (), str(error)


def _lines(curve: Curve, found: Sequence[Beyond], tone: int) -> Iterator[Line]:
    bands = [point.band for point in curve.points if point.band is not None]
    measured = Line(
        name=curve.model,
        xs=tuple(float(point.k) for point in curve.points),
        ys=tuple(point.rate for point in curve.points),
        ks=tuple(point.k for point in curve.points),
        low=tuple(band.low for band in bands),
        high=tuple(band.high for band in bands),
        end=float(found[0].promise.k if found else curve.n + 1),
        thin=None,
        tone=tone,
        says=tuple(f"k={point.k}, measured" for point in curve.points),
        band=WHOLE_BAND,
        piece=bool(found),
    )
    yield measured
    if found:
        yield replace(
            measured,
            xs=tuple(float(one.promise.k) for one in found),
            ys=tuple(one.promise.rate for one in found),
            ks=tuple(one.promise.k for one in found),
            low=tuple(one.promise.interval.low for one in found),
            high=tuple(one.promise.interval.high for one in found),
            end=found[-1].promise.k * 1.05,
            dash=DASH,
            says=tuple(f"k={one.promise.k}, promised" for one in found),
            band="interval",
            piece=False,
        )
