"""Call a program's functions and report their answers."""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from sandbox.inside import codec, wire
from sandbox.inside.exceptions import Report, describe, exception_bytes

BATCH_BYTES, BATCH_S = 1 << 15, 0.002


class CallRunner:
    """Make one call after the other; an exception is an answer, SystemExit among them.

    With `arguments_back` an answer carries the arguments that the call has changed, so that changes in place are seen.
    The answers to the first `apart` calls are sent before the others are made. All answers together have `room` bytes.
    """

    def __init__(self, order: dict[str, Any], report: Report) -> None:
        pieces, arguments_back = order["calls"], bool(order["arguments_back"])
        self._report, self._arguments_back, self._apart = report, arguments_back, order["apart"]
        self._describe, self._find, self._exception_bytes = describe, find_function, exception_bytes
        whole = arguments_back or bool(order["whole"])  # a grader needs the values themselves
        self._encode = codec.AnswerEncoder(order["room"], whole=whole)
        self._written = codec.mutable_bytes
        # Calls with their arguments back come from a grader box, not from the host.
        self._read = _one_call if arguments_back else codec.decode_calls
        self._asked = self._calls(pieces)
        self._getpid, self._pid = os.getpid, os.getpid()

    def _calls(self, pieces: list[wire.Value]) -> list[Any]:
        return [call for piece in pieces if type(piece) is bytes for call in self._read(piece)]

    def run_all(self, space: dict[str, Any]) -> None:
        """Make all calls in this process, one after the other."""
        if not self._arguments_back:
            self._all_in_batches(space)
            return
        for number, call in enumerate(self._asked):
            self._answer(number, call, space)

    def run_in_turns(self, later: int, next_calls: Callable[[], list[wire.Value]]) -> Callable[[dict[str, Any]], None]:
        """Return a function like `run_all` that also makes `later` more turns of calls, read by `next_calls`.

        Each turn is sent to this process only when all earlier calls have their answers, so every answer is sent at
        once.
        """

        def all_turns(space: dict[str, Any]) -> None:
            answer, read, number, asked = self._answer, self._calls, 0, self._asked
            for turn in range(later + 1):
                for call in asked:
                    answer(number, call, space)
                    number += 1
                if turn < later:
                    asked = read(next_calls())

        return all_turns

    def _all_in_batches(self, space: dict[str, Any]) -> None:
        """Send answers in batches; one that took long to make is sent at once, with those before it."""
        describe, find, encode, batch = self._describe, self._find, self._encode, _Batch(self._report)
        try:
            for number, (function, arguments, named) in enumerate(self._asked):
                if number == self._apart:
                    batch.flush()
                try:
                    batch.add(encode(find(space, function)(*arguments, **named)))
                except (Exception, SystemExit) as error:
                    self._refuse_children(error)
                    batch.flush()
                    self._report({"call": number, "raised": describe(error, "program")})
                    batch.first = number + 1
        finally:
            batch.flush()

    def _refuse_children(self, error: BaseException) -> None:
        """Raise SystemExit again in a child that the program forked; in the program itself it is an answer."""
        if isinstance(error, SystemExit) and self._getpid() != self._pid:
            raise error

    def _answer(self, number: int, call: Any, space: dict[str, Any]) -> None:
        function, arguments, named = call
        given = [*arguments, *named.values()]
        before = self._written(given) if self._arguments_back else b""
        try:
            value = self._encode(self._find(space, function)(*arguments, **named))
            claim: dict[str, object] = {"call": number, "value": value}
            if before and self._written(given) != before:
                claim["arguments"] = self._encode(given)
        except (Exception, SystemExit) as error:
            self._refuse_children(error)
            claim = {"call": number, "raised": self._describe(error, "program")}
            if self._arguments_back:
                claim["exception"] = self._exception_bytes(error)
        self._report(claim)


def _one_call(piece: bytes) -> list[Any]:
    return [codec.decode(piece, codec.DecodeBudget(codec.TRUSTED))]


class _Batch:
    """Encoded answers to be sent together.

    A program that dies loses at most the answers of its last BATCH_S seconds.
    """

    def __init__(self, report: Report) -> None:
        self._report, self._clock, self._pack = report, time.monotonic, struct.pack
        self._answers: list[bytes] = []
        self._size, self._since, self.first = 0, time.monotonic(), 0

    def add(self, answer: bytes) -> None:
        self._answers.append(answer)
        self._size += len(answer)
        if self._size > BATCH_BYTES or self._clock() - self._since > BATCH_S:
            self.flush()

    def flush(self) -> None:
        answers, self._answers = self._answers, []
        if answers:
            sizes = self._pack(f">{len(answers)}I", *map(len, answers))
            self._report({"call": self.first, "sizes": sizes, "values": b"".join(answers)})
        self.first, self._size, self._since = self.first + len(answers), 0, self._clock()


def find_function(space: dict[str, Any], name: str) -> Callable[..., object]:
    """Return the function of that name; for "A.f" the method f of a new A, or a function f where there is no A."""
    owner, _, method = name.rpartition(".")
    if owner in space:
        found: Callable[..., object] = getattr(space[owner](), method)
        return found
    name = method
    if name not in space:
        raise NameError(f"name {name!r} is not defined")
    function: Callable[..., object] = space[name]
    return function


def flush() -> None:
    """Flush the standard streams, whatever the program put in their place."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except BaseException:  # noqa: S112  (the program may have closed or replaced it)
            continue
