from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tui.screens.sample_detail import DetailScreen
from tui.screens.samples import SamplesScreen
from tui.widgets.paged_table import PagedTable

SIZES = [(80, 24), (140, 40)]
View = Callable[..., Any]
HOSTILE = "\x1b[31m\x1b]52;c;eA==\x07 [bold]loud[/bold] [@click=app.quit]x[/] \u202egnp.exe " + "y" * 1_000_000


def table_of(viewer: Any) -> PagedTable[Any]:
    return viewer.app.screen.query_one("#samples", PagedTable)


@pytest.mark.parametrize("size", SIZES)
async def test_every_sample_is_listed_newest_first(finished: Path, view: View, size: tuple[int, int]) -> None:
    async with view(finished, size, screen="samples") as viewer:
        await viewer.sees("Samples · 120", "Toy/7", "✓ PASSED", "following")
        assert "toy-coder-3b" in viewer.text
        lines = viewer.text.splitlines()
        assert len(lines) == size[1]
        assert "3 Samples" in lines[1]
        assert "DONE" in lines[0]
        assert table_of(viewer).chosen.index == 4


async def test_a_filter_lists_at_once_what_it_lets_through(finished: Path, view: View) -> None:
    async with view(finished, screen="samples") as viewer:
        await viewer.sees("Samples · 120")
        await viewer.press("slash")
        await viewer.write("problem:Toy/1 model:*3b")
        await viewer.sees("Samples · 5 of 120")
        await viewer.press("enter")
        await viewer.until(lambda: not viewer.app.screen.query_one("#filter").has_class("-shown"))
        await viewer.sees("problem:Toy/1 model:*3b")
        await viewer.press("exclamation_mark")
        await viewer.sees("model:*3b failed")
        await viewer.press("ctrl+underscore")
        await viewer.sees("Samples · 120")


async def test_a_filter_that_says_nothing_is_told_and_escape_brings_the_old_one_back(
    finished: Path, view: View
) -> None:
    async with view(finished, screen="samples") as viewer:
        await viewer.press("exclamation_mark")
        await viewer.sees("failed")
        await viewer.press("slash")
        await viewer.write(" modle:x")
        await viewer.sees("did you mean 'model'")
        await viewer.press("enter")
        assert viewer.app.screen.query_one("#filter").has_class("-shown"), "it stays open until it says something"
        await viewer.press("escape")
        await viewer.sees_no("did you mean")
        assert viewer.app.view_state.filter == "failed"


async def test_sorting_goes_from_column_to_column_and_turns_round(finished: Path, view: View) -> None:
    async with view(finished, screen="samples") as viewer:
        await viewer.sees("time▼")
        for words in ("problem▼", "model▼", "verdict▼", "▼tok"):
            await viewer.press("s")
            await viewer.sees(words)
        await viewer.until(lambda: table_of(viewer).chosen and table_of(viewer).chosen.completion_tokens == 44)
        await viewer.press("S")
        await viewer.sees("▲tok")
        await viewer.until(lambda: table_of(viewer).chosen and table_of(viewer).chosen.completion_tokens == 40)


async def test_new_samples_come_on_top_and_the_cursor_stays_on_its_line(
    new_writer: View, store_path: Path, view: View
) -> None:
    writer = new_writer()
    writer.fill(models=1)
    async with view(store_path, screen="samples") as viewer:
        await viewer.sees("Samples · 40")
        table = table_of(viewer)
        await viewer.until(lambda: table.chosen)
        await viewer.press("down", "down", "down")
        chosen = table.chosen_id
        await asyncio.to_thread(_add, writer, 0, "one more")
        await viewer.sees("Samples · 41")
        assert (table.chosen_id, table.cursor) == (chosen, 4)
        await viewer.press("f")
        await viewer.until(lambda: table.cursor == 0 and table.chosen and table.chosen.error_message == "one more")
        await asyncio.to_thread(_add, writer, 1, "and another")
        await viewer.sees("and another")
        await viewer.until(lambda: table.cursor == 0 and table.chosen and table.chosen.error_message == "and another")


def _add(writer: Any, index: int, message: str) -> None:
    writer.add("toy-coder-1.5b", "Toy/0", index, message)
    writer.store.flush()


async def test_rows_are_copied_in_words_and_marked_ones_as_json(finished: Path, view: View) -> None:
    async with view(finished, screen="samples") as viewer:
        await viewer.until(lambda: table_of(viewer).chosen)
        await viewer.press("y")
        assert "toy-coder-3b Toy/7 #4" in viewer.app.clipboard
        await viewer.press("space", "space")
        await viewer.sees("2 marked", "▪")
        await viewer.press("Y")
        await viewer.until(lambda: viewer.app.clipboard.startswith("["))
        assert [row["index"] for row in json.loads(viewer.app.clipboard)] == [4, 3]


@pytest.mark.parametrize("size", SIZES)
async def test_a_sample_opens_with_all_its_texts(finished: Path, view: View, size: tuple[int, int]) -> None:
    async with view(finished, size, screen="samples") as viewer:
        await viewer.press("exclamation_mark")
        await viewer.until(lambda: table_of(viewer).chosen and table_of(viewer).chosen.verdict != "PASSED")
        await viewer.press("enter")
        await viewer.until(lambda: isinstance(viewer.app.screen, DetailScreen) and viewer.app.screen.detail)
        await viewer.sees("AssertionError: no", "exit code")
        for key, words in (
            ("code", "f"),
            ("answer", "return"),
            ("prompt", "def f():"),
            ("tests", "assert candidate() is None"),
            ("output", "no output"),
            ("diff", "passed yet"),
        ):
            for _ in range(7):
                if viewer.app.screen.page.key == key:
                    break
                await viewer.press("right")
            assert viewer.app.screen.page.key == key
            if key != "diff":
                await viewer.sees(words)
        await viewer.press("escape")
        await viewer.until(lambda: isinstance(viewer.app.screen, SamplesScreen))


async def test_next_and_previous_walk_through_the_list(finished: Path, view: View) -> None:
    async with view(finished, screen="samples") as viewer:
        await viewer.until(lambda: table_of(viewer).chosen)
        await viewer.press("enter")
        await viewer.until(lambda: isinstance(viewer.app.screen, DetailScreen) and viewer.app.screen.detail)
        first = viewer.app.screen.detail.row.sample_id
        await viewer.press("n")
        await viewer.until(lambda: viewer.app.screen.detail.row.sample_id == first - 1)
        await viewer.press("N")
        await viewer.until(lambda: viewer.app.screen.detail.row.verdict != "PASSED")
        await viewer.press("p", "p", "p", "p", "p", "p")
        await viewer.until(lambda: viewer.app.screen.detail.row.sample_id <= first)


async def test_searching_in_a_text_goes_from_match_to_match(finished: Path, view: View) -> None:
    async with view(finished, screen="samples") as viewer:
        await viewer.until(lambda: table_of(viewer).chosen)
        await viewer.press("enter")
        await viewer.until(lambda: isinstance(viewer.app.screen, DetailScreen) and viewer.app.screen.detail)
        await viewer.press("right", "right", "right")
        await viewer.sees("assert candidate")
        await viewer.press("slash")
        await viewer.write("candidate")
        await viewer.press("enter")
        await viewer.sees("/candidate · 1 of 2")
        await viewer.press("n")
        await viewer.sees("2 of 2")
        await viewer.press("escape")
        await viewer.sees("Tests · ")


async def test_hostile_text_is_harmless_in_lists_and_details(new_writer: View, store_path: Path, view: View) -> None:
    writer = new_writer()
    writer.add("toy-coder-0.5b", "Toy/0", 0, HOSTILE)
    writer.store.flush()
    async with view(store_path, (200, 60), screen="samples") as viewer:
        await viewer.sees("␛[31m␛]52;c;eA==␇ [bold]loud[/bold]")
        await viewer.press("enter")
        await viewer.until(lambda: isinstance(viewer.app.screen, DetailScreen) and viewer.app.screen.detail)
        await viewer.sees("[@click=app.quit]")
        for _ in range(7):
            await viewer.press("right")
            assert not set(viewer.text) & {"\x1b", "\x07", "\u202e"}
