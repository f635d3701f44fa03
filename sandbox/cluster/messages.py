"""Define what the driver and its nodes send each other: programs there, scores and faults back.

Everything is made of tuples, texts and numbers, because Ray writes those ten times as fast as objects of our classes.
What programs have in common (their tests and assumptions) is a *sheet*: it is sent to each node once. Values that a
candidate answered are read again from the bytes of the codec; expected answers come back once for each sheet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from operator import attrgetter
from typing import Any

from sandbox.errors import SandboxError
from sandbox.inside import codec
from sandbox.judging.judge import JUDGE_VERSION
from sandbox.scoring.collect_answers import ProgramAnswers
from sandbox.scoring.compiler import Executed
from sandbox.values import (
    Answer,
    AskedCalls,
    CallTests,
    CheckTests,
    Compilation,
    Grading,
    LanguageTests,
    Program,
    Raised,
    ReferenceTests,
    Run,
    Score,
    StdinTests,
    Tests,
)

MOST_SHEETS = 1024  # that are kept; then those that no program uses are forgotten, the oldest first
MAX_ITEMS = 32 << 20  # that the answers of one run may hold; a node has checked them before
PROTOCOL = 2  # of these messages
Plain = Any  # tuples, texts, bytes, numbers, None


def this_program() -> str:
    """Return what has to be the same on all nodes, besides the image."""
    return f"codebudget {version('codebudget')}, judge {JUDGE_VERSION}, messages {PROTOCOL}"


class NodeLost(SandboxError):
    """The nodes that were asked for a program were lost, each time."""


class ClusterUnavailable(SandboxError):
    """No cluster answers, or none of its nodes can run programs."""


class BugOnNode(RuntimeError):
    """An exception on a node that is no fault of the machine: a bug of ours."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the programs of a problem have in common: a program without its source."""

    template: Program

    @classmethod
    def of(cls, program: Program) -> Sheet:
        """Return the sheet of a program."""
        return cls(replace(program, source=""))

    def program(self, source: str) -> Program:
        """Return the program that has this source."""
        return replace(self.template, source=source)

    def bare(self) -> Sheet:
        """Return the sheet without what its tests have computed so far, which the other side computes for itself."""
        told = self.template
        return Sheet(replace(told, tests=bare(told.tests), selection=bare(told.selection)))


def bare(tests: Any) -> Any:
    """Return tests without their cached properties."""
    return replace(tests) if hasattr(tests, "__dict__") else tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a node says before it opens boxes: its program, the image it needs, and the digest of the one it has."""

    program: str
    image: str
    digest: str | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a program has no result: an exception of ours by its name, or a bug (None)."""

    kind: str | None
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Fault:
        """Return the fault that an exception stands for."""
        if isinstance(error, SandboxError):
            return cls(type(error).__name__, str(error))
        return cls(None, f"{type(error).__name__}: {error}")

    def error(self) -> Exception:
        """Return the exception: of the same class, where that is known here and takes a message alone."""
        if self.kind is None:
            return BugOnNode(self.message)
        kind = next((one for one in _classes(SandboxError) if one.__name__ == self.kind), SandboxError)
        try:
            return kind(self.message)
        except TypeError:
            return SandboxError(self.message)


def _classes(kind: type[SandboxError]) -> Iterator[type[SandboxError]]:
    """Yield a class and all of its subclasses."""
    yield kind
    for one in kind.__subclasses__():
        yield from _classes(one)


class _Layout:
    """Writes the fields of a dataclass as a tuple, and reads them; some fields have a writer and a reader of their own.

    A `Run` has twenty fields, and there may be thousands of them a second: both ways take one loop in C.
    """

    def __init__(self, kind: type[Any], **own: tuple[Callable[[Any], Plain], Callable[[Plain], Any]]) -> None:
        self._kind, self._names = kind, tuple(item.name for item in fields(kind))
        self._get = attrgetter(*self._names)
        self._own = [(number, *own[name]) for number, name in enumerate(self._names) if name in own]

    def write(self, value: Any) -> Plain:
        """Return the value's fields; None stays None."""
        if value is None:
            return None
        fields = list(self._get(value))
        for number, write, _ in self._own:
            fields[number] = write(fields[number])
        return tuple(fields)

    def read(self, told: Plain) -> Any:
        """Return the value with these fields."""
        if told is None:
            return None
        given = list(told)
        for number, _, read in self._own:
            given[number] = read(given[number])
        return self._kind(**dict(zip(self._names, given, strict=True)))


def _write_runs(runs: Mapping[int, Run] | None) -> Plain:
    return None if runs is None else [(number, _RUN.write(run)) for number, run in runs.items()]


def _read_runs(told: Plain) -> dict[int, Run] | None:
    return None if told is None else {number: _RUN.read(run) for number, run in told}


def _write_answer(answer: Answer | None) -> Plain:
    if answer is None:
        return None
    return _RAISED.write(answer.raised), answer.data, answer.arguments, answer.exception


def _read_answer(told: Plain) -> Answer | None:
    if told is None:
        return None
    raised, data, arguments, exception = told
    value = codec.decode(data, codec.DecodeBudget(MAX_ITEMS)) if raised is None and data else None
    return Answer(value=value, raised=_RAISED.read(raised), data=data, arguments=arguments, exception=exception)


def _write_answers(answers: tuple[Answer | None, ...]) -> Plain:
    return [_write_answer(answer) for answer in answers]


def _read_answers(told: Plain) -> tuple[Answer | None, ...]:
    return tuple(_read_answer(answer) for answer in told)


def _write_nothing(_: object) -> None:
    """Leave a score's tests out: `with_tests` puts them back."""


_RAISED = _Layout(Raised)
_OF_RUNS = {"raised": (_RAISED.write, _RAISED.read), "answers": (_write_answers, _read_answers)}
_RUN = _Layout(Run, **_OF_RUNS)


def _write_product(product: tuple[tuple[str, bytes], ...] | None) -> Plain:
    """Leave the contents of compiled files where they are of use."""
    return product and tuple((name, b"") for name, _ in product)


_COMPILER_RUN = _Layout(Run, **_OF_RUNS, product=(_write_product, lambda told: told))
_COMPILATION = _Layout(Compilation, run=(_COMPILER_RUN.write, _COMPILER_RUN.read))
_PARTS = {
    "compilation": (_COMPILATION.write, _COMPILATION.read),
    "run": (_RUN.write, _RUN.read),
    "graded": (_RUN.write, _RUN.read),
    "runs": (_write_runs, _read_runs),
    "raised": (_RAISED.write, _RAISED.read),
    "tests": (_write_nothing, _write_nothing),
}
_SELECTION = _Layout(Score, **_PARTS)
_SCORE = _Layout(Score, **_PARTS, selection=(_SELECTION.write, _SELECTION.read))
_ANSWERS = _Layout(ProgramAnswers, answers=(_write_answers, _read_answers))
_EXECUTED = _Layout(Executed, run=(_RUN.write, _RUN.read), compilation=(_COMPILATION.write, _COMPILATION.read))
_RESULTS = {
    Score: ("score", _SCORE),
    Run: ("run", _RUN),
    Executed: ("executed", _EXECUTED),
    ProgramAnswers: ("answers", _ANSWERS),
}
_READERS = dict(_RESULTS.values())


def write_result(result: Score | Run | Executed | ProgramAnswers | Fault) -> Plain:
    """Return a result as plain values; the tests of a score are left out."""
    if isinstance(result, Fault):
        return "fault", (result.kind, result.message)
    name, layout = _RESULTS[type(result)]
    return name, layout.write(result)


def read_result(told: Plain) -> Any:
    """Return the Score, Run, Executed, ProgramAnswers or Fault that was written.

    What cannot be read is a bug of ours, and costs one program: it is a Fault, too.
    """
    try:
        name, given = told
        return Fault(*given) if name == "fault" else _READERS[name].read(given)
    except Exception as error:
        return Fault.of(error)


def scored_tests(score: Score) -> tuple[CallTests | None, CallTests | None]:
    """Return the tests that the score and its selection were judged by."""
    return score.tests, None if score.selection is None else score.selection.tests


def with_tests(score: Score, tests: CallTests | None, selection: CallTests | None) -> Score:
    """Return a score that was read, with the tests that it was judged by."""
    if score.selection is not None and selection is not None:
        score = replace(score, selection=replace(score.selection, tests=selection))
    return score if tests is None else replace(score, tests=tests)


@dataclass(slots=True)
class KnownSheet:
    """A sheet of this driver, and the expected answers that nodes have told of it."""

    number: int
    sheet: Sheet
    told: tuple[CallTests | None, CallTests | None] | None = None

    def learn(self, tests: CallTests | None, selection: CallTests | None) -> None:
        """Keep the expected answers that a node sent first; where they equal the driver's tests, keep the driver's."""
        template = self.sheet.template
        self.told = self.told or (_own(template.tests, tests), _own(template.selection, selection))


def _own(own: object, told: CallTests | None) -> CallTests | None:
    if told is None or not isinstance(own, CallTests):
        return told
    same = own.source == told.source and own.arranged == told.arranged and len(own.cases) == len(told.cases)
    return own if same else told


_REST = attrgetter(*(item.name for item in fields(Program) if item.name not in {"source", "tests", "selection"}))


def _identity(tests: Tests | AskedCalls | Grading | None) -> Hashable:
    """Return a key that only tests with equal values and types share; None: only the same object counts as equal.

    The source text is not enough: two problems may have the same text with other helper code or expected values.
    """
    match tests:
        case CallTests(source=source, arranged=arranged):
            total = hashlib.sha256()
            try:
                for case in tests.cases:
                    rule = (case.comparison.value, case.tolerance, case.also, case.expected)
                    part = (case.function, case.arguments, dict(case.keywords), rule)
                    total.update(codec.call_key(part))
            except codec.CodecError:
                return None
            return CallTests, source, arranged, total.digest()
        case ReferenceTests() | StdinTests() | LanguageTests():
            return type(tests), tests.source
        case str() | CheckTests():
            return tests
        case _:
            return None


class SheetBook:
    """The sheets of the programs that were submitted lately."""

    def __init__(self) -> None:
        self._known: dict[Hashable, KnownSheet] = {}
        self._by_number: dict[int, KnownSheet] = {}
        self._count = 0

    def of(self, program: Program) -> KnownSheet:
        """Return the program's sheet; tests that are one object, or equal in all their parts, are the same."""
        rest = _REST(program)
        at = (id(program.tests), id(program.selection), rest)
        known = self._known.get(at)
        if known is None:
            parts = tuple(_identity(tests) for tests in (program.tests, program.selection) if tests is not None)
            same = at if None in parts else (parts, program.selection is None, rest)
            known = self._known.get(same)
            if known is None:
                self._count += 1
                known = KnownSheet(self._count, Sheet.of(program))
                self._by_number[known.number] = self._known[same] = known
            template = known.sheet.template
            if template.tests is program.tests and template.selection is program.selection:
                self._known[at] = known  # the sheet holds them, so that no other object gets these ids
        return known

    def __getitem__(self, number: int) -> KnownSheet:
        return self._by_number[number]

    def get(self, number: int) -> KnownSheet | None:
        """Return a sheet, or None if it was forgotten."""
        return self._by_number.get(number)

    def forget(self, used: Callable[[], set[int]]) -> list[int]:
        """Forget the oldest sheets that are not used, where there are too many; return their numbers."""
        if len(self._by_number) <= 2 * MOST_SHEETS:
            return []
        in_use = used()
        gone = [number for number in list(self._by_number)[:MOST_SHEETS] if number not in in_use]
        for number in gone:
            del self._by_number[number]
        self._known = {key: known for key, known in self._known.items() if known.number in self._by_number}
        return gone
