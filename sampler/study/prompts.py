"""How a problem is put to a model.

Completion style sends the problem's prompt as it stands and lets the model go on; it is how HumanEval was published. A
completion ends where the function ends: at the first line that starts something new at the margin. The strings are
those of the Codex paper, which every published number cuts at, and a closing fence, because models tuned on chats
close a code block that nobody opened.

Solved problems may be shown before the one that is asked ("shots"). For tests that are asserts (MBPP) that has the form of
Austin et al. (2021): the task in words, the tests, then the solution between two marks. Whole programs (APPS) are always
asked in the form of Hendrycks et al. (2021), question and answer under a heading each, with shots and without. In
both the answer stands on its own. Other shots are functions above the function.

Chat style asks in words and begins the answer with the opening fence. The beginning matters more for small models than
their size does: it leaves no room for anything but code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sampler.values import Prompt, PromptStyle
from sandbox.problems import Form, Problem

COMPLETION_STOPS = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint", "\n```")
CHAT_PREFILL = "```python\n"
CHAT_STOPS = ("\n```",)
BEGIN, DONE = "[BEGIN]", "[DONE]"
TASK_STOPS = (DONE, "\n```")
QUESTION, ANSWER = "\nQUESTION:\n", "\nANSWER:\n"
PROGRAM_STOPS = (QUESTION.rstrip(), "\n```")


def prompt_for(
    problem: Problem, style: PromptStyle, shots: Sequence[Problem] = (), stop: tuple[str, ...] | None = None
) -> Prompt:
    """What is sent to a model for this problem; `stop` takes the place of the style's own stop strings."""
    match style:
        case PromptStyle.COMPLETION if problem.form is Form.DATA:
            text = "".join(map(_answered, shots)) + _asked(problem)
            return Prompt(style=style, text=text, stop=_or(stop, PROGRAM_STOPS), continues=False)
        case PromptStyle.COMPLETION if problem.form is Form.ASSERTS and shots:
            text = "".join(f"{_task(shot)}{_solution(shot)}\n{DONE}\n\n" for shot in shots) + _task(problem)
            return Prompt(style=style, text=text, stop=_or(stop, TASK_STOPS), continues=False)
        case PromptStyle.COMPLETION:
            text = "".join(f"{shot.prompt}{_solution(shot)}\n\n\n" for shot in shots) + problem.prompt
            return Prompt(style=style, text=text, stop=_or(stop, COMPLETION_STOPS))
        case PromptStyle.CHAT:
            return Prompt(style=style, text=_request(problem), prefill=CHAT_PREFILL, stop=_or(stop, CHAT_STOPS))


def unbegun(prompt: Prompt) -> Prompt:
    """The prompt for a model that cannot be given the beginning of its answer.

    The strings that end an answer go with it: without the opening fence, the first fence is not the last.
    """
    if not prompt.prefill:
        return prompt
    return replace(prompt, prefill="", stop=() if prompt.stop == CHAT_STOPS else prompt.stop)


def _or(stop: tuple[str, ...] | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    return usual if stop is None else stop


def _solution(problem: Problem) -> str:
    return (problem.canonical_solution or "").rstrip()


def _task(problem: Problem) -> str:
    """A task of MBPP in the form that its authors gave it to models."""
    said = problem.prompt.strip().removeprefix('"""').removesuffix('"""').strip()
    question = said.partition("\nassert ")[0]
    asserts = said.removeprefix(question).strip()
    return (
        f"You are an expert Python programmer, and here is your task: {question.strip()} "
        f"Your code should pass these tests:\n\n{asserts}\n{BEGIN}\n"
    )


def _asked(problem: Problem) -> str:
    """A question of APPS in the form that its authors gave it to models."""
    way = "Use Call-Based format" if problem.entry_point else "Use Standard Input format"
    return f"{QUESTION}{problem.prompt.rstrip()}\n\n{way}\n{ANSWER}"


def _answered(problem: Problem) -> str:
    return f"{_asked(problem)}{_solution(problem)}\n"


def _request(problem: Problem) -> str:
    return (
        f"Complete the Python function `{problem.entry_point}`. Answer with one code block"
        " that holds the whole function and nothing else.\n\n"
        f"```python\n{problem.prompt.strip()}\n```"
    )
