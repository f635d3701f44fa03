"""What the screen's curves say of reliability is what the report says."""

from __future__ import annotations

from math import comb

import pytest

from sampler.reporting.metrics import Metric, MetricChoice, metric_values
from sampler.stats.passk import Counts
from sampler.stats.reliability import pass_hat_k
from tui.data.curves import equal_counts
from tui.screens.curves import RELIABLE, reliability_words
from tui.widgets.plot import CurveReading

COUNTS = Counts(model="m", problems=("a", "b", "c"), scored=(6, 6, 8), passed=(0, 6, 5))


def words(metric: int, k: float | None, counts: Counts = COUNTS) -> str:
    reading = CurveReading(label="m", tone=0, rate=0.5, near=None, k=k, beyond=False, hits=equal_counts(counts))
    return reliability_words(reading, metric)


def test_all_right_is_the_mean_of_pass_hat_k_over_problems() -> None:
    for k in range(1, 7):
        by_hand = sum(pass_hat_k(n, c, k) for n, c in ((6, 0), (6, 6), (8, 5))) / 3
        assert words(0, float(k)) == f"{100 * by_hand:.1f}"
    assert words(0, 3.0) == f"{100 * (0 + 1 + comb(5, 3) / comb(8, 3)) / 3:.1f}"


@pytest.mark.parametrize("metric", range(len(RELIABLE)))
def test_every_metric_is_the_report_s(metric) -> None:
    choice = RELIABLE[metric][1]
    for value in metric_values(choice, COUNTS, None):
        said = words(metric, float(value.k))
        assert said.startswith(f"{100 * value.value:.1f}")
        if choice.metric is Metric.BAYES:
            assert said.split()[1] == f"[{100 * value.interval.low:.1f},"
    assert {choice for _, choice, _ in RELIABLE} == {MetricChoice(one) for one in Metric} - {
        MetricChoice(Metric.AT_LEAST_ONE)
    }


def test_what_is_not_defined_is_a_dash() -> None:
    assert words(0, 7.0) == "—", "one problem has six samples"
    assert words(0, None) == "—"
    assert words(2, 3.0) == "—", "mG-Pass@k is of even k"
    further = Counts(model="m", problems=("a", "b"), scored=(2, 2), passed=(0, 2), tries=(8, 2), solved_at=(None, 1))
    assert words(0, 2.0, further) == "50.0"
    assert words(0, 4.0, further) == "—", "only some problems were sampled further"
