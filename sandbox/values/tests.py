"""Define how programs are tested: by calls, by their printed output, or by code.

`Comparison` says how an answer is compared with what is expected.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sandbox.inside import codec
from sandbox.values.limits import (
    MAX_CALLS_BYTES,
    MAX_EXPECTED_BYTES,
    MAX_TESTS_CHARACTERS,
    USUAL_LIMITS,
    AnswerLimits,
)
from sandbox.values.output_rules import OutputRule
from sandbox.values.runs import Answer

STAGES, MANY = (4, 32), 100  # how many calls are made first, and how many there must be to make that worth it
MAX_STDIN_BYTES = 16 << 20
MAX_STDOUT_BYTES = 24 << 20  # that a test may expect; a program may print 32 MB (`LIMIT_BOUNDS`)


class Comparison(StrEnum):
    """How an answer is compared with what is expected; `==` is Python's, on values of exact types from the codec."""

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
    ANYTHING = "anything"  # any answer, as long as there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTest:
    """One call of the program's function; the answers that are expected, or `also` right, never leave the host."""

    function: str
    arguments: tuple[object, ...]
    keywords: Mapping[str, object] = field(default_factory=dict)
    comparison: Comparison
    expected: object = None
    tolerance: float = 0.0
    also: tuple[object, ...] = ()


Call = tuple[str, tuple[object, ...], dict[str, object]]  # a function's name, its arguments, those with a name


def shuffled(count: int, seed: str) -> tuple[int, ...]:
    """Return the numbers below `count` in an order that depends on the seed only."""
    order = list(range(count))
    random.Random(seed).shuffle(order)  # repeatable, no secret
    return tuple(order)


@dataclass(frozen=True, kw_only=True)
class ReferenceTests:
    """Calls whose expected answers come from the data set's own reference program, in a grader box."""

    cases: tuple[CallTest, ...]
    reference: str

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("no test at all: nothing could ever fail")
        _refuse_too_large(self.cases)

    @functools.cached_property
    def source(self) -> str:
        """Return a digest of the cases and the reference, instead of a text."""
        total = hashlib.sha256(self.reference.encode("utf-8", "surrogatepass"))
        for case in self.cases:  # by a digest, because a set's items stand in no order of their own
            rule = (case.comparison.value, case.tolerance, case.also)
            call = (case.function, case.arguments, dict(case.keywords), rule)
            total.update(codec.digest(call) or codec.call_key(call))
        return total.hexdigest()


@dataclass(frozen=True, kw_only=True)
class CallTests:
    """Tests that are data: calls, and answers compared on the host.

    `source` is the data set's text from which they were read. The order of the calls follows from the calls themselves.
    So a program that counts calls gains nothing, and its answers can later be compared with other expected answers.
    `arranged` is another order, by the cases' numbers. The sizes of `measured` cases are not checked: they were checked
    before, or a box has given the expected answers.
    """

    cases: tuple[CallTest, ...]
    source: str
    arranged: tuple[int, ...] | None = None
    measured: bool = False

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("no test at all: nothing could ever fail")
        if not self.measured:
            _refuse_too_large(self.cases)

    @functools.cached_property
    def encoded(self) -> list[bytes]:
        """Return each case's call as the codec writes it; only equal calls have the same bytes, at any size."""
        return [codec.call_key(_call(case)) for case in self.cases]

    @functools.cached_property
    def fingerprint(self) -> str:
        """Return a digest of the calls alone."""
        total = hashlib.sha256()
        for call in self.encoded:
            total.update(len(call).to_bytes(8, "big") + call)
        return total.hexdigest()

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """Return the numbers of the cases in the order in which they are asked.

        They are shuffled; many cases are shuffled within each stage (see `scoring`). The first cases of a file are
        usually the simplest ones, and most wrong programs fail there.
        """
        bounds = (0, *STAGES, len(self.cases)) if len(self.cases) >= MANY else (0, len(self.cases))
        return self.arranged or tuple(
            start + number
            for start, end in itertools.pairwise(bounds)
            for number in shuffled(end - start, self.fingerprint)
        )

    @functools.cached_property
    def places(self) -> tuple[int, ...]:
        """Return for each case how many are asked before it: the place of its answer."""
        return tuple(sorted(range(len(self.order)), key=self.order.__getitem__))

    @functools.cached_property
    def calls(self) -> CallList:
        """Return the calls in the order in which they are asked, with their expected answers."""
        return CallList([self.cases[number] for number in self.order])


def _call(case: CallTest) -> Call:
    return case.function, case.arguments, dict(case.keywords)


def _refuse_too_large(cases: Iterable[CallTest]) -> None:
    """Refuse calls that are too large to send to a box, and expected answers that are too large to come back."""
    calls = expected = 0
    for number, case in enumerate(cases, 1):
        try:
            calls += codec.encoded_size(_call(case))
        except codec.CodecError as error:
            raise ValueError(f"call {number} cannot be asked: {error}") from None
        try:
            expected += codec.encoded_size(case.expected)
        except codec.CodecError as error:
            raise ValueError(f"what is expected of call {number} cannot be answered: {error}") from None
    for what, size, most in (
        ("calls take", calls, MAX_CALLS_BYTES),
        ("expected answers take", expected, MAX_EXPECTED_BYTES),
    ):
        if size > most:
            raise ValueError(f"the {what} {size >> 20} MB; at most {most >> 20} MB are taken")


def needs_values(cases: Iterable[CallTest]) -> bool:
    """Return whether answers must arrive as values, because a digest cannot decide what the tests ask.

    A digest decides equality and nothing else. It has to suffice if the answer of the set's own solution was too large
    for a box: then only its digest is known.
    """
    cases = list(cases)
    known = not any(isinstance(case.expected, codec.Digest) for case in cases)
    return known and any(case.comparison is not Comparison.EQUAL for case in cases)


class CallList:
    """Cases in the order in which their calls are asked.

    The expected answers stay on the host, where an answer is recognised by its bytes. The first `apart` calls are a set
    of their own. Where `whole`, no digest may stand for an answer (see `needs_values`).
    """

    def __init__(self, cases: list[CallTest], *, apart: int = 0, whole: bool | None = None) -> None:
        self._cases, self.apart = cases, apart
        self.whole = needs_values(cases) if whole is None else whole
        self._first: dict[int, AskedCalls] = {}

    def __len__(self) -> int:
        return len(self._cases)

    def first(self, count: int) -> AskedCalls:
        """Return the first `count` calls, ready to be asked."""
        if (asked := self._first.get(count)) is None:
            asked = self._first[count] = self.between(0, count)
        return asked

    def singly(self) -> list[AskedCalls]:
        """Return each call for its own process, which must not see other calls."""
        return [self.between(number, number + 1) for number in range(len(self))]

    def in_turns(self) -> AskedCalls:
        """Return all calls; each is handed out only after all earlier calls have their answers."""
        pieces = tuple(piece for one in self.singly() for piece in one.pieces)
        return AskedCalls(
            pieces=pieces, count=len(pieces), whole=self.whole, limits=self.limits, turns=(1,) * len(pieces)
        )

    def between(self, start: int, end: int) -> AskedCalls:
        """Return the calls from number `start`, from 0, to the one before `end`, ready to be asked."""
        pieces = codec.encode_calls([_call(case) for case in self._cases[start:end]])
        return AskedCalls(
            pieces=tuple(pieces),
            count=end - start,
            apart=self.apart,
            known=self._known[start:end],
            whole=self.whole,
            limits=self.limits,
        )

    @functools.cached_property
    def limits(self) -> AnswerLimits:
        """Return the limits of the answers, which grow with the expected answers; an expected digest adds nothing."""
        expected = [value for case in self._cases for value in (case.expected, *case.also)]
        values = [value for value in expected if not isinstance(value, codec.Digest)]
        return USUAL_LIMITS.with_room_for(sum(map(codec.encoded_size, values)), sum(map(codec.item_count, values)))

    @functools.cached_property
    def _known(self) -> tuple[Answer, ...]:
        return tuple(
            Answer(value=case.expected, data=_recognisable(case.expected, whole=self.whole)) for case in self._cases
        )


def _recognisable(expected: object, *, whole: bool) -> bytes:
    """Return the bytes that a box would write for the value.

    They are empty if the value read from them would not equal it.
    """
    data = codec.encode_answer(expected, whole=whole)
    try:
        read = codec.decode(data)
    except codec.CodecError:
        return b""
    return data if isinstance(read, codec.Digest) or read == expected else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class StdinTest:
    """One run of a whole program: its input and its expected output, which never leaves the host."""

    stdin: bytes
    expected: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """Code of a data set that says whether printed output is right, where several outputs are.

    In Python, `source` defines `check(input, output, answer)`, called with three texts: what the program read, what it
    printed, and what the data set has as an answer. It returns whether that is right, or the share of the points, from
    0 to 1; an AssertionError means no. If it is `stateless`, its text shows that it keeps nothing from one call to the
    next, so that outputs of several programs may be checked one after the other.

    In another language, `source` is a program with the protocol of testlib, called with the names of three files;
    `files` are the headers that lie beside it (`sandbox.scoring.testlib_programs`).
    """

    source: str
    stateless: bool = field(default=False, compare=False)
    language: str = "python"
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def text(self) -> str:
        """Return all that decides what the checker says, for digests."""
        if not self.files and self.language == "python":
            return self.source
        return f"{self.language} {self.source} {self.files!r}"


@dataclass(frozen=True, kw_only=True)
class StdinTests:
    """Tests of a whole program, each in its own process; what it prints is compared by a rule, or by a `checker`."""

    cases: tuple[StdinTest, ...]
    rule: OutputRule = OutputRule.CLOSE
    checker: Checker | None = None

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("no test at all: nothing could ever fail")
        if any(len(case.stdin) > MAX_STDIN_BYTES for case in self.cases):
            raise ValueError(f"a test's stdin is longer than the {MAX_STDIN_BYTES} bytes that are taken")
        if any(len(case.expected) > MAX_STDOUT_BYTES for case in self.cases):
            raise ValueError(f"a test expects more output than the {MAX_STDOUT_BYTES} bytes that are taken")

    @property
    def by_points(self) -> bool:
        """Return whether code of the data set gives points for a run; without any there is a rule for the output."""
        return self.checker is not None

    @property
    def decided_by(self) -> str:
        """Return all that decides whether a run is right, beside the cases, for digests."""
        return self.rule.text if self.checker is None else f"checker {self.checker.text}"

    @functools.cached_property
    def source(self) -> str:
        """Return a digest of the cases, instead of a text."""
        by = self.decided_by
        total = hashlib.sha256(by.encode("utf-8", "surrogatepass"))
        for case in self.cases:
            for part in (case.stdin, case.expected):
                total.update(len(part).to_bytes(8, "big") + part)
        return total.hexdigest()


class Interactor(Checker):
    """A program of a data set that talks with the candidate's, and says whether that did well.

    It reads what the candidate prints from its standard input, and prints what the candidate reads. In Python, `source`
    may define `interact(input, answer)`, which returns what a checker's function does. Otherwise it is a program with
    the protocol of testlib, called with the names of three files: the test's input, an output of its own for a checker,
    and the test's answer.
    """


@dataclass(frozen=True, kw_only=True)
class InteractiveTests(StdinTests):
    """Tests of a whole program that talks with an interactor.

    A case's `stdin` and `expected` are for the interactor alone. A `checker`, if there is one, reads what the
    interactor has written.
    """

    interactor: Interactor

    @property
    def by_points(self) -> bool:
        """Return that the interactor gives points."""
        return True

    @property
    def decided_by(self) -> str:
        """Return the interactor and the checker, for digests."""
        return f"interactor {self.interactor.text} {super().decided_by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckTests:
    """Tests that are code.

    They run over answers of the candidate, in a grader box that never holds a candidate's code.

    `source` calls the `functions` by their names and may use what `prelude` defines. `solution` (prelude included) is
    the data set's own program; running the tests over it tells which calls they make. `independent` tests never need
    one call to come after another.
    """

    source: str
    functions: tuple[str, ...]
    prelude: str = ""
    solution: str | None = None
    independent: bool = False

    def __post_init__(self) -> None:
        if not self.functions:
            raise ValueError("tests that call no function test nothing")
        size = len(self.source) + len(self.prelude) + len(self.solution or "")
        if size > MAX_TESTS_CHARACTERS:
            raise ValueError(f"the tests have {size} characters; at most {MAX_TESTS_CHARACTERS} are taken")


@dataclass(frozen=True, kw_only=True)
class LanguageTests:
    """Tests of a function, written in the function's own language, which is not Python.

    `text` are the tests as published, `declaration` is the code that begins the function, `function` its name. `pairs`
    are the calls of the tests with what is expected of them, both as expressions of the language; empty if the tests
    are more than such pairs.
    """

    language: str
    text: str
    declaration: str
    function: str
    pairs: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("no test at all: nothing could ever fail")
        size = len(self.text) + len(self.declaration)
        if size > MAX_TESTS_CHARACTERS:
            raise ValueError(f"the tests have {size} characters; at most {MAX_TESTS_CHARACTERS} are taken")

    @functools.cached_property
    def source(self) -> str:
        """Return a digest of the tests, instead of their text."""
        total = hashlib.sha256()
        for part in (self.language, self.text, self.declaration, self.function):
            data = part.encode("utf-8", "surrogatepass")
            total.update(len(data).to_bytes(8, "big") + data)
        return total.hexdigest()

    @functools.cached_property
    def calls(self) -> tuple[str, ...]:
        """Return the calls in the order in which they are made."""
        return tuple(self.pairs[number][0] for number in self.order)

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """Return the numbers of the pairs in the order in which the calls are made."""
        return shuffled(len(self.pairs), self.source)

    def expecting(self, answers: Sequence[str]) -> CallTests:
        """Return the tests as calls, with the texts of the answers that are expected, in the order of the calls."""
        cases = (
            CallTest(function=self.function, arguments=(call,), comparison=Comparison.EQUAL, expected=expected)
            for call, expected in zip(self.calls, answers, strict=True)
        )
        return CallTests(cases=tuple(cases), source=self.source, arranged=tuple(range(len(self.pairs))))


Tests = CallTests | ReferenceTests | StdinTests | CheckTests | LanguageTests | str
# str: code that runs in the program's own process


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCalls:
    """Encoded calls whose answers are wanted; with `arguments_back`, also the arguments after each call.

    The answers to the first `apart` calls leave the box before the other calls are made. An answer whose bytes are
    those `known` for its call has the known value; `known` stays on the host. With `whole`, no digest may stand for an
    answer. `turns` are the numbers of calls in each turn, where each piece holds one call: the calls of a turn are
    handed out when all earlier calls have their answers, and each answer leaves the box at once.
    """

    pieces: tuple[bytes, ...]
    count: int
    apart: int = 0
    arguments_back: bool = False
    known: tuple[Answer, ...] = ()
    whole: bool = False
    limits: AnswerLimits = USUAL_LIMITS
    turns: tuple[int, ...] = ()
    source: str = ""

    def singly(self) -> list[AskedCalls]:
        """Return each call for its own process; every piece has to hold one call."""
        return [replace(self, pieces=(piece,), count=1, turns=()) for piece in self.pieces]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """One run of tests in a grader box.

    The tests run over the given `answers`, or (None) over the data set's own solution, to record the calls.

    With `withheld`, no call gets an answer, so that the calls that are made depend on none.
    """

    tests: CheckTests
    calls: tuple[bytes, ...] = ()
    answers: tuple[Answer, ...] | None = None
    withheld: bool = False

    @property
    def source(self) -> str:
        """Return the tests as text."""
        return self.tests.source
