from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from rich.console import Console
from study_rows import study_row

from sampler.reporting.output_schema import output_schema
from sampler.reporting.render import NAMES, amount, collapse, conclusion, format_interval, print_report
from sampler.reporting.report import WITHOUT_COSTS, Finding, ReportRequest, StudyFacts, make_report
from sampler.reporting.report_files import report_json, write_csv
from sampler.reporting.unit_costs import complete_problems, shared_problems, unit_cost
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.passk import Reach
from sampler.store.read_models import ModelRow, TallyRow
from sampler.values import GivenCosts

STUDY = study_row(problems_source="here", problems_digest="d", seed=1, problems=20, wanted=0, sampled=0, scored=0)


@pytest.fixture
def model(support):
    def making(number: int, name: str, wanted: int) -> ModelRow:
        return ModelRow(
            id=number,
            name=name,
            backend="replay",
            engine="e",
            digest="d",
            architecture=support.ARCHITECTURE,
            params=1000 * number,
            wanted=wanted,
        )

    return making


def tally(model: int, problem: int, scored: int, passed: int, each: float) -> TallyRow:
    n = scored
    return TallyRow(
        model_id=model,
        problem=f"P/{problem}",
        sampled=n,
        scored=scored,
        passed=passed,
        prompt_tokens=10 * n,
        completion_tokens=5 * n,
        prompt_seconds=0.25 * each * n,
        decode_seconds=0.75 * each * n,
        prompt_flops=0.5 * each * n,
        decode_flops=0.5 * each * n,
    )


def report(models, tallies, **wished):
    facts = StudyFacts(study=STUDY, models=models, tallies=tallies, verdicts={(1, "PASSED"): 3})
    return make_report(facts, ReportRequest(**{"budgets": {}, **wished}))


def flops(made):
    return next(table for table in made.tables if table.unit is Unit.FLOPS)


@pytest.fixture
def small_and_large(model):
    """The small model passes 2 of 8 everywhere, the large one 4 of 4 on half of the problems.

    It costs four times as much.
    """
    models = [model(1, "small", 8), model(2, "large", 4)]
    tallies = [tally(1, n, 8, 2, 10.0) for n in range(20)] + [tally(2, n, 4, 4 * (n % 2), 40.0) for n in range(20)]
    return models, tallies


def test_models_are_compared_at_equal_cost(small_and_large):
    made = report(*small_and_large)
    rows = {row.budget: row for row in flops(made).rows}
    assert sorted(rows) == [10.0, 40.0, 80.0]
    small, large = rows[40.0].cells
    assert (small.k, large.k) == (4, 1)
    assert small.point.rate == pytest.approx(1 - (6 * 5 * 4 * 3) / (8 * 7 * 6 * 5))
    assert large.point.rate == pytest.approx(0.5)
    assert (flops(made).ends, flops(made).end) == ("small", 90.0)


def test_a_budget_that_buys_one_model_alone_names_no_winner(small_and_large):
    row = flops(report(*small_and_large)).rows[0]
    assert (row.finding, row.model) == (Finding.ONLY_ONE, "small")
    assert row.cells[1].reach is Reach.TOO_DEAR


def test_the_larger_model_wins_where_it_is_better(model):
    models = [model(1, "small", 8), model(2, "large", 4)]
    tallies = [tally(1, n, 8, 0, 10.0) for n in range(20)] + [tally(2, n, 4, 3, 40.0) for n in range(20)]
    row = flops(report(models, tallies)).rows[1]
    assert (row.finding, row.model) == (Finding.CLEAR, "large")
    assert row.differences["small"].mean == pytest.approx(0.75)


def test_the_conclusion_names_the_winner_and_where_it_wins(model):
    models = [model(1, "small", 8), model(2, "large", 4)]
    tallies = [tally(1, n, 8, 0, 10.0) for n in range(20)] + [tally(2, n, 4, 3, 40.0) for n in range(20)]
    made = flops(report(models, tallies))
    assert conclusion(made) == (
        "At equal FLOPs large (k=2) wins from 40 FLOP to 80 FLOP a problem: 100.0 % against 0.0 % of small "
        "(k=8), a clear lead of 100.0 [86.0, 100] points at 80 FLOP."
    )


def test_the_conclusion_says_that_no_model_is_clearly_better(small_and_large, model):
    assert conclusion(flops(report(*small_and_large))).startswith("At equal FLOPs")
    models = [model(1, "small", 2), model(2, "large", 2)]
    same = [tally(number, n, 2, n % 2, 10.0) for number in (1, 2) for n in range(20)]
    assert conclusion(flops(report(models, same))) == (
        "At equal FLOPs no model is clearly better from 10 FLOP to 20 FLOP a problem."
    )


def test_the_conclusion_of_one_model_says_what_it_solves_and_for_how_much(model):
    made = report([model(1, "small", 8)], [tally(1, n, 8, 2, 10.0) for n in range(20)])
    assert conclusion(flops(made)) == (
        "small, the only model, solves 25.0 [25.0, 25.0] % with k=1 for 10 FLOP, and 100.0 [83.9, 100] % with k=8 for "
        "80 FLOP a problem."
    )
    assert "small, the only model, solves" in text_of(made)


def test_a_report_without_a_complete_problem_begins_with_that(model):
    made = report([model(1, "small", 8), model(2, "large", 8)], [])
    assert text_of(made).splitlines()[1] == "Nothing can be compared yet: no problem is complete yet."


def test_the_conclusion_about_many_models_names_only_the_nearest_of_the_others(model):
    models = [model(n, f"m{n}", 2) for n in range(1, 13)]
    many = [tally(m, n, 2, 2 * (m == 3), 10.0) for m in range(1, 13) for n in range(40)]
    said = conclusion(flops(report(models, many, budgets={Unit.FLOPS: (20.0,)})))
    assert said.startswith(
        "At 20 FLOP a problem m3 (k=2) wins: 100.0 % against 0.0 % of m1 (k=2, nearest of 11 others)"
    )
    short = conclusion(flops(report(models, many, budgets={Unit.FLOPS: (200.0,)})), {"m1": "first"})
    assert short == (
        "At 200 FLOP a problem the models cannot be compared: too few samples of first (needs k=20) and 11 other "
        "models; take a smaller budget."
    )


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (196.3, Unit.TOKENS, "196 tokens"),
        (1, Unit.SAMPLES, "1 sample"),
        (1571.0, Unit.TOKENS, "1,570 tokens"),
        (2.5e6, Unit.TOKENS, "2.5 M tokens"),
        (999.7, Unit.TOKENS, "1,000 tokens"),
        (999_700.0, Unit.TOKENS, "1 M tokens"),
    ],
)
def test_an_amount_has_its_unit(value, unit, shown):
    assert amount(value, unit) == shown


def test_no_cost_loses_its_unit_where_names_are_long(model):
    long = "somebody/a-model-with-quite-a-long-name-instruct"
    models = [model(n, f"{long}-{n}", 4) for n in (1, 2)]
    shown = text_of(report(models, [tally(m, n, 4, n % 5, 1.5e12) for m in (1, 2) for n in range(20)]))
    head = next(line for line in shown.splitlines() if "pass@1" in line)
    assert head.split()[-2:] == ["FLOPs", "seconds"]


def test_the_conclusion_names_a_winner_for_each_range_of_budgets(model):
    """Many cheap samples win at last where one expensive sample is no longer enough."""
    models = [model(1, "small", 80), model(2, "large", 20)]
    tallies = [tally(1, n, 80, 4, 10.0) for n in range(100)] + [tally(2, n, 20, 20 * (n % 2), 40.0) for n in range(100)]
    said = conclusion(flops(report(models, tallies, budgets={Unit.FLOPS: (40.0, 150.0, 400.0)})))
    assert said == (
        "At equal FLOPs large (k=1) wins at 40 FLOP a problem: 50.0 % against 18.9 % of small (k=4), a clear lead "
        "of 31.1 [20.9, 40.9] points, and small (k=40) wins at 400 FLOP a problem: 94.2 % against 50.0 % of large "
        "(k=10), a clear lead of 44.2 [34.0, 54.0] points. At the other budgets of the table no lead is clear."
    )


def test_a_lead_within_its_interval_is_no_win(model):
    models = [model(1, "small", 2), model(2, "large", 2)]
    tallies = [tally(1, n, 2, n % 2, 10.0) for n in range(20)] + [
        tally(2, n, 2, (n + n // 9) % 2, 10.0) for n in range(20)
    ]
    assert {row.finding for row in flops(report(models, tallies)).rows} == {Finding.NO_CLEAR_WINNER}


def test_a_table_of_many_claims_asks_more_of_each(model):
    """A lead that is clear by itself is none among the twenty-eight pairs of eight models that do not differ."""
    rng = np.random.default_rng(1)
    models = [model(n, f"m{n}", 1) for n in range(1, 9)]
    false, uncorrected = 0, 0
    for _ in range(15):
        made = report(models, [tally(m.id, n, 1, int(rng.random() < 0.5), 10.0) for m in models for n in range(60)])
        for row in flops(made).rows:
            leads = row.differences.values()
            false += row.finding is Finding.CLEAR
            uncorrected += any(replace(lead, p_corrected=lead.p).clear for lead in leads)
            assert all(lead.p_corrected >= lead.p for lead in leads)
    assert uncorrected > false
    assert false <= 1


def test_equal_models_have_no_winner_at_any_budget(model):
    models = [model(1, "a", 4), model(2, "b", 4)]
    tallies = [tally(m, n, 4, n % 5, 10.0) for m in (1, 2) for n in range(20)]
    assert {row.finding for row in flops(report(models, tallies)).rows} == {Finding.NO_CLEAR_WINNER}


def test_a_budget_beyond_the_samples_is_undefined_and_says_so(small_and_large):
    (row,) = flops(report(*small_and_large, budgets={Unit.FLOPS: (95.0,)})).rows
    assert row.finding is Finding.TOO_FEW_SAMPLES
    assert (row.cells[0].reach, row.cells[0].k, row.cells[0].point) == (Reach.UNDEFINED, 9, None)
    assert "undefined (k=9" in text_of(report(*small_and_large, budgets={Unit.FLOPS: (95.0,)}), width=120)


def test_a_budget_that_buys_nothing_says_so(small_and_large):
    (row,) = flops(report(*small_and_large, budgets={Unit.FLOPS: (5.0,)})).rows
    assert (row.finding, row.model) == (Finding.NOTHING_FITS, None)


def test_only_problems_complete_for_all_models_are_compared(model):
    models = [model(1, "a", 4), model(2, "b", 2)]
    tallies = [tally(1, n, 4, 1, 10.0) for n in range(6)] + [
        tally(2, n, 2, 1, 1000.0 if n == 5 else 10.0) for n in (0, 1, 5)
    ]
    tallies.append(replace(tally(2, 2, 1, 1, 10.0), sampled=2))  # one sample has no verdict
    assert complete_problems(models[1], tallies) == ["P/0", "P/1", "P/5"]
    assert shared_problems(models, tallies) == ["P/0", "P/1", "P/5"]
    made = report(models, tallies)
    assert made.compared == 3
    assert any("3 of 20 problems" in note for note in made.notes)
    assert flops(made).unit_costs["b"].each == pytest.approx((10 + 10 + 1000) / 3)


def test_a_model_without_a_complete_problem_is_named_and_does_not_stop_the_others(model):
    made = report([model(1, "a", 4), model(2, "late", 4)], [tally(1, n, 4, 1, 10.0) for n in range(20)])
    assert made.compared == 20
    assert [cell.model for cell in flops(made).rows[0].cells] == ["a"]
    assert any("late" in note for note in made.notes)


def test_a_prompt_can_be_charged_once(small_and_large):
    models, tallies = small_and_large
    each = unit_cost(models[0], tallies, Unit.SECONDS, PromptCharge.EACH)
    once = unit_cost(models[0], tallies, Unit.SECONDS, PromptCharge.ONCE)
    assert (each.once, each.each, once.once, once.each) == (0.0, 10.0, 2.5, 7.5)
    assert each.of(1) == once.of(1)
    tokens = unit_cost(models[0], tallies, Unit.TOKENS, PromptCharge.EACH)
    params = unit_cost(models[0], tallies, Unit.FLOPS_PARAMS, PromptCharge.EACH)
    assert (tokens.each, params.each) == (15.0, 2 * 1000 * 15)
    assert unit_cost(models[0], tallies, Unit.SAMPLES, PromptCharge.ONCE).of(3) == 3.0


def test_a_cost_that_is_not_known_is_not_made_up(small_and_large):
    models, tallies = small_and_large
    models = [replace(models[0], architecture=None, params=None), models[1]]
    made = report(models, tallies)
    assert flops(made).unknown == ("small",)
    assert [cell.model for cell in flops(made).rows[0].cells] == ["large"]
    assert unit_cost(models[0], tallies, Unit.FLOPS_PARAMS, PromptCharge.EACH) is None
    timeless = [replace(row, prompt_seconds=0.0, decode_seconds=0.0) for row in tallies]
    assert unit_cost(models[1], timeless, Unit.SECONDS, PromptCharge.EACH) is None


def test_the_mean_cost_weighs_problems_equally(model):
    rows = [tally(1, 0, 1, 0, 10.0), tally(1, 1, 9, 0, 30.0)]
    assert unit_cost(model(1, "a", 1), rows, Unit.FLOPS, PromptCharge.EACH).each == pytest.approx(20.0)


def test_one_problem_gives_no_interval_and_no_winner(model):
    made = report([model(1, "a", 2), model(2, "b", 2)], [tally(1, 0, 2, 2, 10.0), tally(2, 0, 2, 0, 10.0)])
    assert {row.finding for row in flops(made).rows} == {Finding.NO_CLEAR_WINNER}
    assert any("at least two problems" in note for note in made.notes)
    assert "100.0 (k=1)" in text_of(made)


def test_an_empty_study_has_a_report(model):
    made = report([model(1, "a", 2)], [])
    assert (made.compared, flops(made).rows) == (0, ())
    assert "no problem is complete yet" in text_of(made)


def test_a_running_study_is_called_interim(small_and_large):
    models, tallies = small_and_large
    running = replace(STUDY, status="running")
    made = make_report(
        StudyFacts(study=running, models=models, tallies=tallies, verdicts={}), ReportRequest(budgets={})
    )
    assert "Interim: the study is running" in text_of(made)


def text_of(made, width: int = 80) -> str:
    out = io.StringIO()
    print_report(made, Console(file=out, width=width))
    return out.getvalue()


def test_a_report_fits_eighty_columns_and_holds_no_escape_codes(model):
    long = "a-model-with-quite-a-long-name-instruct"
    models = [model(n, f"{long}-{n}", 4) for n in (1, 2, 3)]
    tallies = [tally(m, n, 4, (n + m) % 5, 1.5e12 * m) for m in (1, 2, 3) for n in range(20)]
    shown = text_of(report(models, tallies, charge=PromptCharge.ONCE))
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown
    assert "…" not in shown


def test_of_many_models_each_has_a_line_at_a_budget_with_a_name_of_its_own(model):
    names = [f"my-organisation/Some-Very-Long-Coder-Model-v{n}-Instruct-AWQ" for n in range(1, 13)]
    models = [model(n, name, 2) for n, name in enumerate(names, 1)]
    tallies = [tally(m, n, 2, 2 * (m == 3), 10.0 if m < 12 else 30.0) for m in range(1, 13) for n in range(40)]
    shown = text_of(report(models, tallies, units=(Unit.FLOPS,), budgets={Unit.FLOPS: (20.0,)}))
    table = shown[shown.index("at this budget") :].splitlines()
    assert max(map(len, shown.splitlines())) <= 80
    assert "v3" in table[2]
    assert "100.0 [91.2, 100] (k=2~)" in table[2]
    assert table[2].rstrip().endswith("wins")
    lines = [line for line in table if "(k=2~)" in line]
    assert [sum(f"v{n}…" in line for line in lines) for n in range(1, 12)] == [1] * 11
    assert "1 model " in table[13]
    assert "one costs more" in table[13]


@pytest.mark.parametrize(
    ("params", "tokens", "unit"), [(8, 10, Unit.FLOPS_PARAMS), (None, 10, Unit.TOKENS), (None, None, Unit.SAMPLES)]
)
def test_without_costs_in_flops_or_seconds_a_report_compares_in_what_is_known(model, params, tokens, unit):
    models = [replace(model(n, name, 4), architecture=None, params=params) for n, name in ((1, "small"), (2, "large"))]
    none = {"prompt_seconds": None, "decode_seconds": None, "prompt_flops": None, "decode_flops": None}
    costs = {**none, "prompt_tokens": tokens, "completion_tokens": tokens}
    tallies = [replace(tally(m, n, 4, 2 * m, 10.0), **costs) for m in (1, 2) for n in range(20)]
    made = report(models, tallies, instead=WITHOUT_COSTS)
    assert [table.unit for table in made.tables] == [unit, Unit.FLOPS, Unit.SECONDS]
    assert text_of(made).splitlines()[1].startswith(f"At equal {NAMES[unit]} ")
    assert "Nothing can be compared" not in text_of(made)
    known = [tally(m, n, 4, 2 * m, 10.0) for m in (1, 2) for n in range(20)]
    assert [table.unit for table in report(models, known, instead=WITHOUT_COSTS).tables] == [Unit.FLOPS, Unit.SECONDS]


def test_hostile_names_are_shown_and_never_obeyed(model):
    names = ["\x1b[2J\x1b[31mred", "[bold]loud[/bold]", "two\nlines\rover", "\u202egnp"]
    models = [model(n, name, 1) for n, name in enumerate(names, 1)]
    tallies = [tally(m, n, 1, 1, 10.0) for m in (1, 2, 3, 4) for n in range(3)]
    made = report(models, tallies)
    shown = text_of(made, width=200)
    assert not any(char in shown for char in "\x1b\r\u202e")
    assert "[bold]loud[/bold]" in shown
    assert json.loads(report_json(made))["models"][0]["name"] == names[0]
    assert collapse("a\n\tb") == "a b"


def test_the_json_is_stable_sorted_and_versioned(small_and_large):
    made = report(*small_and_large)
    text = report_json(made)
    jsonschema.validate(json.loads(text), output_schema("report"))
    assert text == report_json(report(*small_and_large))
    read = json.loads(text)
    assert text == json.dumps(read, sort_keys=True, indent=2)
    assert read["schema"] == 2
    assert read["methods"]["test"].startswith("paired sign-flip test")
    table = read["tables"][0]
    assert (table["unit"], table["charge"], table["rows"][0]["finding"]) == ("flops", "each", "only_one")
    assert table["rows"][1]["cells"][0]["point"]["interval"]["low"] <= table["rows"][1]["cells"][0]["point"]["rate"]


def test_csv_files_hold_every_point_and_every_lead(small_and_large, tmp_path):
    made = report(*small_and_large, units=(Unit.FLOPS,))
    curves, leads = write_csv(made, tmp_path / "new")
    rows = list(csv.DictReader(curves.read_text().splitlines()))
    assert [(row["model"], row["k"]) for row in rows] == [("small", str(k)) for k in range(1, 9)] + [
        ("large", str(k)) for k in range(1, 5)
    ]
    assert float(rows[3]["pass_rate"]) == pytest.approx(flops(made).rows[1].cells[0].point.rate)
    assert float(rows[8]["band_low"]) <= float(rows[8]["interval_low"]) <= float(rows[8]["pass_rate"])
    told = list(csv.DictReader(leads.read_text().splitlines()))
    assert [(row["budget"], row["over"]) for row in told] == [("40.0", "large"), ("80.0", "large")]
    assert all(float(row["p_corrected"]) >= float(row["p"]) for row in told)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (610e9, Unit.FLOPS, "610 GFLOP"),
        (1.5763e12, Unit.FLOPS, "1.58 TFLOP"),
        (999.9e9, Unit.FLOPS, "1 TFLOP"),
        (12, Unit.FLOPS_PARAMS, "12 FLOP"),
        (0.0431, Unit.SECONDS, "0.0431 s"),
        (12345.0, Unit.SECONDS, "12,345 s"),
        (196.15, Unit.TOKENS, "196 tokens"),
        (0.5, Unit.TOKENS, "0.5 tokens"),
    ],
)
def test_amounts_are_short(value, unit, text):
    assert amount(value, unit) == text


def test_a_report_over_many_problems_is_quick(model):
    models = [model(n, f"m{n}", 100) for n in range(1, 7)]
    tallies = [tally(m, n, 100, (7 * n + m) % 101, 10.0 * m) for m in range(1, 7) for n in range(164)]
    began = time.process_time()
    report(models, tallies)
    assert time.process_time() - began < 4.0  # of CPU, whatever else the machine does


def test_budgets_that_read_the_same_are_one_row_that_buys_what_each_would(model):
    models = [model(1, "a", 4), model(2, "b", 4)]
    tallies = [tally(1, 0, 4, 1, 195.6), tally(1, 1, 4, 2, 195.6), tally(2, 0, 4, 1, 196.4), tally(2, 1, 4, 3, 196.4)]
    rows = flops(report(models, tallies)).rows
    shown = [amount(row.budget, Unit.FLOPS) for row in rows]
    assert len(shown) == len(set(shown))
    assert shown[0] == "196 FLOP"
    assert [cell.k for cell in rows[0].cells] == [1, 1]


def test_a_budget_beyond_all_counting_is_undefined_and_not_an_error(small_and_large):
    (row,) = flops(report(*small_and_large, budgets={Unit.FLOPS: (1e300,)})).rows
    assert {cell.reach for cell in row.cells} == {Reach.UNDEFINED}


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.4, 0.61, "[40.0, 61.0]"),
        (0.65, 1.0, "[65.0, 100]"),
        (0.9, 1.0 - 1e-15, "[90.0, 100]"),  # summed in another order
        (-1e-15, 0.0, "[0, 0]"),
        (0.9996, 0.99999, "[100.0, 100.0]"),  # nearly all is not all
    ],
)
def test_an_interval_is_told_by_its_ends(low, high, said):
    assert format_interval(low, high) == said


def with_greedy(model, tallies, *, complete: bool = True):
    """The small model of the fixture, and its greedy sample, which passes on every second problem and costs 12."""
    star = replace(model(3, "small (greedy)", 1), greedy_of=1)
    answers = [tally(3, n, 1, n % 2, 12.0) for n in range(20 if complete else 10)]
    return {"greedy": [star], "tallies": [*tallies, *answers]}


def test_a_greedy_sample_is_a_point_of_its_own_and_changes_nothing_else(model, small_and_large):
    models, tallies = small_and_large
    facts = StudyFacts(study=STUDY, models=models, tallies=tallies, verdicts={})
    plain = make_report(facts, ReportRequest(budgets={}))
    starred = make_report(replace(facts, **with_greedy(model, tallies)), ReportRequest(budgets={}))
    assert [line.name for line in starred.models] == ["small", "large"]
    assert [replace(line, greedy=None) for line in starred.models] == list(plain.models)
    assert [replace(table, greedy={}) for table in starred.tables] == list(plain.tables)
    star = flops(starred).greedy["small"]
    assert (star.rate, star.cost, star.k, star.thin) == (0.5, 12.0, 1, False)
    assert star.interval is not None
    assert starred.models[0].greedy.rate == 0.5
    assert starred.models[1].greedy is None


def test_a_greedy_sample_joins_the_tables_when_all_of_its_problems_are_scored(model, small_and_large):
    models, tallies = small_and_large
    facts = StudyFacts(study=STUDY, models=models, tallies=tallies, verdicts={})
    half = make_report(replace(facts, **with_greedy(model, tallies, complete=False)), ReportRequest(budgets={}))
    assert flops(half).greedy == {}
    assert half.models[0].greedy.rate == 0.5  # alone it is shown on the problems that it has


def test_a_greedy_sample_is_printed_as_a_star_beside_its_model(model, small_and_large):
    models, tallies = small_and_large
    facts = StudyFacts(study=STUDY, models=models, tallies=tallies, verdicts={})
    made = make_report(replace(facts, **with_greedy(model, tallies)), ReportRequest(budgets={}))
    out = io.StringIO()
    print_report(made, Console(file=out, width=140))
    assert "★ small, one answer at temperature 0: 50.0 [" in out.getvalue()
    assert "for 12 FLOP." in out.getvalue()
    told = json.loads(report_json(made))
    assert told["tables"][0]["greedy"]["small"]["rate"] == 0.5
    jsonschema.validate(told, output_schema("report"))


def test_a_third_unit_tells_its_costs_beside_its_own_table_and_the_models_table_stays_narrow(small_and_large):
    models, tallies = small_and_large
    priced = [replace(one, costs=GivenCosts(prompt_dollars=0.5, completion_dollars=1.5)) for one in models]
    made = report(priced, tallies, units=(Unit.FLOPS, Unit.SECONDS, Unit.DOLLARS))
    out = io.StringIO()
    print_report(made, Console(file=out, width=80))
    head = next(line for line in out.getvalue().splitlines() if "pass@1" in line)
    assert "dollars" not in head
    assert "A sample costs on average: small 12.5 µ$, large 12.5 µ$." in out.getvalue()


@pytest.mark.parametrize(
    ("dollars", "shown"), [(2.5e-6, "2.5 µ$"), (0.002, "$0.002"), (12.5, "$12.5"), (12345.0, "$12,345")]
)
def test_dollars_read_as_dollars(dollars, shown):
    assert amount(dollars, Unit.DOLLARS) == shown
