"""Calls of a program's functions, and their answers on the way out."""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from sandbox.inside import codec, wire
from sandbox.inside.exceptions import exception_bytes
from sandbox.inside.telling import Report, describe

BATCH_BYTES, BATCH_S = 1 << 15, 0.002
_ANSWERED = 77  # how a fresh copy ends that has given its answer


class Answering:
    """One call after the other; an exception is an answer.

    With `arguments_back` the arguments go along as the call has left them, so that work done in place is seen. The answers to
    the first `apart` calls have left before the others are made.
    """

    def __init__(self, pieces: list[wire.Value], report: Report, *, arguments_back: bool, apart: wire.Value) -> None:
        self._report, self._arguments_back, self._apart = report, arguments_back, apart
        self._describe, self._find, self._exception_bytes = describe, function_of, exception_bytes
        self._encode = codec.encode if arguments_back else codec.encode_briefly  # a grader needs the values themselves
        read = _one_call if arguments_back else codec.calls_from  # those come from a grader box, not from the host
        self._asked: list[Any] = [call for piece in pieces if type(piece) is bytes for call in read(piece)]

    def all(self, space: dict[str, Any]) -> None:
        """In this process, one after the other."""
        if not self._arguments_back:
            self._all_in_batches(space)
            return
        for number in range(len(self._asked)):
            self._answer(number, space)

    def each_afresh(self, space: dict[str, Any]) -> None:
        """Each in a copy of this process, where no call has been made yet. Where a copy does not come back, neither do we."""
        fork, wait, leave, kill = os.fork, os.waitpid, os._exit, os.kill
        for number in range(len(self._asked)):
            pid = fork()
            if pid == 0:
                self._answer(number, space)
                flush()
                leave(_ANSWERED)
            _, status = wait(pid, 0)
            if os.WIFSIGNALED(status):
                kill(os.getpid(), os.WTERMSIG(status))
            if os.waitstatus_to_exitcode(status) != _ANSWERED:
                leave(os.waitstatus_to_exitcode(status))

    def _all_in_batches(self, space: dict[str, Any]) -> None:
        """Answers leave in batches; one that took long to come, and those before it, at once."""
        describe, find, encode, batch = self._describe, self._find, self._encode, _Batch(self._report)
        try:
            for number, (function, arguments, named) in enumerate(self._asked):
                if number == self._apart:
                    batch.flush()
                try:
                    batch.add(encode(find(space, function)(*arguments, **named)))
                except Exception as error:
                    batch.flush()
                    self._report({"call": number, "raised": describe(error, "program")})
                    batch.first = number + 1
        finally:
            batch.flush()

    def _answer(self, number: int, space: dict[str, Any]) -> None:
        function, arguments, named = self._asked[number]
        try:
            value = self._encode(self._find(space, function)(*arguments, **named))
            claim: dict[str, object] = {"call": number, "value": value}
            if self._arguments_back:
                claim["arguments"] = self._encode([*arguments, *named.values()])
        except Exception as error:
            claim = {"call": number, "raised": self._describe(error, "program")}
            if self._arguments_back:
                claim["exception"] = self._exception_bytes(error)
        self._report(claim)


def _one_call(piece: bytes) -> list[Any]:
    return [codec.decode(piece)]


class _Batch:
    """Encoded answers on their way out. What a program loses by dying is at most what it had said within BATCH_S."""

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


def function_of(space: dict[str, Any], name: str) -> Callable[..., object]:
    """The function of that name; of "A.f" the method f of a fresh A, or a function f where there is no A."""
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
    """Write what stands in the streams, whatever the program made of them."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except BaseException:  # noqa: S112  (the program may have closed or replaced it)
            continue
