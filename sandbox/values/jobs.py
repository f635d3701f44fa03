"""What is asked of a box: a program, under limits, kept apart from others in one way or another."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from sandbox.values.tests import MAX_STDIN_BYTES, AskedCalls, Grading, Tests

MAX_SOURCE_BYTES = 4 << 20


class Isolation(StrEnum):
    """What keeps a program from those before and after it, beside its uid and the proof that the box is clean."""

    FORK = "fork"  # a fork of the box's warm interpreter
    SPAWN = "spawn"  # an interpreter started for it, in the same box
    BOX = "box"  # a container of its own


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use. Every field is enforced from outside the program, none by its good will.

    Seconds, MB and kB (1 kB = 1024 bytes). `walls` are fixed when a box is made; the others may differ from job to job.
    """

    cpu_s: float = 3.0
    wall_s: float = 10.0
    memory_mb: int = 512
    processes: int = 32
    output_kb: int = 1024
    disk_mb: int = 64
    files: int = 2048

    def __post_init__(self) -> None:
        for item in fields(self):
            value, (least, most) = getattr(self, item.name), LIMIT_BOUNDS[item.name]
            if not least <= value <= most:
                raise ValueError(f"{item.name} must lie between {least:g} and {most:.7g}, not {value!r}")

    @property
    def walls(self) -> tuple[int, int, int, int]:
        """The limits that belong to the box: memory, processes, disk, files."""
        return self.memory_mb, self.processes, self.disk_mb, self.files

    def with_room_for(self, expected: bytes) -> Limits:
        """Return the limits of a program that should print this: it may print twice as much, if that is more.

        So a right program is never stopped for printing, and one that prints other or more spaces is judged by its words.
        """
        wanted_kb = min((2 * len(expected) >> 10) + 1, int(LIMIT_BOUNDS["output_kb"][1]))
        return self if wanted_kb <= self.output_kb else replace(self, output_kb=wanted_kb)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Source text and how it is tested: by calls, by what it prints, by code in a grader box or (str) in its process, or not.

    `tests` give the verdict. `selection` tests, which whoever picks an answer may see, are judged beside them and apart.
    `AskedCalls` and `Grading` are the two halves of being tested by code in a grader box.
    """

    source: str
    tests: Tests | AskedCalls | Grading | None = None
    selection: Tests | None = None

    @property
    def tests_source(self) -> str:
        """The tests as text, for digests and sizes."""
        both = [tests for tests in (self.tests, self.selection) if tests is not None]
        return "\0".join(tests if isinstance(tests, str) else tests.source for tests in both)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One visit of a program to a box.

    All its answers together have `answers_mb` MB of room. Where `fresh`, each call is answered by a fresh copy of the loaded
    program. With `repeat` the program, a script, will come again with another `stdin`; the box keeps it compiled, and so it is
    a fork.
    """

    program: Program
    stdin: bytes = b""
    limits: Limits = field(default_factory=Limits)
    answers_mb: int = 4
    fresh: bool = False
    repeat: bool = False
    isolation: Isolation = Isolation.FORK

    def __post_init__(self) -> None:
        size = len(self.program.source) + len(self.program.tests_source)
        if size > MAX_SOURCE_BYTES:
            raise ValueError(f"the program has {size} characters; at most {MAX_SOURCE_BYTES} are taken")
        if len(self.stdin) > MAX_STDIN_BYTES:
            raise ValueError(f"stdin has {len(self.stdin)} bytes; at most {MAX_STDIN_BYTES} are taken")
        if self.repeat and self.program.tests is not None:
            raise ValueError("only a program without tests of its own can be repeated")
        if self.repeat and self.isolation is not Isolation.FORK:
            raise ValueError(f"a program that is repeated stays inside, which isolation {self.isolation!r} rules out")
