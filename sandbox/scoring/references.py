"""Ask a data set's own solution for the expected answers, if the set gives no outputs (HumanEval+, MBPP+).

The solution is not trusted code either, so it answers in a grader box, once for each set of tests. With a directory to
keep them in, answers outlive the process, and scored samples can be judged again without a box.
"""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_cache_path

from sandbox.errors import SandboxError
from sandbox.inside import codec, wire
from sandbox.values import CallTests, Comparison, Program, ReferenceTests, Run, Tests

FORMAT = 3  # of a kept file; a change of the codec changes it, too
MAX_KEPT = 512 << 20  # bytes of one file, unpacked

Visit = Callable[[Program], Run]


class ReferenceFailed(SandboxError):
    """A data set's own solution gave no answer to one of its inputs, or its answers are not available."""


def usual_directory() -> Path:
    """Return the default directory for the answers of data sets' own solutions."""
    return user_cache_path("codebudget") / "references"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The answers of a reference program, as tests, and their cost: CPU seconds, and bytes of answers."""

    tests: CallTests
    cpu_s: float
    size: int


class References:
    """Asks reference programs once and caches their answers.

    A thread waits only for the tests that it asks for.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._known: dict[str, Reference] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, tests: ReferenceTests, grader: Visit) -> Reference:
        """Return the tests with the expected answers filled in; raises ReferenceFailed."""
        with self._lock:
            own = self._locks.setdefault(tests.source, threading.Lock())
        with own:
            return self.known(tests) or self._compute(tests, grader)

    def known(self, tests: ReferenceTests) -> Reference | None:
        """Return the same, if an earlier request or a process that kept its answers has asked before; else None."""
        if (known := self._known.get(tests.source)) is None and self._directory is not None:
            answers = _read_cached(_file(self._directory, tests), len(tests.cases))
            if answers is not None:
                known = self._known[tests.source] = _reference(tests, *answers)
        return known

    def without_box(self, tests: Tests) -> Tests:
        """Return any tests, with expected answers filled in from those that are known; raises ReferenceFailed."""
        if not isinstance(tests, ReferenceTests):
            return tests
        known = self.known(tests)
        if known is None:
            raise ReferenceFailed(
                "what the data set's own solution answers is not kept here; run `sandbox problems FILE --check` once"
            )
        return known.tests

    def _compute(self, tests: ReferenceTests, grader: Visit) -> Reference:
        answers, cpu_s = _ask(tests, grader)
        known = self._known[tests.source] = _reference(tests, answers, cpu_s)
        if self._directory is not None:
            _keep(_file(self._directory, tests), answers, cpu_s)
        return known


def _ask(tests: ReferenceTests, grader: Visit) -> tuple[list[bytes], float]:
    """Ask the solution; return its answers in the order of the cases, and the CPU seconds they took."""
    asked = CallTests(cases=tests.cases, source=tests.source, measured=True)
    calls = asked.calls.first(len(tests.cases))  # whole: an answer that differs has to be held against the value itself
    run = grader(Program(source=tests.reference, tests=replace(calls, whole=True)))
    if any(isinstance(answer.value, codec.Oversized) for answer in run.answers):  # then digests of the largest will do
        run = grader(Program(source=tests.reference, tests=replace(calls, whole=False)))
    if not run.proved or len(run.answers) < len(tests.cases):
        raise ReferenceFailed(
            f"the data set's own solution answered {len(run.answers)} of {len(tests.cases)} inputs ({run.ending}); "
            "a larger --memory may help"
        )
    answers = [run.answers[place] for place in asked.places]
    if (raised := next((answer.raised for answer in answers if answer.raised), None)) is not None:
        raise ReferenceFailed(f"the data set's own solution raised {raised.type} for an input: {raised.message[:200]}")
    if any(isinstance(answer.value, codec.Oversized) for answer in answers):
        raise ReferenceFailed("the data set's own solution gave an answer that is larger than anything a box takes")
    return [answer.data for answer in answers], run.cpu_s


def _reference(tests: ReferenceTests, answers: list[bytes], cpu_s: float) -> Reference:
    room = codec.DecodeBudget(codec.TRUSTED)
    cases = []
    for case, data in zip(tests.cases, answers, strict=True):
        value = codec.decode(data, room)
        expected = value is not None if case.comparison is Comparison.NOT_NONE else value
        cases.append(replace(case, expected=expected))
    answered = CallTests(cases=tuple(cases), source=tests.source, measured=True)
    return Reference(tests=answered, cpu_s=cpu_s, size=sum(map(len, answers)))


def _file(directory: Path, tests: ReferenceTests) -> Path:
    name = hashlib.sha256(f"{FORMAT} {tests.source}".encode()).hexdigest()
    return directory / f"{name}.answers"


def _keep(path: Path, answers: list[bytes], cpu_s: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    fresh.write_bytes(zlib.compress(wire.encode({"answers": answers, "cpu_s": cpu_s}), 1))
    fresh.replace(path)


def _read_cached(path: Path, count: int) -> tuple[list[bytes], float] | None:
    """Return the kept answers; None if the file is missing or cannot be read, so that the solution is asked again."""
    try:
        kept = wire.decode(zlib.decompressobj().decompress(path.read_bytes(), MAX_KEPT))
    except (OSError, zlib.error, wire.WireError):
        return None
    answers, cpu_s = (kept.get("answers"), kept.get("cpu_s")) if isinstance(kept, dict) else (None, None)
    if not isinstance(answers, list) or len(answers) != count or not isinstance(cpu_s, float):
        return None
    return [answer for answer in answers if isinstance(answer, bytes)], cpu_s
