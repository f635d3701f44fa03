"""What the zygote goes through before the first program: it quickens the code, and nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sandbox.inside import wire

PROGRAM = """
import linecache, os, sys
from sandbox.inside import candidate, zygote
while os.open("/dev/null", os.O_RDWR) < max(candidate.ANSWERS_FD, candidate.ORDER_FD):
    pass
def state():
    links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    places = sorted((link, os.readlink(link)) for link in links if os.path.lexists(link))
    return set(sys.modules), dict(linecache.cache), places, sys.stderr
zygote.warm_up()
before = state()
zygote.warm_up()
assert state() == before, (state(), before)
assert not {"solution", "tests"} & sys.modules.keys()
assert not {"solution.py", "tests.py"} & linecache.cache.keys()
import dis
print(sum(one.opname != other.opname for one, other in zip(
    dis.get_instructions(candidate._run_module), dis.get_instructions(candidate._run_module, adaptive=True))))
"""


def test_a_rehearsal_quickens_the_code_and_leaves_no_trace() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=300)
    assert done.stderr == ""
    assert int(done.stdout) > 5


def test_orders_come_out_as_they_went_in_and_take_nothing_but_plain_values() -> None:
    order = {"a": None, "b": [True, 2**70, 1.5, "text \udc80"], "c": {"d": os.urandom(9)}}
    assert wire.unpack_order(wire.pack_order(order)) == order
    with pytest.raises(ValueError, match="unmarshallable"):
        wire.pack_order({"a": object()})
