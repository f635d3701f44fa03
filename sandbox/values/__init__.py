"""Define the values of the sandbox: what is asked of a box, what the box reports, and what that means.

A *program* is what is executed. A *job* is one visit of a program to a box, under *limits*. A *run* is what happened
during that visit: facts only. A *verdict* is the judgement over a run; `sandbox.judging.judge` is the one place that
makes it.

`jobs` holds programs and jobs, with their `limits` and assumptions. `tests` says how programs are tested, and
`output_rules` how printed output is compared; `answer_forms` makes programs of answers that are only a part of one.
`runs` holds what a box reports, `scores` the verdicts.
"""

from __future__ import annotations

from sandbox.values.jobs import MAX_SOURCE_BYTES, PYTHON, Command, Files, Isolation, Job, Program, Workspace
from sandbox.values.limits import (
    FOR_TESTS,
    LIMIT_BOUNDS,
    MAX_ANSWERS_BYTES,
    MAX_TESTS_CHARACTERS,
    RECURSION_BOUNDS,
    SETTABLE,
    USUAL_LIMITS,
    AnswerLimits,
    Assumptions,
    Limits,
    changed,
)
from sandbox.values.output_rules import OUTPUT_RULES, OutputRule
from sandbox.values.runs import NO_TEST_RAN, Answer, Ending, Flag, MemorySource, Raised, Run, Stage
from sandbox.values.scores import Compilation, Score, Verdict
from sandbox.values.tests import (
    MANY,
    MAX_STDIN_BYTES,
    STAGES,
    AskedCalls,
    CallList,
    CallTest,
    CallTests,
    Checker,
    CheckTests,
    Comparison,
    Grading,
    InteractiveTests,
    Interactor,
    LanguageTests,
    ReferenceTests,
    StdinTest,
    StdinTests,
    Tests,
    needs_values,
    shuffled,
)

__all__ = [
    "FOR_TESTS",
    "LIMIT_BOUNDS",
    "MANY",
    "MAX_ANSWERS_BYTES",
    "MAX_SOURCE_BYTES",
    "MAX_STDIN_BYTES",
    "MAX_TESTS_CHARACTERS",
    "NO_TEST_RAN",
    "OUTPUT_RULES",
    "PYTHON",
    "RECURSION_BOUNDS",
    "SETTABLE",
    "STAGES",
    "USUAL_LIMITS",
    "Answer",
    "AnswerLimits",
    "AskedCalls",
    "Assumptions",
    "CallList",
    "CallTest",
    "CallTests",
    "CheckTests",
    "Checker",
    "Command",
    "Comparison",
    "Compilation",
    "Ending",
    "Files",
    "Flag",
    "Grading",
    "InteractiveTests",
    "Interactor",
    "Isolation",
    "Job",
    "LanguageTests",
    "Limits",
    "MemorySource",
    "OutputRule",
    "Program",
    "Raised",
    "ReferenceTests",
    "Run",
    "Score",
    "Stage",
    "StdinTest",
    "StdinTests",
    "Tests",
    "Verdict",
    "Workspace",
    "changed",
    "needs_values",
    "shuffled",
]
