from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.reporting.allocation_report import orders_of
from sampler.reporting.analyse import (
    Accept,
    AnalysisRequest,
    AnalysisSource,
    analyse,
    diversity,
    read_analysis,
)
from sampler.reporting.comparison import NotComparable
from sampler.reporting.inputs import CountsError, read_counts
from sampler.reporting.paired_data import paired_data
from sampler.reporting.render_analysis import analysis_conclusion, print_analysis
from sampler.stats.bootstrap import Interval
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.read_models import ModelRow, SpentRow, TallyRow
from sampler.store.writer import Store
from sandbox.values import Verdict

BY_TABLE = AnalysisRequest(unit=Unit.TABLE_FLOPS)


@pytest.fixture
def counts_file(tmp_path):
    """Two samples of a model at 1 FLOP each, and two of one at 3, on three problems."""

    def writing(small=(2, 1, 0), large=(2, 2, 1), n=2, **costs):
        models = {"small": (small, {"flops": 1.0}), "large": (large, {"flops": 3.0} | costs)}
        path = tmp_path / "counts.json"
        entries = {
            name: {"n": n, "correct": {f"P/{at}": c for at, c in enumerate(passed)}, **more}
            for name, (passed, more) in models.items()
        }
        path.write_text(json.dumps(entries), encoding="utf-8")
        return path

    return writing


def analysed(path, request=BY_TABLE):
    facts = read_counts(path)
    return analyse("counted", paired_data(facts.models, facts.tallies, 0), request)


def test_solving_costs_what_counting_by_hand_says(counts_file):
    small, large = analysed(counts_file()).models
    # Small: 1 sample, then 1 or 2 with equal chance, then 2 in vain. Large: 1, 1, then 1 or 2; each at 3.
    assert small.stopped.cost == pytest.approx((1 + 1.5 + 2) / 3)
    assert small.stopped.rate == pytest.approx(2 / 3)
    assert large.stopped.cost == pytest.approx((3 + 3 + 4.5) / 3)
    assert large.stopped.rate == 1.0
    assert (small.cost_of_pass.mean, small.cost_of_pass.unsolved) == (pytest.approx((1 + 2) / 2), pytest.approx(1 / 3))
    assert (large.cost_of_pass.mean, large.cost_of_pass.unsolved) == (pytest.approx((3 + 3 + 6) / 3), 0)


def test_the_cheapest_cost_of_pass_takes_the_best_model_of_each_problem(counts_file):
    assert analysed(counts_file()).cheapest.mean == pytest.approx((1 + 2 + 6) / 3)


def test_the_frontier_and_the_best_of_each_kind_are_those_counted_by_hand(counts_file):
    made = analysed(counts_file(), replace(BY_TABLE, budgets=(2.0, 3.0, 4.0)))
    frontier = [(choice.legs, choice.cost, round(choice.rate, 6)) for choice in made.allotment.frontier]
    assert frontier == [
        ((("small", 1),), 1, 0.5),
        ((("small", 2),), 2, 0.666667),
        ((("large", 1),), 3, 0.833333),
        ((("large", 2),), 6, 1.0),
    ]
    two, three, four = made.allotment.rows
    assert (two.single.rate, two.cascade, two.mixture) == (pytest.approx(2 / 3), None, None)
    # One of small, and if it fails (0, 1/2, 1) up to two of large: 1 + (0 + 3/2 + 4.5)/3 = 3, and all are solved.
    assert (three.cascade.legs, three.cascade.cost, three.cascade.rate) == ((("small", 1), ("large", 2)), 3.0, 1.0)
    assert (four.mixture.legs, four.mixture.rate) == ((("small", 1), ("large", 1)), pytest.approx((1 + 1 + 0.5) / 3))
    assert three.single.legs == (("large", 1),)
    assert three.stopping.cost <= 3
    assert three.greedy.rate >= three.stopping.rate


def test_the_oracle_takes_the_better_model_of_each_problem_and_ends_with_the_samples(counts_file):
    made = analysed(counts_file(small=(2, 0, 0), large=(0, 2, 1)), replace(BY_TABLE, budgets=(2.0, 3.0)))
    assert made.allotment.rows[0].oracle == pytest.approx(1 / 3)  # two of small; none of large
    assert made.allotment.rows[1].oracle is None  # three of small were not drawn


def test_strata_are_fifths_by_the_dearest_model(counts_file):
    path = counts_file(small=(2, 0, 0, 1, 2), large=(2, 1, 0, 1, 2))
    made = analysed(path, replace(BY_TABLE, budgets=(1.0, 2.0, 3.0)))
    assert made.reference == "large"
    assert [stratum.reference for stratum in made.strata] == [0, 0.5, 0.5, 1, 1]
    assert [stratum.rates["small"] for stratum in made.strata] == [
        (0, 0, None),
        (0, 0, None),
        (0.5, 1, None),
        (1, 1, None),
        (1, 1, None),
    ]
    assert [stratum.rates["large"][1:] for stratum in made.strata] == [(0, 0), (0, 0.5), (0, 0.5), (0, 1), (0, 1)]


def test_extrapolation_goes_beyond_the_samples_and_says_what_to_beware_of(counts_file):
    path = counts_file(small=(0, 0, 0, 0, 3, 7), large=(1, 5, 9, 2, 0, 8), n=10)
    small, large = analysed(path).models
    assert [one.promise.k for one in small.beyond] == [20, 50, 100]
    for one in (*small.beyond, *large.beyond):
        assert one.promise.interval.low <= one.promise.rate <= one.promise.interval.high
        assert any("fitted tail" in words for words in one.warnings) == (one.promise.beyond > 5)
    assert all(any("4 of 6 problems were never solved" in words for words in one.warnings) for one in small.beyond)
    assert not any("never solved" in words for one in large.beyond for words in one.warnings)
    asked = analysed(path, replace(BY_TABLE, ks=(5, 40))).models[0]
    assert [one.promise.k for one in asked.beyond] == [40]  # five were drawn: that is measured, not promised


def test_what_cannot_be_fitted_says_why(counts_file):
    small, _ = analysed(counts_file(small=(0, 0, 0))).models
    assert (small.fit, small.beyond) == (None, ())
    assert "nothing passed" in small.not_fitted
    assert small.cost_of_pass.mean is None


def test_a_model_without_a_cost_is_named_and_left_out(counts_file):
    made = analysed(counts_file(flops=None))
    assert made.unknown == ("large",)
    assert made.models[1].stopped is None
    assert made.models[1].beyond
    assert {name for choice in made.allotment.frontier for name, _ in choice.legs} == {"small"}
    said = io.StringIO()
    print_analysis(made, Console(file=said, width=400))
    assert ": large; --unit samples needs no costs." in said.getvalue()


def test_the_same_program_in_other_words_counts_once():
    one, same, other = (
        "def f(a):\n    b = a\n    return b",
        "def f(a):\n    c = a  # so\n    return c",
        "def f(a): return a",
    )
    rng = np.random.default_rng(0)
    found = diversity([[(one, 3), (same, 1), (other, 1)], [(one, 1)]], rng)
    assert (found.solved, found.correct, found.texts, found.programs) == (2, 3.0, 2.0, 1.5)
    ends = {"correct": Interval(1.0, 5.0), "texts": Interval(1.0, 3.0), "programs": Interval(1.0, 2.0)}
    assert found.intervals == ends  # a quarter of all resamples holds one of the two problems alone
    assert diversity([[(one, 1)]], rng).intervals == dict.fromkeys(ends)
    assert diversity([], rng) is None


def test_diversity_is_read_from_the_programs_that_passed(tmp_path, support):
    path = tmp_path / "study.db"
    texts = ("x = 1", "x = 1", "x  =  1", "x = 2")
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        model = ids.models["small"]
        for name in ("P/0", "P/1"):
            problem = ids.problems[name]
            for index, text in enumerate(texts):
                passed = Verdict.PASSED if name == "P/0" and index < 3 else Verdict.WRONG
                record = replace(support.sample_record(model, problem, index, text), source=text)
                store.add_sample(record)
                store.add_verdict(support.verdict_record(model, problem, index, passed))
    made = read_analysis(AnalysisSource(path=path, params={}, programs=True), AnalysisRequest(unit=Unit.SAMPLES))
    found = made.models[0].diversity
    assert (found.solved, found.correct, found.texts, found.programs) == (1, 3.0, 2.0, 1.0)
    (model_,) = read_analysis(AnalysisSource(path=path, params={}), AnalysisRequest(unit=Unit.TOKENS)).models
    first = model_.spent[0]
    assert first.by_mean == first.by_own == 3 / 4 / 2
    assert first.by_sample == pytest.approx(3 / 4 / 2, abs=0.05)  # all samples cost the same


def test_whoever_hands_out_what_the_selection_tests_accept_is_judged_by_the_others(tmp_path, support):
    """P/0: of four samples two pass both tests, one the selection's alone. P/1: no selection tests."""
    path = tmp_path / "study.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        model = ids.models["small"]
        for problem in ids.problems.values():
            for index in range(4):
                store.add_sample(support.sample_record(model, problem, index, f"x = {index}"))
                passed = Verdict.PASSED if index < 2 else Verdict.WRONG
                store.add_verdict(support.verdict_record(model, problem, index, passed))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
            UPDATE verdict SET selection = CASE WHEN idx < 3 AND name = 'P/0' THEN 'PASSED' ELSE 'WRONG' END
              FROM sample JOIN problem ON problem.id = problem_id WHERE sample.id = sample_id AND name <> 'P/1'
        """)
    request = AnalysisRequest(unit=Unit.SAMPLES, budgets=(1.0, 2.0), accept=Accept.SELECTION)
    made = read_analysis(AnalysisSource(path=path, params={}), request)
    assert (made.problems, made.left_out) == (1, 1)
    one, two = made.allotment.rows
    # One sample: with 3/4 something is handed out on P/0, and 2/3 of that is right. Two: with 1, for no two of four all
    # fail.
    assert one.single.rate == pytest.approx(3 / 4 * 2 / 3)
    assert two.single.rate == pytest.approx(2 / 3)
    assert two.stopping.cost == pytest.approx(1 + 1 / 4)
    shown = CliRunner().invoke(cli, ["analyse", str(path), "--unit", "samples", "--accept", "selection"])
    assert "the selection tests accept" in shown.output
    assert "no selection tests: 1 problem(s)" in shown.output
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE verdict SET selection = NULL")
    with pytest.raises(NotComparable, match="leave --accept away"):
        read_analysis(AnalysisSource(path=path, params={}), request)


def test_counts_hold_no_selection_tests(counts_file):
    with pytest.raises(NotComparable, match="no verdicts of selection tests"):
        read_analysis(AnalysisSource(path=counts_file(), params={}), replace(BY_TABLE, accept=Accept.SELECTION))


def test_counts_hold_no_programs_and_only_their_own_models(counts_file):
    with pytest.raises(NotComparable, match="holds counts, not programs"):
        read_analysis(AnalysisSource(path=counts_file(), params={}, programs=True), BY_TABLE)
    with pytest.raises(CountsError, match="name one of: small, large"):
        read_analysis(AnalysisSource(path=counts_file(), params={}, models=("tiny",)), BY_TABLE)


def test_the_tables_stand_under_their_definitions(counts_file):
    said = io.StringIO()
    print_analysis(analysed(counts_file()), Console(file=said, width=200))
    for words in ("Cost to solve", "pass@k beyond the samples", "Frontier", "The best of each way", "Difficulty"):
        assert words in said.getvalue()
    assert "The greedy schedule, until one passes" in said.getvalue()


def test_a_choice_stands_beside_what_it_is_worth_on_problems_it_has_not_seen(counts_file):
    """Two models of equal cost, each right on the other's wrong half but for one problem.

    Whoever is taken gains by luck.
    """
    path = counts_file(small=(2, 2, 2, 0, 0), large=(0, 0, 0, 2, 2), flops=1.0)
    (row,) = analysed(path, replace(BY_TABLE, budgets=(1.0,))).allotment.rows
    assert (row.single.rate, row.single.legs) == (pytest.approx(3 / 5), (("small", 1),))
    # Five parts of one problem. Without one of the first three the others say 2 : 2, and the first of equals is taken;
    # without one of the last two they say 3 : 1 for the small one, which is wrong there.
    assert row.held["single"].rate == pytest.approx(3 / 5)
    path = counts_file(small=(2, 2, 2, 0, 0, 0), large=(0, 0, 0, 2, 2, 2), flops=1.0)
    (row,) = analysed(path, replace(BY_TABLE, budgets=(1.0,))).allotment.rows
    assert row.held["single"].rate < row.single.rate == pytest.approx(1 / 2)
    assert row.held["single"].interval.low <= row.held["single"].rate <= row.held["single"].interval.high
    assert row.held["cascade"] is row.cascade is None


def test_the_command_prints_both_forms_and_takes_parameters(counts_file):
    path = str(counts_file())
    asked = ["analyse", path, "--unit", "flops_128", "--params", "small=1b", "--params", "large=3b", "--budget", "1e12"]
    told = json.loads(CliRunner().invoke(cli, [*asked, "--json"], catch_exceptions=False).output)
    assert told["schema"] == 1
    assert [model["unit_cost"]["each"] for model in told["models"]] == [256e9, 768e9]
    shown = CliRunner().invoke(cli, asked)
    assert shown.exit_code == Exit.OK
    assert "1 TFLOP" in shown.output
    one = CliRunner().invoke(cli, ["analyse", path, "--unit", "table_flops", "--model", "large", "--json"])
    assert [model["name"] for model in json.loads(one.output)["models"]] == ["large"]


def test_a_report_takes_a_counts_file_too(counts_file):
    asked = ["report", str(counts_file()), "--params", "small=1b", "--params", "large=3b"]
    done = CliRunner().invoke(cli, [*asked, "--json"])
    assert done.exit_code == Exit.OK
    told = json.loads(done.output)
    assert [model["first"]["rate"] for model in told["models"]] == pytest.approx([0.5, 5 / 6])
    assert told["tables"][0]["unit_costs"]["large"]["each"] == 768e9
    refused = CliRunner().invoke(cli, [*asked, "--html", "page.html"])
    assert refused.exit_code == Exit.USAGE
    assert "need a store" in refused.output


def test_a_budget_is_spent_by_four_rules(counts_file):
    _, large = analysed(counts_file(), replace(BY_TABLE, budgets=(1.0, 3.0, 4.5))).models
    few, one, more = large.spent
    assert (few.by_mean, few.by_own) == (0.0, 0.0)
    assert few.in_rounds == pytest.approx(5 / 6 / 3)  # a third of the first round, which solves 1, 1 and 1/2
    assert (one.by_mean, one.by_own, one.in_rounds) == (pytest.approx(5 / 6),) * 3
    assert more.by_mean == pytest.approx(5 / 6)  # a second sample is not affordable
    assert more.in_rounds is None  # whoever stops at a pass needs 3.5, and then has no samples left
    assert more.by_sample is None  # counts know no single samples


def test_samples_are_spent_one_by_one_at_what_each_cost():
    """One problem, two samples: a cheap wrong one of 1 s and a right one of 3 s."""
    paired = paired_data(*one_problem_of_two_samples())
    (model,) = paired.models
    rows = [
        SpentRow(problem="P/0", reading=0.0, writing=1.0, passed=0),
        SpentRow(problem="P/0", reading=0.0, writing=3.0, passed=1),
    ]
    orders = orders_of(paired, model, rows, PromptCharge.EACH)
    assert orders.end == 5.0
    assert orders.rates(2.9).tolist() == [0.0]
    assert orders.rates(3.0)[0] == pytest.approx(0.5, abs=0.15)  # where the right one comes first
    assert orders.rates(4.0).tolist() == [1.0]


def one_problem_of_two_samples():
    model = ModelRow(
        id=1, name="m", backend="replay", engine=None, digest=None, architecture=None, params=None, wanted=2
    )
    tally = TallyRow(
        model_id=1,
        problem="P/0",
        sampled=2,
        scored=2,
        passed=1,
        prompt_tokens=0,
        completion_tokens=0,
        prompt_seconds=0.0,
        decode_seconds=4.0,
        prompt_flops=0.0,
        decode_flops=0.0,
    )
    return [model], [tally], 0


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_without_all_it_fits_on_a_screen_of_80x24_and_ends_with_the_conclusion(tmp_path, count):
    names = [f"organisation/qwen2.5-coder-{number}b-instruct" for number in range(count)]
    told = {
        name: {"n": 4, "correct": {f"P/{at}": (at + place) % 5 for at in range(8)}, "flops": 1.0 + place}
        for place, name in enumerate(names)
    }
    path = tmp_path / "counts.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    made = analysed(path)
    out = io.StringIO()
    print_analysis(made, Console(file=out, width=80), everything=False)
    lines = out.getvalue().splitlines()
    assert len(lines) <= 22, "two lines are the prompts before and after"
    assert max(map(len, lines)) <= 80
    said = " ".join(" ".join(lines).split())
    assert "More samples would bring most for" in said.partition("--all prints every table")[2]
    assert analysis_conclusion(made).partition(" a problem, ")[2].split(":")[0] in said
    shown = [line for line in lines if line.startswith(tuple("ABCDEF")) and "b-instruct" in line.split("  ")[0]]
    assert len(shown) + (count == 1) >= 2
    more = [line for line in lines if line.startswith("… and ")]
    assert more == ([f"… and {count - len(shown)} more models (--all)"] if len(shown) < count else [])


def test_all_prints_what_the_short_form_leaves_out(counts_file):
    asked = ["analyse", str(counts_file()), "--unit", "table_flops"]
    short, whole = (
        CliRunner().invoke(cli, words, catch_exceptions=False).output for words in (asked, [*asked, "--all"])
    )
    assert "--all prints every table" in short
    for words in ("Cost to solve", "Frontier", "Difficulty"):
        assert words not in short
        assert words in whole
    assert short.splitlines()[-1] == whole.splitlines()[-1]
