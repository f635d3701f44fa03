"""Read facts of the machine: load, memory, disk, the process that runs a study.

Only /proc is read; on systems without it the facts are missing.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """The facts that could be read; None for missing ones."""

    cores: int | None = None
    load: float | None = None  # runnable processes, mean of a minute
    memory_total: int | None = None  # bytes
    memory_free: int | None = None
    disk_free: int | None = None  # where the store lies
    store_bytes: int | None = None
    log_bytes: int | None = None  # the write-ahead log
    process_bytes: int | None = None  # memory of the process that runs the study
    process_cpu_s: float | None = None


def host_facts(store: Path, pid: int | None) -> HostFacts:
    """Return the facts of this moment; `pid` is a process of this machine, or None."""
    total, free = _memory()
    resident, cpu = _process(pid) if pid is not None else (None, None)
    return HostFacts(
        cores=os.cpu_count(),
        load=_load(),
        memory_total=total,
        memory_free=free,
        disk_free=_disk(store),
        store_bytes=_size(store),
        log_bytes=_size(store.with_name(store.name + "-wal")),
        process_bytes=resident,
        process_cpu_s=cpu,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The viewer's machine: the time, its name and its facts; tests can fix all three.

    `editor` is the command line to show a file to the user; "" without a terminal.
    """

    clock: Callable[[], float] = time.time
    name: str = field(default_factory=socket.gethostname)
    facts: Callable[[Path, int | None], HostFacts] = host_facts
    editor: str = ""


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def _memory() -> tuple[int | None, int | None]:
    try:
        lines = (_PROC / "meminfo").read_text(encoding="ascii").splitlines()
        told = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    except (OSError, ValueError, IndexError):
        return None, None
    return told.get("MemTotal"), told.get("MemAvailable")


def _process(pid: int) -> tuple[int | None, float | None]:
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return int(fields[21]) * os.sysconf("SC_PAGE_SIZE"), ticks
    except (OSError, ValueError, IndexError):
        return None, None


def _disk(store: Path) -> int | None:
    try:
        return shutil.disk_usage(store.parent).free
    except OSError:
        return None


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None
