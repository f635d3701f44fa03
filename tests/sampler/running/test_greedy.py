"""A model's greedy sample, from the study file to the report, and what a study says about a model's architecture."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

from sampler.exit_codes import Exit
from sampler.reporting.inputs import read_report
from sampler.running.headless import run_study
from sampler.running.progress import Progress, read_progress
from sampler.stats.budget import Unit
from sampler.store.reader import Reader
from sampler.study.spec import load_study

GREEDY = "greedy = true\n"
ARCHITECTURE = """
[models.architecture]
layers = 1
hidden = 4
attention_width = 4
matmul_params = 10
unembed_params = 5
[models.costs]
table_flops = 7.0
prompt_dollars = 1e6
completion_dollars = 2e6
[report.budgets]
dollars = [40]
"""


def run(support, path):
    """Run a study of an engine that answers by rule; what it was asked, with which temperature."""
    asked = []

    class Noting(support.RuleBackend):
        def sample(self, requests, params):
            for sample in super().sample(requests, params):
                asked.append((params.temperature, sample.problem, sample.index))
                yield sample

    opened = []

    def backend(model, _tell):
        opened.append(model.name)
        return Noting(model.name)

    dependencies = replace(support.rule_dependencies(), backend=backend)
    assert run_study(load_study(path), dependencies, lambda _event: None) is Exit.OK
    return asked, opened


def write(support, folder, more, samples=2):
    path = support.write_study(folder, samples=samples, more=more)
    text = path.read_text(encoding="utf-8").replace('backend = "replay"\nfile = "none.jsonl"', 'backend = "llamacpp"')
    path.write_text(text, encoding="utf-8")
    return path


def test_a_greedy_sample_is_asked_of_the_engine_that_is_open_and_kept_apart(tmp_path, support):
    path = write(support, tmp_path, GREEDY)
    asked, opened = run(support, path)
    assert opened == ["small"]
    assert asked == [(0.8, f"P/{p}", i) for p in range(3) for i in range(2)] + [(0.0, f"P/{p}", 0) for p in range(3)]
    store = load_study(path).store
    with Reader(store) as reader:
        (row,) = reader.studies()
        assert (row.wanted, row.scored, row.status) == (9, 9, "done")
        assert [model.name for model in reader.models(row.id)] == ["small"]
        progress = read_progress(reader, row.id)
    assert isinstance(progress, Progress)
    assert [(model.name, model.scored) for model in progress.models] == [("small", 6), ("small (greedy)", 3)]
    made = read_report(store)
    assert [(line.name, line.sampled) for line in made.models] == [("small", 6)]
    assert made.models[0].greedy is not None
    assert made.tables[0].greedy["small"].cost > 0


def test_greedy_may_be_asked_for_later_and_taken_back(tmp_path, support):
    run(support, write(support, tmp_path, ""))
    path = write(support, tmp_path, GREEDY)
    asked, _ = run(support, path)
    assert {temperature for temperature, *_ in asked} == {0.0}
    run(support, write(support, tmp_path, "", samples=3))
    store = load_study(path).store
    assert read_report(store).models[0].greedy is None
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT count(*) FROM sample").fetchone() == (12,)  # what was drawn is kept


def test_a_study_tells_architecture_and_prices_and_its_budgets_choose_the_units_of_the_report(tmp_path, support):
    path = write(support, tmp_path, ARCHITECTURE)
    run(support, path)
    made = read_report(load_study(path).store)
    (line,) = made.models
    assert line.params == 15
    assert line.unit_costs[Unit.TABLE_FLOPS].each == 7.0
    assert line.unit_costs[Unit.DOLLARS].each == 10 + 2 * 5  # the rule's samples read 10 tokens and write 5
    assert [table.unit for table in made.tables] == [Unit.FLOPS, Unit.SECONDS, Unit.DOLLARS]
    assert made.tables[-1].rows[0].cells[0].k == 2
