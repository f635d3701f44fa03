"""What a checker costs: programs of checker problems against the same programs compared by a rule, in one run.

Prints the ratio of the times by the number of cases, for right and for wrong programs.
The bound is 1.5 for both: programs that are queued share a visit to the grader box, and for those that come one at a
time the checker stays there. A checker in C++ costs a visit for each program.

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
IN_CPP = """#include <fstream>
int main(int, char **names) {
    std::ifstream input(names[1]), output(names[2]);
    long long n, a, b;
    return !(input >> n && output >> a >> b && a + b == n);
}
"""
KINDS = (  # of programs: what they print, what the compared ones print, whether they are queued
    ("right ones that answer as the set does", SAME, SAME, True),
    ("right ones that answer otherwise", OTHER, SAME, True),
    ("wrong ones", WRONG, WRONG, True),
    ("right ones that answer otherwise, one at a time", OTHER, SAME, False),
    ("wrong ones, one at a time", WRONG, WRONG, False),
)
PROGRAMS, ROUNDS = 32, 5


def problem(cases: int, checker: object = CHECKER) -> Problem:
    tests = [{"stdin": f"{n}\n", "stdout": f"0 {n}\n"} for n in range(1, cases + 1)]
    return read_problem({"task_id": "pair", "prompt": "?", "tests": tests, "checker": checker})


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
        for cases, language in ((2, "Python"), (4, "Python"), (10, "Python"), (4, "C++")):
            asked = problem(cases) if language == "Python" else problem(cases, {"language": "cpp", "source": IN_CPP})
            assert isinstance(asked.given, StdinTests)
            scorer.score(asked.solve(OTHER.format(7)))  # the checker is compiled, and the boxes are there
            plain = replace(asked.given, checker=None)
            for name, checked_source, compared_source, queued in KINDS:
                ratios = []
                for _ in range(ROUNDS):
                    checked = [asked.solve(checked_source.format(number + 1)) for number in range(PROGRAMS)]
                    same = [asked.solve(compared_source.format(number + 1)) for number in range(PROGRAMS)]
                    compared = [replace(program, tests=plain) for program in same]
                    times = [seconds(scorer, programs, queued=queued) for programs in (checked, compared)]
                    ratios.append(times[0] / times[1])
                print(
                    f"{cases:3} cases, checker in {language}, {name}: {median(ratios):.2f} times the time of comparing"
                )


if __name__ == "__main__":
    main()
