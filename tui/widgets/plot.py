"""Draw pass rate against budget: a pure function from series to rows of cells, and the widget that shows them.

Curves are steps: a budget buys a whole number of samples. The x axis is logarithmic by default, the y axis fits the
shown values. Only the selected series has its band filled, because several bands would be unreadable. Names are at the
ends of their lines and do not overlap. A star is a model's greedy sample, with the model's mark beside it. A vertical
rule marks one budget; a small table shows the value of every series there, best first. Colour is never the only sign:
every series has its own mark, and its own dashes without colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from sampler.plotting import (
    Rgb,
    Scale,
    budget_scale,
    budget_ticks,
    fit,
    format_interval,
    quantity,
    rate_scale,
    rate_ticks,
    series_colour,
    shorten_names,
)
from tui.data.snapshot import Series
from tui.text import without_marks
from tui.widgets.canvas import (
    DOTS_HIGH,
    DOTS_WIDE,
    Canvas,
    CellKind,
    Label,
    Rectangle,
    Span,
    Style,
    least_covering,
    place_labels,
)
from tui.widgets.styles import base_colours, blended, coloured, is_dark

MARKS = "●■▲◆▼⬢✚◼"
STAR = "★"
SMALLEST = (24, 6)
_GUTTER = 6  # "100% " and the axis
_FOOT = 2  # axis and its numbers
_DASHES = ((1, 0), (6, 3), (2, 2), (10, 4), (4, 2), (1, 2), (8, 2), (3, 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The reader's choices; `selected` and `rule` are None without a choice."""

    log: bool = True
    bands: frozenset[int] = frozenset()  # the tones of the series whose intervals are filled
    dashes: bool = False
    selected: int | None = None  # a tone
    rule: float | None = None  # a budget
    unit: str = "FLOPs"
    readout: bool = True  # a small table of what every series reaches at the rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A finished picture, and the place of its inner part, for the mouse and for moving the rule by a column."""

    rows: tuple[tuple[Span, ...], ...]
    budgets: Scale | None
    left: int
    width: int

    def budget_at(self, column: int) -> float | None:
        """Return the budget in the middle of a column of the picture; None outside the inner part."""
        if self.budgets is None or not 0 <= column - self.left < self.width:
            return None
        return self.budgets.value((column - self.left + 0.5) / self.width)

    def moved(self, budget: float, columns: int) -> float:
        """Return the budget `columns` to the right of `budget`, kept inside the picture."""
        if self.budgets is None:
            return budget
        inside = min(1.0, max(0.0, self.budgets.at(budget)))
        at = min(self.width - 1, max(0, int(inside * self.width) + columns))
        return self.budgets.value((at + 0.5) / self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveReading:
    """One series at the rule."""

    label: str
    tone: int
    rate: float | None  # None where the budget does not buy one sample
    near: tuple[float, float] | None  # the interval: from, to
    k: float | None
    beyond: bool  # the rule lies right of the curve's end: the rate is at least this
    star: tuple[float, float] | None = None  # the greedy sample, wherever the rule stands
    hits: tuple[tuple[int, int], ...] = ()  # samples and right ones of each problem


def mark(tone: int) -> str:
    """Return the mark of a series."""
    return MARKS[tone % len(MARKS)]


def reading(series: Series, budget: float) -> CurveReading:
    """Return the value of a series at one budget."""
    step = series.step(budget)
    if step is None:
        return CurveReading(
            label=series.label, tone=series.tone, rate=None, near=None, k=None, beyond=False, star=series.star
        )
    return CurveReading(
        label=series.label,
        tone=series.tone,
        rate=series.ys[step],
        near=(series.low[step], series.high[step]) if series.high and series.low else None,
        k=series.ks[step] if series.ks else None,
        beyond=budget >= series.end,
        star=series.star,
        hits=series.hits,
    )


def readings(series: Sequence[Series], budget: float) -> list[CurveReading]:
    """Return the values of all series at one budget, best first; those without a sample come last."""
    found = (reading(one, budget) for one in series)
    return sorted(found, key=lambda r: (r.rate is None, -(r.rate or 0.0), r.tone))


def layout(series: Sequence[Series], size: tuple[int, int], options: Options) -> Plot:
    """Return the picture of `series` in `size` (columns, rows) cells; never raises for valid series, at any size."""
    columns, rows = max(0, size[0]), max(0, size[1])
    canvas = Canvas(columns, rows)
    shown = [
        replace(one, label=without_marks(one.label)) for one in series if one.xs and (not options.log or one.end > 0)
    ]
    ends = [x for one in shown for x in (one.xs[0], one.xs[-1], one.end)]
    budgets = budget_scale([*ends, *(one.star[0] for one in shown if one.star)], log=options.log)
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        return _words(canvas, "too small for a plot")
    if budgets is None:
        return _words(canvas, "no curve yet: no problem is complete")
    frame = _PlotArea.around(shown, canvas, budgets, options)
    _draw_axes(canvas, frame, options)
    _draw_band(canvas, frame, options)
    _draw_rule(canvas, frame, options)
    for one in sorted(frame.series, key=lambda s: s.tone == options.selected):
        _draw_line(canvas, frame, one, options)
    _draw_stars(canvas, frame, options)
    _draw_marks(canvas, frame, options)
    kept_free = [*_marks(frame), *(box for _, box in _stars(frame)), *_draw_readings(canvas, frame, options)]
    _draw_labels(canvas, frame, options, kept_free)
    return Plot(rows=canvas.rows(), budgets=budgets, left=frame.left, width=frame.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlotArea:
    """The inner part of the picture, and the scales that lie on it."""

    series: tuple[Series, ...]
    left: int
    width: int
    height: int
    budgets: Scale
    rates: Scale

    @classmethod
    def around(cls, series: Sequence[Series], canvas: Canvas, budgets: Scale, options: Options) -> _PlotArea:
        room = canvas.width - _GUTTER
        longest = max(cell_len(one.label) for one in series) + 2
        margin = min(longest + 1, room // 4) if room >= 40 else 0
        rates = [y for one in series for y in (*one.ys, *((one.star[1],) if one.star else ()))]
        for one in series:
            if one.tone in options.bands:
                rates += [*one.low, *one.high]
        return cls(
            series=tuple(series),
            left=_GUTTER,
            width=room - margin,
            height=canvas.height - _FOOT,
            budgets=budgets,
            rates=rate_scale(rates),
        )

    def row(self, rate: float) -> float:
        """Return the height in rows and fractions of rows, 0 at the top; kept inside."""
        return min(float(self.height), max(0.0, (1 - self.rates.at(rate)) * self.height))

    def dot_row(self, rate: float) -> int:
        return min(self.height * DOTS_HIGH - 1, max(0, int(self.row(rate) * DOTS_HIGH)))

    def dot_column(self, budget: float) -> int:
        inside = min(1.0, max(0.0, self.budgets.at(budget)))
        return min(self.width * DOTS_WIDE - 1, int(inside * self.width * DOTS_WIDE))

    def row_of(self, rate: float) -> int:
        return self.dot_row(rate) // DOTS_HIGH

    def column(self, budget: float) -> int:
        return self.left + self.dot_column(budget) // DOTS_WIDE


def _words(canvas: Canvas, text: str) -> Plot:
    cut = text[: canvas.width]
    canvas.put((canvas.width - len(cut)) // 2, canvas.height // 2, cut, CellKind.NOTE)
    return Plot(rows=canvas.rows(), budgets=None, left=0, width=0)


def _draw_axes(canvas: Canvas, frame: _PlotArea, options: Options) -> None:
    base = frame.height
    for row in range(frame.height):
        canvas.put(frame.left - 1, row, "│", CellKind.AXIS)
    canvas.put(frame.left - 1, base, "└" + "─" * (canvas.width - frame.left), CellKind.AXIS)
    for tick in rate_ticks(frame.rates, frame.height):
        row = min(frame.height - 1, round((1 - tick.at) * frame.height - 0.5))
        canvas.put(0, max(0, row), f"{tick.label:>{_GUTTER - 2}} ┤", CellKind.AXIS)
        canvas.put(frame.left, max(0, row), "┈" * (canvas.width - frame.left), CellKind.GRID)
    unit = f" {options.unit}"
    for tick in budget_ticks(frame.budgets, frame.width):
        column = frame.left + min(frame.width - 1, max(0, int(tick.at * frame.width)))
        canvas.put(column, base, "┴" if tick.label else "╵", CellKind.AXIS)
        start = max(0, min(column - len(tick.label) // 2, canvas.width - len(tick.label)))
        if start + len(tick.label) <= canvas.width - len(unit):
            canvas.put(start, base + 1, tick.label, CellKind.AXIS)
    canvas.put(canvas.width - len(unit), base + 1, unit, CellKind.AXIS)


def _draw_band(canvas: Canvas, frame: _PlotArea, options: Options) -> None:
    # That of the selected series is drawn last, over the other one.
    for one in sorted(frame.series, key=lambda one: one.tone == options.selected):
        if one.tone not in options.bands or not one.low or not one.high:
            continue
        for column in range(frame.column(one.xs[0]), frame.column(one.end) + 1):
            middle = frame.budgets.value((column - frame.left + 0.5) / frame.width)
            step = one.step(middle) or 0
            top, bottom = frame.row(one.high[step]), frame.row(one.low[step])
            canvas.fill(column, top, bottom, one.tone)


def _draw_rule(canvas: Canvas, frame: _PlotArea, options: Options) -> None:
    if options.rule is None or not 0 <= frame.budgets.at(options.rule) <= 1:
        return
    column = frame.column(options.rule)
    for row in range(frame.height):
        canvas.put(column, row, "│", CellKind.RULE)
    canvas.put(column, frame.height, "╧", CellKind.RULE)


def _draw_line(canvas: Canvas, frame: _PlotArea, one: Series, options: Options) -> None:
    picked = one.tone == options.selected
    style = Style(CellKind.PICKED if picked else CellKind.LINE, one.tone)
    on, off = _DASHES[one.tone % len(_DASHES)] if options.dashes else (1, 0)
    thin_from = frame.dot_column(one.xs[one.thin]) if one.thin is not None else frame.width * DOTS_WIDE
    for travelled, (x, y) in enumerate(_path(frame, one)):
        if travelled % (on + off) < on and (x < thin_from or x % 2 == 0):
            canvas.dot(frame.left * DOTS_WIDE + x, y, style)
            if picked and y + 1 < frame.height * DOTS_HIGH:
                canvas.dot(frame.left * DOTS_WIDE + x, y + 1, style)


def _path(frame: _PlotArea, one: Series) -> Iterator[tuple[int, int]]:
    """Yield the dots of a step curve from left to right, risers included."""
    first, last = frame.dot_column(one.xs[0]), frame.dot_column(one.end)
    before: int | None = None
    for x in range(first, last + 1):
        middle = frame.budgets.value((x + 0.5) / (frame.width * DOTS_WIDE))
        step = one.step(middle) or 0
        y = frame.dot_row(one.ys[step])
        if before is not None and before != y:
            towards = 1 if y > before else -1
            yield from ((x, between) for between in range(before + towards, y, towards))
        yield x, y
        before = y


def _kind_of(one: Series | CurveReading | Label, options: Options) -> CellKind:
    return CellKind.PICKED if one.tone == options.selected else CellKind.LABEL


def _marks(frame: _PlotArea) -> list[Rectangle]:
    return [
        Rectangle(column=frame.column(one.end), row=frame.row_of(one.ys[-1]), width=1, height=1) for one in frame.series
    ]


def _stars(frame: _PlotArea) -> list[tuple[Series, Rectangle]]:
    """Return the places of the greedy samples, each two cells wide: the star and the model's mark."""
    starred = [(one, one.star) for one in frame.series if one.star is not None]
    return [
        (one, Rectangle(column=frame.column(budget), row=frame.row_of(rate), width=2, height=1))
        for one, (budget, rate) in starred
    ]


def _draw_stars(canvas: Canvas, frame: _PlotArea, options: Options) -> None:
    for one, at in _stars(frame):
        canvas.put(at.column, at.row, STAR + mark(one.tone), _kind_of(one, options), one.tone)


def _draw_marks(canvas: Canvas, frame: _PlotArea, options: Options) -> None:
    for one, at in zip(frame.series, _marks(frame), strict=True):
        canvas.put(at.column, at.row, mark(one.tone), _kind_of(one, options), one.tone)


def _draw_labels(canvas: Canvas, frame: _PlotArea, options: Options, kept_free: Sequence[Rectangle]) -> None:
    wanted = []
    names = [one.label for one in frame.series]
    for one in sorted(frame.series, key=lambda s: (s.tone != options.selected, -s.ys[-1], s.tone)):
        column = frame.column(one.end) + 1
        room = canvas.width - column
        if room >= 8:
            text = shorten_names(names, room - 3)[frame.series.index(one)]
            away = f" {mark(one.tone)} {text}"
            wanted.append(Label(text=f" {text}", away=away, column=column, row=frame.row_of(one.ys[-1]), tone=one.tone))
    for label in place_labels(wanted, frame.height, canvas.busy, kept_free):
        canvas.put(label.column, label.row, label.text, _kind_of(label, options), label.tone)


def _draw_readings(canvas: Canvas, frame: _PlotArea, options: Options) -> list[Rectangle]:
    """Draw a small table of every series at the rule, in the corner where it covers least."""
    if options.rule is None or not options.readout or frame.height < 10 or frame.width < 50:
        return []
    found = readings(frame.series, options.rule)[: max(0, frame.height // 2 - 2)]
    names = shorten_names([one.label for one in found], max(24, frame.width // 2))
    widest = max(map(cell_len, names))
    title = f" at {quantity(options.rule, options.unit)} "
    spread = max(len(near_words(one)) for one in found)
    lines = [
        (one, f" {mark(one.tone)} {fit(name, widest)} {reading_text(one, spread)} ")
        for one, name in zip(found, names, strict=True)
    ]
    width, height = max(len(title), *(cell_len(text) for _, text in lines)), len(lines) + 1
    right, bottom = canvas.width - width, frame.height - height
    corners = [
        Rectangle(column=x, row=y, width=width, height=height) for y in (bottom, 0) for x in (right, frame.left + 1)
    ]
    box = least_covering(corners, canvas.busy)
    canvas.put(box.column, box.row, title.ljust(width), CellKind.RULE)
    for row, (one, text) in enumerate(lines, start=box.row + 1):
        canvas.put(box.column, row, fit(text, width), _kind_of(one, options), one.tone)
    return [box]


def near_words(one: CurveReading) -> str:
    """Return the interval of a reading, as in the report; empty without one."""
    return "" if one.rate is None or one.near is None else format_interval(*one.near)


def reading_text(one: CurveReading, spread: int) -> str:
    """Return a reading as text of fixed width: rate, interval, samples per problem."""
    if one.rate is None:
        return f"{'< 1 sample':>12}"
    rate = f"{'≥' if one.beyond else ''}{one.rate * 100:.1f}"
    samples = "" if one.k is None else f" k={one.k:.3g}"
    return f"{rate:>6} {near_words(one):<{spread}}{samples:<5}"


_SHARES = {CellKind.AXIS: 0.65, CellKind.GRID: 0.16, CellKind.NOTE: 0.75, CellKind.RULE: 0.9, CellKind.BLANK: 1.0}
_BAND = 0.26
_OTHERS = 0.8


class CurvePlot(Widget):
    """Curves of pass rate against budget; computed again only if the series, the options or the size change."""

    DEFAULT_CSS = "CurvePlot { width: 1fr; height: 1fr; }"
    ALLOW_SELECT = False

    class RuleMoved(Message):
        """The reader pointed at a budget."""

        def __init__(self, budget: float) -> None:
            super().__init__()
            self.budget = budget

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._series: tuple[Series, ...] = ()
        self._options = Options()
        self._plot: Plot | None = None
        self._plotted = (0, 0)

    @property
    def plot(self) -> Plot:
        """Return the finished picture in the present size."""
        size = self.size.width, self.size.height
        if self._plot is None or size != self._plotted:
            self._plot, self._plotted = layout(self._series, size, self._options), size
        return self._plot

    def show(self, series: Sequence[Series], options: Options) -> None:
        """Draw these series from now on."""
        if (tuple(series), options) != (self._series, self._options):
            self._series, self._options = tuple(series), options
            self._plot = None
            self.refresh()

    def on_resize(self) -> None:
        """Make the picture again for a new size."""
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Set the rule at a click."""
        offset = event.get_content_offset(self)
        budget = self.plot.budget_at(offset.x) if offset is not None else None
        if budget is not None:
            self.post_message(self.RuleMoved(budget))

    def render_line(self, y: int) -> Strip:
        """Return one row of the picture."""
        base = self.visual_style.rich_style
        rows = self.plot.rows
        if y >= len(rows):
            return Strip.blank(self.size.width, base)
        dark = is_dark(self)
        return Strip([self._segment(span, base, dark=dark) for span in rows[y]], self.size.width)

    def _segment(self, span: Span, base: RichStyle, *, dark: bool) -> Segment:
        return Segment(span.text, self._cell_style(span.style, base, dark=dark))

    def _cell_style(self, style: Style, base: RichStyle, *, dark: bool) -> RichStyle:
        plain, under = base_colours(base)
        behind = under if style.band < 0 else self._band_colour(style.band, under, dark=dark)
        match style.kind:
            case CellKind.LINE | CellKind.LABEL:
                return coloured(blended(series_colour(style.tone, dark=dark), behind, _OTHERS), behind)
            case CellKind.PICKED:
                return coloured(series_colour(style.tone, dark=dark), behind, bold=True)
            case CellKind.BAND:
                return coloured(self._band_colour(style.tone, under, dark=dark), behind)
            case CellKind.BLANK | CellKind.AXIS | CellKind.GRID | CellKind.NOTE | CellKind.RULE:
                return coloured(blended(plain, behind, _SHARES[style.kind]), behind, bold=style.kind is CellKind.RULE)

    @staticmethod
    def _band_colour(tone: int, under: Rgb, *, dark: bool) -> Rgb:
        return blended(series_colour(tone, dark=dark), under, _BAND)
