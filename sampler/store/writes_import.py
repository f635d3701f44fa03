"""The statements of an import: many samples in one transaction, with the same facts and the same sums as one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sampler.store import writes
from sampler.store.import_rows import Batch, ImportedModel
from sampler.store.records import OpenedModel, StudyIds, StudyRecord

BACKEND = "import"
CACHE_KB = 64 << 10

_SAMPLE = (
    "INSERT INTO sample(id, model_id, problem_id, idx, seed, completion_sha, program_sha, finish, prompt_tokens,"
    " completion_tokens, prompt_seconds, decode_seconds, prompt_flops, decode_flops, sum_logprob, prompt_shared, created_at)"
    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_COSTS = (
    "prompt_tokens", "completion_tokens", "prompt_seconds", "decode_seconds", "prompt_flops", "decode_flops",
    "prompt_joules", "decode_joules",
)  # fmt: skip
_TALLY = (
    f"INSERT INTO tally(model_id, problem_id, sampled, {', '.join(_COSTS)}) SELECT model_id, problem_id, count(*), "  # noqa: S608
    + ", ".join(f"CASE WHEN count({cost}) = count(*) THEN sum({cost}) END" for cost in _COSTS)
    + " FROM sample WHERE id > ? GROUP BY model_id, problem_id"
    " ON CONFLICT DO UPDATE SET sampled = sampled + excluded.sampled, "
    + ", ".join(f"{cost} = {cost} + excluded.{cost}" for cost in _COSTS)
)


def open_study(connection: sqlite3.Connection, record: StudyRecord, now: float) -> StudyIds:
    """The study that samples are imported into, made or found; the models and the text that it has stay as they are."""
    found = connection.execute("SELECT spec_toml FROM study WHERE name = ?", (record.name,)).fetchone()
    if found is None:
        return writes.open_study(connection, record, now)
    study = writes.known_study(connection, replace(record, spec_toml=found[0]))
    problems = connection.execute("SELECT name, id FROM problem WHERE study_id = ?", (study,)).fetchall()
    return StudyIds(study=study, models={}, problems=dict(problems))


def open_model(connection: sqlite3.Connection, study: int, model: ImportedModel) -> int:
    """The id of an imported model; raises StudyChanged if the samples held under its name are others."""
    record = model.record
    id_ = writes.add_model(connection, study, record)
    writes.model_opened(connection, OpenedModel(model_id=id_, card=model.card))
    if model.params is not None:
        connection.execute("UPDATE model SET params = ? WHERE id = ?", (model.params, id_))
    return id_


def add_batch(connection: sqlite3.Connection, batch: Batch, now: float) -> None:
    """Samples that are not held, their texts, their claims and their share of the tallies."""
    connection.execute(f"PRAGMA cache_size={-CACHE_KB}")  # the index over texts is written all over
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM sample").fetchone()
    texts = sorted(batch.texts.items())  # in the index's order
    connection.executemany("INSERT OR IGNORE INTO text(sha256, body) VALUES(?, ?)", texts)
    connection.executemany(_SAMPLE, ((last + place, *row, now) for place, row in enumerate(batch.rows, 1)))
    connection.executemany(
        "INSERT INTO claim(sample_id, passed, said) VALUES(?, ?, ?)",
        ((last + 1 + place, int(passed), said) for place, passed, said in batch.claims),
    )
    connection.execute(_TALLY, (last,))


def end_import(
    connection: sqlite3.Connection, study: int, wanted: Mapping[int, int], told: Iterable[str], now: float
) -> None:
    """Let the models want what they hold of every problem, note what was done, and that its scoring has not begun."""
    for model, samples in wanted.items():
        connection.execute("UPDATE model SET wanted = ? WHERE id = ?", (samples, model))
    for message in told:
        writes.add_event(connection, (study, "info", "imported", message, now))
