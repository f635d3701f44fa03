from __future__ import annotations

import pytest

from sampler.exit_codes import Exit
from sampler.reporting.inputs import read_report
from sampler.running.headless import run_study
from sampler.running.looks import UnknownCost
from sampler.store.reader import Reader
from sampler.study.spec import load_study
from sampler.study.toml_table import SpecError

OTHER = """
[[models]]
name = "other"
backend = "replay"
file = "none.jsonl"
samples = 16
"""
FLOPS = (10 * 2 * 1000 + 2 * 200 + 2 * 4 * 8 * 55) + (5 * 2 * 1200 + 2 * 4 * 8 * (120 - 55))  # of one sample, by hand


@pytest.fixture
def run(tmp_path, support):
    """Run a study of two models, and return how it ended, its notices, and samples of each model and problem."""

    def ran(budget: str, *, second: str | None = None, problems: int = 8):
        path = support.write_study(tmp_path, count=problems, samples=16, more=OTHER + budget)
        backends = [
            support.RuleBackend("small", text="    return 0\n"),
            support.RuleBackend("other", text=second, digest="d2"),
        ]
        told = []
        study = load_study(path)
        code = run_study(study, support.rule_dependencies(*backends), told.append)
        with Reader(study.store) as reader:
            row = reader.studies()[0]
            sampled = {tally.sampled for tally in reader.tallies(row.id)}
        asked = sum(len(backend.asked) for backend in backends)
        return (
            code,
            [event.message for event in told if hasattr(event, "kind") and event.kind == "look"],
            sampled,
            asked,
        )

    return ran


def test_a_study_ends_at_the_first_look_that_decides_every_pair(run, tmp_path):
    code, told, sampled, _ = run('[budget]\nstop = "precise"\n', second="    return x\n")
    assert code is Exit.OK
    assert sampled == {2}
    assert told == ["every pair of models is decided at look 1 of 4: it ends with 2 samples of each problem"]
    report = read_report(tmp_path / "study.db")
    assert any("4 declared looks" in note for note in report.notes)


def test_the_same_study_runs_again_without_a_further_sample(run):
    run('[budget]\nstop = "precise"\n', second="    return x\n")
    code, _, sampled, asked = run('[budget]\nstop = "precise"\n', second="    return x\n")
    assert (code, sampled, asked) == (Exit.OK, {2}, 0)


def test_models_that_do_not_differ_are_sampled_to_the_end_unless_that_is_narrow_enough(run):
    assert run('[budget]\nstop = "precise"\n', second="    return 0\n")[2] == {16}


def test_a_narrow_interval_is_enough(run):
    code, _, sampled, _ = run('[budget]\nstop = "precise"\nprecision = 0.9\n', second="    return 0\n")
    assert (code, sampled) == (Exit.OK, {2})


def test_claims_are_corrected_for_the_declared_looks(run, tmp_path):
    def claimed(budget: str) -> float:
        (tmp_path / "study.db").unlink(missing_ok=True)
        run(budget, second="    return x\n", problems=12)
        (lead,) = read_report(tmp_path / "study.db").tables[0].rows[0].differences.values()
        return lead.p_corrected

    plain = claimed("")
    assert claimed('[budget]\nstop = "precise"\nfirst = 16\n') == plain  # one look is no look too many
    assert claimed('[budget]\nstop = "precise"\nfirst = 8\n') == pytest.approx(2 * plain)


def test_a_budget_ends_the_study_with_equally_many_samples_of_every_problem(run):
    most = 2 * 8 * 5.5 * FLOPS  # of two models and eight problems: five samples of each
    code, told, sampled, asked = run(f"[budget]\nmax_flops = {most}\n")
    assert (code, sampled, asked) == (Exit.OK, {5}, 2 * 8 * 5)
    assert told == [
        "one more sample of each problem would exceed the study's budget: it ends with 5 samples of each problem"
    ]


def test_a_budget_in_a_unit_without_prices_is_refused(run):
    with pytest.raises(UnknownCost, match="give its prices"):
        run("[budget]\nmax_dollars = 1.0\n")


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("precision = 0.1", 'belongs to stop = "precise"'),
        ("max_flops = 0", "above 0"),
        ("max_dollars = -1", "above 0"),
        ('stop = "precise"\nprecision = 1.5', "no half width"),
        ('stop = "soon"', "stop = 'soon' is not known"),
        ("max_hours = 2", "max_hours"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused(load, tmp_path, support, budget, told):
    text = support.write_study(tmp_path, more=f"[budget]\n{budget}\n").read_text()
    with pytest.raises(SpecError) as caught:
        load(text)
    assert told in str(caught.value)
