"""Checkers: problems with several right outputs, checkers that fail, and what that costs."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from checked_problems import checker_of, stdin_tests

from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.pool import GRADER, WorkerBoxes
from sandbox.errors import TaskCancelled
from sandbox.judging import score_records
from sandbox.judging.explaining import explain
from sandbox.problems import Problem, ProblemsError, read_problem
from sandbox.problems.checkers import of_any_kind
from sandbox.scoring.ask_checker import CheckerFailed, ask_together, check_printed, request_for
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.strategy import ScoringOptions, Visits
from sandbox.values import Ending, Job, Limits, Program, Run, Score, StdinTests, Verdict

# Print two numbers whose sum is the one that is given; every such pair is right.
PAIR = """
def check(input, output, answer):
    a, b = map(int, output.split())
    return a + b == int(input)
"""
ANY = [
    "n = int(input())\nprint(0, n)",
    "n = int(input())\nprint(n + 5, -5)",
    "n = int(input())\nprint(n // 2, n - n // 2)",
]
NONE = [
    "n = int(input())\nprint(0, n + 1)",
    "print('what', 'ever')",
    "print()",
    "print(1)",
    "print('\\x00' * 100)",
    "n = int(input())\nprint(0, n if n != 3 else 7)",
    "print('9' * 5000, 1)",
    "import sys\nsys.stdout.buffer.write(b'\\xff')",
]


def problem(checker: str = PAIR, cases: int = 4, **more: Any) -> Problem:
    tests = [{"stdin": f"{n}\n", "stdout": f"0 {n}\n"} for n in range(1, cases + 1)]
    return read_problem({"task_id": "pair", "prompt": "Print a pair.", "tests": tests, "checker": checker, **more})


def score(scorer: Scorer, source: str, asked: Problem) -> Score:
    return scorer.score(asked.solve(source))


@pytest.mark.docker
@pytest.mark.parametrize("cases", [1, 4, 9])
def test_every_right_output_passes_and_everything_else_is_wrong(scorer: Scorer, cases: int) -> None:
    asked = problem(cases=cases)
    assert [score(scorer, source, asked).verdict for source in ANY] == [Verdict.PASSED] * len(ANY)
    wrong = NONE if cases > 2 else [source for source in NONE if "!= 3" not in source]
    assert [score(scorer, source, asked).verdict for source in wrong] == [Verdict.WRONG] * len(wrong)


@pytest.mark.docker
def test_what_happens_to_the_program_is_judged_before_what_it_prints(scorer: Scorer) -> None:
    asked = problem().assuming({"cpu_s": 0.3})
    programs = ["print(0, int(input()))\nraise KeyError", "while True: pass", "print(0,", "import os\nos._exit(0)"]
    found = [score(scorer, source, asked).verdict for source in programs]
    assert found == [Verdict.ERROR, Verdict.TIMEOUT, Verdict.SYNTAX, Verdict.EARLY_EXIT]


@pytest.mark.docker
@pytest.mark.parametrize(
    "checker",
    [
        "def check(input, output, answer):\n    return 1 / 0\n",
        "def check(input, output, answer):\n    return None\n",
        "def check(input, output, answer):\n    return 'AC'\n",
        "def check(input, output, answer):\n    return 100\n",
        "import nothing_of_that_name\n\ndef check(a, b, c):\n    return True\n",
        "def check(input, output, answer):\n    import os\n    os._exit(0)\n",
        "def check(input, output, answer):\n    raise SystemExit(0)\n",
    ],
)
def test_a_checker_that_fails_is_our_fault_and_never_a_verdict(scorer: Scorer, checker: str) -> None:
    for source in (ANY[0], NONE[0], NONE[1]):
        with pytest.raises(CheckerFailed, match="the problem's checker"):
            score(scorer, source, problem(checker))


@pytest.mark.docker
def test_no_output_that_breaks_a_working_checker_buys_another_try(scorer: Scorer) -> None:
    deep = problem(PAIR.replace("map(int, output.split())", "eval(output.replace(' ', ','))"))
    assert score(scorer, "print('(' * 5000)", deep).verdict is Verdict.WRONG


@pytest.mark.docker
def test_a_checker_sees_texts_alone_and_its_own_printing_is_nothing(scorer: Scorer) -> None:
    checker = """
def check(input, output, answer):
    print("PASSED", True)
    assert (type(input), type(output), type(answer)) == (str, str, str)
    return output.split() == answer.split()[::-1], "a message"
"""
    asked = problem(checker, cases=2)
    assert score(scorer, "n = input()\nprint(n, 0)", asked).verdict is Verdict.PASSED
    assert score(scorer, "print(input())", asked).verdict is Verdict.WRONG


@pytest.mark.docker
def test_parts_of_the_points_count_where_partial_credit_is_asked_for(scorer: Scorer) -> None:
    half = PAIR.replace("    return a + b == int(input)", "    return 1.0 if a + b == int(input) else 0.5")
    asked = problem(half)
    scored = scorer.submit(asked.solve(NONE[0]), every_case=True).result()
    assert (scored.verdict, scored.share_of_tests) == (Verdict.WRONG, 0.5)
    some = scorer.submit(asked.solve(NONE[5]), every_case=True).result()
    assert (some.verdict, some.passed_cases, some.share_of_tests) == (Verdict.WRONG, 3, 0.875)
    assert scorer.submit(asked.solve(ANY[2]), every_case=True).result().share_of_tests == 1.0


@pytest.mark.docker
def test_a_score_can_be_judged_again_without_a_box(scorer: Scorer) -> None:
    asked = problem()
    assert isinstance(asked.checked_by, StdinTests)
    for source in (ANY[1], NONE[0]):
        scored = score(scorer, source, asked)
        data = score_records.packed(scored, Limits())
        assert data is not None
        facts = score_records.unpack(data)
        again = score_records.rejudge(facts, asked.checked_by)
        assert (again.verdict, again.passed_cases) == (scored.verdict, scored.passed_cases)
    plain = replace(asked.checked_by, checker=None)
    by_rule = score_records.packed(scorer.score(replace(asked.solve(ANY[0]), tests=plain)), Limits())
    assert by_rule is not None
    with pytest.raises(score_records.NotEnough, match="has a checker now"):
        score_records.rejudge(score_records.unpack(by_rule), asked.checked_by)


@pytest.mark.docker
def test_it_is_said_what_the_checker_did_not_accept(scorer: Scorer) -> None:
    asked = problem(cases=1)
    program = asked.solve(NONE[0])
    said = explain(scorer.score(program), Limits(), program)
    assert said == "printed '0 2', which the checker does not accept, test 1 of 1"
    right = asked.solve(ANY[0])
    assert explain(scorer.score(right), Limits(), right) == "the checker accepts all 1 outputs"


SCRIPT = """
import sys

def main():
    given, wanted, printed = (open(name).read() for name in sys.argv[1:4])
    try:
        a, b = map(int, printed.split())
    except ValueError:
        print(0)
        return
    print(1 if a + b == int(given) else 0)

main()
"""


@pytest.mark.docker
def test_scripts_of_codeforces_are_checkers(scorer: Scorer) -> None:
    row = {
        "id": "1/A",
        "title": "Pair",
        "description": "Print a pair.",
        "input_format": "A number.",
        "output_format": "Two.",
        "note": None,
        "time_limit": 1.0,
        "memory_limit": 256.0,
        "examples": [{"input": "5", "output": "0 5"}],
        "official_tests": [{"input": "5", "output": "0 5"}, {"input": "8", "output": "0 8"}],
        "official_tests_complete": True,
        "input_mode": "stdio",
        "generated_checker": SCRIPT,
    }
    asked = Problem.from_row(row)
    assert (asked.name, asked.assumptions.text) == ("Codeforces/1/A", "long integers, 3 s cpu, 10 s wall, 256 MB")
    assert "Print a pair.\n\nInput\nA number.\n\nOutput\nTwo." in asked.prompt
    found = [score(scorer, source, asked).verdict for source in (*ANY, *NONE[:4])]
    assert found == [Verdict.PASSED] * 3 + [Verdict.WRONG] * 4
    plain = Problem.from_row(row | {"generated_checker": None})
    assert score(scorer, ANY[1], plain).verdict is Verdict.WRONG
    for missing in ({"official_tests_complete": False}, {"interaction_format": "Ask."}, {"input_mode": "file"}):
        with pytest.raises(ProblemsError, match="has no test"):
            Problem.from_row(row | missing)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"checker": "def check(a):\n    return True\n"}, "takes three texts"),
        ({"checker": "def other(a, b, c):\n    return True\n"}, "defines check"),
        ({"checker": "def check(:"}, "no Python"),
        ({"checker": PAIR, "output_rule": "lines"}, "would have no effect"),
        ({"checker": PAIR, "entry_point": "f"}, "what whole programs print"),
    ],
)
def test_a_checker_that_could_not_work_is_refused_when_it_is_read(changed: dict[str, Any], why: str) -> None:
    row = {"task_id": "x", "prompt": "p", "tests": [{"stdin": "1", "stdout": "1"}]}
    with pytest.raises(ProblemsError, match=why):
        read_problem(row | changed)


def test_a_test_of_a_problem_with_a_checker_needs_no_output() -> None:
    row = {"task_id": "x", "prompt": "p", "checker": PAIR, "tests": [{"stdin": "1"}]}
    assert isinstance(read_problem(row).checked_by, StdinTests)
    with pytest.raises(ProblemsError, match="stdout is missing"):
        read_problem({key: value for key, value in row.items() if key != "checker"})


# Several programs that wait for one checker share a visit to the grader box.

STATEFUL = PAIR.replace("\ndef", "\nseen = []\n\ndef").replace("    a, b", "    seen.append(output)\n    a, b")


@pytest.mark.docker
def test_queued_programs_are_checked_as_each_alone_is(scorer: Scorer) -> None:
    asked = problem(cases=6)
    sources = [*ANY, *NONE, "print(0,"] * 2
    alone = {source: score(scorer, source, asked) for source in dict.fromkeys(sources)}
    for source, future in [(source, scorer.submit(asked.solve(source))) for source in sources]:
        came = future.result()
        assert (came.verdict, came.passed_cases) == (alone[source].verdict, alone[source].passed_cases), source


@pytest.mark.docker
def test_queued_programs_whose_checker_fails_on_one_of_them_get_their_own_verdicts(scorer: Scorer) -> None:
    picky = PAIR.replace("    a, b", "    if output.startswith('70 '):\n        raise KeyError(output)\n    a, b")
    assert checker_of(problem(picky)).stateless
    sources = ["n = int(input())\nprint(70, n - 70)", ANY[1], NONE[0], ANY[2]]
    futures = [scorer.submit(problem(picky).solve(source)) for source in sources]
    verdicts = [future.result().verdict for future in futures]
    assert verdicts == [Verdict.WRONG, Verdict.PASSED, Verdict.WRONG, Verdict.PASSED]


@pytest.mark.docker
@pytest.mark.parametrize(("checker", "shared"), [(PAIR, True), (STATEFUL, False)])
def test_a_visit_is_shared_only_where_the_checker_keeps_nothing(scorer: Scorer, checker: str, shared: bool) -> None:
    asked = problem(checker)

    def asking(boxes: WorkerBoxes) -> list[tuple[float, ...] | None]:
        visits = Visits(boxes=boxes, limits=scorer.limits, options=scorer.options)
        job = Job(program=asked.solve(""), limits=scorer.limits)
        runs = [
            Run(ending=Ending.EXITED, exit_code=0, proved=True, stdout=printed) for printed in (b"0 1", b"5 5", b"1 0")
        ]
        return ask_together(boxes, [request_for({0: run}, stdin_tests(asked), job, visits) for run in runs])

    said = scorer.pool.submit_task(asking).result()
    assert said == ([(1.0,), (0.0,), (1.0,)] if shared else [None, None, None])


TALKS = PAIR.replace("    a, b", "    print(input, output)\n    a, b").replace("int(input)", "int(input), 'a message'")
PICKY = PAIR.replace("    a, b", "    if output.startswith('70 '):\n        raise KeyError(output)\n    a, b")


@pytest.mark.docker
@pytest.mark.parametrize("checker", [PAIR, TALKS, PICKY, STATEFUL], ids=["plain", "talks", "picky", "stateful"])
def test_a_checker_that_stays_says_what_one_says_that_is_loaded_anew(scorer: Scorer, checker: str) -> None:
    asked = problem(checker)
    sources = [ANY[1], NONE[0], "n = int(input())\nprint(70, n - 70)", ANY[2], NONE[1], NONE[7], ANY[1] + "  # again"]
    wrong = {NONE[0], NONE[1], NONE[7], *([sources[2]] if checker == PICKY else [])}
    for source in sources * 2:
        assert score(scorer, source, asked).verdict is (Verdict.WRONG if source in wrong else Verdict.PASSED), source


@pytest.mark.docker
def test_a_checker_that_stays_answers_by_a_message_and_makes_room_for_other_code(engine: DockerClient) -> None:
    asked = stdin_tests(problem())
    assert engine.answers()

    def points(boxes: WorkerBoxes) -> list[bool]:
        visits, stays = Visits(boxes=boxes, limits=Limits(), options=ScoringOptions()), []
        for number in range(4):
            run = Run(ending=Ending.EXITED, exit_code=0, proved=True, stdout=b"%d %d" % (number, 1 - number))
            request = request_for({0: run}, asked, Job(program=Program(source="")), visits)
            assert check_printed(request, {0: run}, asked)[0].points == 1.0
            stays.append(boxes._resident._kept is not None)
            if number == 2:
                assert boxes.visit(GRADER, Job(program=Program(source="print(5)"))).stdout == b"5\n"
                stays.append(boxes._resident._kept is not None)
        return stays

    with open_scorer(Limits(), boxes=1) as alone:
        assert alone.pool.submit_task(points).result() == [False, True, True, False, True]
        assert alone.score(problem().solve(NONE[0])).verdict is Verdict.WRONG


@pytest.mark.docker
def test_a_program_that_waits_for_its_checker_can_be_cancelled(engine: DockerClient) -> None:
    asked = problem(cases=1)
    assert engine.answers()
    with open_scorer(Limits(), boxes=1) as alone:
        pool = alone.pool
        begin, seen, end = threading.Event(), threading.Event(), threading.Event()
        first = pool.submit_task(lambda _: begin.wait(60))
        kept, cancelled = (alone.submit(asked.solve(source)) for source in (ANY[1], ANY[2]))
        last = pool.submit_task(lambda _: seen.set() or end.wait(60))
        begin.set()
        assert seen.wait(60)  # so both programs have run, and wait for their checker
        pool.cancel(cancelled)
        end.set()
        assert (first.result(), last.result()) == (True, True)
        with pytest.raises(TaskCancelled):
            cancelled.result()
        assert kept.result().verdict is Verdict.PASSED
        assert alone.score(asked.solve(NONE[0])).verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("checker", "stateless"),
    [
        (PAIR, True),
        ("import math, re\nfrom collections import Counter\nEPS = 1e-6\n" + PAIR, True),
        ("import sys\nsys.setrecursionlimit(10000)\n" + PAIR, True),
        (STATEFUL, False),
        (PAIR.replace("answer)", "answer, seen=[])"), False),
        (PAIR.replace("    a, b", "    eval(output)\n    a, b"), False),
        (PAIR.replace("    a, b", "    check.seen = output\n    a, b"), False),
        (PAIR.replace("    a, b", "    global seen\n    seen = output\n    a, b"), False),
        (PAIR.replace("    a, b", "    check.__dict__['seen'] = output\n    a, b"), False),
        (PAIR.replace("    a, b", "    open('seen', 'a').write(output)\n    a, b"), False),
        ("import sys as s\n" + PAIR.replace("    a, b", "    s.modules.clear()\n    a, b"), False),
        ("from sys import modules\n" + PAIR, False),
        ("from functools import lru_cache\n" + PAIR, False),
        ("import random\n" + PAIR, False),
        ("import sys\n" + PAIR.replace("    a, b", "    sys.path[:] = []\n    a, b"), False),
    ],
)
def test_a_checker_is_stateless_only_if_its_text_shows_it(checker: str, stateless: bool) -> None:
    assert checker_of(problem(checker)).stateless is stateless


def test_a_script_has_names_of_its_own_each_time() -> None:
    script = "import sys\n\ntotal = []\nfor line in open(sys.argv[1]):\n    total.append(line)\nprint(len(total))\n"
    assert of_any_kind(script).stateless
    assert not of_any_kind(script + "exec(total[0])\n").stateless
