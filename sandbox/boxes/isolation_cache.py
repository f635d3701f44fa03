"""Remember which boxes have passed all isolation checks since this machine started, so that slow checks run once.

Checks that over-use a limit take about a second. A passed check is remembered for exactly these: this boot, the boot of
the engine's machine, what the engine reports about itself, the container's settings (limits, filter of system calls,
hidden paths, the image's digest), what the box reports about its machine, and the probe. All other checks run in every
box.

An entry is one small file: its name is a digest of all that, and its content is the time. It counts only if it is a
plain file that this user owns and nobody else can write, in such a directory, and at most a day old. Otherwise the
checks run again. A box cannot reach the entries. If a check fails, all entries are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from platformdirs import user_cache_path

from sandbox.boxes import isolation_check
from sandbox.boxes.box import Box
from sandbox.boxes.isolation_check import WallBroken, probe_source, require_isolation
from sandbox.boxes.ownership import boot
from sandbox.values import Limits

FORMAT = 1
MAX_AGE_S = 86_400
MOST = 64  # files that are kept
MOST_DIGITS = 12
_SAID = ("protocol", "python", "cpu_source", "landlock", "code_kept", "boot")


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
        """Forget everything."""
        with contextlib.suppress(OSError):
            for file in self._directory.iterdir():
                file.unlink(missing_ok=True)

    def _drop_old(self) -> None:
        files = sorted(self._directory.iterdir(), key=lambda file: file.lstat().st_mtime, reverse=True)
        for file in files[MOST:]:
            file.unlink(missing_ok=True)


def subject_of(engine: str, made: Mapping[str, object], greeting: Mapping[str, object], limits: Limits) -> str:
    """Return a digest of all that a check depends on: the engine, the container, what the box said, and the probe."""
    told = {
        "format": FORMAT,
        "boot": boot(),
        "user": os.geteuid(),
        "engine": engine,
        "made": made,
        "said": [repr(greeting.get(name)) for name in _SAID],
        "limits": repr(limits),
        "probe": [probe_source(), Path(isolation_check.__file__).read_text(encoding="utf-8")],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=repr).encode()).hexdigest()


def check_isolation(box: Box, limits: Limits, cache: IsolationCache | None, subject: Callable[[], str]) -> None:
    """Check every wall of a pool's first box, except those that are remembered for such a box; raises WallBroken."""
    told = bool(box.greeting.get("boot"))  # else the engine's machine may have been started anew, and nobody would know
    known = told and cache is not None and cache.has(subject())
    try:
        require_isolation(box, limits, thorough=not known)
    except WallBroken:
        if cache is not None:
            cache.clear()
        raise
    if told and cache is not None and not known:
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
    said = text.removesuffix("\n")
    return len(said) <= MOST_DIGITS and said.isascii() and said.isdecimal() and 0 <= _now() - int(said) + 1 <= MAX_AGE_S


def _now() -> float:
    """Return the seconds since this machine was started, by a clock that nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
