"""The pure halves of the screens: groups, the heat map, windows of a plot, comparisons, a sample's pages, exports."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.reporting.inputs import read_report
from sampler.reporting.report import ReportRequest, StudyFacts, make_report
from sampler.stats.budget import Unit
from sampler.store.filters import parse
from sampler.store.read_models import EventRow
from sampler.store.reader import Reader
from sandbox.values import Verdict
from tui.data.curves import CurveRequest, compare, curves_of
from tui.data.export import Writer, export_name
from tui.data.failure_groups import FailureGroup, GroupTable, filter_of, merge_messages, normalized
from tui.data.snapshot import ComparisonModels, Series, Snapshot, with_compared
from tui.screens.compare import verdict_words
from tui.screens.curves import clipped, scaled, slid, whole
from tui.screens.dialogs import key_words, paragraphs
from tui.screens.failures import group_cells
from tui.screens.problems import ORDERS, HeatLine, Rate, heat_cells, heat_columns, heat_lines, shade
from tui.screens.sample_pages import LONGEST_LINE, clean_lines
from tui.screens.system import MOST_NODES, node_pairs
from tui.view_state import ViewState, pinned_of


@pytest.fixture
def snapshot(finished: Path) -> Snapshot:
    bare = read(finished)
    return replace(bare, curves=curves_of(bare, CurveRequest()))


def test_at_rest_the_screen_has_the_intervals_of_the_report_to_the_digit(finished: Path) -> None:
    bare = read(finished)
    (table,) = read_report(finished, units=(Unit.FLOPS,)).tables
    reported = [[(point.interval.low, point.interval.high) for point in one.points] for one in table.curves]
    assert [list(zip(one.low, one.high, strict=True)) for one in curves_of(bare, CurveRequest()).series] == reported
    running = replace(bare, study=replace(bare.study, status="running"))
    assert [list(zip(one.low, one.high, strict=True)) for one in curves_of(running, CurveRequest()).series] != reported


def read(store: Path) -> Snapshot:
    with Reader(store) as reader:
        return Snapshot(
            study=reader.studies()[0],
            models=tuple(reader.models(1)),
            greedy=tuple(reader.greedy(1)),
            tallies=tuple(reader.tallies(1)),
            counts={},
            tail=(),
            events=(),
            curves=None,
            units=(),
            read_at=0.0,
        )


@pytest.mark.parametrize(
    ("message", "same"),
    [
        ("name 'reduce' is not defined", "name '…' is not defined"),
        ("list index 17 out of range", "list index … out of range"),
        ("cannot access local variable 'yyy", "cannot access local variable '…'"),
        ("<object at 0x7f00aa>", "<object at …>"),
        ("type complex doesn't define __round__ method", "type complex doesn't define __round__ method"),
        ("'int' object doesn't have 'x'", "'…' object doesn't have '…'"),
    ],
)
def test_messages_of_one_kind_are_alike(message: str, same: str) -> None:
    assert normalized(message) == same


def test_a_greedy_sample_is_a_point_of_its_own_once_all_of_it_is_scored(new_writer: Any, store_path: Path) -> None:
    writer = new_writer(greedy="toy-coder-1.5b")
    writer.fill()
    passed = [writer.add("toy-coder-1.5b greedy", p.name, 0) is Verdict.PASSED for p in writer.problems[:-1]]
    writer.store.flush()
    assert [one.star for one in curves_of(read(store_path), CurveRequest()).series] == [None, None, None]
    passed.append(writer.add("toy-coder-1.5b greedy", writer.problems[-1].name, 0) is Verdict.PASSED)
    writer.store.flush()
    first, second, third = curves_of(read(store_path), CurveRequest(unit=Unit.SAMPLES)).series
    assert second.star == (1.0, sum(passed) / len(passed))
    assert (first.star, third.star) == (None, None)
    assert [one.ys for one in (first, second, third)] == [
        one.ys for one in curves_of(replace(read(store_path), greedy=()), CurveRequest(unit=Unit.SAMPLES)).series
    ], "the curves are made of the other samples alone"


def test_the_models_of_a_second_store_stand_behind_the_own_ones_on_common_ground(snapshot: Snapshot) -> None:
    twin = snapshot.models[0]
    compared = ComparisonModels(
        store="before",
        models=(replace(twin, id=-1),),
        tallies=tuple(
            replace(row, model_id=-1) for row in snapshot.tallies if row.model_id == twin.id and row.problem != "Toy/0"
        ),
    )
    both = with_compared(replace(snapshot, compared=compared))
    assert [model.name for model in both.models[-2:]] == [snapshot.models[-1].name, f"before:{twin.name}"]
    assert with_compared(both) == both
    curves = curves_of(replace(snapshot, compared=compared), CurveRequest())
    assert [one.tone for one in curves.series] == [0, 1, 2, 3]
    assert curves.problems == (7, 7, 7, 7), "Toy/0 is not in the second store"
    assert curves.series[3].ys == curves.series[0].ys
    assert pinned_of(ViewState(), both) == 3, "a model is first compared with itself in the other store"


GROUP = FailureGroup(
    verdict="ERROR", error="NameError", message="name '…' is not defined", count=3, newest=9, by_model={1: 3}
)


def test_the_filter_of_a_group_can_be_parsed_and_names_all_of_it() -> None:
    asked = parse(filter_of(GROUP, model="qwen 2.5"), 0.0)
    assert asked.params == ("ERROR", "NameError", "%name '%' is not defined%", "qwen 2.5", "%qwen 2.5%", "qwen 2.5")


def test_the_filter_of_a_group_without_an_error_lists_no_sample_with_one() -> None:
    bare = replace(GROUP, verdict="WRONG", error="", message="")
    assert filter_of(bare) == "verdict:WRONG -err:?* -msg:?*"
    assert filter_of(bare, any_message=True) == "verdict:WRONG -err:?*"
    assert filter_of(GROUP, any_message=True) == "verdict:ERROR err:NameError"


@given(st.text(max_size=60), st.text(max_size=20))
def test_the_filter_of_any_group_can_be_parsed(message: str, error: str) -> None:
    parse(filter_of(replace(GROUP, message=normalized(message), error=error.replace('"', "?"))), 0.0)


@pytest.mark.parametrize(
    ("verdict", "error", "shown"),
    [("WRONG", "", "answers differ"), ("WRONG", "AssertionError", "an assertion failed"), ("TIMEOUT", "", "—")],
)
def test_a_group_without_a_message_says_what_is_known(verdict: str, error: str, shown: str) -> None:
    group = replace(GROUP, verdict=verdict, error=error, message="")
    assert group_cells(group, 3, {})[-1].text == shown


def test_putting_messages_together_loses_no_failure() -> None:
    others = replace(GROUP, message="another", count=1, newest=11, by_model={2: 1})
    table = merge_messages(GroupTable(groups=(GROUP, others, replace(GROUP, verdict="WRONG")), total=7))
    assert [group.count for group in table.groups] == [4, 3]
    assert table.groups[0].by_model == {1: 3, 2: 1}
    assert "+1 other" in table.groups[0].message


def test_the_heat_map_holds_every_tally_in_every_order(snapshot: Snapshot) -> None:
    for order in ORDERS:
        lines = heat_lines(snapshot, order)
        assert sum(rate.scored for line in lines for rate in line.rates if rate) == 120
    hardest = [line.mean for line in heat_lines(snapshot, "hardest")]
    assert hardest == sorted(hardest)


@given(st.integers(1, 12), st.integers(0, 11), st.integers(20, 200))
def test_the_chosen_model_is_always_a_column_of_the_heat_map(models: int, chosen: int, width: int) -> None:
    chosen = min(chosen, models - 1)
    columns = heat_columns([f"m{n}" for n in range(models)], chosen, width)
    assert any(column.label.startswith("▸") for column in columns)
    line = HeatLine(problem="p", rates=tuple(Rate(scored=4, passed=n % 5) for n in range(models)))
    assert len(heat_cells(line, columns)) == len(columns)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_shade_never_gets_lighter_as_the_share_grows(a: float, b: float) -> None:
    low, high = sorted((a, b))
    shades = " ░▒▓█"
    assert shades.index(shade(low)) <= shades.index(shade(high))


BUDGETS = st.lists(st.floats(1, 1e6), min_size=2, max_size=8, unique=True).map(sorted)


@given(BUDGETS, st.floats(0.5, 2e6), st.floats(1.1, 1e4), st.floats(1, 1e6))
def test_a_cut_curve_says_the_same_inside_its_window(xs: list[float], low: float, ratio: float, budget: float) -> None:
    *starts, end = xs
    one = Series(
        label="m",
        tone=0,
        xs=tuple(starts),
        ys=tuple(n / 10 for n in range(len(starts))),
        end=end,
        ks=tuple(map(float, range(1, len(starts) + 1))),
    )
    window = low, low * ratio
    cut = clipped(one, window)
    if window[0] <= budget < window[1] and one.xs[0] <= budget < one.end:
        held, kept = one.step(budget), cut.step(budget)
        assert held is not None
        assert kept is not None
        assert (cut.ys[kept], cut.ks[kept]) == (one.ys[held], one.ks[held])
    assert not cut.xs or (window[0] <= cut.xs[0] < cut.end <= window[1])


@given(st.floats(1, 1e6), st.floats(2, 1e6), st.floats(0.1, 3), st.floats(0.01, 1), st.floats(-1, 1))
def test_windows_stay_inside_what_there_is(low: float, ratio: float, factor: float, at: float, share: float) -> None:
    full = low, low * ratio
    window = scaled(full, full, low * ratio**at, factor)
    for one in (window, slid(window, full, share) if window else None):
        if one is not None:
            assert full[0] * (1 - 1e-9) <= one[0] < one[1] <= full[1] * (1 + 1e-9)
    if factor >= 1:
        assert window is None


def test_the_whole_window_holds_every_curve(snapshot: Snapshot) -> None:
    assert snapshot.curves is not None
    found = whole(snapshot.curves.series)
    assert found is not None
    assert all(found[0] <= one.xs[0] and one.end <= found[1] for one in snapshot.curves.series)
    assert whole([]) is None


def test_a_comparison_is_the_opposite_of_its_reverse(snapshot: Snapshot) -> None:
    forth, back = compare(snapshot, (0, 2), Unit.FLOPS, 1.3e11), compare(snapshot, (2, 0), Unit.FLOPS, 1.3e11)
    assert forth.problems == 8
    assert len(forth.ladder) == len(back.ladder) > 5
    for one, other in zip(forth.ladder, back.ladder, strict=True):
        assert one.gap is not None
        assert other.gap is not None
        assert one.gap.mean == pytest.approx(-other.gap.mean)
        assert one.gap.interval.low == pytest.approx(-other.gap.interval.high)
    assert {flip.problem: flip.gap for flip in forth.flips} == pytest.approx(
        {flip.problem: -flip.gap for flip in back.flips}
    )
    told = verdict_words(forth, ("a", "b"), "FLOPs")
    assert "points" in told
    assert told == verdict_words(back, ("b", "a"), "FLOPs"), "the interval is that of the lead that is told"


def test_a_lead_on_the_screen_is_clear_where_the_report_says_so(snapshot: Snapshot) -> None:
    """Corrected for all models and budgets of the study, as the report is.

    A study with a model that lags claims nothing.
    """
    facts = StudyFacts(study=snapshot.study, models=snapshot.models, tallies=snapshot.tallies, verdicts={})
    budgets = (1.3e11, 2e11)
    request = ReportRequest(units=(Unit.FLOPS,), budgets={Unit.FLOPS: budgets}, seed=snapshot.study.seed)
    compared = 0
    for row in make_report(facts, request).tables[0].rows:
        best = max(row.cells, key=lambda cell: cell.point.rate if cell.point else -1.0).model
        places = {model.name: at for at, model in enumerate(snapshot.models)}
        for other, lead in row.differences.items():
            found = compare(snapshot, (places[best], places[other]), Unit.FLOPS, row.budget).rule
            assert found is not None
            assert found.gap is not None
            assert (found.gap.p_corrected, found.gap.clear) == (lead.p_corrected, lead.clear)
            assert found.gap.mean == pytest.approx(lead.mean)
            compared += 1
    assert compared == 2
    lagging = [replace(row, scored=0) for row in snapshot.tallies if row.model_id == snapshot.models[1].id][2:]
    fewer = [
        row
        for row in snapshot.tallies
        if (row.model_id, row.problem) not in {(one.model_id, one.problem) for one in lagging}
    ]
    found = compare(replace(snapshot, tallies=(*fewer, *lagging)), (0, 2), Unit.FLOPS, 1.3e11)
    assert found.problems == 8
    assert all(at.gap is None or at.gap.p_corrected is None for at in found.ladder)


def test_a_model_of_a_second_store_may_have_the_same_name(snapshot: Snapshot) -> None:
    other = snapshot.models[2]
    guest = replace(other, id=-other.id, name=snapshot.models[0].name)
    tallies = [replace(row, model_id=guest.id) for row in snapshot.tallies if row.model_id == other.id]
    both = replace(snapshot, models=(*snapshot.models, guest), tallies=(*snapshot.tallies, *tallies))
    same = compare(both, (0, len(snapshot.models)), Unit.FLOPS, 1.3e11).rule
    apart = compare(snapshot, (0, 2), Unit.FLOPS, 1.3e11).rule
    assert same is not None
    assert apart is not None
    assert same.gap is not None
    assert apart.gap is not None
    assert (same.rates, same.gap.mean) == (apart.rates, apart.gap.mean)
    assert same.gap.mean != 0


def test_what_cannot_be_compared_says_why(snapshot: Snapshot) -> None:
    empty = replace(snapshot, tallies=())
    assert "fewer than two problems" in compare(empty, (0, 1), Unit.FLOPS, None).why_not
    unknown = replace(snapshot, models=tuple(replace(model, architecture=None) for model in snapshot.models))
    assert "no cost" in compare(unknown, (0, 1), Unit.FLOPS, None).why_not


@given(st.text(st.characters(codec=None), max_size=300), st.integers(1, 20))
def test_a_page_is_harmless_and_no_longer_than_it_may_be(text: str, most: int) -> None:
    lines = clean_lines(text, most)
    assert 1 <= len(lines) <= most + 1
    assert not any(ord(char) < 32 or char in "\x7f\u202e" for line in lines for char in line)


def test_a_line_of_a_megabyte_is_cut() -> None:
    assert len(clean_lines("x" * 1_000_000)[0]) == LONGEST_LINE + 1


@given(
    st.lists(
        st.tuples(
            st.text(max_size=10), st.one_of(st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
        ),
        max_size=5,
    )
)
def test_json_comes_back_as_it_was(rows: list[tuple[str, float | None]]) -> None:
    out = io.StringIO()
    writer = Writer(out, "json", ("name", "value"))
    for row in rows:
        writer.write(row)
    writer.end()
    assert [tuple(row.values()) for row in json.loads(out.getvalue())] == rows


def test_file_names_are_names_on_every_system() -> None:
    assert export_name("../[red] a/b\x1b", "samples", "20261124-120000", "csv") == "red-a-b-samples-20261124-120000.csv"


def test_help_is_put_into_paragraphs_and_keys_into_words() -> None:
    assert paragraphs("\none\ntwo\n\n  as it is\nthree\n") == ["one two", "", "  as it is", "three"]
    assert key_words("ctrl+left,question_mark") == "ctrl+← ?"


def test_the_system_screen_shows_what_the_nodes_of_a_cluster_did_last() -> None:
    def event(kind: str, message: str) -> EventRow:
        return EventRow(id=1, at=0.0, level="info", kind=kind, message=message)

    assert node_pairs([event("sampling", "m: 8 samples")]) == []
    told = [event("nodes", "a working"), event("nodes", "a working; b\x1b[2J lost"), event("node", "b is lost")]
    assert node_pairs(told) == [("node", "a working"), ("node", "b␛[2J lost")]
    many = node_pairs([event("nodes", "; ".join(map(str, range(MOST_NODES + 3))))])
    assert many[MOST_NODES:] == [("", "and 3 nodes more")]
