from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.stats.budget import Unit
from sampler.stats.passk import pass_at_k
from sampler.store.read_models import EventRow, ModelRow, StudyRow, TailRow, TallyRow
from sampler.store.reader import Reader
from tui.data.curves import CurveRequest, available_units, curves_of
from tui.data.snapshot import Snapshot
from tui.progress import GAP, RunState, eta, fitted, header_parts, pace, run_state, spent_flops
from tui.screens.curves import plot_title
from tui.screens.samples import columns_for
from tui.text import Severity, next_unit
from tui.view_state import ViewState, default_rule, rule_of
from tui.widgets.list_table import lay_out
from tui.widgets.models_table import VerdictCount, folded, model_lines, verdict_counts
from tui.widgets.tail import tail_line, tail_rows

NOW = 10_000.0
STUDY = StudyRow(
    id=1,
    uid="u",
    name="toy",
    problems_source="toy",
    problems_digest="d",
    seed=0,
    status="running",
    host="here",
    pid=7,
    created_at=NOW - 100,
    started_at=NOW - 100,
    heartbeat_at=NOW - 1,
    ended_at=None,
    exit_reason=None,
    problems=2,
    wanted=8,
    sampled=4,
    scored=4,
)


def model(number: int, name: str = "m", wanted: int = 2) -> ModelRow:
    return ModelRow(
        id=number, name=name, backend="b", engine=None, digest=None, architecture=None, params=None, wanted=wanted
    )


def tally(owner: int, problem: str, scored: int = 2, passed: int = 1, seconds: float = 2.0) -> TallyRow:
    return TallyRow(
        model_id=owner,
        problem=problem,
        sampled=scored,
        scored=scored,
        passed=passed,
        prompt_tokens=10 * scored,
        completion_tokens=20 * scored,
        prompt_seconds=0.0,
        decode_seconds=seconds * scored,
        prompt_flops=0.0,
        decode_flops=0.0,
    )


def verdict(number: int, at: float, seconds: float = 2.0, message: str | None = None) -> TailRow:
    return TailRow(
        id=number,
        at=at,
        model_id=1,
        model="m",
        problem="p",
        index=0,
        verdict="WRONG",
        completion_tokens=20,
        seconds=seconds,
        flops=None,
        cpu_s=0.0,
        error_type="ValueError" if message else None,
        error_message=message,
    )


def make_snapshot(**changes: object) -> Snapshot:
    fields: dict[str, object] = {
        "study": STUDY,
        "models": (model(1), model(2)),
        "tallies": (tally(1, "p"), tally(1, "q")),
        "counts": {(1, "PASSED"): 2, (1, "WRONG"): 1, (1, "TIMEOUT"): 1},
        "tail": (),
        "events": (),
        "curves": None,
        "units": (),
        "read_at": NOW,
    }
    return Snapshot(**{**fields, **changes})


@pytest.mark.parametrize(
    ("status", "silence", "gone", "found"),
    [
        ("created", 500, False, RunState.WAITING),
        ("running", 1, False, RunState.RUNNING),
        ("running", 29, False, RunState.RUNNING),
        ("running", 31, False, RunState.STALE),
        ("running", 31, True, RunState.CRASHED),
        ("running", 8, True, RunState.CRASHED),
        ("running", 1, True, RunState.RUNNING),  # it beat a second ago: then it is not this machine's process
        ("done", 9999, True, RunState.DONE),
        ("failed", 9999, True, RunState.FAILED),
        ("interrupted", 9999, True, RunState.INTERRUPTED),
    ],
)
def test_how_a_study_stands(status: str, silence: float, gone: object, found: RunState) -> None:
    study = replace(STUDY, status=status, heartbeat_at=NOW - silence)
    assert run_state(study, NOW, process_gone=bool(gone)) is found


def test_a_pace_needs_several_verdicts_of_the_last_minutes() -> None:
    assert pace([verdict(n, NOW - 4 + n) for n in range(4)], NOW) is None
    assert pace([verdict(n, NOW - 4000 + n) for n in range(40)], NOW) is None
    found = pace([verdict(n, NOW - 20 + n) for n in range(11)], NOW)
    assert found is not None
    assert found.per_second == pytest.approx(10 / 20)
    assert found.stretch == pytest.approx(20 / (10 * 2.0))


def test_an_eta_uses_each_models_own_cost_and_says_when_one_has_not_begun() -> None:
    tail = tuple(verdict(n, NOW - 20 + 2 * n) for n in range(11))
    models = (model(1, wanted=4), model(2, wanted=4))
    begun = make_snapshot(models=models, tallies=(tally(1, "p"), tally(1, "q"), tally(2, "p", seconds=6.0)), tail=tail)
    found = eta(begun, NOW)
    assert found is not None
    assert found.rough is False
    assert found.seconds == pytest.approx((4 * 2.0 + 6 * 6.0) * 1.0)
    guessed = eta(make_snapshot(models=models, tail=tail), NOW)
    assert guessed is not None
    assert guessed.rough is True


def test_a_complete_study_has_no_eta() -> None:
    tail = tuple(verdict(n, NOW - 20 + 2 * n) for n in range(11))
    assert eta(make_snapshot(models=(model(1),), tail=tail), NOW) is None


def test_a_models_line_tells_progress_and_pass_at_1_or_nothing() -> None:
    first, second = model_lines(make_snapshot(tallies=(tally(1, "p", 2, 1), tally(1, "q", 1, 1))), None)
    assert first.done == pytest.approx(3 / 4)
    assert first.pass_1 == pytest.approx((1 / 2 + 1 / 1) / 2)
    assert first.at_rule is None
    assert (second.done, second.pass_1) == (0.0, None)


def test_bars_begin_with_passed_and_sum_to_one() -> None:
    found = verdict_counts(make_snapshot(), 1)
    assert found[0].verdict == "PASSED"
    assert sum(bar.share for bar in found) == pytest.approx(1)
    assert verdict_counts(make_snapshot(), 2) == []


@given(st.lists(st.integers(1, 50), max_size=12), st.integers(0, 12))
def test_folding_bars_loses_no_count(counts: list[int], rows: int) -> None:
    total = sum(counts)
    found = [VerdictCount(verdict=f"V{n}", count=count, share=count / total) for n, count in enumerate(counts)]
    kept = folded(found, rows)
    assert len(kept) <= rows
    if rows:
        assert sum(bar.count for bar in kept) == total


def test_the_tail_is_in_order_of_time_and_harmless() -> None:
    event = EventRow(id=1, at=NOW - 5, level="warning", kind="box", message="lost\x1b[2J [bold]box")
    snapshot = make_snapshot(tail=(verdict(1, NOW - 9), verdict(2, NOW - 1, message="a\x1b]0;x\x07")), events=(event,))
    lines = [tail_line(row, {1: (0, "short")}) for row in tail_rows(snapshot)]
    assert [line.at for line in lines] == [NOW - 9, NOW - 5, NOW - 1]
    assert "\x1b" not in "".join(line.text for line in lines)
    assert lines[1].text == "box: lost␛[2J [bold]box"
    assert lines[1].severity is Severity.WARN
    assert lines[2].text.startswith("short p #0")


@given(st.integers(0, 200))
def test_a_heading_fits_and_keeps_how_the_study_stands_longest(width: int) -> None:
    parts = header_parts(make_snapshot(), NOW)
    kept = fitted(parts, width)
    assert len(GAP.join(part.text for part in kept)) <= max(width, 0)
    if width >= len("● RUNNING"):
        assert "RUNNING" in GAP.join(part.text for part in kept)


def test_a_crashed_study_says_since_when_and_a_failed_one_why() -> None:
    crashed = make_snapshot(study=replace(STUDY, heartbeat_at=NOW - 65), process_gone=True)
    assert "✗ CRASHED 65 s ago" in [part.text for part in header_parts(crashed, NOW)]
    failed = make_snapshot(study=replace(STUDY, status="failed", exit_reason="disk full\x1b[0m"))
    assert "✗ FAILED: disk full␛[0m" in [part.text for part in header_parts(failed, NOW)]


def test_further_samples_of_an_allotted_budget_are_told() -> None:
    plain = make_snapshot()
    rows = (*plain.tallies, tally(9, "a", scored=3), tally(9, "b", scored=5))
    told = replace(plain, allotted=(replace(model(9, "m (allotted)", wanted=0), greedy_of=1),), tallies=rows)
    assert "+8 allotted" in [part.text for part in header_parts(told, NOW)]
    assert not any("allotted" in part.text for part in header_parts(plain, NOW))


@pytest.mark.parametrize(
    ("thought", "width", "shown"), [(40, 84, True), (40, 80, False), (0, 140, False), (0, 142, True)]
)
def test_how_long_a_sample_thought_has_a_column_where_models_think(thought: int, width: int, shown: bool) -> None:
    columns = columns_for([tally(1, "a"), replace(tally(1, "b"), thought_tokens=thought)])
    assert ("think" in [place.column.label for place in lay_out(columns, width)]) is shown


def test_samples_without_a_verdict_are_told() -> None:
    words = [part.text for part in header_parts(make_snapshot(study=replace(STUDY, sampled=7)), NOW)]
    assert "4/8 50%" in words
    assert "3 to score" in words


def test_a_pause_tells_what_came_meanwhile() -> None:
    assert "‖ PAUSED +12" in [part.text for part in header_parts(make_snapshot(), NOW, paused=12)]


def test_a_prompt_read_for_several_samples_is_spent_once() -> None:
    row = replace(tally(1, "p"), prompt_flops=10.0, decode_flops=6.0)
    assert spent_flops([row]) == 10.0 / 2 + 6.0


def test_units_that_nobody_measured_are_skipped() -> None:
    assert next_unit(Unit.FLOPS, (Unit.SECONDS, Unit.SAMPLES)) is Unit.SECONDS
    assert next_unit(Unit.SECONDS, (Unit.SECONDS, Unit.SAMPLES)) is Unit.SAMPLES
    assert next_unit(Unit.SAMPLES, (Unit.SECONDS, Unit.SAMPLES)) is Unit.SECONDS
    assert next_unit(Unit.SECONDS, (Unit.SECONDS,)) is Unit.SECONDS
    assert available_units(make_snapshot()) == (Unit.SECONDS, Unit.TOKENS, Unit.SAMPLES)


def test_curves_are_the_samplers_statistics(finished: object) -> None:
    with Reader(finished) as reader:
        study = reader.studies()[0]
        models, tallies = reader.models(study.id), reader.tallies(study.id)
    snapshot = make_snapshot(study=study, models=tuple(models), tallies=tuple(tallies))
    curves = curves_of(snapshot, CurveRequest())
    assert curves.unit is Unit.FLOPS
    assert curves.problems == (8, 8, 8)
    for one, row in zip(curves.series, models, strict=True):
        own = [t for t in tallies if t.model_id == row.id]
        for k, rate in zip(one.ks, one.ys, strict=True):
            assert rate == pytest.approx(sum(pass_at_k(t.scored, t.passed, int(k)) for t in own) / len(own))
        each = sum((t.prompt_flops + t.decode_flops) / t.sampled for t in own) / len(own)
        assert one.xs == pytest.approx([k * each for k in one.ks])
        assert all(low <= y <= high for low, y, high in zip(one.low, one.ys, one.high, strict=True))
    rule = default_rule(curves)
    assert rule is not None
    assert all(one.xs[0] <= rule < one.end for one in curves.series)
    assert "8 problems" in plot_title(replace(snapshot, curves=curves))


def test_the_first_rule_stands_where_no_curve_has_ended(finished: object) -> None:
    with Reader(finished) as reader:
        study = reader.studies()[0]
        models, tallies = reader.models(study.id), reader.tallies(study.id)
    dear = [
        replace(row, decode_flops=50 * (row.decode_flops or 0)) if row.model_id == models[2].id else row
        for row in tallies
    ]
    curves = curves_of(make_snapshot(study=study, models=tuple(models), tallies=tuple(dear)), CurveRequest())
    ends, begins = [one.end for one in curves.series], [one.xs[0] for one in curves.series]
    assert begins[2] > min(ends), "a sample of the third costs more than all of the first"
    rule = default_rule(curves)
    assert rule is not None
    assert rule < min(ends)
    assert rule >= begins[1], "two models can be compared there"


def test_a_budget_of_another_unit_waits_for_the_curves_of_that_unit() -> None:
    snapshot = make_snapshot(units=(Unit.FLOPS, Unit.SECONDS))
    snapshot = replace(snapshot, curves=curves_of(snapshot, CurveRequest(unit=Unit.SECONDS)))
    assert snapshot.curves is not None
    assert snapshot.curves.unit is Unit.SECONDS
    asked = ViewState(rule=1e12, curves=CurveRequest(unit=Unit.FLOPS))
    assert rule_of(asked, snapshot) == default_rule(snapshot.curves), "and not 1e12 seconds"
    assert rule_of(replace(asked, curves=CurveRequest(unit=Unit.SECONDS)), snapshot) == 1e12
    assert rule_of(asked, replace(snapshot, units=(Unit.SECONDS,))) == 1e12


def test_models_are_compared_on_shared_problems_unless_asked_otherwise() -> None:
    rows = tuple(tally(1, f"p{n}") for n in range(6)) + tuple(tally(2, f"p{n}") for n in range(3))
    snapshot = make_snapshot(tallies=rows)
    shared = curves_of(snapshot, CurveRequest(unit=Unit.SECONDS))
    assert (shared.problems, shared.shared) == ((3, 3), True)
    own = curves_of(snapshot, CurveRequest(unit=Unit.SECONDS, shared=False))
    assert (own.problems, own.shared) == ((6, 3), False)
    assert "per problem · interim · each on its own problems: 6, 3" in plot_title(replace(snapshot, curves=own))


def test_a_model_that_has_finished_no_problem_has_no_curve() -> None:
    curves = curves_of(make_snapshot(), CurveRequest(unit=Unit.SECONDS))
    assert [one.tone for one in curves.series] == [0]
    assert default_rule(curves) is not None
    assert default_rule(curves_of(make_snapshot(tallies=()), CurveRequest())) is None


def test_engine_seconds_count_a_prompt_once_that_was_read_for_several_samples() -> None:
    row = replace(tally(1, "p", scored=2, seconds=3.0), prompt_seconds=8.0)
    assert "10 s engine" in [part.text for part in header_parts(make_snapshot(tallies=(row,)), NOW)]


def test_more_samples_than_are_wanted_now_are_no_more_than_all() -> None:
    lines = model_lines(make_snapshot(models=(model(1, wanted=1),)), None)
    assert [line.done for line in lines] == [1.0]
