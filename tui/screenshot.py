"""Make a picture of a screen without a terminal."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from textual.keys import REPLACED_KEYS, Keys
from textual.pilot import Pilot

from tui.app import BudgetApp
from tui.data.export import without_fonts
from tui.data.snapshot import StoreProblem
from tui.data.store_watcher import StoreWatcher
from tui.screens.base import StudyScreen
from tui.settings import Settings

TIMEOUT_SECONDS = 20.0
STEP_SECONDS = 0.05


class ScreenshotError(Exception):
    """The store has nothing to show; the message says why."""


class UnknownKey(Exception):
    """A word that is no key's name; the message says which names are valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenshotSpec:
    """What is to be seen: a screen, after some keys, so large, in a theme."""

    screen: str = "live"
    size: tuple[int, int] = (140, 40)
    keys: Sequence[str] = ()
    theme: str = ""


def take_screenshot(store: Path, spec: ScreenshotSpec, against: Path | None = None) -> str:
    """Return a store's screen as SVG, perhaps with a second store; raises ScreenshotError or UnknownKey."""
    refuse_unknown(spec.keys)
    app = BudgetApp(StoreWatcher(path=store, against=against), settings=Settings(theme=spec.theme), start=spec.screen)
    taken: list[str] = []

    async def look(pilot: Pilot[object]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + TIMEOUT_SECONDS
        while loop.time() < until and not isinstance(app.news, StoreProblem):
            if app.current_mode == spec.screen and isinstance(app.screen, StudyScreen) and app.screen.settled:
                for key in spec.keys:
                    await pilot.press(key)
                    await _settle(pilot)
                await _settle(pilot)
                taken.append(app.export_screenshot(title="budget-tui"))
                break
            await pilot.pause(STEP_SECONDS)
        app.exit()

    app.run(headless=True, size=spec.size, auto_pilot=look)
    if taken:
        return without_fonts(taken[0])
    if isinstance(app.news, StoreProblem):
        raise ScreenshotError(app.news.message)
    raise ScreenshotError(f"nothing could be drawn from {str(store)!r} in {TIMEOUT_SECONDS:.0f} seconds")


def refuse_unknown(keys: Sequence[str]) -> None:
    """Raise UnknownKey for a word that is neither one character nor a key's name: pressing it would do nothing."""
    named = {key.value for key in Keys} | {*REPLACED_KEYS, *REPLACED_KEYS.values()}
    for key in keys:
        last = key.rpartition("+")[2] or "+"  # behind ctrl+, shift+, alt+
        if len(last) != 1 and key not in named and last not in named and not _is_character(last):
            near = get_close_matches(key, named, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise UnknownKey(
                f"{key!r} is no key{meant}; write 'x' for a letter, or a name such as down, enter, escape, ctrl+p"
            )


def _is_character(name: str) -> bool:
    """Return whether it is Textual's name of a character, such as question_mark."""
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return True


async def _settle(pilot: Pilot[object]) -> None:
    """Wait until everything is read and drawn."""
    for _ in range(4):
        await pilot.pause(STEP_SECONDS)
