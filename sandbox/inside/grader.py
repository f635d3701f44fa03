"""A data set's own test code, run over answers that were given elsewhere. No candidate's code is ever in this process.

The functions under test are stand-ins. With answers *withheld* a stand-in gives none (`withheld`). While *recording* it
hands each call to the data set's own solution and reports it, so that the host knows what the tests will ask. While
*replaying* it answers from a list: the n-th call of the tests must be the n-th call of the list. One that is not ends
the process with a report of it; the host then asks the candidate again, with that call added. All start from the same
random seed, so tests that roll dice roll the same ones.

Answers are data of the codec's types. A mark (a spoofed or unknown type) is no answer: the stand-in raises instead. An
exception of the candidate is raised again so that every except clause treats it as Python would (`exceptions`).
"""

from __future__ import annotations

import hashlib
import importlib
import os
import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sandbox.inside import codec
from sandbox.inside.exceptions import exception_from

SEED = 20240731
MAX_ASKED = 20_000  # calls of tests that get no answer


Call = tuple[str, tuple[Any, ...], dict[str, Any]]  # the function's name, its arguments and keyword arguments


class StandIn(Protocol):
    """Takes the place of the function under test."""

    def __call__(self, call: Call) -> object:
        """The answer to one call."""


class Recorder:
    """Answers with the data set's own solution, and tells of each call."""

    def __init__(
        self, find: Callable[[str], Callable[..., object]], report: Callable[[dict[str, object]], None]
    ) -> None:
        self._find, self._report, self.asked = find, report, 0

    def __call__(self, call: Call) -> object:
        """Report the call and a digest of its answer, then answer as a candidate's answer would arrive."""
        self.asked += 1
        function, arguments, keywords = call
        asked, answer = codec.encode(call, exact=True), b""
        try:
            answer = codec.encode(self._find(function)(*arguments, **keywords))
        finally:
            self._report({"asked": asked, "answer": hashlib.sha256(answer).digest()})
        return _received(codec.decode(answer))


class Replayer:
    """Answers with a candidate's answers. `own` are the names that the problem defines for program and tests alike."""

    def __init__(
        self, answers: list[dict[str, Any]], report: Callable[[dict[str, object]], None], own: Mapping[str, object]
    ) -> None:
        self._answers, self._report, self._own, self.asked = answers, report, own, 0
        self.blamed: dict[int, BaseException] = {}

    def __call__(self, call: Call) -> object:
        """The answer to the next call; ends the process if it is not the call that was foreseen."""
        number, asked = self.asked, codec.encode(call)
        if number >= len(self._answers) or self._answers[number]["call"] != asked:
            self._report({"missed": number, "asked": asked})
            os._exit(0)
        self.asked += 1
        answer = self._answers[number]
        if answer["raised"] is not None:
            raised = answer["raised"]
            self.blamed[number] = exception_from(answer["exception"], raised["type"], raised["message"], self._own)
            raise self.blamed[number]
        if answer["arguments"]:
            _, arguments, keywords = call
            _restore((*arguments, *keywords.values()), codec.decode(answer["arguments"]))
        try:
            return _received(codec.decode(answer["value"]))
        except TypeError as error:
            self.blamed[number] = error
            raise

    def blame(self, error: BaseException) -> int | None:
        """The number of the answer that raised this exception."""
        return next((number for number, raised in self.blamed.items() if raised is error), None)


def bind(space: dict[str, Any], functions: list[str], stand_in: StandIn) -> None:
    """Put a stand-in for each function into the tests' namespace; for "A.f" a class A whose f stands in."""
    owners: dict[str, type] = {}
    for name in functions:
        owner, _, method = name.rpartition(".")
        if owner:
            kind = owners.setdefault(owner, type(owner, (), {}))
            setattr(kind, method, staticmethod(_named(name, stand_in)))
        else:
            space[name] = _named(name, stand_in)
    space.update(owners)


def _named(name: str, stand_in: StandIn) -> Callable[..., object]:
    def function(*arguments: object, **keywords: object) -> object:
        return stand_in((name, arguments, keywords))

    function.__name__ = function.__qualname__ = name
    return function


def seed() -> None:
    """The same dice for every process that runs the same tests."""
    random.seed(SEED)


def _received(answer: object) -> object:
    match answer:
        case codec.Iterated(items=items):
            return iter(items)
        case codec.Array(name=dtype, shape=shape, items=items):
            return importlib.import_module("numpy").array(items, dtype=dtype).reshape(shape)
        case codec.Oversized(name=why):
            raise TypeError(f"an answer cannot leave the box: {why}")
        case codec.Mark(name=name):
            raise TypeError(f"an answer of type {name} cannot leave the box")
        case _:
            return answer


def _restore(arguments: tuple[Any, ...], after: object) -> None:
    """What the candidate did to its arguments is done to the tests' own."""
    if not isinstance(after, list) or len(after) != len(arguments):
        return
    for mine, theirs in zip(arguments, after, strict=True):
        if type(mine) is not type(theirs):
            continue
        if isinstance(mine, list):
            mine[:] = theirs
        elif isinstance(mine, dict | set | deque):
            mine.clear()
            (mine.extend if isinstance(mine, deque) else mine.update)(theirs)
