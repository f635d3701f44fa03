"""Show the newest verdicts and log lines, and follow the end unless the reader scrolls back.

Only visible lines are formatted, so ten thousand rows cost no more than ten. It scrolls by itself: Textual's own
scrolling would lay out the whole screen again for every line that comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from sampler.plotting import fit, shorten_names
from sampler.store.read_models import EventRow, TailRow
from sampler.values import sample_number
from tui.data.snapshot import Snapshot
from tui.text import Severity, clock, glyph, sanitize, severity_of
from tui.widgets.plot import mark
from tui.widgets.styles import series_style, severity_style


@dataclass(frozen=True, slots=True, kw_only=True)
class TailLine:
    """One line of the tail, safe to show."""

    at: float
    glyph: str
    word: str
    severity: Severity
    text: str
    tone: int = -1  # of the model, whose mark stands before the text


def tail_rows(snapshot: Snapshot) -> list[TailRow | EventRow]:
    """Return verdicts and the study's log in one stream, by time."""
    rows: list[TailRow | EventRow] = [*snapshot.tail, *snapshot.events]
    rows.sort(key=lambda row: row.at)
    return rows


def tail_key(row: TailRow | EventRow) -> tuple[str, int]:
    """Return a key that identifies a row of the tail."""
    return ("event" if isinstance(row, EventRow) else "verdict"), row.id


ModelNames = Mapping[int, tuple[int, str]]  # tones and names of the models, by id


def tail_line(row: TailRow | EventRow, names: ModelNames) -> TailLine:
    """Return a row of the tail, safe to show."""
    return _event_line(row) if isinstance(row, EventRow) else _verdict_line(row, names)


def shortened(names: ModelNames, width: int) -> ModelNames:
    """Return the names in at most `width` cells each, so that they still differ."""
    short = shorten_names([name for _, name in names.values()], width)
    return {id_: (tone, brief) for (id_, (tone, _)), brief in zip(names.items(), short, strict=True)}


def _verdict_line(row: TailRow, names: ModelNames) -> TailLine:
    tokens = "" if row.completion_tokens is None else f"{row.completion_tokens} tok"
    cost = f"{tokens} {row.seconds:.2f} s".lstrip() if row.seconds else tokens  # a replay has no clock
    error = ": ".join(sanitize(part, 300) for part in (row.error_type, row.error_message) if part)
    tone, model = names.get(row.model_id) or (-1, sanitize(row.model, 200))
    name = f"{model} {sanitize(row.problem, 200)} #{sample_number(row.index)}"
    return TailLine(
        at=row.at,
        glyph=glyph(row.verdict),
        word=sanitize(row.verdict, 20),
        severity=severity_of(row.verdict),
        text=f"{name}  {cost}  {error}".rstrip(),
        tone=tone,
    )


_LEVELS: Mapping[str, tuple[str, Severity]] = {
    "info": ("·", Severity.PLAIN),
    "warning": ("!", Severity.WARN),
    "error": ("✗", Severity.BAD),
}


def _event_line(row: EventRow) -> TailLine:
    sign, severity = _LEVELS.get(row.level, ("·", Severity.PLAIN))
    return TailLine(
        at=row.at,
        glyph=sign,
        word=sanitize(row.level, 20),
        severity=severity,
        text=f"{sanitize(row.kind, 60)}: {sanitize(row.message)}",
    )


_WORD = 10
_SHARE, _SHORTEST = 3, 20  # a name has at most a third of a line, and never less than 20 cells
WHEEL = 3


class Tail(Widget, can_focus=True):
    """Lines by time; with `following` the newest stays visible."""

    DEFAULT_CSS = "Tail { width: 1fr; height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "look(-1)", "Line up", id="tail.up", show=False),
        Binding("down,j", "look(1)", "Line down", id="tail.down", show=False),
        Binding("pageup", "look_page(-1)", "Page up", id="tail.page_up", show=False),
        Binding("pagedown", "look_page(1)", "Page down", id="tail.page_down", show=False),
        Binding("home,g", "look_first", "First line", id="tail.first", show=False),
        Binding("end,G", "follow", "Newest line", id="tail.last", show=False),
        Binding("enter", "open", "Open", id="tail.open", show=False, tooltip="See the sample of the chosen line"),
    ]

    class Moved(Message):
        """The reader began to scroll back, or to follow again."""

    class SampleOpened(Message):
        """The reader wants to see the sample behind a verdict."""

        def __init__(self, verdict: int) -> None:
            super().__init__()
            self.verdict = verdict

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[TailRow | EventRow] = ()
        self._names: ModelNames = {}
        self._short: tuple[int, ModelNames] = (0, {})  # the names as they are shown in a width
        self._chosen = -1
        self._top = 0
        self.following = True

    @property
    def unseen(self) -> int:
        """Return how many lines came after the chosen one."""
        return 0 if self.following else len(self._rows) - 1 - self._chosen

    def show(self, rows: Sequence[TailRow | EventRow], names: ModelNames) -> None:
        """Show these lines from now on, the newest last."""
        if (rows, names) == (self._rows, self._names):
            return
        if not self.following and self._rows:
            chosen = tail_key(self._rows[self._chosen])
            above = self._chosen - self._top
            self._chosen = next((at for at, row in enumerate(rows) if tail_key(row) == chosen), 0)
            self._top = max(0, self._chosen - above)
        self._rows, self._names, self._short = rows, names, (0, {})
        self._settle()

    def chosen_text(self) -> str | None:
        """Return the text of the chosen line; while following, of the newest."""
        if not self._rows:
            return None
        line = tail_line(self._rows[self._chosen], {})
        return f"{clock(line.at)} {line.glyph} {line.word} {line.text}"

    def action_follow(self) -> None:
        """Keep the newest line visible."""
        self.following = True
        self._settle()
        self.post_message(self.Moved())

    def action_look(self, lines: int) -> None:
        """Choose another line; that ends following, unless it is the newest."""
        if self._rows:
            self._chosen = min(len(self._rows) - 1, max(0, self._chosen + lines))
            self.following = self._chosen == len(self._rows) - 1
            self._settle()
            self.post_message(self.Moved())

    def action_open(self) -> None:
        """Open the chosen line."""
        row = self._rows[self._chosen] if self._rows else None
        if isinstance(row, TailRow):
            self.post_message(self.SampleOpened(row.id))

    def action_look_page(self, pages: int) -> None:
        """Choose a line a screenful away."""
        self.action_look(pages * max(1, self.size.height - 1))

    def action_look_first(self) -> None:
        """Choose the oldest line."""
        self.action_look(-len(self._rows))

    def on_mouse_scroll_up(self) -> None:
        """Scroll back by the mouse wheel."""
        self.action_look(-WHEEL)

    def on_mouse_scroll_down(self) -> None:
        """Scroll forward by the mouse wheel."""
        self.action_look(WHEEL)

    def on_click(self, event: Click) -> None:
        """Choose a clicked line."""
        offset = event.get_content_offset(self)
        if offset is not None and self._top + offset.y < len(self._rows):
            self.action_look(self._top + offset.y - self._chosen)

    def on_resize(self) -> None:
        """Show other lines after a change of size."""
        self._settle()

    def render_line(self, y: int) -> Strip:
        """Return one line as text."""
        base = self.visual_style.rich_style
        at, width = self._top + y, self.size.width
        if at >= len(self._rows):
            return Strip.blank(width, base)
        line = tail_line(self._rows[at], self._names_within(width))
        if at == self._chosen and self.has_focus:
            base += RichStyle(reverse=True)
        rest = max(0, width - len("00:00:00 ") - len("x ") - _WORD - 1)
        segments = [
            Segment(f"{clock(line.at)} ", base + severity_style(self, Severity.FAINT)),
            Segment(f"{line.glyph} {fit(line.word, _WORD)} ", base + severity_style(self, line.severity)),
        ]
        if line.tone >= 0:
            segments.append(Segment(f"{mark(line.tone)} ", base + series_style(self, line.tone)))
            rest -= 2
        segments.append(Segment(fit(line.text, max(0, rest)), base))
        return Strip(segments).adjust_cell_length(width, base)

    def _names_within(self, width: int) -> ModelNames:
        if self._short[0] != width:
            self._short = width, shortened(self._names, max(_SHORTEST, width // _SHARE))
        return self._short[1]

    def _settle(self) -> None:
        """Keep the chosen line visible: the newest while following."""
        height, last = max(1, self.size.height), len(self._rows) - 1
        if self.following:
            self._chosen = last
        self._top = min(max(self._top, self._chosen - height + 1), max(0, self._chosen))
        if self.following:
            self._top = max(0, last - height + 1)
        self.refresh()
