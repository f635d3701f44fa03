"""Looking closer at a part of the budgets: series cut to a window, and windows that grow, shrink and slide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tui.widgets.plot import Series

Window = tuple[float, float]  # from a budget to a larger one
_LEAST = 1.05  # a window's ends differ at least by this factor


def whole(series: Sequence[Series]) -> Window | None:
    """The window that holds every curve; None without one that lies above 0."""
    begun = [one for one in series if one.xs and one.end > 0]
    lows = [next((x for x in one.xs if x > 0), one.end) for one in begun]
    return (min(lows), max(one.end for one in begun)) if begun and min(lows) < max(one.end for one in begun) else None


def clipped(one: Series, window: Window) -> Series:
    """The part of a curve that lies in the window; without steps where there is none."""
    low, high = window
    if not one.xs or one.end <= low or one.xs[0] >= high:
        return replace(one, xs=(), ys=(), low=(), high=(), ks=(), thin=None, star=None)
    first = one.step(low) or 0
    last = max(at for at, x in enumerate(one.xs) if x < high)
    kept = slice(first, last + 1)
    xs = (max(low, one.xs[first]), *one.xs[first + 1 : last + 1])
    thin = None if one.thin is None or one.thin > last else max(0, one.thin - first)
    return replace(
        one,
        xs=xs,
        ys=one.ys[kept],
        low=one.low[kept],
        high=one.high[kept],
        ks=one.ks[kept],
        thin=thin,
        end=min(one.end, high),
        star=one.star if one.star and low <= one.star[0] <= high else None,
    )


def scaled(window: Window, full: Window, around: float, factor: float) -> Window | None:
    """The window made larger or smaller around a budget, in equal shares of its logarithm.

    None where it holds everything.
    """
    low, high = (math.log(end) for end in window)
    centre = math.log(min(max(around, window[0]), window[1]))
    wide = max((high - low) * factor, math.log(_LEAST))
    share = (centre - low) / (high - low)
    return _inside((centre - share * wide, centre + (1 - share) * wide), full)


def slid(window: Window, full: Window, share: float) -> Window | None:
    """The window moved by a share of its width, kept inside."""
    low, high = (math.log(end) for end in window)
    step = (high - low) * share
    step = max(math.log(full[0]) - low, min(math.log(full[1]) - high, step))
    return _inside((low + step, high + step), full)


def _inside(logs: tuple[float, float], full: Window) -> Window | None:
    low, high = max(math.log(full[0]), logs[0]), min(math.log(full[1]), logs[1])
    if high - low >= (math.log(full[1]) - math.log(full[0])) * (1 - 1e-9):
        return None
    return math.exp(low), math.exp(high)
