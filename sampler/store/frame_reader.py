"""Read whole columns of a store as numpy arrays, for data frames.

Statements return numbers alone, which numpy takes row by row without keeping a Python object: a million samples of
twenty columns need about 160 MB. Words are numbers here, too: a place in a list of words. A NULL is
`UNKNOWN`, infinity, which no fact of a store is.

Nearly all of the time goes into making Python's numbers, which one thread does at a time. A large store is therefore
read by two processes: another one reads the rows of the upper half of the ids, and hands them over as bytes. Rows are
only ever added, so both see the same ones up to an id that is fixed before. It is a process and not a second library
of SQLite in this one, because closing a file there would drop the locks of a run here (sqlite.org/howtocorrupt.html).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

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
# The second process: a statement and the range of its ids come in, rows of numbers go out.
_OTHER = """
import json, sqlite3, sys
from itertools import chain
import numpy as np
uri, sql, low, high = json.load(sys.stdin)
rows = sqlite3.connect(uri, uri=True).execute(sql, (low, high))
sys.stdout.buffer.write(np.fromiter(chain.from_iterable(rows), np.float64).data)
"""
_FINISH = "CASE finish " + " ".join(f"WHEN '{word}' THEN {at}" for at, word in enumerate(FINISHES)) + " END"
_VERDICT = "CASE verdict " + " ".join(f"WHEN '{word}' THEN {at}" for at, word in enumerate(VERDICTS)) + " END"
_KNOWN = f"SELECT {', '.join(f'count({name})' for name in _SELDOM)}, max(turn) FROM sample"
_TEXTS = """
SELECT sample.id, seed, completion.body, program.body FROM sample
  LEFT JOIN text completion ON completion.sha256 = completion_sha
  LEFT JOIN text program ON program.sha256 = program_sha ORDER BY sample.id"""


class FrameReader(Reader):
    """Queries for data frames; each reads every sample or verdict of the store. Not for use from several threads.

    Rows of other studies come, too: leaving them out is cheaper in numpy than in SQL.
    """

    def problem_ids(self, study: int) -> Mapping[int, str]:
        """Return the names of a study's problems, in its order, by their ids."""
        rows = self._rows("SELECT id, name FROM problem WHERE study_id = ? ORDER BY position", study)
        return {row["id"]: row["name"] for row in rows}

    def sample_keys(self) -> Mapping[str, Numbers]:
        """Return the KEYS of each sample, by rising id."""
        return self._columns({name: name for name in KEYS}, "sample")

    def sample_numbers(self) -> Mapping[str, Numbers]:
        """Return the KEYS and SAMPLE_NUMBERS of each sample, by rising id.

        Beside them are `turn`, `parent` (the index of the sample before it in its tree), `prompt_shared` (0 or 1) and
        `finish`, a place in FINISHES. Columns that no sample has are not read.
        """
        with self._errors():
            *counts, last_turn = tuple(self._connection.execute(_KNOWN).fetchone())
        absent = {name for name, count in zip(_SELDOM, counts, strict=True) if not count}
        told = {name: name for name in KEYS}
        told |= {name: _number(name) for name in SAMPLE_NUMBERS if name not in absent}
        told |= {"finish": _number(_FINISH), "prompt_shared": "prompt_shared"} | (
            {"turn": "turn", "parent": _number("parent_id")} if last_turn else {}
        )
        found = dict(self._columns(told, "sample"))
        samples = len(found["id"])
        found |= {name: np.full(samples, UNKNOWN) for name in absent}
        if not last_turn:
            return found | {"turn": np.zeros(samples), "parent": np.full(samples, UNKNOWN)}
        known = np.flatnonzero(np.isfinite(found["parent"]))
        found["parent"][known] = found["idx"][np.searchsorted(found["id"], found["parent"][known])]
        return found

    def sample_texts(self) -> list[tuple[int, int | None, str, str]]:
        """Return id, seed, completion and program of each sample, by rising id."""
        with self._errors():
            return [tuple(row) for row in self._connection.execute(_TEXTS).fetchall()]

    def verdict_numbers(self) -> Mapping[str, Numbers]:
        """Return sample_id, attempt and VERDICT_NUMBERS of each verdict, oldest first."""
        told = {name: name for name in ("sample_id", "attempt")} | {name: _number(name) for name in VERDICT_NUMBERS}
        return self._columns(told, "verdict")

    def latest_verdicts(self) -> Mapping[str, Numbers]:
        """Return sample_id and `verdict`, a place in VERDICTS, of each verdict, oldest first: the last one counts."""
        return self._columns({"sample_id": "sample_id", "verdict": _number(_VERDICT)}, "verdict")

    def verdict_words(self) -> tuple[Whole, list[tuple[str | None, ...]]]:
        """Return for each verdict, oldest first, a place in the list of different rows of VERDICT_WORDS, and the list.

        A verdict's words come in few combinations, so each combination is kept once.
        """
        seen: dict[tuple[str | None, ...], int] = {}
        with self._errors():
            rows = self._plain(f"SELECT {', '.join(VERDICT_WORDS)} FROM verdict ORDER BY id")
            places = np.fromiter((seen.setdefault(row, len(seen)) for row in rows), np.int64)
        return places, list(seen)

    def _columns(self, told: Mapping[str, str], table: str) -> Mapping[str, Numbers]:
        """Return columns of a table by their names; `told` says how SQL writes each as a number that is never NULL."""
        sql = f"SELECT {', '.join(told.values())} FROM {table} WHERE id > ? AND id <= ? ORDER BY id"
        with self._errors():
            top = self._connection.execute(f"SELECT ifnull(max(id), 0) FROM {table}").fetchone()[0]
        half = top if top < LARGE or (os.cpu_count() or 1) < 2 or not sys.executable else top // 2
        other = _started(self._uri, sql, (half, top)) if half < top else None
        try:
            block = self._numbers(sql, (0, half))
        except StoreError:
            if other is not None:
                other.kill()
                _received(other)
            raise
        if half < top:
            rest = _received(other) if other is not None else None
            block = np.concatenate([block, self._numbers(sql, (half, top)) if rest is None else rest])
        return dict(zip(told, block.reshape(-1, len(told)).T, strict=True))

    def _numbers(self, sql: str, ids: tuple[int, int]) -> Numbers:
        with self._errors():
            return np.fromiter(chain.from_iterable(self._plain(sql, ids)), np.float64)

    def _plain(self, sql: str, values: Sequence[int] = ()) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a statement as tuples, which are made faster than named rows and can be told apart."""
        cursor = self._connection.cursor()
        cursor.row_factory = None
        return cursor.execute(sql, values)


def _started(uri: str, sql: str, ids: tuple[int, int]) -> subprocess.Popen[bytes] | None:
    """Start to read a range in another process; None if none can be started."""
    command = [sys.executable, "-I", "-c", _OTHER]
    try:
        other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    with suppress(BrokenPipeError):  # it has ended already, which its exit code tells
        if other.stdin is not None:
            with other.stdin as order:
                order.write(json.dumps([uri, sql, *ids]).encode())
    return other


def _received(other: subprocess.Popen[bytes]) -> Numbers | None:
    """Return what another process has read; None if it failed, so that the range has to be read here."""
    with other:
        data = other.stdout.read() if other.stdout else b""
    return np.frombuffer(data, np.float64) if other.returncode == 0 else None


def _number(column: str) -> str:
    return f"ifnull({column}, 9e999)"  # what SQLite writes for infinity
