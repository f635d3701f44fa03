"""The length of thoughts against correctness: a replayed study, counted by hand, by the command and on the page."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.ranking.rankers import RankingError, known
from sampler.reporting.inputs import read_report
from sampler.reporting.thought_lengths import thinking_of
from sampler.running.headless import run_study
from sampler.store.read_models import LengthRow
from sampler.study.spec import load_study

# Of each problem, the tokens of thought and whether the answer is right; the last of the second was cut.
SAMPLES = {
    "P/0": [(10, True), (20, True), (30, False), (60, False)],
    "P/1": [(40, True), (50, False), (70, False), (80, False)],
    "P/2": [(5, False), (6, False), (7, False), (9, False)],
}


def recorded(problem: str, index: int, thought: int, *, right: bool, cut: bool) -> dict[str, object]:
    body = "    return x\n" if right else f"    return {index}\n"
    row: dict[str, object] = {
        "task_id": problem,
        "index": index,
        "completion": "" if cut else body,
        "thought": "hm " * thought,
        "thought_tokens": thought,
        "prompt_tokens": 10,
        "completion_tokens": thought + 5,
        "cached_tokens": 8,
        "finish": "thought" if cut else "stop",
        "model": "thinker",
    }
    return row


@pytest.fixture
def store(tmp_path: Path, support) -> Path:
    path = support.write_study(tmp_path, count=3, samples=4)
    path.write_text(path.read_text().replace("none.jsonl", "thoughts.jsonl"))
    lines = [
        recorded(problem, index, thought, right=right, cut=problem == "P/1" and index == 3)
        for problem, row in SAMPLES.items()
        for index, (thought, right) in enumerate(row)
    ]
    (tmp_path / "thoughts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    study = load_study(path)
    run_study(study, support.replay_dependencies(), lambda _event: None)
    return study.store


def call(*words: object):
    return CliRunner().invoke(cli, [str(word) for word in words])


def waited(k: int, m: int) -> tuple[float, float, float]:
    times, computes, covered = [], [], []
    for row in SAMPLES.values():
        chosen = [sorted(subset) for subset in combinations(row, k)]
        times.append(np.mean([one[m - 1][0] for one in chosen]))
        computes.append(np.mean([sum(t for t, _ in one[:m]) + (k - m) * one[m - 1][0] for one in chosen]))
        covered.append(np.mean([any(right for _, right in one[:m]) for one in chosen]))
    return float(np.mean(times)), float(np.mean(computes)), float(np.mean(covered))


def test_the_report_says_how_thoughts_went(store):
    (found,) = read_report(store).thinking
    assert (found.problems, found.samples, found.thought_share) == (3, 12, 1.0)
    assert found.cut_share == pytest.approx(1 / 12)
    assert found.thought_tokens == pytest.approx(np.mean([t for row in SAMPLES.values() for t, _ in row]))
    assert found.answer_tokens == pytest.approx(5.0)
    gaps = [(15 - 45) / 30, (40 - 200 / 3) / 60]
    assert found.mixed == 2
    assert found.right_minus_wrong == pytest.approx(np.mean(gaps))
    assert [part.rate for part in found.parts] == pytest.approx([2 / 3, 1 / 3, 0, 0])
    for wait in found.waits:
        if wait.rule != "oracle":
            assert (wait.time, wait.compute, wait.coverage) == pytest.approx(waited(wait.k, wait.m))
    assert {(wait.rule, wait.k, wait.m) for wait in found.waits} == {
        *(("short-m", 2, 1), ("all", 2, 2), ("oracle", 2, 2)),
        *(("short-m", 4, 1), ("short-m", 4, 3), ("all", 4, 4), ("oracle", 4, 4)),
    }


def test_text_and_page_tell_it(store, tmp_path):
    done = call("report", store, "--html", tmp_path / "page.html")
    assert done.exit_code == Exit.OK, done.output
    printed = " ".join(call("report", store).output.split())
    page = (tmp_path / "page.html").read_text()
    for text in (printed, page):
        assert "thinks in 100% of its samples" in text
        assert "until 3 of 4 are done" in text
        assert "8.3 % were cut inside their thought" in text


def test_a_study_without_thoughts_says_nothing_of_them(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    run_study(study, support.rule_dependencies(), lambda _event: None)
    assert read_report(study.store).thinking == ()
    assert "Thinking" not in call("report", study.store).output


def test_lengths_that_are_not_known_make_no_section(store):
    rows = [LengthRow(problem="P/0", thought_tokens=None, completion_tokens=9, cut=False, passed=True)]
    models = read_report(store)
    assert models.thinking
    assert thinking_of([], {1: rows}, ["P/0"], 0) == ()


def values(store: Path, *rankers: str) -> dict[str, dict[int, float]]:
    words = [word for name in rankers for word in ("--ranker", name)]
    done = call("rank", store, "--json", "--k", "2,4", *words)
    assert done.exit_code == Exit.OK, done.output
    (model,) = json.loads(done.stdout)["models"]
    return {line["ranker"]: {point["k"]: point["rate"] for point in line["points"]} for line in model["lines"]}


def test_answers_are_handed_out_by_the_length_of_their_thoughts(store):
    found = values(store, "first-finish", "longest-thought")
    by_hand = {k: waited(k, 1)[2] for k in (2, 4)}
    assert found["first-finish"] == pytest.approx(by_hand)
    longest = {
        k: float(np.mean([np.mean([max(one)[1] for one in combinations(row, k)]) for row in SAMPLES.values()]))
        for k in (2, 4)
    }
    assert found["longest-thought"] == pytest.approx(longest)


@pytest.mark.parametrize(
    ("name", "is_known"), [("short-1", True), ("short-12", True), ("short-0", False), ("short", False)]
)
def test_a_vote_may_be_among_any_number_of_the_shortest(name, is_known):
    if is_known:
        assert known([name]) == (name,)
    else:
        with pytest.raises(RankingError, match="no ranker"):
            known([name])
