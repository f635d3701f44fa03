"""Define what one run may use, what the programs of a data set may assume, and how much may be asked and answered.

See docs/problems.md for the last two.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, fields, replace

MAX_SAMPLE_WALL_S = 600.0  # that a sample's visits may take together where each test has the limits for itself
SAMPLE_WALLS = 5  # how many times its wall limit a sample's visits may take together
# An interpreter needs 64 MB; the rest keeps a limit within what the kernel and one frame can hold.
LIMIT_BOUNDS: dict[str, tuple[float, float]] = {
    "cpu_s": (0.01, 86_400),
    "wall_s": (0.01, 86_400),
    "memory_mb": (64, 1 << 20),
    "processes": (1, 4096),
    "output_kb": (1, 32 << 10),
    "disk_mb": (1, 64 << 10),
    "files": (1, 1 << 20),
}
MAX_TESTS_CHARACTERS = 64 << 20  # of tests that are code
MAX_CALLS_BYTES = 96 << 20  # of all calls of a problem, as they are handed over
MAX_EXPECTED_BYTES = 48 << 20  # of all that is expected of them
MAX_ANSWERS_BYTES = 112 << 20  # of all answers of a visit: they leave the box in one frame, with what was printed
TIMES_EXPECTED = 8  # a Fraction takes several times the bytes of the int that it equals
_STEP = 8 << 20  # the program's process knows the limit; in such steps the limit does not tell what is expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use; every limit is enforced from outside the program.

    The units are seconds, MB and kB (1 kB = 1024 bytes). `walls` are fixed when a box is made; the others may differ
    from job to job. Another amount of memory, or another number of processes, than a box has now costs a call of the
    engine (some 10 ms) before the visit.
    """

    cpu_s: float = 3.0
    wall_s: float = 10.0
    memory_mb: int = 512
    processes: int = 80  # and threads: 40 of them are nothing unusual, nor is a pool for 64 cores
    output_kb: int = 1024
    disk_mb: int = 64
    files: int = 2048

    def __post_init__(self) -> None:
        for item in fields(self):
            value, (least, most) = getattr(self, item.name), LIMIT_BOUNDS[item.name]
            if not least <= value <= most:
                raise ValueError(f"{item.name} must lie between {least:g} and {most:.7g}, not {value!r}")

    @property
    def sample_wall_s(self) -> float:
        """Return the wall seconds that all visits of one sample may take together, if its tests need several."""
        return SAMPLE_WALLS * self.wall_s

    def tests_wall_s(self, tests: int) -> float:
        """Return the wall seconds for all visits of a sample if each of its tests has its own limits."""
        return max(self.wall_s, min(tests * self.wall_s, MAX_SAMPLE_WALL_S))

    @property
    def walls(self) -> tuple[int, int]:
        """Return the limits that belong to the box for good: disk and files."""
        return self.disk_mb, self.files

    @property
    def movable(self) -> tuple[int, int]:
        """Return the limits of a box that the engine can change between two visits: memory and processes."""
        return self.memory_mb, self.processes

    def with_room_for(self, expected: bytes) -> Limits:
        """Return the limits of a program that should print `expected`: at least twice that size.

        So a right program is never stopped for its output, even if it prints more or other spaces than expected.
        """
        wanted_kb = min((2 * len(expected) >> 10) + 1, int(LIMIT_BOUNDS["output_kb"][1]))
        return self if wanted_kb <= self.output_kb else replace(self, output_kb=wanted_kb)


def changed(limits: Limits) -> frozenset[str]:
    """Return the names of the limits that differ from the default: the user has chosen them."""
    usual = Limits()
    return frozenset(item.name for item in fields(limits) if getattr(limits, item.name) != getattr(usual, item.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """How many bytes all answers of a visit may have, and how many items the host decodes.

    An item of a heavy type counts as many (`sandbox.inside.codec.decoding`).
    """

    size: int = 8 << 20
    items: int = 1_000_000

    def with_room_for(self, size: int, items: int) -> AnswerLimits:
        """Return the limits of a program that should answer with `size` bytes and `items` items."""
        steps = -(-TIMES_EXPECTED * size // _STEP) if size > self.size // TIMES_EXPECTED else 0
        return AnswerLimits(
            size=min(self.size + steps * _STEP, MAX_ANSWERS_BYTES), items=self.items + TIMES_EXPECTED * items
        )


USUAL_LIMITS = AnswerLimits()
FOR_TESTS = AnswerLimits(size=32 << 20, items=3_000_000)  # where tests are code, nothing says what they expect


RECURSION_BOUNDS = (100, 1_000_000)
SETTABLE = ("cpu_s", "wall_s", "memory_mb", "processes")  # limits that a data set or a problem may set


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What a data set's own runner does for every program, and the limits that it sets.

    `imports` is source text that runs before the program, in its namespace. With `long_integers`, integers of any
    length are read and printed, as before Python 3.11. With `top_level_return`, a `return` outside of functions ends a
    whole program: the set's own runner puts programs into a function. `cpu_s`, `wall_s`,
    `memory_mb` and `processes` replace the usual limits (None: as usual).
    With `time_per_test`, the time limits hold for each call of the tests, not for all calls together. Each run of a
    whole program has its own time limits in any case.
    """

    imports: str = ""
    recursion_limit: int | None = None
    long_integers: bool = False
    top_level_return: bool = False
    cpu_s: float | None = None
    wall_s: float | None = None
    memory_mb: int | None = None
    processes: int | None = None
    time_per_test: bool = False

    def __post_init__(self) -> None:
        least, most = RECURSION_BOUNDS
        if self.recursion_limit is not None and not least <= self.recursion_limit <= most:
            raise ValueError(f"recursion_limit must lie between {least} and {most}, not {self.recursion_limit!r}")
        for name, value in self.own_limits().items():
            low, high = LIMIT_BOUNDS[name]
            if not low <= value <= high:
                raise ValueError(f"{name} must lie between {low:g} and {high:.7g}, not {value!r}")

    def own_limits(self) -> dict[str, float]:
        """Return the limits that are set here, by their names."""
        return {name: value for name in SETTABLE if (value := getattr(self, name)) is not None}

    def limits(self, usual: Limits, chosen: Collection[str], longest_s: float = math.inf) -> Limits:
        """Return the limits of a program.

        They are the usual ones with these, unless the user has chosen them. Where others send problems, times go up to
        `longest_s`, and memory and processes up to the usual ones.
        """
        own = {name: value for name, value in self.own_limits().items() if name not in chosen}
        if longest_s < math.inf:
            own = {name: min(value, _most(name, usual, longest_s)) for name, value in own.items()}
        return replace(usual, **own) if own else usual  # type: ignore[arg-type]  # of the types of the fields

    @property
    def of_the_interpreter(self) -> Assumptions:
        """Return the part that also holds for a data set's own code, which has its own imports and times."""
        return Assumptions(recursion_limit=self.recursion_limit, long_integers=self.long_integers)

    @property
    def text(self) -> str:
        """Return a short description; empty if nothing is assumed."""
        lines = len(self.imports.splitlines())
        parts = [f"{lines} line{'s' * (lines != 1)} of imports"] if lines else []
        parts += [f"recursion limit {self.recursion_limit}"] if self.recursion_limit else []
        parts += ["long integers"] if self.long_integers else []
        parts += ["top-level return"] if self.top_level_return else []
        units = {"cpu_s": "s cpu", "wall_s": "s wall", "memory_mb": "MB", "processes": "processes"}
        parts += [f"{value:g} {units[name]}" for name, value in self.own_limits().items()]
        parts += ["time for each test"] if self.time_per_test else []
        return ", ".join(parts)


def _most(name: str, usual: Limits, longest_s: float) -> float:
    """Return the largest value of a limit that a problem from others may set."""
    value: float = getattr(usual, name)
    return max(longest_s, value) if name.endswith("_s") else value
