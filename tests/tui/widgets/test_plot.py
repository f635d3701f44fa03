from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.data.snapshot import Series
from tui.widgets.canvas import CellKind, Label, Rectangle, Span, place_labels
from tui.widgets.plot import STAR, Options, layout, mark, reading, readings

SIZES = st.tuples(st.integers(0, 120), st.integers(0, 40))
RATES = st.floats(0, 1)
AXES = ("log", "linear")


@st.composite
def any_series(draw: st.DrawFn, tone: int = 0) -> Series:
    count = draw(st.integers(0, 12))
    costs = draw(
        st.lists(st.floats(1e-3, 1e24), min_size=count + 1, max_size=count + 1, unique_by=lambda x: f"{x:.6e}")
    )
    *xs, end = sorted(costs)
    ys = tuple(draw(st.lists(RATES, min_size=count, max_size=count)))
    band = draw(st.booleans())
    return Series(
        label=draw(st.text(max_size=30)),
        tone=tone,
        xs=tuple(xs),
        ys=ys,
        end=end,
        thin=draw(st.none() | st.integers(0, count - 1)) if count else None,
        low=tuple(y * 0.8 for y in ys) if band else (),
        high=tuple(y + (1 - y) * 0.2 for y in ys) if band else (),
        ks=tuple(float(k) for k in range(1, count + 1)),
        star=draw(st.none() | st.tuples(st.floats(1e-3, 1e24), RATES)),
    )


@st.composite
def many_series(draw: st.DrawFn) -> list[Series]:
    return [draw(any_series(tone)) for tone in range(draw(st.integers(0, 6)))]


OPTIONS = st.builds(
    Options,
    log=st.booleans(),
    bands=st.frozensets(st.integers(0, 8), max_size=2),
    dashes=st.booleans(),
    selected=st.none() | st.integers(0, 8),
    rule=st.none() | st.floats(1e-6, 1e27),
)


def words(row: tuple[Span, ...]) -> str:
    return "".join(span.text for span in row)


def rising(count: int, tone: int = 0, label: str = "model") -> Series:
    ys = tuple(1 - 0.7**k for k in range(1, count + 1))
    return Series(
        label=label,
        tone=tone,
        xs=tuple(1e12 * k for k in range(1, count + 1)),
        ys=ys,
        end=1e12 * (count + 1),
        low=tuple(y - 0.05 for y in ys),
        high=tuple(y + 0.04 for y in ys),
        ks=tuple(float(k) for k in range(1, count + 1)),
    )


@settings(max_examples=150)
@given(many_series(), SIZES, OPTIONS)
def test_a_picture_has_its_size_whatever_is_drawn(
    series: list[Series], size: tuple[int, int], options: Options
) -> None:
    plot = layout(series, size, options)
    assert len(plot.rows) == size[1]
    assert all(cell_len(words(row)) == size[0] for row in plot.rows)


@settings(max_examples=60)
@given(st.lists(RATES, min_size=1, max_size=15), st.integers(40, 100), st.integers(8, 30), st.sampled_from(AXES))
def test_a_curve_that_never_falls_has_no_falling_pixels(rates: list[float], width: int, height: int, axis: str) -> None:
    ys = tuple(sorted(rates))
    xs = tuple(3.0 * k for k in range(1, len(ys) + 1))
    one = Series(label="m", tone=0, xs=xs, ys=ys, end=xs[-1] + 3)
    rows = layout([one], (width, height), Options(log=axis == "log")).rows
    heights: dict[int, int] = {}
    for y, row in enumerate(rows):
        x = 0
        for span in row:
            if span.style.kind is CellKind.LINE:
                for offset in range(len(span.text)):
                    heights.setdefault(x + offset, y)
            x += len(span.text)
    tops = [heights[column] for column in sorted(heights)]
    assert tops == sorted(tops, reverse=True)


@given(st.data())
def test_labels_never_stand_on_each_other(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 10))
    height = data.draw(st.integers(1, 12))
    wanted = [
        Label(
            text=" " + "x" * data.draw(st.integers(1, 12)),
            away=" + " + "x" * data.draw(st.integers(1, 12)),
            column=data.draw(st.integers(0, 30)),
            row=data.draw(st.integers(0, height - 1)),
            tone=tone,
        )
        for tone in range(count)
    ]
    box = Rectangle(column=5, row=0, width=6, height=2)
    placed = place_labels(wanted, height, lambda x, y: (x + y) % 7 == 0, [box])
    for one, other in combinations(placed, 2):
        assert one.row != other.row or one.end <= other.column or other.end <= one.column
    assert all(0 <= label.row < height and not box.meets(label) for label in placed)
    assert len({label.tone for label in placed}) == len(placed)


@settings(max_examples=60)
@given(st.floats(1e10, 1e16), RATES, st.sampled_from(AXES))
def test_a_greedy_sample_is_a_star_at_its_own_budget_and_rate(budget: float, rate: float, axis: str) -> None:
    one = replace(rising(5, tone=2), star=(budget, rate))
    plot = layout([one, rising(7, tone=1)], (90, 24), Options(log=axis == "log"))
    found = [(x, y) for y, row in enumerate(map(words, plot.rows)) for x, char in enumerate(row) if char == STAR]
    assert len(found) == 1
    x, y = found[0]
    assert words(plot.rows[y])[x + 1] == mark(2)
    assert plot.budgets is not None
    assert x == plot.left + min(plot.width - 1, int(plot.budgets.at(budget) * plot.width))
    assert reading(one, 1e9).star == (budget, rate)


def test_two_curves_with_the_same_end_have_both_names_in_the_picture() -> None:
    series = [rising(5, 0, "alpha"), rising(5, 1, "beta")]
    text = "\n".join(map(words, layout(series, (90, 20), Options(selected=0)).rows))
    assert " alpha" in text
    assert " beta" in text


def test_the_readout_is_sorted_by_rate_and_tells_k() -> None:
    series = [rising(4, 0, "few"), rising(9, 1, "many")]
    rows = [words(row) for row in layout(series, (100, 24), Options(selected=0, rule=8.5e12)).rows]
    first = next(n for n, row in enumerate(rows) if "at 8.5 TFLOP" in row)
    assert "many" in rows[first + 1]
    assert "k=8" in rows[first + 1]
    assert "few" in rows[first + 2]
    assert "≥76.0" in rows[first + 2]


def banded(*tones: int) -> set[int]:
    """The tones whose bands are seen where the bands of `tones` are wanted."""
    rows = layout([rising(9, 0), rising(5, 1)], (80, 20), Options(selected=1, bands=frozenset(tones))).rows
    edges = {span.style.tone for row in rows for span in row if span.style.kind is CellKind.BAND}
    return edges | {span.style.band for row in rows for span in row if span.style.band >= 0}


def test_only_the_wanted_bands_are_filled() -> None:
    assert banded() == set()
    assert banded(1) == {1}
    assert banded(0, 1) == {0, 1}


def test_without_colours_series_differ_by_mark_and_by_dashes() -> None:
    pictures = set()
    for tone in range(8):
        rows = layout([rising(5, tone, "m")], (80, 20), Options(dashes=True)).rows
        pictures.add(tuple(words(row) for row in rows))
        assert mark(tone) in "".join(map(words, rows))
    assert len(pictures) == 8


def test_the_rule_moves_by_whole_columns_and_stays_inside() -> None:
    plot = layout([rising(9)], (100, 20), Options())
    budget = 3e12
    right = plot.moved(budget, 1)
    assert right > budget
    assert plot.moved(right, -1) < right
    assert plot.moved(plot.moved(right, 1), -1) == pytest.approx(right)
    assert plot.moved(budget, 10_000) <= plot.budgets.high
    assert plot.moved(budget, -10_000) >= plot.budgets.low
    assert plot.budget_at(plot.left + 10) == pytest.approx(plot.moved(plot.budget_at(plot.left + 9), 1))
    assert plot.budget_at(0) is None


def test_what_a_curve_says_below_at_and_beyond_its_steps() -> None:
    one = rising(4)
    assert reading(one, 0.5e12).rate is None
    assert reading(one, 2e12).rate == pytest.approx(1 - 0.7**2)
    assert reading(one, 4.9e12).beyond is False
    assert reading(one, 5e12).beyond is True
    assert [r.rate is None for r in readings([one, rising(2, 1)], 0.5e12)] == [True, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"xs": (1.0, 1.0), "ys": (0.1, 0.2)},
        {"xs": (1.0,), "ys": ()},
        {"xs": (1.0, math.inf), "ys": (0.1, 0.2)},
        {"xs": (1.0, 9.0), "ys": (0.1, 0.2)},
    ],
)
def test_a_series_that_is_no_step_curve_is_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="broken: "):
        Series(label="broken", tone=0, end=5.0, **wrong)


def test_a_name_of_wide_letters_stands_whole_at_the_end_of_its_line() -> None:
    plot = layout([rising(4, label="模型-编码器")], (80, 12), Options())
    assert any(" 模型-编码器" in words(row) for row in plot.rows)
    assert all(cell_len(words(row)) == 80 for row in plot.rows)
