"""Scales, ticks and how numbers read."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sampler.plotting import (
    Scale,
    budget_ticks,
    duration,
    magnitude,
    quantity,
    rate_scale,
    rate_ticks,
    shorten_names,
)
from sampler.reporting.render import amount
from sampler.stats.budget import Unit

RATES = st.floats(0, 1)
AXES = ("log", "linear")


@given(st.floats(1e-6, 1e25), st.floats(1.001, 1e12), st.integers(20, 150), st.sampled_from(AXES))
def test_tick_labels_never_touch_and_lie_on_the_axis(low: float, ratio: float, columns: int, axis: str) -> None:
    scale = Scale(low=low, high=low * ratio, log=axis == "log")
    ticks = budget_ticks(scale, columns)
    spans = []
    for tick in (t for t in ticks if t.label):
        start = round(tick.at * (columns - 1)) - len(tick.label) // 2
        spans.append((start, start + len(tick.label)))
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    assert all(-1e-9 <= tick.at <= 1 + 1e-9 for tick in ticks)


@given(st.floats(1e-3, 1e25), st.floats(0, 1), st.sampled_from(AXES))
def test_a_scale_and_its_inverse_agree(low: float, fraction: float, axis: str) -> None:
    scale = Scale(low=low, high=low * 1000, log=axis == "log")
    assert scale.at(scale.value(fraction)) == pytest.approx(fraction, abs=1e-6)


@given(st.lists(RATES, max_size=10), st.integers(1, 40))
def test_the_rates_fit_their_axis(rates: list[float], rows: int) -> None:
    scale = rate_scale(rates)
    assert all(-1e-9 <= scale.at(rate) <= 1 + 1e-9 for rate in rates)
    assert scale.high - scale.low >= 0.2 - 1e-9
    assert all(-1e-9 <= tick.at <= 1 + 1e-9 for tick in rate_ticks(scale, rows))


@pytest.mark.parametrize("value", [0.5, 158e9, 999.6e9, 1.63e12, 3.4e30])
def test_an_amount_reads_as_in_a_report(value: float) -> None:
    assert quantity(value, "FLOPs") == amount(value, Unit.FLOPS)
    assert quantity(value, "FLOPs (2N)") == f"{amount(value, Unit.FLOPS)} (2N)"
    assert quantity(15, "seconds") == "15 seconds"
    assert quantity(1, "samples") == "1 sample"
    assert quantity(2490.4, "tokens") == amount(2490.4, Unit.TOKENS) == "2,490 tokens"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5"), (20, "20"), (3000, "3000"), (5e11, "5·10¹¹"), (1e13, "10¹³"), (2e-5, "2·10⁻⁵")],
)
def test_how_round_numbers_read(value: float, text: str) -> None:
    assert magnitude(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "61 s"), (1800, "30 min"), (7500, "2 h 5 min")]
)
def test_how_durations_read(seconds: float, text: str) -> None:
    assert duration(seconds) == text


NAMES = st.lists(st.text("abc-5.", min_size=1, max_size=30), min_size=1, max_size=6, unique=True)


@given(NAMES, st.integers(4, 30))
def test_short_names_fit_and_stay_different(names: list[str], width: int) -> None:
    short = shorten_names(names, width)
    assert all(cell_len(name) <= width for name in short)
    assert len(set(short)) == len(names)


def test_names_of_one_family_keep_what_tells_them_apart() -> None:
    names = ["qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"]
    assert shorten_names(names, 30) == names
    assert shorten_names(names, 20) == ["qwen2.5-coder-0.5b…", "qwen2.5-coder-1.5b…"]
    assert shorten_names(names, 10) == ["…0.5b…", "…1.5b…"]


def test_owners_and_tuning_go_before_sizes_do() -> None:
    names = ["meta-llama/Llama-3.1-8B-Instruct", "google/gemma-2-27b-it", "Qwen/Qwen2.5-14B-Instruct"]
    assert shorten_names(names, 16) == ["Llama-3.1-8B…", "gemma-2-27b…", "Qwen2.5-14B…"]


def test_what_only_looks_like_an_owner_stays() -> None:
    names = ["e [bold]x[/]", "<script>alert(1)</script>&", "Qwen/Qwen2.5-Coder-14B-of-somebody"]
    short = shorten_names(names, 16)
    assert short[0] == names[0]
    assert short[1].startswith("<scri")
    assert short[2].startswith("Qwen2")
