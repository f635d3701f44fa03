"""A sample with all that is known of it, as exports need it. Built by `sampler.store.reader_export`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One sample. `passed` is our verdict's, else the claim's, else None; texts are hostile."""

    model: str
    problem: str
    prompt: str
    index: int
    seed: int | None
    completion: str
    program: str
    extraction: str | None
    prompt_form: str | None
    finish: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
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

    @property
    def passed(self) -> bool | None:
        """Whether the sample passed, by our verdict where there is one."""
        return self.claimed if self.verdict is None else self.verdict == "PASSED"
