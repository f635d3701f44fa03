"""The statements that record what rankers think, inside the transaction that the store has begun."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from sampler.store.ranking_rows import RankedRow, RankerRecord
from sampler.store.records import valid_text


def open_ranker(connection: sqlite3.Connection, record: RankerRecord) -> int:
    """The ranker's id. Values that were made with another digest are another ranker's: they go."""
    name = valid_text(record.name)
    found = connection.execute(
        "SELECT id, digest FROM ranker WHERE study_id = ? AND name = ?", (record.study, name)
    ).fetchone()
    if found is None:
        return int(
            connection.execute(
                "INSERT INTO ranker(study_id, name, digest) VALUES(?, ?, ?) RETURNING id",
                (record.study, name, record.digest),
            ).fetchone()[0]
        )
    if found[1] != record.digest:
        connection.execute("DELETE FROM ranking WHERE ranker_id = ?", (found[0],))
        connection.execute("UPDATE ranker SET digest = ? WHERE id = ?", (record.digest, found[0]))
    return int(found[0])


def add_ranked(connection: sqlite3.Connection, ranker: int, rows: Sequence[RankedRow], now: float) -> None:
    """What a ranker thinks of some samples, in the place of what it thought before."""
    connection.executemany(
        "INSERT OR REPLACE INTO ranking(sample_id, ranker_id, value, seconds, prompt_flops, flops, created_at)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        [(row.sample_id, ranker, row.value, row.seconds, row.prompt_flops, row.flops, now) for row in rows],
    )
