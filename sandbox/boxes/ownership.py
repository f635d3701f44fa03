"""Record which process owns a container or a core, and remove the containers whose process is gone.

The owner is written on every container as a label. Containers whose owner is gone are removed when the next pool opens.
A process that this one cannot see (another machine on a shared engine, another process namespace) is taken to be alive.
Where no next pool can be counted on, as on the nodes of a cluster, `removing_boxes_after_kill` starts a process that
removes them as soon as the owner is gone. It is in a session of its own, which Ray neither knows nor kills, and waits
at a pipe until the owner's end is closed.

A pool pins its boxes to cores that this process may use, and first to those that no other pool has claimed.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sandbox.boxes.container_config import LABEL, LABEL_OWNER
from sandbox.boxes.docker_client import DockerClient
from sandbox.errors import SandboxError

LOOK_S, LOOKS = 0.5, 20  # a container that was just being made appears a little later
_CORE_SOCKET = "\0codebudget-core-{core}"  # an abstract socket: its owner's end frees it, and no file is left behind


@dataclass(frozen=True, slots=True)
class Owner:
    """The unique identity of a process: boot, process namespace, pid, start time in clock ticks."""

    boot: str
    namespace: int
    pid: int
    started: int

    @classmethod
    def this(cls) -> Self:
        """Return the identity of the calling process."""
        pid = os.getpid()
        return cls(boot(), _namespace(), pid, _started(pid) or 0)

    def label(self) -> str:
        """Return the identity as a container label."""
        return f"{self.boot}/{self.namespace}/{self.pid}/{self.started}"

    @classmethod
    def parse(cls, label: str) -> Self | None:
        """Read the identity from a container label; None if it is not one of ours."""
        boot, _, rest = label.partition("/")
        numbers = rest.split("/")
        if len(numbers) != 3 or not all(number.isdigit() for number in numbers):
            return None
        return cls(boot, *(int(number) for number in numbers))

    def is_gone(self) -> bool:
        """Return whether the process is known to be dead."""
        if self.boot != boot() or self.namespace != _namespace():
            return False
        return _started(self.pid) != self.started


def boot() -> str:
    """Return an id that differs between two starts of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def _started(pid: int) -> int | None:
    """Return a process's start time in clock ticks since boot; None for no such process, or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def remove_orphans(engine: DockerClient) -> int:
    """Remove the containers of processes that are gone; return how many."""
    removed = 0
    for found in engine.containers(LABEL):
        owner = Owner.parse(found.labels.get(LABEL_OWNER, ""))
        if owner is not None and owner.is_gone():
            engine.remove(found.id)
            removed += 1
    return removed


def remove_owned(engine: DockerClient, label: str) -> int:
    """Remove the containers of the owner with this label; return how many."""
    found = [container for container in engine.containers(LABEL) if container.labels.get(LABEL_OWNER) == label]
    for container in found:
        engine.remove(container.id)
    return len(found)


def remove_all(engine: DockerClient) -> int:
    """Remove every container of ours on this engine, whoever owns it; return how many."""
    found = engine.containers(LABEL)
    for container in found:
        engine.remove(container.id)
    return len(found)


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
            claim.bind(_CORE_SOCKET.format(core=core))
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


@contextlib.contextmanager
def removing_boxes_after_kill() -> Iterator[None]:
    """Remove this process's boxes even if it is killed within this context: a child process waits for its end."""
    waiting, held = os.pipe()
    command = [sys.executable, "-c", _CODE, Owner.this().label(), str(waiting), *sys.path]
    # A child of a child: so it is nobody's child that anybody looks for, and no zombie is left here.
    subprocess.run(command, pass_fds=(waiting,), stdin=subprocess.DEVNULL, check=True)
    os.close(waiting)
    try:
        yield
    finally:
        os.write(held, b"closed")
        os.close(held)


_CODE = """
import os, sys
label, waiting, *path = sys.argv[1:]
if os.fork() == 0:
    os.setsid()
    for number in (1, 2):
        os.dup2(0, number)
    if not os.read(int(waiting), 16):
        sys.path[:] = path
        from sandbox.boxes.ownership import remove_after_kill
        remove_after_kill(label)
os._exit(0)
"""


def remove_after_kill(label: str) -> None:
    """Remove the containers of an owner that is gone; look several times."""
    for _ in range(LOOKS):
        with contextlib.suppress(SandboxError), contextlib.closing(DockerClient()) as engine:
            remove_owned(engine, label)
        time.sleep(LOOK_S)
