"""Problems, and files of them as people have them.

Nothing of a data set is run here: its Python is read by the syntax tree.

`problem` is the value, `loading` finds the reader of a row by the row's fields, and each format has a reader of its
own: `codebudget_format` (ours, with `codebudget_tests`, and `problem.schema.json` that says the same), `leetcode`,
`evalplus`, `evalplus_tests`, `bigcodebench`, and `stdin_formats` for whole programs. `rows` looks at each field where
it is read; `assumption_options` reads what programs may assume. `checks` makes data of tests that are calls and
literals; `ast_names` says which names a text uses.
"""

from __future__ import annotations

from sandbox.problems.loading import BUILT_IN, LeftOut, ProblemFile, load_problems, read_problem, read_problems
from sandbox.problems.problem import Form, Problem, ProblemsError, Wanted, find_name, find_problem

__all__ = [
    "BUILT_IN",
    "Form",
    "LeftOut",
    "Problem",
    "ProblemFile",
    "ProblemsError",
    "Wanted",
    "find_name",
    "find_problem",
    "load_problems",
    "read_problem",
    "read_problems",
]
