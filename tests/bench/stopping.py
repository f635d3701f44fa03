"""Measure what stopping at declared looks costs and saves, beside plain peeking and a fixed number of samples.

Two models on the same problems, whose pass rates are drawn from Beta(0.6, 0.8); the second is better by a lead on every
problem, as far as 0 and 1 allow. Printed for each lead: how often a winner is named (with no lead: falsely), how many
samples of each problem were drawn on average, and that as a share of the fixed number, which is the last look.

    python tests/bench/stopping.py [STUDIES]
"""

from __future__ import annotations

import sys

import numpy as np

from sampler.stats.sequential import look_at, looks_until

PROBLEMS, FIRST, MOST = 160, 2, 64
LEADS = (0.0, 0.02, 0.05, 0.10, 0.15)


def study(rng: np.random.Generator, lead: float, looks: tuple[int, ...], divided: int) -> tuple[bool, int]:
    """Return whether a winner was named, and after how many samples of each problem."""
    rates = rng.beta(0.6, 0.8, PROBLEMS)
    first = rng.random((MOST, PROBLEMS)) < rates
    second = rng.random((MOST, PROBLEMS)) < np.clip(rates + lead, 0, 1)
    for n in looks:
        look = look_at(second[:n].mean(axis=0) - first[:n].mean(axis=0), divided, 1, 0.0)
        if look.clear:
            return True, n
    return False, looks[-1]


def main(studies: int) -> None:
    """Print the table."""
    looks = looks_until(FIRST, MOST)
    rules = {"declared looks": (looks, len(looks)), "peeking": (looks, 1), "fixed number": ((MOST,), 1)}
    sys.stdout.write(f"{studies} studies each, {PROBLEMS} problems, looks at {', '.join(map(str, looks))} samples\n")
    sys.stdout.write(f"{'lead':>6}  {'rule':<15} {'winner named':>13} {'samples':>8} {'of fixed':>9}\n")
    for lead in LEADS:
        for name, (at, divided) in rules.items():
            rng = np.random.default_rng(11)
            found = [study(rng, lead, at, divided) for _ in range(studies)]
            named = np.mean([clear for clear, _ in found])
            drawn = np.mean([n for _, n in found])
            sys.stdout.write(f"{lead:>6.2f}  {name:<15} {named:>12.1%} {drawn:>8.1f} {drawn / MOST:>8.0%}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
