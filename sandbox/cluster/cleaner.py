"""Remove a node's boxes when the process that owns them was killed.

A box ends by itself when its owner is gone, but its container stays in the engine's list until somebody removes it.
The cleaner is that somebody: a process in a session of its own, which Ray does not know and does not kill, and which
waits at a pipe until the owner's end is closed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from sandbox.boxes.ownership import Owner

LOOK_S, LOOKS = 0.5, 20  # a container that was just being made appears a little later


@contextlib.contextmanager
def guarding() -> Iterator[None]:
    """Have this process's boxes removed if it is killed within this context."""
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
        from sandbox.cluster.cleaner import clean
        clean(label)
os._exit(0)
"""


def clean(label: str) -> None:
    """Remove the containers of an owner that is gone; look several times."""
    from sandbox.boxes.docker_client import DockerClient
    from sandbox.boxes.ownership import remove_owned
    from sandbox.errors import SandboxError

    for _ in range(LOOKS):
        with contextlib.suppress(SandboxError), contextlib.closing(DockerClient()) as engine:
            remove_owned(engine, label)
        time.sleep(LOOK_S)
