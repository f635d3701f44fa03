"""How often `sampler gate` cries wolf: the same model against itself, again and again, and how often it sees a real drop.

Problems have a chance to be solved that is drawn from a Beta distribution (many never, some always, as on HumanEval), samples
are drawn anew on both sides, and each comparison is one model at several budgets, corrected by Holm, nothing allowed to drop
(`max_drop` 0, the hardest null). At alpha 0.05 no more than 6 % of a thousand comparisons may fail.

    python tests/bench/gate_null.py [--times 1000] [--problems 164] [--samples 10]
"""

from __future__ import annotations

import argparse

import numpy as np

from sampler.gating.gate import Mode, Pair, Rule, Side, decide
from sampler.stats.passk import pass_at_every_k

BUDGETS = (1, 2, 5)


def sides(chances: np.ndarray, samples: int, rng: np.random.Generator) -> list[Side]:
    passed = rng.binomial(samples, chances)
    table = pass_at_every_k([samples] * len(chances), passed.tolist(), samples)
    return [Side(k=k, rates=tuple(table[:, k - 1].tolist())) for k in BUDGETS if k <= samples]


def comparison(problems: int, samples: int, drop: float, rng: np.random.Generator) -> list[Pair]:
    """A model before and after: of each problem's chance a share `drop` is lost."""
    chances = rng.beta(0.4, 0.6, size=problems)
    names = tuple(map(str, range(problems)))
    before, after = sides(chances, samples, rng), sides(chances * (1 - drop), samples, rng)
    return [
        Pair(model="m", budget=float(now.k), problems=names, after=now, before=then)
        for now, then in zip(after, before, strict=True)
    ]


def failures(times: int, problems: int, samples: int, drop: float, rule: Rule) -> int:
    rng = np.random.default_rng(20_000 + rule.seed)
    return sum(not decide(comparison(problems, samples, drop, rng), rule).passed for _ in range(times))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--problems", type=int, default=164)
    parser.add_argument("--samples", type=int, default=10)
    chosen = parser.parse_args()
    sizes = (chosen.times, chosen.problems, chosen.samples)
    strict, usual = Rule(max_drop=0.0), Rule()
    print(
        f"{chosen.times} comparisons of {chosen.problems} problems, {chosen.samples} samples, k in {BUDGETS}, alpha 0.05"
    )
    for said, drop, rule in (
        ("no change, no drop allowed: false alarms", 0.0, strict),
        ("no change, 2 points allowed: false alarms", 0.0, usual),
        ("a tenth of all chances lost, 2 points allowed: seen", 0.1, usual),
        ("a quarter lost, 2 points allowed: seen", 0.25, usual),
        ("no change, non-inferior by 5 points: not let through", 0.0, Rule(mode=Mode.NON_INFERIOR, max_drop=0.05)),
        (
            "a quarter lost, non-inferior by 5 points: not let through",
            0.25,
            Rule(mode=Mode.NON_INFERIOR, max_drop=0.05),
        ),
    ):
        count = failures(*sizes, drop, rule)
        print(f"  {said}: {count} ({100 * count / chosen.times:.1f} %)")


if __name__ == "__main__":
    main()
