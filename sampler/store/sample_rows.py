"""Samples as lists and pages show them: plain rows, built by `sampler.store.reader_samples`.

Their texts are hostile.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """A sample and its latest verdict; what belongs to the verdict is None where there is none yet."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One judgement of a sample."""

    attempt: int
    verdict: str
    judge: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDetail:
    """All that a store knows of one sample. Texts are cut at `reader_samples.LONGEST_TEXT` characters."""

    row: SampleRow
    seed: int | None
    sum_logprob: float | None
    entry_point: str | None
    prompt: str
    tests: str
    completion: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """Failures of one stretch of verdicts that end alike: how many, and the newest of them."""

    verdict: str
    error_type: str | None
    message: str | None  # its beginning
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
