"""Reliability tables of a report: against brute force over samples, and through the command."""

from __future__ import annotations

import csv
import json
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.reporting.metrics import Metric, MetricChoice, UnknownMetric, metric_choice, shown_ks

N = 5
PASSED = {"small": (0, 1, 3, 5, 2, 4), "large": (5, 5, 4, 0, 3, 1)}


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    path = tmp_path / "counts.json"
    told = {
        model: {"n": N, "correct": {f"p/{number}": passed for number, passed in enumerate(row)}, "flops": 1.0}
        for model, row in PASSED.items()
    }
    path.write_text(json.dumps(told))
    return path


def call(*words: object):
    return CliRunner().invoke(cli, ["report", *map(str, words)])


def by_hand(model: str, k: int, at_least: float) -> float:
    rates = []
    for passed in PASSED[model]:
        subsets = list(combinations([True] * passed + [False] * (N - passed), k))
        rates.append(sum(sum(subset) >= at_least for subset in subsets) / len(subsets))
    return sum(rates) / len(rates)


def test_the_tables_are_means_of_what_counting_subsets_gives(counts):
    done = call(counts, "--json", "--metric", "pass^k", "--metric", "g-pass@k:0.75", "--metric", "maj@k")
    assert done.exit_code == Exit.OK, done.output
    tables = {table["metric"]: table for table in json.loads(done.stdout)["metrics"]}
    needed = {"pass^k": lambda k: k, "g-pass@k:0.75": lambda k: 0.75 * k, "maj@k": lambda k: k // 2 + 1}
    assert list(tables) == list(needed)
    for name, at_least in needed.items():
        for line in tables[name]["lines"]:
            assert [value["k"] for value in line["values"]] == [1, 2, 4, 5]
            for value in line["values"]:
                k = value["k"]
                assert value["value"] == pytest.approx(by_hand(line["model"], k, at_least(k)), abs=1e-12)
                assert value["interval"]["low"] <= value["value"] <= value["interval"]["high"]


def test_bayes_is_one_value_with_a_credible_interval(counts):
    (table,) = json.loads(call(counts, "--json", "--metric", "bayes@n").stdout)["metrics"]
    assert table["credible"] is True
    for line in table["lines"]:
        (value,) = line["values"]
        assert value["k"] == N
        assert value["value"] == pytest.approx(sum((c + 1) / (N + 2) for c in PASSED[line["model"]]) / 6)


def test_the_tables_are_printed_and_written(counts, tmp_path):
    done = call(counts, "--metric", "PASS^k", "--metric", "bayes@n", "--csv", tmp_path / "out")
    words = " ".join(done.output.split())  # a title may be broken into lines
    assert "pass^k in %, over the compared problems (intervals for new problems of the kind)" in words
    assert "credible intervals, for these problems" in words
    for table in json.loads(call(counts, "--json", "--metric", "pass^k", "--metric", "bayes@n").stdout)["metrics"]:
        for line in table["lines"]:
            told = [f"{of['k']} {100 * of['value']:.1f} [" for of in line["values"]]
            assert f"{line['model']} {told[0]}" in words
            assert all(one in words for one in told), "values are whole in a narrow terminal, too"
    rows = list(csv.DictReader((tmp_path / "out" / "metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["metric"] for row in rows} == {"pass^k", "bayes@n"}
    assert {row["interval"] for row in rows if row["metric"] == "bayes@n"} == {"credible"}
    call(counts, "--csv", tmp_path / "plain")
    assert not (tmp_path / "plain" / "metrics.csv").exists()


@pytest.mark.parametrize("name", ["pass@", "pass^k:0.5", "g-pass@k:2", "g-pass@k:much", "g-pass@k:1/0", ""])
def test_an_unknown_metric_is_a_usage_error(counts, name):
    with pytest.raises(UnknownMetric):
        metric_choice(name)
    assert call(counts, "--metric", name).exit_code == Exit.USAGE


def test_ks_are_doublings_and_all_and_those_of_the_mean_over_thresholds_even():
    assert shown_ks(Metric.ALL_OF_K, 10) == (1, 2, 4, 8, 10)
    assert shown_ks(Metric.ALL_OF_K, 8) == (1, 2, 4, 8)
    assert shown_ks(Metric.MEAN_SHARE, 5) == (2, 4)
    assert shown_ks(Metric.MEAN_SHARE, 1) == ()
    assert MetricChoice(Metric.SHARE).label == "g-pass@k:0.5"
