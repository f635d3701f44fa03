"""Read checkers, for problems that have several right outputs, and the data sets that come with them.

A checker is a function `check(input, output, answer)`, as in our own format, or a script, as open-r1's Codeforces has
them (`generated_checker`): called with the names of three files, it prints the points. A script becomes a function that
writes the files and runs it. Nothing of it runs on the host.

A checker in C++ uses testlib as a rule. Its header is no part of this package: it stands in the problem
(`checker_files`), comes from the user (`with_files`), or is part of the checker's text.

The readers are those of open-r1's Codeforces and of CodeContests+ (Wang et al. 2025), whose checkers are in C++.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from sandbox.languages import Language, find_language
from sandbox.problems import json_fields
from sandbox.problems.parse_tests import UNREADABLE
from sandbox.problems.readers.stdin_formats import CODECONTESTS, Given, in_programs, with_limits_of
from sandbox.values import PYTHON, Checker, Files, InteractiveTests, Interactor, OutputRule, StdinTests

_SCRIPT = '''import contextlib as _contextlib, io as _io, os as _os, sys as _sys

_SCRIPT = {source!r}


def check(input, output, answer):
    """Run the script over three files; what it prints are the points."""
    names = ("input.txt", "correct_output.txt", "solution_output.txt")
    for name, text in zip(names, (input, answer, output)):
        with open(name, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    printed, code = _io.StringIO(), None
    _sys.argv = ["checker.py", *names]
    try:
        with _contextlib.redirect_stdout(printed):
            exec(compile(_SCRIPT, "checker.py", "exec"), {{"__name__": "__main__"}})
    except SystemExit as stop:
        code = stop.code
    finally:
        for name in names:
            _os.unlink(name)
    words = printed.getvalue().split()
    if not words:
        return code in (None, 0)
    points = float(words[0])
    return points / 100 if points > 1 else points
'''
# A program with the protocol of testlib that calls `interact`. What the candidate sent may have made no sense to it:
# these exceptions are the candidate's fault, all others are the interactor's.
_INTERACT = '''import sys as _sys

_SOURCE = {source!r}


def _talk():
    """Call interact, and return the exit code; the message goes to standard error."""
    names = {{"__name__": "interactor"}}
    exec(compile(_SOURCE, "interactor.py", "exec"), names)
    _sys.stdout.reconfigure(line_buffering=True)
    given, wanted = (open(name, encoding="utf-8", errors="surrogateescape").read() for name in _sys.argv[1:4:2])
    try:
        said = names["interact"](given, wanted)
    except (AssertionError, EOFError, ValueError) as error:
        print(f"{{type(error).__name__}}: {{error}}", file=_sys.stderr)
        return 1
    said, *message = said if isinstance(said, (list, tuple)) else [said]
    if not isinstance(said, (bool, int, float)) or not 0 <= said <= 1:
        print(f"interact returned {{said!r:.100}}, which is neither a truth nor a share", file=_sys.stderr)
        return 3
    if not 0 < said < 1:
        print(*message, file=_sys.stderr)
        return 0 if said else 1
    print("points", said, *message, file=_sys.stderr)
    return 7


raise SystemExit(_talk())
'''
_PLAIN_MODULES = {
    "bisect", "collections", "copy", "decimal", "fractions", "functools", "heapq", "itertools", "json", "math",
    "operator", "re", "string", "sys", "typing",
}  # fmt: skip
_OF_SYS = {"argv", "exit", "float_info", "maxsize", "setrecursionlimit", "stderr", "stdout"}
_REACHING = {  # names that run text or reach into objects
    "breakpoint", "builtins", "compile", "delattr", "eval", "exec", "getattr", "globals", "locals", "object", "setattr",
    "super", "type", "vars",
}  # fmt: skip
_CHANGING = {  # of the plain modules, what changes them, keeps something or reaches into objects
    "*", "attrgetter", "cache", "get_type_hints", "getcontext", "localcontext", "lru_cache", "methodcaller",
    "setcontext", "singledispatch",
}  # fmt: skip
_INCLUDE = re.compile(r"^\s*#\s*include\s*[<\"]", re.MULTILINE)  # not every comment of Python's that begins so
_TESTLIB = re.compile(r"^\s*#\s*include\s*[\"<]testlib\.h[\">]", re.MULTILINE)
_HEADERS = (".h", ".hpp")
_HEADER_NAME = re.compile(r"\w[\w.+-]{0,99}")
T = TypeVar("T")
_PARTS = (("input_format", "Input"), ("output_format", "Output"))


def function(source: str) -> Checker:
    """Return the checker of Python that defines check(input, output, answer); raises ValueError."""
    try:
        defined = [
            node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "check"
        ]
    except UNREADABLE as error:
        raise ValueError(f"checker is no Python: {error}") from None
    if not defined:
        raise ValueError("checker is Python that defines check(input, output, answer)")
    given = defined[-1].args
    least = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    most = 3 if given.vararg else len(given.posonlyargs) + len(given.args)
    if not least <= 3 <= most:
        raise ValueError(f"check of a checker takes three texts (input, output, answer), not {least}")
    return Checker(source=source, stateless=_is_stateless(source))


def of_row(row: Mapping[str, Any], key: str) -> Checker | None:
    """Return the checker of a row of any set, with the row's `checker_files`; None without one. Raises ValueError."""
    source = json_fields.text_or_none(row, key)
    return None if source is None else of_any_kind(source, files_of(row.get("checker_files") or {}))


def of_program(told: Mapping[str, Any], files: Files = ()) -> Checker:
    """Return the checker of an object with a language and a source; raises ValueError."""
    source, language = _program_fields(told, "a checker")
    if language is None:
        return of_any_kind(source)
    return Checker(source=source, language=language.name, files=files)


def _program_fields(told: Mapping[str, Any], what: str) -> tuple[str, Language | None]:
    """Return the source and the language of an object, None for Python; raises ValueError."""
    fields = json_fields.checked(told, {"language": "a text", "source": "a text with something in it"})
    if len(fields) != 2:
        raise ValueError(f"{what} that is an object has a language and a source")
    language = find_language(fields["language"])
    if language is not None and not language.native:
        raise ValueError(f"{what} is a program in Python or a language such as C++, not in {language.title}")
    return fields["source"], language


def interactor(told: Any, files: Files = (), *, has_checker: bool = False) -> Interactor:
    """Return the interactor of a text in Python or of an object with a language and a source; raises ValueError.

    A problem with a checker needs an interactor that is a program, because `interact` cannot write for a checker.
    """
    if isinstance(told, str):
        told = {"language": PYTHON, "source": told}
    source, language = _program_fields(told, "an interactor")
    if language is not None:
        return Interactor(source=source, language=language.name, files=files)
    try:
        body = ast.parse(source).body
    except UNREADABLE as error:
        raise ValueError(f"interactor is no Python: {error}") from None
    if not any(isinstance(node, ast.FunctionDef) and node.name == "interact" for node in body):
        return Interactor(source=source)
    if has_checker:
        raise ValueError("interact says itself whether the program did well; a checker would have no effect")
    return Interactor(source=_INTERACT.format(source=source))


def files_of(told: Any) -> Files:
    """Return the headers beside a checker; raises ValueError."""
    files = json_fields.an_object(told, "checker_files")
    for name, text in files.items():
        if not _HEADER_NAME.fullmatch(name) or not isinstance(text, str):
            raise ValueError(f"checker_files holds texts by the names of headers, such as testlib.h, not {name!r}")
    return tuple(sorted((name, text.encode("utf-8", "surrogatepass")) for name, text in files.items()))


def read_headers(paths: Iterable[str | Path]) -> Files:
    """Return the headers at some paths, and those directly in the folders among them; raises ValueError."""
    found: dict[str, bytes] = {}
    for path in map(Path, paths):
        files = sorted(file for file in path.glob("*") if file.suffix in _HEADERS) if path.is_dir() else [path]
        if not files:
            raise ValueError(f"the folder {path} of checker files holds no header ({', '.join(_HEADERS)})")
        for file in files:
            try:
                found[file.name] = file.read_bytes()
            except OSError as error:
                raise ValueError(f"the checker file {file} cannot be read: {error.strerror or error}") from error
    return tuple(sorted(found.items()))


def with_files(tests: T, files: Files) -> T:
    """Return tests whose checker and interactor have these headers beside them, where they have none of that name."""
    if not isinstance(tests, StdinTests) or not files:
        return tests
    changed = {
        role: replace(program, files=tuple(sorted(dict((*files, *program.files)).items())))
        for role, program in _programs(tests).items()
        if program.language != PYTHON
    }
    return replace(tests, **changed) if changed else tests  # type: ignore[arg-type]  # roles are fields of such tests


def _programs(tests: StdinTests) -> dict[str, Checker]:
    """Return the checker and the interactor of tests, as far as they have them."""
    found = {"checker": tests.checker, "interactor": tests.interactor if isinstance(tests, InteractiveTests) else None}
    return {role: program for role, program in found.items() if program is not None}


def missing_of(tests: StdinTests) -> str:
    """Return what to do about the first program of these tests whose testlib.h is missing; empty if none lacks it."""
    return next(filter(None, map(missing_header, _programs(tests).values())), "")


def missing_header(program: Checker) -> str:
    """Return what to do about a program whose testlib.h is missing; empty if it is there or not needed."""
    if program.language == PYTHON or not _TESTLIB.search(program.source) or "testlib.h" in dict(program.files):
        return ""
    return (
        "its checker or interactor includes testlib.h, which is no part of this package: take the file from "
        "https://github.com/MikeMirzayanov/testlib and name it by --checker-files testlib.h (checker_files of "
        "load_problems and of [problems] in a study), or put its text into checker_files of the problem"
    )


def of_any_kind(source: str, files: Files = ()) -> Checker:
    """Return the checker of a function or a script in Python, or of a program in C++; raises ValueError."""
    if _INCLUDE.search(source):
        return Checker(source=source, language="cpp", files=files)
    try:
        body = ast.parse(source).body
    except UNREADABLE as error:
        raise ValueError(f"its checker is no Python: {error}") from None
    if any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in body) and "sys.argv" not in source:
        return function(source)
    # A script has names of its own each time, so what it binds there is not kept.
    return Checker(source=_SCRIPT.format(source=source), stateless=_is_stateless(source, keeps_names=False))


def _is_stateless(source: str, *, keeps_names: bool = True) -> bool:
    """Return whether Python's text shows that no call of it can change what a later one says.

    It imports nothing but modules of plain functions, names nothing that runs text or reaches into objects, sets no
    attributes, and keeps no names beyond a call (`keeps_names`: those of the module are kept) but constants, functions
    and imports. A text that this does not recognise counts as one with a state.
    """
    module = ast.parse(source)
    reaching = _REACHING | ({"open"} if keeps_names else set())
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                plain = all(one.name in _PLAIN_MODULES and (one.asname is None or one.name != "sys") for one in names)
            case ast.ImportFrom(module=name, names=names):
                wanted = {one.name for one in names}
                known = wanted <= _OF_SYS - {"argv"} if name == "sys" else not wanted & _CHANGING
                plain = name == "__future__" or (name in _PLAIN_MODULES and known)
            case ast.Name(id=name):
                plain = name == "__name__" or not (name in reaching or name.startswith("__"))
            case ast.Attribute(value=of, attr=name, ctx=context):
                of_sys = isinstance(of, ast.Name) and of.id == "sys"
                plain = isinstance(context, ast.Load) and not name.startswith("_")
                plain = plain and (name in _OF_SYS if of_sys else name not in _CHANGING)
            case ast.FunctionDef(decorator_list=decorators, args=given):
                defaults = [*given.defaults, *(one for one in given.kw_defaults if one is not None)]
                plain = not decorators and all(isinstance(one, ast.Constant) for one in defaults)
            case ast.Global() | ast.Nonlocal():
                plain = not keeps_names
            case ast.ClassDef() | ast.AsyncFunctionDef() | ast.Delete():
                plain = False
            case _:
                plain = True
        if not plain:
            return False
    kept = [node for node in module.body if not isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom)]
    return not keeps_names or all(map(_is_constant, kept))


def _is_constant(node: ast.stmt) -> bool:
    """Return whether a statement of a module binds constants, is a text, or sets a limit of the interpreter's."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Assign(value=ast.Constant()) | ast.AnnAssign(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="setrecursionlimit"))):
            return True
        case _:
            return False


def knows(row: dict[str, Any]) -> bool:
    """Return whether the row has one of the two formats."""
    return "official_tests" in row or ("checker" in row and ("generator" in row or "validator" in row))


def read(row: dict[str, Any]) -> Given:
    """Return the problem of a row; raises NoTests or ValueError."""
    return codeforces(row) if "official_tests" in row else codecontests_plus(row)


def codeforces(row: dict[str, Any]) -> Given:
    """Return the problem of a row of open-r1's Codeforces.

    A row without tests, or whose tests are cut, is left out (`official_tests_complete`), and so is one that needs an
    interactor, or that reads a file.
    """
    name = f"Codeforces/{json_fields.name(row, 'id')}"
    tests = _pairs(row["official_tests"], "official_tests")
    if not tests or row.get("official_tests_complete") is False or row.get("interaction_format"):
        raise json_fields.NoTests(name)
    if row.get("input_mode") not in {None, "stdio"}:
        raise json_fields.NoTests(name)
    how = of_row(row, "generated_checker")
    examples = _pairs(row.get("examples") or [], "examples")
    return Given(
        name=name,
        question=_question(row, examples),
        tests=_checked(tests, how),
        public=_checked(examples, how) if examples else None,
        assumptions=with_limits_of(row, CODECONTESTS),
    )


def codecontests_plus(row: dict[str, Any]) -> Given:
    """Return the problem of a row of CodeContests+."""
    name = json_fields.name(row, "id", "name", "title")
    tests = _pairs(row.get("test_cases") or [], "test_cases")
    if not tests:
        raise json_fields.NoTests(name)
    return Given(
        name=name,
        question=json_fields.text(row, "description"),
        tests=_checked(tests, of_row(row, "checker")),
        assumptions=with_limits_of(row, CODECONTESTS),
    )


def _checked(pairs: list[tuple[Any, Any]], checker: Checker | None) -> StdinTests:
    tests = in_programs(pairs, OutputRule.CODECONTESTS)
    return tests if checker is None else StdinTests(cases=tests.cases, rule=tests.rule, checker=checker)


def _pairs(value: Any, key: str) -> list[tuple[Any, Any]]:
    found = [
        json_fields.an_object(one, f"{key}[{number}]")
        for number, one in enumerate(json_fields.a_list(value or [], key))
    ]
    return [(json_fields.field(one, "input"), json_fields.field(one, "output")) for one in found]


def _question(row: dict[str, Any], examples: list[tuple[Any, Any]]) -> str:
    """Return the statement, which the set keeps in parts."""
    parts = [json_fields.text_or_empty(row, "title"), json_fields.text(row, "description")]
    for key, title in _PARTS:
        if text := json_fields.text_or_empty(row, key):
            parts.append(f"{title}\n{text}")
    parts += [f"Example input\n{given}\nExample output\n{wanted}" for given, wanted in examples]
    if note := json_fields.text_or_empty(row, "note"):
        parts.append(f"Note\n{note}")
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
