"""A picture of a screen without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from tui.app import BudgetApp
from tui.follow import Follower
from tui.screens.base import StudyScreen
from tui.settings import Settings
from tui.svg import without_fonts
from tui.view import Trouble

PATIENCE_SECONDS = 20.0
STEP_SECONDS = 0.05


class NoPicture(Exception):
    """The store has nothing to show; the message tells why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motif:
    """What is to be seen: a screen, after some keys, so large, in a theme."""

    screen: str = "live"
    size: tuple[int, int] = (140, 40)
    keys: Sequence[str] = ()
    theme: str = ""


def take_picture(store: Path, motif: Motif, against: Path | None = None) -> str:
    """A screen of a store as SVG, perhaps with a second store beside it; raises NoPicture."""
    app = BudgetApp(Follower(path=store, against=against), settings=Settings(theme=motif.theme), start=motif.screen)
    taken: list[str] = []

    async def look(pilot: Pilot[object]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_SECONDS
        while loop.time() < until and not isinstance(app.news, Trouble):
            if app.current_mode == motif.screen and isinstance(app.screen, StudyScreen) and app.screen.settled:
                for key in motif.keys:
                    await pilot.press(key)
                    await _rest(pilot)
                await _rest(pilot)
                taken.append(app.export_screenshot(title="budget-tui"))
                break
            await pilot.pause(STEP_SECONDS)
        app.exit()

    app.run(headless=True, size=motif.size, auto_pilot=look)
    if taken:
        return without_fonts(taken[0])
    if isinstance(app.news, Trouble):
        raise NoPicture(app.news.message)
    raise NoPicture(f"nothing could be drawn from {str(store)!r} in {PATIENCE_SECONDS:.0f} seconds")


async def _rest(pilot: Pilot[object]) -> None:
    """What was asked for has been read and drawn."""
    for _ in range(4):
        await pilot.pause(STEP_SECONDS)
