"""Paired sign-flip (randomisation) tests.

The p value of one comparison, and p values corrected for a family of comparisons.

The null hypothesis is that on each problem the difference between two models is as likely to be d as -d. It holds
exactly for two equal models with the same number of samples. Where a budget buys different numbers of samples, two
models may solve equally much with a skewed difference: a little on most problems, a lot on some. There the test alone
names a winner in up to 7 % of studies (11 % where nearly everything is solved) instead of 5 %. So a claim also needs an
interval that leaves out zero (`sampler.stats.differences`), which does not assume symmetry. Together they stay below 5
% (`tests/bench/winners.py`).

Flipping the sign of a problem's difference does not change the sum of squares, so |sum of d| / sqrt(sum of d^2) orders
the flips as |t| does, on one scale for all columns. All columns of a family use the same flips, so the largest
statistic of a flip reflects their correlation, and adding budgets that say nearly the same changes the correction
little. The correction is the step-down maxT rule of Westfall and Young (1993, algorithm 4.1); Romano and Wolf (2005)
show that it controls the chance of even one false claim.

Where few problems differ, all flips are counted and p values are exact. Otherwise `FLIPS` flips are drawn by a seeded
generator, and p is (1 + as large) / (1 + drawn), which is never too small (Phipson and Smyth 2010).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampler.stats.bootstrap import Floats

FLIPS = 9_999  # with what was observed 10,000, so that p has steps of 0.0001
_AT_ONCE = 500  # flips whose statistics are made together
_EQUAL = 1e-12  # differences of rates below this are rounding
_TIE = 1e-9  # statistics this close are the same


@dataclass(frozen=True, slots=True)
class PValues:
    """The p value of one comparison: two-sided, alone and corrected for its family."""

    alone: float
    corrected: float


def family_tests(
    values: Floats, family: Sequence[tuple[int, int]], asked: Sequence[tuple[int, int]], seed: int, flips: int = FLIPS
) -> list[PValues]:
    """Return the p values of the comparisons `asked`, corrected for all of `family`.

    `values` is a table of problems x columns; a comparison is a pair of columns, first minus second. A comparison need
    not be in the family: it is then corrected by its rank among the statistics of the family.
    """
    if not asked:
        return []
    members, others = _Pairs(values, family), _Pairs(values, asked)
    differing = members.differing | others.differing
    if not differing.any():
        return [PValues(1.0, 1.0) for _ in asked]
    drawn, exact = _signs(int(differing.sum()), seed, flips)
    if not exact:  # flips of all problems, so that a comparison's flips do not depend on what else is asked
        drawn, _ = _signs(len(values), seed, flips)
    return _tested(values[differing] if exact else values, members, others, (drawn, exact))


def one_sided_p(gaps: Floats, seed: int) -> float:
    """Return the chance of a sum at least as large as that of `gaps` if each sign is random.

    This is Fisher's randomisation test.
    """
    moved = np.abs(gaps) > _EQUAL
    if not moved.any():
        return 1.0
    gaps = gaps[moved]
    drawn, exact = _signs(len(gaps), seed, FLIPS, mirrored=False)
    least = float(gaps.sum()) - _TIE * float(np.sqrt((gaps**2).sum()))
    counts = [(int((signs @ gaps >= least).sum()), len(signs)) for signs in drawn]
    return _share(np.array([sum(found for found, _ in counts)]), sum(times for _, times in counts), exact=exact).item()


class _Pairs:
    """Comparisons as pairs of columns, with the numbers that no flip changes."""

    def __init__(self, values: Floats, pairs: Sequence[tuple[int, int]]) -> None:
        table = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
        self.first, self.second = table[:, 0], table[:, 1]
        self.differing = np.zeros(len(values), dtype=bool)
        squares, sums = np.zeros(len(table)), np.zeros(len(table))
        for at in range(0, len(table), _AT_ONCE):
            piece = slice(at, at + _AT_ONCE)
            gaps = values[:, self.first[piece]] - values[:, self.second[piece]]
            self.differing |= (np.abs(gaps) > _EQUAL).any(axis=1)
            squares[piece], sums[piece] = (gaps**2).sum(axis=0), gaps.sum(axis=0)
        norm = np.sqrt(squares)
        moving = norm > _EQUAL * np.sqrt(len(values))
        self.scale = np.divide(1.0, norm, out=np.zeros_like(norm), where=moving)
        self.observed = np.abs(sums) * self.scale

    def statistics(self, sums: Floats) -> Floats:
        """Return the statistic of each comparison under each flip.

        `sums` are the flipped sums of columns (flips x columns).
        """
        found = sums[:, self.first]
        found -= sums[:, self.second]
        np.abs(found, out=found)
        found *= self.scale
        return found


def _tested(values: Floats, family: _Pairs, asked: _Pairs, flips: tuple[Iterator[Floats], bool]) -> list[PValues]:
    drawn, exact = flips
    order = np.argsort(family.observed, kind="stable")
    rising = family.observed[order]
    own_rank = np.searchsorted(rising, rising + _TIE, "right")
    rank = np.searchsorted(rising, asked.observed + _TIE, "right")
    # In how many flips a statistic is at least the observed one: of the comparison alone, of it and the members of the
    # family up to its rank, and of each member and those up to its rank.
    alone, among, each = np.zeros(len(rank)), np.zeros(len(rank)), np.zeros(len(rising))
    times = 0
    for signs in drawn:
        times += len(signs)
        sums = signs @ values
        own = asked.statistics(sums)
        largest = np.zeros(
            (len(signs), len(rising) + 1)
        )  # column j: of the j members with the smallest observed statistic
        np.maximum.accumulate(family.statistics(sums)[:, order], axis=1, out=largest[:, 1:])
        alone += (own >= asked.observed - _TIE).sum(axis=0)
        among += (np.maximum(own, largest[:, rank]) >= asked.observed - _TIE).sum(axis=0)
        each += (largest[:, own_rank] >= rising - _TIE).sum(axis=0)
    single, step = _share(alone, times, exact=exact), _share(among, times, exact=exact)
    above = np.append(np.maximum.accumulate(_share(each, times, exact=exact)[::-1])[::-1], 0.0)
    corrected = np.maximum(step, above[rank])  # a larger statistic never has a larger corrected p
    return [PValues(float(p), float(q)) for p, q in zip(single, np.maximum(single, corrected), strict=True)]


def _share(counts: Floats, times: int, *, exact: bool) -> Floats:
    return np.asarray(counts / times if exact else (1 + counts) / (1 + times), dtype=np.float64)


def _signs(problems: int, seed: int, flips: int, *, mirrored: bool = True) -> tuple[Iterator[Floats], bool]:
    """Return signs in tables of flips x problems, and whether these are all possible flips.

    `mirrored`: a flip and its opposite have the same statistic, so half of all flips are enough.
    """
    free = problems - 1 if mirrored else problems
    if free < 63 and 2**free <= flips + 1:
        return _all_signs(problems, free), True
    return _drawn_signs(problems, np.random.default_rng(seed), flips), False


def _all_signs(problems: int, free: int) -> Iterator[Floats]:
    for begin in range(0, 2**free, _AT_ONCE):
        codes = np.arange(begin, min(begin + _AT_ONCE, 2**free))
        yield _as_signs((codes[:, None] >> np.arange(problems)) & 1)


def _drawn_signs(problems: int, rng: np.random.Generator, flips: int) -> Iterator[Floats]:
    for begin in range(0, flips, _AT_ONCE):
        count = min(_AT_ONCE, flips - begin)
        bits = np.unpackbits(
            np.frombuffer(rng.bytes(count * (-(-problems // 8))), dtype=np.uint8).reshape(count, -1), axis=1
        )
        yield _as_signs(bits[:, :problems])


def _as_signs(bits: NDArray[Any]) -> Floats:
    """Return 1 for a bit of 0, and -1 for one of 1."""
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)
