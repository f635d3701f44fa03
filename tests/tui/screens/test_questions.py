"""The questions that people bring to the screen, and how many keys it takes until their answer is in sight."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sampler.plotting import format_interval
from sampler.reporting.inputs import read_report
from sampler.stats.budget import Unit
from tui.screens.base import Rights
from tui.screens.live import ROOMY, LiveScreen
from tui.widgets.list_table import ListTable

SIZES = [(80, 24), (100, 30), (140, 40), (200, 50)]
MARKS = {"toy-coder-0.5b": "●", "toy-coder-1.5b": "■", "toy-coder-3b": "▲"}
View = Callable[..., Any]


async def answered(viewer: Any, keys: tuple[str, ...], *words: str) -> None:
    """Press the keys, and see the words; a sentence may be broken over lines."""
    await viewer.until(lambda: viewer.app.screen.settled)
    for key in keys:
        await viewer.press(key)
    for text in words:
        await viewer.until(lambda text=text: text in " ".join(viewer.text.split()))


@pytest.mark.parametrize("size", SIZES)
async def test_which_model_and_how_sure_takes_no_key(finished: Path, view: View, size: tuple[int, int]) -> None:
    async with view(finished, size) as viewer:
        await answered(viewer, (), " a problem no model is clearly better", "measured highest", "ahead of toy-coder")


@pytest.mark.parametrize("size", SIZES)
async def test_which_model_at_round_budgets_and_how_sure_takes_at_most_one_key(
    finished: Path, view: View, size: tuple[int, int]
) -> None:
    report = read_report(finished, units={Unit.FLOPS: (1e11,)})
    row = report.tables[0].rows[0]
    best = max(row.cells, key=lambda cell: cell.point.rate if cell.point else 0.0)
    assert best.point is not None
    async with view(finished, size) as viewer:
        keys = () if size >= ROOMY else ("a",)
        near = format_interval(best.point.interval.low, best.point.interval.high)
        words = f"100 GFLOP {MARKS[best.model]} {best.model} {best.k} {100 * best.point.rate:.1f} {near}"
        lead = f"clear {100 * row.lead.mean:+.1f}" if row.lead else "clear"
        await answered(viewer, keys, "Answers at round budgets", words, lead)


async def test_an_answer_moves_the_rule_and_escape_undoes_one_step_each(finished: Path, view: View) -> None:
    async with view(finished, (80, 24)) as viewer:
        await answered(viewer, ("a",), "Answers at round budgets")
        before = viewer.app.screen.query_one("#answer").content
        await viewer.press("down", "enter")
        await viewer.until(lambda: viewer.app.view_state.rule == 1e11)
        await viewer.sees("At 100 GFLOP a problem")
        await viewer.press("escape")
        await viewer.until(lambda: viewer.app.view_state.rule is None)
        await viewer.until(lambda: viewer.app.screen.query_one("#answer").content == before)
        assert "Answers at round budgets" in viewer.text
        await viewer.press("escape")
        await viewer.sees_no("Answers at round budgets")


async def test_beyond_the_samples_an_answer_says_what_is_missing(finished: Path, view: View) -> None:
    async with view(finished, (140, 40)) as viewer:
        await answered(viewer, (), "500 GFLOP — too few samples of toy-coder-0.5b and 1 other", "needs k=7")


@pytest.mark.parametrize(
    ("screen", "keys", "held"),
    [
        ("live", ("x", "l", "B"), ("curves", "log", "bands")),
        ("curves", ("x", "right", "right", "c"), ("curves", "rule", "pinned")),
        ("samples", ("s", "exclamation_mark"), ("sort", "filter")),
    ],
)
async def test_escape_undoes_every_choice_the_last_one_first(
    finished: Path, view: View, screen: str, keys: tuple[str, ...], held: tuple[str, ...]
) -> None:
    async with view(finished, screen=screen) as viewer:
        await viewer.until(lambda: viewer.app.screen.settled)
        before = viewer.app.view_state
        for key in keys:
            await viewer.press(key)
            await viewer.until(lambda: viewer.app.screen.settled)
        assert all(getattr(viewer.app.view_state, name) != getattr(before, name) for name in held)
        for _ in held:
            assert viewer.app.current_mode == screen
            await viewer.press("escape")
        assert viewer.app.view_state == before
        assert viewer.app.current_mode == screen


@pytest.mark.parametrize("size", SIZES)
async def test_another_budget_takes_one_key_and_the_budget(finished: Path, view: View, size: tuple[int, int]) -> None:
    async with view(finished, size) as viewer:
        await viewer.until(lambda: isinstance(viewer.app.screen, LiveScreen) and viewer.app.screen.settled)
        await viewer.press("b")
        await viewer.write("2T")
        await viewer.press("enter")
        await viewer.sees("At 2 TFLOP a problem ")


@pytest.mark.parametrize("size", SIZES)
async def test_why_samples_fail_with_the_code_in_view_takes_one_key(
    finished: Path, view: View, size: tuple[int, int]
) -> None:
    async with view(finished, size) as viewer:
        await answered(viewer, ("4",), "The newest of the group", "AssertionError", " 1 f")


@pytest.mark.parametrize("size", SIZES)
async def test_what_more_samples_would_bring_takes_one_key(finished: Path, view: View, size: tuple[int, int]) -> None:
    async with view(finished, size) as viewer:
        await answered(viewer, ("8",), "More samples would bring most", "promised by a fit", "k=10", "to a pass")
        assert viewer.app.current_mode == "more"


async def test_another_group_of_failures_shows_another_example(finished: Path, view: View) -> None:
    async with view(finished, (140, 40), screen="failures") as viewer:
        await viewer.sees("The newest of the group")
        await viewer.until(lambda: viewer.app.screen._previewed is not None)
        before = viewer.app.screen._previewed
        await viewer.press("down")
        await viewer.until(lambda: viewer.app.screen._previewed not in {None, before})


async def test_escape_goes_back_one_step_and_brings_the_filter_back(finished: Path, view: View) -> None:
    async with view(finished, screen="failures") as viewer:
        await viewer.until(lambda: viewer.app.screen.settled)
        await viewer.press("enter")
        await viewer.sees("verdict:")
        await viewer.press("escape")
        await viewer.until(lambda: viewer.app.current_mode == "failures")
        assert viewer.app.view_state.filter == ""
        await viewer.press("escape")
        await viewer.until(lambda: viewer.app.current_mode == "live")


async def test_a_replay_says_in_its_first_line_that_it_is_one(finished: Path, view: View) -> None:
    with sqlite3.connect(finished) as connection:
        connection.execute("UPDATE model SET backend = 'llamacpp'")
    async with view(finished, (80, 24)) as viewer:
        assert "REPLAY" not in viewer.text
    async with view(finished, (80, 24), rights=Rights(act=False, replay=True)) as viewer:
        await viewer.until(lambda: "» REPLAY" in viewer.text.splitlines()[0])


@pytest.mark.parametrize(
    ("backends", "said"), [(("replay",) * 3, "» REPLAY "), (("replay", "x", "x"), "» REPLAY of 1/3")]
)
async def test_a_study_of_recorded_samples_says_so_in_its_first_line(
    finished: Path, view: View, backends: tuple[str, ...], said: str
) -> None:
    with sqlite3.connect(finished) as connection:
        for number, backend in enumerate(backends, 1):
            connection.execute("UPDATE model SET backend = ? WHERE id = ?", (backend, number))
    async with view(finished, (140, 40)) as viewer:
        await viewer.until(lambda: said in viewer.text.splitlines()[0])


LONG = tuple(f"organisation/qwen2.5-coder-{size}-instruct-2026" for size in ("0.5b", "1.5b", "3b"))


@pytest.mark.parametrize("screen", ["live", "curves", "samples", "problems", "more"])
async def test_names_are_whole_wherever_there_is_room(finished: Path, view: View, screen: str) -> None:
    with sqlite3.connect(finished) as connection:
        for number, name in enumerate(LONG, 1):
            connection.execute("UPDATE model SET name = ? WHERE id = ?", (name, number))
    async with view(finished, (200, 50), screen=screen) as viewer:
        await viewer.until(lambda: viewer.app.screen.settled)
        await viewer.until(lambda: LONG[2] in viewer.text)
        for table in viewer.app.screen.query(ListTable):
            lines = [table.render_line(y).text for y in range(table.size.height)]
            assert all(any(name in line for name in LONG) for line in lines if "qwen" in line)


async def test_names_are_cut_together_where_there_is_no_room(finished: Path, view: View) -> None:
    with sqlite3.connect(finished) as connection:
        for number, name in enumerate(LONG, 1):
            connection.execute("UPDATE model SET name = ? WHERE id = ?", (name, number))
    async with view(finished, (80, 24), screen="samples") as viewer:
        await viewer.sees("▲ qwen2.5-coder-3b…")


async def test_names_of_problems_and_studies_are_whole_too_where_there_is_room(finished: Path, view: View) -> None:
    problem, study = "LeetCode/longest-common-subsequence-of-two-strings", "a-study-of-small-models-at-equal-budget"
    with sqlite3.connect(finished) as connection:
        connection.execute("UPDATE problem SET name = ? WHERE name = 'Toy/7'", (problem,))
        connection.execute("UPDATE study SET name = ?", (study,))
    async with view(finished, (200, 50), screen="samples") as viewer:
        await viewer.sees(problem)
        await viewer.press("0")
        await viewer.sees(f"▸ {study}")
