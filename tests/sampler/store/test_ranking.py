from __future__ import annotations

import math
import sqlite3

import pytest

from sampler.store.sample_readers import RankingReader
from sampler.store.write_models import RankedRow, RankerRecord
from sampler.store.writer import Store
from sandbox.values import Verdict


@pytest.fixture
def filled(tmp_path, support):
    """A store with three samples of one problem, the last without a verdict."""
    path = tmp_path / "s.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        model, problem = ids.models["small"], ids.problems["P/0"]
        for index in range(3):
            store.add_sample(support.sample_record(model, problem, index, f"    return {index}\n"))
        for index, verdict in enumerate([Verdict.WRONG, Verdict.PASSED]):
            store.add_verdict(support.verdict_record(model, problem, index, verdict))
    return path, ids


def digest_of(path, name):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT digest FROM ranker WHERE name = ?", (name,)).fetchone()[0]


def test_only_samples_with_a_verdict_are_ranked(filled):
    path, ids = filled
    with RankingReader(path) as reader:
        rows = reader.rankable(ids.models["small"], ids.problems["P/0"], facts=True)
        assert [(row.index, row.verdict, row.completion) for row in rows] == [
            (0, "WRONG", "    return 0\n"),
            (1, "PASSED", "    return 1\n"),
        ]
        assert [problem.name for problem in reader.problems(ids.study)] == ["P/0", "P/1"]
        assert reader.sampling(ids.study) == {ids.models["small"]: "{}"}


def test_what_a_ranker_thinks_takes_the_place_of_what_it_thought(filled):
    path, ids = filled
    model, problem = ids.models["small"], ids.problems["P/0"]
    record = RankerRecord(study=ids.study, name="mean-logprob@big", digest="d1")
    with Store(path) as store, RankingReader(path) as reader:
        ranker = store.open_ranker(record)
        store.add_ranked(
            ranker, [RankedRow(sample_id=1, value=-math.inf), RankedRow(sample_id=2, value=1.5, flops=None)]
        )
        store.add_ranked(ranker, [RankedRow(sample_id=2, value=2.5, seconds=0.5)])
        assert store.open_ranker(record) == ranker
        store.flush()
        ranked = reader.ranked(ids.study, "mean-logprob@big", model, problem)
        assert (ranked[1].value, ranked[2].value, ranked[2].seconds, ranked[2].flops) == (-math.inf, 2.5, 0.5, 0.0)
        assert digest_of(path, "mean-logprob@big") == "d1"


def test_values_made_with_another_model_or_file_are_forgotten(filled):
    path, ids = filled
    with Store(path) as store, RankingReader(path) as reader:
        ranker = store.open_ranker(RankerRecord(study=ids.study, name="external", digest="d1"))
        store.add_ranked(ranker, [RankedRow(sample_id=1, value=1.0)])
        assert store.open_ranker(RankerRecord(study=ids.study, name="external", digest="d2")) == ranker
        assert reader.ranked(ids.study, "external", ids.models["small"], ids.problems["P/0"]) == {}
        store.flush()
        assert digest_of(path, "external") == "d2"
