"""Our own format: what it can say, what it refuses and how, and that its schema says the same as its reader."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.judging.explaining import explain
from sandbox.problems import Problem, ProblemsError, load_problems
from sandbox.problems.readers import codebudget_format
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import (
    OUTPUT_RULES,
    CallTests,
    CheckTests,
    Comparison,
    Flag,
    Limits,
    OutputRule,
    ReferenceTests,
    StdinTests,
    Verdict,
)

SCHEMA = json.loads((Path(codebudget_format.__file__).parents[1] / "problem.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ADD: dict[str, Any] = {
    "task_id": "add",
    "prompt": 'def add(a, b):\n    """The sum."""\n',
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "tests": [{"arguments": [1, 2], "expected": 3}],
}
DOUBLE: dict[str, Any] = {
    "task_id": "double",
    "prompt": "Read a number, print its double.",
    "canonical_solution": "print(2 * int(input()))\n",
    "tests": [{"stdin": "2\n", "stdout": "4\n"}, {"stdin": "-1\n", "stdout": "-2\n"}],
}
CHECKED: dict[str, Any] = {key: value for key, value in ADD.items() if key != "tests"} | {
    "check": "def check(candidate):\n    for n in range(5):\n        assert candidate(n, b=n) == 2 * n\n"
}


def without(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def loaded(path: Path, *rows: dict[str, Any]) -> list[Problem]:
    file = path / "problems.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_problems(file)


GOOD = [
    ADD,
    DOUBLE,
    CHECKED,
    CHECKED | {"in_process": True},
    ADD
    | {
        "tests": [
            {"arguments": [1], "keywords": {"b": 2}, "expected": 3},
            {"keywords": {"a": 1, "b": 2}, "expected": 3},
        ]
    },
    ADD
    | {"tests": [{"call": "add((1,), b=(2,))", "returns": "(1, 2)"}, {"arguments": [[1], [2]], "returns": "[1, 2]"}]},
    ADD | {"tests": [{"call": "add(b'1', b'2')", "returns": "b'12'"}, {"call": "add(1, 2j)", "returns": "1 + 2j"}]},
    ADD | {"tests": [{"arguments": [1, 2]}, {"call": "add({1}, {2})"}], "reference": True},
    ADD | {"tests": [{"arguments": [0.1, 0.2], "expected": 0.3}], "comparison": "close", "tolerance": 1e-9},
    ADD | {"tests": [{"arguments": [0.1, 0.2], "expected": 0.3, "comparison": "approximate"}]},
    ADD
    | {
        "tests": [{"arguments": [1, 2]}, {"arguments": [1, 2], "expected": 3, "comparison": "equal"}],
        "comparison": "true",
    },
    ADD
    | {
        "tests": [{"arguments": [1, 2], "comparison": "not_none"}],
        "public_tests": [{"arguments": [0, 0], "expected": 0}],
    },
    ADD | {"prompt": "Write add.", "canonical_solution": "def add(a, b): return a + b\n", "imports": "import math"},
    ADD | {"entry_point": "Solution.add", "in_process": False, "reference": False},
    CHECKED | {"public_tests": [{"arguments": [1, 2], "expected": 3}], "comparison": "lists"},
    DOUBLE | {"output_rule": "tokens", "public_tests": [{"stdin": "", "stdout": ""}]},
    DOUBLE | {"output_rule": "nocase", "tolerance": 1e-3},
]


@pytest.mark.parametrize("row", GOOD)
def test_what_the_format_can_say_is_read_and_valid(row: dict[str, Any], tmp_path: Path) -> None:
    VALIDATOR.validate(row)
    assert len(loaded(tmp_path, row)) == 1


BAD = [
    (ADD | {"entrypoint": "add"}, "no key 'entrypoint' (did you mean 'entry_point'?); the keys are task_id, prompt"),
    (without(ADD, "task_id"), "task_id is missing"),
    (without(ADD, "prompt"), "prompt is missing"),
    (ADD | {"prompt": ""}, "prompt must be a text with something in it, not ''"),
    (ADD | {"tests": []}, "tests must be a list with something in it, not []"),
    (ADD | {"tests": "assert add(1, 2) == 3"}, "tests must be a list"),
    (ADD | {"public_tests": []}, "public_tests must be a list with something in it"),
    (ADD | {"check": "def check(candidate): ..."}, "either by tests or by check"),
    (ADD | {"entry_point": "add()"}, "entry_point is the name of a function, or Class.method, not 'add()'"),
    (ADD | {"in_process": True}, "in_process is about check"),
    (ADD | {"output_rule": "lines"}, "output_rule is about what whole programs print"),
    (ADD | {"tolerance": 0.1}, "tolerance stands beside a comparison"),
    (ADD | {"comparison": "close"}, "close needs a tolerance"),
    (ADD | {"comparison": "equal", "tolerance": 1}, "the comparison equal has no tolerance"),
    (ADD | {"comparison": "approximate", "tolerance": 0}, "tolerance must be a number above 0, not 0"),
    (ADD | {"comparison": "equals"}, "no comparison 'equals' (did you mean 'equal'?)"),
    (ADD | {"comparison": "root"}, "no comparison 'root'"),
    (ADD | {"comparison": "true"}, "tests[0]: the comparison true expects no value; expected would have no effect"),
    (ADD | {"tests": [3]}, "tests[0]: an object is expected, not 3"),
    (
        ADD | {"tests": [{"argument": [1, 2], "expected": 3}]},
        ("tests[0]: there is no key 'argument' (did you mean 'arguments'?)"),
    ),
    (
        ADD | {"tests": [{"arguments": [1, 2]}]},
        ("tests[0]: what is expected is said either in JSON (expected) or in Python"),
    ),
    (
        ADD | {"tests": [{"arguments": [1, 2], "expected": 3, "returns": "3"}]},
        ("tests[0]: what is expected is said either"),
    ),
    (ADD | {"tests": [{"arguments": {"a": 1}, "expected": 3}]}, "tests[0]: arguments must be a list"),
    (
        ADD | {"tests": [{"expected": 3}]},
        ("tests[0]: a call is said either in JSON (arguments, keywords) or in Python (call)"),
    ),
    (ADD | {"tests": [{"call": "add(1, 2)", "arguments": [1], "expected": 3}]}, "tests[0]: a call is said either"),
    (ADD | {"tests": [{"call": "add(1)", "returns": "1", "tolerance": 1}]}, "tests[0]: tolerance stands beside"),
    (
        ADD | {"tests": [*ADD["tests"], {"stdin": "1", "stdout": "1"}]},
        ("tests[1]: stdin and stdout are for whole programs"),
    ),
    (
        ADD | {"tests": [{"arguments": [1, 2], "expected": 3}], "reference": True},
        ("tests[0]: the problem's own solution says"),
    ),
    (ADD | {"public_tests": [{"arguments": [1, 2]}]}, "public_tests[0]: what is expected"),
    (without(ADD, "entry_point"), "tests[0]: a call needs a function; entry_point"),
    (without(ADD, "canonical_solution") | {"tests": [{"arguments": [1, 2]}], "reference": True}, "reference says that"),
    (without(CHECKED, "entry_point"), "check is about the answers of a function; entry_point has to name it"),
    (CHECKED | {"comparison": "lists"}, "check compares by itself"),
    (CHECKED | {"reference": True}, "reference says that"),
    (DOUBLE | {"comparison": "equal"}, "comparison is about the answers of a function"),
    (DOUBLE | {"output_rule": "word"}, "no output_rule 'word'"),
    (DOUBLE | {"tolerance": 0.1}, "the output_rule close takes no tolerance; absolute, relative, nocase do"),
    (DOUBLE | {"output_rule": "absolute", "tolerance": 10**400}, "tolerance must be a number above 0"),
    (DOUBLE | {"tests": [{"stdin": "1"}]}, "tests[0]: stdout is missing"),
    (DOUBLE | {"tests": [{"stdin": "1", "stdout": 1}]}, "tests[0]: stdout must be a text, not 1"),
    (DOUBLE | {"tests": [{"stdin": "1", "stdout": "2", "output": "2"}]}, "tests[0]: there is no key 'output'"),
    (DOUBLE | {"reference": True}, "reference says that"),
]
BEYOND_THE_SCHEMA = [
    (ADD | {"tests": [{"call": "sub(1, 2)", "returns": "3"}]}, "tests[0]: call is a call of add with Python literals"),
    (ADD | {"tests": [{"call": "add(x)", "returns": "3"}]}, "such as 'add((1, 2), [3])', not 'add(x)'"),
    (ADD | {"tests": [{"call": "add(", "returns": "3"}]}, "tests[0]: call is a call of add"),
    (
        ADD | {"tests": [{"arguments": [1], "returns": "open('x')"}]},
        ("tests[0]: returns is a Python literal, such as '(1, {2})"),
    ),
    (
        ADD | {"tests": [{"arguments": [1], "expected": "3"}], "comparison": "close", "tolerance": 1},
        "no answer can ever be",
    ),
    (
        ADD | {"tests": [{"arguments": [1], "expected": [[1]]}], "comparison": "set"},
        ("no answer can ever be set to [[1]]"),
    ),
    (
        CHECKED | {"check": ("def test(candidate): assert candidate(1, 2) == 3")},
        ("check is Python code that defines check("),
    ),
    (
        CHECKED | {"check": ("def check(candidate): assert candidate(Pair(1, 2)) == 3")},
        ("check uses Pair, which only the program"),
    ),
]


@pytest.mark.parametrize(("row", "said"), [*BAD, *BEYOND_THE_SCHEMA])
def test_what_is_malformed_is_named_with_its_place_and_the_way_out(
    row: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ProblemsError) as error:
        loaded(tmp_path, DOUBLE | {"task_id": "before"}, row)
    assert "problems.jsonl, line 2: " in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize("row", [row for row, _ in BAD])
def test_the_schema_refuses_what_the_reader_refuses(row: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(row)


def test_the_schema_and_the_reader_know_the_same_words() -> None:
    assert SCHEMA["$defs"]["comparison"]["enum"] == list(codebudget_format.COMPARISONS)
    assert SCHEMA["properties"]["output_rule"]["enum"] == list(OUTPUT_RULES)


def drawn(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


COMPARISON = st.sampled_from([*codebudget_format.COMPARISONS, "is"])
CALL = drawn(
    arguments=st.sampled_from([[], [1], 1]),
    keywords=st.sampled_from([{}, {"b": 1}, []]),
    expected=st.just(1),
    call=st.sampled_from(["add(1, b=(2,))", 1]),
    returns=st.sampled_from(["1", 1]),
    comparison=COMPARISON,
    tolerance=st.sampled_from([0.5, 0]),
)
RUN = drawn(stdin=st.sampled_from(["", 1]), stdout=st.just("x"))
ROW = drawn(
    task_id=st.just("t"),
    prompt=st.sampled_from(["p", ""]),
    entry_point=st.sampled_from(["add", "A.add", "a b"]),
    canonical_solution=st.just("x"),
    imports=st.sampled_from(["", None]),
    tests=st.lists(CALL | RUN, max_size=2),
    public_tests=st.lists(CALL | RUN, max_size=2),
    check=st.just("def check(candidate): assert candidate(1) == 1"),
    in_process=st.booleans(),
    reference=st.booleans(),
    comparison=COMPARISON,
    tolerance=st.sampled_from([0.5, -1]),
    output_rule=st.sampled_from(["lines", "relative", "none"]),
    other=st.none(),
)
# Most rows of ROW are wrong in many ways; these begin with a good one, so that one change decides.
CHANGE = drawn(
    tests=st.lists(CALL, min_size=1, max_size=2),
    comparison=COMPARISON,
    tolerance=st.just(0.5),
    reference=st.booleans(),
    output_rule=st.sampled_from(["lines", "nocase"]),
)
NEARLY_GOOD = st.builds(
    lambda row, change, gone: without(row | change, *gone),
    st.sampled_from(GOOD),
    CHANGE,
    st.lists(st.sampled_from(sorted(codebudget_format._PROBLEM)), max_size=1),
)


@given(ROW | NEARLY_GOOD)
def test_the_schema_and_the_reader_agree_on_every_row(row: dict[str, Any]) -> None:
    try:
        codebudget_format.read(row)
    except ValueError as error:
        beyond = "no answer can ever be" in str(error)  # a value for its comparison; more may be wrong behind it
        assert beyond or not VALIDATOR.is_valid(row)
    else:
        VALIDATOR.validate(row)


def test_the_examples_of_the_document_are_right() -> None:
    text = (Path(codebudget_format.__file__).parents[3] / "docs" / "problems.md").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.startswith('{"task_id"')]
    assert len(rows) == 6
    for row in rows:
        VALIDATOR.validate(row)
        assert codebudget_format.read(row).name == row["task_id"]


def test_a_row_that_fits_no_format_is_told_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        ProblemsError, match=r"line 1: 'task_id' is missing.*tests or check.*generated_tests.*test_list"
    ):
        loaded(tmp_path, {"question": "?"})
    (tmp_path / "list.jsonl").write_text("[1]\n")
    with pytest.raises(ProblemsError, match="element 1: a problem is a JSON object, not 1"):
        load_problems(tmp_path / "list.jsonl")
    (tmp_path / "digits.jsonl").write_text('{"tests": ' + "1" * 100_001 + "}\n")
    with pytest.raises(ProblemsError, match="line 1: not JSON"):
        load_problems(tmp_path / "digits.jsonl")


def test_json_and_python_say_the_same_calls() -> None:
    row = ADD | {
        "tests": [
            {"arguments": [1], "keywords": {"b": [2]}, "expected": [3]},
            {"call": "add(1, b=[2])", "returns": "[3]"},
        ]
    }
    tests = codebudget_format.read(row).tests
    assert isinstance(tests, CallTests)
    one, other = tests.cases
    assert one == other
    assert (one.arguments, one.keywords, one.expected) == ((1,), {"b": [2]}, [3])


def test_imports_that_no_program_could_have_are_refused() -> None:
    with pytest.raises(ValueError, match="imports is no Python: "):
        codebudget_format.read(ADD | {"imports": "import ("})


def test_base64_of_a_file_may_have_several_lines() -> None:
    content = bytes(range(256))
    read = codebudget_format.read(ADD | {"files": {"a.bin": {"base64": base64.encodebytes(content).decode()}}})
    assert read.workspace.files == (("a.bin", content),)


def test_a_comparison_of_a_case_takes_the_place_of_the_problems() -> None:
    given_cases = [{"arguments": [1, 2], "expected": 3}, {"arguments": [1, 2], "expected": 3, "comparison": "lists"}]
    tests = codebudget_format.read(ADD | {"tests": given_cases, "comparison": "close", "tolerance": 0.5}).tests
    assert isinstance(tests, CallTests)
    assert [(one.comparison, one.tolerance) for one in tests.cases] == [
        (Comparison.CLOSE, 0.5),
        (Comparison.LISTS, 0.0),
    ]


def test_the_problem_chooses_how_it_is_tested() -> None:
    plain = "def check(candidate):\n    assert candidate(1, 2) == 3\n"
    assert isinstance(codebudget_format.read(CHECKED | {"check": plain}).tests, CallTests)
    assert isinstance(codebudget_format.read(CHECKED).tests, CheckTests)
    assert isinstance(codebudget_format.read(CHECKED | {"in_process": True}).tests, str)
    assert isinstance(
        codebudget_format.read(ADD | {"tests": [{"arguments": [1, 2]}], "reference": True}).tests, ReferenceTests
    )
    read = codebudget_format.read(DOUBLE | {"public_tests": DOUBLE["tests"][:1], "output_rule": "lines"})
    assert isinstance(read.public, StdinTests)
    assert (len(read.public.cases), read.public.rule) == (1, OutputRule.LINES)


@pytest.mark.parametrize(
    ("prompt", "goes_on"),
    [
        ("def add(a, b):\n", True),
        ("import math\n\n@math\ndef add(a, b):\n    # the sum\n", True),
        ("class add:\n    def f(self):\n        ", True),
        ("Write a function add.\n", False),
        ("def sub(a, b): return a - b\n", False),
        ("Complete this:\n\ndef add(a, b):\n", False),
    ],
)
def test_a_completion_goes_on_where_a_prompt_begins_the_entry_point(prompt: str, goes_on: object) -> None:
    assert codebudget_format.read(ADD | {"prompt": prompt}).continues is goes_on


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    with open_scorer(Limits(), boxes=1) as opened:
        yield opened


SUM_CLASS = {
    "prompt": "class Sum:\n    def add(self, a, b):\n",
    "entry_point": "Sum.add",
    "canonical_solution": "        return a + b\n",
}
PAIRS = {
    "check": "def check(candidate):\n    assert candidate(Pair(1), Pair(2)) == 3\n",
    "imports": "class Pair(int):\n    pass\n",
}
RUNNABLE = [
    (ADD, True, False),
    (ADD | {"tests": [{"arguments": [1], "keywords": {"b": 2}, "expected": 3}]}, True, False),
    (ADD | {"tests": [{"call": "add((1,), b=(2,))", "returns": "(1, 2)"}]}, True, False),
    (ADD | {"tests": [{"call": "add((1,), b=(2,))", "returns": "[1, 2]"}]}, False, False),
    (ADD | {"tests": [{"arguments": [1, 2]}, {"call": "add('a', b='b')"}], "reference": True}, True, False),
    (ADD | {"tests": [{"arguments": [0.1, 0.2], "expected": 0.3}]}, False, False),
    (ADD | {"tests": [{"arguments": [0.1, 0.2], "expected": 0.3}], "comparison": "approximate"}, True, False),
    (ADD | SUM_CLASS, True, False),
    (DOUBLE, True, False),
    (CHECKED, True, False),
    (CHECKED | SUM_CLASS, True, False),
    (CHECKED | PAIRS | {"in_process": True}, True, True),
]


@pytest.mark.docker
@pytest.mark.parametrize(("row", "passes", "in_process"), RUNNABLE)
def test_a_problem_is_scored_as_it_says(
    row: dict[str, Any], passes: object, in_process: object, tmp_path: Path, scorer: Scorer
) -> None:
    (problem,) = loaded(tmp_path, row)
    right = problem.complete(row["canonical_solution"])
    scored = scorer.submit(right).result(timeout=300)
    assert (scored.verdict is Verdict.PASSED) is passes, explain(scored, scorer.limits, right)
    assert (Flag.IN_PROCESS in scored.flags) is in_process
    wrong = problem.complete(row["canonical_solution"].replace("a + b", "a - b").replace("2 *", "3 *"))
    assert scorer.submit(wrong).result(timeout=300).verdict in {Verdict.WRONG, Verdict.ERROR}


@pytest.mark.docker
def test_an_explanation_shows_keyword_arguments(tmp_path: Path, scorer: Scorer) -> None:
    (problem,) = loaded(tmp_path, ADD | {"tests": [{"arguments": [1], "keywords": {"b": 2}, "expected": 3}]})
    wrong = problem.complete("    return a - b\n")
    said = explain(scorer.submit(wrong).result(timeout=300), scorer.limits, wrong)
    assert said == "answered -1 where 3 was expected, call 1 of 1, arguments (1, b=2)"
