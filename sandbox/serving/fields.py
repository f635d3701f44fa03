"""Read fields of a JSON object from a client; a field of the wrong type is refused by name."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping
from dataclasses import replace

from sandbox.serving.http_errors import Refused
from sandbox.values import Job, Limits, Program

UNREADABLE = 422
LEAST_S = 0.01


def text(body: Mapping[str, object], name: str, default: str | None = None) -> str:
    """Return a text; without a default it is required."""
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise Refused(UNREADABLE, f"{name} must be a text, not {reprlib.repr(value)}")
    return value


def number(body: Mapping[str, object], name: str, default: float) -> float:
    """Return a finite number."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise Refused(UNREADABLE, f"{name} must be a number, not {reprlib.repr(value)}")
    return float(value)


def items(body: Mapping[str, object], name: str) -> list[object]:
    """Return a list; empty if it is missing."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(UNREADABLE, f"{name} must be a list, not {reprlib.repr(value)}")
    return value


def entries(body: Mapping[str, object], name: str) -> dict[str, object]:
    """Return an object; empty if it is missing."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(UNREADABLE, f"{name} must be an object, not {reprlib.repr(value)}")
    return value


def seconds(asked_s: float, ceiling_s: float, name: str) -> float:
    """Return a time limit that the client asks for; refused if it is more than this server grants."""
    if not LEAST_S <= asked_s <= ceiling_s:
        raise Refused(400, f"{name} must lie between {LEAST_S:g} s and {ceiling_s:g} s here, not {asked_s:g} s")
    return asked_s


def job(source: str, stdin: str, limits: Limits, *, wall_s: float, cpu_s: float) -> Job:
    """Return the job of a program without tests, with these times instead of the server's.

    It is refused if it is too large.
    """
    try:
        return Job(
            program=Program(source=_valid(source)),
            stdin=stdin.encode("utf-8", "replace"),
            limits=replace(limits, wall_s=wall_s, cpu_s=cpu_s),
        )
    except ValueError as error:
        raise Refused(413, str(error)) from error


def _valid(source: str) -> str:
    """Return the text without lone surrogates, which JSON can hold and a file cannot."""
    return source.encode("utf-8", "replace").decode("utf-8")
