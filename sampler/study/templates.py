"""Prompts as benchmarks have published them, each by its name.

A template takes the place of a style's own prompt. `livecodebench` and `bigcodebench` are for chats, `apps` is for
every style. Sources: of LiveCodeBench `lcb_runner/prompts/code_generation.py` (its generic chat), of APPS
`eval/generate_gpt_codes.py`, of BigCodeBench `bigcodebench/provider/utility.py`.
"""

from __future__ import annotations

from enum import StrEnum

from sandbox.problems import Form, Problem

QUESTION, ANSWER = "\nQUESTION:\n", "\nANSWER:\n"


class Template(StrEnum):
    """A published form of a prompt."""

    APPS = "apps"
    LIVECODEBENCH = "livecodebench"
    BIGCODEBENCH = "bigcodebench"


CHAT_TEMPLATES = (Template.LIVECODEBENCH, Template.BIGCODEBENCH)

LIVECODEBENCH_SYSTEM = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate "
    "a correct "
    "Python program that matches the specification and passes all tests."
)
_LIVECODEBENCH_STARTER = (
    "You will use the following starter code to write the solution to the problem "
    "and enclose your code within delimiters."
)
_LIVECODEBENCH_STDIN = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the "
    "sample inputs). "
    "Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the "
    "inputs, runs the "
    "algorithm and writes output to STDOUT."
)
_BIGCODEBENCH_ASKS = (
    "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
)
BIGCODEBENCH_PREFILL = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:\n"
    "```python\n"
)


def question_of(problem: Problem) -> str:
    """Return the problem's text without its starter code."""
    return problem.prompt.rstrip().removesuffix(problem.starter.rstrip()).rstrip()


def apps(problem: Problem) -> str:
    """Return the question as APPS puts it (Hendrycks et al. 2021)."""
    way = "Use Call-Based format" if problem.entry_point else "Use Standard Input format"
    return f"{QUESTION}{problem.prompt.rstrip()}\n\n{way}\n{ANSWER}"


def livecodebench(problem: Problem) -> str:
    """Return the user's message of LiveCodeBench (Jain et al. 2024)."""
    starter = problem.starter or (problem.prompt if problem.form is not Form.DATA else "")
    asks, code = (_LIVECODEBENCH_STARTER, starter) if starter else (_LIVECODEBENCH_STDIN, "# YOUR CODE HERE")
    return (
        f"### Question:\n{question_of(problem)}\n\n### Format: {asks}\n```python\n{code}\n```\n\n"
        "### Answer: (use the provided format with backticks)\n\n"
    )


def bigcodebench(problem: Problem) -> str:
    """Return the user's message of BigCodeBench (Zhuo et al. 2024).

    That of its split complete is code, that of instruct is words.
    """
    asked = problem.prompt.strip()
    if problem.form is Form.DATA:
        return f"{_BIGCODEBENCH_ASKS}\n{asked}\n"
    return f"{_BIGCODEBENCH_ASKS}\n```\n{asked}\n```\n"
