"""How often is a winner named where there is none, how often do intervals hold the truth, and how often is a lead seen?

    OMP_NUM_THREADS=1 nice python tests/bench/winners.py [--studies 2000] [--flips 999] [PART...]

Every study draws problems with a beta distribution of difficulty and 20 samples of each for every model. The parts:

* `winners`: models that do the same, so every winner is false; shares of studies that name one anywhere in the table.
* `paired`: coverage of intervals of paired differences: the same model twice, one that is better on every problem, and
  one that is better on some and worse on others; pass@1, 5 and 20 on both sides, and pass@4 against pass@1. The least
  of them is told.
* `single`: coverage of intervals of pass@1, 5 and 20; the least and the largest.
* `unlike`: two models of equal pass rate at a budget that buys one of them four or ten times as many samples. Shares of
  studies that tell them apart: by sign flips alone, and by sign flips and interval together, which is what a claim
  needs.
* `power`: shares of studies of 164 problems that name the better one of two and of five models, 10 points ahead by
  pass@1 (a little on each problem, or much on most and behind on others), at the budget of one sample and at any
  budget; beside the rule that was used before (BCa p values, Holm over the table).

`--flips` draws fewer than a report, which makes no p value too small, only coarser.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf, log1p, sqrt
from statistics import NormalDist

import numpy as np

from sampler.reporting.report import Finding, rows_of
from sampler.stats.bootstrap import Floats, Resampled, draw_problems, read_intervals, read_rates, resampled
from sampler.stats.budget import UnitCost
from sampler.stats.differences import difference_intervals, holm
from sampler.stats.passk import Counts, Curve, Point, pass_at_every_k
from sampler.stats.signflip import family_tests

N = 20
DIFFICULTIES = {"hard": (0.2, 3.0), "middle": (0.55, 0.78), "easy": (3.0, 0.2)}
SIZES = (8, 20, 50, 164)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 20.0)
TABLE = pass_at_every_k([N] * (N + 1), list(range(N + 1)), N)  # right samples x k
MANY = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How much to simulate."""

    studies: int
    flips: int
    seed: int

    def rng(self, *place: int) -> np.random.Generator:
        """A generator for one cell of a table, so that parts can be run alone."""
        return np.random.default_rng([self.seed, *place])


def chances(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    return np.clip(rng.beta(*DIFFICULTIES[kind], shape), 1e-12, 1 - 1e-12)


def moved(chance: Floats, by: Floats | float) -> Floats:
    """Chances with their logit moved."""
    return 1 / (1 + (1 - chance) / chance * np.exp(-by))


def solved(kind: Callable[[float], float], wanted: float) -> float:
    """Where a rising function reaches a value."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if kind(middle) < wanted else (low, middle)
    return low


# false winners and power


def winners(counts: np.ndarray, asked: Asked, seed: int) -> list[tuple[float, str]]:
    """Budgets at which a report names a winner, and whom; `counts` is models x problems, a sample costs 1."""
    names = tuple(map(str, range(counts.shape[1])))
    entries = []
    for at, passed in enumerate(counts):
        rates = TABLE[passed].mean(axis=0)
        points = tuple(
            Point(k=k, cost=float(k), rate=float(rate), interval=None, band=None, thin=False)
            for k, rate in enumerate(rates, 1)
        )
        own = Counts(model=str(at), problems=names, scored=(N,) * len(names), passed=tuple(passed.tolist()))
        entries.append((own, Curve(model=str(at), cost=UnitCost(each=1.0), problems=len(names), n=N, points=points)))
    rows = rows_of(entries, ROWS, seed, asked.flips)
    return [(row.budget, row.model) for row in rows if row.finding is Finding.CLEAR and row.model is not None]


def old_winners(counts: np.ndarray, draws: Floats) -> list[tuple[float, str]]:
    """The same by BCa intervals and p values over resampled problems, corrected by Holm for the table."""
    models, ks = len(counts), [int(budget) for budget in ROWS]
    tables = [TABLE[passed][:, [k - 1 for k in ks]] for passed in counts]
    pairs = [(a, b) for a in range(models) for b in range(a + 1, models)]
    drawn = resampled(np.hstack([tables[a] - tables[b] for a, b in pairs]), draws)
    corrected = iter(zip(read_intervals(drawn), holm(old_p_values(drawn)), drawn.estimates, strict=True))
    ahead: dict[tuple[int, int, int], bool] = {}
    for a, b in pairs:
        for at in range(len(ks)):
            near, p, mean = next(corrected)
            clear = p <= 0.05 and (near.low > 0 or near.high < 0)
            ahead[at, a, b], ahead[at, b, a] = clear and mean > 0, clear and mean < 0
    best = [max(range(models), key=lambda one, at=at: tables[one][:, at].mean()) for at in range(len(ks))]
    return [
        (ROWS[at], str(one))
        for at, one in enumerate(best)
        if all(ahead[at, one, other] for other in range(models) if other != one)
    ]


def old_p_values(of: Resampled) -> list[float]:
    """The smallest 1 - level at which a BCa interval leaves out zero."""
    normal, free, found = NormalDist(), of.problems - 1, []
    for means, bias, skew in zip(of.means, of.bias, of.skew, strict=True):
        below = (np.searchsorted(means, -1e-12) + np.searchsorted(means, 1e-12, "right")) / 2
        shift = normal.inv_cdf(float(min(max(below, 0.5), len(means) - 0.5) / len(means))) - bias
        z = abs(shift / (1 + skew * shift) - bias) if 1 + skew * shift > 0 else inf
        t = z * sqrt(free / of.problems)
        inward = sqrt(free * log1p(t**2 / free)) * (8 * free + 1) / (8 * free + 3) if z < inf else inf
        found.append(min(1.0, max(2 * (1 - normal.cdf(inward)), 2 / (len(means) + 1))))
    return found


def false_winners(asked: Asked) -> Iterator[str]:
    yield (
        "false winners: % of studies with a winner anywhere in the table (the old rule in brackets, two models, 400 "
        "studies)"
    )
    yield f"{'':8}{'problems':>9}{'2 models':>18}{'3 models':>10}{'5 models':>10}"
    for row, kind in enumerate(DIFFICULTIES):
        for size in SIZES:
            cells = []
            for models in (2, 3, 5):
                rng = asked.rng(1, row, size, models)
                named = sum(bool(winners(same(kind, models, size, rng), asked, seed)) for seed in range(asked.studies))
                cells.append(f"{100 * named / asked.studies:.1f}")
            rng, few = asked.rng(2, row, size), min(400, asked.studies)
            draws = draw_problems(size, rng, 2000)
            old = 100 * sum(bool(old_winners(same(kind, 2, size, rng), draws)) for _ in range(few)) / few
            yield f"{kind:8}{size:9}{f'{cells[0]} ({old:.1f})':>18}{cells[1]:>10}{cells[2]:>10}"


def same(kind: str, models: int, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.binomial(N, chances(kind, (size,), rng), size=(models, size))


def power(asked: Asked) -> Iterator[str]:
    yield (
        "power: % of studies of 164 problems that name the model which is 10 points better, at k = 1 and at any budget"
    )
    yield f"{'':8}{'on':>13}{'models':>8}{'k = 1':>8}{'old':>8}{'any':>8}{'old':>8}"
    for row, kind in enumerate(("hard", "middle")):
        for apart, noise in enumerate((0.0, 3.0)):
            on = "most problems" if noise else "each problem"
            everyone = chances(kind, (MANY,), asked.rng(3, row))
            luck = noise * asked.rng(9, row).standard_normal(MANY)
            by = solved(
                lambda by, of=everyone, luck=luck: float(moved(of, by + luck).mean()), float(everyone.mean()) + 0.1
            )
            for models in (2, 5):
                shares = _named(kind, models, (by, noise), asked.rng(4, row, apart, models), asked)
                yield f"{kind:8}{on:>13}{models:8}" + "".join(f"{100 * share:8.1f}" for share in shares)


def _named(kind: str, models: int, better: tuple[float, float], rng: np.random.Generator, asked: Asked) -> Floats:
    """Shares of studies that name the better model.

    At k = 1, the same by the old rule, anywhere, the same by the old rule.
    """
    times, counted = min(1000, asked.studies), np.zeros(4)
    draws = draw_problems(164, rng)
    for seed in range(times):
        chance = chances(kind, (164,), rng)
        best = moved(chance, better[0] + better[1] * rng.standard_normal(164))
        counts = rng.binomial(N, np.stack([best] + [chance] * (models - 1)))
        new, old = winners(counts, asked, seed), old_winners(counts, draws)
        anywhere = [any(who == "0" for _, who in found) for found in (new, old)]
        counted += [(1.0, "0") in new, (1.0, "0") in old, *anywhere]
    return counted / times


# intervals

AGAINST: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "the same": lambda chance, _: chance,
    "better": lambda chance, _: moved(chance, 0.7),
    "otherwise": lambda chance, rng: moved(chance, 0.5 + rng.standard_normal(chance.shape)),
}


def paired(asked: Asked) -> Iterator[str]:
    yield (
        "paired: least coverage in % over pass@1, 5, 20 and (of other models) pass@4 against pass@1; mean width in "
        "points"
    )
    yield f"{'':8}{'problems':>9}" + "".join(f"{name:>18}" for name in AGAINST)
    for row, kind in enumerate(DIFFICULTIES):
        for size in SIZES:
            yield f"{kind:8}{size:9}" + "".join(
                f"{_paired(kind, size, name, asked.rng(5, row, size), asked):>18}" for name in AGAINST
            )


def _paired(kind: str, size: int, name: str, rng: np.random.Generator, asked: Asked) -> str:
    held, wide = [], []
    everyone = chances(kind, (MANY,), rng)
    rivals = AGAINST[name](everyone, rng)
    for a, b in ((1, 1), (5, 5), (20, 20), (4, 1)):
        if name == "the same" and a != b:
            continue
        truth = float(((1 - everyone) ** b - (1 - rivals) ** a).mean())
        chance = chances(kind, (size, asked.studies), rng)
        gaps = TABLE[rng.binomial(N, AGAINST[name](chance, rng)), a - 1] - TABLE[rng.binomial(N, chance), b - 1]
        found = difference_intervals(gaps)
        held.append(np.mean([one.low - 1e-12 <= truth <= one.high + 1e-12 for one in found]))
        wide.append(np.mean([one.high - one.low for one in found]))
    return f"{100 * min(held):.1f} ({100 * np.mean(wide):.1f})"


def single(asked: Asked) -> Iterator[str]:
    yield "single: least and largest coverage in % over pass@1, 5 and 20"
    yield f"{'':8}" + "".join(f"{size:>16}" for size in SIZES)
    for row, kind in enumerate(DIFFICULTIES):
        cells = []
        for size in SIZES:
            rng = asked.rng(6, row, size)
            everyone, draws, held = chances(kind, (MANY,), rng), draw_problems(size, rng, 2000), []
            for k in (1, 5, 20):
                truth = float((1 - (1 - everyone) ** k).mean())
                values = TABLE[rng.binomial(N, chances(kind, (size, asked.studies), rng)), k - 1]
                held.append(
                    np.mean(
                        [one.low - 1e-12 <= truth <= one.high + 1e-12 for one in read_rates(resampled(values, draws))]
                    )
                )
            cells.append(f"{100 * min(held):.1f}-{100 * max(held):.1f}")
        yield f"{kind:8}" + "".join(f"{cell:>16}" for cell in cells)


def unlike(asked: Asked) -> Iterator[str]:
    yield "unlike: % of studies that tell two models of equal rate apart, by sign flips alone, and with the interval"
    yield f"{'':8}{'pass@k, pass@1':>16}" + "".join(f"{size:>14}" for size in SIZES)
    for row, kind in enumerate(DIFFICULTIES):
        everyone = chances(kind, (MANY,), asked.rng(7, row))
        for k in (4, 10):
            by = solved(lambda by, of=everyone: float(moved(of, by).mean()), float((1 - (1 - everyone) ** k).mean()))
            cells = [_unlike(kind, (size, k, by), asked.rng(8, row, size, k), asked) for size in SIZES]
            yield f"{kind:8}{f'{k}, 1':>16}" + "".join(f"{cell:>14}" for cell in cells)


def _unlike(kind: str, how: tuple[int, int, float], rng: np.random.Generator, asked: Asked) -> str:
    size, k, by = how
    told = np.zeros(2)
    for seed in range(asked.studies):
        chance = chances(kind, (size,), rng)
        values = np.stack([TABLE[rng.binomial(N, chance), k - 1], TABLE[rng.binomial(N, moved(chance, by)), 0]], axis=1)
        (p,) = family_tests(values, [(0, 1)], [(0, 1)], seed, asked.flips)
        (near,) = difference_intervals(values[:, :1] - values[:, 1:])
        told += [p.alone <= 0.05, p.alone <= 0.05 and (near.low > 0 or near.high < 0)]
    return "{:.1f}, {:.1f}".format(*(100 * told / asked.studies))


PARTS = {"winners": false_winners, "paired": paired, "single": single, "unlike": unlike, "power": power}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--flips", type=int, default=999)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asked = Asked(studies=given.studies, flips=given.flips, seed=given.seed)
    began = time.monotonic()
    for part in given.parts or PARTS:
        for line in PARTS[part](asked):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    error = 2 * (0.05 * 0.95 / given.studies) ** 0.5
    sys.stdout.write(
        f"{given.studies} studies of {N} samples, ±{100 * error:.1f} at 5 and 95 %; {time.monotonic() - began:.0f} s\n"
    )


if __name__ == "__main__":
    main()
