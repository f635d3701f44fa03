"""How long a study still takes: never a wild number, and no more certain than the last minutes were."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.running.displays import Forecast, PlainLines, TimeLeft
from sampler.running.progress import ModelProgress, Progress


def at(**scored: int) -> Progress:
    """A study of models that want 1000 each."""
    return Progress(
        study="s",
        models=tuple(
            ModelProgress(name=name, wanted=1000, sampled=done, scored=done, verdicts=done, passed=0)
            for name, done in scored.items()
        ),
    )


def seen(*steps: tuple[float, dict[str, int]]) -> tuple[Forecast, Progress]:
    forecast, progress = Forecast(), at()
    for now, scored in steps:
        progress = at(**scored)
        forecast.see(now, progress)
    return forecast, progress


def steady(seconds: int, rate: float, start: int = 0) -> list[tuple[float, dict[str, int]]]:
    return [(float(now), {"a": start + int(rate * now)}) for now in range(seconds + 1)]


def test_a_steady_pace_gives_about_one_number():
    forecast, progress = seen(*steady(100, 4))
    left = forecast.left(progress)
    assert left.low == pytest.approx(150, rel=0.05)
    assert left.high == pytest.approx(150, rel=0.05)
    assert left.words.startswith("about ")


@pytest.mark.parametrize("steps", [steady(0, 1), steady(9, 4), steady(60, 0.1), [(0.0, {"a": 0}), (0.5, {"a": 500})]])
def test_at_the_start_nothing_is_said(steps):
    forecast, progress = seen(*steps)
    assert forecast.left(progress) is None


def test_what_an_earlier_run_left_is_no_pace():
    forecast, progress = seen(*[(float(now), {"a": 900}) for now in range(600)])
    assert forecast.left(progress) is None
    forecast, progress = seen(
        *[(float(n), {"a": 500}) for n in range(600)], *[(600.0 + n, {"a": 500 + n}) for n in range(61)]
    )
    assert forecast.left(progress).low == pytest.approx(440, rel=0.05)  # the idle ten minutes do not count


def test_an_uneven_pace_gives_an_interval_that_holds_both_speeds():
    slow = [(float(n), {"a": n}) for n in range(101)]
    fast = [(100.0 + n, {"a": 100 + 4 * n}) for n in range(1, 101)]
    forecast, progress = seen(*slow, *fast)
    left = forecast.left(progress)
    assert left.low <= 500 / 4 * 1.05
    assert left.high >= 500 * 0.95
    assert " to " in left.words


def test_a_study_that_stalls_says_only_how_long_at_least():
    forecast, progress = seen(*steady(100, 4), *[(100.0 + n, {"a": 400}) for n in range(1, 200)])
    left = forecast.left(progress)
    assert left.high is None
    assert left.words.startswith("more than ")


def test_a_model_that_has_not_begun_leaves_the_end_open():
    forecast, progress = seen(*[(now, {**scored, "b": 0}) for now, scored in steady(100, 4)])
    left = forecast.left(progress)
    assert (left.low, left.high) == (pytest.approx(150, rel=0.05), None)
    assert left.words == "more than 2 min left, and 1 model to come"


def test_a_greedy_companion_goes_as_fast_as_its_model_did():
    forecast, progress = seen(*[(now, {**scored, "a (greedy)": 0}) for now, scored in steady(100, 4)])
    left = forecast.left(progress)
    assert left.high == pytest.approx(150 + 250, rel=0.05)


def test_only_the_last_minutes_count():
    slow = [(float(n), {"a": n // 10}) for n in range(1000)]
    fast = [(1000.0 + n, {"a": 100 + n}) for n in range(400)]
    forecast, progress = seen(*slow, *fast)
    left = forecast.left(progress)
    assert left.high == pytest.approx(501, rel=0.05)


@given(
    steps=st.lists(st.tuples(st.floats(0.1, 400), st.integers(0, 60)), max_size=40),
)
def test_bounds_are_in_order_and_never_negative(steps):
    forecast, progress, now, done = Forecast(), at(a=0), 0.0, 0
    forecast.see(now, progress)
    for seconds, more in steps:
        now, done = now + seconds, min(1000, done + more)
        progress = at(a=done)
        forecast.see(now, progress)
    left = forecast.left(progress)
    if left is not None:
        assert left.low >= 0
        assert left.high is None or left.low <= left.high * (1 + 1e-9)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (10.0, 11.0, "about 10 s left"),
        (60.0, 600.0, "60 s to 10 min left"),
        (7200.0, None, "more than 2 h 0 min left"),
        (86400.0 * 20, 86400.0 * 40, "20 days to 40 days left"),
    ],
)
def test_words_for_people(low, high, words):
    assert TimeLeft(low=low, high=high).words == words


def test_progress_lines_say_unknown_first_and_then_how_long():
    out, now = io.StringIO(), 0.0
    lines = PlainLines(out, clock=lambda: now)
    for second in range(200):
        now = float(second)
        lines(at(a=4 * second))
    written = out.getvalue().splitlines()
    assert "time left unknown" in written[0]
    assert "about " in written[-1]
    now = 250.0
    lines(at(a=1000))
    assert "left" not in out.getvalue().splitlines()[-1]
