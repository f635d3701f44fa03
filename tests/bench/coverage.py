"""How often do our intervals hold the truth? Populations of problems whose true pass@k is known, drawn again and again.

    nice python tests/bench/coverage.py [--studies 400]

Each study draws 164 problems with a beta distribution of difficulty and n samples of each. The truth is that
distribution's pass@k, 1 - B(a, b + k) / B(a, b). Printed for every population and k: the share of studies whose
pointwise interval held it, by BCa (the report's) and by plain percentiles, then the share of studies whose band held it
at every k at once.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np

from sampler.stats.betabinomial import Fit
from sampler.stats.bootstrap import Method, draw_problems, read_intervals, read_rates, resampled_means, summary
from sampler.stats.passk import clipped, largest_t, pass_at_every_k, simultaneous

PROBLEMS = 164
KS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Problems of one kind, and how often each is sampled."""

    alpha: float
    beta: float
    n: int


POPULATIONS = (
    Population(alpha=0.55, beta=0.78, n=100),
    Population(alpha=0.55, beta=0.78, n=20),
    Population(alpha=0.3, beta=1.5, n=100),
    Population(alpha=0.2, beta=5.0, n=100),
    Population(alpha=1.5, beta=0.4, n=100),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Shares of studies: for each k by BCa and by percentiles, and for the whole curve."""

    ks: tuple[int, ...]
    truth: tuple[float, ...]
    bca: tuple[float, ...]
    percentile: tuple[float, ...]
    band: float


def cover(population: Population, studies: int, rng: np.random.Generator, resamples: int = 2000) -> Coverage:
    """Draw studies and count."""
    ks = tuple(k for k in KS if 2 * k <= population.n)
    known = Fit(alpha=population.alpha, beta=population.beta, impossible=0.0, log_likelihood=0.0)
    truth = tuple(known.pass_at(k) for k in ks)
    held = np.zeros((2, len(ks)))
    whole = 0
    for _ in range(studies):
        correct = rng.binomial(population.n, rng.beta(population.alpha, population.beta, PROBLEMS))
        table = pass_at_every_k([population.n] * PROBLEMS, correct.tolist(), max(ks))[:, [k - 1 for k in ks]]
        means = resampled_means(table, draw_problems(PROBLEMS, rng, resamples))
        largest = largest_t(table, means)
        drawn = summary(table, table.mean(axis=0), means)
        points = read_rates(drawn)
        for row, found in enumerate((points, read_intervals(drawn, Method.PERCENTILE))):
            held[row] += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
        bands = clipped(simultaneous(table, largest, points))
        whole += all(one.low <= true <= one.high for one, true in zip(bands, truth, strict=True))
    shares = held / studies
    return Coverage(ks=ks, truth=truth, bca=tuple(shares[0]), percentile=tuple(shares[1]), band=whole / studies)


def main() -> None:
    """Print a line for every population."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--studies", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    rng = np.random.default_rng(given.seed)
    began = time.monotonic()
    for one in POPULATIONS:
        found = cover(one, given.studies, rng)
        sys.stdout.write(f"Beta({one.alpha}, {one.beta}), n={one.n}: whole curve {found.band:.1%}\n")
        for row in zip(found.ks, found.truth, found.bca, found.percentile, strict=True):
            sys.stdout.write("  pass@{:<3} = {:.3f}: BCa {:.1%}, percentile {:.1%}\n".format(*row))
    error = (0.95 * 0.05 / given.studies) ** 0.5
    sys.stdout.write(f"{given.studies} studies each, ±{2 * error:.1%}; {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
