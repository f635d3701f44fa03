"""What is read back from a store: plain rows for reports and screens.

Built by the readers beside it, checked nowhere twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sampler.values import Architecture, GivenCosts


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One study and the state of its latest run."""

    id: int
    uid: str
    name: str
    problems_source: str
    problems_digest: str
    seed: int
    status: str
    host: str | None
    pid: int | None
    created_at: float
    started_at: float | None
    heartbeat_at: float | None
    ended_at: float | None
    exit_reason: str | None
    problems: int
    wanted: int  # samples planned in all
    sampled: int
    scored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model of a study. `params` is N of the rule "2N FLOPs per token".

    `greedy_of` is the id of the model whose one greedy sample of each problem this is; None for a model of its own.
    """

    id: int
    name: str
    backend: str
    engine: str | None
    digest: str | None
    architecture: Architecture | None
    params: int | None
    wanted: int  # samples per problem
    costs: GivenCosts = GivenCosts()
    greedy_of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyRow:
    """Counts and summed costs of one model on one problem (`problem` is the data set's id).

    A sum is None where the cost of a sample is not known; `cpu_s`, of the sandbox, is summed over the `scored`.
    """

    model_id: int
    problem: str
    sampled: int
    scored: int
    passed: int
    prompt_tokens: int | None
    completion_tokens: int | None
    prompt_seconds: float | None
    decode_seconds: float | None
    prompt_flops: float | None
    decode_flops: float | None
    prompt_joules: float | None = None
    decode_joules: float | None = None
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TailRow:
    """One verdict as the live tail shows it. Texts are hostile: strip control characters, never parse as markup."""

    id: int  # verdict id: the cursor of the tail
    at: float
    model_id: int
    model: str
    problem: str
    index: int
    verdict: str
    completion_tokens: int | None
    seconds: float | None  # engine seconds of this completion
    flops: float | None
    cpu_s: float
    error_type: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """A line of the study's log."""

    id: int
    at: float
    level: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """The name of one stored sample."""

    model: str
    problem: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRow:
    """A stored sample that waits for its verdict, with the program to execute (hostile text)."""

    id: int  # sample id: the cursor
    model_id: int
    problem_id: int
    problem: str
    index: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """The latest verdict of a sample, and what it was made from (`sandbox.judging.facts`; None where not kept)."""

    id: int  # verdict id: the cursor
    problem: str
    index: int
    verdict: str
    selection: str | None
    facts: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """Samples of a model that failed in the same way (`error_type` is hostile text)."""

    model: str
    verdict: str
    error_type: str | None
    samples: int
    problems: int
    example: str  # the name of one of these problems


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginRow:
    """What the samples of a study were made and judged with."""

    image: str | None
    limits: Mapping[str, object]
    versions: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCount:
    """How many imported samples of a model were claimed to pass or not, and do or do not (None: no verdict)."""

    model: str
    claimed: bool
    passed: bool | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedRow:
    """An imported sample whose file says otherwise than our verdict. Texts are hostile."""

    id: int  # sample id: the cursor
    model: str
    problem: str
    index: int
    claimed: bool
    said: str | None
    verdict: str
    error_type: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRow:
    """How many scored samples of a problem passed its selection tests, and the judge's too.

    `untested` had none to pass.
    """

    problem: str
    accepted: int
    right: int
    untested: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentRow:
    """What one scored sample cost, for reading the prompt and for writing, in one unit."""

    problem: str
    reading: float
    writing: float
    passed: int
