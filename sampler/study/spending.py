"""Read how a study spends: a budget for the whole of it, and when it may stop.

    [budget]
    max_flops = 1e15         # over all runs of the study; also max_dollars
    stop = "precise"         # sample in rounds, and end when every pair of models is decided
    precision = 0.05         # or the interval of its difference is as narrow as this on either side
    first = 2                # samples of each problem at the first look; every look doubles them
    allot = "gain"           # or, after the first ones, spend the budget where no sample has passed

With any of these but `allot`, all models are sampled up to each look in turn, so that every problem of every model has
equally many samples when the study ends. With `allot`, every problem has `first` samples, and some have more, which a
store keeps apart from them (`sampler.stats.sequential` says what is estimated from which).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from sampler.stats.sequential import looks_until
from sampler.study.toml_table import TomlTable

STOPS = ("samples", "precise")
ALLOTS = ("evenly", "gain")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingLimits:
    """When a study stops; the looks are declared by the file, before anything is seen."""

    max_flops: float = inf
    max_dollars: float = inf
    precise: bool = False
    precision: float = 0.0
    first: int = 2
    allot: bool = False

    @property
    def bounded(self) -> bool:
        """Return whether the study may end before all of its samples are drawn."""
        return self.precise or min(self.max_flops, self.max_dollars) < inf

    def looks(self, samples: int) -> tuple[int, ...]:
        """Return how many samples of each problem are there at each look, up to the most of any model."""
        if self.allot:
            return (min(self.first, samples),)
        return looks_until(min(self.first, samples), samples) if self.bounded else (samples,)


def read_spending(table: TomlTable) -> SpendingLimits:
    """Return what [budget] says; raises SpecError."""
    precise = table.choice("stop", STOPS, STOPS[0]) == "precise"
    if not precise and table.has("precision"):
        raise table.error('precision belongs to stop = "precise"; add that, or take precision out')
    if table.has("first") and not (precise or table.has("max_flops") or table.has("max_dollars")):
        raise table.error(
            "first is the first look of a study that may end early; add a budget to it, or take first out"
        )
    spending = SpendingLimits(
        max_flops=table.number("max_flops", example="1e15") if table.has("max_flops") else inf,
        max_dollars=table.number("max_dollars", example="5.0") if table.has("max_dollars") else inf,
        precise=precise,
        precision=table.number("precision", 0.0) if table.has("precision") else 0.0,
        first=table.whole("first", 2),
        allot=table.choice("allot", ALLOTS, ALLOTS[0]) == "gain",
    )
    table.done()
    if min(spending.max_flops, spending.max_dollars) <= 0:
        raise table.error("max_flops and max_dollars must be above 0")
    if not 0 <= spending.precision < 1:
        raise table.error(f"precision = {spending.precision} is no half width of a difference of shares; write 0.05")
    if spending.allot and spending.precise:
        raise table.error('stop = "precise" needs equally many samples of every problem; take it or allot = "gain" out')
    if spending.allot and min(spending.max_flops, spending.max_dollars) == inf:
        raise table.error('allot = "gain" needs a budget to allot; write max_flops or max_dollars')
    return spending
