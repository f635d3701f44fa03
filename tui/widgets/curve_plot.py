"""The plot on the screen: a thin widget around `tui.widgets.plot.layout`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from sampler.drawing.palette import Rgb, series_colour
from tui.data.snapshot import Series
from tui.widgets.canvas import Ink, Span, Style
from tui.widgets.plot import Options, Plot, layout
from tui.widgets.styles import coloured, faded, ground, is_dark

_SHARES = {Ink.AXIS: 0.65, Ink.GRID: 0.16, Ink.NOTE: 0.75, Ink.RULE: 0.9, Ink.BLANK: 1.0}
_BAND = 0.26
_OTHERS = 0.8


class CurvePlot(Widget):
    """Curves of pass rate against budget. Made anew only when the series, the options or the size change."""

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
        """The finished picture in the present size."""
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
        """Another size is another picture."""
        self.refresh()

    def on_click(self, event: Click) -> None:
        """A click sets the rule."""
        offset = event.get_content_offset(self)
        budget = self.plot.budget_at(offset.x) if offset is not None else None
        if budget is not None:
            self.post_message(self.RuleMoved(budget))

    def render_line(self, y: int) -> Strip:
        """One row of the picture."""
        base = self.visual_style.rich_style
        rows = self.plot.rows
        if y >= len(rows):
            return Strip.blank(self.size.width, base)
        dark = is_dark(self)
        return Strip([self._segment(span, base, dark=dark) for span in rows[y]], self.size.width)

    def _segment(self, span: Span, base: RichStyle, *, dark: bool) -> Segment:
        return Segment(span.text, self._look(span.style, base, dark=dark))

    def _look(self, style: Style, base: RichStyle, *, dark: bool) -> RichStyle:
        plain, under = ground(base)
        band = self._band_colour(under, dark=dark)
        behind = band if style.band else under
        match style.ink:
            case Ink.LINE | Ink.LABEL:
                return coloured(faded(series_colour(style.tone, dark=dark), behind, _OTHERS), behind)
            case Ink.PICKED:
                return coloured(series_colour(style.tone, dark=dark), behind, bold=True)
            case Ink.BAND:
                return coloured(band, under)
            case Ink.BLANK | Ink.AXIS | Ink.GRID | Ink.NOTE | Ink.RULE:
                return coloured(faded(plain, behind, _SHARES[style.ink]), behind, bold=style.ink is Ink.RULE)

    def _band_colour(self, under: Rgb, *, dark: bool) -> Rgb:
        selected = self._options.selected
        return faded(series_colour(selected, dark=dark), under, _BAND) if selected is not None else under
