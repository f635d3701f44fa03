"""Test code that cannot be separated from the program is known by its syntax tree."""

from __future__ import annotations

import pytest

from sandbox.problems import load_problems
from sandbox.problems.in_process_tests import reason_for_in_process
from sandbox.values import CallTests

CERTAIN = [
    "with contextlib.redirect_stdout(b):\n        candidate(1)",
    "import sys\n    sys.stdout = b",
    "import sys\n    assert sys.stderr.getvalue()",
    "from unittest import mock\n    with mock.patch('builtins.input'):\n        candidate(1)",
    "from unittest.mock import patch",
    "import builtins\n    builtins.input = lambda: 'x'",
    "import time\n    time.time = lambda: 0",
    "import decimal\n    decimal.getcontext().prec = 3",
    "import os\n    os.chdir('/tmp')",
    "import time\n    t = time.time()\n    candidate(9)\n    assert time.time() - t < 1",
    "from time import perf_counter",
    "m = candidate(2)\n    m[0][0] = 1\n    assert m == [[1, 0], [0, 0]]",
    "m = candidate(2)\n    m[0].append(1)",
    "a = candidate(1)\n    a.append(5)\n    assert candidate(1) == [1]",
    "a = [3, 1]\n    b = candidate(a)\n    b.append(5)\n    assert a == [3, 1]",
    "a = {'x': [1]}\n    b = candidate(a)\n    b['x'][0] += 5\n    assert a == {'x': [1]}",
]
DOUBTFUL = [
    "import random\n    random.seed(1)\n    assert candidate(1) == 3",
    "import random\n    random.seed(1)\n    e = random.random()\n    random.seed(1)\n    assert candidate(1) == e",
    "row = [1]\n    m = [row, [2]]\n    candidate(m)\n    assert row == [9]",
    "m = [[1], [2]]\n    row = m[0]\n    candidate(m)\n    assert row == [9]",
    "x = [1]\n    assert candidate(x) is x",
    "s = candidate(3)\n    s.push(1)",
    "assert candidate(3)(4) == 12",
    "assert candidate.__name__ == 'f'",
    "import warnings\n    with warnings.catch_warnings(record=True):\n        candidate(1)",
    "import asyncio\n    assert asyncio.run(candidate(1)) == 2",
    "g = candidate(1)\n    assert next(g) == 1",
    "a = [1]\n    candidate(a, a)\n    assert a == [1, 1]",
    "with candidate(1) as x:\n        assert x",
    "import logging\n    logging.getLogger().addHandler(handler)\n    candidate(1)",
    "try:\n        candidate(1)\n    except KeyboardInterrupt:\n        pass",
    "open('in.txt', 'w').write('x')\n    assert candidate('in.txt') == 'x'",
]
SEPARABLE = [
    "assert candidate([1, 2]) == [2, 1]",
    (
        "import random\n    random.seed(7)\n    x = [random.random() for _ in range(9)]\n    assert candidate(x) == "
        "sorted(x)"
    ),
    "rng = random.Random(3)\n    assert candidate(rng.randint(0, 9)) >= 0",
    "assert candidate(1) is None and candidate(2) is not True",
    "try:\n        candidate(-1)\n    except ValueError as e:\n        assert e.args\n    else:\n        assert False",
    "x = candidate('a b')\n    assert x.upper().split() == ['A', 'B']",
    "n = 3\n    assert candidate([n, n]) == [3, 3]",
    "x = [3, 1]\n    first = x[0]\n    assert candidate(x) == first",
    "a = [3, 1]\n    candidate(a)\n    assert a == [1, 3]",
    "b = candidate([3, 1])\n    b.sort()\n    c = candidate([2])\n    c.sort()\n    assert b + c == [1, 3, 2]",
    "b = candidate([3, 1])\n    b.sort()\n    assert b == [1, 3]",
    "a = [3, 1]\n    b = candidate(a)\n    b.sort()\n    assert b == [1, 3]",
]


@pytest.mark.parametrize("body", CERTAIN)
def test_a_certain_sign_counts_with_or_without_a_solution(body: str) -> None:
    check = f"def check(candidate):\n    {body}\n"
    assert reason_for_in_process(check, "f", solved=True)
    assert reason_for_in_process(check, "f", solved=False)


@pytest.mark.parametrize("body", DOUBTFUL)
def test_a_doubtful_sign_counts_where_no_solution_could_show_it(body: str) -> None:
    check = f"def check(candidate):\n    {body}\n"
    assert reason_for_in_process(check, "f", solved=True) is None
    assert reason_for_in_process(check, "f", solved=False)
    assert reason_for_in_process(f"candidate = f\nif True:\n    {body.replace('candidate', 'f')}\n", "f", solved=False)


@pytest.mark.parametrize("body", SEPARABLE)
def test_tests_over_answers_have_no_sign(body: str) -> None:
    assert reason_for_in_process(f"def check(candidate):\n    {body}\n", "f", solved=False) is None


def test_humaneval_has_no_sign() -> None:
    for problem in load_problems("humaneval"):
        if not isinstance(problem.checked_by, CallTests):
            assert reason_for_in_process(problem.tests_as_code, problem.entry_point, solved=False) is None, problem.name
