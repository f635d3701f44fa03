"""Show the plot: a thin widget around `tui.widgets.plot.layout`."""

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
from tui.widgets.canvas import CellKind, Span, Style
from tui.widgets.plot import Options, Plot, layout
from tui.widgets.styles import base_colours, blended, coloured, is_dark

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
        return Segment(span.text, self._look(span.style, base, dark=dark))

    def _look(self, style: Style, base: RichStyle, *, dark: bool) -> RichStyle:
        plain, under = base_colours(base)
        band = self._band_colour(under, dark=dark)
        behind = band if style.band else under
        match style.kind:
            case CellKind.LINE | CellKind.LABEL:
                return coloured(blended(series_colour(style.tone, dark=dark), behind, _OTHERS), behind)
            case CellKind.PICKED:
                return coloured(series_colour(style.tone, dark=dark), behind, bold=True)
            case CellKind.BAND:
                return coloured(band, under)
            case CellKind.BLANK | CellKind.AXIS | CellKind.GRID | CellKind.NOTE | CellKind.RULE:
                return coloured(blended(plain, behind, _SHARES[style.kind]), behind, bold=style.kind is CellKind.RULE)

    def _band_colour(self, under: Rgb, *, dark: bool) -> Rgb:
        selected = self._options.selected
        return blended(series_colour(selected, dark=dark), under, _BAND) if selected is not None else under
