"""From an imported text to the source that is executed."""

from __future__ import annotations

from sampler.extract import program_for
from sampler.importing.imported import Reading
from sampler.study.prompts import COMPLETION_STOPS
from sampler.values import Prompt, PromptStyle
from sandbox.problems import Problem

_ANSWER = Prompt(style=PromptStyle.CHAT, text="")
_AS_IT_IS = Prompt(style=PromptStyle.COMPLETION, text="")
_TO_CUT = Prompt(style=PromptStyle.COMPLETION, text="", stop=COMPLETION_STOPS)


def program_of(problem: Problem, text: str, reading: Reading) -> str:
    """The program of a text. A completion that repeats the prompt has it once."""
    match reading:
        case Reading.PROGRAM:
            return program_for(problem, _ANSWER, text) if "```" in text else text
        case Reading.ANSWER:
            return program_for(problem, _ANSWER, text)
        case Reading.COMPLETION:
            return program_for(problem, _AS_IT_IS, text.removeprefix(problem.prompt))
        case Reading.RAW:
            return program_for(problem, _TO_CUT, text.removeprefix(problem.prompt))
