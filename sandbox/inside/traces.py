"""What a program can leave behind although all its processes are dead and its directories are empty.

A socket that carries itself in flight keeps alive whatever else it carries: a bound name, a terminal, the blocks of a
file without a name. The kernel collects such a ring in its own time. So a box is compared with what it was when it
opened.
"""

from __future__ import annotations

import os
import socket
import time

from sandbox.inside.cleaner import SCRATCH_DIRECTORIES

_PATIENCE_S = 0.3  # what a new box would cost; the kernel is slow where the machine is busy


def traces() -> tuple[object, ...]:
    """Free blocks and inodes of the scratch directories, terminals, message queues, and how many sockets there are."""
    rooms = [os.statvfs(directory) for directory in SCRATCH_DIRECTORIES]
    fd = os.open("/proc/net/unix", os.O_RDONLY | os.O_CLOEXEC)
    try:
        sockets = 0
        while part := os.read(fd, 1 << 14):
            sockets += part.count(b"\n")
    finally:
        os.close(fd)
    listed = [sorted(os.listdir(directory)) for directory in ("/dev/pts", "/dev/mqueue") if os.path.isdir(directory)]
    return sockets, listed, [(room.f_bfree, room.f_ffree) for room in rooms]


def gone(before: tuple[object, ...]) -> bool:
    """Whether everything is as it was; asks the kernel to collect, and waits a moment for it."""
    deadline = time.monotonic() + _PATIENCE_S
    while traces() != before:
        if time.monotonic() > deadline:
            return False
        for end in socket.socketpair():  # closing a socket is what makes the kernel collect
            end.close()
        time.sleep(0.002)
    return True
