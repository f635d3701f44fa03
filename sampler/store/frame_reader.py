"""Read whole columns of a store as numpy arrays, for data frames.

Statements return numbers alone, which numpy takes row by row without keeping a Python object: a million samples of
twenty columns need about 160 MB. Words are numbers here, too: a place in a list of words. A NULL is
`UNKNOWN`, infinity, which no fact of a store is.

Nearly all of the time goes into making Python's numbers, which one thread does at a time. A large store is therefore
read by two processes: another one reads the rows of the upper ids, and hands them over as bytes. Rows are
only ever added, so both see the same ones up to an id that is fixed before. It is a process and not a second library
of SQLite in this one, because closing a file there would drop the locks of a run here (sqlite.org/howtocorrupt.html).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from sampler.store.reader import Reader, StoreError
from sandbox.values import Verdict

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
UNKNOWN = np.inf
FINISHES = ("stop", "length", "thought")
VERDICTS = tuple(verdict.value for verdict in Verdict)
SAMPLE_NUMBERS = (
    "prompt_tokens", "completion_tokens", "thought_tokens", "cached_tokens", "cache_write_tokens",
    "prompt_seconds", "decode_seconds",
    "prompt_flops", "decode_flops", "prompt_joules", "decode_joules", "sum_logprob",
)  # fmt: skip
VERDICT_NUMBERS = ("exit_code", "signal", "cpu_s", "wall_s", "memory_mb")
VERDICT_WORDS = ("verdict", "ending", "selection", "error_type", "error_message", "flags", "judge")
KEYS = ("id", "model_id", "problem_id", "idx")
_SELDOM = (
    "thought_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "prompt_joules",
    "decode_joules",
    "sum_logprob",
)  # often known of none
LARGE = 200_000  # ids from which a second process saves more than it takes to start
# The second process: statements with ranges of ids come in; for each, the number of rows and whole columns go out.
_READER_PROGRAM = """
import json, sqlite3, sys
from itertools import chain
import numpy as np
uri, wanted = json.load(sys.stdin)
connection = sqlite3.connect(uri, uri=True)
for sql, columns, low, high in wanted:
    rows = connection.execute(sql, (low, high))
    block = np.fromiter(chain.from_iterable(rows), np.float64).reshape(-1, columns)
    sys.stdout.buffer.write(len(block).to_bytes(8, "little"))
    sys.stdout.buffer.write(np.ascontiguousarray(block.T).data)
"""
_FINISH = "CASE finish " + " ".join(f"WHEN '{word}' THEN {at}" for at, word in enumerate(FINISHES)) + " END"
_VERDICT = "CASE verdict " + " ".join(f"WHEN '{word}' THEN {at}" for at, word in enumerate(VERDICTS)) + " END"
_KNOWN = f"SELECT {', '.join(f'count({name})' for name in _SELDOM)}, max(turn) FROM sample"
_TEXTS = """
SELECT sample.id, seed, completion.body, program.body FROM sample
  LEFT JOIN text completion ON completion.sha256 = completion_sha
  LEFT JOIN text program ON program.sha256 = program_sha ORDER BY sample.id"""

WordRows = tuple[Whole, list[tuple[str | None, ...]]]
T = TypeVar("T")


class _Range(NamedTuple):
    """A statement over the rows of a table: up to the id `half` they are read here, from there to `top` elsewhere."""

    sql: str
    columns: int
    half: int
    top: int


class FrameReader(Reader):
    """Queries for data frames; each reads every sample or verdict of the store. Not for use from several threads.

    Rows of other studies come, too: leaving them out is cheaper in numpy than in SQL.
    """

    def problem_ids(self, study: int) -> Mapping[int, str]:
        """Return the names of a study's problems, in its order, by their ids."""
        rows = self._rows("SELECT id, name FROM problem WHERE study_id = ? ORDER BY position", study)
        return {row["id"]: row["name"] for row in rows}

    def samples(self) -> tuple[Mapping[str, Numbers], Mapping[str, Numbers]]:
        """Return the KEYS and SAMPLE_NUMBERS of each sample, by rising id, and its verdicts.

        Beside them are `turn`, `parent` (the index of the sample before it in its tree), `prompt_shared` (0 or 1) and
        `finish`, a place in FINISHES. Columns that no sample has are not read. Of each verdict, oldest first, come
        sample_id and `verdict`, a place in VERDICTS: the last one of a sample counts.
        """
        with self._errors():
            *counts, last_turn = tuple(self._connection.execute(_KNOWN).fetchone())
        absent = {name for name, count in zip(_SELDOM, counts, strict=True) if not count}
        told = {name: name for name in KEYS}
        told |= {name: _number(name) for name in SAMPLE_NUMBERS if name not in absent}
        told |= {"finish": _number(_FINISH), "prompt_shared": "prompt_shared"} | (
            {"turn": "turn", "parent": _number("parent_id")} if last_turn else {}
        )
        verdicts = {"sample_id": "sample_id", "verdict": _number(_VERDICT)}
        (columns, judged), _ = self._columns([(told, "sample"), (verdicts, "verdict")], lambda: None, 0.6)
        found = dict(columns)
        samples = len(found["id"])
        found |= {name: np.full(samples, UNKNOWN) for name in absent}
        if not last_turn:
            return found | {"turn": np.zeros(samples), "parent": np.full(samples, UNKNOWN)}, judged
        known = np.flatnonzero(np.isfinite(found["parent"]))
        found["parent"][known] = found["idx"][np.searchsorted(found["id"], found["parent"][known])]
        return found, judged

    def sample_texts(self) -> list[tuple[int, int | None, str, str]]:
        """Return id, seed, completion and program of each sample, by rising id."""
        with self._errors():
            return [tuple(row) for row in self._connection.execute(_TEXTS).fetchall()]

    def verdicts(self) -> tuple[Mapping[str, Numbers], Mapping[str, Numbers], WordRows]:
        """Return the KEYS of each sample; sample_id, attempt and VERDICT_NUMBERS of each verdict; and its words.

        Samples come by rising id, verdicts oldest first.
        """
        told = {name: name for name in ("sample_id", "attempt")} | {name: _number(name) for name in VERDICT_NUMBERS}
        wanted = [({name: name for name in KEYS}, "sample"), (told, "verdict")]
        (keys, numbers), words = self._columns(wanted, self._words, 0.8)
        return keys, numbers, words

    def _words(self) -> WordRows:
        """Return for each verdict, oldest first, a place in the list of different rows of VERDICT_WORDS, and the list.

        A verdict's words come in few combinations, so each combination is kept once.
        """
        seen: dict[tuple[str | None, ...], int] = {}
        with self._errors():
            rows = self._plain(f"SELECT {', '.join(VERDICT_WORDS)} FROM verdict ORDER BY id")
            places = np.fromiter((seen.setdefault(row, len(seen)) for row in rows), np.int64)
        return places, list(seen)

    def _columns(
        self, wanted: Sequence[tuple[Mapping[str, str], str]], meanwhile: Callable[[], T], share: float
    ) -> tuple[list[Mapping[str, Numbers]], T]:
        """Return columns of tables by their names, and what was done `meanwhile`.

        Each of `wanted` says how SQL writes the columns of a table as numbers that are never NULL. Of a large table
        another process reads this `share`.
        """
        ranges = [self._range(told, table, share) for told, table in wanted]
        upper = [one for one in ranges if one.half < one.top]
        other = _started(self._uri, upper) if upper else None
        try:
            done = meanwhile()
            blocks = [self._numbers(one, 0, one.half) for one in ranges]
        except StoreError:
            if other is not None:
                other.kill()
                _received(other, ())
            raise
        rest = _received(other, [one.columns for one in upper]) if other is not None else None
        more = iter(rest or [self._numbers(one, one.half, one.top) for one in upper])
        found: list[Mapping[str, Numbers]] = []
        for (told, _), one, block in zip(wanted, ranges, blocks, strict=True):
            further = [next(more)] if one.half < one.top else []
            columns = (np.concatenate([block[at], *(part[at] for part in further)]) for at in range(one.columns))
            found.append(dict(zip(told, columns, strict=True)))
        return found, done

    def _range(self, told: Mapping[str, str], table: str, share: float) -> _Range:
        sql = f"SELECT {', '.join(told.values())} FROM {table} WHERE id > ? AND id <= ? ORDER BY id"
        with self._errors():
            top = self._connection.execute(f"SELECT ifnull(max(id), 0) FROM {table}").fetchone()[0]
        alone = top < LARGE or (os.cpu_count() or 1) < 2 or not sys.executable
        return _Range(sql, len(told), top if alone else round(top * (1 - share)), top)

    def _numbers(self, one: _Range, low: int, high: int) -> Numbers:
        """Return the columns of a range of ids, each in one piece."""
        with self._errors():
            values = np.fromiter(chain.from_iterable(self._plain(one.sql, (low, high))), np.float64)
        return np.ascontiguousarray(values.reshape(-1, one.columns).T)

    def _plain(self, sql: str, values: Sequence[int] = ()) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a statement as tuples, which are made faster than named rows and can be told apart."""
        cursor = self._connection.cursor()
        cursor.row_factory = None
        return cursor.execute(sql, values)


def _started(uri: str, wanted: Sequence[_Range]) -> subprocess.Popen[bytes] | None:
    """Start to read the upper parts of ranges in another process; None if none can be started."""
    command = [sys.executable, "-I", "-c", _READER_PROGRAM]
    try:
        other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    with suppress(BrokenPipeError):  # it has ended already, which its exit code tells
        if other.stdin is not None:
            with other.stdin as order:
                order.write(json.dumps([uri, [(one.sql, one.columns, one.half, one.top) for one in wanted]]).encode())
    return other


def _received(other: subprocess.Popen[bytes], columns: Sequence[int]) -> list[Numbers] | None:
    """Return what another process has read; None if it failed, so that the ranges have to be read here."""
    with other:
        data = other.stdout.read() if other.stdout else b""
    if other.returncode:
        return None
    found, at = [], 0
    for count in columns:
        rows = int.from_bytes(data[at : at + 8], "little")
        found.append(np.frombuffer(data, np.float64, rows * count, at + 8).reshape(count, rows))
        at += 8 + 8 * rows * count
    return found


def _number(column: str) -> str:
    return f"ifnull({column}, 9e999)"  # what SQLite writes for infinity
