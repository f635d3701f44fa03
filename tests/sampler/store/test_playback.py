from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import astuple
from pathlib import Path
from types import ModuleType

from sampler.store.playback import Player
from sampler.store.reader import Reader

SAMPLES = 1_000


def rows(reader: Reader) -> tuple[object, ...]:
    """What a study adds up to, without what only this file knows."""
    return (
        sorted(tuple(round(x, 6) if isinstance(x, float) else x for x in astuple(row)) for row in reader.tallies(1)),
        dict(reader.verdict_counts(1)),
        [(row.model, row.problem, row.index, row.verdict) for row in reader.tail(1, limit=SAMPLES)],
    )


def test_a_replayed_study_comes_bit_by_bit_and_ends_as_it_was(million: ModuleType, tmp_path: Path) -> None:
    source, copy = tmp_path / "study.db", tmp_path / "copy.db"
    million.make(source, SAMPLES)
    before = source.read_bytes()
    seen: list[int] = []
    with Player(source, copy, speed=SAMPLES * million.SECONDS_EACH / 3), Reader(copy) as reader:
        until = time.monotonic() + 300
        while reader.studies()[0].status != "done":
            assert time.monotonic() < until, seen
            study = reader.studies()[0]
            assert study.status in {"running", "done"}
            seen.append(study.scored)
            time.sleep(0.05)
        with Reader(source) as original:
            assert rows(reader) == rows(original)
            assert reader.studies()[0].wanted == original.studies()[0].wanted
        newest = reader.tail(1, limit=1)[0]
        assert abs(newest.at - time.time()) < 60, "times are those of now"
    assert seen == sorted(seen)
    assert len(set(seen)) > 3, "it came bit by bit"
    assert source.read_bytes() == before


def test_a_replay_has_the_costs_of_its_source_and_what_is_unknown_there_is_no_zero(
    million: ModuleType, tmp_path: Path
) -> None:
    """Joules of every sample but one, CPU seconds of every verdict.

    The tokens of one problem lack one sample's.
    """
    source, copy = tmp_path / "study.db", tmp_path / "copy.db"
    million.make(source, SAMPLES)
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE sample SET prompt_joules = 1.5, decode_joules = 2.5 WHERE id > 1")
        connection.execute("UPDATE sample SET completion_tokens = NULL WHERE id = 2")
        for cost in ("prompt_joules", "decode_joules", "completion_tokens"):
            connection.execute(
                f"UPDATE tally SET {cost} = (SELECT CASE WHEN count({cost}) = count(*) THEN sum({cost}) END FROM "
                "sample s"
                " WHERE (s.model_id, s.problem_id) = (tally.model_id, tally.problem_id))"
            )
    with Player(source, copy, speed=1e9), Reader(copy) as reader:
        until = time.monotonic() + 30
        while reader.studies()[0].status != "done":
            assert time.monotonic() < until
            time.sleep(0.05)
        with Reader(source) as original:
            assert rows(reader) == rows(original)
        held = reader.tallies(1)
    assert sum(row.cpu_s for row in held) > 0
    assert sum(row.prompt_joules is None for row in held) == 1
    assert sum(row.completion_tokens is None for row in held) == 1


def test_leaving_a_replay_ends_it_at_once(million: ModuleType, tmp_path: Path) -> None:
    source, copy = tmp_path / "study.db", tmp_path / "copy.db"
    million.make(source, SAMPLES)
    with Player(source, copy, speed=0.1):
        began = time.monotonic()
    assert time.monotonic() - began < 60
    with Reader(copy) as reader:
        assert reader.studies()[0].status == "running"
