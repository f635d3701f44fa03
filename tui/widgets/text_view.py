"""Show text: lines with colours, scrolled both ways, with search. Only visible lines are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.text import Severity
from tui.widgets.styles import severity_style

_STEP = 8


class TextView(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines of text that the caller has sanitized."""

    DEFAULT_CSS = """
    TextView { width: 1fr; height: 1fr; scrollbar-size: 1 1; background: transparent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_lines(-1)", "Line up", id="text.up", show=False),
        Binding("down,j", "scroll_lines(1)", "Line down", id="text.down", show=False),
        Binding("pageup,ctrl+u", "scroll_pages(-1)", "Page up", id="text.page_up", show=False),
        Binding("pagedown,ctrl+d", "scroll_pages(1)", "Page down", id="text.page_down", show=False),
        Binding("home,g", "scroll_lines(-1000000)", "Beginning", id="text.first", show=False),
        Binding("end,G", "scroll_lines(1000000)", "End", id="text.last", show=False),
        Binding("shift+left", f"scroll_sideways(-{_STEP})", "To the left", id="text.left", show=False),
        Binding("shift+right", f"scroll_sideways({_STEP})", "To the right", id="text.right", show=False),
    ]
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._given: Sequence[Text] = ()
        self._lines: Sequence[Text] = ()  # as they are drawn: wrapped where that is wanted
        self._numbered = self._wrapped = False
        self._hang = 0
        self._pattern = ""
        self.matches: list[int] = []
        self._match = -1

    def show(
        self, lines: Sequence[Text], *, numbered: bool = False, wrapped: bool = False, hang: int = 0, stay: bool = False
    ) -> None:
        """Show these lines from now on, from the first one, or with `stay` from the present position.

        A wrapped line continues `hang` columns from the left, or below its own beginning.
        """
        self._given, self._numbered, self._wrapped, self._hang = lines, numbered, wrapped, hang
        self._lay_out()
        if not stay:
            self.scroll_to(0, 0, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        """Break lines again after a change of width."""
        if self._wrapped:
            self._lay_out()

    def _lay_out(self) -> None:
        self._lines, width = self._given, self.size.width - 1
        if self._wrapped and width > 0:
            self._lines = [part for line in self._given for part in self._broken(line, width)]
        widest = 0 if self._wrapped else max((line.cell_len for line in self._lines), default=0)
        size = Size(widest + self._gutter, len(self._lines))
        if size != self.virtual_size:
            self.virtual_size = size
        self.search(self._pattern)

    def _broken(self, line: Text, width: int) -> list[Text]:
        """Return a line in parts of `width` columns; an indent of more than half of them is dropped."""
        hang = self._hang or len(line.plain) - len(line.plain.lstrip(" "))
        hang = hang if hang * 2 < width else 0
        head, rest = line.divide([hang])
        first, *others = rest.wrap(self.app.console, width - hang) or [rest]
        return [head + first, *(Text(" " * hang) + part for part in others)]

    @property
    def pattern(self) -> str:
        """Return the searched text."""
        return self._pattern

    def search(self, pattern: str) -> int:
        """Mark every line that contains a text; return how many there are."""
        self._pattern = pattern.lower()
        held = self._pattern
        self.matches = [at for at, line in enumerate(self._lines) if held and held in line.plain.lower()]
        self._match = -1
        self.refresh()
        return len(self.matches)

    def next_match(self, step: int) -> int | None:
        """Go to another match; return its number from 1, or None without one."""
        if not self.matches:
            return None
        self._match = (self._match + step) % len(self.matches) if self._match >= 0 else (0 if step > 0 else -1)
        self._match %= len(self.matches)
        line = self.matches[self._match]
        self.scroll_to(y=max(0, line - self.size.height // 3), animate=False, force=True, immediate=True)
        self.refresh()
        return self._match + 1

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_y + lines, animate=False)

    def action_scroll_pages(self, pages: int) -> None:
        """Scroll by screenfuls."""
        self.action_scroll_lines(pages * max(1, self.size.height - 1))

    def action_scroll_sideways(self, columns: int) -> None:
        """Scroll to the side."""
        self.scroll_to(x=self.scroll_x + columns, animate=False)

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        base = self.visual_style.rich_style
        at, width, gutter = round(self.scroll_y) + y, self.size.width, self._gutter
        if at >= len(self._lines):
            return Strip.blank(width, base)
        left = round(self.scroll_x)
        body = Strip(self._segments(at)).crop(left, left + max(0, width - gutter)).apply_style(base)
        head = [Segment(f"{at + 1:>{gutter - 2}}  ", base + severity_style(self, Severity.FAINT))] if gutter else []
        return Strip([*head, *body]).adjust_cell_length(width, base)

    def _segments(self, at: int) -> list[Segment]:
        line = self._lines[at]
        if self._pattern and self._pattern in line.plain.lower():
            line = line.copy()
            start = line.plain.lower().find(self._pattern)
            while start >= 0:
                line.stylize(RichStyle(reverse=True, bold=True), start, start + len(self._pattern))
                start = line.plain.lower().find(self._pattern, start + len(self._pattern))
        return list(line.render(self.app.console))

    @property
    def _gutter(self) -> int:
        return len(str(len(self._lines))) + 3 if self._numbered else 0
