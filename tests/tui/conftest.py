"""A small study in a real store, for the tests of the screen."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from sampler.store.write_models import ModelRecord, OpenedModel, SampleRecord, StudyIds, StudyRecord, VerdictRecord
from sampler.store.writer import Store
from sampler.values import Architecture, Finish, ModelCard, Sample
from sandbox.problems import Problem
from sandbox.values import Ending, Raised, Run, Score, Stage, Verdict
from tui.app import BudgetApp
from tui.data.snapshot import Snapshot
from tui.data.store_watcher import StoreWatcher

PATIENCE = 120.0
SKILLS = {"toy-coder-0.5b": 0.4, "toy-coder-1.5b": 0.6, "toy-coder-3b": 0.75}
TESTS = "def check(candidate):\n    assert candidate() is None\n"


class Writer:
    """A study being written: models of different skill and cost, sample by sample, with a seeded generator."""

    skills: Mapping[str, float] = SKILLS  # the models and their pass@1

    def __init__(
        self,
        store: Store,
        *,
        problems: int = 8,
        wanted: int = 5,
        name: str = "toy-study",
        greedy: str = "",
    ) -> None:
        """`greedy` names the model that is also sampled greedily."""
        self.store = store
        self.wanted = wanted
        self.problems = tuple(
            Problem(name=f"Toy/{n}", prompt="def f():\n", entry_point="f", tests=TESTS) for n in range(problems)
        )
        self.models = list(self.skills)
        self._random = random.Random(7)
        record = StudyRecord(
            name=name,
            spec_toml='name = "toy"\n',
            problems_source="toy",
            seed=0,
            limits="{}",
            models=(
                *(ModelRecord(name=m, backend="replay", sampling="{}", wanted=wanted) for m in self.models),
                *(
                    ModelRecord(name=f"{m} greedy", backend="replay", sampling="{}", wanted=1, greedy_of=m)
                    for m in self.models
                    if m == greedy
                ),
            ),
            problems=self.problems,
        )
        self.ids: StudyIds = store.open_study(record)
        store.begin_run(self.ids.study)
        for model in self.ids.models:
            size = self._size(model)
            architecture = Architecture(
                layers=4 * size, hidden=64, attention_width=64, matmul_params=10**8 * size, unembed_params=10**7
            )
            card = ModelCard(name=model, digest="0" * 64, architecture=architecture, engine="toy")
            store.model_opened(OpenedModel(model_id=self.ids.models[model], card=card))

    def add(self, model: str, problem: str, index: int, message: str | None = None) -> Verdict:
        """One sample and its verdict; with a message it is wrong and says so."""
        passed = message is None and self._random.random() < self.skills[model.removesuffix(" greedy")]
        size = self._size(model)
        sample = Sample(
            problem=problem,
            index=index,
            seed=index,
            text=f"    return {index}",
            finish=Finish.STOP,
            prompt_tokens=100,
            completion_tokens=40 + index,
            prompt_seconds=0.1 * size,
            decode_seconds=0.5 * size,
            sum_logprob=None,
            prompt_shared=False,
        )
        verdict = Verdict.PASSED if passed else self._random.choice([Verdict.WRONG, Verdict.ERROR, Verdict.TIMEOUT])
        raised = None if passed else Raised(stage=Stage.TESTS, type="AssertionError", message=message or "no")
        run = Run(
            ending=Ending.EXITED,
            exit_code=0,
            signal=None,
            cpu_s=0.01,
            wall_s=0.02,
            memory_mb=9.0,
            stdout=b"",
            stderr=b"",
            proved=passed,
            raised=raised,
        )
        ids = {"model_id": self.ids.models[model], "problem_id": self.ids.problems[problem]}
        self.store.add_sample(
            SampleRecord(**ids, sample=sample, source="f", prompt_flops=2e10 * size, decode_flops=8e9 * size)
        )
        self.store.add_verdict(
            VerdictRecord(
                **ids, index=index, score=Score(verdict=verdict, run=run, raised=raised), facts=None, judge="test"
            )
        )
        return verdict

    def _size(self, model: str) -> int:
        return self.models.index(model.removesuffix(" greedy")) + 1

    def fill(self, *, models: int = len(SKILLS)) -> None:
        """Every wanted sample of the first models."""
        for model in self.models[:models]:
            for problem in self.problems:
                for index in range(self.wanted):
                    self.add(model, problem.name, index)
        self.store.flush()

    def finish(self) -> None:
        self.store.end_run(self.ids.study, "done", "complete")


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "study.db"


@pytest.fixture
def new_writer(store_path: Path) -> Iterator[Callable[..., Writer]]:
    """Opens the store and a study in it; closed afterwards."""
    opened: list[Store] = []

    def open_one(*, clock: Callable[[], float] = time.time, **options: int | str) -> Writer:
        opened.append(Store(store_path, clock=clock))
        return Writer(opened[-1], **options)

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def writer_type() -> type[Writer]:
    """Writes a study into a store."""
    return Writer


@pytest.fixture
def finished(store_path: Path) -> Path:
    """The store of a study that is done."""
    with Store(store_path) as store:
        writer = Writer(store)
        writer.fill()
        store.add_event(writer.ids.study, "info", "end", "all samples are there")
        writer.finish()
    return store_path


def screen_text(app: App[None]) -> str:
    """Everything that stands on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def until(pilot: Pilot[None], told: Callable[[], object]) -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    while not told():
        assert time.monotonic() - began < PATIENCE, f"it never came; on the screen:\n{screen_text(pilot.app)}"
        await pilot.pause(0.02)
    return time.monotonic() - began


async def until_text(pilot: Pilot[None], text: str) -> float:
    """Seconds until some words stand on the screen."""
    return await until(pilot, lambda: text in screen_text(pilot.app))


@dataclass
class Viewer:
    """A running screen, and what a test does with it."""

    pilot: Pilot[None]

    @property
    def app(self) -> BudgetApp:
        app = self.pilot.app
        assert isinstance(app, BudgetApp)
        return app

    @property
    def text(self) -> str:
        return screen_text(self.app)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def write(self, text: str) -> None:
        """Type a text into the field that has the keys."""
        await self.pilot.press(*(_key_of(char) for char in text))

    async def sees(self, *texts: str) -> None:
        for text in texts:
            await until_text(self.pilot, text)

    async def hears(self, text: str) -> None:
        """Wait for a notice; it may be broken over several lines of the screen."""
        await until(self.pilot, lambda: any(text in note.message for note in self.app._notifications))

    async def until(self, told: Callable[[], object]) -> None:
        await until(self.pilot, told)

    async def sees_no(self, text: str) -> None:
        await until(self.pilot, lambda: text not in self.text)


def _key_of(char: str) -> str:
    names = {
        " ": "space",
        ":": "colon",
        "~": "tilde",
        ">": "greater_than_sign",
        "*": "asterisk",
        "/": "slash",
        "-": "minus",
        "?": "question_mark",
        ".": "full_stop",
        '"': "quotation_mark",
    }
    return names.get(char, char)


@pytest.fixture
def view() -> Callable[..., AbstractAsyncContextManager[Viewer]]:
    """Opens the screen on a store."""

    @asynccontextmanager
    async def open_one(
        store: Path,
        size: tuple[int, int] = (140, 40),
        *,
        screen: str = "live",
        against: Path | None = None,
        **options: Any,
    ) -> AsyncIterator[Viewer]:
        app = BudgetApp(StoreWatcher(path=store, against=against), start=screen, **options)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.current_mode == screen and isinstance(app.news, Snapshot))
            await pilot.pause()
            yield Viewer(pilot)

    return open_one
