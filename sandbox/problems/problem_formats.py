"""Find the reader for the format of a row, and return the fields of its problem.

A row's own fields determine its format. HumanEval and MBPP are read here; each other format has a module. The formats
are the entry points of `codebudget.problems`, so that another package can add one, or a data set of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from sandbox.problems import checkers, json_fields
from sandbox.problems.ast_names import called_function
from sandbox.problems.readers import code_formats, codebudget_format, evalplus, stdin_formats, training_rows
from sandbox.problems.readers.stdin_formats import Given
from sandbox.registry import Registry
from sandbox.values import Assumptions

_OLDER = Assumptions(
    long_integers=True
)  # HumanEval and MBPP, 2021: older than Python's limit on the digits of an integer
Fields = dict[str, Any]  # of a `Problem`


class ProblemsError(ValueError):
    """A file of problems that cannot be read as one."""


class Form(StrEnum):
    """How a data set writes its tests."""

    CHECK = "check"  # a module that defines check(candidate)
    ASSERTS = "asserts"  # statements that call the program's function by its name
    CALLS = "calls"  # calls of a function that the prompt begins, ready as the file gives them
    DATA = "data"  # the same, of a program that stands alone


def fields_of(row: dict[str, Any], place: int, columns: Mapping[str, str]) -> Fields:
    """Return the fields of the problem of a row that has `place` rows before it; raises ValueError and others.

    `columns` says where a row of one's own keeps its parts; without any, the row's fields determine its format.
    """
    if columns:
        return _given(training_rows.read(row, place, columns))
    return _of_a_known_format(row, place)


def _of_a_known_format(row: dict[str, Any], place: int) -> Fields:
    for one in _formats():
        if one.knows(row):
            return _given(one.read(row, place))
    if not {"test_list", "code"} <= row.keys() and not {"task_id", "prompt", "entry_point", "test"} <= row.keys():
        for name, one in _plugins():
            if _known_by(name, one, row):
                return _read_by(name, one, row, place)
    if not row.keys() & {"test_list", "test"}:
        missing = next((key for key in ("task_id", "prompt", "entry_point", "test") if key not in row), "test")
        raise ValueError(f"{missing!r} is missing. These formats are known by these fields: {_FORMATS}")
    fields = _mbpp(row) if "test_list" in row else _humaneval(row)
    return _origin(fields, row["test"]) if evalplus.knows_origin(row) else fields


def _given(given: Given) -> Fields:
    asked = f"{given.question.strip()}\n\n{given.starter}".rstrip() + "\n"
    return Fields(
        name=given.name,
        prompt=given.question if given.continues else asked,
        entry_point=given.function,
        starter="" if given.continues else given.starter,
        tests=given.tests if isinstance(given.tests, str) else given.tests.source,
        form=Form.CALLS if given.continues else Form.DATA,
        canonical_solution=given.solution,
        given=given.tests,
        public=given.public,
        assumptions=given.assumptions,
        answer_form=given.answer_form,
        workspace=given.workspace,
        language=given.language,
        stops=given.stops,
    )


def _evalplus(row: dict[str, Any]) -> Given:
    tests, public = evalplus.read(row)
    return Given(
        name=json_fields.name(row, "task_id"),
        question=json_fields.text(row, "prompt"),
        function=json_fields.text(row, "entry_point"),
        tests=tests,
        public=public,
        solution=json_fields.text(row, "canonical_solution"),
        assumptions=_OLDER,
        continues=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemFormat:
    """A format of rows, or a data set: what an entry point of `codebudget.problems` is.

    `knows` says whether a row has this format, `read` returns the problem of a row that has `place` rows before it.
    Formats are tried by `order`, those of plugins after all that are built in. With `rows`, the entry point's name is
    also that of a data set (`--problems NAME`): its rows, in any format.
    """

    knows: Callable[[dict[str, Any]], bool]
    read: Callable[[dict[str, Any], int], Given]
    order: int = 0
    rows: Callable[[], Iterable[dict[str, Any]]] | None = None


REGISTRY = Registry("problems", ProblemFormat)
CODEBUDGET = ProblemFormat(order=1, knows=codebudget_format.knows, read=lambda row, _: codebudget_format.read(row))
LEETCODE = ProblemFormat(
    order=2, knows=code_formats.knows_leetcode, read=lambda row, _: code_formats.read_leetcode(row)
)
CHECKERS = ProblemFormat(order=3, knows=checkers.knows, read=lambda row, _: checkers.read(row))
LANGUAGES = ProblemFormat(
    order=4, knows=code_formats.knows_languages, read=lambda row, _: code_formats.read_languages(row)
)
STDIN = ProblemFormat(order=5, knows=stdin_formats.knows, read=stdin_formats.read)
EVALPLUS = ProblemFormat(order=6, knows=evalplus.knows, read=lambda row, _: _evalplus(row))
BIGCODEBENCH = ProblemFormat(
    order=7, knows=code_formats.knows_bigcodebench, read=lambda row, _: code_formats.read_bigcodebench(row)
)
CLASSEVAL = ProblemFormat(
    order=8, knows=code_formats.knows_classeval, read=lambda row, _: code_formats.read_classeval(row)
)
DS1000 = ProblemFormat(order=9, knows=code_formats.knows_ds1000, read=lambda row, _: code_formats.read_ds1000(row))
CRUXEVAL = ProblemFormat(
    order=10, knows=code_formats.knows_cruxeval, read=lambda row, _: code_formats.read_cruxeval(row)
)
TRAINING = ProblemFormat(order=11, knows=training_rows.knows, read=training_rows.read)


@cache
def _formats() -> tuple[ProblemFormat, ...]:
    """Return the formats that are built in, in the order in which they are tried."""
    return tuple(sorted(REGISTRY.values(built_in=True).values(), key=lambda one: one.order))


def may_hold_tasks(row: dict[str, Any]) -> bool:
    """Return whether a row is of a format whose rows hold several tasks; a plugin's may be."""
    known = code_formats.knows_bigcodebench(row) or code_formats.knows_cruxeval(row)
    return known or any(_known_by(name, one, row) for name, one in _plugins())


@cache
def _plugins() -> tuple[tuple[str, ProblemFormat], ...]:
    """Return the formats of plugins by their names, in the order in which they are tried."""
    added = [(name, one) for name, one in REGISTRY.values().items() if name not in REGISTRY.built_in]
    return tuple(sorted(added, key=lambda pair: pair[1].order))


def _known_by(name: str, plugin: ProblemFormat, row: dict[str, Any]) -> bool:
    """Return whether a plugin knows a row; where it fails, it does not, and the failure is logged once."""
    try:
        return bool(plugin.knows(row))
    except Exception as error:  # noqa: BLE001 - a plugin may fail in any way
        REGISTRY.leave_out(name, f"`knows` failed: {type(error).__name__}: {error}")
        return False


def _read_by(name: str, plugin: ProblemFormat, row: dict[str, Any], place: int) -> Fields:
    """Return the problem that a plugin reads; raises ValueError, which names the plugin where that is at fault."""
    try:
        return _given(plugin.read(row, place))
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{REGISTRY.plugins[name].title} failed: {type(error).__name__}: {error}") from error


def data_set_of_plugin(name: str) -> ProblemFormat | None:
    """Return the plugin that has the data set of this name; None if there is none. Raises PluginError."""
    if name not in REGISTRY.names or name in REGISTRY.built_in:
        return None
    found = REGISTRY.load(name)
    return None if found.rows is None else found


_FORMATS = (
    "ours (docs/problems.md): tests or check; LeetCode: prompt_sft, or an entry_point Solution().f; APPS, TACO: "
    "input_output; LiveCodeBench: public_test_cases; CodeContests: generated_tests; HumanEval+ and MBPP+: base_input "
    "and plus_input; MultiPL-E: tests and stop_tokens; HumanEval-X: declaration and test; BigCodeBench: "
    "complete_prompt; ClassEval: skeleton and class_name; DS-1000: code_context; CRUXEval: code, input, output and "
    "id; MBPP: test_list and code; HumanEval: task_id, prompt, entry_point and test"
)


def _origin(fields: Fields, source: str) -> Fields:
    """Return the fields with the tests of HumanEval+ or MBPP+ instead of those in its own fields."""
    try:
        given = evalplus.read_origin(source, fields["entry_point"])
    except ValueError:
        if "form" not in fields and "numpy" not in source:  # someone else's loop, which runs as code
            return fields
        raise
    return fields | {"tests": given.source, "form": Form.CALLS, "given": given}


def _humaneval(row: dict[str, Any]) -> Fields:
    """Return the problem of a row of HumanEval, HumanEvalPack or HumanEval-Infilling.

    HumanEval-Infilling has a `suffix` (Bavarian et al. 2022).
    """
    if not json_fields.text(row, "test").strip():
        raise json_fields.NoTests(json_fields.name(row, "task_id"))
    return Fields(
        name=json_fields.name(row, "task_id"),
        prompt=json_fields.text(row, "prompt"),
        entry_point=json_fields.text(row, "entry_point"),
        tests=json_fields.text(row, "test"),
        public_tests=json_fields.text_or_empty(row, "example_test"),
        canonical_solution=json_fields.text_or_none(row, "canonical_solution"),
        suffix=json_fields.text_or_empty(row, "suffix"),
        assumptions=_OLDER,
    )


def _mbpp(row: dict[str, Any]) -> Fields:
    """Return the problem of a row of MBPP, full or sanitized; the function's name is read from its solution."""
    asserts, code = "\n".join(json_fields.texts(row, "test_list")), json_fields.text(row, "code").replace("\r\n", "\n")
    if not asserts.strip():
        raise json_fields.NoTests(f"MBPP/{json_fields.name(row, 'task_id')}")
    imports = [] if row.get("test_imports") is None else json_fields.texts(row, "test_imports")
    setup = json_fields.text_or_empty(row, "test_setup_code") or "\n".join(imports)
    question = json_fields.text_or_empty(row, "text") or json_fields.text(row, "prompt")
    return Fields(
        name=f"MBPP/{json_fields.name(row, 'task_id')}",
        prompt=f'"""\n{question}\n{asserts}\n"""\n',
        entry_point=called_function(asserts, code),
        tests=f"{setup}\n{asserts}\n" if setup else f"{asserts}\n",
        form=Form.ASSERTS,
        canonical_solution=code,
        assumptions=_OLDER,
    )
