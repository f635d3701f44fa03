"""Tests that are code: they run where no candidate is, and still see all that a candidate answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox.boxes.pool import WorkerBoxes
from sandbox.judging.explaining import explain
from sandbox.problems import load_problems
from sandbox.problems.ast_names import leans_on
from sandbox.scoring.grader_tests import GraderStrategy, Plan
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.strategy import Visits
from sandbox.values import CheckTests, Flag, Job, Limits, Program, Score, Verdict

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    with open_scorer(Limits(), boxes=1) as opened:
        yield opened


def scored(scorer: Scorer, source: str, tests: str, solution: str | None = None) -> Score:
    checked = CheckTests(source=tests, functions=("f",), solution=solution)
    return scorer.submit(Program(source=source, tests=checked)).result(timeout=300)


FOLLOWS = "x = 1\nwhile x < 100:\n    x = f(x)\nassert x == 128\n"  # each call depends on the answer before


def test_calls_that_follow_from_answers_are_asked_until_the_tests_end(scorer: Scorer) -> None:
    assert scored(scorer, "def f(x): return 2 * x", FOLLOWS).verdict is Verdict.PASSED
    assert scored(scorer, "def f(x): return 3 * x", FOLLOWS).verdict is Verdict.WRONG


def test_all_visits_of_a_sample_have_one_budget_of_wall_time(scorer: Scorer) -> None:
    astray = "import os, time\ntime.sleep(0.3)\ndef f(x): return 1 + int.from_bytes(os.urandom(6), 'big')\n"
    checked = CheckTests(source="a = f(3)\nassert f(a) == a\n", functions=("f",), solution="def f(x): return x\n")
    program, limits = Program(source=astray, tests=checked), replace(scorer.limits, wall_s=0.5)
    found = scorer.submit(program, limits=limits).result(timeout=600)
    assert found.verdict is Verdict.TIMEOUT
    assert found.run.wall_s < 2 * limits.sample_wall_s
    assert "that they have together" in explain(found, limits, program)


def test_a_candidate_that_leads_the_tests_off_the_recorded_calls_is_asked_anew(scorer: Scorer) -> None:
    doubled = "def f(x): return 2 * x"
    assert scored(scorer, doubled, FOLLOWS, doubled).verdict is Verdict.PASSED
    off = scored(scorer, "def f(x): return x + 127 if x == 1 else 0", FOLLOWS, doubled)
    assert off.verdict is Verdict.PASSED  # 1 -> 128 at once: the tests ask no more
    assert len(off.run.answers) == 7


def test_dice_fall_the_same_way_in_every_process(scorer: Scorer) -> None:
    tests = "import random\nfor _ in range(50):\n    a = random.randint(0, 10**9)\n    assert f(a) == a + 1\n"
    passed = scored(scorer, "def f(a): return a + 1", tests, "def f(a): return 1 + a")
    assert passed.verdict is Verdict.PASSED
    assert len(passed.run.answers) == 50


def test_work_done_in_place_is_seen(scorer: Scorer) -> None:
    tests = "data = [3, 1, 2]\nassert f(data) is None\nassert data == [1, 2, 3]\n"
    assert scored(scorer, "def f(x): x.sort()", tests).verdict is Verdict.PASSED
    assert scored(scorer, "def f(x): sorted(x)", tests).verdict is Verdict.WRONG


def test_keyword_arguments_reach_the_candidate_and_come_back(scorer: Scorer) -> None:
    tests = "data = [3, 1]\nassert f(4, into=data) is None\nassert data == [3, 1, 4], data\n"
    for solution in (None, "def f(x, into): into.append(x)"):
        assert scored(scorer, "def f(x, into): into += [x]", tests, solution).verdict is Verdict.PASSED
        assert scored(scorer, "def f(x, into): into = [x]", tests, solution).verdict is Verdict.WRONG


def test_a_method_is_called_on_a_fresh_object(scorer: Scorer) -> None:
    tests = CheckTests(source="s = A()\nfor n in range(3):\n    assert s.f(n) == n + 1\n", functions=("A.f",))
    source = "class A:\n    n = 0\n    def f(self, x):\n        self.n += 1\n        return x + self.n\n"
    for solution in (None, source):
        program = Program(source=source, tests=replace(tests, solution=solution))
        assert scorer.submit(program).result(timeout=300).verdict is Verdict.PASSED


def test_an_exception_of_the_candidate_reaches_the_tests_by_its_name(scorer: Scorer) -> None:
    tests = "try:\n    f(0)\nexcept ZeroDivisionError:\n    pass\nelse:\n    assert False\nassert f(2) == 0.5\n"
    assert scored(scorer, "def f(x): return 1 / x", tests).verdict is Verdict.PASSED
    raised = scored(scorer, "def f(x): return 1 / (x - 2)", tests)
    assert raised.verdict is Verdict.WRONG  # no exception where one was wanted


def test_an_exception_that_ends_the_tests_is_told_as_the_candidates(scorer: Scorer) -> None:
    program = Program(source="def f(x):\n    return x.nope\n", tests=CheckTests(source="assert f(1)", functions=("f",)))
    found = scorer.submit(program).result(timeout=300)
    assert found.verdict is Verdict.ERROR
    assert found.raised is not None
    assert found.raised.type == "AttributeError"
    assert "line 2" in explain(found, scorer.limits, program)


def test_an_answer_that_claims_to_equal_everything_is_none(scorer: Scorer) -> None:
    source = "class A(int):\n    __eq__ = lambda s, o: True\n    __hash__ = int.__hash__\ndef f(x): return A(1)\n"
    found = scored(scorer, source, "assert f(1) == 5\n")
    assert found.verdict is not Verdict.PASSED
    assert Flag.TYPE_SPOOF in found.flags


CHAIN = (
    "a = f(27)\nb = f([a])\nc = f({'x': b[0] + 1})\nassert c['x'] == 84\n"  # what an answer is turned into is told, too
)
CHAINED = (
    "def f(x):\n    if isinstance(x, list): return [x[0] + 1]\n"
    "    return {'x': x['x']} if isinstance(x, dict) else 3 * x + 1\n"
)
READS = """
import gc
def f(x):
    held = [o for o in gc.get_objects() if type(o) in (list, tuple) and o and type(o[0]) in (list, tuple)]
    calls = [call for o in held for call in o if type(call) in (list, tuple) and len(call) == 3 and call[0] == 'f']
    later = [call[1][0] for call in calls if call[1][0] != x]
    return max((y for y in later if isinstance(y, int)), default=0) if isinstance(x, int) else later[-1] if later else x
"""


def test_a_call_that_depends_on_an_answer_is_handed_out_after_it(scorer: Scorer) -> None:
    assert scored(scorer, CHAINED, CHAIN, CHAINED).verdict is Verdict.PASSED
    follows = "n = 27\nfor _ in range(6):\n    m = f(n)\n    assert m == 3 * n + 1\n    n = 3 * n + 1\n"
    for tests in (
        CHAIN.replace("assert c['x'] == 84", "assert a == 82"),
        follows,
    ):  # the second computes what it expects
        found = scored(scorer, READS, tests, CHAINED)
        assert found.verdict is Verdict.WRONG, found


def test_calls_that_depend_on_no_answer_are_handed_out_together(scorer: Scorer) -> None:
    tests = CheckTests(
        source="for n in range(9):\n    assert f([n]) == [n + 9]\nx = f([20])\nassert f(x) == [38]\n",
        functions=("f",),
        solution="def f(x): return [x[0] + 9]\n",
    )
    job = Job(program=Program(source="", tests=tests))

    def planned(boxes: WorkerBoxes) -> Plan:
        return GraderStrategy().plan(job, tests, Visits(boxes=boxes, limits=scorer.limits, options=scorer.options))

    plan = scorer.pool.submit_task(planned).result(timeout=600)
    assert [(one.waits, one.always) for one in plan] == [(False, True)] * 10 + [(True, False)]


BESIDE = {  # what the tests do with the program, and a right and a wrong one
    "its print": (
        ("b, o = io.StringIO(), sys.stdout\nsys.stdout = b\nf('x')\nsys.stdout = o\nassert b.getvalue() == 'x\\n'\n"),
        "def f(x): print(x)\n",
        "def f(x): print(x, x)\n",
    ),
    "its dice": (
        "random.seed(4)\ne = random.random()\nrandom.seed(4)\nassert f(1) == e\n",
        "import random\ndef f(x): return random.random()\n",
        "def f(x): return 0.4\n",
    ),
    "a row": (
        "row = [1]\nm = [row, [2]]\nf(m)\nassert row == [9]\n",
        "def f(m): m[0][0] = 9\n",
        "def f(m): m[0] = [9]\n",
    ),
    "the same object": ("x = [1]\nassert f(x) is x\n", "def f(x): return x\n", "def f(x): return list(x)\n"),
    "an object": (
        "s = f(3)\ns.push(1)\nassert s.size == 4\n",
        ("class S:\n    def __init__(s, n): s.size = n\n    def push(s, x): s.size += 1\ndef f(x): return S(x)\n"),
        "class S:\n    size = 3\n    def push(s, x): pass\ndef f(x): return S()\n",
    ),
}


@pytest.mark.parametrize("kind", BESIDE)
def test_tests_that_their_own_solution_passes_only_beside_them_stand_beside_every_program(
    scorer: Scorer, kind: str
) -> None:
    tests, right, wrong = BESIDE[kind]
    tests = f"import io, random, sys\n{tests}"
    for source, verdict in ((right, Verdict.PASSED), (wrong, Verdict.WRONG)):
        found = scored(scorer, source, tests, right)
        assert (found.verdict, Flag.IN_PROCESS in found.flags) == (verdict, True)


def test_leaving_by_system_exit_is_an_exception_that_tests_may_expect(scorer: Scorer) -> None:
    tests = "try:\n    f(1)\nexcept SystemExit as e:\n    assert e.code == 2\nelse:\n    assert False\n"
    assert scored(scorer, "import sys\ndef f(x): sys.exit(2)\n", tests).verdict is Verdict.PASSED
    assert scored(scorer, "import sys\ndef f(x): sys.exit(3)\n", tests).verdict is Verdict.WRONG
    assert scored(scorer, "import sys\ndef f(x): sys.exit('no')\n", "assert f(1) == 2\n").verdict is Verdict.ERROR


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos._exit(0)\n",
        "def f(x):\n    raise SystemExit(0)\n",
        "import sys\nsys.exit(0)\n",
        "import os, atexit\ndef f(x):\n    os._exit(0)\n",
    ],
)
def test_leaving_early_is_no_answer(scorer: Scorer, source: str) -> None:
    assert scored(scorer, source, "assert f(1) == 5\n").verdict is Verdict.EARLY_EXIT


def test_a_claim_meant_for_graders_does_not_help_a_candidate(scorer: Scorer) -> None:
    forged = (
        "import struct, os\n"
        "def put(tag, data): return tag + struct.pack('>I', len(data)) + data\n"
        "body = b'M' + struct.pack('>I', 2) + put(b'S', b'asked') + put(b'B', b'x') + put(b'S', b'missed') + "
        "put(b'I', b'0')\n"
        "os.write(3, struct.pack('>I', len(body)) + body)\n"
        "def f(x): return 4\n"
    )
    assert scored(scorer, forged, "assert f(1) == 5\n").verdict is Verdict.WRONG


def test_tests_that_hand_over_what_cannot_leave_a_box_run_beside_the_program(scorer: Scorer) -> None:
    right = "def f(kind): return kind(3)"
    found = scored(scorer, right, "assert f(str) == '3'\n", right)
    assert found.verdict is Verdict.PASSED
    assert Flag.IN_PROCESS in found.flags


@pytest.mark.parametrize("handed", ["str", "lambda x: x", "Pair(3)", "bytearray(b'a')", "Level.LOW"])
def test_what_cannot_leave_a_box_is_found_without_a_solution(scorer: Scorer, handed: str) -> None:
    known = (
        "from enum import IntEnum\nclass Pair:\n    def __init__(self, x): self.x = x\nLevel = IntEnum('Level', "
        "'LOW')\n"
    )
    tests = f"{known}assert f({handed}) is not None\nassert f(f(1)) == 1\n"
    found = scored(scorer, "def f(kind): return kind", tests)
    assert (found.verdict, Flag.IN_PROCESS in found.flags) == (Verdict.PASSED, True)


def test_a_candidate_cannot_choose_to_be_tested_in_its_own_process(scorer: Scorer) -> None:
    found = scored(scorer, "def f(x): return object", "assert f(f(1)) == 5\n", "def f(x): return 5\n")
    assert found.verdict is not Verdict.PASSED
    assert Flag.IN_PROCESS not in found.flags


def test_the_code_tests_of_humaneval_take_its_own_solutions_and_no_others(scorer: Scorer) -> None:
    problems = [problem for problem in load_problems("humaneval") if isinstance(problem.checked_by, CheckTests)]
    assert [problem.name.split("/")[1] for problem in problems] == [
        "32",
        "33",
        "37",
        "38",
        "44",
        "50",
        "53",
        "129",
        "151",
    ]
    for problem in problems:
        assert problem.canonical_solution is not None
        right = scorer.submit(problem.complete(problem.canonical_solution)).result(timeout=300)
        assert (right.verdict, right.flags) == (Verdict.PASSED, frozenset()), problem.name
        wrong = scorer.submit(problem.complete("    return None\n")).result(timeout=300)
        assert wrong.verdict in {Verdict.WRONG, Verdict.ERROR}, problem.name


def test_names_that_only_the_program_can_define_are_found() -> None:
    assert leans_on("assert f(Pair(1)) == 2", "") == {"f", "Pair"}
    assert leans_on("x = [y for y in range(3)]\nassert f(x) == len(x)", "") == {"f"}
    assert leans_on("assert f(help_me()) == 1", "def help_me(): return 1") == {"f"}
    assert leans_on("assert (", "") is None
    assert leans_on("async def main(): return await f(1)\nassert run(main())", "from asyncio import run") == {"f"}
    assert leans_on("match f(1):\n    case [x, *y]: assert x + y\n    case {**z}: assert z", "") == {"f"}
