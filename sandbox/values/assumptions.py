"""What the programs of a data set may assume: names that are there without an import, a recursion limit, times."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from sandbox.values.limits import LIMIT_BOUNDS, Limits

RECURSION_BOUNDS = (100, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What a data set's own runner does for every program, and the times that it gives them.

    `imports` is source text that runs before the program, in its namespace. With `long_integers`, integers of any
    length are read and printed, as before Python 3.11. `cpu_s` and `wall_s` stand in the place of the usual limits.
    None: as usual. With `time_per_test`, the limits of time hold for each call of the tests, not for all calls
    together; each run of a whole program has them for itself in any case.
    """

    imports: str = ""
    recursion_limit: int | None = None
    long_integers: bool = False
    cpu_s: float | None = None
    wall_s: float | None = None
    time_per_test: bool = False

    def __post_init__(self) -> None:
        least, most = RECURSION_BOUNDS
        if self.recursion_limit is not None and not least <= self.recursion_limit <= most:
            raise ValueError(f"recursion_limit must lie between {least} and {most}, not {self.recursion_limit!r}")
        for name, value in self.times().items():
            low, high = LIMIT_BOUNDS[name]
            if not low <= value <= high:
                raise ValueError(f"{name} must lie between {low:g} and {high:.7g}, not {value!r}")

    def times(self) -> dict[str, float]:
        """The limits that these bring, by their names."""
        given = {"cpu_s": self.cpu_s, "wall_s": self.wall_s}
        return {name: value for name, value in given.items() if value is not None}

    def limits(self, usual: Limits, chosen: Collection[str], longest_s: float = math.inf) -> Limits:
        """The limits of a program.

        The usual ones, with these times where the user has not chosen them, up to `longest_s`.
        """
        times = {
            name: min(value, max(longest_s, getattr(usual, name)))
            for name, value in self.times().items()
            if name not in chosen
        }
        return replace(usual, **times) if times else usual

    @property
    def of_the_interpreter(self) -> Assumptions:
        """What of it holds for a data set's own code, too, which has its imports in its text and other times."""
        return Assumptions(recursion_limit=self.recursion_limit, long_integers=self.long_integers)

    @property
    def text(self) -> str:
        """In a few words; empty where nothing is assumed."""
        lines = len(self.imports.splitlines())
        said = [f"{lines} line{'s' * (lines != 1)} of imports"] if lines else []
        said += [f"recursion limit {self.recursion_limit}"] if self.recursion_limit else []
        said += ["long integers"] if self.long_integers else []
        said += [f"{value:g} s {name.removesuffix('_s')}" for name, value in self.times().items()]
        said += ["time for each test"] if self.time_per_test else []
        return ", ".join(said)
