from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.inside import codec
from sandbox.judging.compare import matches, spoofed
from sandbox.problems import load_problems
from sandbox.problems.ast_names import called_function
from sandbox.problems.parse_tests import assert_tests, check_tests
from sandbox.values import CallTest, CallTests, Comparison

EQUAL, IS, TRUE, FALSE, CLOSE = Comparison.EQUAL, Comparison.IS, Comparison.TRUE, Comparison.FALSE, Comparison.CLOSE


def read(*lines: str) -> CallTests | None:
    body = "".join(f"    {line}\n" for line in lines)
    return check_tests(f"METADATA = {{'author': 'x'}}\n\ndef check(candidate):\n{body}", "f")


@pytest.mark.parametrize(
    ("line", "test"),
    [
        ("assert candidate(1, [2]) == {'a': (3,)}", ((1, [2]), EQUAL, {"a": (3,)}, 0.0)),
        ("assert candidate() == -1, 'message'", ((), EQUAL, -1, 0.0)),
        ("assert candidate(3 * 5) == 'a' + 'b'", ((15,), EQUAL, "ab", 0.0)),
        ("assert candidate([1, 0 ** 0]) is None", (([1, 1],), IS, None, 0.0)),
        ("assert candidate(1)", ((1,), TRUE, None, 0.0)),
        ("assert not candidate(1)", ((1,), FALSE, None, 0.0)),
        ("assert abs(candidate(1.5) - 2.0 / 4.0) < 1e-6", ((1.5,), CLOSE, 0.5, 1e-6)),
        ("x = [1, 2]; assert candidate(x) == (1j, {2})", (([1, 2],), EQUAL, (1j, {2}), 0.0)),
    ],
)
def test_an_assert_that_calls_and_compares_becomes_data(line: str, test: tuple[object, ...]) -> None:
    tests = read('"""doc"""', "assert True, 'fine'", line)
    assert tests is not None
    (case,) = tests.cases
    assert case.function == "f"
    assert (case.arguments, case.comparison, case.expected, case.tolerance) == test


@pytest.mark.parametrize(
    "line",
    [
        "x = candidate(1)",
        ("assert candidate(x) == 1"),
        ("assert candidate(1) == g(1)"),
        ("assert candidate(1) == candidate(2)"),
        "assert candidate(*[1]) == 1",
        "assert candidate(**{1: 1}) == 1",
        "assert candidate(a=1, **{'a': 1}) == 1",
        "x = [1]; assert candidate(x) == 1; assert candidate(x) == 1",
        "for i in range(3): assert candidate(i) == i",
        "assert candidate(1) > 0",
        "assert 1 == candidate(1) == 1",
        "assert False",
        "assert other(1) == 1",
        "assert candidate(9 ** 9 ** 9) == 1",
        "assert candidate('a' * 10 ** 9) == 1",
        "assert candidate(1).x == 1",
        "assert candidate(lambda: 1) == 1",
        "assert candidate(1 / 0) == 1",
        "print(candidate(1))",
    ],
)
def test_anything_else_stays_code(line: str) -> None:
    assert read("assert candidate(0) == 0", line) is None


@pytest.mark.parametrize(
    "source",
    [
        "",
        ("def check(candidate):\n    pass"),
        ("def check(candidate):\n    assert True"),
        ("def check(a, b): assert a(1) == 1"),
        "import os\ndef check(candidate): assert candidate(1) == 1",
        "def check(candidate): assert candidate(",
        "x = 1",
        "def g(x): return x\ndef check(candidate): assert candidate(1) == 1",
    ],
)
def test_a_module_that_does_more_or_nothing_stays_code(source: str) -> None:
    assert check_tests(source, "f") is None


@pytest.mark.parametrize(
    ("call", "arguments", "keywords"),
    [
        ("candidate(a=1)", (), {"a": 1}),
        ("candidate([3], b={'x': (1,)})", ([3],), {"b": {"x": (1,)}}),
        ("candidate(1, **{'b': 2}, c=3)", (1,), {"b": 2, "c": 3}),
    ],
)
def test_keyword_arguments_are_read(call: str, arguments: tuple[object, ...], keywords: dict[str, object]) -> None:
    tests = read(f"assert {call} == 1")
    assert tests is not None
    assert (tests.cases[0].arguments, tests.cases[0].keywords) == (arguments, keywords)


def test_a_name_stands_for_its_literal_until_a_call_could_change_it() -> None:
    tests = read("n = 3", "x = [1]", "assert candidate(x, n) == 1", "x = [2]", "assert candidate(x, n=n) == 1")
    assert tests is not None
    assert [(one.arguments, one.keywords) for one in tests.cases] == [(([1], 3), {}), (([2],), {"n": 3})]
    assert read("x = [1]", "assert candidate(x) == 1", "assert candidate(x) == 1") is None


NAMES = st.from_regex(r"[a-z]{1,5}_", fullmatch=True)


@given(st.lists(st.integers() | st.text()), st.dictionaries(NAMES, st.floats(allow_nan=False)))
def test_what_is_written_as_a_call_is_what_is_asked(arguments: list[object], keywords: dict[str, float]) -> None:
    said = ", ".join([*map(repr, arguments), *(f"{name}={value!r}" for name, value in keywords.items())])
    tests = check_tests(f"def check(c):\n    assert c({said}) == 1\n", "f", {"inf": math.inf})
    assert tests is not None
    assert tests.cases[0].arguments == tuple(arguments)
    assert tests.cases[0].keywords == keywords
    (call,) = codec.decode_calls(tests.calls.first(1).pieces[0])
    assert call == ("f", tuple(arguments), keywords)


def test_nearly_all_of_humaneval_is_data() -> None:
    code = [
        problem.name.split("/")[1]
        for problem in load_problems("humaneval")
        if not isinstance(problem.checked_by, CallTests)
    ]
    assert code == ["32", "33", "37", "38", "44", "50", "53", "129", "151"]


def case(comparison: Comparison, expected: object = None, tolerance: float = 0.0) -> CallTest:
    return CallTest(function="f", arguments=(), comparison=comparison, expected=expected, tolerance=tolerance)


@pytest.mark.parametrize(
    ("answer", "test", "right"),
    [
        (1.0, case(EQUAL, 1), True),
        (True, case(EQUAL, 1), True),
        ([1, 2], case(EQUAL, (1, 2)), False),
        (math.nan, case(EQUAL, math.nan), False),
        (1, case(IS, expected=True), False),
        (True, case(IS, expected=True), True),
        (None, case(IS), True),
        ([0], case(TRUE), True),
        ([], case(TRUE), False),
        ([], case(FALSE), True),
        (0.5 + 1e-9, case(CLOSE, 0.5, 1e-6), True),
        (0.6, case(CLOSE, 0.5, 1e-6), False),
        (math.nan, case(CLOSE, 0.5, 1e-6), False),
        ("0.5", case(CLOSE, 0.5, 1e-6), False),
        (10**400, case(CLOSE, 0.5, 1e-6), False),
    ],
)
def test_answers_are_compared_as_python_does(answer: object, test: CallTest, right: bool) -> None:
    assert matches(answer, test) is right


@pytest.mark.parametrize("mark", [codec.Spoof("list"), codec.Opaque("object"), codec.Iterated("map", [1], whole=True)])
def test_a_mark_never_holds(mark: object) -> None:
    for test in (case(EQUAL, [1]), case(EQUAL, mark.__class__), case(TRUE), case(FALSE), case(CLOSE, 1, 1e9), case(IS)):
        assert not matches(mark, test)
        assert not matches([mark], case(EQUAL, [1]))


def test_values_nested_more_deeply_than_python_compares_do_not_break_the_judge() -> None:
    left: object = 1
    right: object = 1
    for _ in range(100_000):
        left, right = [left], [right]
    assert matches(left, case(EQUAL, right)) is False


@given(st.recursive(st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.integers(), inner), max_leaves=8))
def test_a_spoof_is_found_wherever_it_hides(value: object) -> None:
    assert not spoofed(value)
    assert spoofed([value, {1: (codec.Spoof("S"),)}])


def test_asserts_that_call_by_name_become_data() -> None:
    tests = assert_tests("assert add(1, 2) == 3\nassert not add(0, 0)\n", "add")
    assert tests is not None
    assert [(one.function, one.arguments) for one in tests.cases] == [("add", (1, 2)), ("add", (0, 0))]
    for other in ("assert len('x') == 1", "p = Pair(1, 2)\nassert add(p) == 1", "import math\nassert add(1) == 1"):
        assert assert_tests(other, "add") is None


@pytest.mark.parametrize(
    ("first", "then"), [("candidate(1) == 1", "candidate(1) == 2"), ("candidate(1)", "not candidate(1)")]
)
def test_one_call_with_two_answers_has_an_order_and_stays_code(first: str, then: str) -> None:
    assert read(f"assert {first}", f"assert {then}") is None
    assert read(f"assert {first}", f"assert {first}") is not None


def test_the_function_that_asserts_call_is_found_in_the_program() -> None:
    program = "def helper(): pass\ndef area(r): return r\n"
    assert called_function("assert set(area(1)) == set()", program) == "area"
    assert called_function("assert len('') == 0", program) == ""
    assert called_function("assert area(1) == 2", "import math\narea = lambda r: r + 1\n") == "area"
    assert (
        called_function("assert run(area(1)) == 2", "from asyncio import run\nasync def area(r): return r\n") == "area"
    )
    assert called_function("assert (", program) == ""
