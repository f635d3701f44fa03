"""The metric `code_eval` of Hugging Face's evaluate, with the programs in hardened boxes.

lm-eval's tasks humaneval and mbpp load the metric by that name, and evaluate takes a folder of that name from where it
is started before it asks the hub. So `lm_eval --tasks humaneval …` started beside this folder is all it takes. The
original runs programs on the machine itself, and asks for HF_ALLOW_CODE_EVAL.
"""

import math

import datasets
import evaluate

import sandbox
from sandbox.values import Program


class CodeEval(evaluate.Metric):
    """Execute candidates with their tests; `compute` returns pass@k and, for each problem, what became of each one."""

    def _info(self):
        texts = {"predictions": datasets.Sequence(datasets.Value("string")), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description="pass@k of programs, executed in hardened boxes",
            citation="Chen et al. (2021), Evaluating Large Language Models Trained on Code",
            inputs_description="predictions: a list of candidates for each problem. references: its tests, as code.",
            features=datasets.Features(texts),
        )

    def _compute(self, predictions, references, k=(1, 10, 100), num_workers=None, timeout=3.0):
        limits = sandbox.Limits(cpu_s=timeout, wall_s=max(10.0, 2 * timeout))
        with sandbox.Pool(boxes=num_workers, limits=limits) as pool:
            asked = [
                [pool.submit(Program(source=candidate, tests=tests)) for candidate in candidates]
                for candidates, tests in zip(predictions, references, strict=True)
            ]
            scores = [[future.result() for future in futures] for futures in asked]
        results = {
            task: [
                (
                    number,
                    {
                        "task_id": task,
                        "passed": _passed(one),
                        "result": one.verdict.value,
                        "completion_id": number,
                    },
                )
                for number, one in enumerate(row)
            ]
            for task, row in enumerate(scores)
        }
        counts = [(len(row), sum(map(_passed, row))) for row in scores]
        enough = [each for each in k if counts and all(total >= each for total, _ in counts)]
        return {f"pass@{each}": sum(_passes(*one, each) for one in counts) / len(counts) for each in enough}, results


def _passed(score):
    return score.verdict is sandbox.Verdict.PASSED


def _passes(total, right, k):
    """Return the unbiased estimate of pass@k for one problem (Chen et al. 2021)."""
    return 1.0 - math.comb(total - right, k) / math.comb(total, k)
