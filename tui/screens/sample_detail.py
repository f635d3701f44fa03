"""One sample: its program, the answer, the prompt, the tests, the output, why it has its verdict, and what passed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import ClassVar

from textual import getters
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from sampler.reporting.verdict_explanation import explanation
from sampler.store.read_models import SampleDetail
from sampler.store.sample_readers import SampleReader
from tui.run_control import CannotAct, ShellCommand, output_of, start_command, write_sample
from tui.screens.base import StudyApp
from tui.screens.dialogs import PickScreen
from tui.screens.sample_pages import (
    AGAIN,
    Kind,
    SamplePage,
    clean_lines,
    coloured_lines,
    extension_of,
    pages,
    sample_parts,
)
from tui.text import glyph, sanitize
from tui.widgets.header import HeaderLine, TabLine
from tui.widgets.styles import is_dark
from tui.widgets.text_view import TextView

Found = tuple[SampleDetail, tuple[SamplePage, ...]]
Neighbour = Callable[[int, bool], int | None]
FIRST_PAGE = {"PASSED": "code", None: "code"}


def read_sample(reader: SampleReader, sample: int) -> Found | None:
    """Return a sample and its pages."""
    detail = reader.detail(sample)
    if detail is None:
        return None
    passing = reader.passing(sample)
    other = reader.detail(passing.sample_id) if passing else None
    return detail, pages(detail, explanation(detail), other)


class DetailScreen(Screen[None]):
    """All of a sample, in tabs."""

    HELP: ClassVar[str] = """
A sample with all its texts. Code is the program that was executed. Answer is what the model wrote. Why explains the
verdict from the stored facts of the run. Diff compares the program with a shorter one for the same problem that passed.

/ searches in the page; n and N go to the next and previous match until esc. Without a search, n and p go to the next
and previous sample of the list, N and P to the next and previous failure.

o opens the page in $EDITOR or $PAGER. R executes the program again, in a box with the study's limits, and shows the
result in its own tab. If the sample has no verdict yet, R runs the study, which scores it.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,right_square_bracket,tab", "tab(1)", "Next tab", key_display="←→", id="detail.next_tab"),
        Binding("left,left_square_bracket,shift+tab", "tab(-1)", "Previous tab", id="detail.previous_tab", show=False),
        Binding("n", "next(1, False)", "Next", id="detail.next", tooltip="The next sample of the list, or match"),
        Binding("p", "next(-1, False)", "Previous", id="detail.previous", tooltip="The previous sample of the list"),
        Binding("N", "next(1, True)", "Next failure", id="detail.next_failure", show=False),
        Binding("P", "next(-1, True)", "Previous failure", id="detail.previous_failure", show=False),
        Binding("slash", "search", "Search", key_display="/", id="detail.search"),
        Binding("y", "copy", "Copy", id="detail.copy", tooltip="Copy the text of this page"),
        Binding("Y", "copy_all", "Copy all", id="detail.copy_all", show=False, tooltip="Copy every page"),
        Binding("o", "open", "Open", id="detail.open", tooltip="Open this page in $EDITOR or $PAGER"),
        Binding(
            "R",
            "again",
            "Execute again",
            id="detail.again",
            show=False,
            tooltip="Execute the program in a box. Nothing is stored.",
        ),
        Binding("z", "zoom", "Zoom", id="detail.zoom", show=False),
        Binding("escape", "back", "Back", id="detail.back"),
    ]
    CSS = """
    DetailScreen.-zoomed .pane { border: none; }
    DetailScreen.-zoomed #head, DetailScreen.-zoomed #pages { display: none; }
    """

    app = getters.app(StudyApp)

    def __init__(self, sample: int, neighbour: Neighbour | None = None) -> None:
        super().__init__()
        self._sample = sample
        self._neighbour = neighbour
        self._pages: tuple[SamplePage, ...] = ()
        self._at: str | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._process: Popen[str] | None = None
        self.detail: SampleDetail | None = None

    def compose(self) -> ComposeResult:
        """Yield head, tabs and text."""
        yield HeaderLine(id="head")
        yield TabLine((), "", id="pages")
        with Container(id="text-pane", classes="pane"):
            yield TextView(id="text")
        yield Input(id="search", classes="field", placeholder="text to search for", compact=True)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Read the sample."""
        self.query_one(TextView).focus()
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw())
        self._read()

    def on_unmount(self) -> None:
        """Leave no process and no file behind."""
        if self._process is not None:
            self._process.terminate()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def page(self) -> SamplePage | None:
        """Return the page that is shown."""
        return next((page for page in self._pages if page.key == self._at), None)

    def _read(self) -> None:
        sample = self._sample
        self.app.query_worker.ask(lambda reader: read_sample(reader, sample), self._found)

    def _found(self, found: Found | None) -> None:
        if not self.is_attached:
            return
        if found is None:
            self.notify("This sample is no longer in the store.", severity="warning", markup=False)
            return
        self.detail, self._pages = found
        if self._at not in {page.key for page in self._pages}:
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
        pane.border_title = Content(f"{page.title} · {len(page.lines)} line{'s' * (len(page.lines) != 1)}")
        pane.border_subtitle = Content(f"{glyph(verdict)} {verdict}")

    def on_tab_line_picked(self, event: TabLine.Picked) -> None:
        """Show the page of a clicked tab."""
        event.stop()
        self._at = event.key
        self._draw()

    def action_tab(self, step: int) -> None:
        """Show another page."""
        keys = [page.key for page in self._pages]
        if self._at in keys:
            self._at = keys[(keys.index(self._at) + step) % len(keys)]
            self._draw()

    def action_next(self, step: int, failing: bool) -> None:  # noqa: FBT001 - Textual hands it over by place
        """Go to another match during a search, or to another sample of the list."""
        view = self.query_one(TextView)
        if view.pattern:
            self._tell_match(view.next_match(-1 if failing or step < 0 else 1))
            return
        sample = self._neighbour(step, failing) if self._neighbour else None
        if sample is None:
            self.notify("There is no further sample in the list.", timeout=2, markup=False)
        else:
            self._sample = sample
            self._read()

    def _tell_match(self, number: int | None) -> None:
        view = self.query_one(TextView)
        told = f"{number} of {len(view.matches)}" if number else "not found"
        self.query_one("#text-pane").border_title = Content(f"/{view.pattern} · {told}")

    def action_search(self) -> None:
        """Search for text in the page."""
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
            self.notify(f"Copied: {page.title.lower()}", timeout=2, markup=False)

    def action_copy_all(self) -> None:
        """Copy every page."""
        self.app.copy_to_clipboard("\n\n".join(f"# {page.title}\n{page.raw or page.text}" for page in self._pages))
        self.notify("Copied: all pages", timeout=2, markup=False)

    def _file(self, name: str) -> Path:
        """Return a temporary file that is removed with the screen."""
        self._folder = self._folder or TemporaryDirectory(prefix="budget-tui-")
        return Path(self._folder.name) / name

    def action_open(self) -> None:
        """Open the page in the user's editor or pager; the screen waits meanwhile."""
        page, editor = self.page, self.app.machine.editor
        if page is None or not editor:
            self.notify("Set $EDITOR or $PAGER to open a page. In the browser there is no editor.", markup=False)
            return
        file = self._file(f"{page.key}{extension_of(page.language) if page.kind is Kind.CODE else '.txt'}")
        file.write_text(page.text + "\n", encoding="utf-8")  # as it is shown: no control character reaches the terminal
        try:
            with self.app.suspend():
                subprocess.run([*shlex.split(editor), str(file)], check=False)
        except SuspendNotSupported:
            self.notify("This terminal cannot run another program.", severity="warning", markup=False)
        except (OSError, ValueError) as error:
            self.notify(f"Cannot start {editor!r}: {error}", severity="error", markup=False)

    def action_again(self) -> None:
        """Execute the program again, after the user confirms the command."""
        detail = self.detail
        if detail is None or not self.app.may_act():
            return
        if detail.row.verdict is None:
            self.app.action_control("run")
            return
        file = self._file("sample.jsonl")
        try:
            command = self.app.rerun_command(detail, file)
        except CannotAct as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        question = f"{command.meaning}\n\n$ {sanitize(command.typed, 500)}"

        def answered(answer: str | None) -> None:
            if answer == "yes":
                write_sample(detail, file)
                self.notify("Executing …", timeout=2, markup=False)
                self.run_worker(lambda: self._execute(command, detail), name="again", thread=True, exclusive=True)

        answers = [("y", "yes", "yes"), ("n", "no", "no")]
        self.app.push_screen(PickScreen("Execute this program again?", question, answers), answered)

    def _execute(self, command: ShellCommand, detail: SampleDetail) -> None:
        """Run the command in a thread and show its output as a page."""
        self._process = start_command(command)
        text = f"$ {command.typed} > /dev/null\n\n{output_of(self._process)}"
        page = SamplePage(key=AGAIN, title="Again", kind=Kind.PLAIN, lines=clean_lines(text), raw=text)
        if self.is_attached:
            self.app.call_from_thread(self._executed, page, detail)

    def _executed(self, page: SamplePage, detail: SampleDetail) -> None:
        if detail is not self.detail:  # the reader has gone on to another sample
            return
        self._pages = (*(one for one in self._pages if one.key != AGAIN), page)
        self._at = AGAIN
        self._draw()

    def action_zoom(self) -> None:
        """Show only the text, without borders, so that the terminal's selection copies nothing else."""
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
