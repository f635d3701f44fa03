"""The gate: what it lets through, what not, and what it refuses to compare."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from sampler.commands import cli
from sampler.commands.gate import decision_json, print_decision, verdict_line
from sampler.exit_codes import Exit
from sampler.gating import Decision, Mode, Pair, Rule, Side, decide
from sampler.running.ci import ANNOTATIONS, SUMMARY_BYTES, CiCase, CiOutcome, junit, remarks, summary
from sampler.running.headless import run_study
from sampler.stats.budget import Unit
from sampler.study.spec import load_study

NON_INFERIOR = Rule(mode=Mode.NON_INFERIOR, max_drop=0.05)


def pair(before: list[float] | None, after: list[float], **changed: object) -> Pair:
    values: dict = {"model": "m", "budget": 1e9, "problems": tuple(f"P/{n}" for n in range(len(after)))}
    then = None if before is None else Side(k=1, rates=tuple(before))
    return Pair(**{**values, "after": Side(k=1, rates=tuple(after)), "before": then, **changed})


def coins(count: int, chance: float, seed: int) -> list[float]:
    return np.random.default_rng(seed).binomial(4, chance, size=count).astype(float).__truediv__(4).tolist()


def printed(decision: Decision, width: int = 120) -> str:
    out = io.StringIO()
    print_decision(decision, Unit.FLOPS, Console(file=out, width=width))
    return out.getvalue()


def test_what_is_told_of_a_comparison_stays_under_it_on_a_narrow_terminal() -> None:
    same = coins(60, 0.5, 3)
    lines = printed(decide([pair(same, same)], Rule()), width=60).splitlines()
    assert lines[0].startswith("pass")
    assert [line for line in lines[1:-1] if not line.startswith("      ")] == []
    assert lines[-1].startswith("gate: PASS")


class TestSignificant:
    def test_a_clear_drop_fails_and_the_line_says_so(self) -> None:
        decision = decide([pair(coins(100, 0.7, 1), coins(100, 0.4, 2))], Rule())
        assert not decision.passed
        line = verdict_line(decision, Unit.FLOPS)
        assert line.startswith("gate: FAIL (1 of 1 comparison, significant, alpha 0.05): m at 1 GFLOP: dropped by ")
        assert "more than 2.0 (p = " in line

    def test_a_gain_passes_and_so_does_no_change(self) -> None:
        same = coins(60, 0.5, 3)
        assert decide([pair(coins(60, 0.4, 1), coins(60, 0.7, 2))], Rule()).passed
        decision = decide([pair(same, same)], Rule(max_drop=0.0))
        assert decision.passed
        assert verdict_line(decision, Unit.FLOPS) == "gate: PASS (1 comparison, significant, alpha 0.05)"

    def test_a_drop_that_is_allowed_passes_however_sure_it_is(self) -> None:
        before = [1.0] * 50 + [0.0] * 50
        after = [1.0] * 40 + [0.0] * 60
        assert not decide([pair(before, after)], Rule(max_drop=0.02)).passed
        assert decide([pair(before, after)], Rule(max_drop=0.1)).passed

    def test_many_comparisons_are_corrected(self) -> None:
        """One comparison of these fails alone; among twenty that show nothing it does not."""
        rng = np.random.default_rng(8)
        before, after = [1.0] * 5 + [0.5] * 55, [0.0] * 5 + [0.5] * 55
        alone = pair(before, after)
        quiet = [pair(rows := rng.random(60).tolist(), rows, model=f"quiet {n}") for n in range(20)]
        single, many = decide([alone], Rule(max_drop=0.0)), decide([alone, *quiet], Rule(max_drop=0.0))
        assert not single.passed
        assert many.checked[0].drop.corrected == pytest.approx(min(1.0, 21 * many.checked[0].drop.p))

    def test_what_is_paired_is_seen_where_unpaired_it_would_not_be(self) -> None:
        hard = np.linspace(0, 0.9, 80)
        decision = decide([pair((hard + 0.05).tolist(), hard.tolist())], Rule(max_drop=0.0))
        assert not decision.passed
        assert decision.checked[0].drop.mean == pytest.approx(0.05)


class TestNonInferior:
    def test_it_fails_closed_where_the_problems_are_too_few(self) -> None:
        few, many = coins(20, 0.5, 1), coins(100, 0.5, 1)
        assert not decide([pair(few, few)], NON_INFERIOR).passed
        assert decide([pair(many, many)], NON_INFERIOR).passed

    def test_a_drop_fails_it_and_a_gain_passes(self) -> None:
        assert not decide([pair(coins(200, 0.7, 1), coins(200, 0.6, 2))], NON_INFERIOR).passed
        assert decide([pair(coins(200, 0.4, 1), coins(200, 0.7, 2))], NON_INFERIOR).passed

    def test_a_rise_from_nothing_to_everything_passes_with_few_problems(self) -> None:
        assert decide([pair([0.0] * 8, [1.0] * 8)], Rule(mode=Mode.NON_INFERIOR)).passed

    def test_where_nothing_differs_it_passes_with_as_many_problems_as_it_says(self) -> None:
        rule, rates = Rule(mode=Mode.NON_INFERIOR), coins(200, 0.5, 1)
        failed = decide([pair(rates[:20], rates[:20])], rule)
        needed = failed.checked[0].drop.needed
        assert f"with no true drop, {needed} problems like these would be enough" in failed.checked[0].against[0]
        assert needed < 149, "as many as it takes to see one problem of fifty with a chance of 95 %"
        assert decide([pair(rates[:needed], rates[:needed])], rule).passed
        assert not decide([pair(rates[: needed - 1], rates[: needed - 1])], rule).passed

    def test_as_many_problems_as_it_says_let_four_of_five_unchanged_models_through(self) -> None:
        rng = np.random.default_rng(3)
        chances = rng.beta(0.4, 0.6, size=60)
        before, after = (rng.binomial(8, chances) / 8 for _ in range(2))
        needed = decide([pair(before.tolist(), after.tolist())], NON_INFERIOR).checked[0].drop.needed
        passed = 0
        for _ in range(200):
            chances = rng.beta(0.4, 0.6, size=needed)
            sides = [(rng.binomial(8, chances) / 8).tolist() for _ in range(2)]
            passed += decide([pair(*sides)], NON_INFERIOR).passed
        assert 0.65 <= passed / 200 <= 0.95

    @pytest.mark.parametrize("mode", Mode)
    def test_samples_against_themselves_have_lost_nothing(self, mode: Mode) -> None:
        few = coins(5, 0.5, 1)
        decision = decide([pair(few, few, same=True)], Rule(mode=mode))
        assert decision.passed
        assert "before and after are the same samples" in printed(decision)

    def test_no_data_can_show_that_nothing_at_all_was_lost(self) -> None:
        with pytest.raises(ValueError, match="needs some drop that is allowed"):
            Rule(mode=Mode.NON_INFERIOR, max_drop=0.0)


class TestMinimum:
    """A minimum is tested as the verdict's line says: by mode, at alpha, corrected with all other tests."""

    def test_significant_fails_what_is_shown_to_solve_less(self) -> None:
        rates = [1.0, 0.0, 0.0, 0.0]
        assert decide([pair(None, rates)], Rule(least=0.26)).passed, (
            "four problems do not show that 25 % are less than 26"
        )
        for sides in (None, rates * 25):
            failed = decide([pair(sides, rates * 25)], Rule(least=0.4))
            (said,) = failed.checked[0].against
            assert said.startswith("solves 25.0%, less than the minimum of 40.0% (p = ")
        assert decide([pair(None, rates * 25)], Rule(least=0.4, margin=0.1)).passed
        assert decide([pair(None, rates * 25)], Rule(least=0.25)).passed

    def test_non_inferior_fails_what_is_not_shown_to_solve_as_much_and_says_what_it_would_take(self) -> None:
        rates = [1.0, 0.0, 0.0, 0.0]
        for least, enough in ((0.2, "problems like these would be enough"), (0.26, "p = ")):
            failed = decide([pair(None, rates)], replace(NON_INFERIOR, least=least))
            (said,) = failed.checked[0].against
            assert said.startswith(f"solves 25.0%, not shown to reach the minimum of {least:.1%} (p = ")
            assert enough in said
        assert failed.checked[0].minimum.needed is None, "no number of problems shows what is not measured"
        assert decide([pair(None, rates * 25)], replace(NON_INFERIOR, least=0.2, margin=0.05)).passed

    def test_as_many_problems_as_it_names_are_enough_four_times_of_five(self) -> None:
        rule, kind = replace(NON_INFERIOR, least=0.4), np.array(coins(400, 0.5, 7))
        needed = decide([pair(None, kind[:20].tolist())], rule).checked[0].minimum.needed
        rng = np.random.default_rng(0)
        passed = [decide([pair(None, rng.choice(kind[:20], needed).tolist())], rule).passed for _ in range(200)]
        assert 0.7 <= np.mean(passed) <= 0.9

    def test_everything_can_be_asked_for_but_not_be_shown(self) -> None:
        assert not decide([pair(None, [1.0, 0.95, 1.0])], Rule(least=1.0)).passed
        assert decide([pair(None, [1.0, 1.0, 1.0])], Rule(least=1.0)).passed
        with pytest.raises(ValueError, match="no data can show that everything is solved"):
            replace(NON_INFERIOR, least=1.0)

    def test_minimums_and_drops_are_corrected_together(self) -> None:
        rates = [1.0, 0.0, 0.0, 0.0] * 5
        alone = decide([pair(None, rates)], Rule(least=0.5)).checked[0].minimum
        among = decide([pair(rates, rates)] * 3, Rule(least=0.5)).checked[0].minimum
        assert among.corrected == pytest.approx(min(1.0, 6 * alone.p))


def test_problems_that_were_broken_and_fixed_are_named() -> None:
    drop = decide([pair([0.5, 0.0, 1.0, 0.0], [0.0, 0.25, 1.0, 0.0])], Rule()).checked[0].drop
    assert (drop.broken, drop.fixed) == (("P/0",), ("P/1",))


def test_where_no_problem_differs_no_size_of_a_drop_is_promised() -> None:
    rates = [1.0, 0.0, 0.5, 0.25]
    same = decide([pair(rates, rates)], Rule())
    assert same.checked[0].drop.detectable is None
    assert json.loads(decision_json(same, Unit.FLOPS))["comparisons"][0]["detectable"] is None
    assert "no problem differs" in printed(same)
    other = decide([pair(rates, rates[::-1])], Rule(max_drop=0.02))
    assert other.checked[0].drop.detectable > 0.02
    assert "points in 80% of all gates" in printed(other)


def test_a_gate_over_nothing_or_over_one_problem_is_no_gate() -> None:
    with pytest.raises(ValueError, match="over nothing"):
        decide([], Rule())
    with pytest.raises(ValueError, match="at least two problems"):
        pair([1.0], [1.0])


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30), st.sampled_from(list(Mode)))
def test_the_line_and_the_decision_are_one(rates: list[tuple[float, float]], mode: Mode) -> None:
    before, after = map(list, zip(*rates, strict=True))
    decision = decide([pair(before, after)], Rule(mode=mode, max_drop=0.1))
    assert decision.passed == verdict_line(decision, Unit.FLOPS).startswith("gate: PASS")
    mean, interval = decision.checked[0].drop.mean, decision.checked[0].drop.interval
    assert mean == pytest.approx(np.mean(before) - np.mean(after))
    assert interval.low - 1e-9 <= interval.high


def test_a_model_against_itself_seldom_fails() -> None:
    """tests/bench/gate_null.py does this a thousand times; here few, with a bound that chance exceeds once in 3,000."""
    rng = np.random.default_rng(4)
    failed = 0
    for _ in range(100):
        chances = rng.beta(0.4, 0.6, size=60)
        before, after = (rng.binomial(8, chances) / 8 for _ in range(2))
        failed += not decide([pair(before.tolist(), after.tolist())], Rule(max_drop=0.0)).passed
    assert failed <= 13


class TestCommand:
    @pytest.fixture
    def stores(self, tmp_path: Path, support) -> tuple[Path, Path]:
        """A store where half of the samples are right, and one of the same study where none is."""
        study = load_study(support.write_study(tmp_path, count=40))
        good, bad = tmp_path / "good.db", tmp_path / "bad.db"
        run_study(replace(study, store=good), support.rule_dependencies(), lambda _: None)
        wrong = support.RuleBackend("small", text="    return 0\n")
        run_study(replace(study, store=bad), support.rule_dependencies(wrong), lambda _: None)
        return good, bad

    def call(self, *words: object, **environment: str):
        return CliRunner().invoke(cli, ["gate", *map(str, words)], env=environment)

    def test_what_got_worse_fails_with_exit_code_1_and_what_did_not_passes(self, stores) -> None:
        good, bad = stores
        failed = self.call(bad, "--baseline", good, "--at", "1e5", "--unit", "tokens", "--at", "30")
        assert failed.exit_code == Exit.USAGE
        assert "buys 6666 samples, and 4 were drawn; give an --at below 75" in failed.stderr
        failed = self.call(bad, "--baseline", good, "--at", "15", "--unit", "tokens", "--at", "60")
        assert failed.exit_code == Exit.GATE, failed.output
        last = failed.stdout.splitlines()[-1]
        assert last.startswith(
            "gate: FAIL (2 of 2 comparisons, significant, alpha 0.05): small at 15 tokens: dropped by"
        )
        passed = self.call(good, "--baseline", good, "--at", "15", "--unit", "tokens")
        assert (passed.exit_code, passed.stdout.splitlines()[-1][:10]) == (Exit.OK, "gate: PASS")

    def test_json_says_the_same(self, stores) -> None:
        good, bad = stores
        done = self.call(bad, "--baseline", good, "--at", "15", "--unit", "tokens", "--json")
        told = json.loads(done.stdout)
        assert (done.exit_code, told["passed"], told["comparisons"][0]["passed"]) == (Exit.GATE, False, False)
        assert told["comparisons"][0]["drop"] == pytest.approx(told["comparisons"][0]["before"]["rate"])

    def test_a_copy_of_a_store_whose_verdicts_have_changed_is_compared_as_any_other(
        self, stores, tmp_path: Path
    ) -> None:
        changed = tmp_path / "changed.db"
        with closing(sqlite3.connect(stores[0])) as source, closing(sqlite3.connect(changed)) as copy:
            source.backup(copy)
        with closing(sqlite3.connect(changed)) as connection, connection:
            connection.execute("UPDATE tally SET passed = passed / 3")
        done = self.call(changed, "--baseline", stores[0], "--unit", "tokens")
        assert (done.exit_code, done.stdout.splitlines()[-1][:10]) == (Exit.GATE, "gate: FAIL")

    def test_a_minimum_needs_no_baseline(self, stores) -> None:
        good, bad = stores
        asked = ("--at", "60", "--unit", "tokens", "--min", "0.5")
        assert [self.call(store, *asked).exit_code for store in (good, bad)] == [Exit.OK, Exit.GATE]
        told = json.loads(self.call(bad, *asked, "--margin", "0.1", "--json").stdout)
        assert told["margin"] == 0.1
        assert told["comparisons"][0]["minimum"]["floor"] == pytest.approx(0.4)
        assert told["comparisons"][0]["minimum"]["p"] < 0.05

    def test_without_an_at_the_budgets_are_those_of_the_report(self, stores) -> None:
        good, bad = stores
        done = self.call(bad, "--baseline", good, "--unit", "tokens", "--json")
        shown = json.loads(CliRunner().invoke(cli, ["report", str(good), "--unit", "tokens", "--json"]).stdout)
        assert [one["budget"] for one in json.loads(done.stdout)["comparisons"]] == [
            row["budget"] for row in shown["tables"][0]["rows"]
        ]

    def test_without_an_at_the_study_s_own_budgets_are_taken(self, tmp_path: Path, support) -> None:
        path = support.write_study(tmp_path, count=40)
        path.write_text(path.read_text() + "\n[report.budgets]\ntokens = [5, 30, 60, 1000]\n")
        study = load_study(path)
        run_study(study, support.rule_dependencies(), lambda _: None)
        done = self.call(study.store, "--min", "0.1", "--unit", "tokens", "--json")
        assert [one["budget"] for one in json.loads(done.stdout)["comparisons"]] == [30, 60], "those that can be read"

    def test_a_store_against_itself_passes_in_both_modes(self, stores) -> None:
        for mode in Mode:
            done = self.call(stores[0], "--baseline", stores[0], "--unit", "tokens", "--mode", mode.value)
            assert (done.exit_code, done.stdout.splitlines()[-1][:10]) == (Exit.OK, "gate: PASS")

    def test_different_problems_are_refused(self, stores, tmp_path: Path, support) -> None:
        good, _ = stores
        other = tmp_path / "other"
        other.mkdir()
        run_study(load_study(support.write_study(other, count=39)), support.rule_dependencies(), lambda _: None)
        done = self.call(other / "study.db", "--baseline", good, "--at", "15", "--unit", "tokens")
        assert done.exit_code == Exit.STORE
        assert "are of different problems" in done.stderr

    def test_an_unfinished_study_is_no_basis(self, stores) -> None:
        good, bad = stores
        with closing(sqlite3.connect(bad)) as connection, connection:
            connection.execute("UPDATE tally SET scored = scored - 1 WHERE problem_id = 1")
        done = self.call(bad, "--baseline", good, "--at", "15", "--unit", "tokens")
        assert done.exit_code == Exit.INCOMPLETE
        assert "159 of 160 verdicts" in done.stderr

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            ([], Exit.USAGE, "give --baseline, or --min, or both"),
            (["--baseline", "nowhere.db"], Exit.STORE, "there is no store at 'nowhere.db'"),
            (["--baseline", "tried"], Exit.USAGE, "no baseline of itself"),
            (["--min", "0.1", "--model", "large"], Exit.USAGE, "no model is called 'large'; name one of: small"),
            (["--min", "35"], Exit.USAGE, "a minimum is a share of problems"),
            (["--min", "0.5", "--margin", "2"], Exit.USAGE, "a margin is a share of problems"),
            (["--min", "0.1", "--unit", "seconds", "--max-drop", "2"], Exit.USAGE, "a drop is a share of problems"),
        ],
    )
    def test_what_cannot_be_compared_is_one_line(self, stores, words, code, said) -> None:
        done = self.call(stores[0], "--at", "15", *(() if "--unit" in words else ("--unit", "tokens")), *words)
        assert (done.exit_code, done.stdout) == (code, "")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1

    def test_ci_gets_its_files(self, stores, tmp_path: Path) -> None:
        good, bad = stores
        page = tmp_path / "summary.md"
        page.write_text("before\n")
        done = self.call(
            bad,
            "--baseline",
            good,
            "--at",
            "15",
            "--unit",
            "tokens",
            "--junit",
            tmp_path / "new" / "j.xml",
            GITHUB_STEP_SUMMARY=str(page),
            GITHUB_ACTIONS="true",
        )
        (suite,) = ET.parse(tmp_path / "new" / "j.xml").getroot()
        assert (suite.get("name"), suite.get("failures"), suite[0].get("name")) == (
            "small",
            "1",
            "gate: pass@15 tokens",
        )
        assert page.read_text().startswith("before\n### gate\\: FAIL")
        assert "::error title=small%3A gate%3A pass@15 tokens::dropped by " in done.stderr


HOSTILE = st.text(st.characters(codec=None), max_size=30)
CASES = st.lists(
    st.builds(CiCase, suite=HOSTILE, name=HOSTILE, outcome=st.sampled_from(list(CiOutcome)), message=HOSTILE),
    max_size=15,
)


class TestFiles:
    @given(CASES)
    def test_junit_is_xml_whatever_a_name_holds(self, cases: list[CiCase]) -> None:
        root = ET.fromstring(junit(cases).encode("utf-8", "replace"))
        assert root.get("tests") == str(len(cases))
        assert float(root.get("time", "")) == pytest.approx(sum(case.seconds for case in cases), abs=0.01)
        assert len(root.findall(".//failure")) == sum(case.outcome is CiOutcome.FAILED for case in cases)

    @given(CASES)
    def test_an_annotation_is_one_line_and_no_more_than_are_shown(self, cases: list[CiCase]) -> None:
        lines = remarks(cases)
        assert len(lines) <= ANNOTATIONS
        assert all("\n" not in line and "\r" not in line and line.startswith("::error title=") for line in lines)

    @given(CASES)
    def test_a_summary_has_a_row_for_each_case_and_no_markup_of_theirs(self, cases: list[CiCase]) -> None:
        told = summary("t", cases)
        assert len(told.strip("\n").split("\n")) == 4 + len(cases)
        assert "<" not in told

    def test_a_summary_is_cut_before_github_refuses_it(self) -> None:
        told = summary("t", [CiCase(suite="s", name="n", outcome=CiOutcome.PASSED, message="x" * 1000)] * 2000)
        assert len(told.encode()) < SUMMARY_BYTES
        assert told.endswith("cut here: too long for a summary\n")
