"""The questions that people bring to the screen, and how many keys it takes until their answer is in sight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tui.screens.base import Rights
from tui.screens.live import LiveScreen

SIZES = [(80, 24), (100, 30), (140, 40), (200, 50)]
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
        await answered(viewer, (), " a problem ", "measured highest", "lead of", "is not clear")


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
    async with view(finished, (80, 24), rights=Rights(act=False, replay=True)) as viewer:
        await viewer.until(lambda: "» REPLAY" in viewer.text.splitlines()[0])
