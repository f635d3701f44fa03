"""Studies that can be looked at: those of every store in a folder, read as guests, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sampler.store.lock import is_abandoned
from sampler.store.read_models import StudyRow
from sampler.store.reader import Reader, StoreError
from tui.header import duration, grouped
from tui.text import harmless
from tui.view import STANDING_MOODS, Mood, standing
from tui.widgets.cells import Cell, Column

MOST = 200  # stores that are looked into

COLUMNS = (
    Column(key="here", label="", width=1),
    Column(key="study", label="study", width=24, middle=True),
    Column(key="state", label="state", width=13),
    Column(key="done", label="done", width=5, right=True),
    Column(key="samples", label="samples", width=19, right=True, needs=76),
    Column(key="problems", label="problems", width=9, right=True, needs=96),
    Column(key="began", label="began", width=12, right=True, needs=92),
    Column(key="took", label="took", width=11, right=True, needs=110),
    Column(key="store", label="store", width=0, middle=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One study in one store; a store that cannot be read is a run without a study and with a reason."""

    store: Path
    study: StudyRow | None
    why_not: str = ""


def find_runs(present: Path, host: str) -> list[Run]:
    """The studies of the store that is open and of its neighbours, the latest first. `host` is this machine's name."""
    stores = {present, *sorted(present.parent.glob("*.db"), key=_age)[:MOST]}
    runs: list[Run] = []
    for store in sorted(stores):
        try:
            with Reader(store) as reader:
                runs += [
                    Run(store=store, study=study, why_not="gone" * is_abandoned(study, host))
                    for study in reader.studies()
                ]
        except StoreError as error:
            if store == present:
                runs.append(Run(store=store, study=None, why_not=str(error)))
    return sorted(runs, key=lambda run: -(run.study.started_at or run.study.created_at) if run.study else 0.0)


def _age(file: Path) -> float:
    try:
        return -file.stat().st_mtime
    except OSError:
        return 0.0


def run_cells(run: Run, now: float, *, here: bool) -> tuple[Cell, ...]:
    """One study in words."""
    study = run.study
    mark = Cell(text="▸" if here else " ", strong=True)
    if study is None:
        return (mark, Cell(text=run.store.name), Cell(text="unreadable", mood=Mood.BAD), *[Cell()] * 5,
                Cell(text=harmless(run.why_not, 300)))  # fmt: skip
    found = standing(study, now, process_gone=bool(run.why_not))
    began = study.started_at or study.created_at
    until = study.ended_at or study.heartbeat_at or began
    return (
        mark,
        Cell(text=harmless(study.name, 100), strong=here),
        Cell(text=f"{found.glyph} {found.word}", mood=STANDING_MOODS[found]),
        Cell(text=f"{study.scored / study.wanted * 100:.0f}%" if study.wanted else "—"),
        Cell(text=f"{grouped(study.scored)}/{grouped(study.wanted)}"),
        Cell(text=grouped(study.problems)),
        Cell(text=f"{duration(now - began)} ago"),
        Cell(text=duration(until - began)),
        Cell(text=harmless(run.store.name, 200), mood=Mood.FAINT),
    )
