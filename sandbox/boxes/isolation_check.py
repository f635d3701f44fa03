"""Check the isolation of a box before any candidate runs in it, and remember which boxes have passed the slow checks.

A program of ours (`isolation_probe`) tries from within what must be forbidden and over-uses what must be limited, as a
candidate would. Whatever gets through is a wall that does not hold: such a box is not used, and a pool with one does
not open.

Checks that over-use a limit take about a second. A passed check is remembered for exactly these: this boot, the boot of
the engine's machine, what the engine reports about itself, the container's settings (limits, filter of system calls,
hidden paths, the image's digest), what the box reports about its machine, and the probe. All other checks run in every
box.

An entry of that cache is one small file: its name is a digest of all that, and its content is the time. It counts only
if it is a plain file that this user owns and nobody else can write, in such a directory, and at most a day old.
Otherwise the checks run again. A box cannot reach the entries. If a check fails, all entries are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from platformdirs import user_cache_path

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import memory_wall_mb
from sandbox.boxes.ownership import boot
from sandbox.errors import SandboxError
from sandbox.values import CallTest, CallTests, Comparison, Ending, Job, Limits, Program, Run

PROBE_LIMITS = {"cpu_s": 20.0, "wall_s": 40.0}
TRIES = 3  # on a busy machine a program may have no time to over-use anything
SHORT_S = 0.05  # the limit of a program that never ends: enough for it to begin
LOCKED_FILES, LOCKS_EACH = 12, 500  # together more record locks than a box may have
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
CACHE_FORMAT = 1
MAX_AGE_S = 86_400
MAX_ENTRIES = 64  # files that are kept
_MAX_DIGITS = 12
_SAID = ("protocol", "python", "cpu_source", "landlock", "code_kept", "boot")


class WallBroken(SandboxError):
    """A wall of a box does not hold on this machine."""


class Probed(Protocol):
    """A box that can be probed; `added_mb` is the memory that it has beside what its limits say."""

    clean: bool
    added_mb: int

    def run(self, job: Job) -> Run:
        """Run a job in one visit."""


@dataclass(frozen=True, slots=True)
class WallFinding:
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
        holes = "; ".join(f"{WALLS[finding.wall]} ({finding.wall}): {finding.through}" for finding in broken)
        raise WallBroken(f"this machine's boxes do not hold: {holes}. `sandbox doctor` tells more")
    if not box.clean:
        raise WallBroken("this machine's boxes cannot be cleaned. `sandbox doctor` tells more")


def probe(box: Probed, limits: Limits) -> Iterator[WallFinding]:
    """Test every wall of a box that was made with these limits, one after the other."""
    yield from quick_probe(box, limits, fill=True)
    yield _stopped(box, limits, "memory", Ending.OUT_OF_MEMORY, {})
    yield _stopped(box, limits, "locks", Ending.OUT_OF_MEMORY, {})
    yield _stopped(box, limits, "cpu", Ending.OUT_OF_CPU, {"cpu_s": SHORT_S})
    yield _stopped(box, limits, "wall", Ending.OUT_OF_WALL, {"wall_s": SHORT_S})
    yield _stopped(box, limits, "output", Ending.TOO_MUCH_OUTPUT, {})


def quick_probe(box: Probed, limits: Limits, *, fill: bool = False) -> Iterator[WallFinding]:
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
        yield WallFinding(wall, _through(run, place))


def _through(run: Run, place: int) -> str:
    if place >= len(run.answers):
        return f"the probe gave no answer ({run.ending})"
    answer = run.answers[place]
    if answer.raised is not None:
        return f"the probe raised {answer.raised.type}: {answer.raised.message[:200]}"
    return answer.value if isinstance(answer.value, str) else f"the probe answered {answer.value!r:.200}"


def _stopped(box: Probed, limits: Limits, wall: str, ending: Ending, changed: Mapping[str, float]) -> WallFinding:
    """Return the finding for a wall that shows in how a run ends."""
    beyond = memory_wall_mb(limits, BEYOND_MB + box.added_mb)
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
        return WallFinding(wall)
    answered = "" if answer is None else f", {answer.value}"
    return WallFinding(wall, f"it ended {run.ending}{answered}")


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


def usual_directory() -> Path:
    """Return the directory where passed checks are remembered by default."""
    return user_cache_path("codebudget") / "proofs"


class IsolationCache:
    """Remembers passed checks of one user, in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def has(self, subject: str) -> bool:
        """Return whether this check has passed on this boot, less than a day ago."""
        try:
            folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            if not _is_ours_alone(os.fstat(folder)):
                return False
            return _is_fresh(_read(subject, folder))
        except (OSError, ValueError):
            return False
        finally:
            os.close(folder)

    def add(self, subject: str) -> None:
        """Remember a passed check; if it cannot be written, the next pool checks again."""
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            file, fresh = tempfile.mkstemp(dir=self._directory, prefix=".")  # for its owner alone
            try:
                with os.fdopen(file, "w", encoding="ascii") as out:
                    out.write(f"{_now():.0f}\n")
                Path(fresh).replace(self._directory / subject)
            except BaseException:
                Path(fresh).unlink(missing_ok=True)
                raise
            self._drop_old()

    def clear(self) -> None:
        """Remove every entry of the cache."""
        with contextlib.suppress(OSError):
            for file in self._directory.iterdir():
                file.unlink(missing_ok=True)

    def _drop_old(self) -> None:
        files = sorted(self._directory.iterdir(), key=lambda file: file.lstat().st_mtime, reverse=True)
        for file in files[MAX_ENTRIES:]:
            file.unlink(missing_ok=True)


def subject_of(engine: str, made: Mapping[str, object], greeting: Mapping[str, object], limits: Limits) -> str:
    """Return a digest of all that a check depends on: the engine, the container, what the box said, and the probe."""
    settings = {
        "format": CACHE_FORMAT,
        "boot": boot(),
        "user": os.geteuid(),
        "engine": engine,
        "made": made,
        "said": [repr(greeting.get(name)) for name in _SAID],
        "limits": repr(limits),
        "probe": [probe_source(), Path(__file__).read_text(encoding="utf-8")],
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=repr).encode()).hexdigest()


def check_isolation(box: Box, limits: Limits, cache: IsolationCache | None, subject: Callable[[], str]) -> None:
    """Check every wall of a pool's first box, except those that are remembered for such a box; raises WallBroken."""
    has_boot = bool(
        box.greeting.get("boot")
    )  # else the engine's machine may have been started anew, and nobody would know
    known = has_boot and cache is not None and cache.has(subject())
    try:
        require_isolation(box, limits, thorough=not known)
    except WallBroken:
        if cache is not None:
            cache.clear()
        raise
    if has_boot and cache is not None and not known:
        cache.add(subject())


def _is_ours_alone(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(subject: str, folder: int) -> str:
    file = os.open(subject, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or not _is_ours_alone(found):
            raise ValueError("no plain file of this user's alone")
        return os.read(file, 64).decode("ascii")
    finally:
        os.close(file)


def _is_fresh(text: str) -> bool:
    digits = text.removesuffix("\n")
    return (
        len(digits) <= _MAX_DIGITS
        and digits.isascii()
        and digits.isdecimal()
        and 0 <= _now() - int(digits) + 1 <= MAX_AGE_S
    )


def _now() -> float:
    """Return the seconds since this machine was started, by a clock that nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
