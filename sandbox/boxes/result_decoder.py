"""Read what a box sends: hostile bytes, decoded strictly and checked field by field.

A fact that is missing or of the wrong type means that the box is lost. Garbage from the candidate's process counts as
no answer.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sandbox.errors import BoxLost
from sandbox.inside import codec, wire
from sandbox.values import Answer, Ending, Flag, MemorySource, Raised, Run, Stage

SPARE_CLAIMS = 8
MAX_LINE = 1 << 31  # a number above it is no line of a program
_FIELDS = frozenset({
    "proof", "asked", "answer", "missed", "blamed", "call", "sizes", "values", "value", "arguments", "raised",
    "exception", "stage", "type", "message", "line",
})  # fmt: skip
_SIZE = struct.Struct(">I")
T = TypeVar("T")


def mapping(value: wire.Value, what: str) -> Mapping[str, wire.Value]:
    """Return the value, which must be a mapping; raises BoxLost."""
    if not isinstance(value, dict):
        raise BoxLost(f"a box sent {type(value).__name__} for its {what}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected of the answers: how many, which bytes are known, how large, and whether calls come in turns."""

    calls: int = 0
    known: Sequence[Answer] = ()
    in_turn: bool = False
    room: codec.DecodeBudget | None = None


def read_facts(facts: Mapping[str, wire.Value], proof: str, expected: Expected | None = None) -> Run:
    """Return the run that a box reports; raises BoxLost if a fact is missing or of the wrong type."""
    status = fact(facts, "status", int)
    signalled = os.WIFSIGNALED(status)
    claims = _claims(fact(facts, "answers", bytes), proof, expected or Expected())
    try:
        ending = Ending(fact(facts, "ending", str))
        flags = frozenset(Flag(flag) for flag in fact(facts, "flags", list))
        memory_source = MemorySource(fact(facts, "memory_source", str))
    except ValueError as error:
        raise BoxLost(f"a box reports what it cannot know: {error}") from error
    return Run(
        ending=ending,
        exit_code=None if signalled else os.waitstatus_to_exitcode(status),
        signal=os.WTERMSIG(status) if signalled else None,
        cpu_s=fact(facts, "cpu_s", float),
        wall_s=fact(facts, "wall_s", float),
        waited_s=fact(facts, "waited_s", float),
        memory_mb=fact(facts, "peak_kb", int) / 1024,
        memory_source=memory_source,
        stdout=fact(facts, "stdout", bytes),
        stderr=fact(facts, "stderr", bytes),
        proved=claims.proved,
        raised=claims.raised,
        answers=tuple(claims.answers),
        asked=tuple(claims.asked),
        digests=tuple(claims.digests),
        missed=claims.missed,
        blamed=claims.blamed,
        flags=flags,
    )


def read_command(run: Run, facts: Mapping[str, wire.Value]) -> Run:
    """Return the run of a command: it has ended well if its exit code is 0, and nothing more can be said of it.

    Raises BoxLost if what a compiler made is not what process 1 may send.
    """
    done = run.ending is Ending.EXITED and run.exit_code == 0
    product = facts.get("product")
    files = None if product is None else tuple(map(_file, fact(facts, "product", list)))
    return replace(run, proved=done, raised=None, answers=(), product=files)


def _file(value: wire.Value) -> tuple[str, bytes]:
    match value:
        case [str() as name, bytes() as content] if _is_inside(name):
            return name, content
        case _:
            raise BoxLost("a box sent something that is no file of a product")


def _is_inside(name: str) -> bool:
    """Return whether a name leads to a file below its directory."""
    parts = name.split("/")
    return "\0" not in name and not {"", ".", ".."} & set(parts)


def _claims(data: bytes, proof: str, expected: Expected) -> Claims:
    if expected.in_turn:
        return read_claims_in_turn(data, proof, expected.calls, expected.room)
    return read_claims(data, proof, expected.calls, expected.room, expected.known)


def fact(facts: Mapping[str, wire.Value], name: str, kind: type[T]) -> T:
    """Return a fact, which must be of that exact type; raises BoxLost."""
    value = facts.get(name)
    if type(value) is not kind:
        raise BoxLost(f"a box sent {type(value).__name__} for {name}")
    return value


def read_files(facts: Mapping[str, wire.Value], asked: Sequence[str]) -> tuple[tuple[str, bytes], ...]:
    """Return the names and contents of the files that a box brings back; raises BoxLost for others than were asked."""
    found = []
    for file in fact(facts, "fetched", list):
        match file:
            case [str() as name, bytes() as content] if name in asked:
                found.append((name, content))
            case _:
                raise BoxLost("a box sent something that is none of the files that were asked for")
    return tuple(found)


@dataclass(slots=True)
class Claims:
    """What the candidate's process said.

    These are the proof, an exception that ended it, and answers to calls. A grader's process also says its calls.
    """

    proved: bool = False
    raised: Raised | None = None
    answers: list[Answer] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    missed: int | None = None
    blamed: int | None = None
    room: codec.DecodeBudget = field(default_factory=codec.DecodeBudget, compare=False)
    known: Sequence[Answer] = field(default=(), compare=False)
    in_turn: bool = field(default=False, compare=False)


def read_claims(
    data: bytes,
    proof: str,
    calls: int,
    room: codec.DecodeBudget | None = None,
    known: Sequence[Answer] = (),
) -> Claims:
    """Read the claims from the bytes of the answers pipe, to at most `calls` calls.

    Answers count in the order of the calls. Garbage counts as no answer, and so does everything after the largest
    possible number of claims. An answer with the bytes that are `known` for its call is taken as that value and not
    decoded. If no bytes are known for a call, every answer to it is decoded, an empty one too.
    """
    return _read(data, Claims(room=room or codec.DecodeBudget(), known=known), proof, calls)


def read_claims_in_turn(data: bytes, proof: str, calls: int, room: codec.DecodeBudget | None = None) -> Claims:
    """Read the claims of calls that were handed out in turns, by the number of frames that had come.

    The answer to the n-th call is in the n-th frame; if that frame holds anything else, no further answer counts.
    Otherwise a program could receive a later call, which reveals an earlier answer, before it has given that answer.
    """
    return _read(data, Claims(room=room or codec.DecodeBudget(), in_turn=True), proof, calls)


def _read(data: bytes, claims: Claims, proof: str, calls: int) -> Claims:
    buffer = wire.FrameBuffer()
    buffer.feed(data)
    taken = calls
    try:
        for number in range(calls + SPARE_CLAIMS):
            if (payload := buffer.next()) is None:
                break
            _take_claim(wire.decode_record(payload, _FIELDS), claims, (proof, taken))
            if claims.in_turn and len(claims.answers) <= number:
                taken = len(claims.answers)
    except wire.WireError:
        pass
    return claims


def _take_claim(claim: Mapping[str, wire.Value], claims: Claims, asked: tuple[str, int]) -> None:
    proof, calls = asked
    call, blamed = claim.get("asked"), claim.get("blamed")
    if claim.get("proof") == proof:
        claims.proved = True
    elif isinstance(call, bytes):
        claims.asked.append(call)
        claims.digests.append(digest if isinstance(digest := claim.get("answer"), bytes) else b"")
        claims.missed = claim["missed"] if type(claim.get("missed")) is int else None  # type: ignore[assignment]
    elif type(blamed) is int:
        claims.blamed = blamed
    elif "sizes" in claim:
        _take_batch(claim, claims, calls)
    elif "call" in claim:
        expected = len(claims.answers)
        if expected < calls and claim["call"] == expected and (answer := _answer(claim, claims)) is not None:
            claims.answers.append(answer)
    elif claims.raised is None:
        claims.raised = _raised(claim)


def _take_batch(claim: Mapping[str, wire.Value], claims: Claims, calls: int) -> None:
    """Read a batch of answers to consecutive calls.

    An answer that is there already stays: a forked child may send it again.
    """
    first, sizes, values = claim.get("call"), claim.get("sizes"), claim.get("values")
    if type(first) is not int or first < 0 or not isinstance(sizes, bytes) or not isinstance(values, bytes):
        return
    if len(sizes) % 4:
        return
    number, at = first, 0
    for (size,) in _SIZE.iter_unpack(sizes):
        if number > len(claims.answers) or number >= calls or at + size > len(values):
            return
        if number == len(claims.answers):
            answer = _read_answer(values[at : at + size], claims)
            if answer is None:
                return
            claims.answers.append(answer)
        number, at = number + 1, at + size


def _answer(claim: Mapping[str, wire.Value], claims: Claims) -> Answer | None:
    raised, value = claim.get("raised"), claim.get("value")
    if isinstance(raised, dict):
        described, exception = _raised(raised), claim.get("exception", b"")
        if described is None or not isinstance(exception, bytes):
            return None
        return Answer(raised=replace(described, stage=Stage.PROGRAM), exception=exception)
    after = claim.get("arguments", b"")
    if not isinstance(value, bytes) or not isinstance(after, bytes):
        return None
    return _read_answer(value, claims, after)


def _read_answer(data: bytes, claims: Claims, after: bytes = b"") -> Answer | None:
    number = len(claims.answers)
    if data and not after and number < len(claims.known) and claims.known[number].data == data:
        return claims.known[number]
    try:
        return Answer(value=codec.decode(data, claims.room), data=data, arguments=after)
    except codec.TooManyItems:
        return Answer(value=codec.decode(codec.TOO_MANY), data=codec.TOO_MANY)
    except codec.CodecError:
        return None


def _raised(claim: Mapping[str, wire.Value]) -> Raised | None:
    stage, kind, message, line = (claim.get(key) for key in ("stage", "type", "message", "line"))
    if type(stage) is not str or type(kind) is not str or type(message) is not str or stage not in set(Stage):
        return None
    known = type(line) is int and 0 < line <= MAX_LINE
    return Raised(stage=Stage(stage), type=kind[:200], message=message[:2000], line=line if known else None)  # type: ignore[arg-type]
