"""One process writes a store at a time. The kernel gives the lock back however its owner ends, `kill -9` included."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from sampler.store.reader import StoreError


class StoreBusy(StoreError):
    """Another process is writing this store."""


class StoreLock:
    """An exclusive lock on the file `<store>.lock`, which names its owner and lives as long as the lock."""

    def __init__(self, store: Path) -> None:
        """Take the lock; raises StoreBusy naming the process that has it."""
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
                    f"cannot write beside the store {str(store)!r}: {error.strerror}; choose another place with --store"
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
            if self._still_there(file):
                return file
            os.close(file)  # its last owner removed it between our open and our lock

    def _still_there(self, file: int) -> bool:
        try:
            return os.fstat(file).st_ino == self._path.stat().st_ino
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Give the lock back. Removing first is safe: who opened the old file meanwhile sees that it is gone."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
