"""Define what the programs of a data set may assume: names without an import, a recursion limit, times."""

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
    length are read and printed, as before Python 3.11. `cpu_s` and `wall_s` replace the usual limits (None: as usual).
    With `time_per_test`, the time limits hold for each call of the tests, not for all calls together. Each run of a
    whole program has its own time limits in any case.
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
        """Return the time limits that are set here, by their names."""
        given = {"cpu_s": self.cpu_s, "wall_s": self.wall_s}
        return {name: value for name, value in given.items() if value is not None}

    def limits(self, usual: Limits, chosen: Collection[str], longest_s: float = math.inf) -> Limits:
        """Return the limits of a program.

        They are the usual ones with these times, up to `longest_s`, unless the user has chosen the times.
        """
        times = {
            name: min(value, max(longest_s, getattr(usual, name)))
            for name, value in self.times().items()
            if name not in chosen
        }
        return replace(usual, **times) if times else usual

    @property
    def of_the_interpreter(self) -> Assumptions:
        """Return the part that also holds for a data set's own code, which has its own imports and times."""
        return Assumptions(recursion_limit=self.recursion_limit, long_integers=self.long_integers)

    @property
    def text(self) -> str:
        """Return a short description; empty if nothing is assumed."""
        lines = len(self.imports.splitlines())
        said = [f"{lines} line{'s' * (lines != 1)} of imports"] if lines else []
        said += [f"recursion limit {self.recursion_limit}"] if self.recursion_limit else []
        said += ["long integers"] if self.long_integers else []
        said += [f"{value:g} s {name.removesuffix('_s')}" for name, value in self.times().items()]
        said += ["time for each test"] if self.time_per_test else []
        return ", ".join(said)
