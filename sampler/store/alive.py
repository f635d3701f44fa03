"""Whether the process that runs a study is still there.

A status of "running" outlives `kill -9`, its process does not.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sampler.store.rows import StudyRow

_CLOCKS_APART = 5.0  # seconds that a clock may have been set by since a run began


def process_exists(pid: int) -> bool:
    """Whether a process of this machine lives; one that has died but was not waited for does not."""
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
    """Whether a process began after a moment (Unix seconds), so that its number was another one's then.

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
    """Whether a study is said to run on this machine, whose name is `host`, and no such process is there."""
    if study.status != "running" or study.pid is None or study.host != host:
        return False
    return not exists(study.pid) or began_after(study.pid, study.started_at or time.time())


def as_it_stands(study: StudyRow) -> StudyRow:
    """The study; one whose process is gone is interrupted, whatever its store says."""
    return replace(study, status="interrupted") if is_abandoned(study, socket.gethostname()) else study
