"""Which boxes have proved all their walls since this machine started: the slow half of the proof is done once.

To over-use what is limited takes a second. That it was stopped is remembered for exactly what it was shown of: this
boot, that of the engine's machine, the engine with all that it says of itself, the container as the engine has made it
(limits, filter of system calls, hidden paths, the image's own digest), what the box says of its machine, and the probe.
Everything else is proved anew in every box.

A memory is one small file: its name is a digest of all that, its content says when. Only a plain file that this user
owns and nobody else can write, in such a directory, and not older than a day is believed; with anything else the walls
are proved again. A box cannot reach it. Where a wall is missed, all that is remembered is forgotten.
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
    """Return where passed checks are remembered by default."""
    return user_cache_path("codebudget") / "proofs"


class IsolationCache:
    """Remembers passed checks of one user, in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def has(self, subject: str) -> bool:
        """Whether this was proved, on this boot and less than a day ago."""
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
        """Remember it; where that cannot be, the next pool proves again."""
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
    """A digest of all that a proof depends on: the engine, the container that it made, what the box said, the probe."""
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
    """Prove every wall of a pool's first box, but for what is remembered of such a box. Raises WallBroken."""
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
    """Seconds since this machine was started: no clock that somebody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
