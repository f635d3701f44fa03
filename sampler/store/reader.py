"""Read a store: one read-only connection, without an open transaction between calls.

A reader may read while a study writes; `changed` is cheap enough for twenty calls a second. Every query is fetched to
its end before a method returns, so a reader never prevents a checkpoint of the writer's log.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sampler.exit_codes import CommandError, Exit
from sampler.store.read_models import (
    EventRow,
    FailureRow,
    JudgedRow,
    LengthRow,
    ModelRow,
    OriginRow,
    PendingRow,
    SampleKeyRow,
    StudyRow,
    TailRow,
    TallyRow,
)
from sampler.store.schema import APPLICATION, VERSIONS
from sampler.values import Architecture, Closeable, GivenCosts

BUSY_SECONDS = 10.0
# Joins the latest verdict `v` of a sample `s`, by the index on both columns.
LATEST = "v.sample_id = s.id AND v.attempt = (SELECT max(attempt) FROM verdict w WHERE w.sample_id = s.id)"
BOOKS = "_sqlite_migrations"  # what a store is made with first: which schema was applied when


class StoreError(CommandError):
    """The file is missing, is no store of ours, comes from a newer version, or cannot be written."""

    exit_code = Exit.STORE


class StoreUnmade(StoreError):
    """A run has begun to make this store, which is still empty, or was interrupted then."""


class StoreOld(StoreError):
    """The store lacks tables or columns of this version: opening it with write access migrates it."""


_STUDY = """
SELECT study.id, uid, study.name, problems_source, problems_digest, seed, status, host, pid,
  created_at, started_at, heartbeat_at, ended_at, exit_reason,
  (SELECT count(*) FROM problem WHERE study_id = study.id) AS problems,
  (SELECT count(*) FROM problem WHERE study_id = study.id)
    * (SELECT coalesce(sum(wanted), 0) FROM model WHERE study_id = study.id) AS wanted,
  (SELECT coalesce(sum(min(sampled, wanted)), 0)
    FROM tally JOIN model ON model.id = model_id WHERE study_id = study.id) AS sampled,
  (SELECT coalesce(sum(min(scored, wanted)), 0)
    FROM tally JOIN model ON model.id = model_id WHERE study_id = study.id) AS scored
FROM study ORDER BY study.id DESC"""

_MODELS = """
SELECT id, name, backend, engine, digest, architecture_json, params, wanted, costs_json, greedy_of, strategy_json,
  looks
FROM model WHERE study_id = ?
  AND CASE WHEN allotted THEN 'allotted' WHEN greedy_of IS NULL THEN 'model' ELSE 'greedy' END = ?
ORDER BY position, id"""

_ALLOTTED_TRIES = f"""
SELECT coalesce(model.greedy_of, model.id) AS model_id, problem.name AS problem, s.idx AS "index",
  v.verdict = 'PASSED' AS passed
FROM model CROSS JOIN sample s ON s.model_id = model.id CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN problem ON problem.id = s.problem_id
WHERE model.id = ?1 OR (model.greedy_of = ?1 AND model.allotted) ORDER BY s.problem_id, s.idx"""

_TALLIES = """
SELECT model_id, problem.name AS problem, sampled, scored, passed, prompt_tokens, completion_tokens,
  prompt_seconds, decode_seconds, prompt_flops, decode_flops, prompt_joules, decode_joules, cpu_s,
  thought_tokens, cached_tokens, cached_flops, cache_write_tokens,
  reread_tokens, reread_seconds, reread_flops, reread_joules
FROM tally JOIN problem ON problem.id = problem_id JOIN model ON model.id = model_id
WHERE model.study_id = ? AND sampled > 0 ORDER BY model.position, model.id, problem.position"""

_COUNTS = """
SELECT model_id, verdict, n FROM verdict_tally JOIN model ON model.id = model_id WHERE study_id = ? AND n > 0"""

# CROSS JOIN keeps SQLite's planner to the order written here: newest facts first, then what they belong to.
_TAIL = """
SELECT verdict.id AS id, verdict.created_at AS at, sample.model_id AS model_id, model.name AS model,
  problem.name AS problem, sample.idx AS "index", verdict.verdict AS verdict, completion_tokens,
  prompt_seconds + decode_seconds AS seconds, prompt_flops + decode_flops AS flops, cpu_s, error_type, error_message
FROM verdict CROSS JOIN sample ON sample.id = sample_id CROSS JOIN model ON model.id = sample.model_id
  CROSS JOIN problem ON problem.id = sample.problem_id
WHERE verdict.id > ? AND model.study_id = ? ORDER BY verdict.id {order} LIMIT ?"""

_EVENTS = """
SELECT id, created_at AS at, level, kind, message FROM event
WHERE id > ? AND study_id = ? ORDER BY id {order} LIMIT ?"""

_SAMPLE_KEYS = """
SELECT model.name AS model, problem.name AS problem, idx AS "index"
FROM sample JOIN model ON model.id = model_id JOIN problem ON problem.id = problem_id WHERE model.study_id = ?"""

_SAMPLE_INDICES = "SELECT idx FROM sample WHERE model_id = ? AND problem_id = ?"

_PENDING = """
SELECT sample.id AS id, model_id, problem_id, problem.name AS problem, idx AS "index", body AS source
FROM sample CROSS JOIN model ON model.id = model_id CROSS JOIN problem ON problem.id = problem_id
  CROSS JOIN text ON sha256 = program_sha
WHERE sample.id > ? AND model.study_id = ? AND NOT EXISTS (SELECT 1 FROM verdict WHERE sample_id = sample.id)
ORDER BY sample.id LIMIT ?"""


_JUDGED = """
SELECT verdict.id AS id, problem.name AS problem, idx AS "index", verdict.verdict AS verdict, selection, facts
FROM latest_verdict AS verdict JOIN sample ON sample.id = sample_id JOIN model ON model.id = model_id
  JOIN problem ON problem.id = problem_id
WHERE verdict.id > ? AND verdict.id <= ? AND model.study_id = ? ORDER BY verdict.id LIMIT ?"""

_LENGTHS = f"""
SELECT problem.name AS problem, s.thought_tokens AS thought_tokens, s.completion_tokens AS completion_tokens,
  s.finish IS 'thought' AS cut, v.verdict = 'PASSED' AS passed
FROM sample s CROSS JOIN verdict v ON {LATEST} CROSS JOIN problem ON problem.id = s.problem_id
WHERE s.model_id = ? ORDER BY s.id"""

_FAILURES = """
SELECT model.name AS model, verdict.verdict AS verdict, error_type, count(*) AS samples,
  count(DISTINCT sample.problem_id) AS problems, min(problem.name) AS example
FROM verdict JOIN sample ON sample.id = sample_id JOIN model ON model.id = sample.model_id
  JOIN problem ON problem.id = sample.problem_id
WHERE model.study_id = ? AND verdict.verdict <> 'PASSED'
  AND NOT EXISTS (SELECT 1 FROM verdict AS later
    WHERE later.sample_id = verdict.sample_id AND later.attempt > verdict.attempt)
GROUP BY model.id, verdict.verdict, error_type ORDER BY samples DESC, model.position, verdict.verdict, error_type"""


def _immutable(path: Path) -> str:
    """Return the URI option for SQLite to read a store without making files beside it, in a read-only folder.

    It is used only if there is no log beside the store, because rows in a log would not be seen.
    """
    log = path.with_name(path.name + "-wal")
    written = log.is_file() and log.stat().st_size > 0
    return "" if written or os.access(path.resolve().parent, os.W_OK) else "&immutable=1"


class Reader(Closeable):
    """Queries over one store file. Not for use from several threads at once."""

    def __init__(self, path: Path) -> None:
        """Open `path`; raises StoreError, which says what to do."""
        self._path = path
        self._seen: int | None = None
        if path.is_dir():
            raise StoreError(f"{str(path)!r} is a folder; name the store (*.db) that lies in it")
        if not path.is_file():
            raise StoreError(
                f"there is no store at {str(path)!r}; `sampler run STUDY.toml` or `sampler import` makes one"
            )
        with self._errors():
            self._uri = f"{path.resolve().as_uri()}?mode=ro{_immutable(path)}"
            self._connection = sqlite3.connect(
                self._uri,
                uri=True,
                isolation_level=None,
                timeout=BUSY_SECONDS,
            )
        try:
            with self._errors():
                self._connection.row_factory = sqlite3.Row
                self._connection.execute("PRAGMA query_only=ON")
                refuse_foreign(self._connection, path)
                _refuse_old(self._connection, path)
        except StoreError:
            self._connection.close()
            raise

    def changed(self) -> bool:
        """Return whether another connection has committed since the last call (True on the first call)."""
        with self._errors():
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        before, self._seen = self._seen, version
        return version != before

    def studies(self) -> list[StudyRow]:
        """Return every study of the store, newest first."""
        return [StudyRow(**row) for row in self._rows(_STUDY)]

    def models(self, study: int) -> list[ModelRow]:
        """Return the models of a study, in the order of the study file, without their companions."""
        return [_model(row) for row in self._rows(_MODELS, study, "model")]

    def greedy(self, study: int) -> list[ModelRow]:
        """Return the greedy samples of a study's models, each as a model with one sample for each problem."""
        return [_model(row) for row in self._rows(_MODELS, study, "greedy")]

    def allotted(self, study: int) -> list[ModelRow]:
        """Return the further samples of a study's models where a budget was allotted, each as a model."""
        return [_model(row) for row in self._rows(_MODELS, study, "allotted")]

    def tallies(self, study: int) -> list[TallyRow]:
        """Return a row for each model and problem that has a sample; for an allotted study this reads every verdict."""
        rows = [TallyRow(**row) for row in self._rows(_TALLIES, study)]
        owners = {model.greedy_of for model in self.allotted(study)}
        return self._with_tries(rows, [owner for owner in owners if owner is not None]) if owners else rows

    def _with_tries(self, rows: list[TallyRow], models: Iterable[int]) -> list[TallyRow]:
        """Return the rows with the tries of their models' problems: samples in their order, up to the first missing."""
        tries: dict[tuple[int, str], int] = defaultdict(int)
        solved: dict[tuple[int, str], int] = {}
        for model in models:
            for row in self._rows(_ALLOTTED_TRIES, model):
                key = row["model_id"], row["problem"]
                if row["index"] == tries[key]:
                    tries[key] += 1
                    if row["passed"]:
                        solved.setdefault(key, tries[key])
        keys = [(row.model_id, row.problem) for row in rows]
        return [
            replace(row, tries=tries.get(key, 0), solved_at=solved.get(key))
            for row, key in zip(rows, keys, strict=True)
        ]

    def lengths(self, model: int) -> list[LengthRow]:
        """Return how long each scored sample of a model thought; it reads every sample."""
        return [
            LengthRow(**{**row, "cut": bool(row["cut"]), "passed": bool(row["passed"])})
            for row in self._rows(_LENGTHS, model)
        ]

    def verdict_counts(self, study: int) -> Mapping[tuple[int, str], int]:
        """Return how often (model id, verdict) came up, counting each sample's latest verdict."""
        return {(row["model_id"], row["verdict"]): row["n"] for row in self._rows(_COUNTS, study)}

    def tail(self, study: int, *, after: int = 0, limit: int = 200) -> list[TailRow]:
        """Return verdicts with an id above `after`, oldest first; with after=0 the newest `limit`, oldest first."""
        return [TailRow(**row) for row in self._latest(_TAIL, study, after, limit)]

    def events(self, study: int, *, after: int = 0, limit: int = 200) -> list[EventRow]:
        """Return the log, by the same rule as `tail`."""
        return [EventRow(**row) for row in self._latest(_EVENTS, study, after, limit)]

    def sample_keys(self, study: int) -> list[SampleKeyRow]:
        """Return every sample that the store holds."""
        return [SampleKeyRow(**row) for row in self._rows(_SAMPLE_KEYS, study)]

    def sample_indices(self, model: int, problem: int) -> set[int]:
        """Return the indices of the samples that the store holds of a model and a problem."""
        with self._errors():
            found = self._connection.execute(_SAMPLE_INDICES, (model, problem)).fetchall()
        return {row[0] for row in found}

    def pending(self, study: int, *, after: int = 0, limit: int = 200) -> list[PendingRow]:
        """Return samples without a verdict and with an id above `after`, oldest first, at most `limit`."""
        return [PendingRow(**row) for row in self._rows(_PENDING, after, study, limit)]

    def judged(self, study: int, *, after: int, last: int, limit: int = 200) -> list[JudgedRow]:
        """Return the latest verdicts with ids above `after` and up to `last`, with the facts they were made from."""
        return [JudgedRow(**row) for row in self._rows(_JUDGED, after, last, study, limit)]

    def problem_names(self, study: int) -> list[str]:
        """Return the problems of a study, in its order."""
        found = self._rows("SELECT name FROM problem WHERE study_id = ? ORDER BY position", study)
        return [row["name"] for row in found]

    def limits(self, study: int) -> str:
        """Return canonical JSON of the limits that the study's programs run under."""
        limits: str = self._rows("SELECT limits_json FROM study WHERE id = ?", study)[0]["limits_json"]
        return limits

    def last_sample(self) -> int:
        """Return the highest id of a sample; 0 without one."""
        last: int = self._rows("SELECT coalesce(max(id), 0) AS last FROM sample")[0]["last"]
        return last

    def last_verdict(self) -> int:
        """Return the highest id of a verdict; 0 without one."""
        last: int = self._rows("SELECT coalesce(max(id), 0) AS last FROM verdict")[0]["last"]
        return last

    def spec(self, study: int) -> str:
        """Return the study file, verbatim."""
        text: str = self._rows("SELECT spec_toml FROM study WHERE id = ?", study)[0]["spec_toml"]
        return text

    def failures(self, study: int) -> list[FailureRow]:
        """Return groups of samples that failed in the same way, by their latest verdicts, the largest first.

        It reads every verdict.
        """
        return [FailureRow(**row) for row in self._rows(_FAILURES, study)]

    def origin(self, study: int) -> OriginRow:
        """Return what the samples were made and judged with."""
        row = self._rows("SELECT image, limits_json, versions_json FROM study WHERE id = ?", study)[0]
        return OriginRow(
            image=row["image"], limits=json.loads(row["limits_json"]), versions=json.loads(row["versions_json"])
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with self._errors():
            return [dict(row) for row in self._connection.execute(sql, values).fetchall()]

    def _latest(self, sql: str, study: int, after: int, limit: int) -> list[dict[str, Any]]:
        if after:
            return self._rows(sql.format(order="ASC"), after, study, limit)
        return self._rows(sql.format(order="DESC"), 0, study, limit)[::-1]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Translate SQLite's exceptions into ours."""
        try:
            yield
        except sqlite3.Error as error:
            if self._path.suffix == ".toml":
                raise StoreError(
                    f"{str(self._path)!r} is a study file, and this reads a store; give the one that its run writes: "
                    f"{str(self._path.with_suffix('.db'))!r}, unless the study file says otherwise"
                ) from error
            raise StoreError(f"cannot read the store {str(self._path)!r}: {error}; {sqlite_hint(error)}") from error


def sqlite_hint(error: sqlite3.Error) -> str:
    """Return a hint, by SQLite's primary error code."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another program holds a lock on it: close that program (a database browser, a backup) and try again"
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return "make room or repair the disk, then run the same command again: it continues where it stopped"
        case sqlite3.SQLITE_CORRUPT:
            return "the file is damaged or cut short; take a whole copy of it, or begin anew with another --store"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return "if it or its folder is read-only or on a network disk, use a local folder that you may write to"
        case _:
            return "give the file that `sampler run` or `sampler import` made, or a new name"


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError if a database is no store of ours or of a newer version, StoreUnmade if it is empty."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()}
    if not tables - {BOOKS}:
        raise StoreUnmade(
            f"{str(path)!r} holds no study yet: it is only just being made, or the run that made it broke off; "
            "`sampler run` with the same study file goes on with it"
        )
    if BOOKS not in tables:
        raise StoreError(
            f"{str(path)!r} is a database but no store of codebudget; give the file that `sampler run` or "
            "`sampler import` made"
        )
    query = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"
    applied = {row[0] for row in connection.execute(query, (APPLICATION,)).fetchall()}
    if not applied:
        raise StoreError(
            f"{str(path)!r} is a database but no store of codebudget; give the file that `sampler run` or "
            "`sampler import` made"
        )
    if newer := sorted(applied - set(VERSIONS)):
        raise StoreError(
            f"{str(path)!r} was written by a newer codebudget (it has schema {', '.join(newer)}, this version knows "
            f"{', '.join(VERSIONS)}); upgrade codebudget"
        )


def _refuse_old(connection: sqlite3.Connection, path: Path) -> None:
    query = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"
    applied = {row[0] for row in connection.execute(query, (APPLICATION,)).fetchall()}
    if lacking := [name for name in VERSIONS if name not in applied]:
        raise StoreOld(
            f"{str(path)!r} was written by an older codebudget (it lacks schema {', '.join(lacking)}); "
            f"`sampler report {path}` brings it up to date and keeps everything"
        )


def _model(row: dict[str, Any]) -> ModelRow:
    known, costs = row.pop("architecture_json"), json.loads(row.pop("costs_json"))
    architecture = Architecture(**json.loads(known)) if known else None
    strategy = json.loads(row.pop("strategy_json") or "null")
    return ModelRow(**row, architecture=architecture, costs=GivenCosts(**costs), strategy=strategy)
