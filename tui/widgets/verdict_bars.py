"""How the programs of one model ended, as bars with a glyph, a word, a count and a share."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widget import Widget

from tui.header import grouped
from tui.text import fit
from tui.view import Mood, glyph, mood
from tui.widgets.styles import mood_style
from tui.widgets.verdict_counts import Bar, folded

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WORD = 10
_SHARE = 7
_COUNT = 8
_WIDE = 44


def bar_text(share: float, width: int) -> str:
    """A share of 0…1 as a bar of exactly `width` cells, fine to an eighth of a cell."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    drawn = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return drawn.ljust(width)


class VerdictBars(Widget):
    """One bar for each verdict, most of the width for the bar; without room the count goes first."""

    DEFAULT_CSS = "VerdictBars { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._bars: tuple[Bar, ...] = ()

    def show(self, bars: Sequence[Bar]) -> None:
        """Draw these bars from now on."""
        if tuple(bars) != self._bars:
            self._bars = tuple(bars)
            self.refresh()

    def render(self) -> Text:
        """As many bars as there are rows."""
        if not self._bars:
            return Text("no verdict yet", style=mood_style(self, Mood.FAINT), end="")
        lines = [self._line(bar, self.size.width) for bar in folded(self._bars, self.size.height)]
        return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)

    def _line(self, bar: Bar, width: int) -> Text:
        counted = width >= _WIDE
        room = max(1, width - 2 - _WORD - 1 - _SHARE - (_COUNT if counted else 0))
        style = mood_style(self, Mood.WARN if bar.verdict == "OTHERS" else mood(bar.verdict))
        line = Text(no_wrap=True, overflow="crop", end="")
        line.append(f"{glyph(bar.verdict)} {fit(bar.verdict, _WORD)} ", style)
        line.append(bar_text(bar.share, room), style)
        if counted:
            line.append(f"{grouped(bar.count):>{_COUNT}}")
        line.append(f"{bar.share * 100:>{_SHARE - 1}.1f}%")
        return line
