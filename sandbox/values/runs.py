"""Define what a box reports of one visit: facts only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Ending(StrEnum):
    """How the program's main process ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    OUT_OF_CPU = "out_of_cpu"
    OUT_OF_WALL = "out_of_wall"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MUCH_OUTPUT = "too_much_output"


class Flag(StrEnum):
    """A remark beside a verdict. None of them changes it."""

    IN_PROCESS = "in_process"
    NO_TESTS = "no_tests"
    LEFTOVER_PROCESSES = "leftover_processes"
    LEFTOVER_FILES = "leftover_files"
    OUTPUT_TRUNCATED = "output_truncated"
    NEAR_LIMIT = "near_limit"
    LOST_TWICE = "lost_twice"
    TYPE_SPOOF = "type_spoof"
    IDLE = "idle"
    KEPT_WAITING = "kept_waiting"
    REJUDGED = "rejudged"  # of earlier judges: it was run a second time, alone


class MemorySource(StrEnum):
    """How a run's peak of memory was measured."""

    CGROUP = "cgroup"  # the kernel's mark over all processes and what it holds for them: exact
    SAMPLED = "sampled"  # the same account, looked at every 50 ms, where the box has held more before
    RUSAGE = "rusage"  # the largest process: more than what was seen of all, or there is no account


class Stage(StrEnum):
    """How far the program got before it raised."""

    COMPILE = "compile"
    PROGRAM = "program"
    TESTS = "tests"


NO_TEST_RAN = "NoTestRan"  # what a box says of tests that tested nothing (`inside/test_runner.py`)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An exception as the program's own process described it: hostile text, bounded."""

    stage: Stage
    type: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of one call, as the program's process reports it: a value of exact types or marks, or an exception.

    `data` is the value, and `arguments` are the arguments after the call (if asked for), as the codec wrote them.
    `exception` is what a grader box needs to raise the exception again, in the same form.
    """

    value: object = None
    raised: Raised | None = None
    data: bytes = field(default=b"", compare=False)
    arguments: bytes = field(default=b"", compare=False)
    exception: bytes = field(default=b"", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The facts of one visit.

    Seconds of CPU are summed over the process tree. For at least `waited_s` of `wall_s` the box waited for its core;
    these do not count against the limit. `memory_mb` is a peak: of the box beyond what it held before, or of its
    largest process, whichever is more; `memory_source` says which. The defaults are those of a program that never ran.
    """

    ending: Ending
    exit_code: int | None = None
    signal: int | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    memory_mb: float = 0.0
    stdout: bytes = b""
    stderr: bytes = b""
    proved: bool = False
    waited_s: float = 0.0
    memory_source: MemorySource = MemorySource.RUSAGE
    raised: Raised | None = None
    answers: tuple[Answer, ...] = ()  # to the calls in the order in which they were asked, as far as they came
    asked: tuple[bytes, ...] = ()  # in a grader box: the calls that tests made and that had no answer yet
    digests: tuple[bytes, ...] = ()  # in a grader box: SHA-256 of the recorded answers to those calls
    missed: int | None = None  # in a grader box: the number of the call that was not foreseen
    blamed: int | None = None  # in a grader box: the answer whose exception ended the tests
    flags: frozenset[Flag] = frozenset()
    product: tuple[tuple[str, bytes], ...] | None = None  # of a compiler: the names and contents of what it made
    points: float | None = None  # the share, from 0 to 1, that a checker gives to what was printed; None: not asked
    said: str | None = None  # the message of an interactor, cut
    fetched: tuple[tuple[str, bytes], ...] = ()  # names and contents of the files that were asked for, as far as there
