"""From a file to samples that lack nothing but their place in a store.

Problem found, program made, texts named by digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sampler.importing.files import samples_of
from sampler.importing.imported import Imported, ImportFault, NoText, Reading
from sampler.importing.manner import Manner, understood
from sampler.importing.match import Matcher
from sampler.importing.request import ImportRequest
from sampler.store.write_models import valid_text
from sandbox.extraction import Extracted, TextKind, extract
from sandbox.problems import Problem
from sandbox.values import MAX_SOURCE_BYTES

_GIVEN: Mapping[Reading, TextKind] = {
    Reading.COMPLETION: "completion",
    Reading.RAW: "raw",
    Reading.PROGRAM: "solution",
    Reading.ANSWER: "answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingJob:
    """A file that is to be read, and as what."""

    path: Path
    request: ImportRequest
    problems: tuple[Problem, ...]
    untested: frozenset[str] = frozenset()  # names of problems that were left out, because they have no tests


class Ready(NamedTuple):
    """One sample. A tuple: a million of them go from one process to another."""

    where: str
    model: str
    problem: str
    number: int | None
    completion: str
    completion_sha: bytes
    program: str
    program_sha: bytes
    extraction: str
    seed: int | None
    finish: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    prompt_seconds: float | None
    decode_seconds: float | None
    prompt_joules: float | None
    decode_joules: float | None
    sum_logprob: float | None
    prompt_shared: bool
    claim: tuple[bool, str | None] | None


class SampleLeftOut(NamedTuple):
    """A sample that is not taken, and why."""

    where: str
    why: str


def ready(job: ReadingJob) -> Iterator[Ready | SampleLeftOut]:
    """The samples of a file, in its order; raises ImportFault naming the place and what is wrong."""
    skip_bad = job.request.skip_bad
    samples, manner = understood(job.path, job.request)
    match = Matcher(job.problems, job.untested)
    for where, sample in samples_of(job.path, samples, skip_bad=skip_bad):
        if isinstance(sample, ImportFault):
            yield SampleLeftOut(where, str(sample))
            continue
        try:
            yield _ready(where, sample, match(sample), manner)
        except ImportFault as error:
            if not skip_bad and not isinstance(error, NoText):
                raise ImportFault(f"{where}: {error}") from error
            yield SampleLeftOut(where, str(error))


def _ready(where: str, sample: Imported, problem: Problem, manner: Manner) -> Ready:
    if sample.program is not None:
        program = Extracted(sample.program, "as the file says")
    else:
        program = extract(sample.text, problem, given=_GIVEN[sample.reading or manner.reading])
    claim = sample.claim
    return Ready(
        where,
        sample.model or manner.model,
        problem.name,
        sample.index,
        *_named(sample.text),
        *_named(program.source),
        program.why,
        sample.seed,
        sample.finish and sample.finish.value,
        sample.prompt_tokens,
        sample.completion_tokens,
        sample.prompt_seconds,
        sample.decode_seconds,
        sample.prompt_joules,
        sample.decode_joules,
        sample.sum_logprob,
        sample.prompt_shared,
        None if claim is None else (claim.passed, claim.said and valid_text(claim.said)),
    )


def _named(text: str) -> tuple[str, bytes]:
    """A text that a store can keep, and its SHA-256."""
    try:
        data = text.encode()
    except UnicodeEncodeError:  # lone surrogates, which no UTF-8 can say
        text = valid_text(text)
        data = text.encode()
    if len(data) > MAX_SOURCE_BYTES:
        raise ImportFault(
            f"it is {len(data)} bytes long, and no sandbox takes a program of more than {MAX_SOURCE_BYTES}; take it out"
        )
    return text, hashlib.sha256(data).digest()
