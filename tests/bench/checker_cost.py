"""What a checker costs: programs of checker problems against the same programs compared by a rule, in one run.

Prints the ratio of the times by the number of cases, for right and for wrong programs.
The bound is 1.5 for both where several programs are queued, as here: they share a visit to the grader box. A wrong
program alone takes two visits where comparing takes one, which is printed, too.

.venv/bin/python tests/bench/checker_cost.py
"""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

from sandbox.problems import Problem, read_problem
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits, Program, StdinTests

CHECKER = """
def check(input, output, answer):
    a, b = map(int, output.split())
    return a + b == int(input)
"""
LOOP = "n = int(input())\nfor _ in range(20000): pass\n"
SAME = LOOP + "print(0, n)  # {0}"
OTHER = LOOP + "print({0}, n - {0})"
WRONG = LOOP + "print({0}, n + 1 - {0})"
KINDS = (  # of programs: what they print, what the compared ones print, whether they are queued
    ("right ones that answer as the set does", SAME, SAME, True),
    ("right ones that answer otherwise", OTHER, SAME, True),
    ("wrong ones", WRONG, WRONG, True),
    ("wrong ones, one at a time", WRONG, WRONG, False),
)
PROGRAMS, ROUNDS = 32, 5


def problem(cases: int) -> Problem:
    tests = [{"stdin": f"{n}\n", "stdout": f"0 {n}\n"} for n in range(1, cases + 1)]
    return read_problem({"task_id": "pair", "prompt": "?", "tests": tests, "checker": CHECKER})


def seconds(scorer: Scorer, programs: list[Program], *, queued: bool) -> float:
    began = time.perf_counter()
    if queued:
        for future in [scorer.submit(program) for program in programs]:
            future.result()
    else:
        for program in programs:
            scorer.score(program)
    return time.perf_counter() - began


def main() -> None:
    with open_scorer(Limits(), boxes=1) as scorer:
        for cases in (2, 4, 10):
            asked = problem(cases)
            assert isinstance(asked.given, StdinTests)
            plain = replace(asked.given, checker=None)
            for name, checked_source, compared_source, queued in KINDS:
                ratios = []
                for _ in range(ROUNDS):
                    checked = [asked.solve(checked_source.format(number + 1)) for number in range(PROGRAMS)]
                    same = [asked.solve(compared_source.format(number + 1)) for number in range(PROGRAMS)]
                    compared = [replace(program, tests=plain) for program in same]
                    times = [seconds(scorer, programs, queued=queued) for programs in (checked, compared)]
                    ratios.append(times[0] / times[1])
                print(f"{cases:3} cases, {name}: {median(ratios):.2f} times the time of comparing")


if __name__ == "__main__":
    main()
