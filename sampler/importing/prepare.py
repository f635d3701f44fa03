"""Prepare the samples of a file for a store.

The problem is found, the program is made, and texts are named by their digests.

Large files are read in a separate process, ahead of the process that writes the store, to use two cores. The reader
gets a job and sends lists of samples, pickled, because both ends are our own. The pipe blocks the reader when the
writer is slower. If the writer has ended, the reader ends at its next list.
"""

from __future__ import annotations

import hashlib
import pickle  # noqa: TID251 - between our own two processes; no byte of a box comes here
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from sampler.importing.imported_sample import Imported, ImportFault, MissingText, Reading, Untested
from sampler.importing.sample_files import FileOptions, ImportRequest, options_of, samples_of
from sampler.values import Finish, valid_text
from sandbox.extraction import Extracted, TextKind, extract
from sandbox.extraction.thoughts import split_thought
from sandbox.extraction.wrappers import CHANNEL, OPENS
from sandbox.problems import Problem, find_name, find_problem
from sandbox.values import MAX_SOURCE_BYTES

# Which problem a sample belongs to.
#
# By its name, as samples files write names (`sandbox.problems.find_problem`); else by the prompt; else by its place in
# the data set's order. A prompt need not be the data set's own, because people leave out examples: then the function it
# begins decides, and between two functions of one name the longer common beginning does.

_FUNCTION = re.compile(r"^def\s+(\w+)\s*\(", re.MULTILINE)
_SPACE = re.compile(r"\s+")
LARGE_BYTES = 16 << 20  # a process costs about as long as this takes
AT_ONCE = 500


class Matcher:
    """Finds problems and caches them, because files name each problem many times."""

    def __init__(self, problems: Sequence[Problem], untested: frozenset[str] = frozenset()) -> None:
        self._problems, self._untested = problems, untested
        self._by_name = {problem.name: problem for problem in problems}
        self._found: dict[str | int, Problem] = {}

    def __call__(self, sample: Imported) -> Problem:
        """Return the problem of a sample; raises ImportFault."""
        key = sample.problem if sample.problem is not None else sample.prompt
        if isinstance(key, float) and key.is_integer():  # a number that went through a table with gaps
            return self(replace(sample, problem=int(key)))
        if key is None:
            return self._at(sample.position)
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise ImportFault(f"a problem is called {key!r:.40}, which is no name")
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._named(sample) if sample.problem is not None else self._by_prompt(str(key))
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

    def _by_prompt(self, prompt: str) -> Problem:
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
    cache_write_tokens: int | None


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
            yield _prepare(where, sample, match(sample), options)
        except ImportFault as error:
            if not skip_bad and not isinstance(error, MissingText):
                raise ImportFault(f"{where}: {error}") from error
            yield SampleLeftOut(where, str(error))


def _without_thought(sample: Imported, reading: Reading) -> Imported:
    """Return a sample with the thought that stands in its text set apart, as at sampling; costs are kept.

    A field of the file wins over marks in the text. Texts that are no answers of a chat are searched only where they
    begin with a mark. How many tokens the thought has is known where it is all that was written.
    """
    if sample.thought is not None or reading is Reading.PROGRAM:
        return sample
    begins = sample.text.lstrip()
    if reading is not Reading.ANSWER and not (OPENS.match(begins) or CHANNEL.match(begins)):
        return sample
    split = split_thought(sample.text)
    if split.thought is None:
        return sample
    found = replace(sample, text=split.answer, thought=split.thought)
    if split.ended:
        return found
    tokens = sample.completion_tokens if sample.thought_tokens is None else sample.thought_tokens
    return replace(found, thought_tokens=tokens, finish=Finish.THOUGHT)


def _prepare(where: str, sample: Imported, problem: Problem, options: FileOptions) -> PreparedSample:
    sample = _without_thought(sample, sample.reading or options.reading)
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
        sample.cache_write_tokens,
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


def read(job: ReadingJob) -> Iterator[PreparedSample | SampleLeftOut]:
    """Yield the samples of a file of any size, in its order; raises ImportFault."""
    large = job.path.is_file() and job.path.stat().st_size >= LARGE_BYTES
    return _read_ahead(job) if large else prepare_samples(job)


def _read_ahead(job: ReadingJob) -> Iterator[PreparedSample | SampleLeftOut]:
    words = [sys.executable, "-c", "from sampler.importing.prepare import main; main()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        if reader.stdin is None or reader.stdout is None:  # what PIPE rules out
            raise ImportFault("no pipe to the reading process")
        try:
            with reader.stdin as given:
                pickle.dump(job, given)
            while (told := pickle.load(reader.stdout)) is not None:  # our own process
                if isinstance(told, ImportFault):
                    raise told
                yield from told
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            raise ImportFault(
                f"{job.path}: the process that read it is gone (was it killed, or is memory short?); run the same "
                "command again, it goes on where it stopped"
            ) from error
        finally:
            reader.kill()


def _tell(job: ReadingJob, out: IO[bytes]) -> None:
    """Send lists of samples, then None, or the fault of the file instead."""
    samples = prepare_samples(job)
    try:
        while part := list(islice(samples, AT_ONCE)):
            pickle.dump(part, out, pickle.HIGHEST_PROTOCOL)
        pickle.dump(None, out)
    except ImportFault as error:
        pickle.dump(error, out)


def main() -> None:
    """Run the reading process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the writer's to answer
    try:
        _tell(pickle.load(sys.stdin.buffer), sys.stdout.buffer)  # from our own process
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        sys.stdout = None  # the writer has gone, and nothing is left to flush
