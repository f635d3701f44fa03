"""The words of the sandbox: what is asked of a box, what it reports, what that means.

A *program* is what is executed. A *job* is one visit of a program to a box, under *limits*. A *run* is what happened
during that visit: facts only. A *verdict* is the judgement over a run; `sandbox.judge` is the one place that makes it.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field, fields
from enum import StrEnum

from sandbox.inside import codec

MAX_SOURCE_BYTES = 4 << 20
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


class Stage(StrEnum):
    """How far the program got before it raised."""

    COMPILE = "compile"
    PROGRAM = "program"
    TESTS = "tests"


# An interpreter needs 64 MB; the rest keeps a limit within what the kernel and one frame can hold.
_BOUNDS: dict[str, tuple[float, float]] = {
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
            value, (least, most) = getattr(self, item.name), _BOUNDS[item.name]
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
    comparison: Comparison
    expected: object = None
    tolerance: float = 0.0
    also: tuple[object, ...] = ()


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
        return hashlib.sha256(f"{self.reference}\0{self.cases!r}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class CallTests:
    """Tests that are data: calls, and answers compared on the host. `source` is the data set's text they were read from."""

    cases: tuple[CallTest, ...]
    source: str

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("no test at all: nothing could ever fail")

    @functools.cached_property
    def encoded(self) -> list[bytes]:
        """The calls as they go into a box."""
        return codec.encode_calls([(case.function, case.arguments) for case in self.cases])

    @functools.cached_property
    def known(self) -> list[Answer]:
        """What is expected, with the bytes that a box would write for it; an answer of these bytes need not be decoded."""
        return [Answer(value=case.expected, data=_recognisable(case.expected)) for case in self.cases]


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
    set's own program; running the tests over it tells which calls they make.
    """

    source: str
    functions: tuple[str, ...]
    prelude: str = ""
    solution: str | None = None

    def __post_init__(self) -> None:
        if not self.functions:
            raise ValueError("tests that call no function test nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCalls:
    """Calls for their answers alone, as the codec wrote them; the arguments come back, too."""

    calls: tuple[bytes, ...]
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

    `AskedCalls` and `Grading` are the two halves of being tested by code in a grader box.
    """

    source: str
    tests: CallTests | ReferenceTests | StdinTests | CheckTests | AskedCalls | Grading | str | None = None

    @property
    def tests_source(self) -> str:
        """The tests as text, for digests and sizes."""
        return self.tests or "" if self.tests is None or isinstance(self.tests, str) else self.tests.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One visit of a program to a box. All its answers together have `answers_mb` MB of room."""

    program: Program
    stdin: bytes = b""
    limits: Limits = field(default_factory=Limits)
    answers_mb: int = 4

    def __post_init__(self) -> None:
        size = len(self.program.source) + len(self.program.tests_source)
        if size > MAX_SOURCE_BYTES:
            raise ValueError(f"the program has {size} characters; at most {MAX_SOURCE_BYTES} are taken")
        if len(self.stdin) > MAX_STDIN_BYTES:
            raise ValueError(f"stdin has {len(self.stdin)} bytes; at most {MAX_STDIN_BYTES} are taken")


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

    Seconds of CPU are summed over the process tree; `memory_mb` is the peak of the largest process.
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
    raised: Raised | None = None
    answers: tuple[Answer, ...] = ()  # to the calls in their order, as far as they came
    asked: tuple[bytes, ...] = ()  # in a grader box: the calls that tests made and that had no answer yet
    missed: int | None = None  # in a grader box: the number of the call that was not foreseen
    blamed: int | None = None  # in a grader box: the answer whose exception ended the tests
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A verdict with the run it was made from, and the exception that decided it, if one did.

    `graded` is the run of tests that are code, in a grader box. Of a program with many runs, `run` is the one that decided,
    with the seconds of all. `passed_cases` of `cases` were right, as far as they were tried. `flags` are the run's and the
    judge's.
    """

    verdict: Verdict
    run: Run
    passed_cases: int | None = None
    cases: int | None = None
    case: int | None = None  # the number of the case that decided, from 0
    tests: CallTests | None = None  # what was expected, where a reference had to say it
    graded: Run | None = None
    raised: Raised | None = None
    flags: frozenset[Flag] = frozenset()
