from __future__ import annotations

import gzip
import json
import threading

import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.importing.importer import import_files
from sampler.importing.sample_files import ImportRequest
from sampler.reporting.comparison import NotComparable, compare
from sampler.reporting.inputs import CountsError, load_paired, read_counts, read_facts, source
from sampler.reporting.paired_data import paired_data
from sampler.reporting.report import ReportRequest, make_report
from sampler.running.stored import StoredScoring, score_stored
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.passk import Reach
from sampler.store.writer import Store

EVALPERF = "evalperf_counts_34models_118tasks_n100.json.gz"


@pytest.fixture
def counts_file(tmp_path):
    def writing(name="counts.json", **models):
        path = tmp_path / name
        path.write_text(json.dumps(models), encoding="utf-8")
        return path

    return writing


def entry(n, passed, **more):
    return {"n": n, "correct": {f"P/{at}": c for at, c in enumerate(passed)}, **more}


@pytest.fixture
def small_and_large(counts_file):
    """The small model is at its best when asked often, the large one when asked once."""
    return counts_file(
        small=entry(16, [2, 4, 1, 3, 2, 5, 0, 4] * 5, params=1e9),
        large=entry(4, [3, 2, 2, 4, 3, 3, 0, 0] * 5, params=4e9),
    )


def sides(path, first="small", second="large"):
    return load_paired((source(f"{path}:{first}"), source(f"{path}:{second}")), {})


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Llama-3.1-8B", (64.35, 89.1, 95.8)),
        ("meta-llama--Llama-3.1-70B", (77.26, 96.1, 99.0)),
        ("Qwen2.5-14B", (82.48, 97.3, 98.7)),
        ("Qwen2.5-72B", (88.28, 95.4, 96.6)),
        ("gemma-2-9b", (68.08, 79.0, 83.7)),
        ("gemma-2-27b", (80.24, 91.5, 93.1)),
    ],
)
def test_published_counts_give_the_published_rates(shared_data, model, expected):
    facts = read_counts(shared_data / EVALPERF)
    found = next(row for row in facts.models if model in row.name)
    points = paired_data([found], facts.tallies, 0).curves[found.id].points
    shown = [f"{100 * points[k - 1].rate:.{2 if k == 1 else 1}f}" for k in (1, 10, 50)]
    assert shown == [f"{expected[0]:.2f}", f"{expected[1]:.1f}", f"{expected[2]:.1f}"]


@pytest.mark.parametrize(
    ("small", "large", "k", "rates"),
    [
        (("Llama-3.1-8B", 8.03e9), ("meta-llama--Llama-3.1-70B", 70.6e9), 8, (87.9, 77.3)),
        (("Qwen2.5-14B", 14.8e9), ("Qwen2.5-72B", 72.7e9), 4, (93.9, 88.3)),
        (("deepseek-coder-6.7b", 6.74e9), ("deepseek-coder-33b", 33.3e9), 4, (87.8, 77.5)),
        (("gemma-2-9b", 9.24e9), ("gemma-2-27b", 27.2e9), 2, (72.5, 80.2)),
    ],
)
def test_at_equal_parameters_small_models_win_three_times_and_lose_once(shared_data, small, large, k, rates):
    path = shared_data / EVALPERF
    paired = load_paired(
        (source(f"{path}:{small[0]}"), source(f"{path}:{large[0]}")), {small[0]: small[1], large[0]: large[1]}
    )
    (step,) = compare(paired, Unit.FLOPS_128, PromptCharge.EACH, [256 * large[1]]).rows
    assert step.ks == (k, 1)
    assert [100 * rate for rate in step.rates] == pytest.approx(rates, abs=0.06)
    assert (step.difference.mean > 0) == (rates[0] > rates[1])
    assert step.difference.clear
    assert step.difference.interval.half < 0.08


def test_a_comparison_says_where_the_leader_changes(small_and_large):
    made = compare(sides(small_and_large), Unit.FLOPS_128, PromptCharge.EACH)
    unit = 256e9
    assert made.names == ("small", "large")
    assert [step.budget for step in made.steps] == [unit * k for k in range(4, 17)]
    assert made.steps[0].ks == (4, 1)
    assert made.crossover.leader == "small"
    for step in made.steps:
        assert step.band.low <= step.difference.interval.low <= step.difference.mean <= step.band.high
        assert step.difference.mean == pytest.approx(step.rates[0] - step.rates[1])
    rows = made.rows
    assert len(rows) < len(made.steps)
    assert all(step.difference.p_corrected >= step.difference.p for step in made.steps)
    assert len(made.fixed) == 0
    assert made.broken == tuple(f"P/{at}" for at in range(40) if at % 8 == 7)


@pytest.fixture
def three_alike(counts_file):
    """A pair with a lead that two models show, and three do not: 9 problems of 40 speak for the first, 1 against it."""
    first, second = [4] * 20 + [0] * 20, [4] * 11 + [0] * 9 + [4] + [0] * 19
    third = [0, 4] * 20
    return counts_file(a=entry(4, first), b=entry(4, second), c=entry(4, third))


def test_two_models_of_a_study_are_called_apart_only_where_its_report_does(three_alike, counts_file):
    """The claims of a comparison are corrected for every model of the study, as the report's are."""
    path = three_alike
    within = compare(sides(path, "a", "b"), Unit.SAMPLES, PromptCharge.EACH)
    assert within.family == ("a", "b", "c")
    reported = make_report(read_counts(path), ReportRequest(units=(Unit.SAMPLES,), budgets={}))
    for row in reported.tables[0].rows:
        lead = next(lead for other, lead in row.differences.items() if other in "ab")
        step = next(step for step in within.steps if step.budget == row.budget)
        assert step.difference.p_corrected == lead.p_corrected
        assert step.difference.clear == lead.clear
    alone = counts_file("two.json", a=entry(4, [4] * 20 + [0] * 20), b=entry(4, [4] * 11 + [0] * 9 + [4] + [0] * 19))
    of_two = compare(sides(alone, "a", "b"), Unit.SAMPLES, PromptCharge.EACH)
    assert of_two.steps[0].difference.p == pytest.approx(within.steps[0].difference.p, abs=0.01)
    assert of_two.steps[0].difference.p_corrected < within.steps[0].difference.p_corrected


def test_while_the_report_is_of_fewer_problems_no_lead_is_called_clear(counts_file):
    """A third model that has only some of the problems yet: the pair is shown on its own, and nothing is claimed."""
    half = {"n": 4, "correct": {f"P/{at}": 2 for at in range(10)}}
    path = counts_file(a=entry(4, [4] * 40), b=entry(4, [0] * 40), c=half)
    made = compare(sides(path, "a", "b"), Unit.SAMPLES, PromptCharge.EACH)
    assert (made.problems, made.family) == (40, ())
    assert not any(step.difference.clear for step in made.steps)
    assert made.steps[0].difference.p < 0.001
    shown = CliRunner().invoke(cli, ["compare", f"{path}:a", f"{path}:b", "--unit", "samples"])
    assert "No lead is called clear yet" in shown.output
    assert "No clear leader at the largest budget" in shown.output


def test_one_problem_with_fewer_samples_does_not_cut_the_others_in_silence(tmp_path, support):
    """Twenty problems of twenty samples, but one of one.

    Pass@k ends at k = 1, and everything that is printed says why.
    """
    path = tmp_path / "uneven.db"
    support.write_study(tmp_path, count=20)
    file = tmp_path / "in.jsonl"
    lines = (
        {"task_id": f"P/{n}", "model": name, "completion": f"    return x + {at}\n", "params": 1}
        for name in ("a", "b")
        for n in range(20)
        for at in range(1 if (n, name) == (7, "a") else 20)
    )
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Store(path) as store:
        import_files(ImportRequest(files=(file,), study="s", problems=str(tmp_path / "problems.jsonl")), store)
        (study,) = (read_facts(path).study,)
        request = StoredScoring(study=study, problems=None, executor=lambda _limits: support.FakeExecutor(), boxes=None)
        score_stored(request, store, lambda _event: None, threading.Event())
    said = "a: pass@k ends at k = 1, because 1 of 20 problems (P/7) have no more samples; others have up to 20."
    asked = ["--unit", "samples"]
    for command in (["report", str(path)], ["analyse", str(path)], ["compare", f"{path}:a", f"{path}:b"]):
        shown = " ".join(CliRunner().invoke(cli, [*command, *asked]).output.split())
        assert said in shown, command
        told = json.loads(CliRunner().invoke(cli, [*command, *asked, "--json"]).output)
        assert any(note.startswith(said) for note in told["notes"])


@pytest.mark.parametrize("budget", ["nan", "inf", "-5", "0", "much"])
def test_a_budget_that_is_none_is_refused(small_and_large, budget):
    for command in (
        ["compare", f"{small_and_large}:small", f"{small_and_large}:large"],
        ["analyse", str(small_and_large)],
    ):
        done = CliRunner().invoke(cli, [*command, "--unit", "flops_128", "--budget", budget])
        assert done.exit_code == Exit.USAGE
        assert "is no budget; write a number above 0" in done.output


def test_each_rate_of_a_comparison_has_the_interval_that_a_report_gives_it(small_and_large):
    paired = sides(small_and_large)
    for step in compare(paired, Unit.FLOPS_128, PromptCharge.EACH).steps:
        for model, k, rate, near in zip(paired.models, step.ks, step.rates, step.intervals, strict=True):
            point = paired.curves[model.id].points[k - 1]
            assert near == point.interval
            assert rate == pytest.approx(point.rate)
    shown = CliRunner().invoke(
        cli, ["compare", f"{small_and_large}:small", f"{small_and_large}:large", "--unit", "flops_128"]
    )
    row = next(line for line in shown.output.splitlines() if " TFLOP" in line)
    assert row.count("[") == 3


def test_problems_that_only_one_side_solves_are_named(counts_file):
    path = counts_file(a=entry(2, [1, 0, 2]), b=entry(2, [0, 1, 1]))
    made = compare(sides(path, "a", "b"), Unit.SAMPLES, PromptCharge.EACH)
    assert (made.fixed, made.broken) == (("P/1",), ("P/0",))


def test_other_problems_are_refused(counts_file):
    one = counts_file("one.json", a=entry(2, [1, 0]))
    other = counts_file("other.json", a={"n": 2, "correct": {"Q/0": 1, "Q/1": 2}})
    with pytest.raises(NotComparable, match="different problems"):
        load_paired((source(str(one)), source(str(other))), {})


def test_two_files_of_one_model_keep_apart(counts_file):
    before, after = (counts_file(name, m=entry(2, passed)) for name, passed in (("a.json", [1, 0]), ("b.json", [2, 1])))
    made = compare(load_paired((source(str(before)), source(str(after))), {}), Unit.SAMPLES, PromptCharge.EACH)
    assert made.names == ("m (a)", "m (b)")
    assert made.steps[0].difference.mean == pytest.approx(-0.5)
    (before.parent / "other").mkdir()
    alike = before.rename(before.parent / "other" / "b.json")  # two files of one name, in two folders
    made = compare(load_paired((source(str(alike)), source(str(after))), {}), Unit.SAMPLES, PromptCharge.EACH)
    assert made.names == (f"m ({alike})", f"m ({after})")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"params": "8b"}, "params is '8b', not a number"),
        ({"params": -5}, "params is -5, not a number"),
        ({"params": True}, "params is True, not a number"),
        ({"params": float("nan")}, "params is nan, not a number"),
        ({"flops": "1e9"}, "table_flops must be a number"),
        ({"seconds": 1e308}, "table_seconds must be a number"),  # a sum of them would be infinite
    ],
)
def test_what_a_counts_file_says_of_a_model_is_checked(counts_file, told, said):
    with pytest.raises(CountsError, match=said):
        read_counts(counts_file(a=entry(2, [1, 0], **told)))


@pytest.mark.parametrize(
    ("models", "asked", "said"),
    [
        ({"a": entry(2, [1, 1])}, ("a", "a"), "on both sides"),
        ({"a": entry(2, [1, 1]), "ab": entry(2, [1, 1])}, ("ab", "x"), "no model is called"),
        ({"ax": entry(2, [1, 1]), "ay": entry(2, [1, 1])}, ("a", "ax"), "is part of 2 names"),
    ],
)
def test_what_is_not_one_model_is_refused(counts_file, models, asked, said):
    with pytest.raises((NotComparable, CountsError), match=said):
        sides(counts_file(**models), *asked)


def test_an_unknown_cost_and_a_budget_beyond_the_samples_are_refused(small_and_large, counts_file):
    with pytest.raises(NotComparable, match="seconds is not known"):
        compare(sides(small_and_large), Unit.SECONDS, PromptCharge.EACH)
    with pytest.raises(NotComparable, match="no budget buys"):
        compare(sides(small_and_large), Unit.FLOPS_128, PromptCharge.EACH, [1.0])
    path = counts_file(small=entry(2, [1, 0], params=1e9), large=entry(2, [1, 0], params=1e12))
    with pytest.raises(NotComparable, match="draw more of the cheaper"):
        compare(sides(path), Unit.FLOPS_128, PromptCharge.EACH)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"a":' + "[" * 100_000,
        '{"m": {}}',
        '{"m": {"n": 2, "correct": {"p": 3}}}',
        '{"m": {"n": true, "correct": {"p": 0}}}',
    ],
)
def test_what_is_no_counts_file_is_refused(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(CountsError, match=r"bad\.json"):
        read_counts(path)


def test_a_packed_file_reads_the_same_and_a_cut_one_is_refused(small_and_large, tmp_path):
    packed = tmp_path / "counts.json.gz"
    packed.write_bytes(gzip.compress(small_and_large.read_bytes()))
    assert read_counts(packed).tallies == read_counts(small_and_large).tallies
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(CountsError, match="cannot read"):
        read_counts(packed)


def test_counts_make_a_report_like_any_store(small_and_large):
    made = make_report(read_counts(small_and_large), ReportRequest(units=(Unit.FLOPS_128,), budgets={}))
    assert made.compared == 40
    assert [cell.reach for cell in made.tables[0].rows[-1].cells] == [Reach.REACHED] * 2


def test_the_command_prints_a_table_and_json(small_and_large):
    asked = ["compare", f"{small_and_large}:small", f"{small_and_large}:large", "--unit", "flops_128"]
    shown = CliRunner().invoke(cli, asked)
    assert shown.exit_code == Exit.OK
    assert "small (A) against large (B)" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80
    told = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).output)
    assert told["schema"] == 2
    assert told["steps"][0]["difference"]["interval"]["low"] <= told["steps"][0]["difference"]["mean"]


def test_the_command_says_what_is_wrong(small_and_large, tmp_path):
    one = CliRunner().invoke(cli, ["compare", str(small_and_large), str(small_and_large)])
    assert one.exit_code == Exit.USAGE
    assert "holds 2 models" in one.output
    bad = CliRunner().invoke(cli, ["compare", "a", "b", "--params", "x=y"])
    assert "is not MODEL=N" in bad.output
    assert CliRunner().invoke(cli, ["compare", str(tmp_path / "no"), "b"]).exit_code == Exit.STORE
