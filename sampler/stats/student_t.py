"""Student's t distribution by Wallace's approximation (1959), which needs only the normal distribution.

The 97.5 % quantile is right to 1.2 % from 3 degrees of freedom on; it is 4 % too large at 2 and 38 % too large at 1.
"""

from __future__ import annotations

from math import copysign, expm1, inf, isinf, log1p, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()


def t_quantile(p: float, df: int) -> float:
    """Return the value below which Student's t with `df` degrees of freedom lies with probability `p`."""
    return normal_to_t(_NORMAL.inv_cdf(p), df)


def t_upper_tail(t: float, df: int) -> float:
    """Return the probability that Student's t is larger than `t`."""
    return 1 - _NORMAL.cdf(t_to_normal(t, df))


def normal_to_t(z: float, df: int) -> float:
    """Return the t value that has the same upper tail as the standard normal value `z`."""
    scaled = z * (8 * df + 3) / (8 * df + 1)
    return copysign(sqrt(df * expm1(scaled**2 / df)), z)


def t_to_normal(t: float, df: int) -> float:
    """Return the standard normal value that has the same upper tail as `t`: the inverse of `normal_to_t`."""
    if isinf(t):
        return copysign(inf, t)
    return copysign(sqrt(df * log1p(t**2 / df)) * (8 * df + 1) / (8 * df + 3), t)
