"""How a problem is put to a model.

Completion style sends the problem's prompt as it stands and lets the model go on; it is how HumanEval was published. A
completion ends where the function ends: at the first line that starts something new at the margin. The strings are
those of the Codex paper, which every published number cuts at, and a closing fence, because models tuned on chats
close a code block that nobody opened.

Chat style asks in words and begins the answer with the opening fence. The beginning matters more for small models than
their size does: it leaves no room for anything but code.
"""

from __future__ import annotations

from sampler.values import Prompt, PromptStyle
from sandbox.problems import Problem

COMPLETION_STOPS = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint", "\n```")
CHAT_PREFILL = "```python\n"
CHAT_STOPS = ("\n```",)


def prompt_for(problem: Problem, style: PromptStyle) -> Prompt:
    """What is sent to a model for this problem."""
    match style:
        case PromptStyle.COMPLETION:
            return Prompt(style=style, text=problem.prompt, stop=COMPLETION_STOPS)
        case PromptStyle.CHAT:
            return Prompt(style=style, text=_question(problem), prefill=CHAT_PREFILL, stop=CHAT_STOPS)


def _question(problem: Problem) -> str:
    return (
        f"Complete the Python function `{problem.entry_point}`. Answer with one code block"
        " that holds the whole function and nothing else.\n\n"
        f"```python\n{problem.prompt.strip()}\n```"
    )
