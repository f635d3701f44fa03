"""Read problems from files in the usual formats.

Nothing of a data set is run here: its Python is only parsed.

`problem` is the value, `problem_formats` finds the reader of a row by the row's fields, and `loading` reads files. A
module of readers for each kind of format: `codebudget_format` (ours; `problem.schema.json` says the same),
`stdin_formats` (whole programs), `code_formats` (tests that are code), `evalplus` (inputs and a reference).
`training_rows` reads rows of training sets and of one's own. `json_fields` checks each field when it is read; `sources`
finds rows: of files, folders, and data sets by name. `examples` makes selection tests of the examples in a statement.
`checkers` reads code that checks outputs. `parse_tests` turns tests that are calls and literals into data,
`in_process_tests` decides where the others run, and `ast_names` finds the names that a text uses.
"""

from __future__ import annotations

from sandbox.problems.examples import with_examples
from sandbox.problems.loading import (
    BUILT_IN,
    LeftOut,
    ProblemFile,
    is_named,
    load_problems,
    read_problems,
)
from sandbox.problems.problem import ChosenTests, Problem, find_name, find_problem, read_problem
from sandbox.problems.problem_formats import Form, ProblemsError
from sandbox.problems.sources.catalogue import CATALOGUE, DataSet
from sandbox.problems.sources.filters import Filters

__all__ = [
    "BUILT_IN",
    "CATALOGUE",
    "ChosenTests",
    "DataSet",
    "Filters",
    "Form",
    "LeftOut",
    "Problem",
    "ProblemFile",
    "ProblemsError",
    "find_name",
    "find_problem",
    "is_named",
    "load_problems",
    "read_problem",
    "read_problems",
    "with_examples",
]
