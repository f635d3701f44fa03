"""Our boxes as inspect_ai's sandbox: its own evaluation, with answers that we hand to its mock model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EVALUATION = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, scorer
from inspect_ai.solver import generate
from inspect_ai.util import sandbox

@scorer(metrics=[accuracy()])
def passes():
    async def score(state, target):
        code = f"{state.output.completion}\\n{target.text}\\nprint(open('hint.txt').read())"
        try:
            ran = await sandbox().exec(["python", "-c", code], timeout=2)
        except TimeoutError as error:
            return Score(value=INCORRECT, explanation=str(error))
        return Score(value=CORRECT if ran.success else INCORRECT, explanation=ran.stdout + ran.stderr[-20:])
    return score

def output(text):
    said = ModelOutput.from_content("mockllm/model", text)
    # Without it a tokenizer is fetched to count them.
    said.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return said

answers = ["return a + b", "return a - b", "while True: pass", "return b + a"]
model = get_model("mockllm/model", custom_outputs=[output(f"def add(a, b):\\n    {body}") for body in answers])
samples = [
    Sample(input="Write add.", target="assert add(1, 2) == 3", files={"hint.txt": "a hint"}, id=n) for n in range(4)
]
task = Task(dataset=samples, solver=generate(), scorer=passes(), sandbox="codebudget")
(log,) = eval(task, model=model, display="none", log_dir=sys.argv[1], max_samples=1)
scores = [sample.scores["passes"] for sample in log.samples]
print(json.dumps([log.status, [[score.value, score.explanation] for score in scores]]))
"""


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_an_evaluation_of_inspect_ai_runs_in_our_boxes(tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai", reason="inspect_ai is not installed here (extra `inspect`)")
    words = [sys.executable, "-c", EVALUATION, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=True)
    status, told = json.loads(done.stdout.splitlines()[-1])
    assert status == "success"
    assert [value for value, _ in told] == ["C", "I", "I", "C"]
    assert told[0][1] == "a hint\n"
    assert "AssertionError" in told[1][1]
    assert "did not end within 2 s" in told[2][1]
