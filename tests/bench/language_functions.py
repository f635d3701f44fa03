"""Score reference solutions of a benchmark in another language, and the same with one operator changed.

    python tests/bench/language_functions.py PROBLEMS SOLUTIONS [MOST]

PROBLEMS is a file that `sandbox problems` reads, SOLUTIONS has lines of JSON with `name` and `source`, a whole program.
A solution that passes is changed where its text first has one of a few operators; the changed program must fail, unless
it means the same. It ends when MOST (40) solutions have passed, and prints how many of both there were, what did not
pass and why, and the median seconds of wall time for a program.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from sandbox.problems import Problem, load_problems
from sandbox.sanitize import one_line
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Flag, Limits, Score, Verdict

CHANGES = (("==", "!="), (" < ", " >= "), (" > ", " <= "), (" + ", " - "), ("true", "false"), ("<", ">="), ("+", "-"))


def main() -> None:
    """Print what has passed and what has not."""
    problems = {problem.name: problem for problem in load_problems(sys.argv[1])}
    most = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    lines = Path(sys.argv[2]).read_text("utf-8").splitlines()
    solutions = {one["name"]: one["source"] for one in map(json.loads, lines)}
    passed: list[str] = []
    seconds: list[float] = []
    beside = tried = 0
    with open_scorer(Limits(cpu_s=10, wall_s=30), boxes=2) as scorer:
        for name in (name for name in solutions if name in problems):
            if len(passed) >= most:
                break
            tried += 1
            started = time.monotonic()
            score = scorer.score(problems[name].solve(solutions[name]))
            seconds.append(time.monotonic() - started)
            beside += Flag.IN_PROCESS in score.flags
            if score.verdict is Verdict.PASSED:
                passed.append(name)
            else:
                tell(name, score)
        print(
            f"right: {len(passed)} of {tried} pass; {beside} with tests beside the program; "
            f"median {statistics.median(seconds):.2f} s",
            flush=True,
        )
        changed = [(name, source) for name in passed if (source := change(solutions[name])) is not None]
        survived = [name for name, source in changed if survives(problems[name], source, scorer)]
    print(f"changed: {len(changed) - len(survived)} of {len(changed)} fail; these pass: {survived}")


def tell(name: str, score: Score) -> None:
    """Print why a solution has not passed."""
    reason = one_line(score.raised.message)[:140] if score.raised is not None else ""
    print(f"  {name}: {score.verdict} {reason}", flush=True)


def change(source: str) -> str | None:
    """Return a program with one operator changed, behind its first opening bracket of a block; None without any."""
    head, bracket, body = source.partition("{")
    for before, after in CHANGES:
        if before in body:
            return head + bracket + body.replace(before, after, 1)
    return None


def survives(problem: Problem, source: str, scorer: Scorer) -> bool:
    """Return whether a changed program passes."""
    return scorer.score(problem.solve(source)).verdict is Verdict.PASSED


if __name__ == "__main__":
    main()
