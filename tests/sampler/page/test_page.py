"""The page: what it shows is what the report says, whatever a model's name or a message contains."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from study_rows import study_row

from sampler.commands import cli
from sampler.page.chart import HEIGHT, WIDTH, ChartMark, Extra, Line, chart, extrapolations
from sampler.page.page_model import (
    MOST_BESIDE,
    MOST_MODELS,
    PageFacts,
    PageModel,
    choices,
    heat,
    make_page_model,
    marks,
    turns,
)
from sampler.page.write import PlotError, draw, page_html
from sampler.plotting import format_interval
from sampler.reporting.analyse import AnalysisRequest, analyse
from sampler.reporting.paired_data import paired_data
from sampler.reporting.render import conclusion, spanned
from sampler.reporting.report import Finding, ReportRequest, StudyFacts, make_report
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.passk import Reach
from sampler.store.read_models import FailureRow, ModelRow, OriginRow, TallyRow

pytestmark = pytest.mark.slow

HOSTILE = "<script>alert(1)</script>\x1b[31m\"'&"
VOID = {"meta", "br", "hr", "img", "link", "input"}


def model(number: int, name: str) -> ModelRow:
    return ModelRow(
        id=number,
        name=name,
        backend="replay",
        engine=None,
        digest=None,
        architecture=None,
        params=number * 10**9,
        wanted=4,
    )


def tally(number: int, problem: str, passed: int) -> TallyRow:
    return TallyRow(
        model_id=number,
        problem=problem,
        sampled=4,
        scored=4,
        passed=passed,
        prompt_tokens=400,
        completion_tokens=200,
        prompt_seconds=0.0,
        decode_seconds=0.0,
        prompt_flops=0.0,
        decode_flops=0.0,
    )


def origin() -> OriginRow:
    return OriginRow(image="box:1", limits={"cpu_s": 3.0}, versions={"python": "3.11"})


def page_model(*, names: tuple[str, str] = ("small", "large"), failures: tuple[FailureRow, ...] = ()) -> PageModel:
    models = [model(1, names[0]), model(2, names[1])]
    solved = {"p/0": (4, 4), "p/1": (1, 4), "p/2": (0, 3), "p/3": (0, 0)}
    tallies = [tally(number, name, row[number - 1]) for number in (1, 2) for name, row in solved.items()]
    facts = StudyFacts(
        study=study_row(),
        models=models,
        tallies=tallies,
        verdicts={(1, "PASSED"): 5, (1, "WRONG"): 11, (2, "PASSED"): 11},
    )
    page = PageFacts(
        facts=facts,
        failures=failures,
        origin=origin(),
    )
    return make_page_model(page, ReportRequest(units=(Unit.FLOPS_PARAMS, Unit.FLOPS), budgets={}))


class Balanced(HTMLParser):
    """Fails on an end tag without its beginning; gathers tags, text and links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def parsed(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_is_one_file_that_fetches_nothing() -> None:
    page = page_html(page_model())
    found = parsed(page)
    assert found.links == []
    assert "url(" not in page
    assert "@import" not in page
    assert {"svg", "table", "style", "script"} <= found.tags


def test_the_page_says_what_the_report_says() -> None:
    made = page_model()
    page = page_html(made)
    rows = made.figures[0].table.rows
    assert any(row.finding is Finding.CLEAR for row in rows) or any(
        row.finding is Finding.NO_CLEAR_WINNER for row in rows
    )
    for row in rows:
        for cell in row.cells:
            if cell.point and cell.point.interval:
                near = format_interval(cell.point.interval.low, cell.point.interval.high)
                assert f"{100 * cell.point.rate:.1f} {near}" in page


def test_the_page_shows_every_metric_of_reliability_and_whose_its_interval_is() -> None:
    made = page_model()
    text = " ".join(page_html(made).split())
    names = [table.metric for table in made.reliability]
    assert names == ["pass@k", "pass^k", "g-pass@k:0.5", "mg-pass@k", "maj@k", "bayes@n"]
    assert all(f"<th>{name}</th>" in text for name in names)
    assert "credible one for <b>these</b> problems" in text
    (all_right,) = [table for table in made.reliability if table.metric == "pass^k"]
    last = all_right.lines[0].values[-1]
    assert (last.k, last.value) == (4, 0.25), "small passes all four samples on one of four problems"
    assert f"k=4</span> {100 * last.value:.1f}" in text


def test_whom_to_ask_is_said_with_its_worth_on_problems_that_the_choice_has_not_seen() -> None:
    made = page_model()
    page = page_html(made)
    whom = made.figures[0].choices
    assert whom is not None
    assert whom.chart is not None
    assert {line.name for line in whom.lines} <= {"small", "large"}
    assert all(before.end == after.xs[0] for before, after in pairwise(whom.lines))
    for row in whom.rows:
        if row.router is not None and row.router_interval is not None:
            low, high = 100 * row.router_interval.low, 100 * row.router_interval.high
            assert f"{100 * row.router:.1f} {format_interval(low / 100, high / 100)}" in page
        for way in row.ways:
            assert way.choice in page
            if way.words == "schedule":  # undefined where some of four problems tell nothing of difficulty
                continue
            assert way.held is not None
            assert way.held.interval is not None
            low, high = 100 * way.held.interval.low, 100 * way.held.interval.high
            assert f"{100 * way.held.rate:.1f} {format_interval(low / 100, high / 100)}" in page
            assert way.held.cost_interval is not None
            assert spanned(way.held.cost, way.held.cost_interval, made.figures[0].table.unit) in page
    assert made.figures[1].choices is None  # nobody has a cost in that unit


def test_of_many_models_the_page_says_who_works_out_whom_to_ask() -> None:
    models = [model(number, f"m{number}") for number in range(1, MOST_MODELS + 2)]
    tallies = [tally(number, f"p/{at}", (number + at) % 5) for number in range(1, MOST_MODELS + 2) for at in range(3)]
    facts = StudyFacts(study=study_row(), models=models, tallies=tallies, verdicts={})
    made = make_page_model(
        PageFacts(facts=facts, failures=(), origin=origin()), ReportRequest(units=(Unit.FLOPS_PARAMS,), budgets={})
    )
    page = page_html(made)
    assert f"for at most {MOST_MODELS} models; <code>sampler analyse</code>" in page
    assert "for at most" not in page_html(page_model())


def test_of_many_models_each_has_a_line_at_a_budget_and_a_label_of_its_own() -> None:
    names = [f"my-organisation/Some-Very-Long-Coder-Model-v{number}-Instruct" for number in range(1, MOST_BESIDE + 2)]
    models = [model(number, name) for number, name in enumerate(names, 1)]
    tallies = [tally(number, f"p/{at}", (number + at) % 5) for number in range(1, MOST_BESIDE + 2) for at in range(3)]
    facts = StudyFacts(study=study_row(), models=models, tallies=tallies, verdicts={})
    made = make_page_model(
        PageFacts(facts=facts, failures=(), origin=origin()), ReportRequest(units=(Unit.FLOPS_PARAMS,), budgets={})
    )
    chart = made.figures[0].chart
    assert chart is not None
    assert [line.name for line in chart.lines] == [
        f"…Very-Long-Coder-Model-v{number}…" for number in range(1, MOST_BESIDE + 2)
    ]
    page = page_html(made)
    table = page[page.index("Share of problems solved, in percent") :]
    assert '<th>model</th><th>solved</th><th class="n">k</th>' in table[: table.index("</thead>")]
    rows = made.report.tables[0].rows
    assert table[: table.index("</table>")].count("<tr><td") == sum(
        cell.reach is not Reach.TOO_DEAR for row in rows for cell in row.cells
    )
    assert conclusion(replace(made.report.tables[0], rows=rows[:1])) in html.unescape(page)


def test_names_that_fit_beside_a_figure_are_whole() -> None:
    names = ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")
    drawn = page_model(names=names).figures[0].chart
    assert drawn is not None
    assert tuple(line.name for line in drawn.lines) == names


def test_before_a_problem_is_complete_the_page_says_so() -> None:
    facts = StudyFacts(study=study_row(), models=[model(1, "small")], tallies=[], verdicts={})
    made = make_page_model(PageFacts(facts=facts, failures=(), origin=origin()), ReportRequest(budgets={}))
    page = page_html(made)
    assert page.count("No comparison: no problem is complete yet.") == 2
    assert "the cost of a sample is not known" not in page


def test_the_script_says_a_budget_with_its_unit_and_intervals_as_the_tables_do() -> None:
    page = page_html(page_model())
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    curves, _, _, _, beyond = json.loads(data.group(1))
    assert (curves["unit"], beyond["unit"]) == ("FLOP", "samples")
    near = [words for line in (*curves["lines"], *beyond["lines"]) for words in line["near"]]
    assert near
    assert all(re.fullmatch(r"\[[\d.]+, [\d.]+\]", words) for words in near)
    assert any(words.endswith(", 100]") for words in near)


def test_the_router_of_the_page_is_that_of_the_analysis() -> None:
    """A budget of just one sample buys one, however the mean cost was added up."""
    models = [model(1, "small"), model(2, "large")]
    tallies = [
        replace(tally(number, f"p/{at}", at % 4), prompt_tokens=100 + 7 * at, completion_tokens=200 + 13 * at)
        for number in (1, 2)
        for at in range(11)
    ]
    paired = paired_data(models, tallies, 0)
    (table,) = make_report(
        StudyFacts(study=study_row(), models=models, tallies=tallies, verdicts={}),
        ReportRequest(units=(Unit.FLOPS_PARAMS,), budgets={}),
    ).tables
    found = choices(paired, table, 0)
    assert found is not None
    made = analyse("a", paired, AnalysisRequest(unit=Unit.FLOPS_PARAMS))
    assert made.allotment is not None
    assert [(row.budget, row.router, row.router_interval) for row in found.rows] == [
        (row.budget, row.oracle, row.oracle_interval) for row in made.allotment.rows if row.single
    ]
    first = found.rows[0]
    assert first.router is not None
    assert first.router_interval is not None
    assert first.router_interval.low < first.router < first.router_interval.high


def test_what_lies_beyond_the_samples_is_dashed_and_warned_of() -> None:
    made = page_model()
    assert made.beyond is not None
    page = page_html(made)
    for row in made.beyond.rows:
        measured = next(line for line in made.beyond.lines if line.name == row.model and line.dash is None)
        promised = next(line for line in made.beyond.lines if line.name == row.model and line.dash)
        assert max(measured.ks) == row.curve.n < min(promised.ks)
        assert measured.tone == promised.tone
        assert {one.promise.k for one in row.shown} == {8, 20, 40}
        for one in row.shown:
            low, high = 100 * one.promise.interval.low, 100 * one.promise.interval.high
            assert f"k={one.promise.k}: {100 * one.promise.rate:.1f} {format_interval(low / 100, high / 100)}" in page
    assert "k=40: 10 times the samples drawn: the fitted tail decides, not the data" in page


def test_a_model_that_solved_nothing_promises_nothing_and_the_page_says_why() -> None:
    nothing = extrapolations(paired_data([model(1, "a")], [tally(1, f"p/{at}", 0) for at in range(3)], 0), 0)
    assert nothing is not None
    (row,) = nothing.rows
    assert row.shown == ()
    assert row.why_not is not None
    assert "nothing passed" in row.why_not
    assert extrapolations(paired_data([model(1, "a")], [tally(1, "p/0", 1)], 0), 0) is None


def test_a_unit_that_nobody_has_a_cost_in_is_said_to_be_unknown() -> None:
    made = page_model()
    assert made.figures[1].chart is None
    assert "No comparison: the cost of a sample is not known of small, large." in page_html(made)


def test_hostile_names_and_messages_are_text() -> None:
    failures = (FailureRow(model=HOSTILE, verdict="ERROR", error_type=HOSTILE, samples=3, problems=1, example=HOSTILE),)
    page = page_html(page_model(names=(HOSTILE, "large"), failures=failures))
    parsed(page)
    assert "<script>alert" not in page
    assert "\x1b" not in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data
    assert len(json.loads(data.group(1))) == 2 + 2 + 1  # curves and frontier of each unit, and what lies beyond


def test_the_map_runs_from_what_everybody_solves_to_what_nobody_does() -> None:
    found = heat(
        [model(1, "a"), model(2, "b")],
        [tally(1, "hard", 0), tally(2, "hard", 1), tally(1, "easy", 4), tally(2, "none", 0)],
    )
    assert [row.problem for row in found.rows] == ["easy", "hard", "none"]
    assert [cell.share for cell in found.rows[0].cells] == [1.0, None]
    assert found.unsolved == 1


rates = st.floats(0, 1, allow_nan=False)


@st.composite
def lines(draw_one: st.DrawFn) -> list[Line]:
    made = []
    for number in range(draw_one(st.integers(1, 9))):
        each = draw_one(st.floats(1e-3, 1e15))
        n = draw_one(st.integers(1, 30))
        ys = draw_one(st.lists(rates, min_size=n, max_size=n))
        made.append(
            Line(
                name=f"m{number}",
                xs=tuple(each * k for k in range(1, n + 1)),
                ys=tuple(ys),
                ks=tuple(range(1, n + 1)),
                low=tuple(y * 0.9 for y in ys),
                high=tuple(min(1.0, y * 1.1) for y in ys),
                end=each * (n + 1),
                thin=draw_one(st.none() | st.integers(0, n - 1)),
            )
        )
    return made


@given(lines())
def test_everything_drawn_lies_inside_the_figure_and_no_label_covers_another(drawn: list[Line]) -> None:
    found = chart(drawn)
    assert found is not None
    for line in found.lines:
        across = [float(x) for x in re.findall(r"[MH]([-\d.]+)", line.path + line.thin_path + line.band)]
        down = [float(y) for y in re.findall(r"V([-\d.]+)", line.path + line.thin_path + line.band)]
        assert all(0 <= x <= WIDTH for x in across)
        assert all(0 <= y <= HEIGHT for y in down)
    heights = sorted(line.label_y for line in found.lines)
    assert all(b - a >= 15.9 for a, b in pairwise(heights))


def test_a_star_says_its_interval_where_one_points_at_it() -> None:
    models = [model(1, "small"), model(2, "large")]
    star = replace(model(3, "small (greedy)"), greedy_of=1, wanted=1)
    one = [replace(tally(3, f"p/{at}", at % 2), sampled=1, scored=1) for at in range(4)]
    facts = StudyFacts(
        study=study_row(),
        models=models,
        tallies=[*(tally(number, f"p/{at}", at) for number in (1, 2) for at in range(4)), *one],
        verdicts={},
        greedy=[star],
    )
    made = make_page_model(
        PageFacts(facts=facts, failures=(), origin=origin()), ReportRequest(units=(Unit.FLOPS_PARAMS,), budgets={})
    )
    (figure,) = made.figures
    assert figure.chart is not None
    assert [mark.text.partition(" %")[0] for mark in figure.chart.stars] == ["small greedy for 3.6 TFLOP · 50.0"]
    near = figure.table.greedy["small"].interval
    assert near is not None
    assert figure.chart.stars[0].text.endswith(f" %, interval {format_interval(near.low, near.high)}")


def test_a_star_that_lies_beyond_every_curve_is_still_inside_the_figure() -> None:
    line = Line(name="m", xs=(1.0, 2.0), ys=(0.3, 0.4), ks=(1, 2), low=(), high=(), end=3.0, thin=None)
    found = chart([line], Extra(stars=(ChartMark(x=50.0, y=0.95, text="m greedy"),)))
    assert found is not None
    (star,) = found.stars
    assert found.left <= star.x <= found.right
    assert found.top <= star.y <= found.bottom


def test_nothing_to_draw_is_no_figure() -> None:
    assert chart([]) is None


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_a_figure_for_a_paper_is_drawn(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `plots`)")
    path = tmp_path / f"curves.{kind}"
    draw(page_model(), path)
    first = path.read_bytes()
    assert first.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[kind])
    if kind == "svg":
        assert b"small" in first or b"DejaVu" in first


def test_a_figure_of_an_unknown_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(PlotError, match=r"\.svg, \.pdf, \.png"):
        draw(page_model(), tmp_path / "curves.gif")


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (
            1,
            "No clear leader at the largest budget that both cover, 4 samples; large measured higher from 3 samples on",
        ),
        (5, "large leads from 3 samples on"),
    ],
)
def test_the_budget_from_which_another_model_leads_is_marked_and_said(times: int, said: str) -> None:
    """The small one is right on half of the problems always, the large one on every problem half of the time.

    On eight problems that is no lead; on forty it is.
    """
    models = [model(1, "small"), model(2, "large")]
    small = [tally(1, f"p/{n}", 4 if n % 2 else 0) for n in range(8 * times)]
    tallies = small + [tally(2, f"p/{n}", 1) for n in range(8 * times)]
    found = turns(paired_data(models, tallies, 0), Unit.SAMPLES, PromptCharge.EACH)
    assert [turn.names for turn in found] == [("small", "large")]
    assert found[0].at == 3.0  # 1/4 and 2/4 against a half, then 3/4
    assert said in found[0].sentence
    assert [mark.x for mark in marks(found)] == [3.0]


def test_a_page_into_a_folder_that_is_not_there_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["report", "none.db", "--html", str(tmp_path / "none" / "r.html")])
    assert done.exit_code == 2
    assert "there is no folder" in done.output


def test_a_point_tells_what_its_interval_is_and_its_budget_with_a_unit() -> None:
    figure = next(one for one in page_model().figures if one.chart is not None)
    assert figure.chart is not None
    for line in figure.chart.lines:
        assert all(", band of the whole curve [" in dot.text for dot in line.dots)
        assert all(re.search(r" · from [\d.,]+ [A-Za-z]+ on$", dot.text) for dot in line.dots)
