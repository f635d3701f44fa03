"""One sample: its program, what the model wrote, the prompt, the tests, the output, why it has its verdict, and what passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from sampler.reporting.explaining import explanation
from sampler.store.reader_samples import SampleReader
from sampler.store.sample_rows import SampleDetail
from tui.highlight import coloured_lines
from tui.sample_text import Page, pages, sample_parts
from tui.screens.base import Hall
from tui.view import glyph
from tui.widgets.header_line import HeaderLine
from tui.widgets.ink import is_dark
from tui.widgets.tab_line import TabLine
from tui.widgets.text_view import TextView

Found = tuple[SampleDetail, tuple[Page, ...]]
Neighbour = Callable[[int, bool], int | None]
FIRST_PAGE = {"PASSED": "code", None: "code"}


def read_sample(reader: SampleReader, sample: int) -> Found | None:
    """A sample and its pages."""
    detail = reader.detail(sample)
    if detail is None:
        return None
    passing = reader.passing(sample)
    other = reader.detail(passing.sample_id) if passing else None
    return detail, pages(detail, explanation(detail), other)


class DetailScreen(Screen[None]):
    """All of a sample, in tabs."""

    HELP: ClassVar[str] = """
A sample with all its texts. Code is what was executed; Answer what the model wrote; Why says in words how the verdict came
about, from the facts that the run kept; Diff holds the program against a shorter one of the same problem that passed.

/ searches in the page, n and N go from match to match until escape; without a search n and p go to the next and previous sample
of the list, N and P to failures only. Nothing here is executed.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,right_square_bracket,tab", "tab(1)", "Next tab", key_display="←→", id="detail.next_tab"),
        Binding("left,left_square_bracket,shift+tab", "tab(-1)", "Previous tab", id="detail.previous_tab", show=False),
        Binding("n", "next(1, False)", "Next", id="detail.next", tooltip="The next sample of the list, or match"),
        Binding("p", "next(-1, False)", "Previous", id="detail.previous", tooltip="The previous sample of the list"),
        Binding("N", "next(1, True)", "Next failure", id="detail.next_failure", show=False),
        Binding("P", "next(-1, True)", "Previous failure", id="detail.previous_failure", show=False),
        Binding("slash", "search", "Search", key_display="/", id="detail.search"),
        Binding("y", "copy", "Copy", id="detail.copy", tooltip="Copy the text of this page as it is"),
        Binding("Y", "copy_all", "Copy all", id="detail.copy_all", show=False, tooltip="Copy every page"),
        Binding("z", "zoom", "Zoom", id="detail.zoom", show=False),
        Binding("escape", "back", "Back", id="detail.back"),
    ]
    CSS = """
    DetailScreen.-zoomed .pane { border: none; }
    DetailScreen.-zoomed #head, DetailScreen.-zoomed #pages { display: none; }
    """

    def __init__(self, sample: int, neighbour: Neighbour | None = None) -> None:
        super().__init__()
        self._sample = sample
        self._neighbour = neighbour
        self._pages: tuple[Page, ...] = ()
        self._at: str | None = None
        self.detail: SampleDetail | None = None

    def compose(self) -> ComposeResult:
        """Head, tabs, text."""
        yield HeaderLine(id="head")
        yield TabLine("", id="pages")
        with Container(id="text-pane", classes="pane"):
            yield TextView(id="text")
        yield Input(id="search", classes="field", placeholder="text to look for", compact=True)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Read the sample."""
        self.query_one(TextView).focus()
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw())
        self._read()

    @property
    def _hall(self) -> Hall:
        return cast("Hall", self.app)

    @property
    def page(self) -> Page | None:
        """The page that is shown."""
        return next((page for page in self._pages if page.key == self._at), None)

    def _read(self) -> None:
        sample = self._sample
        self._hall.desk.ask(lambda reader: read_sample(reader, sample), self._found)

    def _found(self, found: Found | None) -> None:
        if not self.is_attached:
            return
        if found is None:
            self.notify("that sample is no longer in the store", severity="warning", markup=False)
            return
        self.detail, self._pages = found
        if self._at is None:
            self._at = FIRST_PAGE.get(self.detail.row.verdict, "why")
        self._draw()

    def _draw(self) -> None:
        page = self.page
        if page is None or self.detail is None:
            return
        self.query_one("#head", HeaderLine).show([part for part in sample_parts(self.detail.row) if part.text])
        tabs = self.query_one(TabLine)
        tabs.show([(one.key, one.title) for one in self._pages], page.key)
        view = self.query_one(TextView)
        view.show(coloured_lines(page, dark=is_dark(self)), numbered=page.numbered, wrapped=page.wrapped)
        pane = self.query_one("#text-pane")
        verdict = self.detail.row.verdict or "pending"
        pane.border_title = Content(f"{page.title} · {len(page.lines)} lines")
        pane.border_subtitle = Content(f"{glyph(verdict)} {verdict}")

    def on_tab_line_picked(self, event: TabLine.Picked) -> None:
        """A click on a tab."""
        event.stop()
        self._at = event.key
        self._draw()

    def action_tab(self, step: int) -> None:
        """Another page."""
        keys = [page.key for page in self._pages]
        if self._at in keys:
            self._at = keys[(keys.index(self._at) + step) % len(keys)]
            self._draw()

    def action_next(self, step: int, failing: bool) -> None:  # noqa: FBT001 - Textual hands it over by place
        """Another match while one searches, or another sample of the list."""
        view = self.query_one(TextView)
        if view.pattern:
            self._tell_match(view.next_match(-1 if failing or step < 0 else 1))
            return
        sample = self._neighbour(step, failing) if self._neighbour else None
        if sample is None:
            self.notify("no further sample in the list", timeout=2, markup=False)
        else:
            self._sample = sample
            self._read()

    def _tell_match(self, number: int | None) -> None:
        view = self.query_one(TextView)
        told = f"{number} of {len(view.matches)}" if number else "not found"
        self.query_one("#text-pane").border_title = Content(f"/{view.pattern} · {told}")

    def action_search(self) -> None:
        """Look for text in the page."""
        field = self.query_one("#search", Input)
        field.add_class("-shown")
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Mark what is typed."""
        self.query_one(TextView).search(event.value)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Go to the first match."""
        self.query_one("#search", Input).remove_class("-shown")
        view = self.query_one(TextView)
        view.focus()
        if view.pattern:
            self._tell_match(view.next_match(1))

    def action_copy(self) -> None:
        """Copy the page as it is, control characters and all: only the terminal's clipboard sees it."""
        page = self.page
        if page is not None:
            self.app.copy_to_clipboard(page.raw or page.text)
            self.notify(f"{page.title.lower()} copied", timeout=2, markup=False)

    def action_copy_all(self) -> None:
        """Copy every page."""
        self.app.copy_to_clipboard("\n\n".join(f"# {page.title}\n{page.raw or page.text}" for page in self._pages))
        self.notify("all pages copied", timeout=2, markup=False)

    def action_zoom(self) -> None:
        """The text alone, without borders, so that the terminal's own selection copies nothing else."""
        self.toggle_class("-zoomed")

    def action_back(self) -> None:
        """End the search, the zoom, or go back to the list."""
        field, view = self.query_one("#search", Input), self.query_one(TextView)
        if field.has_class("-shown") or view.pattern:
            field.remove_class("-shown")
            field.value = ""
            view.search("")
            view.focus()
            self._draw()
        elif self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        else:
            self.dismiss()
