"""Replay a finished study as if it ran: copy its rows into a new store at their original pace.

This serves demonstrations, and tests of the screen without a model. The source is only read. The copy is an ordinary
store and looks like a live one, except that its times are those of the replay.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Self

from sampler.store.reader import Reader
from sampler.store.statements import COSTS
from sampler.store.writer import Store

TICK_SECONDS = 0.1
_COPIED = ("study", "model", "problem")
# As the writer keeps them: the sum of a cost is NULL as soon as one sample's is.
_SUMS = ", ".join(f"CASE WHEN count(s.{cost}) = count(*) THEN sum(s.{cost}) END" for cost in COSTS)
_TALLIES = f"""
INSERT OR REPLACE INTO tally(model_id, problem_id, sampled, scored, passed, cpu_s, {", ".join(COSTS)})
SELECT s.model_id, s.problem_id, count(*), count(v.id), coalesce(sum(v.verdict = 'PASSED'), 0),
  coalesce(sum(v.cpu_s), 0), {_SUMS}
FROM sample s LEFT JOIN latest_verdict v ON v.sample_id = s.id
WHERE (s.model_id, s.problem_id) IN (
  SELECT model_id, problem_id FROM sample WHERE id > ? UNION
  SELECT model_id, problem_id FROM sample JOIN verdict ON sample.id = sample_id WHERE verdict.id > ?)
GROUP BY 1, 2"""
_COUNTS = """
INSERT INTO verdict_tally(model_id, verdict, n)
SELECT s.model_id, v.verdict, count(*) FROM verdict v JOIN sample s ON s.id = v.sample_id
WHERE v.id > ? AND v.attempt = (SELECT max(attempt) FROM verdict w WHERE w.sample_id = v.sample_id) GROUP BY 1, 2
ON CONFLICT DO UPDATE SET n = n + excluded.n"""


class Player:
    """Copies `source` into `copy`, `speed` times as fast as the original, in its own thread. Use as a context."""

    def __init__(self, source: Path, copy: Path, speed: float, *, clock: Callable[[], float] = time.time) -> None:
        """Create the copy with all that a study has before its first sample; raises StoreError."""
        Reader(source).close()
        Store(copy).close()
        self._source, self._copy = source, copy
        self._speed = speed
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, name="player", daemon=True)

    def __enter__(self) -> Self:
        with closing(self._connect()) as connection:
            self._begin(connection)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{self._copy.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)
        connection.execute("ATTACH ? AS src", (f"{self._source.resolve().as_uri()}?mode=ro",))
        return connection

    def _begin(self, connection: sqlite3.Connection) -> None:
        for table in _COPIED:
            names = _columns(connection, table)
            connection.execute(f"INSERT INTO main.{table}({names}) SELECT {names} FROM src.{table}")
        now = self._clock()
        connection.execute(
            "UPDATE main.study SET status = 'running', host = NULL, pid = NULL, created_at = ?, started_at = ?,"
            " heartbeat_at = ?, ended_at = NULL, exit_reason = NULL",
            (now, now, now),
        )

    def _play(self) -> None:
        with closing(self._connect()) as connection:
            first, last = connection.execute(
                "SELECT min(at), max(at) FROM (SELECT created_at AS at FROM src.sample"
                " UNION ALL SELECT created_at FROM src.verdict)"
            ).fetchone()
            began = self._clock()
            held = {"sample": 0, "verdict": 0, "event": 0}
            while not self._stop.is_set() and first is not None:
                played = first + (self._clock() - began) * self._speed
                self._copy_until(connection, played, held)
                if played >= last:
                    break
                self._stop.wait(TICK_SECONDS)
            if not self._stop.is_set():
                now = self._clock()
                connection.execute(
                    "UPDATE main.study SET status = 'done', ended_at = ?, heartbeat_at = ?, exit_reason = 'replayed'",
                    (now, now),
                )

    def _copy_until(self, connection: sqlite3.Connection, played: float, held: dict[str, int]) -> None:
        """Copy everything up to that moment of the source, in one transaction with its sums."""
        now = self._clock()
        before = dict(held)
        connection.execute("BEGIN IMMEDIATE")
        for table in ("sample", "verdict", "event"):
            high = connection.execute(
                f"SELECT coalesce(max(id), ?) FROM src.{table} WHERE id > ? AND created_at <= ?",
                (held[table], held[table], played),
            ).fetchone()[0]
            self._copy_rows(connection, table, (held[table], high), now)
            held[table] = high
        connection.execute(_TALLIES, (before["sample"], before["verdict"]))
        connection.execute(_COUNTS, (before["verdict"],))
        connection.execute("UPDATE main.study SET heartbeat_at = ?", (now,))
        connection.execute("COMMIT")

    def _copy_rows(self, connection: sqlite3.Connection, table: str, ids: tuple[int, int], now: float) -> None:
        if table in {"sample", "verdict"}:
            shas = ("completion_sha", "program_sha") if table == "sample" else ("stdout_sha", "stderr_sha")
            for sha in shas:
                connection.execute(
                    f"INSERT OR IGNORE INTO main.text(sha256, body) SELECT sha256, body FROM src.text"
                    f" WHERE sha256 IN (SELECT {sha} FROM src.{table} WHERE id > ? AND id <= ?)",
                    ids,
                )
        names = _columns(connection, table)
        values = names.replace("created_at", "?")
        where = " AND sample_id IN (SELECT id FROM main.sample)" if table == "verdict" else ""
        connection.execute(
            f"INSERT INTO main.{table}({names}) SELECT {values} FROM src.{table} WHERE id > ? AND id <= ?{where}",
            (now, *ids),
        )


def _columns(connection: sqlite3.Connection, table: str) -> str:
    """Return the columns that both stores have; the source may be of an older version."""
    both = (connection.execute(f"PRAGMA {schema}.table_info({table})").fetchall() for schema in ("main", "src"))
    here, there = ({row[1] for row in rows} for rows in both)
    return ", ".join(sorted(here & there))
