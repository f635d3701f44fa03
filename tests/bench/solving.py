"""Answer problems by `sampler solve`, and print what came beside what a study of the same models had promised.

The recorded samples of `examples/replay.toml` (20 problems of HumanEval, two models, ten samples each) are split: five
of each problem make the study, the other five answer. Nothing of the second half is seen by the promise.

    python tests/bench/solving.py [TOKENS …]

A Docker engine executes the programs. For each budget in tokens a problem, the last lines of `sampler solve` are
printed: answers that pass their public tests and the hidden ones, what they cost, and what was promised.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.problems import read_problems

RECORDED = Path(__file__).resolve().parents[2] / "examples" / "replay"
MODELS = ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")
HALF = 5
BUDGETS = ("250", "600")
STUDY = """
[problems]
source = "problems.jsonl"
selection = "examples"
"""
MODEL = """
[[models]]
name = "{name}"
backend = "replay"
file = "{half}-{name}.jsonl"
samples = {samples}
"""


def split(folder: Path) -> None:
    """Write the problems, and two halves of the samples, each with a study file."""
    names = set()
    for model in MODELS:
        with gzip.open(RECORDED / f"{model}_HumanEval20_n10.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        names |= {row["task_id"] for row in rows}
        for half, first in (("study", 0), ("answers", HALF)):
            kept = [row | {"index": row["index"] - first} for row in rows if first <= row["index"] < first + HALF]
            (folder / f"{half}-{model}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    problems = [problem for problem in read_problems("humaneval").problems if problem.name in names]
    told = [
        {"task_id": one.name, "prompt": one.prompt, "test": one.tests, "entry_point": one.entry_point}
        for one in problems
    ]
    (folder / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    for half in ("study", "answers"):
        models = "".join(MODEL.format(name=name, half=half, samples=HALF) for name in MODELS)
        (folder / f"{half}.toml").write_text(STUDY + models)


def call(folder: Path, *words: str) -> str:
    """Return what a command of the sampler says on standard error; exit code 1 says that not all answers passed."""
    sampler = str(Path(sys.executable).with_name("sampler"))
    ended = subprocess.run([sampler, *words], cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode not in {0, 1}:
        sys.exit(f"sampler {' '.join(words)} ended with {ended.returncode}:\n{ended.stderr}")
    return ended.stderr


def main(budgets: tuple[str, ...]) -> None:
    """Print a few lines for each budget."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        split(folder)
        call(folder, "run", "study.toml", "--display", "none")
        for budget in budgets:
            options = ("--best", "study.db", "--unit", "tokens", "--budget", budget, "--check")
            said = call(folder, "solve", "problems.jsonl", "--study", "answers.toml", *options)
            told = [line for line in said.splitlines() if "answers pass" in line or "promised" in line]
            if len(told) < 2:
                sys.exit(f"sampler solve said nothing of what came or was promised:\n{said}")
            sys.stdout.write("\n".join([f"{budget} tokens a problem:", *told]) + "\n")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or BUDGETS)
