"""Small real things for the tests of the sampler.

A fake sandbox, a model that makes its samples up by rule, and builders.

Also run as a script by tests that kill a process: `python support.py write STORE`, `… run STUDY STORE` or
`… import STORE FILE PROBLEMS`.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Self

from sampler.backends.base import BackendError
from sampler.backends.replay import ReplayBackend
from sampler.importing import importer
from sampler.importing.importer import import_files
from sampler.importing.sample_files import ImportRequest
from sampler.running.headless import run_study
from sampler.running.run import Dependencies
from sampler.store.write_models import ModelRecord, SampleRecord, StudyRecord, VerdictRecord
from sampler.store.writer import Store
from sampler.study.spec import load_study
from sampler.values import Architecture, Finish, ModelCard, Request, Sample, SamplingParams
from sandbox.errors import BoxLost
from sandbox.problems import Problem
from sandbox.values import Ending, Program, Raised, Run, Score, Stage, Verdict

ARCHITECTURE = Architecture(layers=2, hidden=8, attention_width=8, matmul_params=1000, unembed_params=200)


def problems(count: int) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            name=f"P/{n}", prompt=f"def f{n}(x):\n", entry_point=f"f{n}", tests="def check(f):\n    assert f(1) == 1\n"
        )
        for n in range(count)
    )


def study_record(count: int = 2, wanted: int = 4, **changed: object) -> StudyRecord:
    values: dict[str, object] = {
        "name": "a study",
        "spec_toml": "",
        "problems_source": "here",
        "seed": 7,
        "limits": "{}",
        "models": (ModelRecord(name="small", backend="replay", sampling="{}", wanted=wanted),),
        "problems": problems(count),
    }
    return StudyRecord(**{**values, **changed})


def score(verdict: Verdict = Verdict.PASSED, *, stdout: bytes = b"") -> Score:
    raised = None if verdict is Verdict.PASSED else Raised(stage=Stage.TESTS, type="AssertionError", message="no")
    run = Run(
        ending=Ending.EXITED,
        exit_code=0,
        signal=None,
        cpu_s=0.01,
        wall_s=0.02,
        memory_mb=9.0,
        stdout=stdout,
        stderr=b"",
        proved=verdict is Verdict.PASSED,
        raised=raised,
    )
    return Score(verdict=verdict, run=run, raised=raised)


def sample(problem: str = "P/0", index: int = 0, text: str = "    return x\n", **changed: object) -> Sample:
    values: dict[str, object] = {
        "problem": problem,
        "index": index,
        "seed": index,
        "text": text,
        "finish": Finish.STOP,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_seconds": 0.5,
        "decode_seconds": 0.25,
        "sum_logprob": -1.5,
        "prompt_shared": False,
    }
    return Sample(**{**values, **changed})


def sample_record(model: int, problem: int, index: int, text: str = "    return x\n") -> SampleRecord:
    return SampleRecord(
        model_id=model,
        problem_id=problem,
        sample=sample(index=index, text=text),
        source=f"source of {text}",
        prompt_flops=100.0,
        decode_flops=50.0,
    )


def verdict_record(model: int, problem: int, index: int, verdict: Verdict = Verdict.PASSED) -> VerdictRecord:
    return VerdictRecord(model_id=model, problem_id=problem, index=index, score=score(verdict), facts=None, judge="1")


class FakeExecutor:
    """Passes a program that contains "return x", on threads of its own; loses the box over one that says "lose me"."""

    def __init__(self, *, delay_s: float = 0.0, broken: bool = False) -> None:
        self.seen: list[str] = []
        self.programs: list[Program] = []
        self._delay_s = delay_s
        self._broken = broken
        self._threads = ThreadPoolExecutor(max_workers=2)

    @property
    def image(self) -> str:
        return "fake:1"

    def submit(self, program: Program) -> Future[Score]:
        return self._threads.submit(self._score, program)

    def _score(self, program: Program) -> Score:
        time.sleep(self._delay_s)
        self.seen.append(program.source)
        self.programs.append(program)
        if self._broken or "lose me" in program.source:
            raise BoxLost("the box went away; nothing was judged")
        return score(Verdict.PASSED if "return x" in program.source else Verdict.WRONG)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)


class RuleBackend:
    """A model whose sample of a seed is a rule: half of them are right. Counts what it was asked."""

    def __init__(self, name: str, *, delay_s: float = 0.0, text: str | None = None, digest: str = "d1") -> None:
        self.asked: list[tuple[str, int]] = []
        self.fail_after: int | None = None
        self.on_sample = lambda _count: None
        self._card = ModelCard(name=name, digest=digest, architecture=ARCHITECTURE, engine="rule 1")
        self._delay_s = delay_s
        self._text = text

    @property
    def card(self) -> ModelCard:
        return self._card

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        del params
        for request in requests:
            for offset in range(request.count):
                index, seed = request.first + offset, request.seed + offset
                if self.fail_after is not None and len(self.asked) >= self.fail_after:
                    raise BackendError("the engine is gone")
                self.asked.append((request.problem, index))
                time.sleep(self._delay_s)
                self.on_sample(len(self.asked))
                yield sample(request.problem, index, self._text or self._rule(seed), seed=seed)

    def _rule(self, seed: int) -> str:
        right = hashlib.sha256(str(seed).encode()).digest()[0] % 2
        return f"    return x  # {seed}\n" if right else f"    return {seed}\n"

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


STUDY = """
name = "tried"
seed = 3
[problems]
source = "problems.jsonl"
[[models]]
name = "small"
backend = "replay"
file = "none.jsonl"
samples = {samples}
"""


def write_study(folder: Path, *, count: int = 3, samples: int = 4, more: str = "") -> Path:
    """A study file and its problems in `folder`; the file of its replay is never opened by `rule_dependencies`."""
    lines = [
        f'{{"task_id": "{p.name}", "prompt": {p.prompt!r}, "entry_point": "{p.entry_point}", "test": {p.tests!r}}}'
        for p in problems(count)
    ]
    text = "\n".join(lines).replace("'", '"')
    (folder / "problems.jsonl").write_text(text, encoding="utf-8")
    path = folder / "study.toml"
    path.write_text(STUDY.format(samples=samples) + more, encoding="utf-8")
    return path


def rule_dependencies(*backends: RuleBackend, executor: FakeExecutor | None = None) -> Dependencies:
    """Dependencies that open these backends, by name, and this sandbox."""
    known = {backend.card.name: backend for backend in backends}
    return Dependencies(
        check=lambda _model, _tell: None,
        backend=lambda model, _tell: known.get(model.name) or RuleBackend(model.name),
        executor=lambda _study: executor or FakeExecutor(),
    )


def write_forever(path: Path) -> None:
    """Add samples and verdicts until killed; each sample is offered twice."""
    with Store(path) as store:
        ids = store.open_study(study_record(count=5, wanted=100_000))
        store.begin_run(ids.study)
        for number in range(1_000_000):
            model, problem, index = ids.models["small"], ids.problems[f"P/{number % 5}"], number // 5
            for _ in range(2):
                store.add_sample(sample_record(model, problem, index, f"    return {number}\n"))
                verdict = Verdict.PASSED if number % 3 == 0 else Verdict.WRONG
                store.add_verdict(verdict_record(model, problem, index, verdict))
            if number == 100:
                store.flush()
                sys.stdout.write("going\n")
                sys.stdout.flush()


def run_slowly(study: Path, path: Path) -> None:
    """The study of a file with a slow model and a slow sandbox."""
    dependencies = rule_dependencies(RuleBackend("small", delay_s=0.01), executor=FakeExecutor(delay_s=0.02))
    sys.exit(run_study(replace(load_study(study), store=path), dependencies, lambda _event: None))


def replay_dependencies() -> Dependencies:
    """The replay backend as it is, and a sandbox that takes no time."""
    return Dependencies(
        check=lambda _model, _tell: None,
        backend=lambda model, _tell: ReplayBackend(model.file),
        executor=lambda _study: FakeExecutor(),
    )


def run_replay(study: Path, path: Path) -> None:
    """The study of a recording; says when it begins."""
    asked = replace(load_study(study), store=path)
    sys.stdout.write("going\n")
    sys.stdout.flush()
    sys.exit(run_study(asked, replay_dependencies(), lambda _event: None))


def import_slowly(path: Path, file: Path, source: Path) -> None:
    """An import in small batches; says when the store is open."""
    importer.ROWS = 500
    with Store(path) as store:
        sys.stdout.write("opened\n")
        sys.stdout.flush()
        import_files(ImportRequest(files=(file,), study="s", problems=str(source), model="small"), store)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["replay", study, path]:
            run_replay(Path(study), Path(path))
        case ["import", path, file, source]:
            import_slowly(Path(path), Path(file), Path(source))
        case ["write", path]:
            write_forever(Path(path))
        case ["run", study, path]:
            run_slowly(Path(study), Path(path))
