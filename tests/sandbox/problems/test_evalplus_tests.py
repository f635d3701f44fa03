"""HumanEval+ and MBPP+ as one large text of tests."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.judging.explaining import explain
from sandbox.problems import Problem, ProblemsError, load_problems
from sandbox.problems.readers import evalplus
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import CallTests, CheckTests, Comparison, Limits, ReferenceTests, Verdict

HELPERS = """import numpy as np
from math import inf

def is_floats(x) -> bool:
    return isinstance(x, float) or isinstance(x, np.ndarray)

def assertion(out, exp, atol):
    exact_match = out == exp
    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if not exact_match and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert exact_match

"""
LOOP = "for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
HALVES = (
    HELPERS
    + "def check(candidate):\n    inputs = [[1], [3], [-inf]]\n    results = [0.5, 1.5, -inf]\n    "
    + LOOP
    + "        assertion(candidate(*inp), exp, 0)\n"
)
ASKING = (
    HELPERS
    + """from typing import List

def half(n):
    return n / 2

def ref_func(n) -> List[float]:
    return [half(n)]

def check(candidate):
    inputs = [[1], [3]]
    for i, inp in enumerate(inputs):
        assertion(candidate(*inp), ref_func(*inp), 0.01)
"""
)
ROOTS = (
    "import math\n\ndef _poly(xs, x):\n    return sum(c * math.pow(x, i) for i, c in enumerate(xs))\n\n"
    "def check(candidate):\n    inputs = [[[-4, 2]]]\n    results = [2.0]\n    "
    + LOOP
    + "        assert _poly(*candidate(*inp), inp) <= 0.0001\n"
)
HUMANEVAL: dict[str, Any] = {
    "task_id": "HumanEval/0",
    "prompt": "def f(n):\n",
    "canonical_solution": "    return n / 2\n",
    "entry_point": "f",
    "test": HALVES,
}
MBPP: dict[str, Any] = {
    "task_id": 2,
    "code": "def similar_elements(a, b):\n    return tuple(set(a) & set(b))\n",
    "prompt": "Find the shared elements.",
    "source_file": "x",
    "test_imports": [],
    "test_list": ["assert set(similar_elements((3, 4), (4, 5))) == set((4,))"],
    "test": f"{HELPERS}inputs = [[(1, 2, 3), (3, 2)], [(), (1,)]]\nresults = [(3, 2), ()]\n{LOOP}"
    "    assertion(similar_elements(*inp), exp, 0)\n",
}


def loaded(path: Path, *rows: dict[str, Any]) -> list[Problem]:
    file = path / "origin.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_problems(file)


def test_results_that_stand_there_become_data() -> None:
    tests = evalplus.read_origin(HALVES, "f")
    assert isinstance(tests, CallTests)
    assert [(one.arguments, one.expected) for one in tests.cases] == [
        ((1,), 0.5),
        ((3,), 1.5),
        ((-math.inf,), -math.inf),
    ]
    assert {(one.comparison, one.tolerance) for one in tests.cases} == {(Comparison.APPROXIMATE, 0.0)}
    assert len(tests.source) == 64


def test_results_of_a_function_are_asked_of_it() -> None:
    tests = evalplus.read_origin(ASKING, "f")
    assert isinstance(tests, ReferenceTests)
    assert tests.cases[0].tolerance == 0.01
    assert "numpy" not in tests.reference
    assert tests.reference.endswith("f = ref_func\n")


def test_a_root_is_tested_as_one() -> None:
    (case,) = evalplus.read_origin(ROOTS, "find_zero").cases
    assert (case.arguments, case.comparison, case.tolerance) == (([-4, 2],), Comparison.ROOT, 0.0001)


@pytest.mark.parametrize(
    ("change", "comparison"),
    [
        (("similar_elements(*inp), exp", "set(similar_elements(*inp)), set(exp)"), Comparison.SET),
        (("exact_match = out == exp", "exact_match = set(out) == set(exp)"), Comparison.SET),
        (("similar_elements(", "check_str("), Comparison.NOT_NONE),
        (("similar_elements(", "g("), Comparison.APPROXIMATE),
    ],
)
def test_mbpp_is_compared_as_its_text_or_evalplus_says(change: tuple[str, str], comparison: Comparison) -> None:
    function = "g" if comparison is not Comparison.NOT_NONE else "check_str"
    text = MBPP["test"].replace(*change).replace("similar_elements(", "g(")
    assert {one.comparison for one in evalplus.read_origin(text, function).cases} == {comparison}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("results = [0.5, 1.5, -inf]", "results = [0.5, 1.5]"), "3 inputs and 2 results"),
        (("[[1], [3], [-inf]]", "[1, 3, 5]"), "3 inputs and 3 results"),
        (("[[1], [3], [-inf]]", "[[open('x')]]"), "has a Call"),
        (("[[1], [3], [-inf]]", "[[elsewhere]]"), "the name elsewhere"),
        (("    inputs =", "    print(candidate)\n    inputs ="), "line 17"),
        (("candidate(*inp)", "candidate(*inp)[0]"), "line 20"),
        (("exact_match = out == exp", "exact_match = almost(out, exp)"), "line 20"),
        (("exp, 0)", "exp, -1)"), "tolerance of -1"),
        (("zip(inputs, results)", "zip(inputs[1:], results)"), "no such loop"),
        (("def check(candidate)", "def check(candidate"), "was never closed"),
    ],
)
def test_a_text_that_does_anything_else_is_refused(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    assert change[0] in HALVES
    row = HUMANEVAL | {"test": HALVES.replace(*change)}
    with pytest.raises(ProblemsError, match=f"line 1: its test looks like.*{said}.*base_input and plus_input"):
        loaded(tmp_path, row)


def test_a_loop_that_needs_no_numpy_stays_code(tmp_path: Path) -> None:
    test = (
        "def check(candidate):\n    inputs = [[1]]\n    for inp in inputs:\n        assert candidate(*inp) == inp[0] "
        "/ 2\n"
    )
    (problem,) = loaded(tmp_path, HUMANEVAL | {"test": test})
    assert isinstance(problem.checked_by, CheckTests)


def test_a_text_beyond_reading_is_refused(tmp_path: Path) -> None:
    long = HALVES + "#" * evalplus.MAX_TEXT
    with pytest.raises(ProblemsError, match="at most 16777216 are read"):
        loaded(tmp_path, HUMANEVAL | {"test": long})


VALUES = st.recursive(
    st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.booleans()
    | st.none()
    | st.complex_numbers(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.sets(st.integers(), max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.lists(VALUES, max_size=2), VALUES), min_size=1, max_size=3))
def test_whatever_python_prints_as_a_literal_is_read(pairs: list[tuple[list[object], object]]) -> None:
    inputs, results = ([pair[side] for pair in pairs] for side in (0, 1))
    body = f"def check(candidate):\n    inputs = {inputs!r}\n    results = {results!r}\n    {LOOP}"
    tests = evalplus.read_origin(f"{HELPERS}{body}        assertion(candidate(*inp), exp, 0)\n", "f")
    assert [(list(one.arguments), one.expected) for one in tests.cases] == pairs


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    with open_scorer(Limits(), boxes=1) as opened:
        yield opened


@pytest.mark.docker
@pytest.mark.parametrize(
    ("row", "change"),
    [
        (HUMANEVAL, ("/ 2", "/ 3")),
        (HUMANEVAL | {"test": ASKING, "canonical_solution": "    return [n / 2 + 0.001]\n"}, ("0.001", "0.1")),
        (
            HUMANEVAL | {"test": ROOTS, "prompt": "def f(xs):\n", "canonical_solution": "    return -xs[0] / xs[1]\n"},
            ("-xs", "xs"),
        ),
        (MBPP, ("&", "|")),
    ],
)
def test_right_programs_pass_and_wrong_ones_do_not(
    row: dict[str, Any], change: tuple[str, str], tmp_path: Path, scorer: Scorer
) -> None:
    (problem,) = loaded(tmp_path, row)
    assert problem.canonical_solution is not None
    right = problem.complete(problem.canonical_solution)
    scored = scorer.submit(right).result(timeout=300)
    assert (scored.verdict, scored.flags) == (Verdict.PASSED, frozenset()), explain(scored, scorer.limits, right)
    wrong = problem.complete(problem.canonical_solution.replace(*change))
    assert scorer.submit(wrong).result(timeout=300).verdict is Verdict.WRONG


def test_all_of_humaneval_plus_is_data(shared_data: Path) -> None:
    problems = load_problems(shared_data / "HumanEvalPlus-OriginFmt.jsonl.gz")
    kinds = Counter(type(problem.checked_by) for problem in problems)
    assert kinds == {CallTests: 158, ReferenceTests: 6}
    roots = [
        problem.name
        for problem in problems
        if isinstance(problem.given, CallTests) and problem.given.cases[0].comparison is Comparison.ROOT
    ]
    assert roots == ["HumanEval/32"]
