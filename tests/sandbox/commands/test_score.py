"""Real completions of a real model, scored by the command people use: the published rates must come out."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

CUT = re.compile("\nclass |\ndef |\n#|\nif |\nprint")


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_codegen_16b_reaches_its_published_pass_rates(shared_data: Path, tmp_path: Path) -> None:
    """16,400 completions; published: pass@10 50.3, pass@100 73.7 (Chen et al. 2022, CodeT, table 2)."""
    with gzip.open(shared_data / "codet_HumanEval_for_code_generation.jsonl.gz", "rt", encoding="utf-8") as file:
        names = {row["prompt"]: row["task_id"] for row in map(json.loads, file)}
    samples, out = tmp_path / "codegen.jsonl", tmp_path / "scored.jsonl"
    solutions = shared_data / "codet_HumanEval_codegen16B_n100_solutions.jsonl.gz"
    with gzip.open(solutions, "rt", encoding="utf-8") as file, samples.open("w", encoding="utf-8") as written:
        for row in map(json.loads, file):
            for text in row["samples"]:
                solution = row["prompt"] + CUT.split(text)[0]
                written.write(json.dumps({"task_id": names[row["prompt"]], "solution": solution}) + "\n")
    sandbox = str(Path(sys.executable).parent / "sandbox")
    words = [sandbox, "score", "--problems", "humaneval", "--samples", str(samples), "--out", str(out), "--cpu", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "16400 samples of 164 problems" in done.stdout
    rates = {int(k): float(rate) for k, rate in re.findall(r"pass@(\d+) ([\d.]+)", done.stdout)}
    assert abs(rates[1] - 22.1) <= 0.2
    assert abs(rates[10] - 50.4) <= 0.3
    assert abs(rates[100] - 73.8) <= 0.7


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("name", "count"), [("mbpp.jsonl.gz", 974), ("humanevalpack_python.jsonl.gz", 164)])
def test_every_canonical_solution_of_a_real_set_passes(shared_data: Path, name: str, count: int) -> None:
    sandbox = str(Path(sys.executable).parent / "sandbox")
    words = [sandbox, "problems", str(shared_data / name), "--check"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert f"{count} canonical solutions: {count} passed" in done.stdout, (done.stdout[-2000:], done.stderr[-500:])
    assert done.returncode == 0
