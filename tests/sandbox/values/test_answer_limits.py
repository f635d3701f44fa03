"""Limits of what is asked and answered.

They grow with what is expected, and where one is reached the explanation is true.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.inside import codec
from sandbox.judging.explaining import explain
from sandbox.judging.merged_tests import merge_tests
from sandbox.problems import ProblemsError, load_problems
from sandbox.problems.loading import read_problem
from sandbox.scoring.scorer import Scorer
from sandbox.values import (
    USUAL_LIMITS,
    AnswerLimits,
    CallTest,
    CallTests,
    CheckTests,
    Comparison,
    Job,
    Program,
    Verdict,
)
from sandbox.values.limits import MAX_ANSWERS_BYTES


def called(*cases: tuple[object, object], comparison: Comparison = Comparison.EQUAL) -> CallTests:
    made = [CallTest(function="f", arguments=(given,), comparison=comparison, expected=right) for given, right in cases]
    return CallTests(cases=tuple(made), source=repr(len(made)))


def native(**fields: Any) -> dict[str, Any]:
    return {"task_id": "p", "prompt": "Write f.\n", "entry_point": "f"} | fields


LARGE = 210_000


@pytest.mark.parametrize(
    ("one", "other"),
    [([1] * LARGE, [2] * LARGE),
     ("x" * (5 << 20), "x" * (5 << 20) + "y"), ([[1] * LARGE, 0], [[1] * LARGE, 1]), (1, True), (1, 1.0),
     (0.0, -0.0), ((1,), [1]), ("1", b"1"), ({1: 2, 3: 4}, {3: 4, 1: 2})],
)  # fmt: skip
@pytest.mark.slow
def test_two_calls_are_one_only_if_they_are_the_same_whatever_their_size(one: object, other: object) -> None:
    first, both = called((one, 0)), called((one, 0), (other, 0))
    assert len(merge_tests(first, both).calls) == 2
    assert len(merge_tests(first, first).calls) == 1
    assert first.fingerprint != called((other, 0)).fingerprint


def nested(levels: int) -> str:
    return "[" * levels + "1" + "]" * levels


@pytest.mark.parametrize("key", ["arguments", "expected"])
def test_what_is_nested_too_deeply_for_a_box_is_an_error_of_the_file(tmp_path: Path, key: str) -> None:
    case = {"arguments": [1], "expected": 1} | {key: json.loads(nested(600))}
    (tmp_path / "p.jsonl").write_text(json.dumps(native(tests=[case])) + "\n")
    with pytest.raises(
        ProblemsError, match=r"p.jsonl, line 1: .*call 1 cannot be \w+: nested more than 500 levels deep"
    ):
        load_problems(tmp_path / "p.jsonl")


def test_calls_and_answers_that_fit_into_no_visit_are_refused() -> None:
    with pytest.raises(ValueError, match="the calls take 97 MB; at most 96 MB are taken"):
        called(*[("x" * (97 << 19), 1)] * 2)
    with pytest.raises(ValueError, match="the expected answers take 49 MB; at most 48 MB are taken"):
        called(*[(1, "x" * (49 << 19))] * 2)
    with pytest.raises(
        ValueError, match="call 1 cannot be asked: a value of the type 'object', which no box can be handed"
    ):
        called((object(), 1))


def test_tests_that_are_code_have_a_limit_of_their_own() -> None:
    text = "def check(candidate):\n    assert sorted(candidate(1)) == []\n#" + "x" * (64 << 20)
    with pytest.raises(ProblemsError, match=r"67\d+ characters; at most 67108864"):
        read_problem({"task_id": "p", "prompt": "def f(x):\n", "entry_point": "f", "test": text})


def test_the_size_of_tests_is_no_part_of_a_programs() -> None:
    large = "def check(f):\n    assert f(1) == 1\n" + "# a comment\n" * 500_000
    Job(program=Program(source="def f(x): return x", tests=large))


@pytest.mark.parametrize(
    ("size", "items", "limits"),
    [(0, 0, USUAL_LIMITS), (1 << 20, 10, AnswerLimits(size=8 << 20, items=1_000_080)),
     ((1 << 20) + 1, 0, AnswerLimits(size=24 << 20)), (40 << 20, 0, AnswerLimits(size=MAX_ANSWERS_BYTES))],
)  # fmt: skip
def test_limits_grow_in_steps_with_what_is_expected(size: int, items: int, limits: AnswerLimits) -> None:
    assert USUAL_LIMITS.with_room_for(size, items) == limits


ECHO = "def f(x): return x\n"


@pytest.mark.docker
@pytest.mark.parametrize(
    ("source", "tests"),
    [
        ("def f(n): return 'x' * 250_000 + str(n)", called(*((n, "x" * 250_000 + str(n)) for n in range(40)))),
        (
            "def f(n): return [[] for _ in range(50_000)] + [n]",
            called(*((n, [()] * 50_000 + [n]) for n in range(20)), comparison=Comparison.LISTS),
        ),
        (
            "from fractions import Fraction\ndef f(n): return [Fraction(x) for x in range(n)]",
            called((150_000, list(range(150_000)))),
        ),
        ("def f(n):\n    v = 1\n    for _ in range(n): v = [v]\n    return v", called((300, json.loads(nested(300))))),
        (
            "def f(x):\n    n = 0\n    while isinstance(x, list): x, n = x[0], n + 1\n    return n",
            called((json.loads(nested(300)), 300)),
        ),
        (
            ECHO,
            called((7**200_000, 7**200_000), ([0.5] * 100_000, [0.5] * 100_000), (b"x" * 5_000_000, b"x" * 5_000_000)),
        ),
        ("def f(n):\n    print('debug ' * 3000)\n    return n", called(*((n, n) for n in range(120)))),
        ("def f(n): return 'x' * n", called((40 << 20, None), comparison=Comparison.TRUE)),
        ("def f(n): return [0.1 + 0.2] * n", called((300_000, [0.3] * 300_000), comparison=Comparison.APPROXIMATE)),
    ],
)
def test_a_right_answer_of_any_size_passes(scorer: Scorer, source: str, tests: CallTests) -> None:
    scored = scorer.score(Program(source=source, tests=tests))
    assert (scored.verdict, explain(scored, scorer.limits, Program(source=source, tests=tests))) == (
        Verdict.PASSED,
        f"all {len(tests.cases)} answers are right",
    )


@pytest.mark.docker
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("[(0.5,)] * (1 << 20)", "no room for so many bytes"),
        ("[{} for _ in range(600_000)]", "no room for so many items"),
        ("(v := []).append(v) or v", "more than 500 levels deep"),
        ("__import__('fractions').Fraction(3 ** 9000, 2 ** 9000)", "a part of more than 8192 bits"),
    ],
)
def test_an_answer_over_a_limit_is_wrong_and_the_limit_is_named(scorer: Scorer, answer: str, why: str) -> None:
    program = Program(
        source=f"def f(n):\n    return {answer}\n", tests=called((1, [0]), (2, [0]), comparison=Comparison.LISTS)
    )
    scored = scorer.score(program)
    assert scored.verdict is Verdict.WRONG
    assert explain(scored, scorer.limits, program).startswith("answered something too large: ")
    assert why in explain(scored, scorer.limits, program)


def graded(check: str) -> CheckTests:
    body = check.replace("\n", "\n    ")
    return CheckTests(source=f"def check(f):\n    {body}\ncheck(f)\n", functions=("f",))


@pytest.mark.docker
@pytest.mark.parametrize(
    ("source", "check"),
    [
        ("def f(n): return list(range(n))", "for n in (3, 250_000, 600_000): assert len(f(n)) == n"),
        (
            "def f(x): return sum(x)",
            "for i in range(12):\n    x = list(range(i, i + 200_000))\n    assert f(x) == sum(x)",
        ),
        ("def f(x): return sum(x)", "for i in range(2):\n    x = [i] * 210_000\n    assert f(x) == sum(x)"),
        ("def f(x, by): x.append(3); by.clear()", "x, by = [1], {2}\nf(x, by=by)\nassert (x, by) == ([1, 3], set())"),
        ("class L(list): pass\ndef f(x): return L(x)", "assert isinstance(f([1]), list) and f([2, 1]).pop() == 1"),
    ],
)
def test_tests_that_are_code_see_large_answers_and_what_became_of_arguments(
    scorer: Scorer, source: str, check: str
) -> None:
    scored = scorer.score(Program(source=source, tests=graded(check)))
    assert (scored.verdict, scored.raised) == (Verdict.PASSED, None)


@pytest.mark.docker
def test_arguments_that_a_call_left_alone_do_not_come_back(scorer: Scorer) -> None:
    program = Program(source="def f(x, y): y.pop()", tests=graded("f([1] * 9, [2])\nf((1,), [[3]])"))
    run = scorer.score(program).run
    assert [bool(answer.arguments) for answer in run.answers] == [True, True]
    program = Program(source="def f(x, y): return [*x, *y]", tests=graded("f([1] * 9, [2])\nf((1,), [[3]])"))
    assert [answer.arguments for answer in scorer.score(program).run.answers] == [b"", b""]


@pytest.mark.docker
def test_an_answer_too_large_for_tests_that_are_code_is_wrong_and_says_so(scorer: Scorer) -> None:
    program = Program(source="def f(n): return 'x' * n", tests=graded("assert f(40 << 20)"))
    scored = scorer.score(program)
    assert scored.verdict is Verdict.WRONG
    assert "too large" in explain(scored, scorer.limits, program)


@pytest.mark.docker
def test_an_answers_pipe_that_is_flooded_is_named_as_such(scorer: Scorer) -> None:
    source = "import os\ndef f(n):\n    while True: os.write(3, b'\\0' * 65536)\n"
    program = Program(source=source, tests=called((1, 1)))
    scored = scorer.score(program)
    assert scored.verdict is Verdict.OUTPUT
    assert explain(scored, scorer.limits, program) == "gave answers of more bytes than there is room for and was killed"


def test_room_for_items_is_what_the_host_makes() -> None:
    with pytest.raises(codec.TooManyItems):
        codec.decode(codec.encode_answer([[]] * 100), codec.DecodeBudget(100))
    assert codec.decode(codec.encode_answer([[]] * 100), codec.DecodeBudget(101)) == [[]] * 100
