from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType

from sampler.store.player import Player
from sampler.store.reader import Reader

SAMPLES = 1_000


def rows(reader: Reader) -> tuple[object, ...]:
    """What a study adds up to, without what only this file knows."""
    return (
        sorted((t.model_id, t.problem, t.sampled, t.scored, t.passed, t.completion_tokens) for t in reader.tallies(1)),
        dict(reader.verdict_counts(1)),
        [(row.model, row.problem, row.index, row.verdict) for row in reader.tail(1, limit=SAMPLES)],
    )


def test_a_replayed_study_comes_bit_by_bit_and_ends_as_it_was(million: ModuleType, tmp_path: Path) -> None:
    source, copy = tmp_path / "study.db", tmp_path / "copy.db"
    million.make(source, SAMPLES)
    before = source.read_bytes()
    seen: list[int] = []
    with Player(source, copy, speed=SAMPLES * million.SECONDS_EACH / 1.5), Reader(copy) as reader:
        until = time.monotonic() + 30
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


def test_leaving_a_replay_ends_it_at_once(million: ModuleType, tmp_path: Path) -> None:
    source, copy = tmp_path / "study.db", tmp_path / "copy.db"
    million.make(source, SAMPLES)
    with Player(source, copy, speed=0.1):
        began = time.monotonic()
    assert time.monotonic() - began < 5
    with Reader(copy) as reader:
        assert reader.studies()[0].status == "running"
