"""Processes whose parents are gone become children of process 1, and count against the limit until it buries them."""

from __future__ import annotations

import contextlib
import os
import signal

from sandbox.inside.parents import Zygote

_CHUNK = 4096


class Orphans:
    """Buries them, and adds up what they have used. One a process, made when the zygote is there: it takes SIGCHLD."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self.cpu_s = 0.0
        self.fd, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)  # readable as soon as somebody is to be buried
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only where there is a handler the descriptor is written to

    def bury(self) -> None:
        """All who are dead now. Where the zygote is among them, the box ends."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, _CHUNK)
        while True:
            try:
                pid, _, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self._zygote.bury()
            if pid == 0:
                return
            if pid == self._zygote.pid:
                self._zygote.bury()
            self.cpu_s += used.ru_utime + used.ru_stime
