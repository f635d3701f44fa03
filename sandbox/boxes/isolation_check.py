"""Check the isolation of a box before any candidate runs in it.

A program of ours (`isolation_probe`) tries from within what must be forbidden and over-uses what must be
limited, as a candidate would. Whatever gets through is a wall that does not hold: such a box is not used, and a pool
with one does not open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sandbox.boxes.container_config import memory_wall_mb
from sandbox.errors import SandboxError
from sandbox.values import CallTest, CallTests, Comparison, Ending, Job, Limits, Program, Run

PROBE_LIMITS = {"cpu_s": 20.0, "wall_s": 40.0}
TRIES = 3
SHORT_S = 0.05
LOCKED_FILES, LOCKS_EACH = 12, 500
BEYOND_MB = 64  # over the limit on memory and the room for output beside it
WALLS = {
    "system_calls": "forbidden system calls are refused",
    "sockets": "no socket but a local one",
    "kernel_memory": "no memory of the kernel's that no limit counts",
    "network": "no network device but the loopback",
    "privileges": "no root, no capability, no new privileges, a system-call filter",
    "root_directory": "a read-only root, nothing executable in the scratch directories",
    "supervisor": "the supervisor is out of reach",
    "processes": "a limit on processes",
    "files": "a limit on files",
    "disk": "a limit on disk space",
    "memory": "a limit on memory",
    "locks": "a limit on record locks",
    "cpu": "a limit on CPU seconds",
    "wall": "a limit on wall seconds",
    "output": "a limit on output",
}

_OVERUSED = ("memory", "locks", "cpu", "wall", "output")  # tried by a visit each


class WallBroken(SandboxError):
    """A wall of a box does not hold on this machine."""


class Probed(Protocol):
    """A box that can be probed."""

    clean: bool

    def run(self, job: Job) -> Run:
        """Run a job in one visit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One wall, and what got through (empty if it holds)."""

    wall: str
    through: str = ""


def require_isolation(box: Probed, limits: Limits, *, thorough: bool = True) -> None:
    """Raise WallBroken, naming every wall that does not hold.

    If not `thorough`, check only the walls that one visit can test in little time: the slow checks have passed on this
    machine before.
    """
    found = probe(box, limits) if thorough else quick_probe(box, limits)
    if broken := [finding for finding in found if finding.through]:
        told = "; ".join(f"{WALLS[finding.wall]} ({finding.wall}): {finding.through}" for finding in broken)
        raise WallBroken(f"this machine's boxes do not hold: {told}. `sandbox doctor` tells more")
    if not box.clean:
        raise WallBroken("this machine's boxes cannot be cleaned. `sandbox doctor` tells more")


def probe(box: Probed, limits: Limits) -> Iterator[Finding]:
    """Test every wall of a box that was made with these limits, one after the other."""
    yield from quick_probe(box, limits, fill=True)
    yield _stopped(box, limits, "memory", Ending.OUT_OF_MEMORY, {})
    yield _stopped(box, limits, "locks", Ending.OUT_OF_MEMORY, {})
    yield _stopped(box, limits, "cpu", Ending.OUT_OF_CPU, {"cpu_s": SHORT_S})
    yield _stopped(box, limits, "wall", Ending.OUT_OF_WALL, {"wall_s": SHORT_S})
    yield _stopped(box, limits, "output", Ending.TOO_MUCH_OUTPUT, {})


def quick_probe(box: Probed, limits: Limits, *, fill: bool = False) -> Iterator[Finding]:
    """Test the walls that one visit can test; the others need a visit each, and more time.

    With `fill` the scratch directories are filled; otherwise the size that they report is taken as their limit.
    """
    arguments = {
        "processes": (limits.processes,),
        "files": (limits.files, int(fill)),
        "disk": (limits.disk_mb, int(fill)),
    }
    tried = [wall for wall in WALLS if wall not in _OVERUSED]
    tests = _calls([(wall, arguments.get(wall, ())) for wall in tried])
    run = box.run(_job(tests, limits, {}))
    for number, wall in enumerate(tried):
        place = tests.places[number]
        yield Finding(wall, _through(run, place))


def _through(run: Run, place: int) -> str:
    if place >= len(run.answers):
        return f"the probe gave no answer ({run.ending})"
    answer = run.answers[place]
    if answer.raised is not None:
        return f"the probe raised {answer.raised.type}: {answer.raised.message[:200]}"
    return answer.value if isinstance(answer.value, str) else f"the probe answered {answer.value!r:.200}"


def _stopped(box: Probed, limits: Limits, wall: str, ending: Ending, changed: Mapping[str, float]) -> Finding:
    """Return the finding for a wall that shows in how a run ends."""
    beyond = memory_wall_mb(limits, BEYOND_MB)
    function, arguments = {
        "memory": ("memory", (beyond,)),
        "locks": ("locks", (LOCKED_FILES, LOCKS_EACH)),
        "cpu": ("spin", ()),
        "wall": ("sleep", ()),
        "output": ("talk", ()),
    }[wall]
    for _ in range(TRIES):
        run = box.run(_job(_calls([(function, arguments)]), limits, changed))
        if run.ending is not Ending.OUT_OF_WALL or ending is Ending.OUT_OF_WALL:
            break
        # else the machine was too busy to over-use anything within the time, which says nothing about the wall
    answer = run.answers[0] if run.answers else None
    refused = answer is not None and (answer.value == "" or (wall == "memory" and answer.raised is not None))
    if run.ending is ending or refused:
        return Finding(wall)
    said = "" if answer is None else f", {answer.value}"
    return Finding(wall, f"it ended {run.ending}{said}")


def _calls(calls: list[tuple[str, tuple[int, ...]]]) -> CallTests:
    cases = [
        CallTest(function=function, arguments=arguments, comparison=Comparison.EQUAL, expected="")
        for function, arguments in calls
    ]
    return CallTests(cases=tuple(cases), source="probe")


def probe_source() -> str:
    """Return the source of the program that tests the walls."""
    return Path(__file__).with_name("isolation_probe.py").read_text(encoding="utf-8")


def _job(tests: CallTests, limits: Limits, changed: Mapping[str, float]) -> Job:
    seconds = PROBE_LIMITS | dict(changed)
    roomy = replace(limits, cpu_s=seconds["cpu_s"], wall_s=seconds["wall_s"])
    return Job(program=Program(source=probe_source(), tests=tests), limits=roomy)
