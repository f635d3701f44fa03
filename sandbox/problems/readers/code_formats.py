"""Read rows whose tests are code: LeetCode, BigCodeBench, ClassEval, DS-1000, sets in many languages; and CRUXEval.

LeetCode comes from DeepSeek-Coder's evaluation (Guo et al. 2024) and from LeetCodeDataset (Xia et al. 2025). Both test
a method of a class Solution: DeepSeek-Coder by asserts over `my_solution` and a `test_input`, LeetCodeDataset by a
`check(candidate)`. Tests of calls and literals become data, with a fresh Solution for each call; nearly all tests are
such. The rest use linked lists and trees, whose nodes are objects of classes that the prompt defines. No such object
can leave a box, so these tests run in the program's process. Answers are compared as in the files, with ==, even if
LeetCode itself accepts them in any order.

BigCodeBench (Zhuo et al. 2024): a completion continues `complete_prompt`; a unittest class tests it. Such tests patch
modules, read files that the program wrote and use its names, so they run in the program's process. Most problems need
packages (`--profile bigcodebench`). With the task "instruct", `instruct_prompt` asks for the whole function.

ClassEval (Du et al. 2023): a class to write, tested by unittest classes in the program's process, one object after
another. DS-1000 (Lai et al. 2022): the answer is a snippet; `code_context` inserts it into code around it, runs that
for several inputs and compares with its own solution, all in one process.

CRUXEval (Gu et al. 2024): the answer is what a call returns or, with the task "input", the arguments of a call that
returns something. Both are data: nothing that a model wrote is executed but literals, operators and calls of types.

Rows of BigCodeBench and CRUXEval hold two tasks; the field `task`, which `read_problems` can set, says which is asked.

MultiPL-E (Cassano et al. 2022): a completion of `prompt` ends where the first of `stop_tokens` begins, and `tests`
follow it. HumanEval-X (Zheng et al. 2023) and HumanEvalPack (Muennighoff et al. 2023): a completion continues `prompt`
(in Rust, also `declaration`), and `test` follows it; in Go, `test_setup` has the packages that the tests import.

How such tests are run is `sandbox.languages.test_drivers`'s.
"""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from sandbox.inside.environment import prepend_imports
from sandbox.languages import find_language
from sandbox.languages.test_drivers import DRIVERS, function_of
from sandbox.problems import json_fields
from sandbox.problems.ast_names import leans_on, reaches_a_class
from sandbox.problems.in_process_tests import check_code
from sandbox.problems.parse_tests import UNREADABLE, AssertReader, NotData, called, check_tests, literal
from sandbox.problems.readers.stdin_formats import NUMPY_IF_THERE, Given
from sandbox.values import PYTHON, Assumptions, CallTest, CallTests, CheckTests, Comparison, LanguageTests
from sandbox.values.answer_forms import FUNCTION, SNIPPET, AnswerForm

# DeepSeek-Coder, Evaluation/LeetCode
IMPORTS = (
    "import collections, copy, datetime, functools, hashlib, heapq, itertools, math, re, string, sys\n"
    f"from collections import *\nfrom functools import *\nfrom typing import *\n{NUMPY_IF_THERE}"
)
_OWNER, _INSTANCE = "Solution", "my_solution"
_NAMES = {"inf": math.inf}  # both sets define it for tests and programs alike


def knows_leetcode(row: dict[str, Any]) -> bool:
    """Return whether the row has one of the two formats."""
    return "prompt_sft" in row or ("test" in row and str(row.get("entry_point")).startswith(f"{_OWNER}()."))


def read_leetcode(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for what is missing or malformed."""
    return deepseek(row) if "prompt_sft" in row else dataset(row)


def deepseek(row: dict[str, Any]) -> Given:
    """Return the problem of a row of DeepSeek-Coder's file, which has no solutions and no imports."""
    prompt, source = json_fields.text(row, "prompt"), json_fields.text(row, "test")
    function = f"{_OWNER}.{_method(source)}"
    before, found, _ = prompt.partition(f"class {_OWNER}")
    if not found:
        raise ValueError(f"its prompt begins no class {_OWNER}")
    return Given(
        name=json_fields.name(row, "task_id"),
        question=prompt,
        function=function,
        tests=_asserted(source, function) or _code(source, function, IMPORTS + before),
        assumptions=Assumptions(imports=IMPORTS),
        continues=True,
    )


def dataset(row: dict[str, Any]) -> Given:
    """Return the problem of a row of LeetCodeDataset, whose `prompt` is put before every program."""
    entry_point, source, prelude, solution = (
        json_fields.text(row, key) for key in ("entry_point", "test", "prompt", "completion")
    )
    method = entry_point.partition(".")[2]
    if not method.isidentifier():
        raise ValueError(f"its entry_point {entry_point!r} names no method")
    function = f"{_OWNER}.{method}"
    code = f"{source}\n\ncheck({entry_point})\n"
    return Given(
        name=json_fields.name(row, "task_id"),
        question=json_fields.text_or_empty(row, "problem_description") or json_fields.text(row, "query"),
        starter=json_fields.text_or_empty(row, "starter_code"),
        function=function,
        tests=check_tests(source, function, _NAMES) or _code(code, function, prelude, solution),
        solution=solution,
        assumptions=Assumptions(imports=prelude),
    )


def _method(source: str) -> str:
    """Return the only method of `my_solution` that the tests call."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except UNREADABLE as error:
        raise ValueError(f"its tests are no Python: {error}") from None
    called_by_tests = {node.attr for node in nodes if isinstance(node, ast.Attribute) and _is_instance(node.value)}
    if len(called_by_tests) != 1:
        raise ValueError(f"its tests use {len(called_by_tests)} methods of {_INSTANCE} where one is expected")
    return called_by_tests.pop()


def _is_instance(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == _INSTANCE


def _asserted(source: str, function: str) -> CallTests | None:
    """Return asserts over `my_solution.f(…)` as data, if they are plain data."""
    module = _CallsByName().visit(ast.parse(source))
    statements = [node for node in module.body if not _makes_the_instance(node)]
    try:
        cases = called(statements, AssertReader(_INSTANCE, function, _NAMES))
    except NotData:
        return None
    return CallTests(cases=cases, source=source) if cases else None


class _CallsByName(ast.NodeTransformer):
    """Replaces `my_solution.f(…)` by `my_solution(…)`; the tests use only one method f."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return node.value if _is_instance(node.value) else node


def _makes_the_instance(node: ast.stmt) -> bool:
    return ast.unparse(node) == f"{_INSTANCE} = {_OWNER}()"


def _code(source: str, function: str, prelude: str, solution: str | None = None) -> CheckTests | str:
    """Return tests that stay code.

    They run in a grader box if they use only the function, else in the program's own process.
    """
    try:
        objects = reaches_a_class(source, prelude)
    except UNREADABLE:
        objects = True
    wanted = leans_on(source, prelude)
    if objects or wanted is None or not wanted <= {_OWNER}:
        return source
    whole = None if solution is None else prepend_imports(prelude, solution)
    return check_code(source, function, prelude=prelude, solution=whole)


def knows_bigcodebench(row: dict[str, Any]) -> bool:
    """Return whether the row has this format."""
    return "complete_prompt" in row


def read_bigcodebench(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for missing or malformed fields."""
    source, task = json_fields.text(row, "test"), _task(row, "complete", "instruct")
    if "class TestCases" not in source:
        raise ValueError("test defines no class TestCases, so nothing could ever fail")
    solution = json_fields.text_or_none(row, "canonical_solution")
    if task == "instruct" and solution is not None:
        solution = json_fields.text(row, "code_prompt") + solution
    return Given(
        name=json_fields.name(row, "task_id"),
        question=json_fields.text(row, f"{task}_prompt"),
        function=json_fields.text(row, "entry_point"),
        tests=source,
        solution=solution,
        continues=task == "complete",
    )


def _task(row: dict[str, Any], *tasks: str) -> str:
    """Return which task of a row is asked for, the first if it does not say; raises ValueError."""
    task = json_fields.text_or_empty(row, "task") or tasks[0]
    if task not in tasks:
        raise ValueError(f"there is no task {task!r}; there are {' and '.join(tasks)}")
    return task


def knows_classeval(row: dict[str, Any]) -> bool:
    """Return whether the row has this format."""
    return {"skeleton", "class_name", "test"} <= row.keys()


def read_classeval(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for missing or malformed fields."""
    name, source = json_fields.text(row, "class_name"), json_fields.text(row, "test")
    if "TestCase" not in source:
        raise ValueError("test defines no unittest class, so nothing could ever fail")
    imports = [] if row.get("import_statement") is None else json_fields.texts(row, "import_statement")
    return Given(
        name=json_fields.name(row, "task_id"),
        question=f"Complete the class {name}: write the bodies of its methods.",
        starter=json_fields.text(row, "skeleton"),
        function=name,
        tests=source,
        solution=json_fields.text_or_none(row, "solution_code"),
        assumptions=Assumptions(imports="".join(f"{line}\n" for line in imports)),
    )


def knows_ds1000(row: dict[str, Any]) -> bool:
    """Return whether the row has this format."""
    return "code_context" in row


def read_ds1000(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for missing or malformed fields."""
    source, place = json_fields.text(row, "code_context"), json_fields.inner(row, "metadata")
    if "def test_execution(" not in source:
        raise ValueError("code_context defines no test_execution(solution), so nothing could ever fail")
    if not isinstance(place, dict):
        raise ValueError("metadata is not an object")
    checks = [check for check in ("test_execution", "test_string") if f"def {check}(" in source]
    return Given(
        name=f"DS-1000/{json_fields.name(place, 'problem_id')}",
        question=json_fields.text(row, "prompt"),
        tests=source + "\n\n" + "".join(f"{check}({SNIPPET})\n" for check in checks),
        solution=json_fields.text_or_none(row, "reference_code"),
        answer_form=AnswerForm.SNIPPET,
    )


def knows_cruxeval(row: dict[str, Any]) -> bool:
    """Return whether the row has this format."""
    return {"code", "input", "output", "id"} <= row.keys()


def read_cruxeval(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for missing or malformed fields."""
    code, given, output = (json_fields.text(row, key) for key in ("code", "input", "output"))
    task = _task(row, "output", "input")
    try:
        expected = literal(ast.parse(output.strip(), mode="eval").body)
    except UNREADABLE:
        raise ValueError(f"output is a Python literal, not {output[:80]!r}") from None
    case = CallTest(function=FUNCTION, arguments=(), comparison=Comparison.EQUAL, expected=expected)
    asked, about = (
        (f"f({given}) == ??", "what the call returns")
        if task == "output"
        else (f"f(??) == {output}", "arguments for which the call returns this")
    )
    return Given(
        name=f"CRUXEval/{json_fields.name(row, 'id')}",
        question=(
            f"Replace ?? in the assertion by {about}, written as literals. Answer with the whole assertion between "
            f"[ANSWER] and [/ANSWER].\n\n[PYTHON]\n{code.rstrip()}\nassert {asked}\n[/PYTHON]"
        ),
        function="f",
        tests=CallTests(cases=(case,), source=f"{code}\nassert {asked.replace('??', '…')}  # {output}"),
        solution=output if task == "output" else given,
        assumptions=Assumptions(imports=f"{code.rstrip()}\n") if task == "input" else Assumptions(),
        answer_form=AnswerForm(task),
    )


# Benchmarks in many languages: MultiPL-E, HumanEval-X and HumanEvalPack.

_MULTIPL_E = ("name", "language", "prompt", "tests", "stop_tokens")
_HUMANEVAL_X = ("task_id", "prompt", "declaration", "canonical_solution", "test")
_SUFFIX = re.compile(r"^.*_test\.")  # of the file names that Go asks for
_DECLARED = re.compile(r"(\w+)\s*(?:=\s*(?:async\s*)?)?\([^()]*(?:\([^()]*\)[^()]*)*\)[^(){};]*(?:=>\s*)?[{:]?\s*\Z")
_NAMED = re.compile(r"\b(?:func|fn|function)\s+(\w+)")
_HUMANEVAL_X_STOPS = {"cpp": ("\n}",), "go": ("\nfunc", "\ntype"), "rust": ("\n}",), "java": ("\n    }\n",)}
_USUAL_STOPS = ("\nfunction ", "\n//", "\n/*", "\nconsole.log", "\nconst ")


def knows_languages(row: dict[str, Any]) -> bool:
    """Return whether the row has one of these formats, in a language other than Python or, as HumanEval-X, in it."""
    if all(key in row for key in _MULTIPL_E):
        return True
    return (
        all(key in row for key in _HUMANEVAL_X) and "/" in str(row["task_id"]) and "def check(" not in str(row["test"])
    )


def read_languages(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises ValueError for what is missing or malformed."""
    return _multipl_e(row) if "stop_tokens" in row else _humaneval_x(row)


def _multipl_e(row: dict[str, Any]) -> Given:
    language = _language(_SUFFIX.sub("", json_fields.text(row, "language")))
    text, prompt = json_fields.text(row, "tests"), json_fields.text(row, "prompt")
    name = json_fields.name(row, "name")
    if not text.strip():
        raise json_fields.NoTests(name)
    pairs = DRIVERS[language].cut(text)
    function = function_of(text, pairs) or re.sub(r"^[A-Za-z]+_\d+_", "", name)
    return Given(
        name=name,
        question=prompt,
        function=function,
        tests=LanguageTests(language=language, text=text, declaration=prompt, function=function, pairs=pairs),
        solution=json_fields.text_or_none(row, "canonical_solution"),
        continues=True,
        language=language,
        stops=tuple(json_fields.texts(row, "stop_tokens")),
    )


def _humaneval_x(row: dict[str, Any]) -> Given:
    name = json_fields.name(row, "task_id")
    language = _language(name.partition("/")[0])
    prompt, declaration = json_fields.text(row, "prompt"), json_fields.text(row, "declaration")
    if language == "rust" and declaration.strip() not in prompt:
        prompt += declaration
    function = json_fields.text_or_empty(row, "entry_point") or _declared(declaration)

    def tests(key: str) -> LanguageTests | None:
        text = json_fields.text_or_empty(row, key)
        setup = json_fields.text_or_empty(row, "test_setup") if language == "go" else ""
        if not text.strip():
            return None
        return LanguageTests(language=language, text=f"{setup}\n{text}", declaration=prompt, function=function)

    judge = tests("test")
    if judge is None:
        raise json_fields.NoTests(name)
    return Given(
        name=name,
        question=prompt,
        function=function,
        tests=judge,
        public=tests("example_test"),
        solution=json_fields.text_or_none(row, "canonical_solution"),
        continues=True,
        language=language,
        stops=_HUMANEVAL_X_STOPS.get(language, _USUAL_STOPS),
    )


def _declared(declaration: str) -> str:
    """Return the name of the last function that a declaration begins; empty if none is found."""
    named: list[str] = _NAMED.findall(declaration)
    if named:
        return named[-1]
    found = _DECLARED.search(declaration.strip())
    return found[1] if found else ""


def _language(name: str) -> str:
    """Return the name of a language whose function tests can be run; raises ValueError."""
    found = find_language(name)
    language = PYTHON if found is None else found.name
    if language not in DRIVERS:
        raise ValueError(f"tests of functions in {language} cannot be run; there are {', '.join(DRIVERS)}")
    return language
