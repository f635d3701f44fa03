"""Measure what stopping at declared looks costs and saves, beside plain peeking and a fixed number of samples.

Two models on the same problems, whose pass rates are drawn from Beta(0.6, 0.8); the second is better by a lead on every
problem, as far as 0 and 1 allow. Printed for each lead: how often a winner is named (with no lead: falsely), how many
samples of each problem were drawn on average, and that as a share of the fixed number, which is the last look.

Then a budget that is allotted, beside the same one spent evenly: two models, the second of which is four times as
expensive and better. Printed: how many samples of each problem each curve reaches, the budget for a problem up to which
both are known, how many problems are solved, and of pass@k the bias and the error (root mean square) against the true
rates. The plain share of passed samples stands there for what it would be wrong by.

    python tests/bench/stopping.py [STUDIES]
"""

from __future__ import annotations

import sys

import numpy as np

from sampler.stats.passk import Counts
from sampler.stats.sequential import look_at, looks_until, next_targets

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


COSTS, CAP, EVENLY = (1.0, 4.0), 128, 8


def allotted(drawn: list[np.ndarray], first: int, budget: float) -> tuple[list[Counts], float, list[float]]:
    """Spend a budget on `drawn` samples, tries x problems of each model; return counts, spending and plain shares."""
    names = tuple(map(str, range(PROBLEMS)))
    solved = [np.where(one.any(axis=0), one.argmax(axis=0) + 1, CAP + 1) for one in drawn]
    tries = [np.full(PROBLEMS, first) for _ in drawn]
    spent = sum(COSTS) * first * PROBLEMS
    while True:
        unsolved = [at > done for at, done in zip(solved, tries, strict=True)]
        left = [done[still].tolist() for done, still in zip(tries, unsolved, strict=True)]
        goals = next_targets(left, COSTS, [CAP, CAP], budget - spent)
        if not any(goals):
            break
        for done, still, goal, cost in zip(tries, unsolved, goals, COSTS, strict=True):
            if goal:
                spent += cost * (goal - done[still]).sum()
                done[still] = goal
    counts = [
        Counts(
            model="",
            problems=names,
            scored=(first,) * PROBLEMS,
            passed=tuple(one[:first].sum(axis=0).tolist()),
            tries=tuple(done.tolist()),
            solved_at=tuple(int(at) if at <= until else None for at, until in zip(found, done, strict=True)),
        )
        for one, done, found in zip(drawn, tries, solved, strict=True)
    ]
    shares = [
        float(np.mean([one[:n, at].mean() for at, n in enumerate(done)]))
        for one, done in zip(drawn, tries, strict=True)
    ]
    return counts, spent, shares


def compare_allotting(studies: int) -> None:
    """Print how an allotted budget compares with the same one spent evenly."""
    budget = sum(COSTS) * EVENLY * PROBLEMS
    sys.stdout.write(f"\na budget of {EVENLY} samples of each problem, at costs of {COSTS[0]:g} and {COSTS[1]:g}\n")
    head = ("rule", "spent", "k reached", "shared", "solved", "bias@1", "error@1", "bias@8", "error@8", "share's bias")
    sys.stdout.write("  ".join(f"{one:>12}" for one in head) + "\n")
    for rule, first in (("evenly", EVENLY), ("allotted", 4), ("allotted", 2)):
        rng = np.random.default_rng(12)
        rows, wrong = [], []
        for _ in range(studies):
            rates = rng.beta(0.3, 0.9, PROBLEMS)
            true = (rates, np.clip(rates + 0.1, 0, 1))
            drawn = [rng.random((CAP, PROBLEMS)) < one for one in true]
            counts, spent, shares = allotted(drawn, first, budget)
            reach = [one.n for one in counts]
            shared = min((n + 1) * cost for n, cost in zip(reach, COSTS, strict=True))
            solved = sum(at is not None for one in counts for at in one.solved_at) / 2 / PROBLEMS
            rows.append((spent / budget, reach[0], reach[1], shared, solved))
            gap = [
                [float(one.rates[:, k - 1].mean() - (1 - (1 - p) ** k).mean()) for k in (1, EVENLY)]
                for one, p in zip(counts, true, strict=True)
            ]
            wrong.append((*gap[0], shares[0] - float(true[0].mean())))
        share, small, large, shared, solved = np.mean(rows, axis=0)
        bias, error = np.mean(wrong, axis=0), np.sqrt(np.mean(np.square(wrong), axis=0))
        cells = (
            *(f"{rule} ({first})", f"{share:.3f}", f"{small:.1f}, {large:.1f}", f"{shared:.1f}", f"{solved:.1%}"),
            *(f"{bias[0]:+.4f}", f"{error[0]:.4f}", f"{bias[1]:+.4f}", f"{error[1]:.4f}", f"{bias[2]:+.4f}"),
        )
        sys.stdout.write("  ".join(f"{one:>12}" for one in cells) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
    compare_allotting(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
