"""Prepare the samples of a file for a store.

The problem is found, the program is made, and texts are named by their digests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sampler.importing.files import samples_of
from sampler.importing.import_options import FileOptions, ImportRequest, options_of
from sampler.importing.imported_sample import Imported, ImportFault, NoText, Reading, Untested
from sampler.values import valid_text
from sandbox.extraction import Extracted, TextKind, extract
from sandbox.problems import Problem, find_name, find_problem
from sandbox.values import MAX_SOURCE_BYTES

# Which problem a sample belongs to.
#
# By its name, as samples files write names (`sandbox.problems.find_problem`); else by the prompt; else by its place in
# the data set's order. A prompt need not be the data set's own, because people leave out examples: then the function it
# begins decides, and between two functions of one name the longer common beginning does.

_FUNCTION = re.compile(r"^def\s+(\w+)\s*\(", re.MULTILINE)
_SPACE = re.compile(r"\s+")


class Matcher:
    """Finds problems and caches them, because files name each problem many times."""

    def __init__(self, problems: Sequence[Problem], untested: frozenset[str] = frozenset()) -> None:
        self._problems, self._untested = problems, untested
        self._by_name = {problem.name: problem for problem in problems}
        self._found: dict[str | int, Problem] = {}

    def __call__(self, sample: Imported) -> Problem:
        """Return the problem of a sample; raises ImportFault."""
        key = sample.problem if sample.problem is not None else sample.prompt
        if key is None:
            return self._at(sample.position)
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise ImportFault(f"a problem is called {key!r:.40}, which is no name")
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._named(sample) if sample.problem is not None else self._asked(str(key))
        return found

    def _named(self, sample: Imported) -> Problem:
        found = find_problem(self._by_name, sample.problem)
        if found is None and (name := find_name(self._untested, sample.problem)) is not None:
            raise Untested(f"{name} has no test")
        if found is None:
            raise ImportFault(
                f"no problem is called {sample.problem!r:.80}; its first is {self._problems[0].name!r}: do the samples "
                "and --problems belong together?"
            )
        return found

    def _at(self, position: int | None) -> Problem:
        if position is None:
            raise ImportFault("neither the problem nor its prompt is told")
        if position >= len(self._problems):
            raise ImportFault(
                f"there are samples of a problem no. {position + 1}, and --problems has {len(self._problems)}: do they "
                "belong together?"
            )
        return self._problems[position]

    def _asked(self, prompt: str) -> Problem:
        same = [problem for problem in self._problems if problem.prompt.strip() == prompt.strip()]
        if len(same) == 1:
            return same[0]
        functions = _FUNCTION.findall(prompt)
        alike = [problem for problem in self._problems if functions and problem.entry_point == functions[-1]]
        shared = sorted(((_common(problem.prompt, prompt, functions[-1]), n) for n, problem in enumerate(alike)))
        if not shared or (len(shared) > 1 and shared[-1][0] == shared[-2][0]):
            raise ImportFault(f"no problem has this prompt, or more than one: {prompt.strip()!r:.80}")
        return alike[shared[-1][1]]


def _common(one: str, other: str, function: str) -> int:
    """Return how many characters two prompts share from the function on, ignoring white space."""
    texts = [_SPACE.sub("", text[text.rfind(f"def {function}") :]) for text in (one, other)]
    return next((n for n, pair in enumerate(zip(*texts, strict=False)) if pair[0] != pair[1]), min(map(len, texts)))


_GIVEN: Mapping[Reading, TextKind] = {
    Reading.COMPLETION: "completion",
    Reading.RAW: "raw",
    Reading.PROGRAM: "solution",
    Reading.ANSWER: "answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingJob:
    """A file to read, and how to read it."""

    path: Path
    request: ImportRequest
    problems: tuple[Problem, ...]
    untested: frozenset[str] = frozenset()  # names of problems that were left out, because they have no tests


class PreparedSample(NamedTuple):
    """One sample; it is a tuple, because a million of them go from one process to another."""

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
    thought: str | None
    thought_sha: bytes | None
    thought_tokens: int | None
    cached_tokens: int | None


class SampleLeftOut(NamedTuple):
    """A sample that is left out, and why."""

    where: str
    why: str


def prepare_samples(job: ReadingJob) -> Iterator[PreparedSample | SampleLeftOut]:
    """Yield the samples of a file, in its order; raises ImportFault, which names the place and the fault."""
    skip_bad = job.request.skip_bad
    samples, options = options_of(job.path, job.request)
    match = Matcher(job.problems, job.untested)
    for where, sample in samples_of(job.path, samples, skip_bad=skip_bad):
        if isinstance(sample, ImportFault):
            yield SampleLeftOut(where, str(sample))
            continue
        try:
            yield _ready(where, sample, match(sample), options)
        except ImportFault as error:
            if not skip_bad and not isinstance(error, NoText):
                raise ImportFault(f"{where}: {error}") from error
            yield SampleLeftOut(where, str(error))


def _ready(where: str, sample: Imported, problem: Problem, options: FileOptions) -> PreparedSample:
    if sample.program is not None:
        program = Extracted(sample.program, "as the file says")
    else:
        program = extract(sample.text, problem, given=_GIVEN[sample.reading or options.reading])
    claim = sample.claim
    thought, thought_sha = (None, None) if sample.thought is None else _named(sample.thought)
    return PreparedSample(
        where,
        sample.model or options.model,
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
        thought,
        thought_sha,
        sample.thought_tokens,
        sample.cached_tokens,
    )


def _named(text: str) -> tuple[str, bytes]:
    """Return a text that a store can keep, and its SHA-256."""
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
