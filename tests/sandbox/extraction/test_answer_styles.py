"""Answers in the styles of model families, each with a draft that would be judged the other way: none is misjudged."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from sandbox.extraction import extract
from sandbox.problems import Problem, read_problem

FUNCTION = read_problem(
    {
        "task_id": "evens",
        "prompt": 'def evens(numbers):\n    """Return the even numbers, in their order."""\n',
        "entry_point": "evens",
        "tests": [{"arguments": [[1, 2, 3, 4]], "expected": [2, 4]}],
    }
)
PROGRAM = read_problem(
    {"task_id": "total", "prompt": "Read numbers, print their sum.", "tests": [{"stdin": "4 5 6\n", "stdout": "15\n"}]}
)
CODE = {
    ("function", True): "def evens(numbers):\n    return [n for n in numbers if n % 2 == 0]",
    ("function", False): "def evens(numbers):\n    return [n for n in numbers if n % 2]",
    ("program", True): "import sys\n\nnumbers = sys.stdin.read().split()\nprint(sum(map(int, numbers)))",
    ("program", False): "numbers = list(map(int, input().split()))\nprint(max(numbers))",
}


def fenced(code: str, tag: str = "python") -> str:
    return f"```{tag}\n{code}\n```"


def indented(code: str) -> str:
    return "\n".join(f"   {line}" if line else line for line in code.split("\n"))


# Of each family: the answer's text, from the code that it hands over and a draft that it thought better of.
STYLES = {
    "DeepSeek, the template opened the reasoning": lambda code, draft: (
        f"Okay, let me try\n\n{fenced(draft)}\n\nWait, that is not it.\n</think>\n\n### "
        f"Solution\n\n{fenced(code)}\n\nDone."
    ),
    "DeepSeek, cut at its special token": lambda code, draft: (
        f"<think>\n{draft}\n</think>{fenced(code)}<\uff5cend\u2581of\u2581sentence\uff5c>{fenced(draft)}"
    ),
    "Qwen, with a turn after it": lambda code, draft: (
        f"<think>\nHm. {fenced(draft, '')}\n</think>\n\n{fenced(code)}<|im_end|>\n<|im_start|>user\n{draft}<|im_end|>"
    ),
    "Qwen, thinking off, prose around": lambda code, _: (
        f"<think>\n\n</think>\n\nCertainly! Here's it:\n\n{fenced(code)}\n\n**Explanation**:\n1. It reads.\n2. "
        "It's simple."
    ),
    "gpt-oss, channels": lambda code, draft: (
        "<|channel|>analysis<|message|>We need "
        f"code.\n{fenced(draft)}<|end|><|start|>assistant<|channel|>analysis<|message|>"
        f"No.<|end|><|start|>assistant<|channel|>final<|message|>**Answer**\n\n{fenced(code)}<|return|>"
    ),
    "gpt-oss, channels without their tokens": lambda code, draft: (
        f"analysisWe need code. Maybe:\n{fenced(draft)}\nassistantfinalHere it is:\n\n{fenced(code)}\n"
    ),
    "Mistral, [THINK]": lambda code, draft: f"[THINK]Try\n{fenced(draft)}[/THINK]{fenced(code)}</s>",
    "Mistral, after an instruction": lambda code, draft: (
        f"[INST] Better than\n{fenced(draft)} [/INST] {fenced(code)}\n\nThis code works.</s>[INST] {fenced(draft)}"
    ),
    "Seed-OSS": lambda code, draft: (
        "<seed:think>\n<seed:cot_budget_reflect>I used 12 "
        f"tokens.</seed:cot_budget_reflect>\n{fenced(draft)}\n</seed:think>"
        f"\n{fenced(code)}<seed:eos>"
    ),
    "Gemma, a channel for the thought": lambda code, draft: (
        f"<|channel>thought\n{fenced(draft)}\n<channel|>{fenced(code)}\n\n**Key points:**\n\n* It's short.<end_of_turn>"
    ),
    "Gemma, in a list": lambda code, _: f"Steps:\n\n1. First:\n\n{indented(fenced(code))}\n\n2. Run it.\n<end_of_turn>",
    "Cohere": lambda code, draft: (
        f"<|START_THINKING|>{fenced(draft)}<|END_THINKING|><|START_TEXT|>{fenced(code)}<|END_TEXT|><|END_OF_TURN_TOKEN|>"
    ),
    "Kimi": lambda code, draft: f"◁think▷Let me see\n{fenced(draft)}\n◁/think▷{fenced(code, 'python3')}<|im_end|>",
    "Granite, words for marks": lambda code, draft: (
        f"Here is my thought process:\n\n{fenced(draft)}\n\nHere is my response:\n\n{fenced(code)}<|end_of_text|>"
    ),
    "Hunyuan, a suffix and <answer>": lambda code, draft: (
        f"<think:6124c78e>\n{fenced(draft)}\n</think:6124c78e>\n<answer:6124c78e>\n{fenced(code)}\n</answer:6124c78e>"
    ),
    "MiniMax": lambda code, draft: f"<mm:think>\n{fenced(draft)}\n</mm:think>\n{fenced(code, 'py')}\n[e~[",
    "K2-Horizon": lambda code, draft: f"<ifm|think_fast>{fenced(draft)}</ifm|think_fast>\n\n{fenced(code)}",
    "Apertus": lambda code, draft: f"<|inner_prefix|>{fenced(draft)}<|inner_suffix|>{fenced(code)}<|assistant_end|>",
    "GLM, a box": lambda code, draft: (
        f"<think>{fenced(draft)}</think>\n<|begin_of_box|>{fenced(code)}<|end_of_box|><|user|>"
    ),
    "OpenThinker": lambda code, draft: (
        f"<|begin_of_thought|>\n{fenced(draft)}\n<|end_of_thought|>\n\n<|begin_of_solution|>\n{fenced(code)}\n<|end_of_solution|>"
    ),
    "Llama, corrected": lambda code, draft: (
        f"<|start_header_id|>assistant<|end_header_id|>\n\nFirst version:\n{fenced(draft)}\nThat fails for the "
        "example. "
        f"Corrected:\n{fenced(code)}\nYou can run it like so:\n{fenced('python main.py', 'bash')}<|eot_id|>"
    ),
    "Code Llama, [PYTHON]": lambda code, _: f"[PYTHON]\n{code}\n[/PYTHON]\n[TESTS]\nassert False\n[/TESTS]",
    "StarCoder, bare, another file behind it": lambda code, draft: f"{code}\n<file_sep>{draft}\n",
    "Phi, bare": lambda code, draft: f"<think>Maybe\n{draft}\n</think>\n{code}<|im_end|>",
    "o-series, bare": lambda code, _: code,
    "Claude, prose with an example": lambda code, _: (
        f"I'll solve this step by step.\n\n{fenced(code)}\n\nFor example:\n\n{fenced('4 5 6', '')}\n\nprints\n\n"
        f"{fenced('15', 'text')}"
    ),
    "R1-Zero, <answer>": lambda code, draft: (
        f"<think>{fenced(draft)}</think>\nAn attempt was\n{fenced(draft)}\n<answer>\n{fenced(code)}\n</answer>"
    ),
    "LongCat": lambda code, draft: f"<longcat_think>\n{fenced(draft)}\n</longcat_think>\n{fenced(code)}",
    "MedGemma": lambda code, draft: f"<unused94>thought\n{fenced(draft)}<unused95>{fenced(code)}",
    "tokens around the thought": lambda code, draft: f"<|think|>{fenced(draft)}<|/think|>{fenced(code)}",
    "DeepSeek's own tokens": lambda code, draft: (
        f"<\uff5cbegin\u2581of\u2581thinking\uff5c>{fenced(draft)}<\uff5cend\u2581of\u2581thinking\uff5c>{fenced(code)}"
    ),
    "Ollama's terminal": lambda code, draft: f"Thinking...\nHm:\n{fenced(draft)}\n...done thinking.\n\n{fenced(code)}",
    "Open WebUI": lambda code, draft: (
        '<details type="reasoning" done="true">\n<summary>Thought for 3 '
        f"s</summary>\n{fenced(draft)}</details>\n{fenced(code)}"
    ),
    "thoughts behind the answer, too": lambda code, draft: (
        f"<think>{fenced(draft)}</think>\n{fenced(code)}\n<reflection>\nNot {fenced(draft)}\n</reflection>\n"
    ),
    "few shots of MBPP, marks that are Python": lambda code, _: f"[BEGIN]\n{code}\n[DONE]",
    "the name of the turn, bare": lambda code, _: f"assistant\n{code}",
    "words of prose that are Python, bare": lambda code, _: f"{code}\n\nComplexity\n\nO(n)\n",
    "JSON": lambda code, _: json.dumps({"thoughts": "easy", "code": code}),
    "JSON, fenced, with a fence in it": lambda code, _: fenced(json.dumps({"answer": fenced(code)}), "json"),
    "JSON behind thoughts and prose": lambda code, draft: (
        f"<think>{fenced(draft)}</think>Here:\n{fenced(json.dumps({'language': 'python', 'solution': code}), 'json')}"
    ),
    "JSON of a call": lambda code, _: json.dumps({"name": "submit", "arguments": {"code": code}}),
    "a notebook": lambda code, _: json.dumps(
        {
            "cells": [
                {"cell_type": "markdown", "source": "So:"},
                {"cell_type": "code", "source": code.splitlines(keepends=True)},
            ]
        }
    ),
    "EXAONE": lambda code, draft: f"<thought>\n{fenced(draft)}\n</thought>\n\n{fenced(code, '{python}')}",
}


def verdict(kind: str, source: str) -> bool:
    """Whether a program of our own passes."""
    given: dict[str, object] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("4 5 6\n"))
        exec(compile(source, "answer", "exec"), given)
    if kind == "program":
        return printed.getvalue() == "15\n"
    return given["evens"]([1, 2, 3, 4]) == [2, 4]  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["function", "program"])
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
def test_the_answer_counts_and_not_the_draft(style, right, kind):
    problem: Problem = FUNCTION if kind == "function" else PROGRAM
    found = extract(style(CODE[kind, right], CODE[kind, not right]), problem)
    assert verdict(kind, found.source) is right, found.why


def test_there_are_a_hundred_answers():
    assert len(STYLES) * 4 >= 100
