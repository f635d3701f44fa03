"""Visits of no importance, gone through in the zygote before the first real one.

The interpreter makes code quicker while it runs it, by writing into it. What the zygote has often run is quick in every
fork and is written no more, so a fork starts quicker and copies fewer pages: a tenth of a short program's time.
"""

from __future__ import annotations

import io
import linecache
import os
import sys

from sandbox.inside import candidate, codec, orders, wire

TIMES = 20
_PROGRAM: dict[str, object] = {
    "source": "def answer(x):\n    return x\n", "tests": None, "calls": None, "functions": None, "answers": None,
    "arguments_back": False, "apart": 0, "later": 0, "plain": True, "room": 1 << 20, "whole": False, "imports": "",
    "recursion_limit": None, "long_integers": False,
}  # fmt: skip
_CALLS = codec.encode_calls([("answer", [value], {}) for value in (1, 2.5, "x", [1, (2,), {"a": None}], True)])
_VISITS = (
    {"calls": [*_CALLS, *codec.encode_calls([("answer", [], {})])]},  # the last call raises
    {"tests": "assert answer(1) == 1\n"},
    {"tests": "assert answer(1) == 2\n"},
)


def rehearse() -> None:
    """Go through visits whose answers nobody reads.

    Leaves no trace; descriptors 3 and 4 must be open and are as before.
    """
    stderr, sys.stderr = sys.stderr, io.StringIO()
    order_fd = os.dup(candidate.ORDER_FD)
    try:
        for visit in _VISITS * TIMES:
            _go_through(wire.frame(orders.pack(_PROGRAM | visit)) + wire.frame(b"a proof"))
    finally:
        sys.stderr = stderr
        os.dup2(order_fd, candidate.ORDER_FD, inheritable=False)
        os.close(order_fd)
    sys.modules.pop("solution")
    for name in ("solution.py", "tests.py"):
        linecache.cache.pop(name, None)


def _go_through(order: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, order)
    os.close(writing)
    os.dup2(reading, candidate.ORDER_FD, inheritable=False)
    os.close(reading)
    candidate.run()
