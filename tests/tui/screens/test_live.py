from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from sampler.plotting import quantity
from sampler.reporting.inputs import read_report
from sampler.reporting.render import conclusion
from sampler.stats.budget import Unit
from sampler.store.writer import Store
from tui.app import BudgetApp
from tui.data.store_watcher import StoreWatcher
from tui.screens.live import LiveScreen
from tui.view_state import default_rule
from tui.widgets.models_table import ModelsTable
from tui.widgets.plot import CurvePlot
from tui.widgets.tail import Tail

SIZES = [(80, 24), (140, 40)]
PATIENCE = 120.0

Writers = Callable[..., Any]


def screen_text(app: BudgetApp) -> str:
    """Everything that stands on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def until(pilot: Pilot[None], told: Callable[[], object]) -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    while not told():
        assert time.monotonic() - began < PATIENCE, f"it never came; on the screen:\n{screen_text(pilot.app)}"
        await pilot.pause(0.02)
    return time.monotonic() - began


async def until_text(pilot: Pilot[None], text: str) -> float:
    return await until(pilot, lambda: text in screen_text(pilot.app))


async def until_curves(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen) and pilot.app.screen.curves_shown)
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_a_finished_study_shows_all_that_matters(finished: Path, size: tuple[int, int]) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=size) as pilot:
        await until_curves(pilot)
        text = screen_text(app)
    lines = text.splitlines()
    assert len(lines) == size[1]
    assert "toy-study" in lines[0]
    assert "✓ DONE" in lines[0]
    assert "120/120 100%" in lines[0]
    for words in ("Models (3)", "toy-coder-0.5b", "✓ PASSED", "Tail (following)", "pass rate by FLOPs", "8 problems"):
        assert words in text
    assert "interim" not in text
    assert any(0x2800 < ord(char) < 0x2900 for char in text), "no curve is drawn"
    assert "q Quit" in lines[-1]


@pytest.mark.parametrize("size", [(40, 12), (60, 16), (80, 20), (200, 60)])
async def test_every_size_can_be_drawn(finished: Path, size: tuple[int, int]) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=size) as pilot:
        await until_curves(pilot)
        assert "DONE" in screen_text(app)
        await pilot.resize_terminal(100, 30)
        await until_text(pilot, "FLOPs")


async def test_the_rule_the_unit_the_axis_and_the_band_obey_their_keys(finished: Path) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_curves(pilot)
        rule = default_rule(app.news.curves)
        await until_text(pilot, f"budget {quantity(rule, 'FLOPs')}")
        await pilot.press("left", "left")
        await pilot.pause()
        assert f"budget {quantity(rule, 'FLOPs')}" not in screen_text(app)
        await pilot.press("backspace")
        await until_text(pilot, f"budget {quantity(rule, 'FLOPs')}")
        for name in ("seconds", "tokens", "samples", "FLOPs"):
            await pilot.press("x")
            await until_text(pilot, f"pass rate by {name} per problem")
        before = screen_text(app)
        await pilot.press("l")
        await pilot.pause()
        assert screen_text(app) != before
        for bands in ({0, 1}, set(), {0}):
            await pilot.press("B")
            await until(pilot, lambda bands=bands: drawn_bands(app) == bands)


def drawn_bands(app: BudgetApp) -> set[int]:
    rows = app.screen.query_one(CurvePlot).plot.rows
    return {span.style.band for row in rows for span in row if span.style.band >= 0}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("1T", "budget 1 TFLOP"),
        ("120 GFLOP", "budget 120 GFLOP"),
        ("2.5s", "budget 2.5 seconds"),
        ("300 tokens", "300"),
    ],
)
async def test_a_budget_is_typed_with_or_without_its_unit(finished: Path, typed: str, said: str) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_curves(pilot)
        await pilot.press("b")
        await until_text(pilot, "Budget per problem")
        app.screen.query_one(Input).value = typed
        await pilot.press("enter")
        await until_text(pilot, said)


async def test_a_budget_that_cannot_be_shown_says_why_and_stays_to_be_changed(finished: Path) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_curves(pilot)
        await pilot.press("b")
        await until_text(pilot, "Budget per problem")
        for typed, why in (("soon", "is no budget"), ("3 $", "no model's cost is known in dollars"), ("5m", "min for")):
            app.screen.query_one(Input).value = typed
            await pilot.press("enter")
            await until_text(pilot, why)
        await pilot.press("escape")
        await until_text(pilot, "Models (3)")


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 40), (200, 50)])
async def test_the_first_line_answers_which_model_to_use_at_the_rule(finished: Path, size: tuple[int, int]) -> None:
    """It is the sentence of the report of the same store at the same budget."""
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen.settled)
        rule = default_rule(app.news.curves)
        said = conclusion(read_report(finished, units={Unit.FLOPS: (rule,)}).tables[0])
        await until(pilot, lambda: said[:60] in screen_text(app).splitlines()[2])
        assert "points" in said


async def test_selecting_a_model_changes_verdicts_and_band(finished: Path) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_curves(pilot)
        assert "Verdicts · ● toy-coder-0.5b" in screen_text(app)
        await pilot.press("down", "down")
        await until_text(pilot, "Verdicts · ▲ toy-coder-3b")
        await pilot.press("up")
        await until_text(pilot, "Verdicts · ■ toy-coder-1.5b")
        assert app.screen.query_one(ModelsTable).cursor_row == 1


async def test_a_click_into_the_plot_sets_the_rule(finished: Path) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_curves(pilot)
        plot = app.screen.query_one(CurvePlot).plot
        await pilot.click(CurvePlot, offset=(plot.left + 5, 5))
        await until_text(pilot, f"budget {quantity(plot.budget_at(plot.left + 5), 'FLOPs')}")


async def test_zoom_shows_the_plot_alone_and_escape_brings_the_rest_back(finished: Path) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_curves(pilot)
        await pilot.press("z")
        await until(pilot, lambda: "Models (3)" not in screen_text(app))
        assert "FLOPs" in screen_text(app)
        await until(pilot, lambda: len(app.screen.query_one(CurvePlot).plot.rows) == 22)
        await pilot.press("escape")
        await until_text(pilot, "Models (3)")


async def test_help_palette_and_theme_open(finished: Path) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_curves(pilot)
        await pilot.press("question_mark")
        await until_text(pilot, "pass rate against budget")
        await pilot.press("question_mark")
        await until(pilot, lambda: "pass rate against budget" not in screen_text(app))
        await pilot.press("ctrl+p")
        await until_text(pilot, "Band")
        await pilot.press(*"pause")
        await until_text(pilot, "The study goes on")
        await pilot.press("enter")
        await until_text(pilot, "PAUSED +0")


async def test_another_theme_has_other_colours_for_the_marks(finished: Path) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_curves(pilot)
        table = app.screen.query_one(ModelsTable)
        dark = str(table.get_row_at(0)[0].style)
        app.theme = "solarized-light"
        await until(pilot, lambda: str(table.get_row_at(0)[0].style) != dark)


async def test_a_row_that_a_writer_commits_comes_to_the_screen(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer()
    writer.fill(models=1)
    app = BudgetApp(StoreWatcher(path=store_path))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_text(pilot, "● RUNNING")
        await until_text(pilot, "40/120 33%")
        for number in range(3):
            message = f"marker number {number}"
            await asyncio.to_thread(_commit, writer, number, message)
            await until_text(pilot, message)
        await until_text(pilot, "43/120")


async def test_what_is_computed_after_the_end_is_not_drawn(new_writer: Writers, store_path: Path) -> None:
    new_writer().fill(models=1)
    app = BudgetApp(StoreWatcher(path=store_path))
    late: list[str] = []
    async with app.run_test(size=(140, 40)) as pilot:
        await until_text(pilot, "40/120")
        app.on_study_app_query_answered(BudgetApp.QueryAnswered(lambda: late.append("running")))
    app.on_study_app_query_answered(BudgetApp.QueryAnswered(lambda: late.append("closing")))
    assert late == ["running"]


def _commit(writer: Any, index: int, message: str) -> None:
    writer.add("toy-coder-1.5b", "Toy/0", index, message)
    writer.store.flush()


async def test_a_paused_display_stands_still_and_catches_up(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer()
    writer.fill(models=1)
    app = BudgetApp(StoreWatcher(path=store_path))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_text(pilot, "40/120")
        await pilot.press("space")
        await asyncio.to_thread(_commit, writer, 0, "came while paused")
        await until_text(pilot, "PAUSED +1")
        assert "came while paused" not in screen_text(app)
        await pilot.press("space")
        await until_text(pilot, "came while paused")
        assert "PAUSED" not in screen_text(app)


async def test_looking_back_in_the_tail_stops_following_until_asked(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer()
    writer.fill(models=1)
    app = BudgetApp(StoreWatcher(path=store_path))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_text(pilot, "40/120")
        app.screen.query_one(Tail).focus()
        await pilot.press("up", "up", "up")
        await until_text(pilot, "Tail (+3 newer, f follows)")
        await asyncio.to_thread(_commit, writer, 0, "the newest of all")
        await until_text(pilot, "Tail (+4 newer, f follows)")
        await pilot.press("home")
        await until(pilot, lambda: "the newest of all" not in screen_text(app))
        await pilot.press("f")
        await until_text(pilot, "the newest of all")
        assert "Tail (following)" in screen_text(app)


async def test_y_copies_the_newest_line(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer()
    _commit(writer, 0, "copy me")
    app = BudgetApp(StoreWatcher(path=store_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(pilot, "1/120")
        await pilot.press("y")
        await until(pilot, lambda: "AssertionError: copy me" in app.clipboard)


async def test_hostile_text_is_shown_and_does_nothing(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer(name="[red]study[/red]")
    _commit(
        writer, 0, "\x1b[31m\x1b]52;c;eA==\x07 [bold]loud[/bold] [@click=app.quit]x[/] \u202egnp.exe " + "y" * 100_000
    )
    writer.store.add_event(writer.ids.study, "error", "box", "\x1b[2J[/nothing opened]")
    writer.store.flush()
    app = BudgetApp(StoreWatcher(path=store_path))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_text(pilot, "[bold]loud[/bold]")
        text = screen_text(app)
        assert "[red]study[/red]" in text
        assert "␛[2J[/nothing opened]" in text
        assert not set(text) & {"\x1b", "\x07", "\u202e"}


async def test_a_run_whose_process_is_gone_is_shown_as_crashed(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer(clock=lambda: time.time() - 60)
    writer.fill(models=1)
    writer.store.close()
    app = BudgetApp(StoreWatcher(path=store_path, exists=lambda _pid: False))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(pilot, "✗ CRASHED")


async def test_a_store_that_is_not_there_yet_is_waited_for(store_path: Path, new_writer: Writers) -> None:
    app = BudgetApp(StoreWatcher(path=store_path, hint="sampler run toy.toml"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(pilot, "sampler run toy.toml")
        writer = await asyncio.to_thread(new_writer)
        await until_text(pilot, "toy-study")
        await asyncio.to_thread(_commit, writer, 0, "first of all")
        await until_text(pilot, "1/120")


async def test_a_store_made_anew_is_followed_on(finished: Path, new_writer: Writers) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_text(pilot, "✓ DONE")
        for file in finished.parent.glob("study.db*"):
            file.unlink()
        await asyncio.to_thread(new_writer, name="another")
        await until_text(pilot, "another")


async def test_quitting_leaves_the_store_as_it_was(finished: Path) -> None:
    before = digest(finished)
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_curves(pilot)
        await pilot.press("q")
    assert digest(finished) == before


async def test_without_colours_everything_is_still_said(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_curves(pilot)
        assert app.no_color
        await pilot.press("down", "question_mark", "z", "escape", "tab")
        await pilot.pause()
        text = screen_text(app)
        for words in ("✓ PASSED", "■", "▲", "✓ DONE"):
            assert words in text


async def test_a_slim_terminal_gives_all_its_columns_to_the_models(finished: Path) -> None:
    app = BudgetApp(StoreWatcher(path=finished))
    async with app.run_test(size=(60, 24)) as pilot:
        await until_curves(pilot)
        await until_text(pilot, "pass@1")
        assert "PASSED  " not in screen_text(app).split("Tail")[0]
        await pilot.resize_terminal(100, 30)
        await until_text(pilot, "Verdicts")


async def test_a_model_that_the_study_no_longer_names_is_not_shown(new_writer: Writers, store_path: Path) -> None:
    writer = new_writer()
    writer.fill()
    with closing(sqlite3.connect(store_path)) as connection, connection:
        connection.execute("UPDATE model SET wanted = 0 WHERE name = 'toy-coder-3b'")
        connection.execute("UPDATE model SET wanted = 3 WHERE wanted > 0")
    app = BudgetApp(StoreWatcher(path=store_path))
    async with app.run_test(size=(140, 40)) as pilot:
        await until_curves(pilot)
        await until_text(pilot, "Models (2)")
        assert "48/48 100%" in screen_text(app).splitlines()[0]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 40)])
async def test_the_first_sentence_stands_whole_however_long_the_names(
    store_path: Path, writer_type: type[Any], view: Callable[..., Any], size: tuple[int, int]
) -> None:
    """Twelve models whose names share their beginning."""
    sizes = ("0.5B", "1.5B", "3B", "7B", "14B", "32B")
    skills = {f"Qwen/Qwen2.5-Coder-{one}-Instruct-GGUF-{kind}": 0.6 for kind in ("q4_k_m", "q8_0") for one in sizes}
    with Store(store_path) as store:
        writer = type("Many", (writer_type,), {"skills": skills})(store)
        writer.fill(models=len(skills))
        writer.finish()
    async with view(store_path, size) as viewer:
        await viewer.until(lambda: viewer.app.screen.settled)
        await viewer.until(lambda: "] points." in viewer.text)
        assert "measured highest" in " ".join(viewer.text.split())
        assert "too small for a plot" not in viewer.text
        await viewer.press("b", *"90T", "enter")
        await viewer.until(lambda: "take a smaller budget." in " ".join(viewer.text.split()))
        await viewer.press("escape", "8")
        await viewer.until(lambda: " points or more." in " ".join(viewer.text.split()))
        said = " ".join(viewer.text.split())
        assert re.search(r"a fit promises [^│]+ with k=\d+\.", said), "the sentence has its end"
        assert ", ▲" in viewer.text or ", ■" in viewer.text, "both models of a cascade are named"


async def test_without_a_complete_problem_the_first_line_says_so(new_writer: Writers, view: Callable[..., Any]) -> None:
    writer = new_writer()
    writer.add("toy-coder-3b", "Toy/0", 0)
    writer.store.flush()
    async with view(writer.store.path) as viewer:
        await viewer.sees("No answer yet: no problem is complete for every model.")
