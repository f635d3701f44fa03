"""Score reference solutions of a benchmark in another language, and the same with one operator changed.

    python tests/bench/language_functions.py PROBLEMS SOLUTIONS [MOST]

PROBLEMS is a file that `sandbox problems` reads, such as MultiPL-E's `humaneval-java`. SOLUTIONS has lines of JSON with
`name` and `source`, a whole program, which is changed where its text first has one of a few operators. Or it is a file
of `tests/data/solutions`: sections of completions, in which `«right|changed»` stands for both texts. Each changed
program must fail, unless it means the same. The first MOST (40) solutions are tried. It prints how many of both there
were, what did not pass and why, and the seconds that the solutions took.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.problems import Problem, load_problems
from sandbox.sanitize import one_line
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Flag, Limits, Program, Score, Verdict

CHANGES = (("==", "!="), (" < ", " >= "), (" > ", " <= "), (" + ", " - "), ("true", "false"), ("+", "-"), ("<=", ">"))
CHANGES += (("*", "+"), ("0", "1"), ("1", "2"))
_CHOICE = re.compile(r"«([^|»]*)\|([^»]*)»")
Solutions = Mapping[str, tuple[Program, Program | None]]  # by name: the right program, and the changed one


def main() -> None:
    """Print what has passed and what has not."""
    problems = {problem.name: problem for problem in load_problems(sys.argv[1])}
    most = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    solutions = dict(list(read_solutions(Path(sys.argv[2]), problems).items())[:most])
    chosen = {name: right for name, (right, _) in solutions.items()}
    with open_scorer(Limits(cpu_s=10, wall_s=30), boxes=3) as scorer:
        started = time.monotonic()
        scores = all_scores(scorer, chosen)
        taken_s = time.monotonic() - started
        passed = [name for name, score in scores.items() if score.verdict is Verdict.PASSED]
        beside = sum(Flag.IN_PROCESS in score.flags for score in scores.values())
        for name in scores.keys() - set(passed):
            tell(name, scores[name])
        print(f"right: {len(passed)} of {len(scores)} pass, {beside} beside tests, in {taken_s:.0f} s", flush=True)
        changed = {name: program for name in passed if (program := solutions[name][1]) is not None}
        again = all_scores(scorer, changed)
    survived = [name for name, score in again.items() if score.verdict is Verdict.PASSED]
    print(f"changed: {len(changed) - len(survived)} of {len(changed)} fail; these pass: {survived}")


def read_solutions(path: Path, problems: Mapping[str, Problem]) -> Solutions:
    """Return the solutions of those problems that there are."""
    text = path.read_text("utf-8")
    if path.suffix == ".txt":
        sections = [part.partition("\n")[::2] for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]]
        return {
            name: (
                problems[name].complete(_CHOICE.sub(r"\1", body)),
                problems[name].complete(_CHOICE.sub(r"\2", body)),
            )
            for name, body in sections
            if name in problems
        }
    whole = {one["name"]: one["source"] for one in map(json.loads, text.splitlines()) if one["name"] in problems}
    changed = {name: change(source) for name, source in whole.items()}
    return {
        name: (problems[name].solve(source), None if (other := changed[name]) is None else problems[name].solve(other))
        for name, source in whole.items()
    }


def all_scores(scorer: Scorer, programs: Mapping[str, Program]) -> dict[str, Score]:
    """Return the score of each program."""
    running = {name: scorer.submit(program) for name, program in programs.items()}
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
