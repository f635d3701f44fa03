"""A picture of the Live screen without a terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from tui.app import BudgetApp
from tui.follow import Follower
from tui.screens.live import LiveScreen
from tui.svg import without_fonts
from tui.view import Trouble

PATIENCE_SECONDS = 20.0
STEP_SECONDS = 0.05


class NoPicture(Exception):
    """The store has nothing to show; the message tells why."""


def take_picture(store: Path, size: tuple[int, int]) -> str:
    """The Live screen of a store as SVG; raises NoPicture."""
    app = BudgetApp(Follower(path=store))
    taken: list[str] = []

    async def look(pilot: Pilot[object]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_SECONDS
        while loop.time() < until and not isinstance(app.news, Trouble):
            if isinstance(app.screen, LiveScreen) and app.screen.curves_shown:
                await pilot.pause()
                taken.append(app.export_screenshot(title="budget-tui"))
                break
            await pilot.pause(STEP_SECONDS)
        app.exit()

    app.run(headless=True, size=size, auto_pilot=look)
    if taken:
        return without_fonts(taken[0])
    if isinstance(app.news, Trouble):
        raise NoPicture(app.news.message)
    raise NoPicture(f"nothing could be drawn from {str(store)!r} in {PATIENCE_SECONDS:.0f} seconds")
