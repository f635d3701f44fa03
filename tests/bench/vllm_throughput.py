"""Sampling throughput of the vllm backend against vLLM's own offline generation: the same prompts, the same settings.

    python tests/bench/vllm_throughput.py MODEL [--problems 32] [--samples 8] [--max-tokens 128] [--rounds 3]
        [--engine '{"max_num_seqs": 64}']

One engine serves all sides in turn, each round in another order. `LLM.generate` is what `vllm bench throughput` times:
all requests at once, nothing done with the texts. Ours hands every sample over as it finishes. End marks are ignored on
neither side, so what is compared is tokens per second. Prints each side's median and the ratio, which should be at
least 0.95.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

from sampler.backends.vllm import VllmBackend, VllmOptions
from sampler.running.planning import first_seed
from sampler.study.prompts import prompt_for
from sampler.values import PromptStyle, Request, SamplingParams
from sandbox.problems import load_problems

Side = Callable[[], int]  # samples everything and says how many tokens it drew


def main() -> None:
    given = arguments()
    requests = humaneval_requests(given.problems, given.samples)
    params = SamplingParams(max_tokens=given.max_tokens)
    sides: dict[str, list[float]] = {"ours": [], "LLM.generate, seeds": [], "LLM.generate": []}
    with VllmBackend(given.model, VllmOptions(engine=json.loads(given.engine))) as backend:
        runs: dict[str, Side] = {
            "ours": lambda: ours(backend, requests, params),
            "LLM.generate, seeds": lambda: theirs(backend, requests, params, seeded=True),
            "LLM.generate": lambda: theirs(backend, requests, params, seeded=False),
        }
        theirs(backend, requests[:2], params, seeded=True)  # what is compiled or warmed up, is so for all
        for number in range(given.rounds):
            names = list(sides)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                sides[name].append(rate(runs[name], backend))
                print(f"round {number + 1}: {name}: {sides[name][-1]:.1f} tokens/s", file=sys.stderr)
    median = {name: statistics.median(rates) for name, rates in sides.items()}
    for name, tokens in median.items():
        print(f"{name:22} {tokens:9.1f} tokens/s   ours is {median['ours'] / tokens:.3f} of it")


def humaneval_requests(problems: int, samples: int) -> list[Request]:
    """Return a request for so many samples of each of the first problems of HumanEval."""
    return [
        Request(
            problem=problem.name,
            prompt=prompt_for(problem, PromptStyle.COMPLETION),
            first=0,
            count=samples,
            seed=first_seed(0, problem.name),
        )
        for problem in load_problems("humaneval")[:problems]
    ]


def ours(backend: VllmBackend, requests: list[Request], params: SamplingParams) -> int:
    return sum(sample.completion_tokens or 0 for sample in backend.sample(requests, params))


def theirs(backend: VllmBackend, requests: list[Request], params: SamplingParams, *, seeded: bool) -> int:
    """The same requests to `LLM.generate`, by the same sampling parameters."""
    pieces = [piece for request in requests for piece in backend._pieces(request, params)]
    wanted = [backend._params(piece, params) for piece in pieces]
    if not seeded:
        for each in wanted:
            each.seed = None
    prompts = [{"prompt_token_ids": list(piece.prompt)} for piece in pieces]
    outputs = backend._llm.generate(prompts, wanted, use_tqdm=False)
    return sum(len(output.outputs[0].token_ids) for output in outputs)


def rate(side: Side, backend: VllmBackend) -> float:
    """Tokens per second, from a cold prefix cache."""
    backend._llm.reset_prefix_cache()
    began = time.perf_counter()
    tokens = side()
    return tokens / (time.perf_counter() - began)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--problems", type=int, default=32)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="{}", help="vLLM's own settings, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
