"""How often `sampler gate` errs, and how often it sees what is there.

One model at three budgets, on problems drawn anew.

    python tests/bench/gate_null.py [--times 1000] [--samples 10]

Problems have a chance to be solved that is drawn from a Beta distribution (many never, some always, as on HumanEval),
and samples are drawn anew on both sides. For 20, 50 and 164 problems:

* significant: false alarms without a change where nothing may drop (the hardest null), and where 2 points may; how
  often a tenth and a quarter of all chances lost are seen.
* non-inferior by 5 points, at one budget: how often a model passes that lost 5 points (each problem a little, or a few
  problems wholly), which is to be seldom, and how often one that lost nothing.
* a minimum of what the model solves in truth: how often `significant` fails it, and `non-inferior` lets it pass.

At alpha 0.05 no more than 6 % of decisions may be wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np

from sampler.gating import Mode, Pair, Rule, Side, decide
from sampler.stats.passk import pass_at_every_k

BUDGETS = (1, 2, 5)
SIZES = (20, 50, 164)
SHAPE = (0.4, 0.6)
MEAN = SHAPE[0] / sum(SHAPE)
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def sides(chances: np.ndarray, samples: int, rng: np.random.Generator) -> list[Side]:
    passed = rng.binomial(samples, chances)
    table = pass_at_every_k([samples] * len(chances), passed.tolist(), samples)
    return [Side(k=k, rates=tuple(table[:, k - 1].tolist())) for k in BUDGETS if k <= samples]


def comparison(problems: int, samples: int, change: Change, rng: np.random.Generator) -> list[Pair]:
    """A model before and after."""
    chances = rng.beta(*SHAPE, size=problems)
    names = tuple(map(str, range(problems)))
    before, after = sides(chances, samples, rng), sides(change(chances, rng), samples, rng)
    return [
        Pair(model="m", budget=float(now.k), problems=names, after=now, before=then)
        for now, then in zip(after, before, strict=True)
    ]


def unchanged(chances: np.ndarray, _: np.random.Generator) -> np.ndarray:
    return chances


def less(share: float) -> Change:
    """Of each problem's chance a share is lost."""
    return lambda chances, _: chances * (1 - share)


def lost(share: float) -> Change:
    """A share of the problems is lost wholly."""
    return lambda chances, rng: np.where(rng.random(len(chances)) < share, 0.0, chances)


def rows() -> Iterator[tuple[str, Change, Rule, int, bool]]:
    """What is counted: words, the change, the rule, how many budgets, and whether it is passes that are counted."""
    strict, usual, inferior = Rule(max_drop=0.0), Rule(), Rule(mode=Mode.NON_INFERIOR, max_drop=0.05)
    yield "significant, no drop allowed, no change: false alarms", unchanged, strict, 3, False
    yield "significant, 2 points allowed, no change: false alarms", unchanged, usual, 3, False
    yield "significant, 2 points allowed, a tenth lost: seen", less(0.1), usual, 3, False
    yield "significant, 2 points allowed, a quarter lost: seen", less(0.25), usual, 3, False
    yield "non-inferior by 5, 5 points lost a little everywhere: wrongly passed", less(0.05 / MEAN), inferior, 1, True
    yield "non-inferior by 5, 5 points lost on few problems: wrongly passed", lost(0.05 / MEAN), inferior, 1, True
    yield "non-inferior by 5, no change: passed", unchanged, inferior, 1, True
    yield "minimum just reached, significant: false alarms", unchanged, Rule(least=MEAN, max_drop=0.9), 1, False
    least = Rule(mode=Mode.NON_INFERIOR, least=MEAN, max_drop=0.9)
    yield "minimum just reached, non-inferior: wrongly passed", unchanged, least, 1, True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=10)
    chosen = parser.parse_args()
    print(f"{chosen.times} gates each, {chosen.samples} samples, k in {BUDGETS}, alpha 0.05, in %")
    print(f"{'':70}" + "".join(f"{size:>8}" for size in SIZES))
    for said, change, rule, budgets, passes in rows():
        shares = []
        for size in SIZES:
            rng = np.random.default_rng([20_000, size])
            counted = 0
            for _ in range(chosen.times):
                pairs = comparison(size, chosen.samples, change, rng)[:budgets]
                counted += decide(pairs, rule).passed is passes
            shares.append(100 * counted / chosen.times)
        print(f"{said:70}" + "".join(f"{share:8.1f}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
