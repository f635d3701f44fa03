"""Read problems from files in the usual formats.

Nothing of a data set is run here: its Python is only parsed.

`problem` is the value, `loading` finds the reader of a row by the row's fields, and each format has a reader of its
own: `codebudget_format` (ours, with `codebudget_tests`, and `problem.schema.json` that says the same), `leetcode`,
`evalplus`, `evalplus_tests`, `bigcodebench`, and `stdin_formats` for whole programs. `rows` checks each field when it
is read; `files` opens files and folders, `hub` fetches data sets by name, `catalogue` has short names for them, and
`filters` chooses problems by date, difficulty, platform and tags. `assumption_options` reads what programs may assume.
`checks` turns tests that are calls and literals into data; `ast_names` finds the names that a text uses.
"""

from __future__ import annotations

from sandbox.problems.catalogue import CATALOGUE, DataSet
from sandbox.problems.filters import Filters
from sandbox.problems.loading import (
    BUILT_IN,
    LeftOut,
    ProblemFile,
    is_named,
    load_problems,
    read_problem,
    read_problems,
)
from sandbox.problems.problem import Form, Problem, ProblemsError, Wanted, find_name, find_problem

__all__ = [
    "BUILT_IN",
    "CATALOGUE",
    "DataSet",
    "Filters",
    "Form",
    "LeftOut",
    "Problem",
    "ProblemFile",
    "ProblemsError",
    "Wanted",
    "find_name",
    "find_problem",
    "is_named",
    "load_problems",
    "read_problem",
    "read_problems",
]
