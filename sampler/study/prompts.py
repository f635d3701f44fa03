"""Make a problem's prompt for a model, and the program of its completion.

Completion style sends the problem's prompt unchanged, and the model continues it, as HumanEval was published. A
completion ends where the function ends: at the first line that starts something new at the margin. The stop strings are
those of the Codex paper, which all published numbers use, and a closing fence, because chat models close a code block
even if it was not opened.

Solved problems may be shown before the one that is asked ("shots"). For tests that are asserts (MBPP) that has the form
of Austin et al. (2021): the task in words, the tests, then the solution between two marks. In completion style, whole
programs (APPS) are asked for in the form of Hendrycks et al. (2021), question and answer under a heading each, with
shots and without. In both the answer stands on its own. Other shots are functions above the function.

Chat style asks in words and begins the answer with the opening fence. The beginning matters more for small models than
their size does: it leaves no room for anything but code. A whole program is asked for as one that reads standard input;
where the set has code to begin with, it is shown.

A template puts a problem as its benchmark has published it. For a text that lacks its middle it is the
fill-in-the-middle prompt of a model family (`FAMILIES`): a model of a family was trained on texts whose parts were
moved, the text before the gap and the text after it between special tokens, then the middle (Bavarian et al. 2022). The
tokens and their order are the family's own, each from its model card or its paper. Codestral, Mellum and Seed-Coder put
the text after the gap first. Each prompt names its form, and the store keeps that beside the sample. `program_for`
reads a completion by the prompt that it was written for; the rules are `sandbox.extraction`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from sampler.values import Prompt, PromptStyle
from sandbox.extraction import PROGRAM_STOPS, Extracted, answered, continued, stops_of
from sandbox.languages import find_language
from sandbox.problems import Form, Problem
from sandbox.values import PYTHON


class Family(StrEnum):
    """Model families that fill a gap, each by the template that names it."""

    CODEGEMMA = "fim-codegemma"
    CODELLAMA = "fim-codellama"
    CODESTRAL = "fim-codestral"
    DEEPSEEK = "fim-deepseek"
    GRANITE = "fim-granite"
    GRANITE4 = "fim-granite4"
    MELLUM = "fim-mellum"
    QWEN = "fim-qwen"
    SANTACODER = "fim-santacoder"
    SEEDCODER = "fim-seedcoder"
    STARCODER = "fim-starcoder"


@dataclass(frozen=True, slots=True)
class Marks:
    """How a family writes a gap: a form with {prefix} and {suffix}, what ends the middle, and names of its models."""

    form: str
    ends: tuple[str, ...]
    models: str  # a regular expression, for names in small letters

    def put(self, prefix: str, suffix: str) -> str:
        """Return the prompt for the text between the two."""
        before, middle, after = re.split(r"\{(?:prefix|suffix)\}", self.form)
        first, second = (
            (prefix, suffix) if self.form.index("{prefix}") < self.form.index("{suffix}") else (suffix, prefix)
        )
        return f"{before}{first}{middle}{second}{after}"


_END_OF_TEXT = "<|endoftext|>"
_STARS = "<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>"
_PIPES = "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"
FAMILIES: Mapping[Family, Marks] = MappingProxyType(
    {
        Family.CODEGEMMA: Marks(_PIPES, ("<|file_separator|>", "<eos>"), r"codegemma"),
        Family.CODELLAMA: Marks("<PRE> {prefix} <SUF>{suffix} <MID>", (" <EOT>", "<EOT>", "</s>"), r"code-?llama"),
        Family.CODESTRAL: Marks("[SUFFIX]{suffix}[PREFIX]{prefix}", ("</s>",), r"codestral"),
        Family.DEEPSEEK: Marks(
            "<\uff5cfim\u2581begin\uff5c>{prefix}<\uff5cfim\u2581hole\uff5c>{suffix}<\uff5cfim\u2581end\uff5c>",
            ("<\uff5cend\u2581of\u2581sentence\uff5c>", "<|EOT|>"),
            r"deepseek",
        ),
        Family.GRANITE: Marks(_STARS, (_END_OF_TEXT,), r"granite.*code"),
        Family.GRANITE4: Marks(_PIPES, ("<|end_of_text|>",), r"granite-?4"),
        Family.MELLUM: Marks("<fim_suffix>{suffix}<fim_prefix>{prefix}<fim_middle>", (_END_OF_TEXT,), r"mellum"),
        Family.QWEN: Marks(
            _PIPES, (_END_OF_TEXT, "<|fim_pad|>", "<|file_sep|>", "<|repo_name|>"), r"qwen(?:2\.5|3).*coder"
        ),
        Family.SANTACODER: Marks(
            "<fim-prefix>{prefix}<fim-suffix>{suffix}<fim-middle>", (_END_OF_TEXT,), r"santacoder"
        ),
        Family.SEEDCODER: Marks(
            "<[fim-suffix]>{suffix}<[fim-prefix]>{prefix}<[fim-middle]>",
            ("<[end\u2581of\u2581sentence]>",),
            r"seed-?coder",
        ),
        Family.STARCODER: Marks(_STARS, (_END_OF_TEXT, "<file_sep>"), r"starcoder|stable-?code|codeqwen1\.5|starchat"),
    }
)


def family_of(model: str) -> Family | None:
    """Return the family of a model by its name, such as Qwen/Qwen2.5-Coder-7B or codellama:7b-code; None: unknown."""
    name = model.lower().replace("\\", "/").rpartition("/")[2].replace("_", "-")
    return next((family for family, marks in FAMILIES.items() if re.search(marks.models, name)), None)


# Prompts as benchmarks have published them, each by its name.
#
# A template takes the place of a style's own prompt. `livecodebench` and `bigcodebench` are for chats, `apps` is for
# every style. Sources: of LiveCodeBench `lcb_runner/prompts/code_generation.py` (its generic chat), of APPS
# `eval/generate_gpt_codes.py`, of BigCodeBench `bigcodebench/provider/utility.py`.

QUESTION, ANSWER = "\nQUESTION:\n", "\nANSWER:\n"


class Template(StrEnum):
    """A published form of a prompt, or of a gap to fill; FIM stands for that of the model's family."""

    APPS = "apps"
    LIVECODEBENCH = "livecodebench"
    BIGCODEBENCH = "bigcodebench"
    FIM = "fim"
    FIM_CODEGEMMA = Family.CODEGEMMA
    FIM_CODELLAMA = Family.CODELLAMA
    FIM_CODESTRAL = Family.CODESTRAL
    FIM_DEEPSEEK = Family.DEEPSEEK
    FIM_GRANITE = Family.GRANITE
    FIM_GRANITE4 = Family.GRANITE4
    FIM_MELLUM = Family.MELLUM
    FIM_QWEN = Family.QWEN
    FIM_SANTACODER = Family.SANTACODER
    FIM_SEEDCODER = Family.SEEDCODER
    FIM_STARCODER = Family.STARCODER


CHAT_TEMPLATES = (Template.LIVECODEBENCH, Template.BIGCODEBENCH)
FIM_TEMPLATES = tuple(template for template in Template if template.startswith("fim"))

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


CHAT_STOPS = ("\n```",)
BEGIN, DONE = "[BEGIN]", "[DONE]"
TASK_STOPS = (DONE, "\n```")


def prompt_for(
    problem: Problem,
    style: PromptStyle,
    shots: Sequence[Problem] = (),
    stop: tuple[str, ...] | None = None,
    template: Template | None = None,
) -> Prompt:
    """Return the prompt for this problem; `stop` replaces the style's own stop strings."""
    made = _chat(problem, template) if style is PromptStyle.CHAT else _completion(problem, shots, template)
    return made if stop is None else replace(made, stop=stop)


def _completion(problem: Problem, shots: Sequence[Problem], template: Template | None) -> Prompt:
    style = PromptStyle.COMPLETION
    if template in FIM_TEMPLATES and problem.form is not Form.DATA:
        marks = FAMILIES[Family(template)]
        text = marks.put(problem.prompt, problem.suffix)
        return Prompt(style=style, text=text, stop=marks.ends, form=template, special=True)
    if problem.form is Form.DATA or template is Template.APPS:
        text = "".join(map(_answered, shots)) + apps(problem)
        return Prompt(style=style, text=text, stop=PROGRAM_STOPS, continues=False, form=_form(Template.APPS, problem))
    if problem.form is Form.ASSERTS and shots:
        text = "".join(f"{_task(shot)}{_solution(shot)}\n{DONE}\n\n" for shot in shots) + _task(problem)
        return Prompt(style=style, text=text, stop=TASK_STOPS, continues=False, form="mbpp")
    text = "".join(f"{shot.prompt}{_solution(shot)}\n\n\n" for shot in shots) + problem.prompt
    return Prompt(style=style, text=text, stop=stops_of(problem), form=_form("completion", problem))


def _chat(problem: Problem, template: Template | None) -> Prompt:
    style = PromptStyle.CHAT
    match template:
        case Template.LIVECODEBENCH:
            text, system = livecodebench(problem), LIVECODEBENCH_SYSTEM
            return Prompt(style=style, text=text, system=system, form=template)
        case Template.BIGCODEBENCH:
            text, prefill = bigcodebench(problem), BIGCODEBENCH_PREFILL
            return Prompt(style=style, text=text, prefill=prefill, stop=CHAT_STOPS, form=template)
        case Template.APPS:
            return Prompt(style=style, text=apps(problem), form=template)
        case _:
            form = "chat, a whole program" if problem.form is Form.DATA and not problem.entry_point else "chat"
            prefill = f"{_fence(problem)}\n"
            form = _form(form, problem)
            return Prompt(style=style, text=_request(problem), prefill=prefill, stop=CHAT_STOPS, form=form)


def _form(form: str, problem: Problem) -> str:
    """Return the name of a prompt's form, which says the language that is not Python."""
    return form if problem.language == PYTHON else f"{form}, {problem.language}"


def _fence(problem: Problem) -> str:
    return f"```{problem.language}"


def _language(problem: Problem) -> str:
    found = find_language(problem.language)
    return "Python" if found is None else found.title


def without_prefill(prompt: Prompt) -> Prompt:
    """Return the prompt for a model whose answer cannot be begun.

    The stop strings are removed, too: without the opening fence, the first fence is not the closing one.
    """
    if not prompt.prefill:
        return prompt
    return replace(prompt, prefill="", stop=() if prompt.stop == CHAT_STOPS else prompt.stop)


def program_for(problem: Problem, prompt: Prompt, text: str) -> Extracted:
    """Return the source to execute for `text`, which a model wrote for `prompt`, and the reason for this choice."""
    match prompt.style:
        case PromptStyle.COMPLETION:
            return continued(text, problem, stops=prompt.stop, alone=not prompt.continues)
        case PromptStyle.CHAT:
            return answered(text, problem, prefill=prompt.prefill)


def _solution(problem: Problem) -> str:
    return (problem.canonical_solution or "").rstrip()


def _task(problem: Problem) -> str:
    """Return a task of MBPP in the form that its authors gave it to models."""
    said = problem.prompt.strip().removeprefix('"""').removesuffix('"""').strip()
    question = said.partition("\nassert ")[0]
    asserts = said.removeprefix(question).strip()
    return (
        f"You are an expert Python programmer, and here is your task: {question.strip()} "
        f"Your code should pass these tests:\n\n{asserts}\n{BEGIN}\n"
    )


def _answered(problem: Problem) -> str:
    return f"{apps(problem)}{_solution(problem)}\n"


def _request(problem: Problem) -> str:
    if problem.form is not Form.DATA:
        return (
            f"Complete the {_language(problem)} function `{problem.entry_point}`. Answer with one code block"
            " that holds the whole function and nothing else.\n\n"
            f"{_fence(problem)}\n{problem.prompt.strip()}\n```"
        )
    if not problem.entry_point:
        asks = f"Write a {_language(problem)} program that solves this problem:"
        asks += " it reads standard input and prints the answer."
        whole = "the whole program"
    else:
        asks = f"Solve this problem with the {_language(problem)} function `{problem.entry_point.rpartition('.')[2]}`."
        whole = "all of its code"
    asks += f" Answer with one code block that holds {whole} and nothing else."
    code = problem.starter.strip()
    starter = f"\n\nBegin with this code:\n\n{_fence(problem)}\n{code}\n```" if code else ""
    return f"{asks}\n\n{question_of(problem).strip()}{starter}"
