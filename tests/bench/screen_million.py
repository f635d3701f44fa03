"""How the screen bears a million samples.

First paint, paging, filtering, sorting and memory, without and with a real terminal.

    python tests/bench/screen_million.py [--samples 1000000] [--store FILE] [--no-tmux]

Under `run_test` (160x48) every figure is from the key to the moment at which all that is asked for stands on the
screen. In tmux it is from the key to the first look at the pane that shows it, so it includes tmux itself and up to 10
ms of looking.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from million import make
from textual.pilot import Pilot

from sampler.store.filters import parse
from sampler.store.sample_readers import SampleReader
from tui.app import BudgetApp
from tui.data.sample_index import ListQuery, SampleIndex
from tui.data.store_watcher import StoreWatcher
from tui.screens.samples import SamplesScreen
from tui.widgets.paged_table import PagedTable

SIZE = (160, 48)
PAGES = 30
PATIENCE = 60.0
GOALS = {"first paint": 1.0, "page down p95": 0.05, "filter to failures": 0.3}


def resident_mb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def in_process(store: Path) -> dict[str, float]:
    """The figures under `run_test`."""
    began = time.monotonic()
    app = BudgetApp(StoreWatcher(path=store), start="samples")
    told: dict[str, float] = {}

    def table() -> PagedTable[Any]:
        return app.screen.query_one("#samples", PagedTable)

    def listed(text: str) -> bool:
        listing = app.screen._index
        return listing is not None and listing.wanted.filter.text == text and table().count > 0 and table().complete

    async with app.run_test(size=SIZE) as pilot:
        painted = lambda: isinstance(app.screen, SamplesScreen) and app.screen.query("#samples") and listed("")
        told["first paint"] = await _seen(painted, began)
        await _until(pilot, lambda: app.screen.settled)
        told["whole list"] = time.monotonic() - began
        pages = []
        for _ in range(PAGES):
            cursor = table().cursor
            pages.append(
                await _timed(pilot, "pagedown", lambda cursor=cursor: table().cursor != cursor and table().complete)
            )
        told["page down median"] = statistics.median(pages)
        told["page down p95"] = sorted(pages)[int(PAGES * 0.95)]
        told["to the last line"] = await _timed(pilot, "end", lambda: table().cursor > PAGES * 100 and table().complete)
        await pilot.press("home")
        told["filter to failures"] = await _timed(pilot, "exclamation_mark", lambda: listed("failed"))
        await pilot.press("ctrl+underscore")
        await _until(pilot, lambda: app.screen.settled)
        began = time.monotonic()
        app.choose(replace(app.view_state, sort="tok"))
        await _until(pilot, lambda: app.screen.settled and app.screen._order.by_key is not None)
        told["sort all by tokens"] = time.monotonic() - began
        grouped = lambda: app.current_mode == "failures" and app.screen.settled
        told["failures grouped"] = await _timed(pilot, "4", grouped)
        told["memory MB"] = resident_mb()
    return told


def pending(store: Path) -> dict[str, float]:
    """The list of samples without a verdict: made once, and then looked at again."""
    with SampleReader(store) as reader:
        listing = SampleIndex(ListQuery(study=1, filter=parse("pending", 0.0)))
        began = time.monotonic()
        while listing.step(reader).behind:
            pass
        told = {"pending: first list": time.monotonic() - began}
        time.sleep(2.5)
        began = time.monotonic()
        while listing.step(reader).behind:
            pass
        return told | {"pending: another look": time.monotonic() - began}


async def _timed(pilot: Pilot[None], key: str, told: Callable[[], object]) -> float:
    """Seconds from a key until something is so; `press` itself returns only when nothing more is under way."""
    seen = asyncio.create_task(_seen(told, time.monotonic()))
    await pilot.press(key)
    return await seen


async def _seen(told: Callable[[], object], began: float) -> float:
    while not told():
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError("it never came")
        await asyncio.sleep(0.001)
    return time.monotonic() - began


async def _until(pilot: Pilot[None], told: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not told():
        if time.monotonic() > until:
            raise TimeoutError("it never came")
        await pilot.pause(0.002)
    await pilot.pause()


def in_tmux(store: Path) -> dict[str, float]:
    """The figures in a real terminal."""
    socket = f"screen-million-{os.getpid()}"

    def tmux(*words: str) -> str:
        ended = subprocess.run(["tmux", "-L", socket, *words], capture_output=True, text=True, check=True)
        return ended.stdout

    def until(held: Callable[[str], bool]) -> float:
        began = time.monotonic()
        while not held(tmux("capture-pane", "-p")):
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(tmux("capture-pane", "-p"))
            time.sleep(0.01)
        return time.monotonic() - began

    command = f"{sys.executable} -c 'from tui.cli import main; main()' watch --screen samples {store}"
    told: dict[str, float] = {}
    try:
        tmux("-f", "/dev/null", "new-session", "-d", "-x", str(SIZE[0]), "-y", str(SIZE[1]), command)
        told["tmux: start to first row"] = until(lambda text: "Toy/" in text)
        until(lambda text: "% scanned" not in text)
        pages = []
        for _ in range(PAGES):
            before = tmux("capture-pane", "-p")
            tmux("send-keys", "PageDown")
            pages.append(until(lambda text, before=before: text != before and "  …" not in text))
        told["tmux: page down median"] = statistics.median(pages)
        told["tmux: page down p95"] = sorted(pages)[int(PAGES * 0.95)]
        tmux("send-keys", "!")
        told["tmux: filter to failures"] = until(lambda text: "· failed" in text and "Toy/" in text)
        pid = int(tmux("display-message", "-p", "#{pane_pid}"))
        told["tmux: memory MB"] = _tree_mb(pid)
        tmux("send-keys", "q")
    finally:
        subprocess.run(["tmux", "-L", socket, "kill-server"], capture_output=True, check=False)
    return told


def _tree_mb(pid: int) -> float:
    """Memory of the largest process below a pane's."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    sizes = [
        int(Path(f"/proc/{one}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        for one in [str(pid), *children]
    ]
    return max(sizes)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--no-tmux", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = asked.store or Path(folder) / "million.db"
        if not store.exists():
            make(store, asked.samples)
        told: dict[str, float] = {"load of the machine": os.getloadavg()[0]}
        if not asked.no_tmux:
            told |= in_tmux(store)
        told |= asyncio.run(in_process(store))
        told |= pending(store)
    print(json.dumps({name: round(value, 4) for name, value in told.items()}, indent=1))
    for name, goal in GOALS.items():
        print(f"{name}: {told[name] * 1000:.0f} ms, goal {goal * 1000:.0f} ms")


if __name__ == "__main__":
    main()
