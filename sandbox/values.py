"""The words of the sandbox: what is asked of a box, what it reports, what that means.

A *program* is what is executed. A *job* is one visit of a program to a box, under *limits*. A *run* is what happened
during that visit: facts only. A *verdict* is the judgement over a run; `sandbox.judging.judge` is the one place that makes it.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from sandbox.inside import codec

MAX_SOURCE_BYTES = 4 << 20
STAGES, MANY = (4, 32), 100  # how many calls are made first, and how many there must be to make that worth it
MAX_STDIN_BYTES = 16 << 20


class Ending(StrEnum):
    """How the program's main process stopped, as the side that acted reports it."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    OUT_OF_CPU = "out_of_cpu"
    OUT_OF_WALL = "out_of_wall"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MUCH_OUTPUT = "too_much_output"


class Verdict(StrEnum):
    """What a run is worth."""

    PASSED = "PASSED"
    WRONG = "WRONG"
    ERROR = "ERROR"
    SYNTAX = "SYNTAX"
    TIMEOUT = "TIMEOUT"
    MEMORY = "MEMORY"
    OUTPUT = "OUTPUT"
    CRASHED = "CRASHED"
    EARLY_EXIT = "EARLY_EXIT"


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
    REJUDGED = "rejudged"


class Isolation(StrEnum):
    """What keeps a program from those before and after it, beside its uid and the proof that the box is clean."""

    FORK = "fork"  # a fork of the box's warm interpreter
    SPAWN = "spawn"  # an interpreter started for it, in the same box
    BOX = "box"  # a container of its own


class MemorySource(StrEnum):
    """Where a run's peak of memory comes from."""

    CGROUP = "cgroup"  # the kernel's mark over all processes and what it holds for them: exact
    SAMPLED = "sampled"  # the same account, looked at every 50 ms, where the box has held more before
    RUSAGE = "rusage"  # the largest process: more than what was seen of all, or there is no account


class Stage(StrEnum):
    """How far the program got before it raised."""

    COMPILE = "compile"
    PROGRAM = "program"
    TESTS = "tests"


# An interpreter needs 64 MB; the rest keeps a limit within what the kernel and one frame can hold.
LIMIT_BOUNDS: dict[str, tuple[float, float]] = {
    "cpu_s": (0.01, 86_400),
    "wall_s": (0.01, 86_400),
    "memory_mb": (64, 1 << 20),
    "processes": (1, 4096),
    "output_kb": (1, 32 << 10),
    "disk_mb": (1, 64 << 10),
    "files": (1, 1 << 20),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use. Every field is enforced from outside the program, none by its good will.

    Seconds, MB and kB (1 kB = 1024 bytes). `walls` are fixed when a box is made; the others may differ from job to job.
    """

    cpu_s: float = 3.0
    wall_s: float = 10.0
    memory_mb: int = 512
    processes: int = 32
    output_kb: int = 1024
    disk_mb: int = 64
    files: int = 2048

    def __post_init__(self) -> None:
        for item in fields(self):
            value, (least, most) = getattr(self, item.name), LIMIT_BOUNDS[item.name]
            if not least <= value <= most:
                raise ValueError(f"{item.name} must lie between {least:g} and {most:g}, not {value!r}")

    @property
    def walls(self) -> tuple[int, int, int, int]:
        """The limits that belong to the box: memory, processes, disk, files."""
        return self.memory_mb, self.processes, self.disk_mb, self.files


class Comparison(StrEnum):
    """How an answer is held against what is expected. `==` is Python's, on values of exact types of our own making."""

    EQUAL = "equal"  # answer == expected
    IS = "is"  # the same constant: None, True or False
    TRUE = "true"  # bool(answer)
    FALSE = "false"  # not answer
    CLOSE = "close"  # abs(answer - expected) < tolerance
    LISTS = "lists"  # == where every tuple counts as a list, as JSON has it
    ONLY_ITEM = "only_item"  # the same, or the answer is the only item of the expected list
    APPROXIMATE = "approximate"  # ==, or floats of the same shape within tolerance + 1e-7 of the expected one's size
    SET = "set"  # the same items, however often and in whatever order
    NOT_NONE = "not_none"  # None where None is expected, something where not
    ROOT = "root"  # the polynomial of the first argument is within tolerance of zero there
    ANYTHING = "anything"  # any answer, but an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTest:
    """One call of the program's function. What is expected, or `also` right, never leaves the host."""

    function: str
    arguments: tuple[object, ...]
    keywords: Mapping[str, object] = field(default_factory=dict)
    comparison: Comparison
    expected: object = None
    tolerance: float = 0.0
    also: tuple[object, ...] = ()


Call = tuple[str, tuple[object, ...], Mapping[str, object]]  # a function's name, its arguments, those with a name


def shuffled(count: int, seed: str) -> tuple[int, ...]:
    """The numbers below `count` in an order that follows from the seed, and from no place in a file."""
    order = list(range(count))
    random.Random(seed).shuffle(order)  # noqa: S311  (repeatable, no secret)
    return tuple(order)


@dataclass(frozen=True, kw_only=True)
class ReferenceTests:
    """Calls whose expected answers are those of a reference program, the data set's own; it answers in a grader box."""

    cases: tuple[CallTest, ...]
    reference: str

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("no test at all: nothing could ever fail")

    @functools.cached_property
    def source(self) -> str:
        """A digest of the cases and the reference, in the place of a text."""
        total = hashlib.sha256(self.reference.encode("utf-8", "surrogatepass"))
        for case in self.cases:  # by the codec, because a set's items stand in no order of their own
            rule = (case.comparison.value, case.tolerance, case.also)
            total.update(codec.digest((case.function, case.arguments, dict(case.keywords), rule)))
        return total.hexdigest()


@dataclass(frozen=True, kw_only=True)
class CallTests:
    """Tests that are data: calls, and answers compared on the host. `source` is the data set's text they were read from.

    The calls are made in an order that follows from the calls themselves, so that a program which counts them gains nothing,
    and answers to them can be held against another expectation later. `arranged` is another order, by the cases' numbers.
    """

    cases: tuple[CallTest, ...]
    source: str
    arranged: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("no test at all: nothing could ever fail")

    @functools.cached_property
    def encoded(self) -> list[bytes]:
        """Each case's call as the codec writes it."""
        return [codec.encode((case.function, case.arguments, dict(case.keywords))) for case in self.cases]

    @functools.cached_property
    def fingerprint(self) -> str:
        """A digest of the calls alone."""
        total = hashlib.sha256()
        for call in self.encoded:
            total.update(len(call).to_bytes(8, "big") + call)
        return total.hexdigest()

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """The numbers of the cases as they are asked: shuffled, and where they are many, within each stage (see `scoring`).

        The first cases of a file are the simplest ones as a rule, and tell most wrong programs soonest.
        """
        bounds = (0, *STAGES, len(self.cases)) if len(self.cases) >= MANY else (0, len(self.cases))
        return self.arranged or tuple(
            start + number
            for start, end in itertools.pairwise(bounds)
            for number in shuffled(end - start, self.fingerprint)
        )

    @functools.cached_property
    def places(self) -> tuple[int, ...]:
        """For each case, how many are asked before it: the place of its answer."""
        return tuple(sorted(range(len(self.order)), key=self.order.__getitem__))

    @functools.cached_property
    def calls(self) -> CallList:
        """The calls in the order in which they are asked, with what is expected of each."""
        asked = [self.cases[number] for number in self.order]
        return CallList(
            [(case.function, case.arguments, case.keywords) for case in asked], [case.expected for case in asked]
        )


class CallList:
    """Calls in the order in which they are asked. What is expected stays here, to recognise an answer by its bytes.

    The first `apart` calls are a set of their own.
    """

    def __init__(self, calls: list[Call], expected: list[object], apart: int = 0) -> None:
        self._calls, self._expected, self.apart = calls, expected, apart
        self._first: dict[int, AskedCalls] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def first(self, count: int) -> AskedCalls:
        """So many calls, ready to be asked."""
        if (asked := self._first.get(count)) is None:
            pieces = codec.encode_calls([(name, given, dict(named)) for name, given, named in self._calls[:count]])
            asked = AskedCalls(pieces=tuple(pieces), count=count, apart=self.apart, known=self._known[:count])
            self._first[count] = asked
        return asked

    @functools.cached_property
    def _known(self) -> tuple[Answer, ...]:
        return tuple(Answer(value=value, data=_recognisable(value)) for value in self._expected)


def _recognisable(expected: object) -> bytes:
    """The bytes that a box would write for the value; none at all where they would not be read as one that equals it."""
    data = codec.encode_briefly(expected)
    try:
        return data if codec.decode(data) == expected else b""
    except codec.CodecError:
        return b""


class OutputRule(StrEnum):
    """How printed output is held against what is expected."""

    LINES = "lines"  # line by line
    TOKENS = "tokens"  # word by word, however they are spaced
    NUMBERS = "numbers"  # word by word, numbers equal by their value
    CLOSE = "close"  # word by word, numbers within 1e-5 of each other (relative)
    UNORDERED = "unordered"  # the same lines in any order: only where the data set says so


@dataclass(frozen=True, slots=True, kw_only=True)
class StdinTest:
    """One run of a whole program: what it reads, and what it should print. The latter never leaves the host."""

    stdin: bytes
    expected: bytes


@dataclass(frozen=True, kw_only=True)
class StdinTests:
    """Tests of a whole program, each in a process of its own."""

    cases: tuple[StdinTest, ...]
    rule: OutputRule = OutputRule.CLOSE

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("no test at all: nothing could ever fail")
        if any(len(case.stdin) > MAX_STDIN_BYTES for case in self.cases):
            raise ValueError(f"a test's stdin is longer than the {MAX_STDIN_BYTES} bytes that are taken")

    @functools.cached_property
    def source(self) -> str:
        """A digest of the cases, in the place of a text."""
        total = hashlib.sha256(self.rule.encode())
        for case in self.cases:
            for part in (case.stdin, case.expected):
                total.update(len(part).to_bytes(8, "big") + part)
        return total.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckTests:
    """Tests that are code. They run in a grader box, where no candidate's code ever is, over answers that were asked before.

    `source` calls the `functions` by their names and may use what `prelude` defines. `solution` (prelude included) is the data
    set's own program; running the tests over it tells which calls they make. `independent` tests never need one call to come
    after another.
    """

    source: str
    functions: tuple[str, ...]
    prelude: str = ""
    solution: str | None = None
    independent: bool = False

    def __post_init__(self) -> None:
        if not self.functions:
            raise ValueError("tests that call no function test nothing")


Tests = CallTests | ReferenceTests | StdinTests | CheckTests | str  # str: code that runs in the program's own process


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCalls:
    """So many calls for their answers alone, as the codec wrote them; with `arguments_back` the arguments come, too.

    The answers to the first `apart` calls have left before the others are made. An answer of the bytes that are `known` for its
    call is that one. What is known stays on the host.
    """

    pieces: tuple[bytes, ...]
    count: int
    apart: int = 0
    arguments_back: bool = False
    known: tuple[Answer, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """One run of tests in a grader box: over given answers, or (None) over the data set's own solution, to record the calls."""

    tests: CheckTests
    calls: tuple[bytes, ...] = ()
    answers: tuple[Answer, ...] | None = None

    @property
    def source(self) -> str:
        """The tests as text."""
        return self.tests.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Source text and how it is tested: by calls, by what it prints, by code in a grader box or (str) in its process, or not.

    `tests` give the verdict. `selection` tests, which whoever picks an answer may see, are judged beside them and apart.
    `AskedCalls` and `Grading` are the two halves of being tested by code in a grader box.
    """

    source: str
    tests: Tests | AskedCalls | Grading | None = None
    selection: Tests | None = None

    @property
    def tests_source(self) -> str:
        """The tests as text, for digests and sizes."""
        both = [tests for tests in (self.tests, self.selection) if tests is not None]
        return "\0".join(tests if isinstance(tests, str) else tests.source for tests in both)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One visit of a program to a box.

    All its answers together have `answers_mb` MB of room. Where `fresh`, each call is answered by a fresh copy of the loaded
    program. With `repeat` the program, a script, will come again with another `stdin`; the box keeps it compiled, and so it is
    a fork.
    """

    program: Program
    stdin: bytes = b""
    limits: Limits = field(default_factory=Limits)
    answers_mb: int = 4
    fresh: bool = False
    repeat: bool = False
    isolation: Isolation = Isolation.FORK

    def __post_init__(self) -> None:
        size = len(self.program.source) + len(self.program.tests_source)
        if size > MAX_SOURCE_BYTES:
            raise ValueError(f"the program has {size} characters; at most {MAX_SOURCE_BYTES} are taken")
        if len(self.stdin) > MAX_STDIN_BYTES:
            raise ValueError(f"stdin has {len(self.stdin)} bytes; at most {MAX_STDIN_BYTES} are taken")
        if self.repeat and self.program.tests is not None:
            raise ValueError("only a program without tests of its own can be repeated")
        if self.repeat and self.isolation is not Isolation.FORK:
            raise ValueError(f"a program that is repeated stays inside, which isolation {self.isolation!r} rules out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An exception as the program's own process described it: hostile text, bounded."""

    stage: Stage
    type: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one call came to, as the program's own process says: a value of exact types or marks, or an exception.

    `data` is the value, and `arguments` what became of the arguments (where asked for), as the codec wrote them.
    """

    value: object = None
    raised: Raised | None = None
    data: bytes = field(default=b"", compare=False)
    arguments: bytes = field(default=b"", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The facts of one visit.

    Seconds of CPU are summed over the process tree; `memory_mb` is the peak of the box over what it held before or of its
    largest process, whichever is more, as `memory_source` says.
    """

    ending: Ending
    exit_code: int | None
    signal: int | None
    cpu_s: float
    wall_s: float
    memory_mb: float
    stdout: bytes
    stderr: bytes
    proved: bool
    memory_source: MemorySource = MemorySource.RUSAGE
    raised: Raised | None = None
    answers: tuple[Answer, ...] = ()  # to the calls in the order in which they were asked, as far as they came
    asked: tuple[bytes, ...] = ()  # in a grader box: the calls that tests made and that had no answer yet
    missed: int | None = None  # in a grader box: the number of the call that was not foreseen
    blamed: int | None = None  # in a grader box: the answer whose exception ended the tests
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A verdict with the run it was made from, and the exception that decided it, if one did.

    `graded` is the run of tests that are code, in a grader box. Of a program with many runs, `run` is the one that decided,
    with the seconds of all, and `runs` are all by their case. `passed_cases` of `cases` were right, as far as they were tried.
    `flags` are the run's and the judge's. `selection` is the score by the selection tests, where they were asked for.
    """

    verdict: Verdict
    run: Run
    passed_cases: int | None = None
    cases: int | None = None
    case: int | None = None  # the number of the case that decided, from 0
    tests: CallTests | None = None  # what was expected, where a reference had to say it
    graded: Run | None = None
    runs: Mapping[int, Run] | None = None
    raised: Raised | None = None
    flags: frozenset[Flag] = frozenset()
    selection: Score | None = None
