"""How an exception of a program is told. All of it is the program's word."""

from __future__ import annotations

import os
import traceback
import types
from collections.abc import Callable

Report = Callable[[dict[str, object]], None]

MAX_MESSAGE = 2000
MOST_FRAMES = 1000  # the innermost; those of 50,000 would be more than a program may print
_PROGRAM_FILES = frozenset({"main.py", "solution.py"})
_OURS = frozenset(
    os.path.join(os.path.dirname(__file__), name) for name in ("candidate.py", "answering.py", "suites.py")
)


def tell(error: BaseException, stage: str, report: Report) -> None:
    """To the host as a claim, and to stderr as the interpreter would."""
    report(describe(error, stage))
    traceback.print_exception(type(error), error, _trace(error), limit=-MOST_FRAMES)


def describe(error: BaseException, stage: str) -> dict[str, object]:
    """The claim that it was raised, bounded."""
    lines: list[int | None] = [
        line for frame, line in traceback.walk_tb(_trace(error)) if frame.f_code.co_filename in _PROGRAM_FILES
    ]
    if isinstance(error, SyntaxError) and stage == "compile":
        lines = [error.lineno]
    return {"stage": stage, "type": _name(error), "message": _message(error), "line": lines[-1] if lines else None}


def _trace(error: BaseException) -> types.TracebackType | None:
    """Where it was raised, without our own frames."""
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
