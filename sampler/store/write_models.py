"""Define the values that are written to a store, which turns them into rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sampler.values import ModelCard, Sample
from sandbox.problems import Problem
from sandbox.values import PYTHON, Score


def problems_digest(problems: Iterable[Problem]) -> str:
    """SHA-256 over everything of the chosen problems that decides a sample or a verdict, in their order."""
    digest = hashlib.sha256()
    for problem in problems:
        parts = (problem.name, problem.prompt, problem.entry_point, problem.tests, problem.selection_source)
        language = () if problem.language == PYTHON else (problem.language,)
        digest.update(json.dumps((*parts, *language)).encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model as the study file asks for it. `sampling` is the canonical JSON of what decides its samples.

    `costs` is JSON, too, and decides nothing: it may change whenever the study file does. `greedy_of` names the model,
    above in the study, whose greedy sample this is, or whose further samples, if they are `allotted`.
    """

    name: str
    backend: str
    sampling: str
    wanted: int
    costs: str = "{}"
    greedy_of: str | None = None
    strategy: str | None = None  # canonical JSON; None: independent samples
    looks: int = 1  # at which the study may stop
    allotted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRecord:
    """A study as its file asks for it. `limits` is the canonical JSON of what decides the verdicts.

    `unset` names the keys of it that the file does not set: the values of a store that has the study stay there.
    """

    name: str
    spec_toml: str
    problems_source: str
    seed: int
    limits: str
    models: tuple[ModelRecord, ...]
    problems: tuple[Problem, ...]
    unset: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """SHA-256 of what decides every model's samples: the problems and the seed."""
        return hashlib.sha256(f"{problems_digest(self.problems)} {self.seed}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyIds:
    """The ids of a study in its store, and the limits there (canonical JSON) that hold for its programs."""

    study: int
    models: Mapping[str, int]
    problems: Mapping[str, int]
    limits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """One sample, the program made of it, and its FLOPs (None without an architecture, or where they are not known).

    `extraction` is the reason for the choice of the program, `prompt_form` the form of the prompt. `parent` is the
    index of the sample whose repair or revision this is, in turn `turn`; `prompt` is then what was sent.
    """

    model_id: int
    problem_id: int
    sample: Sample
    source: str
    prompt_flops: float | None
    decode_flops: float | None
    cached_flops: float | None = None
    extraction: str | None = None
    prompt_form: str | None = None
    parent: int | None = None
    turn: int = 0
    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRecord:
    """A draft whose later turns have ended: how many samples it and they are, and which is the answer."""

    model_id: int
    problem: str
    tree: int
    answer_id: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRecord:
    """The score of one stored sample, and the facts it was made from (None: too many to keep).

    `reason` says what a wrong answer was, of tests that the store does not hold.
    """

    model_id: int
    problem_id: int
    index: int
    score: Score
    facts: bytes | None
    judge: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementRecord:
    """A new score over the facts of a stored verdict, by the id of that; `reason` is that of `VerdictRecord`."""

    verdict_id: int
    score: Score
    judge: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedModel:
    """The data of a model from the backend that opened it."""

    model_id: int
    card: ModelCard


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRow:
    """A ranker's score of a sample, and its cost."""

    sample_id: int
    value: float
    seconds: float = 0.0
    prompt_flops: float | None = 0.0
    flops: float | None = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerRecord:
    """A ranker by its name in a study, and a digest of what decides its values beside the samples."""

    study: int
    name: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedModel:
    """A model whose samples are imported. `params` is its size where only that is known."""

    record: ModelRecord
    card: ModelCard
    params: int | None


@dataclass(slots=True)
class ImportBatch:
    """Samples that the store does not hold, with their texts and claims.

    A claim names its sample by its place in `rows`.

    A row is: model, problem, index, seed, completion, program (both by digest), finish, prompt tokens, completion
    tokens, prompt seconds, decode seconds, prompt FLOPs, decode FLOPs, summed log-probability, whether the prompt was
    shared, the reason for the choice of the program, thought (by digest), its tokens, cached tokens, FLOPs that the
    cache saved.
    """

    rows: list[tuple[object, ...]] = field(default_factory=list)
    texts: dict[bytes, str] = field(default_factory=dict)
    claims: list[tuple[int, bool, str | None]] = field(default_factory=list)
