"""Read a table of a TOML file strictly: every key is read once, and remaining keys are errors.

Every message names the file, the table, the key, the value and what to do.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sampler.exit_codes import CommandError, Exit
from sandbox.sanitize import did_you_mean

MOST = 2**31 - 1
_STORE = b"SQLite format 3\0"  # how every store begins


class SpecError(CommandError, ValueError):
    """A study file that cannot be understood."""

    exit_code = Exit.USAGE


class TomlTable:
    """One table of the file at `path`; `label` is how a message calls it, e.g. "[sandbox]"."""

    def __init__(self, path: Path, label: str, values: object) -> None:
        self._path = path
        self._label = label
        if not isinstance(values, Mapping):
            raise self.error(f"a table is expected, not {values!r}")
        self._left: dict[str, Any] = dict(values)
        self._asked: set[str] = set()

    @property
    def path(self) -> Path:
        """Return the file."""
        return self._path

    def inner(self, key: str, label: str) -> TomlTable:
        """Return the table under a key, empty if it is not given; its messages say which model it belongs to."""
        return TomlTable(self._path, f"{self._label.removesuffix(':')}, {label}", self.take(key, {}))

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys that were not read yet."""
        return tuple(self._left)

    def error(self, message: str) -> SpecError:
        """Return the exception for something wrong in this table."""
        where = f" {self._label}" if self._label else ""
        return SpecError(f"{self._path}:{where} {message}")

    def day(self, key: str) -> str:
        """Return a day, written as a text (which is not checked here) or as TOML's own; required."""
        value = self._left.get(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            self.take(key)
            return value.isoformat()
        if value is not None and not isinstance(value, str):
            raise self.error(f"{key} = {value!s} is no day; write for example {key} = 2026-11-30")
        return self.text(key)

    def has(self, key: str) -> bool:
        """Return whether the key was given."""
        self._asked.add(key)
        return key in self._left

    def take(self, key: str, default: object = None) -> Any:
        """Return the raw value of a key."""
        self._asked.add(key)
        return self._left.pop(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty; required if there is no default."""
        value = self._required(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f'{key} = {value!r} is not a text; write for example {key} = "{default or "…"}"')
        if "\0" in value:
            raise self.error(f"{key} = {value!r} holds a NUL character, which no name or path may; take it out")
        return value

    def whole(self, key: str, default: int | None = None, *, least: int = 1, most: int = MOST) -> int:
        """Return a whole number from `least` to `most`; required if there is no default."""
        value = self._required(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.error(f"{key} = {value!r} is not a whole number from {least} up; write for example {key} = 8")
        if value > most:
            raise self.error(f"{key} = {value!r:.40} is too large; the most is {most}")
        return value

    def number(self, key: str, default: float | None = None, *, example: str = "") -> float:
        """Return a finite number; required if there is no default. A message shows the `example`."""
        value: Any = self._required(key, default)
        if not _is_finite(value):
            raise self.error(
                f"{key} = {value!r} is not a number; write for example {key} = {example or default or 1.0}"
            )
        return float(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a yes or no."""
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{key} = {value!r} is neither true nor false; write {key} = true")
        return value

    def table(self, key: str) -> dict[str, object]:
        """Return a table whose keys are not checked here; empty if it is not given."""
        value = self.take(key, {})
        if not isinstance(value, dict):
            raise self.error(f"{key} = {value!r} is no table; write for example [models.options.{key}]")
        return value

    def texts_by_key(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the texts of those of these keys that are given; any other key is an error."""
        found = {key: self.text(key) for key in keys if self.has(key)}
        self.done()
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty if it is not given."""
        value = self.take(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f'{key} = {value!r} is not a list of texts; write for example {key} = ["…"]')
        return tuple(value)

    def says(self, key: str, word: str) -> bool:
        """Return whether the key's value is this word; then it is read."""
        if not self.has(key) or self._left[key] != word:
            return False
        self.take(key)
        return True

    def text_or_texts(self, key: str) -> tuple[str, ...]:
        """Return one text or a list of texts, required; none is empty, and none occurs twice."""
        if not isinstance(self._left.get(key), list):
            return (self.text(key),)
        texts = self.texts(key)
        if not texts:
            raise self.error(f'{key} = [] names nothing; write for example {key} = ["…"]')
        for text in texts:
            if not text.strip() or "\0" in text or texts.count(text) > 1:
                raise self.error(f"{key} = {list(texts)!r} is no list of different texts; write each once")
        return texts

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a list of numbers above zero, empty if it is not given."""
        value = self.take(key, [])
        if not isinstance(value, list) or not all(_is_finite(item) and item > 0 for item in value):
            raise self.error(f"{key} = {value!r} is not a list of numbers above zero; write for example {key} = [1e12]")
        return tuple(float(item) for item in value)

    def choice(self, key: str, among: tuple[str, ...], default: str | None = None) -> str:
        """Return the key's value, which has to be one of these words; raises SpecError."""
        value = self.text(key, default)
        if value not in among:
            raise self.error(f"{key} = {value!r} is not known{did_you_mean(value, among)}; choose {' or '.join(among)}")
        return value

    def done(self) -> None:
        """Raise SpecError for a key that was not read."""
        for key in self._left:
            known = ", ".join(sorted(self._asked)) or "none"
            raise self.error(f"{key!r} is no key here{did_you_mean(key, tuple(self._asked))}; the keys are: {known}")

    def only(self, keys: Collection[str]) -> None:
        """Raise SpecError for a key that is none of these, before anything else is asked."""
        self._asked.update(keys)
        for key in self._left:
            if key not in keys:
                raise self.error(
                    f"{key!r} is no key here{did_you_mean(key, tuple(keys))}; the keys are: {', '.join(sorted(keys))}"
                )

    def _required(self, key: str, default: object) -> object:
        value = self.take(key, default)
        if value is None:
            meant = get_close_matches(key, sorted(set(self._left) - self._asked), n=1)
            raise self.error(f"the key {key!r} is missing{f'; is {meant[0]!r} meant for it?' if meant else ''}")
        return value


def read_text(path: Path) -> str:
    """Return the text of a file; raises SpecError."""
    try:
        held = path.read_bytes()
        if held.startswith(_STORE):
            raise SpecError(
                f"{str(path)!r} is a store, and this reads a study file; give the STUDY.toml it was made with"
            )
        return held.decode("utf-8-sig")
    except OSError as error:
        raise SpecError(
            f"cannot read the study file {str(path)!r}: {error.strerror or error}; check the name"
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path}: not UTF-8 ({error.reason} at byte {error.start}); a study file is TOML text"
        ) from error


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Return the values of a file's text; raises SpecError."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of more digits than Python reads
        raise SpecError(f"{path}: not TOML: {error}; see https://toml.io for how it is written") from error


def _is_finite(value: Any) -> bool:
    """Return whether a value is a number that a float can hold; a TOML integer may be larger than that."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
