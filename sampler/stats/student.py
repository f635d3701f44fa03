"""Student's t distribution by Wallace's approximation (1959), which needs the normal distribution alone.

Of the interval of 95 %, quantiles are right to 1.2 % from 3 degrees of freedom on, and too large by 4 % at 2 and by 38 % at 1.
"""

from __future__ import annotations

from math import copysign, expm1, inf, isinf, log1p, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()


def from_normal(z: float, free: int) -> float:
    """The t value with as much beyond it as the normal quantile z has."""
    scaled = z * (8 * free + 3) / (8 * free + 1)
    return copysign(sqrt(free * expm1(scaled**2 / free)), z)


def to_normal(t: float, free: int) -> float:
    """`from_normal`, turned round."""
    if isinf(t):
        return copysign(inf, t)
    return copysign(sqrt(free * log1p(t**2 / free)) * (8 * free + 1) / (8 * free + 3), t)


def t_quantile(share: float, free: int) -> float:
    """The value below which Student's t lies with this chance."""
    return from_normal(_NORMAL.inv_cdf(share), free)


def t_beyond(t: float, free: int) -> float:
    """The chance of a value of at least t."""
    return 1 - _NORMAL.cdf(to_normal(t, free))
