"""Does our CodeT come to what CodeT's authors published?

They published HumanEval samples of CodeGen-Mono-16B (100 a problem, T=0.8), 100 texts of tests that the model wrote for
each problem, and what choosing by both comes to: pass@1/2/10 of 36.7/44.7/59.3 (arXiv 2207.10397, table 2), where
random samples reach 29.7/50.3/73.7 at 1/10/100 (their 29.7 is greedy; these samples at T=0.8 have 22.1). Here every
different program is judged by HumanEval's tests and answers every different generated test, in the sandbox; the rest is
arithmetic on the answers.

CodeT's own rules: a completion is cut where its function ends; of each text the first five asserts count that are
Python and name the function; equal programs and equal tests count as often as they were written; k answers are picked
one from each of the k best groups. A test has 0.1 s there; here a program has --cpu seconds for all its calls, and
after --patience calls that it did not survive the others count as failed.

    python tests/bench/codet.py [../shared/data] [--problems 164] [--boxes 2] [--cpu 0.2] [--json out.json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampler.ranking.generated_tests import Generated, generated_tests
from sampler.ranking.rankers import DAMPED, PLAIN, codet
from sampler.stats.passk import pass_at_k
from sampler.stats.ranking import Votes, rank_score_at_k
from sandbox.problems import Problem, load_problems
from sandbox.scoring.collect_answers import ProgramAnswers, matching_answers
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits, Score, Verdict

CUT = re.compile("\nclass|\ndef|\n#|\nif|\nprint")
FILES = "codet_HumanEval_codegen16B_n100_{}.jsonl.gz"
PUBLISHED = {1: 36.7, 2: 44.7, 10: 59.3}
AHEAD = 2000  # programs that are in flight, so that no box is ever idle


@dataclass(frozen=True, slots=True)
class Task:
    """A problem, the programs made of its samples, and the tests that the model wrote for it."""

    problem: Problem
    programs: tuple[str, ...]
    generated: Generated | None


@dataclass(slots=True)
class Seen:
    """What is known of one task's different programs."""

    passed: dict[str, bool]
    rows: dict[str, tuple[bool, ...]]
    cpu_s: float = 0.0
    calls: int = 0


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        yield from map(json.loads, rows)


def tasks(folder: Path) -> list[Task]:
    named = {row["prompt"]: row for row in lines(folder / "codet_HumanEval_for_code_generation.jsonl.gz")}
    problems = {problem.name: problem for problem in load_problems("humaneval")}
    written: dict[str, list[str]] = {}
    for row in lines(folder / FILES.format("testcases")):
        owner = max((prompt for prompt in named if row["prompt"].startswith(prompt.rstrip())), key=len)
        written[named[owner]["task_id"]] = [
            f"assert {text}" for text in row["samples"]
        ]  # the prompt ends with "assert"
    return [
        Task(
            problem=problems[named[row["prompt"]]["task_id"]],
            programs=tuple(row["prompt"] + CUT.split(text, maxsplit=1)[0] for text in row["samples"]),
            generated=generated_tests(written[(name := named[row["prompt"]])["task_id"]], name["entry_point"]),
        )
        for row in lines(folder / FILES.format("solutions"))
    ]


def execute(scorer: Scorer, chosen: list[Task], wanted: argparse.Namespace) -> dict[str, Seen]:
    """Every different program: its verdict, and which generated tests it passes."""
    seen = {task.problem.name: Seen({}, {}) for task in chosen}
    under_way: list[tuple[Task, str, Future[Score], Future[ProgramAnswers] | None]] = []

    def settle(down_to: int) -> None:
        while len(under_way) > down_to:
            task, source, score, answered = under_way.pop(0)
            one = seen[task.problem.name]
            one.passed[source] = score.result().verdict is Verdict.PASSED
            one.cpu_s += score.result().run.cpu_s
            if answered is not None and task.generated is not None:
                one.rows[source] = matching_answers(answered.result(), task.generated.tests)
                one.cpu_s += answered.result().cpu_s
                one.calls += len(one.rows[source])

    for number, task in enumerate(chosen, 1):
        for source in dict.fromkeys(task.programs):
            score = scorer.submit(task.problem.solve(source))
            answered = None
            if (generated := task.generated) is not None:
                program = task.problem.solve(source + generated.harness)
                answered = scorer.ask(program, generated.tests, cpu_s=wanted.cpu, patience=wanted.patience)
            under_way.append((task, source, score, answered))
        settle(AHEAD)
        print(f"\r{number}/{len(chosen)} problems", end="", file=sys.stderr)
    settle(0)
    print(file=sys.stderr)
    return seen


def groups_of(votes: Votes, correct: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the groups as (size, correct), best first; equal scores are one group, worthless ones are left out."""
    scores, right = votes.scores, np.asarray(correct)
    return [_counted(right[scores == score]) for score in sorted(set(scores), reverse=True) if score > 0]


def _counted(right: NDArray[np.bool_]) -> tuple[int, int]:
    return int(right.size), int(right.sum())


def top_groups_at_k(groups: Sequence[tuple[int, int]], k: int) -> float:
    """Return the chance that k picks hold a correct sample, one from each of the groups (size, correct), best first.

    Each pick is random within its group. Where there are fewer groups than picks, it goes round again, and a sample may
    come twice. This is the evaluation of CodeT (Chen et al. 2022, arXiv 2207.10397); groups of equal score count as
    one. Raises ValueError without picks or groups.
    """
    if k < 1 or not groups:
        raise ValueError(f"{k} picks from {len(groups)} groups: at least one of each is needed")
    none = 1.0
    for pick in range(k):
        size, correct = groups[pick % len(groups)]
        if not 0 <= correct <= size or not size:
            raise ValueError(f"a group of {size} samples with {correct} correct ones")
        none *= 1 - correct / size
    return 1 - none


def values(task: Task, seen: Seen, power: float) -> dict[str, float]:
    """A problem's numbers."""
    correct = [seen.passed[source] for source in task.programs]
    n, c = len(correct), sum(correct)
    found = {f"pass@{k}": pass_at_k(n, c, k) for k in (1, 2, 10, 100)}
    rows = [seen.rows[source] for source in task.programs] if task.generated is not None else [()] * n
    votes = codet(rows, task.generated.written if task.generated is not None else (), power)
    groups = groups_of(votes, correct)
    for k in PUBLISHED:
        found[f"codet@{k}"] = top_groups_at_k(groups, k) if groups else found[f"pass@{k}"]
    return found | {"best of all": rank_score_at_k(votes.scores, correct, n)}


def mean(rows: list[Mapping[str, float]]) -> dict[str, float]:
    return {key: round(100 * float(np.mean([row[key] for row in rows])), 2) for key in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--problems", type=int, default=164)
    parser.add_argument("--boxes", type=int, default=2)
    parser.add_argument("--cpu", type=float, default=0.2, help="seconds that a program has for all generated tests")
    parser.add_argument("--patience", type=int, default=2)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    chosen = tasks(wanted.data)[: wanted.problems]
    programs = sum(len(set(task.programs)) for task in chosen)
    started = time.monotonic()
    with open_scorer(Limits(), boxes=wanted.boxes) as scorer:
        opened = time.monotonic()
        seen = execute(scorer, chosen, wanted)
        took = time.monotonic() - opened
    told = {
        "problems": len(chosen),
        "samples": sum(len(task.programs) for task in chosen),
        "different programs": programs,
        "different tests": sum(len(task.generated.tests.cases) for task in chosen if task.generated is not None),
        "tests as code": Counter(
            case.function for task in chosen if task.generated is not None for case in task.generated.tests.cases
        )["_run_generated_test"],
        "calls asked": sum(one.calls for one in seen.values()),
        "boxes": wanted.boxes,
        "seconds": round(took, 1),
        "seconds with opening": round(time.monotonic() - started, 1),
        "cpu seconds in boxes": round(sum(one.cpu_s for one in seen.values()), 1),
        "programs a second, each judged and asked": round(programs / took, 1),
        "sqrt|S||T|": mean([values(task, seen[task.problem.name], DAMPED) for task in chosen]),
        "|S||T|": mean([values(task, seen[task.problem.name], PLAIN) for task in chosen]),
        "published": {f"codet@{k}": value for k, value in PUBLISHED.items()},
    }
    print(json.dumps(told, indent=2))
    if wanted.json:
        wanted.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
