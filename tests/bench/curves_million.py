"""A million samples, five models: every point of every curve with intervals and band from 10,000 resamples.

    python tests/bench/curves_million.py

5 models × 1,000 problems × 200 samples, already counted (a store keeps the counts). The time is wall clock after
loading; the memory is the process's peak, the interpreter and numpy among it.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from sampler.stats.bootstrap import RESAMPLES, draw_problems
from sampler.stats.budget import UnitCost
from sampler.stats.passk import Counts, curve_over

MODELS, PROBLEMS, SAMPLES = 5, 1000, 200


def main() -> None:
    """Print seconds and memory."""
    rng = np.random.default_rng(0)
    names = tuple(f"P/{at}" for at in range(PROBLEMS))
    counts = [
        Counts(
            model=f"m{model}",
            problems=names,
            scored=(SAMPLES,) * PROBLEMS,
            passed=tuple(rng.binomial(SAMPLES, rng.beta(0.3 + 0.1 * model, 0.8, PROBLEMS)).tolist()),
        )
        for model in range(MODELS)
    ]
    began = time.monotonic(), time.process_time()
    draws = draw_problems(PROBLEMS, np.random.default_rng(1))
    curves = [curve_over(one, UnitCost(each=1.0 + at), draws) for at, one in enumerate(counts)]
    took = time.monotonic() - began[0], time.process_time() - began[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    points = sum(len(one.points) for one in curves)
    sys.stdout.write(
        f"{MODELS * PROBLEMS * SAMPLES:,} samples, {points} points, {RESAMPLES:,} resamples: "
        f"{took[0]:.2f} s ({took[1]:.2f} s of CPU), peak {peak:.0f} MB\n"
    )


if __name__ == "__main__":
    main()
