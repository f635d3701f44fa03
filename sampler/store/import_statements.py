"""Write imports: many samples in one transaction, with the same facts and sums as one by one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sampler.costs import arch_flops
from sampler.store import statements
from sampler.store.statements import StudyChanged
from sampler.store.write_models import ImportBatch, ImportedModel, OpenedModel, StudyIds, StudyRecord
from sampler.values import Architecture

BACKEND = "import"
CACHE_KB = 64 << 10
AT_ONCE = 1000  # rows by one statement

_SAMPLE = (
    "INSERT INTO sample(id, model_id, problem_id, idx, seed, completion_sha, program_sha, finish, prompt_tokens,"
    " completion_tokens, prompt_seconds, decode_seconds, prompt_joules, decode_joules, prompt_flops,"
    " decode_flops, sum_logprob, prompt_shared,"
    " extraction, thought_sha, thought_tokens, cached_tokens, cached_flops, cache_write_tokens,"
    " created_at) VALUES"
)
_TALLY = (
    (
        f"INSERT INTO tally(model_id, problem_id, sampled, {', '.join(statements.COSTS)}) SELECT model_id, problem_id, "
        "count(*), "
    )
    + ", ".join(f"CASE WHEN count({cost}) = count(*) THEN sum({cost}) END" for cost in statements.COSTS)
    + f" FROM sample WHERE id > ? GROUP BY model_id, problem_id ON CONFLICT DO UPDATE SET {statements.ADD_COSTS}"
)


def open_study(connection: sqlite3.Connection, record: StudyRecord, now: float) -> StudyIds:
    """Find or make the study that samples are imported into; its models and its text stay as they are."""
    found = connection.execute("SELECT spec_toml FROM study WHERE name = ?", (record.name,)).fetchone()
    if found is None:
        return statements.open_study(connection, record, now)
    study = statements.known_study(connection, replace(record, spec_toml=found[0]))
    problems = connection.execute("SELECT name, id FROM problem WHERE study_id = ?", (study,)).fetchall()
    return StudyIds(study=study, models={}, problems=dict(problems), limits=statements.stored_limits(connection, study))


def open_model(connection: sqlite3.Connection, study: int, model: ImportedModel) -> tuple[int, Architecture | None]:
    """Add an imported model, and return its id and architecture; raises StudyChanged if its stored samples differ.

    The size from an earlier import stays known, and the size from this one holds for the present samples, too.
    """
    try:
        id_ = statements.add_model(connection, study, model.record)
        known, params = connection.execute(
            "SELECT architecture_json, params FROM model WHERE id = ?", (id_,)
        ).fetchone()
        statements.model_opened(connection, OpenedModel(model_id=id_, card=model.card))
    except StudyChanged as error:
        raise StudyChanged(
            f"model {model.record.name!r}: the store's samples of it are from other files, or were read in "
            "another way; give "
            "all files of a model in one command, or these another --model, --study or STORE"
        ) from error
    architecture = model.card.architecture
    if architecture is None:
        connection.execute("UPDATE model SET architecture_json = ?, params = ? WHERE id = ?", (known, params, id_))
        architecture = None if known is None else Architecture(**json.loads(known))
    if model.params is not None:
        connection.execute("UPDATE model SET params = ? WHERE id = ?", (model.params, id_))
    if architecture is not None:
        _tell_flops(connection, id_, architecture)
    return id_, architecture


def _tell_flops(connection: sqlite3.Connection, model: int, architecture: Architecture) -> None:
    """Update the FLOPs of a model's stored samples where they differ from what the architecture says."""
    held = connection.execute(
        "SELECT id, prompt_tokens, completion_tokens, cached_tokens, prompt_flops, decode_flops, cached_flops"
        " FROM sample WHERE model_id = ? AND prompt_tokens IS NOT NULL AND completion_tokens IS NOT NULL",
        (model,),
    ).fetchall()
    new = []
    for id_, prompt, completion, cached, *old in held:
        flops = arch_flops(architecture, prompt, completion, cached)
        told = [float(flops.prompt), float(flops.decode), None if flops.cached is None else float(flops.cached)]
        if old != told:
            new.append((*told, id_))
    if not new:
        return
    connection.executemany("UPDATE sample SET prompt_flops = ?, decode_flops = ?, cached_flops = ? WHERE id = ?", new)
    for cost in ("prompt_flops", "decode_flops", "cached_flops"):
        connection.execute(
            f"UPDATE tally SET {cost} = (SELECT CASE WHEN count({cost}) = count(*) THEN sum({cost}) END FROM sample"
            " WHERE sample.model_id = tally.model_id AND sample.problem_id = tally.problem_id) WHERE model_id = ?",
            (model,),
        )


def add_batch(connection: sqlite3.Connection, batch: ImportBatch, now: float) -> None:
    """Add samples that are not held, their texts, their claims and their share of the tallies."""
    connection.execute(f"PRAGMA cache_size={-CACHE_KB}")  # the index over texts is written all over
    connection.execute("PRAGMA wal_autocheckpoint=100000")
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM sample").fetchone()
    texts = sorted(batch.texts.items())  # in the index's order
    _insert(connection, "INSERT OR IGNORE INTO text(sha256, body) VALUES", texts)
    _insert(connection, _SAMPLE, [(last + place, *row, now) for place, row in enumerate(batch.rows, 1)])
    claims = [(last + 1 + place, int(passed), said) for place, passed, said in batch.claims]
    _insert(connection, "INSERT INTO claim(sample_id, passed, said) VALUES", claims)
    connection.execute(_TALLY, (last,))


def _insert(connection: sqlite3.Connection, head: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert many rows with each statement.

    SQLite works without Python's lock meanwhile, so the reader of files continues.
    """
    for at in range(0, len(rows), AT_ONCE):
        part = rows[at : at + AT_ONCE]
        places = ", ".join([f"({', '.join('?' * len(part[0]))})"] * len(part))
        connection.execute(f"{head} {places}", [value for row in part for value in row])


def end_import(
    connection: sqlite3.Connection, study: int, wanted: Mapping[int, int], told: Iterable[str], now: float
) -> None:
    """Set the wanted samples of the models to those held of every problem, and record the import's end."""
    for model, samples in wanted.items():
        connection.execute("UPDATE model SET wanted = ? WHERE id = ?", (samples, model))
    for message in told:
        statements.add_event(connection, (study, "info", "imported", message, now))
