"""Define the rows that readers return, for reports and screens. Texts are hostile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sampler.values import Architecture, GivenCosts
from sandbox.values import Verdict

_DIGEST = re.compile(r"[0-9a-f]{64}")


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

    `greedy_of` is the id of the model whose one greedy sample of each problem this is, or whose further samples where a
    budget was allotted; None for a model of its own.
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
    strategy: Mapping[str, object] | None = None  # what the samples of a tree are; None: independent
    looks: int = 1  # declared times at which the study may have stopped for what it saw


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyRow:
    """Counts and summed costs of one model on one problem (`problem` is the data set's id).

    A sum is None where the cost of a sample is not known; `cpu_s`, of the sandbox, is summed over the `scored`. The
    thought's tokens are among the completion's, the cached ones among the prompt's. Of a model with a strategy whole
    trees are counted, and `reread_*` is the part of reading that later turns took. Where a budget was allotted, `tries`
    is how many scored samples there are from the first on, the allotted ones with them, and `solved_at` which of them
    is the first that passed; everything else is of the samples that every problem has.
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
    thought_tokens: int | None = None
    cached_tokens: int | None = None
    cached_flops: float | None = None
    reread_tokens: int | None = 0
    reread_seconds: float | None = 0.0
    reread_flops: float | None = 0.0
    reread_joules: float | None = 0.0
    cache_write_tokens: int | None = None
    tries: int = 0
    solved_at: int | None = None


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
class SampleKeyRow:
    """The key of one stored sample: its model, its problem and its index."""

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
    """The latest verdict of a sample, and the facts it was made from (`sandbox.judging.score_records`), if kept."""

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
    """An imported sample whose claim differs from our verdict. Texts are hostile."""

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
    """How many scored samples of a problem passed its selection tests, and the judge's, too.

    `untested` samples had no selection tests.
    """

    problem: str
    accepted: int
    right: int
    untested: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthRow:
    """How long one scored sample thought, in tokens, and whether it is right; `cut`: it was still thinking."""

    problem: str
    thought_tokens: int | None
    completion_tokens: int | None
    cut: bool
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentRow:
    """What one scored sample cost, for reading the prompt and for writing, in one unit."""

    problem: str
    reading: float
    writing: float
    passed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """A sample of a model with a strategy; `selection` is the verdict of its selection tests, if it had some.

    The verdict of the judge tests is for reports alone; costs are None where they are not known.
    """

    id: int
    problem: str
    index: int
    turn: int
    scored: bool
    selection: str | None
    passed: bool | None
    prompt_tokens: int | None
    completion_tokens: int | None
    thought_tokens: int | None
    cached_tokens: int | None
    prompt_seconds: float | None
    decode_seconds: float | None
    prompt_flops: float | None
    decode_flops: float | None
    cached_flops: float | None
    cpu_s: float | None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRow:
    """The program that a repair is asked for, and the facts of its verdict."""

    program: str
    facts: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRow:
    """A tree that has ended, with the index of its answer."""

    problem: str
    tree: int
    answer: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    """A problem as the store keeps it."""

    id: int
    name: str
    prompt: str
    entry_point: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankableRow:
    """A sample with a verdict, and everything that a ranker may use; `facts` only if they were requested."""

    id: int
    index: int
    completion: str
    program: str
    completion_tokens: int | None
    thought_tokens: int | None
    finish: str | None
    sum_logprob: float | None
    verdict: str
    selection: str | None
    cpu_s: float  # that its verdict took in the sandbox
    facts: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One sample. `passed` is our verdict's, else the claim's, else None; texts are hostile."""

    model: str
    problem: str
    prompt: str
    index: int
    seed: int | None
    completion: str
    thought: str | None
    program: str
    extraction: str | None
    prompt_form: str | None
    finish: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    thought_tokens: int | None
    cached_tokens: int | None
    prompt_seconds: float | None
    decode_seconds: float | None
    prompt_joules: float | None
    decode_joules: float | None
    prompt_flops: float | None
    decode_flops: float | None
    sum_logprob: float | None
    prompt_shared: bool
    verdict: str | None
    claimed: bool | None
    said: str | None
    turn: int = 0
    parent: int | None = None
    cache_write_tokens: int | None = None

    @property
    def passed(self) -> bool | None:
        """Return whether the sample passed, by our verdict where there is one."""
        return self.claimed if self.verdict is None else self.verdict == Verdict.PASSED


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """A sample and its latest verdict; fields of the verdict are None if there is none yet."""

    sample_id: int
    verdict_id: int | None
    at: float  # of the verdict, or else of the sample
    model_id: int
    model: str
    problem: str
    index: int
    verdict: str | None
    prompt_tokens: int | None  # costs of an imported sample may be unknown
    completion_tokens: int | None
    thought_tokens: int | None  # among them
    seconds: float | None  # engine seconds, the prompt's included
    flops: float | None
    finish: str | None
    cpu_s: float | None
    wall_s: float | None
    memory_mb: float | None
    error_type: str | None
    error_message: str | None
    flags: str
    attempt: int
    turn: int = 0  # how many samples of its tree came before it
    parent: int | None = None  # the index of the one whose repair or revision it is; None: a draft


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One judgement of a sample."""

    attempt: int
    verdict: str
    judge: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDetail:
    """All that a store knows of one sample. Texts are cut at `sample_readers.LONGEST_TEXT` characters."""

    row: SampleRow
    seed: int | None
    sum_logprob: float | None
    entry_point: str | None
    prompt: str
    tests: str
    completion: str
    thought: str
    cached_tokens: int | None
    cache_write_tokens: int | None
    program: str
    extraction: str | None  # why the program is that
    prompt_form: str | None  # how the problem was put
    stdout: str
    stderr: str
    ending: str | None
    exit_code: int | None
    signal: int | None
    selection: str | None  # the verdict of the selection tests
    limits_json: str
    facts: bytes | None
    attempts: tuple[AttemptRow, ...]

    @property
    def shown_tests(self) -> str:
        """Return the tests as a reader sees them: a store keeps only a digest of those that are data."""
        if _DIGEST.fullmatch(self.tests):
            return f"# These tests are data, of which the store keeps this digest alone: {self.tests}"
        return self.tests


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """Failures of one range of verdicts that ended in the same way: how many, and the newest of them."""

    verdict: str
    error_type: str | None
    message: str | None  # its beginning
    problem: str  # of wrong answers without a message, which only the problem tells apart; else empty
    model_id: int
    count: int
    newest: int  # a verdict id


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What one run of a program used of its box."""

    at: float
    verdict: str
    cpu_s: float
    wall_s: float
    memory_mb: float
    flags: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRow:
    """What a study's programs run in and under, as the run noted it."""

    image: str | None
    limits_json: str
    versions_json: str
    spec_toml: str
