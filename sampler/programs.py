"""From a completion to the program that is executed: what was asked for decides how it is read (`sandbox.extraction`)."""

from __future__ import annotations

from sampler.values import Prompt, PromptStyle
from sandbox.extraction import Extracted, answered, continued
from sandbox.problems import Problem


def program_for(problem: Problem, prompt: Prompt, text: str) -> Extracted:
    """Return the source to execute for `text`, which a model wrote for `prompt`, and why it is that."""
    match prompt.style:
        case PromptStyle.COMPLETION:
            return continued(text, problem, stops=prompt.stop, alone=not prompt.continues)
        case PromptStyle.CHAT:
            return answered(text, problem, begun=prompt.prefill)
