"""Every screen as it was last looked at and found right: its text, and how each piece of it looks.

A snapshot is a text file: the lines of the screen, below them the runs of equal style in each line (`12a3b`: twelve
cells in style a, three in style b), and at the end what the letters stand for. A change of the look shows up as a
readable difference; one of a colour alone touches one line. The clock, the machine and the study are frozen. To renew
them, then look at `git diff`:

    pytest tests/tui/screens/test_snapshots.py --renew-snapshots
"""

from __future__ import annotations

import difflib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.pilot import Pilot
from textual.widgets import Input

from tui.app import BudgetApp
from tui.data.store_watcher import StoreWatcher
from tui.data.system_info import HostFacts, Machine
from tui.screens.base import StudyScreen

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (140, 40)]
MORE_SIZES = [(100, 30), (200, 50)]  # of the screens whose layout differs there
BEGAN = 1_700_000_000.0
PATIENCE = 120.0
STILL = 1.0  # seconds without a change after which a screen is taken for a new snapshot
WAYS = ("bold", "dim", "italic", "underline", "reverse", "strike")
FACTS = HostFacts(
    cores=8, load=1.25, memory_total=32 << 30, memory_free=20 << 30, disk_free=100 << 30, store_bytes=500 << 10
)


@dataclass(frozen=True)
class Sight:
    """What is looked at: a screen, after some keys, of a study that is done or still runs."""

    name: str
    screen: str
    keys: tuple[str, ...] = ()
    done: bool = True
    colours: bool = True


SIGHTS = (
    *(
        Sight(name, name)
        for name in ("runs", "live", "curves", "samples", "failures", "problems", "compare", "system", "more")
    ),
    Sight("running", "live", done=False),
    Sight("answers", "live", ("a",)),
    Sight("differences", "failures", ("m",)),
    Sight("sample", "samples", ("exclamation_mark", "enter")),
    Sight("sample-diff", "samples", ("exclamation_mark", "enter", "left")),
    Sight("help", "samples", ("question_mark",)),
    Sight("question", "live", ("R",)),
    Sight("no-colour", "live", colours=False),
)


RESHAPED = {"live", "answers", "failures", "differences", "compare", "system", "more"}
NARROW = {"answers"}  # a wide screen shows them without a key


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def make(new_writer: Callable[..., Any], store: Path, *, done: bool) -> float:
    """A study that is the same every time; what time it is when it has been written."""
    now = [BEGAN]
    writer = new_writer(clock=lambda: now[0], greedy="toy-coder-1.5b")
    writer.store.add_event(writer.ids.study, "info", "sampling", "toy-coder-0.5b begins")
    for model in writer.models:
        for problem in writer.problems[: None if done else 5]:
            for index in range(writer.wanted):
                now[0] += 2.5
                message = "list index 17 of \x1b[31m'[red]'" if problem.name == "Toy/3" and index == 1 else None
                writer.add(model, problem.name, index, message)
    for problem in writer.problems if done else ():
        writer.add("toy-coder-1.5b greedy", problem.name, 0)
    writer.store.add_event(writer.ids.study, "warning", "box", "one box was replaced")
    now[0] += 1.0
    if done:
        writer.finish()
    writer.store.flush()
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE study SET pid = 4242, host = 'lab', heartbeat_at = ?", (now[0],))
    return now[0]


def told(style: Style | None, text: str) -> str:
    """How a piece looks, in words; the colour of blanks is that of their ground."""
    if style is None:
        return "none"
    ways = [way for way in WAYS if getattr(style, way)]
    ink = [style.color.name] if style.color and (text.strip() or {"underline", "reverse"} & set(ways)) else []
    ground = [f"on {style.bgcolor.name}"] if style.bgcolor else []
    return " ".join([*ink, *ground, *(ways if ink else [])]) or "plain"


def drawn(app: BudgetApp) -> str:
    """The screen as a snapshot."""
    letters: dict[str, str] = {}
    lines, looks = [], []
    for strip in app.screen._compositor.render_strips():
        lines.append(f"|{strip.text.rstrip()}")
        pieces = groupby(strip, key=lambda piece: told(piece.style, piece.text))
        looks.append("".join(f"{_cells(run)}{letters.setdefault(look, _letter(len(letters)))}" for look, run in pieces))
    legend = [f"{letter:>2} {look}" for look, letter in letters.items()]
    return "\n".join([*lines, "", *looks, "", *legend, ""])


def _cells(run: Iterator[Segment]) -> int:
    return sum(piece.cell_length for piece in run)


def _letter(number: int) -> str:
    return (chr(96 + number // 26) if number >= 26 else "") + chr(97 + number % 26)


async def look(pilot: Pilot[None], sight: Sight, known: str | None) -> str:
    """The screen when it is as it was known, or when it changes no more."""
    app = pilot.app
    assert isinstance(app, BudgetApp)
    await until(pilot, lambda: app.current_mode == sight.screen and isinstance(app.screen, StudyScreen))
    await until(pilot, lambda: app.screen.settled)
    for key in sight.keys:
        await pilot.press(key)
        await until(pilot, lambda: getattr(app.screen, "settled", True))
        await pilot.pause(0.3)
    for field in app.screen.query(Input):
        field.cursor_blink = False
    seen, since, began = "", time.monotonic(), time.monotonic()
    while (now := drawn(app)) != known and time.monotonic() - began < PATIENCE:
        if now != seen:
            seen, since = now, time.monotonic()
        elif not known and time.monotonic() - since > STILL:
            break
        await pilot.pause(0.05)
    return now


async def until(pilot: Pilot[None], so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < until, drawn(pilot.app)
        await pilot.pause(0.02)


@pytest.fixture
def frozen(
    utc: None, new_writer: Callable[..., Any], store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Sight], BudgetApp]:
    """A viewer of a study that is the same every time, on a machine on which nothing moves."""

    def open_one(sight: Sight) -> BudgetApp:
        assert utc is None
        monkeypatch.chdir(store_path.parent)
        if sight.colours:
            monkeypatch.delenv("NO_COLOR", raising=False)
        else:
            monkeypatch.setenv("NO_COLOR", "1")
        store_path.with_suffix(".toml").touch()  # a study file: what R would run
        now = make(new_writer, store_path, done=sight.done)
        watcher = StoreWatcher(path=Path(store_path.name), host="lab", exists=lambda _pid: True, clock=lambda: now)
        machine = Machine(clock=lambda: now + 2.0, name="lab", facts=lambda _store, _pid: FACTS)
        return BudgetApp(watcher, start=sight.screen, machine=machine)

    return open_one


SEEN = [
    *((sight, size) for sight in SIGHTS for size in SIZES if sight.name not in NARROW or size[0] < 110),
    *(
        (sight, size)
        for sight in SIGHTS
        for size in MORE_SIZES
        if sight.name in RESHAPED and (sight.name not in NARROW or size[0] < 110)
    ),
]


@pytest.mark.parametrize(("sight", "size"), SEEN, ids=[f"{sight.name}-{w}x{h}" for sight, (w, h) in SEEN])
async def test_a_screen_looks_as_it_did_when_it_was_last_looked_at(
    sight: Sight, size: tuple[int, int], frozen: Callable[[Sight], BudgetApp], request: pytest.FixtureRequest
) -> None:
    file = SNAPSHOTS / f"{sight.name}-{size[0]}x{size[1]}.txt"
    renew = request.config.getoption("--renew-snapshots")
    known = None if renew else file.read_text(encoding="utf-8")
    async with frozen(sight).run_test(size=size) as pilot:
        seen = await look(pilot, sight, known)
    if renew:
        file.write_text(seen, encoding="utf-8")
    elif seen != known:
        found = difflib.unified_diff(
            (known or "").splitlines(), seen.splitlines(), file.name, "the screen", lineterm=""
        )
        pytest.fail(
            "\n".join([*found, "if it is meant so: pytest tests/tui/screens/test_snapshots.py --renew-snapshots"]),
            pytrace=False,
        )
