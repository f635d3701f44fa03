from __future__ import annotations

import asyncio
import csv
import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tui.screens.base import Rights
from tui.screens.samples import SamplesScreen
from tui.widgets.list_table import ListTable
from tui.widgets.plot import CurvePlot

SIZES = [(80, 24), (140, 40)]
View = Callable[..., Any]
SCREENS = ("runs", "live", "curves", "samples", "failures", "problems", "compare", "system", "more")
WORDS = {
    "runs": ("Runs · 1", "toy-study", "✓ DONE", "study.db"),
    "live": ("Models (3)", "pass rate by FLOPs"),
    "curves": ("pass rate by FLOPs", "At the rule", "toy-coder-3b", "k="),
    "samples": ("Samples · 120", "Toy/7"),
    "failures": ("Failures · ", "AssertionError", "✗ WRONG", "%"),
    "problems": ("Problems · 8 problems", "Toy/0", "▸●", "%"),
    "compare": ("ahead by", "Flips at the rule", "8 problems"),
    "more": ("Within ", "promised by a fit", "to a pass", "k=10"),
    "system": ("Run", "state", "Log · 1 line", "all samples are there"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", SCREENS)
async def test_every_screen_shows_what_it_is_for(
    finished: Path, view: View, screen: str, size: tuple[int, int]
) -> None:
    async with view(finished, size, screen=screen) as viewer:
        await viewer.sees(*WORDS[screen], "q Quit")
        lines = viewer.text.splitlines()
        assert len(lines) == size[1]
        assert "✓ DONE" in lines[0]
        assert "q Quit" in lines[-1]


async def test_digits_and_clicks_on_tabs_go_from_screen_to_screen(finished: Path, view: View) -> None:
    async with view(finished) as viewer:
        for number, screen in enumerate(SCREENS):
            await viewer.press(str(number))
            await viewer.until(lambda screen=screen: viewer.app.current_mode == screen)
            await viewer.sees(WORDS[screen][0])
        await viewer.pilot.click("TabLine", offset=(9, 0))
        await viewer.until(lambda: viewer.app.current_mode == "live")


async def test_every_screen_can_be_drawn_in_the_smallest_and_a_large_terminal(finished: Path, view: View) -> None:
    async with view(finished, (40, 12)) as viewer:
        for number in range(len(SCREENS)):
            await viewer.press(str(number))
            await viewer.pilot.pause()
        await viewer.pilot.resize_terminal(200, 60)
        for number in range(len(SCREENS)):
            await viewer.press(str(number))
            await viewer.sees(WORDS[SCREENS[number]][0])


async def test_without_colours_every_screen_says_all_it_has_to_say(
    finished: Path, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with view(finished) as viewer:
        assert viewer.app.no_color
        for number, screen in enumerate(SCREENS):
            await viewer.press(str(number))
            await viewer.sees(*WORDS[screen])


async def test_plus_looks_closer_around_the_rule_and_equals_shows_everything(finished: Path, view: View) -> None:
    async with view(finished, screen="curves") as viewer:
        await viewer.sees("At the rule", "FLOPs")
        await viewer.until(lambda: viewer.app.screen.curves_shown)
        plot = viewer.app.screen.query_one(CurvePlot)
        wide = plot.plot.budgets
        await viewer.press("plus", "plus")
        await viewer.until(lambda: plot.plot.budgets.high / plot.plot.budgets.low < wide.high / wide.low / 1.5)
        near = plot.plot.budgets
        await viewer.press("ctrl+left")
        await viewer.until(lambda: plot.plot.budgets.low < near.low)
        await viewer.press("equals_sign")
        await viewer.until(lambda: plot.plot.budgets == wide)


async def test_a_group_of_failures_leads_to_its_samples(finished: Path, view: View) -> None:
    async with view(finished, screen="failures") as viewer:
        await viewer.sees("Failures · ", "✗ WRONG")
        await viewer.until(lambda: viewer.app.screen.settled)
        group = viewer.app.screen._chosen
        await viewer.press("enter")
        await viewer.until(lambda: isinstance(viewer.app.screen, SamplesScreen) and viewer.app.screen.settled)
        assert viewer.app.screen._order.total == group.count
        await viewer.sees(f"verdict:{group.verdict}")


async def test_a_cell_of_the_heat_map_leads_to_its_samples(finished: Path, view: View) -> None:
    async with view(finished, screen="problems") as viewer:
        await viewer.sees("▸●")
        await viewer.press("right", "down", "down")
        await viewer.sees("▸■")
        await viewer.press("enter")
        await viewer.sees("Samples · 5 of 120", "problem:Toy/2 model:toy-coder-1.5b")


async def test_problems_are_sorted_by_how_hard_they_are(finished: Path, view: View) -> None:
    async with view(finished, screen="problems") as viewer:
        await viewer.press("s")
        await viewer.sees("sorted by hardest")
        means = [line.mean for line in viewer.app.screen._lines]
        assert means == sorted(means)


async def test_the_pair_that_is_compared_can_be_turned_round_and_changed(finished: Path, view: View) -> None:
    async with view(finished, screen="compare") as viewer:
        await viewer.sees("● toy-coder-0.5b against ■ toy-coder-1.5b")
        await viewer.press("v")
        await viewer.sees("■ toy-coder-1.5b against ● toy-coder-0.5b")
        await viewer.press("c")
        await viewer.sees("■ toy-coder-1.5b against ▲ toy-coder-3b")


async def test_troubles_of_the_log_can_be_seen_alone(new_writer: View, store_path: Path, view: View) -> None:
    writer = new_writer()
    writer.store.add_event(writer.ids.study, "info", "sampling", "begins")
    writer.store.add_event(writer.ids.study, "error", "box", "\x1b[2Jlost [red]box")
    writer.fill(models=1)
    async with view(store_path, screen="system") as viewer:
        await viewer.sees("begins", "␛[2Jlost [red]box", "● RUNNING", "in the last minutes")
        await viewer.press("exclamation_mark")
        await viewer.sees_no("begins")
        await viewer.sees("✗ error", "warnings and errors only")


async def test_another_store_of_the_folder_is_opened_from_the_runs(
    finished: Path, tmp_path: Path, million: Any, view: View
) -> None:
    million.make(tmp_path / "other.db", 1_000)
    async with view(finished, screen="runs") as viewer:
        await viewer.sees("Runs · 2", "toy-1000")
        table = viewer.app.screen.query_one(ListTable)
        at = next(n for n, run in enumerate(viewer.app.screen._runs) if run.store.name == "other.db")
        table.choose(at)
        await viewer.press("enter")
        await viewer.sees("Models (5)", "1,000/1,000")
        await viewer.press("3")
        await viewer.sees("Samples · 1,000", "toy-gemma-2b")


async def test_what_is_shown_is_exported_and_formulas_are_defused(
    new_writer: View, store_path: Path, tmp_path: Path, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.chdir(folder)
    writer = new_writer()
    writer.fill(models=1)
    writer.add("toy-coder-1.5b", "Toy/0", 0, "=HYPERLINK(1)")
    writer.store.flush()
    async with view(store_path, screen="samples") as viewer:
        await viewer.sees("Samples · 41")
        for written, letter in enumerate("cjs", 1):
            await viewer.press("e")
            await viewer.sees("CSV, for spreadsheets")
            await viewer.press(letter)
            await viewer.until(lambda written=written: len(list(folder.glob("*"))) == written)
        await viewer.until(lambda: all(file.stat().st_size > 500 for file in folder.glob("*")))
    found = {file.suffix: file.read_text(encoding="utf-8") for file in folder.glob("*")}
    rows = list(csv.DictReader(found[".csv"].splitlines()))
    assert len(rows) == 41
    assert rows[0]["error_message"] == "'=HYPERLINK(1)"
    assert json.loads(found[".json"])[0]["error_message"] == "=HYPERLINK(1)"
    assert found[".svg"].startswith("<svg")


async def test_a_viewer_that_only_looks_starts_nothing(finished: Path, view: View) -> None:
    async with view(finished, rights=Rights(act=False, study_file=Path("study.toml"))) as viewer:
        await viewer.press("R")
        await viewer.hears("read-only")


async def test_running_a_study_shows_the_command_and_starts_it_when_told_so(
    finished: Path, tmp_path: Path, view: View
) -> None:
    study = tmp_path / "study.toml"
    study.write_text("nonsense = 1\n", encoding="utf-8")
    async with view(finished) as viewer:
        await viewer.press("R")
        await viewer.sees("Run this study?", "$ sampler run")
        await viewer.press("n")
        await viewer.sees_no("Run this study?")
        await viewer.press("R")
        await viewer.sees("Run this study?")
        await viewer.press("y")
        log = finished.with_suffix(".log")
        await viewer.until(lambda: log.exists() and "study.toml" in log.read_text(encoding="utf-8"))


async def test_pausing_is_refused_where_nothing_runs(finished: Path, view: View) -> None:
    async with view(finished) as viewer:
        await viewer.press("P")
        await viewer.hears("not running")


async def test_jump_mode_puts_a_letter_on_every_pane(finished: Path, view: View) -> None:
    async with view(finished) as viewer:
        await viewer.press("ctrl+o")
        await viewer.sees("[a]", "[b]")
        await viewer.press("b")
        await viewer.sees_no("[a]")
        assert viewer.app.focused.id == "answers"


@pytest.mark.parametrize("key", ["4", "escape", "ctrl+o"])
async def test_a_key_that_is_no_letter_of_jump_mode_ends_it(finished: Path, view: View, key: str) -> None:
    async with view(finished) as viewer:
        await viewer.press("ctrl+o")
        await viewer.sees("[a]", "[b]")
        await viewer.press(key)
        await viewer.sees_no("[a]")


async def test_ctrl_c_says_which_key_quits(finished: Path, view: View) -> None:
    async with view(finished) as viewer:
        await viewer.press("ctrl+c")
        await viewer.hears("q quits the viewer")


async def test_what_has_a_key_is_in_the_palette_once(finished: Path, view: View) -> None:
    async with view(finished) as viewer:
        titles = [command.title for command in viewer.app.get_system_commands(viewer.app.screen)]
    assert [titles.count(name) for name in ("Theme", "Quit", "Export")] == [1, 1, 1]


async def test_help_is_searched_by_typing(finished: Path, view: View) -> None:
    async with view(finished, screen="samples") as viewer:
        await viewer.press("question_mark")
        await viewer.sees("Every sample with its latest verdict")
        await viewer.write("json")
        await viewer.sees("Copy JSON")
        assert "Reverse" not in viewer.text
        await viewer.press("escape")
        await viewer.sees("Samples · 120")


async def test_only_the_screen_in_front_reads_and_nothing_keeps_the_log_from_being_folded_in(
    new_writer: View, store_path: Path, view: View
) -> None:
    writer = new_writer()
    writer.fill()
    async with view(store_path, screen="samples") as viewer:
        for key in ("4", "5", "6", "7", "0", "3"):
            await viewer.press(key)
            await viewer.pilot.pause(0.1)
        await viewer.sees("Samples · 120")
        with closing(sqlite3.connect(store_path, isolation_level=None, timeout=0)) as connection:

            def folded() -> bool:
                return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)

            await viewer.until(folded)


async def test_failures_that_come_in_are_counted(new_writer: View, store_path: Path, view: View) -> None:
    writer = new_writer()
    writer.fill(models=1)
    async with view(store_path, screen="failures") as viewer:
        await viewer.until(lambda: viewer.app.screen.settled)
        before = viewer.app.screen._counted.total
        await asyncio.to_thread(_fail, writer)
        await viewer.until(lambda: viewer.app.screen._counted.total == before + 1)
        await viewer.sees("list index … of '…'")


def _fail(writer: Any) -> None:
    writer.add("toy-coder-1.5b", "Toy/0", 0, "list index 17 of 'abc'")
    writer.store.flush()


async def test_an_empty_study_is_no_trouble_on_any_screen(store_path: Path, new_writer: View, view: View) -> None:
    new_writer()
    async with view(store_path) as viewer:
        for number in range(len(SCREENS)):
            await viewer.press(str(number))
            await viewer.pilot.pause(0.05)
            assert "0/120" in viewer.text.splitlines()[0]


async def test_where_there_is_room_for_one_the_differences_take_the_place_of_the_plot(
    finished: Path, view: View
) -> None:
    async with view(finished, (80, 24), screen="compare") as viewer:
        await viewer.sees("pass rate by FLOPs", "Flips at the rule")
        assert "difference [95%]" not in viewer.text
        await viewer.press("d")
        await viewer.sees("difference [95%]")
        await viewer.sees_no("pass rate by FLOPs")


KEYS = (
    *"01234567jkgGsSfzyYxlbcvdomnpN",
    *("up", "down", "left", "right", "enter", "escape", "slash", "exclamation_mark", "space", "plus", "minus", "tab"),
    *("equals_sign", "question_mark", "ctrl+o", "pageup", "pagedown", "home", "end", "backspace", "ctrl+left", "a"),
)


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_keys_are_pressed_the_screen_goes_on(finished: Path, view: View, seed: int) -> None:
    rng = random.Random(seed)
    async with view(finished, (100, 30)) as viewer:
        for number in range(80):
            await viewer.press(rng.choice(KEYS))
            if number % 20 == 0:
                await viewer.pilot.resize_terminal(*rng.choice([(80, 24), (140, 40), (50, 14), (200, 60)]))
        assert viewer.app.is_running
        assert "DONE" in viewer.text or len(viewer.app.screen_stack) > 1


async def test_news_that_come_before_a_screen_stands_or_after_it_fell_are_not_drawn(finished: Path, view: View) -> None:
    async with view(finished, screen="samples") as viewer:
        news, there = viewer.app.news, viewer.app.screen
        fresh = type(there)()
        fresh.show(news)
        assert not fresh.is_mounted
        await there.remove_children()
        there.show(news)
