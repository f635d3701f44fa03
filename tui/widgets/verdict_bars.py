"""Show how often a model got each verdict, as bars: a sign, a word, a count and a share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.widget import Widget

from tui.data.snapshot import Snapshot
from tui.formats import Severity, glyph, grouped, severity_of
from tui.text import fit, sanitize
from tui.widgets.styles import severity_style


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """How often one verdict came up."""

    verdict: str
    count: int
    share: float


def verdict_counts(snapshot: Snapshot, model: int) -> list[VerdictCount]:
    """Return the verdicts of one model (by its id): PASSED first, the others by how often they came up."""
    found = {verdict: n for (owner, verdict), n in snapshot.counts.items() if owner == model and n}
    total = sum(found.values())
    ordered = sorted(found, key=lambda verdict: (verdict != "PASSED", -found[verdict], verdict))
    return [VerdictCount(verdict=sanitize(v, 20), count=found[v], share=found[v] / total) for v in ordered]


def folded(found: Sequence[VerdictCount], rows: int) -> list[VerdictCount]:
    """Return at most `rows` bars; the last one adds up the verdicts that do not fit."""
    if len(found) <= rows or rows < 1:
        return list(found[: max(0, rows)])
    kept, rest = found[: rows - 1], found[rows - 1 :]
    return [*kept, VerdictCount(verdict="OTHERS", count=sum(b.count for b in rest), share=sum(b.share for b in rest))]


_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WORD = 10
_SHARE = 7
_COUNT = 8
_WIDE = 44


def bar_text(share: float, width: int) -> str:
    """Return a share of 0…1 as a bar of exactly `width` cells, fine to an eighth of a cell."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    drawn = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return drawn.ljust(width)


class VerdictBars(Widget):
    """One bar for each verdict, with most of the width; on a narrow screen the count is hidden first."""

    DEFAULT_CSS = "VerdictBars { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._bars: tuple[VerdictCount, ...] = ()

    def show(self, bars: Sequence[VerdictCount]) -> None:
        """Draw these bars from now on."""
        if tuple(bars) != self._bars:
            self._bars = tuple(bars)
            self.refresh()

    def render(self) -> Text:
        """Return as many bars as there are rows."""
        if not self._bars:
            return Text("no verdict yet", style=severity_style(self, Severity.FAINT), end="")
        lines = [self._line(bar, self.size.width) for bar in folded(self._bars, self.size.height)]
        return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)

    def _line(self, bar: VerdictCount, width: int) -> Text:
        counted = width >= _WIDE
        room = max(1, width - 2 - _WORD - 1 - _SHARE - (_COUNT if counted else 0))
        style = severity_style(self, Severity.WARN if bar.verdict == "OTHERS" else severity_of(bar.verdict))
        line = Text(no_wrap=True, overflow="crop", end="")
        line.append(f"{glyph(bar.verdict)} {fit(bar.verdict, _WORD)} ", style)
        line.append(bar_text(bar.share, room), style)
        if counted:
            line.append(f"{grouped(bar.count):>{_COUNT}}")
        line.append(f"{bar.share * 100:>{_SHARE - 1}.1f}%")
        return line
