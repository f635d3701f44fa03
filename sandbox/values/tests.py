"""How programs are tested.

They are tested by calls, by what they print, or by code. Here is also how an answer is held against what is expected.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import random
from collections.abc import Iterable, Mapping
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
    ANYTHING = "anything"  # any answer, as long as there is one


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


Call = tuple[str, tuple[object, ...], dict[str, object]]  # a function's name, its arguments, those with a name


def shuffled(count: int, seed: str) -> tuple[int, ...]:
    """The numbers below `count` in an order that follows from the seed, and from no place in a file."""
    order = list(range(count))
    random.Random(seed).shuffle(order)  # repeatable, no secret
    return tuple(order)


@dataclass(frozen=True, kw_only=True)
class ReferenceTests:
    """Calls whose expected answers are those of a reference program, the data set's own; it answers in a grader box."""

    cases: tuple[CallTest, ...]
    reference: str

    def __post_init__(self) -> None:
        if not self.cases:
            raise ValueError("no test at all: nothing could ever fail")
        _refuse_too_large(self.cases)

    @functools.cached_property
    def source(self) -> str:
        """A digest of the cases and the reference, in the place of a text."""
        total = hashlib.sha256(self.reference.encode("utf-8", "surrogatepass"))
        for case in self.cases:  # by a digest, because a set's items stand in no order of their own
            rule = (case.comparison.value, case.tolerance, case.also)
            call = (case.function, case.arguments, dict(case.keywords), rule)
            total.update(codec.digest(call) or codec.call_key(call))
        return total.hexdigest()


@dataclass(frozen=True, kw_only=True)
class CallTests:
    """Tests that are data: calls, and answers compared on the host.

    `source` is the data set's text they were read from.

    The calls are made in an order that follows from the calls themselves, so that a program which counts them gains
    nothing, and answers to them can be held against another expectation later. `arranged` is another order, by the
    cases' numbers. The sizes of `measured` cases are not checked: they were checked before, or a box has given the
    expected answers.
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
        """Each case's call as the codec writes it: the same bytes only for the same call, whatever its size."""
        return [codec.call_key(_call(case)) for case in self.cases]

    @functools.cached_property
    def fingerprint(self) -> str:
        """A digest of the calls alone."""
        total = hashlib.sha256()
        for call in self.encoded:
            total.update(len(call).to_bytes(8, "big") + call)
        return total.hexdigest()

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """The numbers of the cases as they are asked.

        Shuffled, and where they are many, within each stage (see `scoring`).

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
        return CallList([self.cases[number] for number in self.order])


def _call(case: CallTest) -> Call:
    return case.function, case.arguments, dict(case.keywords)


def _refuse_too_large(cases: Iterable[CallTest]) -> None:
    """A call that no box can be handed, or an answer that none can give, is the problem's fault and no program's."""
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

    A digest decides equality and nothing else. It has to do where the set's own solution gave an answer that no box has
    room for: then that digest is all that is known of the expected answer.
    """
    cases = list(cases)
    known = not any(isinstance(case.expected, codec.Digest) for case in cases)
    return known and any(case.comparison is not Comparison.EQUAL for case in cases)


class CallList:
    """Cases in the order in which their calls are asked.

    What is expected stays here, to recognise an answer by its bytes.

    The first `apart` calls are a set of their own. Where `whole`, no digest may stand for an answer (see
    `needs_values`).
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
        """Return each call for a process of its own, which is to see no other call."""
        return [self.between(number, number + 1) for number in range(len(self))]

    def in_turns(self) -> AskedCalls:
        """Return all calls, each of which is handed out when all calls before it have their answers."""
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
        """The limits of the answers, which grow with what is expected; a digest that is expected needs no room."""
        expected = [value for case in self._cases for value in (case.expected, *case.also)]
        values = [value for value in expected if not isinstance(value, codec.Digest)]
        return USUAL_LIMITS.with_room_for(sum(map(codec.encoded_size, values)), sum(map(codec.item_count, values)))

    @functools.cached_property
    def _known(self) -> tuple[Answer, ...]:
        return tuple(
            Answer(value=case.expected, data=_recognisable(case.expected, whole=self.whole)) for case in self._cases
        )


def _recognisable(expected: object, *, whole: bool) -> bytes:
    """The bytes that a box would write for the value.

    None at all where they would not be read as one that equals it.
    """
    data = codec.encode_answer(expected, whole=whole)
    try:
        read = codec.decode(data)
    except codec.CodecError:
        return b""
    return data if isinstance(read, codec.Digest) or read == expected else b""


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
        if any(len(case.expected) > MAX_STDOUT_BYTES for case in self.cases):
            raise ValueError(f"a test expects more output than the {MAX_STDOUT_BYTES} bytes that are taken")

    @functools.cached_property
    def source(self) -> str:
        """A digest of the cases, in the place of a text."""
        total = hashlib.sha256(self.rule.text.encode())
        for case in self.cases:
            for part in (case.stdin, case.expected):
                total.update(len(part).to_bytes(8, "big") + part)
        return total.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckTests:
    """Tests that are code.

    They run in a grader box, where no candidate's code ever is, over answers that were asked before.

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


Tests = CallTests | ReferenceTests | StdinTests | CheckTests | str  # str: code that runs in the program's own process


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCalls:
    """Encoded calls, of which the answers are wanted; with `arguments_back`, the arguments after each call, too.

    The answers to the first `apart` calls leave the box before the other calls are made. An answer with the same bytes
    as the one that is `known` for its call has its value; `known` stays on the host. With `whole`, no digest may stand
    for an answer. `turns` are the numbers of calls in each turn, where each piece holds one call: the calls of a turn
    are handed out when all earlier calls have their answers, and each answer leaves the box at once.
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
        """Each call for a process of its own; their pieces have to hold one call each."""
        return [replace(self, pieces=(piece,), count=1, turns=()) for piece in self.pieces]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """One run of tests in a grader box.

    They run over given answers, or (None) over the data set's own solution, to record the calls.

    With `withheld`, no call gets an answer, so that the calls that are made depend on none.
    """

    tests: CheckTests
    calls: tuple[bytes, ...] = ()
    answers: tuple[Answer, ...] | None = None
    withheld: bool = False

    @property
    def source(self) -> str:
        """The tests as text."""
        return self.tests.source
