"""What a checker costs: programs of checker problems against the same programs compared by a rule, in one run.

Prints the ratio of the times by the number of cases, for right and for wrong programs. The bound is 1.5 for right ones;
a wrong program takes two visits where comparing takes one.

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
RIGHT = "n = int(input())\nfor _ in range(20000): pass\nprint(0, n)  # {}"
WRONG = "n = int(input())\nfor _ in range(20000): pass\nprint(1, n)  # {}"
PROGRAMS, ROUNDS = 10, 3


def problem(cases: int) -> Problem:
    tests = [{"stdin": f"{n}\n", "stdout": f"0 {n}\n"} for n in range(1, cases + 1)]
    return read_problem({"task_id": "pair", "prompt": "?", "tests": tests, "checker": CHECKER})


def seconds(scorer: Scorer, programs: list[Program]) -> float:
    began = time.perf_counter()
    for future in [scorer.submit(program) for program in programs]:
        future.result()
    return time.perf_counter() - began


def main() -> None:
    with open_scorer(Limits(), boxes=1) as scorer:
        for cases in (2, 4, 10):
            asked = problem(cases)
            assert isinstance(asked.given, StdinTests)
            plain = replace(asked.given, checker=None)
            for name, source in (("right", RIGHT), ("wrong", WRONG)):
                ratios = []
                for _ in range(ROUNDS):
                    checked = [asked.solve(source.format(number)) for number in range(PROGRAMS)]
                    compared = [replace(program, tests=plain) for program in checked]
                    ratios.append(seconds(scorer, checked) / seconds(scorer, compared))
                print(f"{cases:3} cases, {name} programs: {median(ratios):.2f} times the time of comparing")


if __name__ == "__main__":
    main()
