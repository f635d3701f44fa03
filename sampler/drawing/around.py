"""How an interval is told beside its rate, wherever a rate is shown in words."""

from __future__ import annotations

LOPSIDED = 1.5  # one side of an interval longer than the other by this factor


def around(rate: float, low: float, high: float, *, brief: bool = False) -> str:
    """An interval of shares in points: ± where both sides are about alike, else how far it reaches down and up.

    `brief`, the latter has no tenths.
    """
    down, up = (round(100 * reach, 9) + 0.0 for reach in (rate - low, high - rate))  # a rounding is no -0
    if max(down, up) > LOPSIDED * min(down, up):
        return f"-{down:.0f} +{up:.0f}" if brief else f"-{down:.1f} +{up:.1f}"
    return f"±{round(50 * (high - low), 9):.1f}"  # so that half of 0.305 reads the same however it was summed
