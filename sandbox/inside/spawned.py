"""A candidate in an interpreter of its own.

The fork of the zygote becomes one, walls first, and then starts Python anew.

Nothing of the zygote's memory is left in it: no module that was imported in advance, no state of any library.
Everything else is as in a fork: the same uid, rules, limits and pipes, and the same code that reads the order and tells
of the end.
"""

from __future__ import annotations

import os
from typing import NoReturn

from sandbox.inside import becoming, candidate, likeness

WORD = "candidate"  # on the command line of `start.py`, where process 1 has a uid
_COMMAND = ("/opt/box/python", "-s", "-P", "-B", "/opt/box/start.py", WORD)


def main(uid: int, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """A fork of the zygote, until it is a fresh interpreter. Never returns."""

    def start() -> NoReturn:
        for fd in (candidate.ANSWERS_FD, candidate.ORDER_FD):
            os.set_inheritable(fd, True)
        os.execv(_COMMAND[0], _COMMAND)

    candidate.live(lambda: becoming.become(uid, cpu_s, disk_mb, fds), start)


def go_on() -> None:
    """What the fresh interpreter does, to its end. Never returns."""
    for fd in (candidate.ANSWERS_FD, candidate.ORDER_FD):
        os.set_inheritable(fd, False)
    candidate.live(likeness.clear_the_stage, candidate.run)
