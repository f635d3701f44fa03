"""Read rows of training sets, which name their fields in many ways, as `Given`.

A row says what is asked (`prompt`), and what is expected (`tests`), perhaps with a function's name, a solution and
initial code. `USUAL` has the names under which sets keep these; `columns` replaces them for a set of one's own. Tests
may be inputs and outputs (of a program, or calls of a function), asserts, functions of pytest, or a check(candidate);
what does not need to stand beside the program becomes data or runs in a grader box, as for every other format.

Known sets: verl's rows (`reward_model.ground_truth`, with `inputs`, `outputs`, `fn_name` or `assert_case`), PRIME,
SYNTHETIC-1 and -2, open-r1's verifiable problems (`verification_info`), DeepCoder, Skywork-OR1, AceCode, KodCode,
OpenCodeInstruct, guru.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.languages import named
from sandbox.problems import checkers, json_fields
from sandbox.problems.ast_names import called_function, leans_on
from sandbox.problems.in_process_tests import check_code
from sandbox.problems.parse_tests import (
    UNREADABLE,
    AssertReader,
    NotData,
    assert_tests,
    called,
    check_tests,
    wants_an_order,
)
from sandbox.problems.readers.codebudget_format import is_of_training
from sandbox.problems.readers.stdin_formats import APPS, Given, in_calls, in_programs
from sandbox.values import PYTHON, Assumptions, CallTests, CheckTests, Comparison, OutputRule, StdinTests, Tests

USUAL: Mapping[str, tuple[str, ...]] = {
    "name": ("task_id", "problem_id", "question_id", "uid", "id", "extra_info.id", "extra_info.index", "index"),
    "prompt": (
        "problem_statement", "prompt", "question", "problem", "instruction", "query", "description", "messages",
        "input",
    ),
    "tests": (
        "reward_model.ground_truth", "ground_truth", "verification_info", "test_cases", "tests", "input_output",
        "test_list", "asserts", "test", "test_code", "unit_tests",
    ),
    "entry_point": (
        "entry_point", "fn_name", "function_name", "func_name", "metadata.func_name", "extra_info.fn_name",
        "extra_info.entry_point", "test_info.0.function_name",
    ),
    "solution": (
        "canonical_solution", "gold_standard_solution", "solution", "reference_solution", "solutions.0", "code",
        "output",
    ),
    "starter": ("starter_code", "extra_info.starter_code"),
    "checker": ("checker", "generated_checker", "reward_model.checker", "extra_info.checker"),
}  # fmt: skip
_HOLD_TESTS = ("reward_model", "ground_truth", "verification_info", "test_cases", "asserts", "unit_tests")
_INPUTS, _OUTPUTS = ("inputs", "input", "stdin"), ("outputs", "output", "expected_output", "expected_outputs", "stdout")
_CALLS = frozenset({"functional", "function_call", "call", "call_based"})
_LANGUAGES = ("verification_info.language", "reward_model.language", "extra_info.language")
_FENCED = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
_MODULES = frozenset({"solution", "main"})  # from which tests import what they test
_PYTEST = '''import math as _math, re as _re


class pytest:
    """What tests without fixtures use of pytest."""

    class raises:
        def __init__(self, expected_exception, match=None):
            self.expected, self.match, self.value = expected_exception, match, None

        def __enter__(self):
            return self

        def __exit__(self, kind, value, trace):
            assert kind is not None and issubclass(kind, self.expected), f"did not raise {self.expected}"
            assert self.match is None or _re.search(self.match, str(value)), f"{self.match!r} is not in {value!r}"
            self.value, self.type = value, kind
            return True

    class approx:
        def __init__(self, expected, rel=None, abs=None):
            self.expected, self.rel, self.abs = expected, 1e-6 if rel is None else rel, 1e-12 if abs is None else abs

        def __eq__(self, answer):
            return self._near(answer, self.expected)

        def _near(self, one, other):
            if isinstance(other, dict):
                return one.keys() == other.keys() and all(self._near(one[key], other[key]) for key in other)
            if isinstance(other, (list, tuple)):
                return len(one) == len(other) and all(map(self._near, one, other))
            return one == other or _math.isclose(one, other, rel_tol=self.rel, abs_tol=self.abs)

    class _Mark:
        def parametrize(self, names, values, **options):
            names = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)

            def decorate(test):
                def every(*given, **more):
                    for value in values:
                        test(*given, **dict(zip(names, value if len(names) > 1 else [value])), **more)

                return every

            return decorate

        def __getattr__(self, name):
            return lambda *given, **options: given[0] if given and callable(given[0]) else lambda test: test

    mark = _Mark()

    @staticmethod
    def param(*values, **options):
        return values if len(values) > 1 else values[0]

    @staticmethod
    def fail(reason=""):
        raise AssertionError(reason)


'''


@dataclass(frozen=True, slots=True, kw_only=True)
class _Function:
    """What is known of the function that the tests call."""

    name: str
    solution: str | None


def knows(row: Mapping[str, Any]) -> bool:
    """Return whether a row has this format and none of a benchmark."""
    if any(key in row for key in _HOLD_TESTS) or {"inputs", "outputs"} <= row.keys():
        return True
    if "tests" in row:
        return is_of_training(row)
    return ("test" in row and "entry_point" not in row) or ("test_list" in row and "code" not in row)


def read(row: dict[str, Any], place: int = 0, columns: Mapping[str, str] | None = None) -> Given:
    """Return the problem of a row that has `place` rows before it; raises NoTests or ValueError.

    `columns` says for roles (the keys of `USUAL`) where the row keeps them: names of fields, with dots between those of
    objects within objects, as in reward_model.ground_truth.
    """
    if unknown := (columns or {}).keys() - USUAL.keys():
        raise ValueError(f"there is no part {min(unknown)!r} to map; the parts are {', '.join(USUAL)}")
    found = {role: _role_value(row, role, columns or {}) for role in USUAL}
    name = found["name"]
    name = str(name) if type(name) in {str, int} and name != "" else f"row/{place}"
    solution = _unfenced(_one_text(found["solution"]))
    function = _Function(name=_one_text(found["entry_point"]) or "", solution=solution)
    tests = found["tests"]
    if tests is None and {"inputs", "outputs"} <= row.keys():
        tests = row
    read_tests, called_name = _tests(_parsed(tests), function, name)
    language = _language(row) if isinstance(read_tests, StdinTests) else PYTHON
    checker = _one_text(found["checker"])
    if checker is not None and isinstance(read_tests, StdinTests):
        files = checkers.files_of(row.get("checker_files") or {})
        read_tests = replace(read_tests, checker=checkers.of_any_kind(checker, files))
    return Given(
        name=name,
        question=_prompt(found["prompt"]),
        starter=_one_text(found["starter"]) or "",
        function=called_name,
        tests=read_tests,
        solution=solution,
        assumptions=Assumptions() if isinstance(read_tests, str | CheckTests) or language != PYTHON else APPS,
        language=language,
    )


def _role_value(row: Mapping[str, Any], role: str, columns: Mapping[str, str]) -> Any:
    """Return the value of a role: of the first usual field that is there, or of the column that has to be there."""
    if role in columns:
        value = _at(row, columns[role])
        if value is None:
            raise ValueError(f"{role} should be in {columns[role]!r}, which the row does not have: {', '.join(row)}")
        return value
    values = (_at(row, path) for path in USUAL[role])
    return next((value for value in values if value not in (None, "", [])), None)


def _at(value: Any, path: str) -> Any:
    """Return what stands at a path such as reward_model.ground_truth or test_info.0.function_name; None if nothing."""
    for word in path.split("."):
        if isinstance(value, str) and value[:1] in {"{", "["}:
            value = _parsed(value)
        if isinstance(value, dict):
            value = value.get(word)
        elif isinstance(value, list) and word.isdecimal() and int(word) < len(value):
            value = value[int(word)]
        else:
            return None
    return value


def _parsed(value: Any) -> Any:
    """Return the value of a text that holds JSON; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _one_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _unfenced(solution: str | None) -> str | None:
    """Return a solution without the fence that some sets put around it."""
    fenced = None if solution is None else _FENCED.fullmatch(solution.strip())
    return fenced[1] if fenced else solution


def _language(row: Mapping[str, Any]) -> str:
    """Return the language that a row says its programs are in, as SYNTHETIC-1 does; Python where it says none."""
    said = next((said for path in _LANGUAGES if (said := _at(row, path))), PYTHON)
    return named(said) if isinstance(said, str) else PYTHON


def _prompt(value: Any) -> str:
    """Return what is asked: a text, or the last message of a user; empty where a row has no prompt."""
    value = _parsed(value)
    if isinstance(value, list):
        asked = [one for one in value if isinstance(one, dict) and one.get("role") == "user"] or value[-1:]
        value = asked[-1].get("content") if asked and isinstance(asked[-1], dict) else None
    return value if isinstance(value, str) else ""


def _tests(value: Any, function: _Function, name: str) -> tuple[Tests, str]:
    """Return the tests, and the name of the function that they call ("" for whole programs)."""
    match value:
        case None | "" | []:
            raise json_fields.NoTests(name)
        case {"test_cases": cases} | {"unit_tests": cases} | {"ground_truth": cases}:
            return _tests(_parsed(cases), _called(value, function), name)
        case {"test_code": str(code)} | {"pytest": str(code)} | {"functional": str(code)}:
            return _code(f"{value.get('import_prefix') or ''}\n{code}", _called(value, function))
        case {"assert_case": asserts} if asserts:
            given = _parsed(asserts)
            return _code("\n".join(given) if isinstance(given, list) else str(given), function)
        case dict():
            return _pairs(_columns(value), _called(value, function), name)
        case [str(), *_] if all(isinstance(one, str) for one in value):
            return _code("\n".join(value), function)
        case [dict(), *_]:
            return _cases(value, function, name)
        case [[_, _], *_] if all(isinstance(one, list) and len(one) == 2 for one in value):
            return _pairs(([one for one, _ in value], [other for _, other in value]), function, name)
        case str():
            return _code(value, function)
        case _:
            raise ValueError(
                f"its tests are {json_fields.shown(value)}; inputs and outputs, asserts, functions of pytest or a "
                "check(candidate) are read"
            )


def _called(value: Mapping[str, Any], function: _Function) -> _Function:
    """Return the function, with the name that stands beside the tests, if one does."""
    name = next((value[key] for key in ("fn_name", "entry_point", "func_name", "function_name") if value.get(key)), "")
    return _Function(name=str(name) or function.name, solution=function.solution)


def _columns(value: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    found = []
    for names in (_INPUTS, _OUTPUTS):
        key = next((key for key in names if key in value), None)
        if key is None:
            raise ValueError(f"its tests have none of {', '.join(names)}, but {', '.join(map(str, value))}")
        given = _parsed(value[key])
        found.append(given if isinstance(given, list) else [given])
    return found[0], found[1]


def _cases(value: list[Any], function: _Function, name: str) -> tuple[Tests, str]:
    """Return tests that are a list of objects, one for each."""
    inputs, outputs = [], []
    for number, case in enumerate(value):
        one = json_fields.an_object(case, f"tests[{number}]")
        if set(map(str, one)) & {"assert", "assertion"} and "input" not in one:
            return _code("\n".join(str(each.get("assert") or each.get("assertion")) for each in value), function)
        pair = [next((one[key] for key in names if key in one), None) for names in (_INPUTS, _OUTPUTS)]
        if pair[0] is None or pair[1] is None:
            raise ValueError(f"tests[{number}] has no input or no output, but {', '.join(map(str, one))}")
        inputs.append(pair[0])
        outputs.append(pair[1])
    first = value[0]
    kind = first.get("type") or first.get("testtype")
    named = _called(first | (first.get("metadata") or {}), function)
    by_calls = kind in _CALLS if kind else bool(named.name)
    if by_calls and not named.name:
        raise ValueError("its tests are calls, and nothing names the function; name its field with --map entry_point=…")
    return _pairs((inputs, outputs), named if by_calls else _Function(name="", solution=function.solution), name)


def _pairs(pairs: tuple[list[Any], list[Any]], function: _Function, name: str) -> tuple[Tests, str]:
    inputs, outputs = pairs
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs and {len(outputs)} outputs: a test has lost its other half")
    if not inputs:
        raise json_fields.NoTests(name)
    if not function.name:
        return in_programs(zip(inputs, outputs, strict=True), OutputRule.CLOSE), ""
    called_name = function.name.removeprefix("Solution().").removeprefix("Solution.")
    cases = [(_arguments(given), _parsed_line(expected)) for given, expected in zip(inputs, outputs, strict=True)]
    return in_calls(called_name, cases, Comparison.ONLY_ITEM), called_name


def _arguments(value: Any) -> list[Any]:
    """Return the arguments of a call: a list of them, or a text with a JSON value a line."""
    if isinstance(value, str):
        return [json_fields.parsed(line, "a line of a test's input") for line in value.strip().split("\n")]
    return value if isinstance(value, list) else [value]


def _parsed_line(value: Any) -> Any:
    """Return an expected answer, which may be JSON in a text; a text that is no JSON is the answer itself."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _code(source: str, function: _Function) -> tuple[Tests, str]:
    """Return tests that are code: asserts, functions of pytest, or a check(candidate)."""
    try:
        module = ast.parse(source)
    except UNREADABLE as error:
        raise ValueError(f"its tests are no Python: {error}") from None
    imported = {alias.asname or alias.name for node in module.body for alias in _tested_names(node)}
    uses_pytest = any(isinstance(node, ast.Name) and node.id == "pytest" for node in ast.walk(module))
    module.body = [node for node in module.body if not (_imports(node, {"pytest", *_MODULES}) or _runs_tests(node))]
    handed = next((it for node in reversed(module.body) if (it := _checked(node))), "")
    module.body = [node for node in module.body if not _checked(node)]
    plain = ast.unparse(module)
    name = (handed or function.name).replace("Solution().", "Solution.")
    name = name or called_function(plain, function.solution or "") or _only(imported) or _first_called(plain)
    if not name:
        raise ValueError(
            f"its tests, {json_fields.shown(source)}, call no function by its name, so nothing could be tested; name "
            "it with --map entry_point=FIELD, if they do"
        )
    found = _as_data(module, plain, name)
    if found is not None:
        return found, name
    head = _PYTEST if uses_pytest else ""
    tests = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]
    checks = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    for test in tests:
        if _needs_fixtures(test):
            raise ValueError(f"{test.name} needs a fixture of pytest, which is not run here")
    target = name.replace("Solution.", "Solution().")
    calls = "".join(f"{test.name}()\n" for test in tests) + "".join(map(_calls, module.body))
    calls = calls or "".join(f"check({target})\n" for _ in checks[:1])
    whole = f"{head}{plain}\n\n{calls}"
    wanted = leans_on(whole, "")
    owner = name.partition(".")[0]
    if len(imported) > 1 or wanted is None or not wanted <= {owner}:
        return whole, name
    return check_code(whole, name, prelude="", solution=function.solution), name


def _checked(node: ast.stmt) -> str:
    """Return what a statement hands to check, as in check(Solution().f) at the end of tests; "" if it does not."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="check"), args=[ast.Name() | ast.Attribute() as target])):
            return ast.unparse(target)
        case _:
            return ""


def _runs_tests(node: ast.stmt) -> bool:
    """Return whether a statement does nothing but run the tests, as in unittest.main() under a guard."""
    match node:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__")), orelse=[]):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="main", value=ast.Name(id="unittest" | "pytest")))):
            return True
        case _:
            return False


def _calls(node: ast.stmt) -> str:
    """Return the calls of the tests in a class of unittest or of pytest, each with an instance of its own."""
    if not isinstance(node, ast.ClassDef):
        return ""
    own = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
    tests = [name for name in own if name.startswith("test")]
    of_unittest = any("TestCase" in ast.unparse(base) for base in node.bases)
    if not tests or not (of_unittest or node.name.startswith("Test")):
        return ""
    if not of_unittest and any(len(own[name].args.args) > 1 and not own[name].decorator_list for name in tests):
        raise ValueError(f"a test of {node.name} needs a fixture of pytest, which is not run here")
    once, before, after = (
        [name for name in names if name in own]
        for names in (("setUpClass", "setup_class"), ("setUp", "setup_method"), ("tearDown", "teardown_method"))
    )
    lines = [f"{node.name}.{name}()" for name in once]
    for test in tests:
        lines.append(f"_case = {node.name}({test!r})" if of_unittest else f"_case = {node.name}()")
        for name in (*before, test, *after):
            plain = len(own[name].args.args) < 2 or own[name].decorator_list
            lines.append(f"_case.{name}()" if plain else f"_case.{name}(None)")
    return "\n".join(lines) + "\n"


def _as_data(module: ast.Module, plain: str, name: str) -> CallTests | None:
    """Return the tests as calls, if they are asserts of calls and literals, in functions of pytest or outside them."""
    if (found := check_tests(plain, name) or assert_tests(plain, name)) is not None:
        return found
    try:
        cases = tuple(case for test in _tested(module) for case in called(test.body, AssertReader(name, name)))
    except UNREADABLE:
        return None
    tests = CallTests(cases=cases, source=plain) if cases else None
    return None if tests is None or wants_an_order(tests) else tests


def _tested(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions of pytest, if the module holds nothing else; raises NotData."""
    for node in module.body:
        match node:
            case ast.FunctionDef(name=name, decorator_list=[], args=ast.arguments(args=[], kwonlyargs=[])) if (
                name.startswith("test")
            ):
                yield node
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                raise NotData


def _needs_fixtures(test: ast.FunctionDef) -> bool:
    return bool(test.args.args) and not any("parametrize" in ast.unparse(one) for one in test.decorator_list)


def _tested_names(node: ast.stmt) -> list[ast.alias]:
    """Return the names that a statement imports from what is tested: from solution import f."""
    return node.names if isinstance(node, ast.ImportFrom) and node.module in _MODULES else []


def _imports(node: ast.stmt, names: set[str]) -> bool:
    match node:
        case ast.Import(names=[ast.alias(name=name)]) | ast.ImportFrom(module=name):
            return name in names
        case _:
            return False


def _only(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""


def _first_called(source: str) -> str:
    """Return the name that is called most by asserts, and that nothing here defines; "" if there is none."""
    wanted = leans_on(source, "") or set()
    called_names = [
        node.func.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in wanted
    ]
    return max(called_names, key=called_names.count, default="")
