"""A small study in a real store, for the tests of the screen."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sampler.records import ModelRecord, OpenedModel, SampleRecord, StudyIds, StudyRecord, VerdictRecord
from sampler.store import Store
from sampler.values import Architecture, Finish, ModelCard, Sample
from sandbox.problems import Problem
from sandbox.values import Ending, Raised, Run, Score, Stage, Verdict

SKILLS = {"toy-coder-0.5b": 0.4, "toy-coder-1.5b": 0.6, "toy-coder-3b": 0.75}
TESTS = "def check(candidate):\n    assert candidate() is None\n"


class Writer:
    """A study being written: models of different skill and cost, sample by sample, with a seeded generator."""

    def __init__(self, store: Store, *, problems: int = 8, wanted: int = 5, name: str = "toy-study") -> None:
        self.store = store
        self.wanted = wanted
        self.problems = tuple(
            Problem(name=f"Toy/{n}", prompt="def f():\n", entry_point="f", tests=TESTS) for n in range(problems)
        )
        self.models = list(SKILLS)
        self._random = random.Random(7)
        record = StudyRecord(
            name=name,
            spec_toml='name = "toy"\n',
            problems_source="toy",
            seed=0,
            limits="{}",
            models=tuple(ModelRecord(name=m, backend="replay", sampling="{}", wanted=wanted) for m in self.models),
            problems=self.problems,
        )
        self.ids: StudyIds = store.open_study(record)
        store.begin_run(self.ids.study)
        for size, model in enumerate(self.models, start=1):
            architecture = Architecture(
                layers=4 * size, hidden=64, attention_width=64, matmul_params=10**8 * size, unembed_params=10**7
            )
            card = ModelCard(name=model, digest="0" * 64, architecture=architecture, engine="toy")
            store.model_opened(OpenedModel(model_id=self.ids.models[model], card=card))

    def add(self, model: str, problem: str, index: int, message: str | None = None) -> Verdict:
        """One sample and its verdict; with a message it is wrong and says so."""
        passed = message is None and self._random.random() < SKILLS[model]
        size = self.models.index(model) + 1
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
def finished(store_path: Path) -> Path:
    """The store of a study that is done."""
    with Store(store_path) as store:
        writer = Writer(store)
        writer.fill()
        store.add_event(writer.ids.study, "info", "end", "all samples are there")
        writer.finish()
    return store_path
