"""What ranking reads from a store and writes to it. Texts are hostile."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    """A problem as the store keeps it."""

    id: int
    name: str
    prompt: str
    entry_point: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankableRow:
    """A sample with a verdict, and everything that a ranker may go by. `facts` only where they were asked for."""

    id: int
    index: int
    completion: str
    program: str
    completion_tokens: int | None
    sum_logprob: float | None
    verdict: str
    selection: str | None
    cpu_s: float  # that its verdict took in the sandbox
    facts: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRow:
    """What a ranker thinks of a sample, and what that took."""

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
