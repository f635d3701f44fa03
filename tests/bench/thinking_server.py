"""Ask a server for thoughts in every way that a study can; print which fields arrive, and what they cost by hand.

    python tests/bench/thinking_server.py http://127.0.0.1:8000/v1 MODEL [--key FIELD] [--api-key-env NAME]

vLLM, on a GPU or with its CPU build, is to be started with what lets it tell everything:

    vllm serve Qwen/Qwen3-0.6B --reasoning-parser qwen3 --enable-prompt-tokens-details

llama.cpp's server tells it by default; there the key is reasoning_budget_tokens. `tests/sampler/backends/openai/
thinking_server.py` starts one with a model that was not made to think.
"""

from __future__ import annotations

import argparse
import os
import sys

from sampler.backends.base import BackendError
from sampler.backends.open import BackendContext, open_backend
from sampler.values import Prompt, PromptStyle, Request, Sample, SamplingParams

CHAT = Prompt(style=PromptStyle.CHAT, text="Write a Python function that says whether a number is prime.")
PRICES = {"prompt": 1.25, "cached": 0.125, "completion": 10.0, "thought": 5.0}
WAYS = {
    "as it is": SamplingParams(max_tokens=200),
    "at most 64 tokens of thought": SamplingParams(max_tokens=200, max_thinking_tokens=64),
    "no thought": SamplingParams(max_tokens=200, request={"chat_template_kwargs": {"enable_thinking": False}}),
    "effort low": SamplingParams(max_tokens=200, effort="low"),
    "cut inside its thought": SamplingParams(max_tokens=8),
}


def by_hand(sample: Sample) -> str:
    """Return the dollars of a sample at `PRICES`, or which count is missing."""
    counts = {
        "prompt_tokens": sample.prompt_tokens,
        "cached_tokens": sample.cached_tokens,
        "completion_tokens": sample.completion_tokens,
        "thought_tokens": sample.thought_tokens,
    }
    missing = [name for name, count in counts.items() if count is None]
    if missing:
        return f"not known: the server does not tell {', '.join(missing)}"
    read, cached, written, thought = (count or 0 for count in counts.values())
    dollars = (
        (read - cached) * PRICES["prompt"]
        + cached * PRICES["cached"]
        + (written - thought) * PRICES["completion"]
        + thought * PRICES["thought"]
    )
    return f"{dollars / 1e6:.9f} dollars"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("--key", default="thinking_token_budget")
    parser.add_argument("--api-key-env", default="")
    asked = parser.parse_args()
    options = {
        "base_url": asked.url,
        "thinking_tokens_key": asked.key,
        "attempts": 2,
        **({"api_key_env": asked.api_key_env} if asked.api_key_env else {}),
    }
    around = BackendContext(secret=os.environ.get, tell=lambda words: print(f"  {words}", file=sys.stderr))
    with open_backend("openai", asked.model, options, around) as backend:
        for name, params in WAYS.items():
            print(f"== {name}")
            request = Request(problem="P", prompt=CHAT, first=0, count=2, seed=1)
            try:
                samples = sorted(backend.sample([request], params), key=lambda sample: sample.index)
            except BackendError as error:
                print(f"  refused: {error}")
                continue
            for sample in samples:
                print(f"  thought {(sample.thought or '')[:50]!r}, answer {sample.text[:50]!r}, {sample.finish}")
                read = f"prompt {sample.prompt_tokens} ({sample.cached_tokens} cached)"
                written = f"completion {sample.completion_tokens} ({sample.thought_tokens} thought)"
                seconds = f"reading {sample.prompt_seconds:.3f} s, writing {sample.decode_seconds:.3f} s"
                print(f"  {read}, {written}, {seconds}; {by_hand(sample)}")


if __name__ == "__main__":
    main()
