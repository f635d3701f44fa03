"""Answers made to hurt whoever reads them: the host must stay quick and small, and the row must come."""

from __future__ import annotations

import resource
import time

import pytest

from sandbox.scoring.scorer import Scorer
from sandbox.values import CallTest, CallTests, Comparison, Flag, Program, Verdict

pytestmark = pytest.mark.docker
TEST = CallTest(function="answer", arguments=(1,), comparison=Comparison.EQUAL, expected=1)
TESTS = CallTests(cases=(TEST,), source="assert answer(1) == 1")
RAW = """
import os, struct
def frame(data): return struct.pack('>I', len(data)) + data
def text(value): return b'S' + struct.pack('>I', len(value)) + value
def claim(value): return frame(b'M' + struct.pack('>I', 2) + text(b'call') + b'I\\0\\0\\0\\x010' + text(b'value') + b'B'
                               + struct.pack('>I', len(value)) + value)
def send(data):
    view = memoryview(data)
    while view: view = view[os.write(3, view):]
"""


@pytest.mark.parametrize(
    "source",
    [
        "from decimal import Decimal\ndef answer(x): return Decimal('sNaN')",
        "from fractions import Fraction\ndef answer(x): return Fraction(3 ** 90000, 2 ** 140001)",
        "def answer(x): return {k * (2 ** 61 - 1) for k in range(30000)}",
        "def answer(x): return [[] for _ in range(10 ** 6)]",
        "def answer(x): return iter(int, 1)",
        "def answer(x):\n    v = []\n    for _ in range(10 ** 5): v = [v]\n    return v",
        "class L(list):\n    __eq__ = lambda *_: True\ndef answer(x): return L()",
        "class I(int):\n    __eq__ = lambda *_: True\ndef answer(x): return [I(1)]",
        "def answer(x):\n    class M(type):\n        def mro(cls): raise SystemExit\n    return M('X', (), {})()",
        "class I(int):\n    __hash__ = lambda _: hash(1)\ndef answer(x): return {I(2)}",
        (
            "class T:\n    __class__ = int\n    __eq__ = lambda *_: True\n    __bool__ = lambda _: True\ndef "
            "answer(x): return T()"
        ),
        (
            "class L(list):\n    __reduce__ = lambda _: (int, (1,))\n    __iter__ = lambda _: iter([1])\ndef "
            "answer(x): return L()"
        ),
        (
            "class M(type):\n    __eq__ = lambda *_: True\n    __hash__ = lambda _: hash(int)\nclass I(metaclass=M):\n"
            "    to_bytes = bit_length = __int__ = __index__ = lambda *_, **__: 1\ndef answer(x): return I()"
        ),
        (
            "import sys, types\nsys.modules['numpy'] = n = types.ModuleType('numpy')\n"
            "n.generic = type('generic', (), {'item': lambda _: 1, '__eq__': lambda *_: True})\n"
            "def answer(x): return [n.generic()]"
        ),
        "from collections import UserList\ndef answer(x):\n    u = UserList()\n    u.data = u\n    return u",
        "from collections import ChainMap\ndef answer(x):\n    c = ChainMap()\n    c.maps = [c]\n    return c",
        "def answer(x):\n    v = []\n    v += [v] * 10\n    return v",
        "def answer(x):\n    v = []\n    for _ in range(400): v = [v, v]\n    return v",
        "class N(int): pass\ndef answer(x):\n    v = N(1)\n    for _ in range(400): v = [v, v]\n    return v",
        RAW + "send(claim(b'+' * 100000 + b'?\\0\\0\\0\\0'))",
        RAW + "send(claim(b'+I\\0\\0\\0\\x01\\x01'))",
        RAW
        + "send(claim(b'A\\0\\0\\0\\x03S\\0\\0\\0\\0L\\0\\0\\0\\x01I\\0\\0\\0\\x05\\x7f\\0\\0\\0\\0L\\0\\0\\0\\0'))",
        RAW
        + "values = [b'I' + struct.pack('>I', 12) + (k * (2 ** 61 - 1)).to_bytes(12, 'big') for k in range(40000)]\n"
        "send(claim(b'E' + struct.pack('>I', len(values)) + b''.join(values)))",
        RAW + "send(claim(b'L' + struct.pack('>I', 300000) + b'Q\\0\\0\\0\\x01N' * 300000))",
        RAW + "send(b'\\0\\0\\0\\x01N' * 500000)",
        RAW + "send(frame(b'L' + struct.pack('>I', 700000) + b'M\\0\\0\\0\\0' * 700000))",
    ],
)
def test_an_answer_made_to_hurt_is_wrong_quickly(scorer: Scorer, source: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
    scored = scorer.submit(Program(source=source, tests=TESTS)).result(timeout=300)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert scored.verdict is not Verdict.PASSED
    assert after.ru_maxrss - before.ru_maxrss < 200 << 10, "kB"
    assert time.process_time() - began < 5


def test_a_subclass_that_says_yes_is_flagged(scorer: Scorer) -> None:
    source = "class L(list):\n    __eq__ = lambda *_: True\ndef answer(x): return [L()]"
    assert Flag.TYPE_SPOOF in scorer.score(Program(source=source, tests=TESTS)).flags


def test_a_program_larger_than_anything_we_take_is_judged_without_a_visit(scorer: Scorer) -> None:
    scored = scorer.score(Program(source="#" + "x" * (5 << 20), tests=TESTS))
    assert scored.verdict is Verdict.SYNTAX
    assert scored.run.raised is not None
    assert "at most" in scored.run.raised.message


@pytest.mark.parametrize("odd", ["\0", "\ud800", "\ufffe", "\u202e", "\x1a", "é = \0"])
def test_text_that_is_no_python_is_a_syntax_error(scorer: Scorer, odd: str) -> None:
    scored = scorer.score(Program(source=f"def answer(x): return 1\n{odd}\nraise SystemExit\n", tests=TESTS))
    assert scored.verdict is Verdict.SYNTAX


def test_an_answer_that_is_right_passes_and_an_exit_on_the_way_does_not(scorer: Scorer) -> None:
    assert scorer.score(Program(source="def answer(x): return x", tests=TESTS)).verdict is Verdict.PASSED
    for leave in ("raise SystemExit", "import os; os._exit(0)"):
        source = f"def answer(x):\n    {leave}"
        assert scorer.score(Program(source=source, tests=TESTS)).verdict is Verdict.EARLY_EXIT


def test_an_exception_in_a_call_is_named_as_what_decided(scorer: Scorer) -> None:
    scored = scorer.score(Program(source="def answer(x):\n    return [][x]", tests=TESTS))
    assert scored.verdict is Verdict.ERROR
    assert scored.raised is not None
    assert (scored.raised.type, scored.raised.line) == ("IndexError", 2)
    assert scorer.score(Program(source="def answer(x): return 2", tests=TESTS)).raised is None
