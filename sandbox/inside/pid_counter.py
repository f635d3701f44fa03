"""Process ids count up in a box, so a program could leave a number in the counter for the next one to read.

After a visit in which more processes or threads were made than our own, process 1 moves the counter on by a number that
nobody knows. Threads do that cheaply: each takes an id.
"""

from __future__ import annotations

import ctypes
import os

SPREAD = 1024
_STACK_BYTES = 1 << 16
_ATTRIBUTE_BYTES = 64  # what the C library's pthread_attr_t takes at most


class PidCounter:
    """The box's counter of process ids, as it stood after our own last step."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._attributes = ctypes.create_string_buffer(_ATTRIBUTE_BYTES)
        self._libc.pthread_attr_init(self._attributes)
        self._libc.pthread_attr_setstacksize(self._attributes, ctypes.c_size_t(_STACK_BYTES))
        self._last = _last_pid()

    def settle(self, ours: int) -> None:
        """Move the counter on if it moved by more than our own `ours` processes since the last time."""
        last = _last_pid()
        if last != self._last + ours:
            self._move(int.from_bytes(os.urandom(2), "big") % SPREAD)
            last = _last_pid()
        self._last = last

    def _move(self, count: int) -> None:
        thread = ctypes.c_ulong()
        for _ in range(count):
            if self._libc.pthread_create(ctypes.byref(thread), self._attributes, self._libc.getpid, None):
                return
            self._libc.pthread_join(thread, None)


def _last_pid() -> int:
    """The id that was given last in this box; 0 where the kernel does not tell."""
    fd = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(fd, 100).split()[-1])
    finally:
        os.close(fd)
