"""Score reference solutions of a benchmark in another language, and the same with one operator changed.

    python tests/bench/language_functions.py PROBLEMS SOLUTIONS [MOST]

PROBLEMS is a file that `sandbox problems` reads, SOLUTIONS has lines of JSON with `name` and `source`, a whole program.
A solution that passes is changed where its text first has one of a few operators; the changed program must fail, unless
it means the same. The first MOST (40) solutions are tried. It prints how many of both there were, what did not pass and
why, and the seconds that the solutions took.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
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
    solutions = {one["name"]: one["source"] for one in map(json.loads, lines) if one["name"] in problems}
    chosen = dict(list(solutions.items())[:most])
    with open_scorer(Limits(cpu_s=10, wall_s=30), boxes=3) as scorer:
        started = time.monotonic()
        scores = all_scores(scorer, problems, chosen)
        taken_s = time.monotonic() - started
        passed = [name for name, score in scores.items() if score.verdict is Verdict.PASSED]
        beside = sum(Flag.IN_PROCESS in score.flags for score in scores.values())
        for name in scores.keys() - set(passed):
            tell(name, scores[name])
        print(f"right: {len(passed)} of {len(scores)} pass, {beside} beside tests, in {taken_s:.0f} s", flush=True)
        changed = {name: source for name in passed if (source := change(solutions[name])) is not None}
        again = all_scores(scorer, problems, changed)
    survived = [name for name, score in again.items() if score.verdict is Verdict.PASSED]
    print(f"changed: {len(changed) - len(survived)} of {len(changed)} fail; these pass: {survived}")


def all_scores(scorer: Scorer, problems: Mapping[str, Problem], sources: Mapping[str, str]) -> dict[str, Score]:
    """Return the score of each program."""
    running = {name: scorer.submit(problems[name].solve(source)) for name, source in sources.items()}
    return {name: future.result() for name, future in running.items()}


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


if __name__ == "__main__":
    main()
