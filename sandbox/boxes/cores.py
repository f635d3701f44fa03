"""Choose the cores that a pool pins its boxes to: allowed ones, and first those that no other pool has claimed."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from collections.abc import Iterable

NAME = "\0codebudget-core-{core}"  # an abstract socket: its owner's end frees it, and no file is left behind


class Cores:
    """Claims on cores of this machine, held until `close`.

    A claim does not lock others out: if all cores are taken, pools share them.
    """

    def __init__(self, count: int, allowed: Iterable[int]) -> None:
        """Claim `count` of the allowed cores; if there are fewer, some are claimed several times."""
        self._claims: list[socket.socket] = []
        free: list[int] = []
        taken: list[int] = []
        for core in allowed:
            (free if len(free) < count and self._claimed(core) else taken).append(core)
        random.shuffle(taken)  # or all pools that come late would share the first core
        order = free + taken
        self.chosen = [order[number % len(order)] for number in range(count)]

    def _claimed(self, core: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(NAME.format(core=core))
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True

    def close(self) -> None:
        """Release the claims."""
        while self._claims:
            self._claims.pop().close()


def allowed_cores(machine: int) -> list[int]:
    """Return the cores of the engine's machine that this process may use; on another machine, all of them."""
    with contextlib.suppress(OSError):
        if mine := [core for core in sorted(os.sched_getaffinity(0)) if core < machine]:
            return mine
    return list(range(machine))
