"""Detect and remove what a program leaves behind in a box.

Processes and files (`clean`) are removed under the candidate's own uid: root without DAC_OVERRIDE cannot empty a
directory that its owner closed, but the owner can. One `kill(-1)` ends all processes of the uid; the kernel lets none
of them fork meanwhile. The cleaner takes the uid as its effective one only; its real and saved uid is its own
(`cleaner_uid`), so no process of the candidate can signal it. Files are removed without recursion, so that no depth of
nesting exhausts anything: the contents of a directory are first moved up, then it is removed.

Kernel objects (`snapshot`) can outlive processes and files. A socket that carries itself in flight keeps alive whatever
else it carries: a bound name, a terminal, the blocks of a file without a name. The kernel collects such a ring some
time later. So a box is compared with a snapshot of it from when it opened.

Process ids (`PidCounter`) count up in a box, so a program could leave a number in the counter for the next one to read.
After a visit that made more processes or threads than our own, process 1 moves the counter on by a random number, below
`SPREAD` and below `_TIMES` times the number that was made: the runtimes of most languages make a few threads in every
program, and to hide those takes few ids. What can still be read is an order of magnitude (SECURITY.md).
Threads do that cheaply, because each takes an id.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator

from sandbox.inside.environment import SCRATCH_DIRECTORIES

SPREAD = 1024  # the counter of process ids moves on by fewer than this,
_TIMES = 16  # and by at most so many times the ids that a program has taken
_AT_ONCE = 64  # names of one directory that are in memory
_PATIENCE_S = 0.3  # what a new box would cost; the kernel is slow where the machine is busy
_STACK_BYTES = 1 << 16
_ATTRIBUTE_BYTES = 64  # what the C library's pthread_attr_t takes at most


def clean(uid: int, cleaner_uid: int) -> None:
    """Kill all processes of `uid` and remove its files from the scratch directories.

    Runs in the cleaner; its real uid stays `cleaner_uid`.
    """
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(cleaner_uid, uid, cleaner_uid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    for directory in SCRATCH_DIRECTORIES:
        _empty(directory)


def kill_all(uid: int, cleaner_uid: int) -> None:
    """Kill all processes of `uid` at once, from a process of root, which is root again afterwards."""
    os.setresuid(cleaner_uid, uid, 0)
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
        while names := _some_names(top):
            for name in names:
                _remove(name, top, fresh)
            if _some_names(top) == names:
                return  # something cannot be removed; the supervisor sees it and gives the box up
    finally:
        os.close(top)


def is_empty(directory: str) -> bool:
    """Return whether a directory is empty, without listing all of it."""
    with os.scandir(directory) as entries:
        return next(entries, None) is None


def _some_names(place: int) -> list[bytes]:
    """Return some names in an open directory.

    Never all of them: thousands of long names take megabytes, which a full box does not have.
    """
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
        while names := _some_names(inner):
            for child in names:
                if stat.S_ISDIR(os.lstat(child, dir_fd=inner).st_mode):
                    os.chmod(child, 0o700, dir_fd=inner)
                    os.rename(child, next(fresh), src_dir_fd=inner, dst_dir_fd=top)
                else:
                    os.unlink(child, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)


def snapshot() -> tuple[object, ...]:
    """Return free blocks and inodes of the scratch directories, terminals, message queues and the number of sockets."""
    systems = [os.statvfs(directory) for directory in SCRATCH_DIRECTORIES]
    fd = os.open("/proc/net/unix", os.O_RDONLY | os.O_CLOEXEC)
    try:
        sockets = 0
        while part := os.read(fd, 1 << 14):
            sockets += part.count(b"\n")
    finally:
        os.close(fd)
    listed = [sorted(os.listdir(directory)) for directory in ("/dev/pts", "/dev/mqueue") if os.path.isdir(directory)]
    return sockets, listed, [(system.f_bfree, system.f_ffree) for system in systems]


def is_unchanged(before: tuple[object, ...]) -> bool:
    """Return whether the box is as it was; has the kernel collect sockets in flight, and waits a moment for it."""
    deadline = time.monotonic() + _PATIENCE_S
    while snapshot() != before:
        if time.monotonic() > deadline:
            return False
        for end in socket.socketpair():  # closing a socket is what makes the kernel collect
            end.close()
        time.sleep(0.002)
    return True


class PidCounter:
    """The box's counter of process ids, and its value after our own last step."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._attributes = ctypes.create_string_buffer(_ATTRIBUTE_BYTES)
        self._libc.pthread_attr_init(self._attributes)
        self._libc.pthread_attr_setstacksize(self._attributes, ctypes.c_size_t(_STACK_BYTES))
        self._last = _last_pid()

    def randomize(self, ours: int) -> None:
        """Move the counter on by a random number if it moved by other than our own `ours` forks since the last call."""
        last = _last_pid()
        taken = last - self._last - ours
        if taken:  # below zero: the counter has begun anew
            most = min(SPREAD, _TIMES * taken) if taken > 0 else SPREAD
            self._move(int.from_bytes(os.urandom(4), "big") % most)
            last = _last_pid()
        self._last = last

    def _move(self, count: int) -> None:
        thread = ctypes.c_ulong()
        for _ in range(count):
            if self._libc.pthread_create(ctypes.byref(thread), self._attributes, self._libc.getpid, None):
                return
            self._libc.pthread_join(thread, None)


def _last_pid() -> int:
    """Return the last process id of this box; 0 where the kernel does not say."""
    fd = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(fd, 100).split()[-1])
    finally:
        os.close(fd)
