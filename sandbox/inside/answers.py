"""Call a program's functions and report what they return or raise.

An exception goes two ways. The report for the host (`describe`) is bounded text, and all of it is the program's claim.
The data for a grader (`exception_bytes`) are the names of the exception's classes, its arguments and its attributes,
written by the codec. From them `exception_from` makes, in the grader's process, an exception that every except clause
treats as Python would. There a name stands for a class only if it is an exception class of a module that is loaded
already, or of what the problem itself defines: nothing is imported by name, and no constructor of a Python class runs.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import time
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.inside import codec, wire

MAX_MESSAGE = 2000
MAX_FRAMES = 1000  # the innermost; those of 50,000 would be more than a program may print
_PROGRAM_FILES = frozenset({"main.py", "solution.py"})
_OURS = frozenset(
    os.path.join(os.path.dirname(__file__), name) for name in ("candidate.py", "answers.py", "test_runner.py")
)
MAX_CLASSES = 32
MAX_BYTES = 1 << 16
MAX_DEPTH = 3
_NESTED = "__exception__"  # begins what stands for an exception within an exception
_CAUSE = "__cause__"
_MEMBERS = ("filename", "filename2", "name", "path")  # of built-in exceptions, beside their arguments
_OWN = "solution"  # the module that a program is
_TESTS = frozenset({"tests", "__main__"})  # exceptions of the tests themselves are none of the program's


Report = Callable[[dict[str, object]], None]
Error = Exception | SystemExit
Names = list[tuple[str, str]]  # of an exception's classes, the module and the name, in the order of the `__mro__`


def report_exception(error: BaseException, stage: str, report: Report) -> None:
    """Report an exception to the host as a claim, and print it to stderr as the interpreter would."""
    report(describe(error, stage))
    traceback.print_exception(type(error), error, _trace(error), limit=-MAX_FRAMES)


def describe(error: BaseException, stage: str) -> dict[str, object]:
    """Return the bounded claim that an exception was raised."""
    lines: list[int | None] = [
        line for frame, line in traceback.walk_tb(_trace(error)) if frame.f_code.co_filename in _PROGRAM_FILES
    ]
    if isinstance(error, SyntaxError) and stage == "compile":
        lines = [error.lineno]
    return {"stage": stage, "type": _name(error), "message": _message(error), "line": lines[-1] if lines else None}


def _trace(error: BaseException) -> types.TracebackType | None:
    """Return the traceback without our own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in _OURS:
        trace = trace.tb_next
    return trace


def _name(error: BaseException) -> str:
    return str(type(error).__name__)[:200]


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except BaseException:
        return "(its message cannot be shown)"


def exception_bytes(error: BaseException, depth: int = MAX_DEPTH) -> bytes:
    """Encode an exception; b"" if the program has made that impossible.

    Exceptions within it (of a group, its cause) come along so many levels deep.
    """
    try:
        names = [(str(kind.__module__), str(kind.__name__)) for kind in type(error).__mro__][:MAX_CLASSES]
        attributes = _of_own_classes(error) | _members(error) | vars(error)
        if depth and error.__cause__ is not None:
            attributes[_CAUSE] = error.__cause__
        carried = {key: _encodable(value, depth) for key, value in attributes.items()}
        data = codec.encode([names, [_encodable(one, depth) for one in error.args], carried])
        return data if len(data) <= MAX_BYTES else codec.encode([names, [], {}])
    except Exception:
        return b""


def _encodable(value: object, depth: int) -> object:
    """Return the value, or what stands for an exception or a sequence of exceptions."""
    if isinstance(value, BaseException) and depth:
        return (_NESTED, exception_bytes(value, depth - 1), type(value).__name__, str(value))
    if type(value) in {list, tuple} and any(isinstance(one, BaseException) for one in value):  # type: ignore[attr-defined]
        return [_encodable(one, depth) for one in value]  # type: ignore[attr-defined]
    return value


def _decoded(value: object, own: Mapping[str, object]) -> object:
    if type(value) is list:
        return [_decoded(one, own) for one in value]
    if type(value) is tuple and len(value) == 4 and value[0] == _NESTED:
        return exception_from(value[1], value[2], value[3], own)
    return value


def _members(error: BaseException) -> dict[str, object]:
    found = {name: getattr(error, name, None) for name in _MEMBERS}
    return {name: value for name, value in found.items() if type(value) in {str, int}}


def _of_own_classes(error: BaseException) -> dict[str, object]:
    """Return the attributes from the program's own classes: constants, slots, properties; no methods."""
    names = {
        name
        for kind in type(error).__mro__
        if kind.__module__ == _OWN
        for name in vars(kind)
        if not name.startswith("_") and hasattr(error, name)
    }
    return {name: value for name in sorted(names) if not callable(value := getattr(error, name))}


def exception_from(data: bytes, name: str, message: str, own: Mapping[str, object]) -> Error:
    """Decode an exception; `name` and `message` are used where the data are missing or malformed.

    `own` are the names that the problem defines for program and tests alike.
    """
    try:
        names, arguments, attributes = _read(data)
        revived = {key: _decoded(value, own) for key, value in attributes.items()}
        return _exception_of(_class_of(names, own), tuple(_decoded(one, own) for one in arguments), revived, message)
    except Exception:
        return _by_name(name, message)


def _read(data: bytes) -> tuple[Names, list[Any], dict[str, Any]]:
    told = codec.decode(data)
    if type(told) is not list or [type(part) for part in told] != [list, list, dict]:
        raise ValueError("no exception of ours")
    names, arguments, attributes = told
    if not all(type(one) is tuple and len(one) == 2 and type(one[0]) is type(one[1]) is str for one in names):
        raise ValueError("a class has a module and a name")
    return names, arguments, {key: value for key, value in attributes.items() if type(key) is str}


def _class_of(names: Names, own: Mapping[str, object]) -> type[Error]:
    """Return the class of that name, or a new one of that name with the same known bases."""
    known = [_known(module, name, own) for module, name in names]
    if known[0] is not None:
        return known[0]
    bases: list[type[Error]] = []
    for kind in known:
        if kind is not None and not any(issubclass(base, kind) for base in bases):
            bases.append(kind)
    return _subclass(names[0][1], tuple(bases) or (Exception,))


def _known(module: str, name: str, own: Mapping[str, object]) -> type[Error] | None:
    loaded = sys.modules.get(module)
    if module == _OWN:
        found = own.get(name)
    elif module in _TESTS or not isinstance(loaded, types.ModuleType):
        found = None
    else:
        found = vars(loaded).get(name)
    return found if isinstance(found, type) and issubclass(found, Error) else None


def _subclass(name: str, bases: tuple[type[Error], ...], **members: object) -> type[Error]:
    try:
        return type(name, bases, {"__module__": _OWN, **members})
    except TypeError:  # bases that go together in no class
        return type(name, bases[:1], {"__module__": _OWN, **members})


def _exception_of(kind: type[Error], arguments: tuple[Any, ...], attributes: Mapping[str, Any], message: str) -> Error:
    """Make an exception of that class by its built-in base alone; its text is `message`."""
    error = _construct(kind, arguments, attributes)
    if str(error)[: len(message)] == message:
        return error
    said = _subclass(kind.__name__, (kind,), __str__=lambda _: message, __module__=kind.__module__)
    return _construct(said, arguments, attributes)


def _construct(kind: type[Error], arguments: tuple[Any, ...], attributes: Mapping[str, Any]) -> Error:
    base: Any = next(one for one in kind.__mro__ if one.__module__ == "builtins")
    error: Error = base.__new__(kind, *arguments)
    with contextlib.suppress(TypeError):
        base.__init__(error, *arguments)  # of an OSError or a UnicodeError it sets what str() shows
    BaseException.args.__set__(error, arguments)  # type: ignore[attr-defined]
    for key, value in attributes.items():
        if key in _MEMBERS or key == _CAUSE:
            with contextlib.suppress(Exception):
                setattr(error, key, value)
        else:
            vars(error)[key] = value
    return error


def _by_name(name: str, message: str) -> Error:
    kind = vars(sys.modules["builtins"]).get(name)
    if isinstance(kind, type) and issubclass(kind, Error):
        try:
            return kind(message)
        except TypeError:  # UnicodeDecodeError and the like want more than a message
            pass
    return RuntimeError(f"{name}: {message}")


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
