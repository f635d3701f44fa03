"""Define what a file says about a sample, and read its fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isnan
from typing import Any, TypedDict

from sampler.backends.openai.answer import End, ended
from sampler.exit_codes import CommandError, Exit
from sampler.values import Finish


class Reading(StrEnum):
    """What kind of text a sample holds."""

    COMPLETION = "completion"  # continues the prompt, and is executed as it is
    RAW = "raw"  # the same, still to be cut where it begins something new
    PROGRAM = "program"  # stands on its own
    ANSWER = "answer"  # of a chat: prose with code in it


class ImportFault(CommandError, ValueError):
    """A file that cannot be imported; the message names the place and says what to do."""

    exit_code = Exit.USAGE


class MissingText(ImportFault):
    """A sample without a text, because the model did not answer; it is left out and reported."""


class Untested(MissingText):
    """A sample of a problem without tests; it is left out and reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The verdict that came with a sample: whether it passed, and the file's words if they say more."""

    passed: bool
    said: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One sample as a file describes it; None: the file does not say.

    The problem is given by its name, else by the prompt, else by its place in the order of the problems. `program` is
    set only if the file says what was executed. `index` is set only if the file numbers its samples; else they are
    numbered in their order.
    """

    text: str
    problem: str | int | None = None
    prompt: str | None = None
    position: int | None = None
    reading: Reading | None = None
    program: str | None = None
    model: str | None = None
    index: int | None = None
    seed: int | None = None
    finish: Finish | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_seconds: float | None = None
    decode_seconds: float | None = None
    prompt_joules: float | None = None
    decode_joules: float | None = None
    sum_logprob: float | None = None
    prompt_shared: bool = False
    claim: Claim | None = None
    thought: str | None = None
    thought_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


FINISHES: Mapping[str, Finish] = {  # our own words, beside those of servers that `ended` knows
    "word": Finish.STOP,
    "stop": Finish.STOP,
    "limit": Finish.LENGTH,
    "length": Finish.LENGTH,
    "thought": Finish.THOUGHT,
}
ENDS: Mapping[End, Finish] = {End.STOP: Finish.STOP, End.LENGTH: Finish.LENGTH}


def text_of(row: Mapping[str, Any], field: str) -> str:
    """Return a text that must be there.

    Raises KeyError, TypeError, or MissingText for null and for an error instead of a text.
    """
    if field not in row and row.get("error"):
        raise MissingText(f"there is no {field}, but an error: {row['error']!r:.60}")
    value = row[field]
    if value is None:
        raise MissingText(f"{field} is null: an answer without a text")
    if not isinstance(value, str):
        raise TypeError(f"{field} is {value!r:.40}, not a text")
    return value


def texts_of(values: Iterable[object], what: str) -> Iterator[str | MissingText]:
    """Return the texts of a list, with MissingText instead of null; raises TypeError."""
    for value in values:
        if value is None:
            yield MissingText(f"{what} holds null: an answer without a text")
        elif isinstance(value, str):
            yield value
        else:
            raise TypeError(f"{what} holds {value!r:.40}, not a text")


class SampleFields(TypedDict):
    """What a row says besides the sample itself."""

    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    prompt_seconds: float | None
    decode_seconds: float | None
    prompt_joules: float | None
    decode_joules: float | None
    sum_logprob: float | None
    thought: str | None
    thought_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None


def sample_fields(row: Mapping[str, Any]) -> SampleFields:
    """Return the model and the costs of a row; raises TypeError or ValueError."""
    nll = number_of(row, "sum_nll")
    return {
        "model": None if row.get("model") is None else text_of(row, "model"),
        "prompt_tokens": count_of(row, "prompt_tokens"),
        "completion_tokens": count_of(row, "completion_tokens"),
        "prompt_seconds": seconds_of(row, "prompt_seconds"),
        "decode_seconds": seconds_of(row, "decode_seconds"),
        "prompt_joules": seconds_of(row, "prompt_joules"),
        "decode_joules": seconds_of(row, "decode_joules"),
        "sum_logprob": None if nll is None else -nll,
        "thought": None if row.get("thought") is None else text_of(row, "thought"),
        "thought_tokens": count_of(row, "thought_tokens"),
        "cached_tokens": count_of(row, "cached_tokens"),
        "cache_write_tokens": count_of(row, "cache_write_tokens"),
    }


MOST_COUNT, MOST_SEED, MOST_NUMBER = 2**40, 2**63 - 1, 1e30  # the sums of a store's samples stay numbers


def seed_of(row: Mapping[str, Any], field: str) -> int | None:
    """Return a seed, or None if it is missing; raises ValueError."""
    return count_of(row, field, MOST_SEED)


def count_of(row: Mapping[str, Any], field: str, most: int = MOST_COUNT) -> int | None:
    """Return a whole number from 0 to `most`, or None if it is missing; raises ValueError.

    Tables have no missing whole numbers: they write 118.0 in a column where some number is missing, and NaN for that.
    """
    value = row.get(field)
    if value is None or is_gap(value):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{field} is {value!r:.40}, not a whole number of at least 0")
    if value > most:
        raise ValueError(f"{field} is {value!r:.40}; the most is {most}")
    return value


def is_gap(value: object) -> bool:
    """Return whether a value is NaN, as tables write a missing one."""
    return isinstance(value, float) and isnan(value)


def number_of(row: Mapping[str, Any], field: str) -> float | None:
    """Return a finite number, or None if it is missing or NaN; raises ValueError."""
    value = row.get(field)
    if value is None or is_gap(value):
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MOST_NUMBER:
        raise ValueError(f"{field} is {value!r:.40}, not a number from -{MOST_NUMBER:g} to {MOST_NUMBER:g}")
    return float(value)


def seconds_of(row: Mapping[str, Any], field: str, *, nanoseconds: bool = False) -> float | None:
    """Return a time of at least 0, or None if it is missing; raises ValueError."""
    value = number_of(row, field)
    if value is not None and value < 0:
        raise ValueError(f"{field} is {value}, which is negative")
    return value if value is None or not nanoseconds else value / 1e9


def finish_of(row: Mapping[str, Any], field: str) -> Finish | None:
    """Return why the model stopped, or None if it is missing; raises ValueError."""
    value = row.get(field)
    if value is None or value == "" or is_gap(value):
        return None
    found = FINISHES.get(value) or ENDS.get(ended(value)) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{field} is {value!r:.40}; known are {', '.join(FINISHES)}, and the words of servers")
    return found


def list_of(value: object, what: str) -> list[Any]:
    """Return a list; raises TypeError."""
    if not isinstance(value, list):
        raise TypeError(f"{what} is {value!r:.40}, not a list")
    return value


def table_of(value: object, what: str) -> dict[str, Any]:
    """Return an object; raises TypeError."""
    if not isinstance(value, dict):
        raise TypeError(f"{what} is {value!r:.40}, not an object")
    return value
