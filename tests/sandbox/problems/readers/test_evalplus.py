"""HumanEval+ and MBPP+: inputs whose answers the set's own solution gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.inside import codec
from sandbox.judging.compare import matches
from sandbox.judging.explaining import explain
from sandbox.judging.score_records import facts_of, rejudge
from sandbox.problems import ChosenTests, load_problems, read_problem
from sandbox.problems.readers import evalplus
from sandbox.scoring.scorer import Scorer
from sandbox.values import CallTest, Comparison, ReferenceTests, Verdict

ROW: dict[str, Any] = {
    "task_id": "HumanEval/0", "prompt": "def f(x):\n", "canonical_solution": "    return [x / 3] * 40000\n",
    "entry_point": "f",
    "base_input": [[1]], "plus_input": [[2], [3.5]], "atol": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "comparison", "expected", "tolerance", "right"),
    [
        (1.0000001, Comparison.APPROXIMATE, 1.0, 0.0, True),
        (1.001, Comparison.APPROXIMATE, 1.0, 0.0, False),
        (1.001, Comparison.APPROXIMATE, 1.0, 0.01, True),
        (1, Comparison.APPROXIMATE, 1, 0.0, True),
        (1, Comparison.APPROXIMATE, 1.0, 0.0, True),
        (1, Comparison.APPROXIMATE, 1.0000001, 0.01, False),
        ([1], Comparison.APPROXIMATE, [1.0000001], 0.01, True),
        ((1.0, 2.0000001), Comparison.APPROXIMATE, (1.0, 2.0), 0.0, True),
        ([1.0, 2.0000001], Comparison.APPROXIMATE, (1.0, 2.0), 0.0, False),
        ([1.0], Comparison.APPROXIMATE, [1.0, 2.0], 0.01, False),
        ("1.0", Comparison.APPROXIMATE, 1.0, 0.01, False),
        (1.0, Comparison.APPROXIMATE, float("inf"), 0.01, False),
        (float("-inf"), Comparison.APPROXIMATE, float("inf"), 0.01, False),
        ([1.0, 2.0], Comparison.APPROXIMATE, [float("inf"), 2.0], 0.0, False),
        ([float("inf"), 2.0000001], Comparison.APPROXIMATE, [float("inf"), 2.0], 0.0, True),
        (float("nan"), Comparison.APPROXIMATE, 1.0, 0.01, False),
        ([2, 1, 1], Comparison.SET, (1, 2), 0.0, True),
        ([[2]], Comparison.SET, (1, 2), 0.0, False),
        ([2, 1, 3], Comparison.SET, (1, 2), 0.0, False),
        ([2, 2], Comparison.SET, (1, 2), 0.0, False),
        (range(1, 3), Comparison.SET, (1, 2), 0.0, True),
        (range(10**18), Comparison.SET, (0, 1, 2), 0.0, False),
        ([1, [2]], Comparison.SET, (1, 2), 0.0, False),
        ([k * (2**61 - 1) for k in range(200_000)], Comparison.SET, (0, 1), 0.0, False),
        (None, Comparison.NOT_NONE, False, 0.0, True),
        (codec.Opaque("Match"), Comparison.NOT_NONE, True, 0.0, True),
        (codec.Spoof("A"), Comparison.APPROXIMATE, 1.0, 1.0, False),
    ],
)
def test_evalplus_comparisons(
    answer: object, comparison: Comparison, expected: object, tolerance: float, right: object
) -> None:
    test = CallTest(function="f", arguments=(), comparison=comparison, expected=expected, tolerance=tolerance)
    assert matches(answer, test) is right


def test_a_root_is_where_the_polynomial_is_nought() -> None:
    test = CallTest(function="f", arguments=([-4, 0, 1],), comparison=Comparison.ROOT, tolerance=1e-4)
    assert [matches(x, test) for x in (2, -2.0, 1.9, None, "2")] == [True, True, False, False, False]


def test_a_large_answer_is_compared_by_its_digest() -> None:
    large = list(range(200_000))
    data = codec.encode_answer(large)
    assert len(data) < 100
    test = CallTest(function="f", arguments=(), comparison=Comparison.EQUAL, expected=large)
    assert matches(codec.decode(data), test)
    assert not matches(codec.decode(codec.encode_answer([*large, 1])), test)
    assert codec.decode(codec.encode_answer([1, "a"])) == [1, "a"]
    assert codec.decode(codec.encode_answer(1 << 700_000)) == codec.decode(codec.encode_answer(1 << 700_000))


def test_what_json_cannot_hold_is_restored() -> None:
    row = ROW | {"task_id": "Mbpp/124", "base_input": [["1", "2j"]], "plus_input": []}
    assert evalplus.read(row)[0].cases[0].arguments == (1.0, 2j)
    row = ROW | {"task_id": "Mbpp/2", "base_input": [[[1], [2]]], "plus_input": []}
    assert evalplus.read(row)[0].cases[0].arguments == ((1,), (2,))
    assert evalplus.read(ROW | {"entry_point": "sum_div"})[0].cases[0].also == (0,)


def test_the_digest_of_tests_does_not_depend_on_the_order_in_which_a_set_is_stored() -> None:
    one, other = {0, 8}, {8, 0}
    assert repr(one) != repr(other)
    cases = [CallTest(function="f", arguments=(given,), comparison=Comparison.EQUAL) for given in (one, other, {0, 9})]
    sources = [ReferenceTests(cases=(case,), reference="").source for case in cases]
    assert sources[0] == sources[1] != sources[2]


@pytest.mark.docker
def test_what_the_reference_answers_is_expected(tmp_path: Path, scorer: Scorer) -> None:
    path = tmp_path / "plus.jsonl"
    path.write_text(json.dumps(ROW), encoding="utf-8")
    (problem,) = load_problems(path)
    right, wrong = problem.complete("    return 40000 * [x / 3]\n"), problem.complete("    return [x / 3]\n")
    assert scorer.submit(right).result(timeout=300).verdict is Verdict.PASSED
    scored = scorer.submit(wrong).result(timeout=300)
    assert scored.verdict is Verdict.WRONG
    assert "call 1 of 3" in explain(scored, scorer.limits, wrong)


@pytest.mark.docker
def test_a_program_that_fails_among_the_first_calls_is_asked_no_more(tmp_path: Path, scorer: Scorer) -> None:
    path = tmp_path / "plus.jsonl"
    many = [[number] for number in range(200)]
    row = ROW | {"canonical_solution": "    return x\n", "base_input": many[:5], "plus_input": many[5:]}
    path.write_text(json.dumps(row), encoding="utf-8")
    (problem,) = load_problems(path)
    wrong = problem.complete("    return x + 1\n")
    scored = scorer.submit(wrong).result(timeout=300)
    assert (scored.verdict, len(scored.run.answers)) == (Verdict.WRONG, 4)
    assert " of 200, arguments" in explain(scored, scorer.limits, wrong)
    for late, verdict in (
        ("while x > 100: pass", Verdict.TIMEOUT),
        ("x += x == 199", Verdict.WRONG),
        ("pass", Verdict.PASSED),
    ):
        scored = scorer.submit(problem.complete(f"    {late}\n    return x\n")).result(timeout=300)
        assert scored.verdict is verdict


@pytest.mark.docker
@pytest.mark.parametrize("wanted", ChosenTests)
@pytest.mark.parametrize(("also", "verdict"), [("", Verdict.PASSED), (" + '.' * (x == 1)", Verdict.WRONG)])
def test_answers_of_the_solution_that_no_visit_has_room_for_are_compared_by_digests(
    scorer: Scorer, wanted: ChosenTests, also: str, verdict: Verdict
) -> None:
    body = "    return str(x) * (13 << 20) if x else 0\n"  # 117 MB for the digits from 1 to 9
    problem = read_problem(
        ROW | {"canonical_solution": body, "base_input": [[1], [0]], "plus_input": [[x] for x in range(2, 10)]}
    )
    scored = scorer.score(problem.complete(body.replace(" if", f"{also} if"), wanted))
    assert scored.verdict is verdict
    assert scored.tests is not None
    selection = scored.selection and scored.selection.tests
    assert rejudge(facts_of(scored, scorer.limits), scored.tests, selection).verdict is verdict


@pytest.mark.parametrize(
    ("comparison", "right"), [(Comparison.TRUE, True), (Comparison.FALSE, False), (Comparison.APPROXIMATE, False)]
)
def test_an_expected_digest_says_nothing_of_whether_an_answer_is_true(comparison: Comparison, right: object) -> None:
    expected = codec.decode(codec.encode_answer("x" * 300_000))
    test = CallTest(function="f", arguments=(), comparison=comparison, expected=expected)
    assert isinstance(expected, codec.Digest)
    assert matches("y", test) is right
