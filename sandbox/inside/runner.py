"""The runner: a fork of the zygote that has compiled one program and forks a candidate for each of its inputs.

It never runs a line of the program. It has the program's uid already, so that whatever ends the program's processes
ends it, too, and so that compiling happens under the program's limits. It stays undumpable: its candidates, of the same
uid, cannot look into its memory or its descriptors. They can stop or kill it, and then they have broken nothing but
their own run.
"""

from __future__ import annotations

import functools
import gc
import os
import socket
import time

from sandbox.inside import becoming, candidate, forking


def main(control: socket.socket, uid: int, own_control: int) -> None:
    """From fork to end. Never returns."""
    try:
        _become(control, uid, own_control)
        _serve(control)
    finally:
        os.abort()  # a runner that fails dies by a signal, so that no exit code of its own passes for its candidate's


def _become(control: socket.socket, uid: int, own_control: int) -> None:
    """Take a control socket of its own in the place of the zygote's, keep nothing else of that, take the uid."""
    becoming.stand_behind_rules()
    os.setsid()
    os.dup2(own_control, control.fileno(), inheritable=False)
    os.dup2(0, 2)  # compiling may warn, and our standard error is the container's
    os.closerange(forking.FIRST_RECEIVED_FD, control.fileno())
    os.closerange(control.fileno() + 1, becoming.OPEN_FILES)
    becoming.give_up_root(uid)
    becoming.hide()


def _serve(control: socket.socket) -> None:
    """Compile what the first order brings; fork for it and for every order after it."""
    (_, _, cpu_s, disk_mb), fds = forking.receive(control)
    order = candidate.read_order(fds[candidate.ORDER_FD])
    candidate.assume(order)
    script = candidate.Script(order)
    gc.freeze()
    compiling_s = time.process_time()
    while True:
        child = functools.partial(candidate.main_again, script, cpu_s, disk_mb, fds)
        forking.see_off(control, forking.fork(control, child), fds, before_s=compiling_s)
        compiling_s = 0.0
        (_, _, cpu_s, disk_mb), fds = forking.receive(control)
