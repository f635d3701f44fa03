"""How far two engines' opinions of the same texts are apart: llama.cpp's of a file, and a server's of the same weights.

    python tests/bench/scorers.py smollm2-135m http://127.0.0.1:8000/v1 NAME [TEXTS]

The texts are recorded completions of HumanEval. Counts that differ mean tokenizers that differ; numbers are compared
where they do not.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from pathlib import Path
from statistics import fmean

from sampler.backends.base import TextScore
from sampler.backends.open import BackendContext, open_scorer
from sampler.models.pull import models_dir
from sampler.study.prompts import prompt_for
from sampler.values import PromptStyle
from sandbox.problems import load_problems

RECORDING = Path(__file__).parents[2] / "examples/replay/qwen2.5-coder-0.5b-instruct_HumanEval20_n10.jsonl.gz"


def main(file: str, url: str, name: str, texts: str = "45") -> None:
    rows = [json.loads(line) for line in gzip.decompress(RECORDING.read_bytes()).splitlines()][: int(texts)]
    for style in PromptStyle:
        print(style)
        ours = scored("llamacpp", file, {}, rows, style)
        theirs = scored("openai", name, {"base_url": url}, rows, style)
        told(ours, theirs)
    print("completion, prompt and completion in one text")
    told(
        scored("llamacpp", file, {}, rows, PromptStyle.COMPLETION),
        scored("openai", name, {"base_url": url, "dialect": "hosted"}, rows, PromptStyle.COMPLETION),
    )


def scored(kind: str, model: str, options: dict[str, object], rows: list[dict], style: PromptStyle) -> list[TextScore]:
    problems = {problem.name: problem for problem in load_problems("humaneval")}
    with open_scorer(kind, model, options, BackendContext(models_dir=models_dir())) as (card, scorer):
        began = time.monotonic()
        scores = [scorer.score(prompt_for(problems[row["task_id"]], style), row["completion"]) for row in rows]
        print(f"  {card.engine}: {len(rows)} texts in {time.monotonic() - began:.1f} s")
    return scores


def told(ours: list[TextScore], theirs: list[TextScore]) -> None:
    same = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.tokens == b.tokens and a.tokens]
    apart = [b.sum_nll / b.tokens - a.sum_nll / a.tokens for a, b in same]
    print(
        f"  {len(same)} of {len(ours)} cut alike; nats a token: {fmean(a.sum_nll / a.tokens for a, _ in same):.4f} and"
        f" {fmean(b.sum_nll / b.tokens for _, b in same):.4f}; apart by {fmean(map(abs, apart)):.4f} in the mean,"
        f" {max(map(abs, apart)):.4f} at most"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
