"""Let one process write a store at a time, and tell whether the process that runs a study is still there.

The kernel releases the lock however its owner ends, `kill -9` included. A status of "running" outlives `kill -9`.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

from sampler.exit_codes import Exit
from sampler.store.read_models import StudyRow
from sampler.store.reader import StoreError


class StoreBusy(StoreError):
    """Another process is writing this store."""

    exit_code = Exit.INFRASTRUCTURE


class StoreLock:
    """An exclusive lock on the file `<store>.lock`, which names its owner and lives as long as the lock."""

    def __init__(self, store: Path) -> None:
        """Take the lock; raises StoreBusy, which names the process that has it."""
        if store.is_dir():
            raise StoreError(f"{str(store)!r} is a directory; give a store the name of a file")
        self._path = store.with_name(store.name + ".lock")
        self._file: int | None = self._take(store)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _take(self, store: Path) -> int:
        while True:
            try:
                file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise StoreError(
                    f"cannot write beside the store {str(store)!r}: {error.strerror}; choose another place with "
                    "--store, or copy it to where you may write"
                ) from error
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                owner = os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
                os.close(file)
                raise StoreBusy(
                    f"process {owner} is running the store {str(store)!r}; wait for it, stop it (kill -INT {owner}), "
                    "or choose another file with --store"
                ) from error
            except OSError as error:  # some file systems of a network know no locks
                os.close(file)
                raise StoreError(
                    f"cannot lock the store {str(store)!r}: {error.strerror}; put it on a disk of this machine"
                ) from error
            if self._still_there(file):
                return file
            os.close(file)  # its last owner removed it between our open and our lock

    def _still_there(self, file: int) -> bool:
        try:
            return os.fstat(file).st_ino == self._path.stat().st_ino
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Release the lock; the file is removed first, and a process that opened it meanwhile notices that."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


_CLOCKS_APART = 5.0  # seconds that a clock may have been set by since a run began


def process_exists(pid: int) -> bool:
    """Return whether a process of this machine lives; one that has died but was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return not stat.rpartition(")")[2].lstrip().startswith("Z")


def began_after(pid: int, moment: float) -> bool:
    """Return whether a process began after a moment (Unix seconds), so that its pid belonged to another one then.

    False if unknown.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        began = time.time() - uptime + int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return False
    return began > moment + _CLOCKS_APART


def is_abandoned(study: StudyRow, host: str, exists: Callable[[int], bool] = process_exists) -> bool:
    """Return whether a study is marked as running on this machine (`host`), but its process does not exist."""
    if study.status != "running" or study.pid is None or study.host != host:
        return False
    return not exists(study.pid) or began_after(study.pid, study.started_at or time.time())


def with_real_status(study: StudyRow) -> StudyRow:
    """Return the study; if its process is gone, its status is interrupted."""
    return replace(study, status="interrupted") if is_abandoned(study, socket.gethostname()) else study
