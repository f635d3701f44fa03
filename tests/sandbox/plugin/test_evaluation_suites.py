"""The HumanEval of inspect_evals and that of lm-eval, unchanged, over our boxes.

Both are too large for the usual environment. Only their data set is given here, because it comes from a network.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]
CODE_EVAL = Path(__file__).parents[3] / "examples" / "lm-eval"
INSPECT = """
import importlib, json, sys
from inspect_ai import eval
from inspect_ai.dataset import MemoryDataset
from inspect_ai.model import ModelOutput, ModelUsage, get_model

importlib.import_module("inspect_evals.humaneval.humaneval")
module = sys.modules["inspect_evals.humaneval.humaneval"]  # the package's own name of it is the task
row = {"task_id": "HumanEval/900", "prompt": "def add(a, b):\\n", "entry_point": "add",
       "canonical_solution": "    return a + b\\n",
       "test": "def check(candidate):\\n    assert candidate(1, 2) == 3\\n"}
rows = [row | {"task_id": f"HumanEval/{number}"} for number in range(3)]
module.hf_dataset = lambda sample_fields, **_: MemoryDataset([sample_fields(row) for row in rows])

def output(body):
    said = ModelOutput.from_content("mockllm/model", f"```python\\ndef add(a, b):\\n    {body}\\n```")
    said.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return said

model = get_model("mockllm/model", custom_outputs=[output(f"return a {sign} b") for sign in "+-+"])
task = module.humaneval(sandbox="codebudget")
(log,) = eval(task, model=model, epochs=1, display="none", log_dir=sys.argv[1], max_samples=1)
print(json.dumps([log.status, [score.value for sample in log.samples for score in sample.scores.values()]]))
"""
LM_EVAL = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("utils", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)  # it tries the metric out
answers = ["def add(a, b):\\n    return a + b", "def add(a, b):\\n    return a - b"]
print(json.dumps(module.pass_at_k(["assert add(2, 3) == 5"], [answers], k=[1, 2])))
"""


def last_line(words: list[str], folder: Path) -> object:
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=True, cwd=folder)
    return json.loads(done.stdout.splitlines()[-1])


def test_inspect_evals_own_humaneval_runs_in_our_boxes(tmp_path: Path) -> None:
    for name in ("inspect_ai", "inspect_evals"):
        pytest.importorskip(name, reason=f"{name} is not installed here; it is too large for the tests")
    assert last_line([sys.executable, "-c", INSPECT, str(tmp_path)], tmp_path) == ["success", ["C", "I", "C"]]


def test_lm_evals_own_humaneval_takes_our_metric_from_the_folder_beside_it() -> None:
    try:
        utils = distribution("lm-eval").locate_file("lm_eval/tasks/humaneval/utils.py")
    except PackageNotFoundError:
        pytest.skip("lm-eval is not installed here; it is too large for the tests")
    if importlib.util.find_spec("evaluate") is None:
        pytest.skip("evaluate is not installed here, which lm-eval needs for its metrics")
    assert last_line([sys.executable, "-c", LM_EVAL, str(utils)], CODE_EVAL) == {"pass@1": 0.5, "pass@2": 1.0}
