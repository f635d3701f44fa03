"""Write and read the facts behind a score as bytes, so that it can be judged again without a box.

The facts are the run (or the runs of a whole program, by their case), the answers as the codec wrote them, and the run
of tests in a grader box; and the same for the selection tests. Expected answers are not kept: they come from the data
set again. Facts that are read are checked like data from a box, since anyone may have written the file.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from sandbox.inside import codec, wire
from sandbox.judging import judge
from sandbox.judging.merged_tests import merge_tests
from sandbox.values import (
    Answer,
    CallTests,
    CheckTests,
    Comparison,
    Ending,
    Flag,
    LanguageTests,
    Limits,
    MemorySource,
    Program,
    Raised,
    Run,
    Score,
    Stage,
    StdinTests,
    Tests,
    Verdict,
)

FORMAT = 1
MAX_PACKED = 8 << 20  # a program that printed more cannot be judged again without a box
MAX_UNPACKED = 512 << 20
LEVEL = 6  # of zlib
T = TypeVar("T")
_PLAIN = (
    "exit_code",
    "signal",
    "cpu_s",
    "wall_s",
    "waited_s",
    "memory_mb",
    "stdout",
    "stderr",
    "proved",
    "missed",
    "blamed",
)


class FactsError(ValueError):
    """Bytes that hold no facts of ours."""


class Unreadable(FactsError):
    """Bytes that cannot be read as facts at all."""


class NotEnough(FactsError):
    """Facts that were enough for their own verdict, but not for judging again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a score was made from. `in_process`: its tests ran in the program's process."""

    limits: Limits
    run: Run
    in_process: bool = False
    calls: str | None = None  # a digest of what was asked, where tests are calls
    graded: Run | None = None
    runs: Mapping[int, Run] | None = None
    selection: Facts | None = None


def facts_of(scored: Score, limits: Limits) -> Facts:
    """Return the facts of a score."""
    return Facts(
        limits=limits,
        run=scored.run,
        in_process=Flag.IN_PROCESS in scored.flags,
        calls=scored.tests.fingerprint if scored.tests is not None else None,
        graded=scored.graded,
        runs=scored.runs,
        selection=None if scored.selection is None else facts_of(scored.selection, limits),
    )


def packed(scored: Score, limits: Limits) -> bytes | None:
    """Return the facts of a score as bytes; None if they are too large to keep or to read again."""
    record = _encoded(facts_of(scored, limits))
    if len(record) > MAX_UNPACKED:
        return None
    data = zlib.compress(record, LEVEL)
    return data if len(data) <= MAX_PACKED else None


def rejudge(facts: Facts, tests: Tests, selection: Tests | None = None) -> Score:
    """Return the score that today's judge makes of the facts.

    Raises FactsError if they are facts of other tests, NotEnough, or Unreadable for what no box reports.
    """
    try:
        return _rejudge_both(facts, tests, selection)
    except FactsError:
        raise
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise Unreadable(f"no facts of ours: {error}") from error


def _rejudge_both(facts: Facts, tests: Tests, selection: Tests | None) -> Score:
    if facts.selection is None:
        return _rejudge(facts, tests)
    if selection is None:
        raise FactsError("the problem had selection tests when it was scored, and now has none; score it again")
    if isinstance(tests, CallTests) and isinstance(selection, CallTests):
        joined = merge_tests(selection, tests)
        whole = joined.calls.whole
        judged = _rejudge_called(facts, joined.judge, whole=whole)
        selected = _rejudge_called(facts.selection, selection, whole=whole)
    else:
        judged, selected = _rejudge(facts, tests), _rejudge(facts.selection, selection)
    return replace(judged, selection=selected)


def _rejudge(facts: Facts, tests: Tests) -> Score:
    if isinstance(tests, StdinTests):
        if facts.runs is None or not set(facts.runs) <= set(range(len(tests.cases))):
            raise FactsError("the runs belong to other tests")
        if tests.by_points and _needs_checker(facts.runs.values()):
            raise NotEnough("the problem has a checker now, or an interactor, which has not been asked; score it again")
        right = all(judge.printed_right(run, tests, number) for number, run in facts.runs.items())
        if facts.runs and right and len(facts.runs) < len(tests.cases):
            raise NotEnough("the output that was wrong is right now, and no other input was tried; score it again")
        return judge.score_printed(facts.runs, tests, facts.limits)
    if isinstance(tests, CallTests):
        return _rejudge_called(facts, tests, whole=tests.calls.whole)
    if isinstance(tests, LanguageTests):
        if not facts.in_process:
            raise FactsError("a program of the data set says what is expected, and has to be run; score it again")
        return judge.score(facts.run, Program(source="", tests=tests.text), facts.limits)
    if isinstance(tests, str) and not facts.in_process:
        raise FactsError("its tests ran in a grader box, and now have to stand beside the program; score it again")
    beside = facts.in_process and isinstance(tests, CheckTests)
    program = Program(source="", tests=tests.source if beside and isinstance(tests, CheckTests) else tests)
    return judge.score(facts.run, program, facts.limits, facts.graded)


def _needs_checker(runs: Collection[Run]) -> bool:
    """Return whether only a checker could tell how the runs are to be judged, and it has not been asked."""
    ended_well = all(judge.judge_script(run) is Verdict.PASSED for run in runs)
    return ended_well and any(run.points is None for run in runs)


def _rejudge_called(facts: Facts, tests: CallTests, *, whole: bool) -> Score:
    """Judge answers to calls again.

    `whole` says whether today's boxes send every answer as a value (`needs_values`); earlier boxes sent digests, too.
    """
    if facts.calls != tests.fingerprint:
        raise FactsError("the answers belong to other calls")
    run = facts.run
    if run.proved and len(run.answers) < len(tests.cases) and not judge.has_failed(run, tests):
        raise NotEnough("the first answers, which failed, are right now, and no more were asked for; score it again")
    if whole and (number := judge.first_failure(run, tests)) is not None and _kept_as_digest(number, run, tests):
        raise NotEnough("a large answer was kept as a digest, which does not tell whether it is right; score it again")
    return replace(judge.score(run, Program(source="", tests=tests), facts.limits), tests=tests)


def _kept_as_digest(number: int, run: Run, tests: CallTests) -> bool:
    """Return whether an answer was kept as a digest although its comparison needs more than equality."""
    answer = judge.answer_to(number, run, tests)
    digest = answer is not None and isinstance(answer.value, codec.Digest)
    return digest and tests.cases[number].comparison is not Comparison.EQUAL


def pack(facts: Facts) -> bytes:
    """Return the facts as compressed bytes."""
    return zlib.compress(_encoded(facts), LEVEL)


def _encoded(facts: Facts) -> bytes:
    return wire.encode({"format": FORMAT, **_facts_record(facts)})


def unpack(data: bytes) -> Facts:
    """Read the facts from bytes; raises Unreadable."""
    try:
        unpacker = zlib.decompressobj()
        record = wire.decode(unpacker.decompress(data, MAX_UNPACKED))
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise FactsError("these facts are of another format")
        return _facts(record)
    except (
        zlib.error,
        codec.CodecError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise Unreadable(f"no facts of ours: {error}") from error


def _facts_record(facts: Facts) -> dict[str, object]:
    return {
        "limits": asdict(facts.limits),
        "run": _run_record(facts.run),
        "in_process": facts.in_process,
        "calls": facts.calls,
        "graded": None if facts.graded is None else _run_record(facts.graded),
        "runs": None if facts.runs is None else [[number, _run_record(run)] for number, run in facts.runs.items()],
        "selection": None if facts.selection is None else _facts_record(facts.selection),
    }


def _run_record(run: Run) -> dict[str, object]:
    record: dict[str, object] = {name: getattr(run, name) for name in _PLAIN}
    record |= {name: value for name in ("points", "said") if (value := getattr(run, name)) is not None}
    return record | {
        "ending": run.ending.value,
        "memory_source": run.memory_source.value,
        "raised": _raised_record(run.raised),
        "answers": [[_raised_record(answer.raised), answer.data] for answer in run.answers],
        "flags": [flag.value for flag in sorted(run.flags)],
    }


def _raised_record(raised: Raised | None) -> list[object] | None:
    return None if raised is None else [raised.stage.value, raised.type, raised.message, raised.line]


def _facts(record: Mapping[str, Any]) -> Facts:
    limits = {item.name: record["limits"][item.name] for item in fields(Limits)}
    return Facts(
        limits=Limits(**limits),
        run=_run(record["run"]),
        in_process=_exactly(record["in_process"], bool),
        calls=None if record["calls"] is None else _exactly(record["calls"], str),
        graded=None if record["graded"] is None else _run(record["graded"]),
        runs=None if record["runs"] is None else {_exactly(number, int): _run(run) for number, run in record["runs"]},
        selection=None if record["selection"] is None else _facts(record["selection"]),
    )


def _run(record: Mapping[str, Any]) -> Run:
    return Run(
        ending=Ending(record["ending"]),
        exit_code=None if record["exit_code"] is None else _exactly(record["exit_code"], int),
        signal=None if record["signal"] is None else _exactly(record["signal"], int),
        cpu_s=_exactly(record["cpu_s"], float),
        wall_s=_exactly(record["wall_s"], float),
        waited_s=_exactly(record.get("waited_s", 0.0), float),  # earlier boxes did not say
        memory_mb=_exactly(record["memory_mb"], float),
        memory_source=MemorySource(record.get("memory_source", MemorySource.RUSAGE)),  # the only one there once was
        stdout=_exactly(record["stdout"], bytes),
        stderr=_exactly(record["stderr"], bytes),
        proved=_exactly(record["proved"], bool),
        raised=_raised(record["raised"]),
        answers=tuple(_answer(raised, data) for raised, data in record["answers"]),
        missed=None if record["missed"] is None else _exactly(record["missed"], int),
        blamed=None if record["blamed"] is None else _exactly(record["blamed"], int),
        flags=frozenset(Flag(flag) for flag in record["flags"]),
        points=None if record.get("points") is None else _exactly(record["points"], float),
        said=None if record.get("said") is None else _exactly(record["said"], str),
    )


def _answer(raised: list[Any] | None, data: bytes) -> Answer:
    if raised is not None:
        return Answer(raised=_raised(raised))
    return Answer(value=codec.decode(_exactly(data, bytes), codec.DecodeBudget(MAX_UNPACKED >> 4)), data=data)


def _raised(record: list[Any] | None) -> Raised | None:
    if record is None:
        return None
    stage, kind, message, line = record
    line = None if line is None else _exactly(line, int)
    return Raised(stage=Stage(stage), type=_exactly(kind, str), message=_exactly(message, str), line=line)


def _exactly(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise FactsError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value
