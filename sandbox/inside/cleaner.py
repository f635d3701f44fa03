"""What a candidate left behind goes, under the candidate's own uid.

Root without DAC_OVERRIDE cannot empty a directory that its owner closed; the owner can. All of the uid's processes die
in one `kill(-1)`, which the kernel carries out without letting any of them fork in between. The cleaner borrows the uid
as its effective one only; its real and saved uid is the keeper's, so that nothing of the candidate's can signal it.
Files go without recursion, so that no depth of nesting exhausts anything: the contents of a directory are first moved
up, then it is removed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import stat
from collections.abc import Iterator

_AT_ONCE = 64
SCRATCH_DIRECTORIES = ("/tmp", "/dev/shm")  # the box's own


def clean(uid: int, keeper: int) -> None:
    """Kill all that runs under `uid`, remove all that it owns in the scratch directories."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(keeper, uid, keeper)
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    for directory in SCRATCH_DIRECTORIES:
        _empty(directory)


def kill_all(uid: int, keeper: int) -> None:
    """Kill all that runs under `uid` at once, from a process of root that goes on as such."""
    os.setresuid(keeper, uid, 0)
    try:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    finally:
        os.setresuid(0, 0, 0)


def _empty(directory: str) -> None:
    top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    secret = os.urandom(16).hex()  # so that no candidate can have taken the names we move things to
    fresh = (f".{secret}-{number}".encode() for number in itertools.count())
    try:
        while names := _some(top):
            for name in names:
                _remove(name, top, fresh)
            if _some(top) == names:
                return  # something that will not go; the supervisor sees it and gives the box up
    finally:
        os.close(top)


def is_empty(directory: str) -> bool:
    """Whether there is nothing in a directory; told without the names of all that is."""
    with os.scandir(directory) as entries:
        return next(entries, None) is None


def _some(place: int) -> list[bytes]:
    """Names in an open directory, never all: thousands of long ones take megabytes, which a full box does not have."""
    with os.scandir(place) as entries:
        return [os.fsencode(entry.name) for entry in itertools.islice(entries, _AT_ONCE)]


def _remove(name: bytes, top: int, fresh: Iterator[bytes]) -> None:
    """Remove one entry of `top`; the directories in it move to `top` first, under fresh names."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
        os.unlink(name, dir_fd=top)
        return
    os.chmod(name, 0o700, dir_fd=top)
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    try:
        while names := _some(inner):
            for child in names:
                if stat.S_ISDIR(os.lstat(child, dir_fd=inner).st_mode):
                    os.chmod(child, 0o700, dir_fd=inner)
                    os.rename(child, next(fresh), src_dir_fd=inner, dst_dir_fd=top)
                else:
                    os.unlink(child, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)
