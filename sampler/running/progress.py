"""Define the events of a running study: plain values, the same for a terminal, a log and a test."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sampler.store.read_models import ModelRow, TallyRow
from sampler.store.reader import Reader, StoreError
from sampler.store.writer import Store

if TYPE_CHECKING:  # Docker's client is heavy
    from sandbox.cluster.pool import NodeStatus

NODES_SECONDS = 30.0
TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProgress:
    """How far one model is, over all problems.

    `sampled` and `scored` of what is wanted, `passed` of all `verdicts` held. Of samples that a budget is allotted to,
    so many are wanted as this run has decided until now.
    """

    name: str
    wanted: int
    sampled: int
    scored: int
    verdicts: int
    passed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the study is."""

    study: str
    models: tuple[ModelProgress, ...]

    @property
    def wanted(self) -> int:
        """Return the number of wanted samples."""
        return sum(model.wanted for model in self.models)

    @property
    def sampled(self) -> int:
        """Return the number of wanted samples that are stored."""
        return sum(model.sampled for model in self.models)

    @property
    def scored(self) -> int:
        """Return the number of wanted samples that have a verdict."""
        return sum(model.scored for model in self.models)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message of one line; `level` is info, warning or error."""

    level: str
    kind: str
    message: str


Subscriber = Callable[[Progress | Notice], None]
Goals = Mapping[str, Mapping[str, int]]  # of an allotted budget: how often each problem is to be tried, by model


def read_progress(reader: Reader, study: int, goals: Goals | None = None) -> Progress:
    """Return the progress of a study, from its tallies and from what the run has allotted."""
    row = next(row for row in reader.studies() if row.id == study)
    by_model: dict[int, list[TallyRow]] = defaultdict(list)
    for tally in reader.tallies(study):
        by_model[tally.model_id].append(tally)
    models = reader.models(study)
    shown = [
        _model(model, row.problems, by_model[model.id]) for model in [*models, *reader.greedy(study)] if model.wanted
    ]
    owners = {model.id: model for model in models}
    for further in reader.allotted(study):
        owner = owners[further.greedy_of or 0]
        asked = {name: goal - owner.wanted for name, goal in (goals or {}).get(owner.name, {}).items()}
        shown += _allotted(further, asked, by_model[further.id])
    return Progress(study=row.name, models=tuple(shown))


def _allotted(model: ModelRow, asked: Mapping[str, int], tallies: list[TallyRow]) -> list[ModelProgress]:
    """Return the progress of further samples, of which each problem is to have as many as asked; none without any."""
    held = {tally.problem: tally.sampled for tally in tallies}
    wanted = sum(max(held.get(name, 0), asked.get(name, 0)) for name in held.keys() | asked.keys())
    if not wanted:
        return []
    return [
        ModelProgress(
            name=model.name,
            wanted=wanted,
            sampled=sum(held.values()),
            scored=sum(tally.scored for tally in tallies),
            verdicts=sum(tally.scored for tally in tallies),
            passed=sum(tally.passed for tally in tallies),
        )
    ]


def _model(model: ModelRow, problems: int, tallies: list[TallyRow]) -> ModelProgress:
    return ModelProgress(
        name=model.name,
        wanted=problems * model.wanted,
        sampled=sum(min(tally.sampled, model.wanted) for tally in tallies),
        scored=sum(min(tally.scored, model.wanted) for tally in tallies),
        verdicts=sum(tally.scored for tally in tallies),
        passed=sum(tally.passed for tally in tallies),
    )


class Ticker:
    """Reads and reports the progress of a study once a second, as long as the context lasts."""

    def __init__(self, store: Store, study: int, tell: Subscriber, goals: Callable[[], Goals] = dict) -> None:
        self._store = store
        self._study = study
        self._goals = goals
        self._tell = tell
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="progress", daemon=True)

    def _work(self) -> None:
        with suppress(StoreError), Reader(self._store.path) as reader:  # the writer hears of a broken store by itself
            while not self._end.wait(TICK_SECONDS):
                if reader.changed():
                    self._tell(read_progress(reader, self._study, self._goals()))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


class NodeWatch:
    """Notes what the nodes of a cluster do, as long as the context lasts: at each change, and their rates at intervals.

    `nodes` is None where programs run on this machine; then nothing is noted.
    """

    def __init__(self, nodes: Callable[[], Sequence[NodeStatus]] | None, note: Callable[[str, str, str], None]) -> None:
        self._nodes, self._note = nodes, note
        self._states: dict[str, str] = {}
        self._told_at, self._told = -math.inf, ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="nodes", daemon=True)

    def look(self, now: float) -> None:
        """Read the states of the nodes once, and report those that changed."""
        nodes = [] if self._nodes is None else self._nodes()
        changed = [node for node in nodes if self._states.get(node.name) != node.state]
        for node in changed:
            self._states[node.name] = node.state
            level = "info" if node.state in {"opening", "working"} else "warning"
            reason = f": {node.reason}" if node.reason else ""
            self._note(level, "node", f"{node.name} is {node.state}{reason}")
        told = nodes_line(nodes)
        if changed or (told != self._told and now - self._told_at >= NODES_SECONDS):
            self._told_at, self._told = now, told
            self._note("info", "nodes", told)

    def _work(self) -> None:
        with suppress(StoreError):
            while not self._end.wait(TICK_SECONDS):
                self.look(time.monotonic())

    def __enter__(self) -> None:
        if self._nodes is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._nodes is not None:
            self._thread.join()
            with suppress(StoreError):
                self._told_at = -math.inf
                self.look(time.monotonic())


def nodes_line(nodes: Sequence[NodeStatus]) -> str:
    """Return what the nodes do, in one line that `; ` separates."""
    return "; ".join(
        f"{node.name} {node.state}, {node.boxes} box{'es' * (node.boxes != 1)}, {node.rate:.1f}/s, {node.programs} "
        f"done, {node.faults} faults"
        for node in nodes
    )
