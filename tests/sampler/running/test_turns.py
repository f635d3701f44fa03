"""Replayed trees of repairs, in real boxes: what they cost and reach is computed by hand."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import sampler
from sampler.data_frames import read_page_model
from sampler.exit_codes import Exit
from sampler.exporting import ExportRequest, export
from sampler.importing.importer import import_files
from sampler.importing.sample_files import ImportRequest
from sampler.page.write import page_html
from sampler.reporting.tree_report import NoTrees, read_trees
from sampler.reporting.unit_costs import unit_cost
from sampler.running.dependencies import real_dependencies
from sampler.running.headless import run_study
from sampler.running.run import StudyRun
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.store.filters import parse
from sampler.store.reader import Reader
from sampler.store.sample_readers import ExportReader, SampleReader, SpentReader, TurnReader
from sampler.store.writer import Store
from sampler.study.spec import Study, load_study
from sampler.study.strategies import index_at

pytestmark = pytest.mark.docker

SECRETS = ("77123", "154246", "88991", "88992")  # that stand in judge tests alone
PROBLEMS = [
    {
        "task_id": "T/0",
        "prompt": 'def double(x):\n    """Twice x.\n\n    >>> double(3)\n    6\n    """\n',
        "entry_point": "double",
        "test": "def check(candidate):\n    assert candidate(3) == 6\n    assert candidate(77123) == 154246\n",
    },
    {
        "task_id": "T/1",
        "prompt": 'def inc(x):\n    """One more.\n\n    >>> inc(1)\n    2\n    """\n',
        "entry_point": "inc",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(88991) == 88992\n",
    },
]
STUDY = """
[problems]
source = "problems.jsonl"
selection = "examples"
[sampling]
style = "chat"
[[models]]
name = "mender"
backend = "replay"
file = "recording.jsonl"
samples = 2
strategy = "{strategy}"
turns = 2
[models.costs]
prompt_dollars = 1.0
completion_dollars = 10.0
cached_dollars = 0.1
[models.architecture]
layers = 2
hidden = 8
attention_width = 8
matmul_params = 1000
unembed_params = 200
"""
# Tree 0 of T/0: wrong; a repair that passes the example alone and is the answer; so its second turn is never asked for.
# Tree 1 of T/0: right at once. Tree 0 of T/1: an error, then right. Tree 1 of T/1: passes the example, not the judge.
DRAWN = {  # place: program, tokens of the prompt, of these cached, tokens written
    ("T/0", 0, 0): ("def double(x):\n    return x\n", 100, 0, 10),
    ("T/0", 0, 1): ("def double(x):\n    return x + 3\n", 150, 90, 12),
    ("T/0", 0, 2): ("def double(x):\n    return 2 * x\n", 170, 90, 99),
    ("T/0", 1, 0): ("def double(x):\n    return x * 2\n", 100, 0, 11),
    ("T/1", 0, 0): ("def inc(x):\n    return y\n", 80, 0, 9),
    ("T/1", 0, 1): ("def inc(x):\n    return x + 1\n", 130, 70, 8),
    ("T/1", 0, 2): ("def inc(x):\n    return x\n", 170, 70, 99),
    ("T/1", 1, 0): ("def inc(x):\n    return 2\n", 80, 0, 7),
    ("T/0", 1, 1): ("def double(x):\n    return 0\n", 150, 90, 12),
    ("T/0", 1, 2): ("def double(x):\n    return 2 * x\n", 150, 90, 12),
    ("T/1", 1, 1): ("def inc(x):\n    return 1 + x\n", 150, 90, 12),
    ("T/1", 1, 2): ("def inc(x):\n    return 1 + x\n", 150, 90, 12),
}


def study(folder: Path, strategy: str = "repair") -> Study:
    rows = [
        {
            "task_id": problem,
            "index": index_at(tree, place),
            "completion": program,
            "prompt_tokens": prompt,
            "cached_tokens": cached,
            "completion_tokens": written,
            "finish": "stop",
            "model": "recorded",
            "prompt_shared": False,
            "prompt_seconds": 0.5,
            "decode_seconds": 1.0,
        }
        for (problem, tree, place), (program, prompt, cached, written) in DRAWN.items()
    ]
    (folder / "recording.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "problems.jsonl").write_text("\n".join(map(json.dumps, PROBLEMS)))
    (folder / "study.toml").write_text(STUDY.format(strategy=strategy))
    return replace(load_study(folder / "study.toml"), boxes=1)


def nobody(_event: object) -> None:
    pass


def ran(asked: Study) -> Path:
    assert run_study(asked, real_dependencies(asked.path.parent, nobody), nobody) is Exit.OK
    return asked.store


def rows(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def repaired(tmp_path_factory) -> Path:
    return ran(study(tmp_path_factory.mktemp("repaired")))


def test_only_what_failed_its_public_tests_is_repaired_and_each_turn_knows_its_parent(repaired):
    found = rows(
        repaired,
        "SELECT problem.name, s.idx % 1000000, s.idx / 1000000, s.turn, p.idx FROM sample s JOIN problem"
        " ON problem.id = s.problem_id LEFT JOIN sample p ON p.id = s.parent_id ORDER BY 1, 2, 3",
    )
    assert found == [
        ("T/0", 0, 0, 0, None),
        ("T/0", 0, 1, 1, 0),
        ("T/0", 1, 0, 0, None),
        ("T/1", 0, 0, 0, None),
        ("T/1", 0, 1, 1, 0),
        ("T/1", 1, 0, 0, None),
    ]


def test_costs_accrue_along_the_chain_and_a_tree_passes_if_its_answer_does(repaired):
    with Reader(repaired) as reader:
        (of,) = reader.models(reader.studies()[0].id)
        tallies = reader.tallies(reader.studies()[0].id)
    first, second = tallies
    assert (first.sampled, first.scored, first.passed) == (2, 2, 1)  # x + 3 passes the example, not the judge
    assert (second.sampled, second.scored, second.passed) == (2, 2, 1)
    assert (first.prompt_tokens, first.reread_tokens, first.cached_tokens) == (100 + 150 + 100, 150, 90)
    assert (second.prompt_tokens, second.reread_tokens, second.cached_tokens) == (80 + 130 + 80, 130, 70)
    assert (first.completion_tokens, second.completion_tokens) == (10 + 12 + 11, 9 + 8 + 7)
    assert (first.prompt_seconds, first.reread_seconds, first.decode_seconds) == (1.5, 0.5, 3.0)

    def costs(unit: Unit) -> list[UnitCost | None]:
        return [
            unit_cost(of, tallies, unit, charge)
            for charge in (PromptCharge.EACH, PromptCharge.ONCE, PromptCharge.MEASURED)
        ]

    # By hand, of a tree: the mean over both problems of the mean over their two trees. What later turns read is paid
    # by each tree, also where the first prompt is read once for all.
    tokens = ((350 + 33) / 2 + (290 + 24) / 2) / 2
    read, again = ((200 / 2) + (160 / 2)) / 2, (150 / 2 + 130 / 2) / 2
    cached = (90 / 2 + 70 / 2) / 2
    each, once, measured = costs(Unit.TOKENS)
    assert each == UnitCost(once=0.0, each=tokens)
    assert once == UnitCost(once=read, each=tokens - read)
    assert once.each == again + (33 / 2 + 24 / 2) / 2
    assert measured == UnitCost(once=0.0, each=tokens - cached)
    each, _, measured = costs(Unit.DOLLARS)
    paid = ((350 + 10 * 33) / 2 + (290 + 10 * 24) / 2) / 2 / 1e6
    assert each.each == pytest.approx(paid)
    assert measured.each == pytest.approx(paid - 0.9 * cached / 1e6)
    each, _, measured = costs(Unit.FLOPS)
    flops = [exactly(*DRAWN[key][1:]) for key in DRAWN if key in ASKED]
    assert each.each == pytest.approx(sum(whole for whole, _ in flops) / 4)
    assert measured.each == pytest.approx(sum(whole - saved for whole, saved in flops) / 4)


ASKED = {("T/0", 0, 0), ("T/0", 0, 1), ("T/0", 1, 0), ("T/1", 0, 0), ("T/1", 0, 1), ("T/1", 1, 0)}


def exactly(prompt: int, cached: int, written: int) -> tuple[int, int]:
    """FLOPs of a sample, and of what the cache saved, position by position."""

    def seen(begin: int, end: int) -> int:
        return sum(4 * 2 * 8 * position for position in range(begin + 1, end + 1))

    reading = 2 * 1000 * prompt + 2 * 200 + seen(0, prompt)
    writing = 2 * 1200 * written + seen(prompt, prompt + written)
    return reading + writing, 2 * 1000 * cached + seen(0, cached)


def test_readers_of_samples_see_trees(repaired):
    with SpentReader(repaired) as reader:
        model = reader.models(reader.studies()[0].id)[0].id
        spent = sorted((row.problem, row.reading, row.writing, row.passed) for row in reader.spent(model, Unit.TOKENS))
        accepted = [(row.problem, row.accepted, row.right) for row in reader.accepted(model)]
    assert spent == [
        ("T/0", 100, 11, 1),
        ("T/0", 100, 10 + 150 + 12, 0),
        ("T/1", 80, 7, 0),
        ("T/1", 80, 9 + 130 + 8, 1),
    ]
    assert accepted == [("T/0", 2, 1), ("T/1", 2, 1)]


def test_what_judge_tests_hold_never_reaches_a_prompt(repaired):
    sent = [text for (text,) in rows(repaired, "SELECT body FROM text JOIN sample ON sha256 = prompt_sha")]
    assert len(sent) == 2
    assert any("answered 3 where 6 was expected" in text for text in sent)
    assert any("NameError: name 'y' is not defined" in text for text in sent)
    assert not [secret for secret in SECRETS for text in sent if secret in text]


def test_a_program_that_fails_the_judge_alone_is_an_answer_and_no_repair_is_asked(repaired):
    answers = rows(
        repaired, "SELECT tree, s.idx FROM tree JOIN sample s ON s.id = answer_id ORDER BY tree.problem_id, tree"
    )
    assert answers == [(0, 1_000_000), (1, 1), (0, 1_000_000), (1, 1)]


def test_a_run_that_was_stopped_after_any_sample_goes_on_to_the_same_trees(tmp_path, repaired):
    wanted = rows(repaired, "SELECT problem_id, idx, turn, hex(program_sha), hex(prompt_sha) FROM sample ORDER BY 1, 2")
    asked = study(tmp_path)
    dependencies = real_dependencies(tmp_path, nobody)
    for _ in range(len(wanted) + 1):  # each run is stopped as soon as one more sample has arrived
        with Store(asked.store) as store:
            run = StudyRun(asked, store, dependencies, nobody)
            add = store.add_sample
            store.add_sample = lambda record, add=add, run=run: (add(record), run.stop())[0]  # type: ignore[method-assign]
            run()
    assert run_study(asked, dependencies, nobody) is Exit.OK
    held = rows(
        asked.store, "SELECT problem_id, idx, turn, hex(program_sha), hex(prompt_sha) FROM sample ORDER BY 1, 2"
    )
    assert held == wanted
    sums = "SELECT problem_id, sampled, scored, passed, prompt_tokens, reread_tokens, completion_tokens FROM tally"
    assert rows(asked.store, sums) == rows(repaired, sums)


def test_revising_executes_nothing_before_it_asks_and_hands_out_the_last(tmp_path):
    store = ran(study(tmp_path, "revise"))
    with TurnReader(store) as reader:
        model = reader.models(reader.studies()[0].id)[0].id
        assert [(row.answer // 1_000_000, row.samples) for row in reader.trees(model)] == [(2, 3)] * 4
        passed = {(tally.problem, tally.passed) for tally in reader.tallies(reader.studies()[0].id)}
    assert passed == {("T/0", 2), ("T/1", 1)}
    sent = [text for (text,) in rows(store, "SELECT body FROM text JOIN sample ON sha256 = prompt_sha")]
    assert sent
    assert not [text for text in sent if "pass" in text or "expected" in text]


def test_each_turn_is_set_against_independent_samples_at_its_cost(repaired):
    made = read_trees(repaired, None, Unit.TOKENS, PromptCharge.EACH)
    lines = {line.policy: line.gain for line in made.policies}
    drafts = ((110 + 111) / 2 + (89 + 87) / 2) / 2
    assert (lines["draft"].rate, lines["draft"].cost) == (0.25, drafts)
    assert (lines["repair, 1 turn"].rate, lines["repair, 1 turn"].cost) == (
        0.5,
        ((221 + 162) / 2 + (176 + 138) / 2) / 2,
    )
    # Two samples, in either order: of T/0 the right one is accepted, of T/1 the accepted one is wrong.
    assert (lines["up to 2 samples"].rate, lines["up to 2 samples"].cost) == (
        0.5,
        ((221 + 111) / 2 + (176 + 87) / 2) / 2,
    )
    assert lines["draft"].difference == 0.0
    assert (lines["repair, 1 turn"].difference, lines["repair, 1 turn"].ended) == (0.0, True)  # all samples cost less
    # Any program, by the judge: T/0 has trees that miss and pass, T/1 one whose repair passes and one that misses.
    assert [(line.drafts, line.rate, line.programs) for line in made.trees] == [(1, 0.5, 1.75), (2, 1.0, 3.0)]
    measured = read_trees(repaired, None, Unit.DOLLARS, PromptCharge.MEASURED)
    paid = (100 + 100 + 80 + 80 + (150 - 90) + (130 - 70) + 0.1 * (90 + 70) + 10 * (33 + 24)) / 4 / 1e6
    assert {line.policy: line.gain.cost for line in measured.policies}["repair, 2 turns"] == pytest.approx(paid)


def test_the_page_shows_the_same_in_each_of_its_units(repaired):
    page_model = read_page_model(repaired, units=(Unit.TOKENS, Unit.DOLLARS))
    assert [made.unit for made in page_model.trees] == [Unit.TOKENS, Unit.DOLLARS]
    assert page_model.trees[0] == read_trees(repaired, None, Unit.TOKENS, PromptCharge.EACH)
    html = page_html(page_model)
    section = html.partition("<h2>Turns against independent samples</h2>")[2].partition("<h2>")[0]
    assert section.count("<table>") == 3  # of each unit, and of whole trees
    for line in page_model.trees[0].policies:
        assert f"<td>{line.policy}</td>" in section


def test_a_policy_may_be_set_against_the_samples_of_another_model(repaired):
    with pytest.raises(NoTrees, match="no model with independent samples"):
        read_trees(repaired, None, Unit.TOKENS, PromptCharge.EACH, "mender")


def test_a_later_turn_names_its_parent_in_lists_files_and_frames_and_is_no_sample_elsewhere(tmp_path, repaired):
    whole = {"T/0": (1_000_000, 1, 0), "T/1": (1_000_000, 1, 0)}
    with SampleReader(repaired) as reader:
        study = reader.studies()[0].id
        found = reader.scan(study, parse("turn>0", 0.0), (0, reader.top()))
        listed = reader.page([verdict for verdict, _ in found])
    assert {row.problem: (row.index, row.turn, row.parent) for row in listed} == whole
    for name in ("all.jsonl", "all.parquet"):
        if name.endswith("parquet"):
            pq = pytest.importorskip("pyarrow.parquet")
        with ExportReader(repaired) as reader:
            export(ExportRequest(study=study, to=tmp_path / name, format=name.split(".")[1]), reader)
        lines = (
            [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
            if name.endswith("jsonl")
            else pq.read_table(tmp_path / name).to_pylist()
        )
        assert {
            line["task_id"]: (line["index"], line["turn"], line["parent"]) for line in lines if line.get("turn")
        } == whole
        assert [line.get("parent") for line in lines if not line.get("turn")] == [None] * 4
    with Store(tmp_path / "again.db") as store:
        end = import_files(
            ImportRequest(files=(tmp_path / "all.jsonl",), study="s", problems=str(repaired.parent / "problems.jsonl")),
            store,
        )
    assert (end.added["mender"], len(end.left_out)) == (4, 2)
    assert "later turn of a tree" in end.left_out[0]
    pytest.importorskip("pandas")
    samples = sampler.open(repaired).samples()
    later = samples[samples.turn > 0]
    assert {
        row.problem: (row.index_, row.turn, row.parent)
        for row in later.rename(columns={"index": "index_"}).itertuples()
    } == whole
    assert samples[samples.turn == 0].parent.isna().all()
