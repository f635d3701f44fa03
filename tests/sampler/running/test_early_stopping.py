from __future__ import annotations

import hashlib
import io
import json
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from sampler.exit_codes import Exit
from sampler.exporting import ExportRequest, export
from sampler.reporting.inputs import read_report
from sampler.reporting.unit_costs import counts_of
from sampler.running.displays import Bar
from sampler.running.early_stopping import UnknownCost
from sampler.running.headless import run_study
from sampler.running.progress import Notice, Progress
from sampler.running.run import StudyRun
from sampler.stats.sequential import next_targets
from sampler.store.reader import Reader
from sampler.store.sample_readers import ExportReader
from sampler.store.writer import Store
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


FREE = "[models.costs]\nprompt_dollars = 0.0\ncompletion_dollars = 0.0\n"
PRICES = "[models.costs]\nprompt_dollars = 1e5\ncompletion_dollars = 2e5\n"  # a sample's 10 and 5 tokens: a dollar each


@pytest.mark.parametrize(
    ("prices", "a_sample"),
    [("", 2.0), ("cached_dollars = 1e4\n", 1.1), ("cached_dollars = 1e4\ncache_write_dollars = 2e5\n", 2.05)],
)
def test_a_budget_in_dollars_is_that_of_the_bill_and_a_free_model_costs_nothing(tmp_path, support, prices, a_sample):
    class Caching(support.RuleBackend):
        def sample(self, requests, params):
            written = 5 if "cache_write" in prices else 0
            for one in super().sample(requests, params):
                yield replace(one, cached_tokens=10 - written, cache_write_tokens=written)

    budget = f"[budget]\nmax_dollars = {8 * 5.5 * a_sample}\n"
    path = support.write_study(tmp_path, count=8, samples=16, more=FREE + OTHER + PRICES + prices + budget)
    backends = Caching("small", text="    return 0\n"), Caching("other", digest="d2")
    study = load_study(path)
    assert run_study(study, support.rule_dependencies(*backends), lambda _event: None) is Exit.OK
    with Reader(study.store) as reader:
        assert {tally.sampled for tally in reader.tallies(reader.studies()[0].id)} == {5}


def test_an_allotment_goes_on_with_a_free_model_where_the_budget_buys_nothing_of_the_other(tmp_path, support):
    budget = f'[budget]\nallot = "gain"\nfirst = 2\nmax_dollars = {8 * 2 * 2.0 + 1.0}\n'
    path = support.write_study(tmp_path, count=8, samples=16, more=FREE + OTHER + PRICES + budget)
    backends = [support.RuleBackend(name, text="    return 0\n", digest=name) for name in ("small", "other")]
    study = load_study(path)
    assert run_study(study, support.rule_dependencies(*backends), lambda _event: None) is Exit.OK
    with Reader(study.store) as reader:
        row = reader.studies()[0].id
        further = {model.id: model.name for model in reader.allotted(row)}
        drawn = {further[tally.model_id] for tally in reader.tallies(row) if tally.model_id in further}
    assert drawn == {"small (allotted)"}


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


class RareBackend:
    """A model of which one sample in eight is right, by its seed alone; counts what it was asked."""

    def __init__(self, support, name: str) -> None:
        self.card = support.RuleBackend(name).card
        self.asked = []
        self._sample = support.sample

    def sample(self, requests, params):
        del params
        for request in requests:
            for offset in range(request.count):
                index, seed = request.first + offset, request.seed + offset
                right = hashlib.sha256(str(seed).encode()).digest()[1] % 8 == 0
                self.asked.append((request.problem, index))
                text = "    return x\n" if right else f"    return {seed}\n"
                yield self._sample(request.problem, index, text, seed=seed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def rare(tmp_path, support):
    """Run a study of two models that are seldom right into a store; return how it ended, and what was asked."""

    def ran(store: str, budget: str, stop_after: int | None = None, seen: list | None = None):
        path = support.write_study(tmp_path, count=40, samples=16, more=OTHER + budget)
        backend = RareBackend(support, "small")
        dependencies = replace(support.rule_dependencies(), backend=lambda _model, _tell: backend)
        study = replace(load_study(path), store=tmp_path / store)
        told = [] if seen is None else seen
        with Store(study.store) as opened:
            run = StudyRun(study, opened, dependencies, told.append)
            if stop_after is not None:
                plain = backend.sample

                def stopping(requests, params):
                    for one in plain(requests, params):
                        if len(backend.asked) >= stop_after:
                            run.stop()
                        yield one

                backend.sample = stopping
            end = run()
        return end, backend.asked, [event.message for event in told if getattr(event, "kind", "") == "look"]

    return ran


ALLOTTED = f'[budget]\nallot = "gain"\nfirst = 2\nmax_flops = {40 * 2 * 7 * FLOPS}\n'  # seven samples of each


def test_an_allotted_budget_goes_where_no_sample_passed_and_says_what_all_samples_would_have_said(rare, tmp_path):
    end, asked, told = rare("allotted.db", ALLOTTED)
    whole, everything, _ = rare("whole.db", "")
    assert (end.status, whole.status) == ("done", "done")
    assert 0.9 * 40 * 2 * 7 <= len(asked) <= 40 * 2 * 7 < len(everything) == 40 * 2 * 16
    assert told[-1] == "one more try of the unsolved problems would exceed the budget"
    with Reader(tmp_path / "allotted.db") as reader:
        models, tallies = reader.models(1), reader.tallies(1)
        names = [row.problem for row in tallies if row.model_id == models[0].id]
        for model in models:
            counts = counts_of(model, tallies, names)
            assert (counts.even, set(counts.scored)) == (2, {2})
            assert counts.n > 7  # further than the same budget spent evenly
            first = first_passes(tmp_path / "whole.db", model.name)
            for k in range(3, counts.n + 1):
                expected = [float(first.get(name, 99) < k) for name in names]
                assert counts.rates[:, k - 1].tolist() == expected
            assert counts.rates[:, 0].tolist() == [row.passed / 2 for row in tallies if row.model_id == model.id]
    report = read_report(tmp_path / "allotted.db")
    assert any("allotted to problems without a pass" in note and "Both are unbiased" in note for note in report.notes)
    assert {line.name: (line.samples, line.sampled) for line in report.models} == {
        model.name: (counts_of(model, tallies, names).n, 80) for model in models
    }


def test_a_file_holds_allotted_samples_as_their_models_and_one_for_other_programs_leaves_them_out(rare, tmp_path):
    _, asked, _ = rare("allotted.db", ALLOTTED)
    for name, held in (("all.jsonl", len(asked)), ("paper", 40 * 2 * 2)):
        with ExportReader(tmp_path / "allotted.db") as reader:
            form = name.removeprefix("all.")
            export(ExportRequest(study=1, to=tmp_path / name, format=form), reader)
        if form == "jsonl":
            lines = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
            assert {line["model"] for line in lines} == {"small", "other"}
            assert len({(line["model"], line["task_id"], line["index"]) for line in lines}) == held
        else:
            written = [json.loads(file.read_text()) for file in (tmp_path / name).iterdir()]
            assert sum(len(one["samples"]) for made in written for one in made.values()) == held


def first_passes(path: Path, model: str) -> dict[str, int]:
    """The index of the first sample of each problem that passed."""
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "SELECT problem.name, min(idx) FROM sample JOIN model ON model.id = model_id"
            " JOIN problem ON problem.id = problem_id JOIN verdict ON sample_id = sample.id"
            " WHERE model.name = ? AND verdict = 'PASSED' GROUP BY problem.name",
            (model,),
        )
        return dict(found.fetchall())


def test_an_interrupted_allotment_goes_on_and_asks_for_nothing_twice(rare):
    once, asked, _ = rare("once.db", ALLOTTED)
    broken, before, _ = rare("twice.db", ALLOTTED, stop_after=200)
    assert (once.complete, broken.status) == (True, "interrupted")
    ended, after, _ = rare("twice.db", ALLOTTED)
    assert ended.complete
    assert sorted(before + after) == sorted(asked)
    assert rare("twice.db", ALLOTTED)[1] == []


def test_allotted_samples_have_progress_and_a_bar_of_their_own(rare):
    seen: list[Progress | Notice] = []
    _, asked, _ = rare("allotted.db", ALLOTTED, seen=seen)
    steps = [event for event in seen if isinstance(event, Progress)]
    bars = [{model.name: model for model in step.models} for step in steps]
    assert steps[0].wanted == 40 * 2 * 2
    assert "small (allotted)" not in bars[0]
    decided = next(bar["small (allotted)"] for bar in bars if "small (allotted)" in bar)
    assert decided.wanted > decided.sampled == 0
    assert (steps[-1].wanted, steps[-1].sampled, steps[-1].scored) == (len(asked),) * 3
    out = io.StringIO()
    with Bar(out) as bar:
        for event in seen:
            bar(event)
    last = bars[-1]["small (allotted)"]
    assert re.search(rf"small \(allotted\).* {last.wanted}/{last.wanted}", out.getvalue())


def test_an_interrupted_allotment_says_how_many_of_its_samples_are_missing(rare):
    seen: list[Progress | Notice] = []
    end, asked, _ = rare("twice.db", ALLOTTED, stop_after=200, seen=seen)
    last = next(event for event in reversed(seen) if isinstance(event, Progress))
    assert end.unsampled == last.wanted - len(asked) > 0
    seen.clear()
    rare("twice.db", ALLOTTED, seen=seen)
    again = next(event for event in seen if isinstance(event, Progress))
    assert again.sampled == len(asked)


def test_the_cheaper_model_is_tried_more_often_and_no_round_exceeds_the_budget():
    tries = [[2] * 30, [2] * 30]
    targets = next_targets(tries, [1.0, 4.0], [64, 64], 60.0)
    assert targets == (4, 0)
    late = next_targets([[16] * 30, [4] * 30], [1.0, 4.0], [64, 64], 1e9)
    assert late == (32, 8)  # doubled at most
    assert next_targets([[16] * 30, [4] * 30], [1.0, 4.0], [20, 64], 1e9)[0] == 20
    assert next_targets(tries, [1.0, 4.0], [64, 64], 29.0) == (0, 0)
    assert next_targets([[], [3]], [1.0, 1.0], [9, 9], 10.0) == (0, 6)


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ('allot = "gain"', "needs a budget to allot"),
        ('allot = "gain"\nmax_flops = 1e9\nstop = "precise"', "equally many samples"),
        ('allot = "most"\nmax_flops = 1e9', "allot = 'most' is not known"),
    ],
)
def test_an_allotment_without_a_budget_or_with_a_rule_that_it_voids_is_refused(load, tmp_path, support, budget, told):
    text = support.write_study(tmp_path, more=f"[budget]\n{budget}\n").read_text()
    with pytest.raises(SpecError) as caught:
        load(text)
    assert told in str(caught.value)


def test_trees_are_not_allotted(load, tmp_path, support):
    text = support.write_study(tmp_path, more='strategy = "resample"\n[budget]\nallot = "gain"\nmax_flops = 1e9\n')
    with pytest.raises(SpecError, match="counts independent samples"):
        load(text.read_text())
