"""Compare our boxes with the evalplus package on HumanEval+ and MBPP+: verdicts and speed on the same programs.

Each program is asked the base and the plus inputs (HumanEval+: about 750 calls a problem). The package executes it and
compares in the program's own process; ours answers in a box, and the host compares. Both have the same number of
workers, and are asked in turns, so many programs at a time, so that a noisy machine slows both alike. What is expected
is computed on both sides before the clock starts. A program that runs into a limit costs what the limit says and not
what the judge needs, so the rates are given twice: in the first pass for all programs, and in a second one for those
that no side stopped at a limit.

The completions are CodeT's for HumanEval (see `agreement.py`). Where none are given, the data set's own solutions are
judged and mutants of them: one comparison turned, one constant one larger, one sum a difference, one `return` without
its value.

Every difference is asked again, alone, and printed with a cause. Those that are known: the package's environment has
numpy and whatever else is installed there, a box has the standard library; limits (theirs: 1 s of wall time a call,
ours: CPU seconds for all calls); and of the package's rules the few that `sandbox.problems.readers.evalplus` leaves
out on purpose. What has none of these is "not explained".

The package is no sandbox: this executes a model's programs with your rights. It lives in an environment of its own,
whose interpreter `--evalplus` names; without that, one is made with pip in a temporary directory. Mind which
interpreter it is: one that was built without optimisation makes the package's programs slow, not the package.

Measured on two idle cores, two workers each, `--cpu 1`, every 10th of 12,408 CodeGen programs on HumanEval+: 1,218
programs that no side stopped at a limit, 170.3 and 38.5 programs/s, ratio 4.4; all 1,241, 63.7 and 27.9, ratio 2.3;
alike 1,240 (one wants numpy). A larger sample on busy cores, every 2nd: 122.7 and 24.5 (5.0), all 47.6 and 16.9 (2.8),
alike 6,203 of 6,204. MBPP+, solutions and mutants: 52.5 and 19.2 (2.7), alike 1,501 of 1,501.

The right programs of three problems (15, 24, 60) need half a second to two whoever runs them; they are half of our
boxes' time. An endless loop costs each side its second. Mbpp/255 is left out: one of its answers takes 1.1 GB.

    python tests/bench/evalplus_agreement.py HumanEvalPlus.jsonl.gz SOLUTIONS.jsonl.gz PROMPTS.jsonl.gz [--every 20]
    python tests/bench/evalplus_agreement.py MbppPlus.jsonl.gz [--every 3]
"""

from __future__ import annotations

import argparse
import ast
import copy
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agreement import Case, Said, read_cases

from sandbox.errors import SandboxError
from sandbox.judging.explaining import explain
from sandbox.problems import Problem, load_problems
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits, Verdict

PACKAGE = "evalplus==0.3.1"
THEIR_LIMIT_S = 1.0  # for each call, and at least
MUTANTS = 6  # of one solution


@dataclass(frozen=True, slots=True)
class Judged:
    """What one side says of a program, and whether it stopped it at a limit."""

    said: Said
    limited: bool
    verdict: str


@dataclass(frozen=True, slots=True)
class Compared:
    case: Case
    ours: Judged
    theirs: Judged

    @property
    def agree(self) -> bool:
        return self.ours.said.passed == self.theirs.said.passed

    @property
    def limited(self) -> bool:
        return self.ours.limited or self.theirs.limited


@dataclass(slots=True)
class Clock:
    """Programs and seconds, on each side."""

    programs: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"ours": 0.0, "evalplus": 0.0})

    def show(self, what: str) -> None:
        if not self.programs:
            return
        rates = {side: self.programs / seconds for side, seconds in self.seconds.items()}
        told = ", ".join(f"{side} {rate:.1f} programs/s" for side, rate in rates.items())
        print(f"{what}: {self.programs} programs, {told}, ratio {rates['ours'] / rates['evalplus']:.2f}", flush=True)


class Package:
    """The evalplus package in its own interpreter."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.greeting = self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("the evalplus side has ended; what it said stands above")
        return dict(json.loads(line))

    def ask(self, cases: list[Case]) -> tuple[float, list[Judged]]:
        assert self._process.stdin is not None
        asked = [[case.problem.name, case.problem.prompt + case.completion] for case in cases]
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        answer = self._read()
        return answer["seconds"], [_judged(one) for one in answer["said"]]


def _judged(one: dict[str, Any]) -> Judged:
    passed = one["base"] == one["plus"] == "pass"
    base, plus = one["calls"]
    why = f"base {one['base']} after {base} calls, plus {one['plus']} after {plus}, {one['seconds']:.2f} s"
    timed_out = "timeout" in {one["base"], one["plus"]} or (not passed and one["seconds"] >= THEIR_LIMIT_S)
    return Judged(Said(passed, why), timed_out, "pass" if passed else "fail")


@contextmanager
def open_package(python: Path | None, data: Path, dataset: str, workers: int) -> Iterator[Package]:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        if python is None:
            python = _make_environment(home / "environment")
        plain = home / "data.jsonl"
        plain.write_bytes(gzip.decompress(data.read_bytes()) if data.suffix == ".gz" else data.read_bytes())
        known = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env = known | {f"{dataset.upper()}_OVERRIDE_PATH": str(plain), "XDG_CACHE_HOME": directory}
        words = [str(python), str(Path(__file__).with_name("evalplus_peer.py")), dataset, str(workers)]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, env=env, text=True, cwd=directory) as process:
            try:
                yield Package(process)
            finally:
                assert process.stdin is not None
                process.stdin.close()


def _make_environment(directory: Path) -> Path:
    print(f"installing {PACKAGE} into a temporary environment", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
    python = directory / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", PACKAGE], check=True)
    return python


def ask_boxes(scorer: Scorer, cases: list[Case]) -> tuple[float, list[Judged]]:
    programs = [case.problem.complete(case.completion) for case in cases]
    began = time.perf_counter()
    futures = [scorer.submit(program) for program in programs]
    scores = [future.result() for future in futures]
    seconds = time.perf_counter() - began
    judged = []
    for scored, program in zip(scores, programs, strict=True):
        why = f"{scored.verdict}: {explain(scored, scorer.limits, program)}"
        passed = scored.verdict is Verdict.PASSED
        judged.append(Judged(Said(passed, why), scored.verdict is Verdict.TIMEOUT, str(scored.verdict)))
    return seconds, judged


def warm(scorer: Scorer, problems: list[Problem]) -> set[str]:
    """Ask for all that is expected; the problems whose own solution does not need more than a box has."""
    answered = set()
    for problem in problems:
        try:
            scored = scorer.score(problem.complete(problem.canonical_solution or ""))
        except SandboxError as error:
            print(f"{problem.name} is left out: {error}")
            continue
        answered.add(problem.name)
        if scored.verdict is not Verdict.PASSED:
            print(f"{problem.name}: its own solution is {scored.verdict} in our boxes")
    return answered


def in_turns(scorer: Scorer, package: Package, cases: list[Case], chunk: int) -> tuple[Clock, list[Compared]]:
    """All cases on both sides, `chunk` at a time."""
    clock, compared = Clock(), []
    for start in range(0, len(cases), chunk):
        part = cases[start : start + chunk]
        our_seconds, ours = ask_boxes(scorer, part)
        their_seconds, theirs = package.ask(part)
        clock.programs += len(part)
        clock.seconds["ours"] += our_seconds
        clock.seconds["evalplus"] += their_seconds
        compared += [Compared(*three) for three in zip(part, ours, theirs, strict=True)]
    return clock, compared


def cause(compared: Compared) -> str:
    """Why the sides differ, as far as a rule can tell."""
    ours = compared.ours.said.why
    if "ModuleNotFoundError" in ours:
        return "the program wants a package that the box does not have; a box has the standard library"
    if compared.ours.limited:
        return "our limit: CPU seconds for all calls together"
    if compared.theirs.limited:
        return f"their limit: {THEIR_LIMIT_S:g} s of wall time for one call"
    return "not explained"


def mutants(problem: Problem) -> Iterator[str]:
    """The solution with one small thing changed, each time another."""
    source = problem.prompt + (problem.canonical_solution or "")
    tree = ast.parse(source)
    places = [number for number, node in enumerate(ast.walk(tree)) if _changed(node) is not None]
    for number in places[:: max(1, len(places) // MUTANTS)][:MUTANTS]:
        mutant = copy.deepcopy(tree)
        node = next(node for at, node in enumerate(ast.walk(mutant)) if at == number)
        vars(node).update(vars(_changed(node)))
        yield ast.unparse(mutant)


TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


def _changed(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Compare(left=left, ops=[op, *others], comparators=comparators) if type(op) in TURNED:
            return ast.Compare(left=left, ops=[TURNED[type(op)](), *others], comparators=comparators)
        case ast.Constant(value=value) if type(value) in {int, float}:
            return ast.Constant(value=value + 1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return ast.BinOp(left=left, op=ast.Sub(), right=right)
        case ast.Return(value=ast.expr()):
            return ast.Return(value=ast.Constant(value=None))
        case _:
            return None


def own_cases(problems: list[Problem]) -> list[Case]:
    """The solutions as they are, and their mutants."""
    cases = [Case(problem, problem.canonical_solution or "") for problem in problems]
    for problem in problems:
        cases += [Case(replace(problem, prompt=""), text) for text in dict.fromkeys(mutants(problem))]
    return cases


def show_differences(scorer: Scorer, package: Package, compared: list[Compared], chosen: argparse.Namespace) -> None:
    differing = [one for one in compared if not one.agree]
    causes: Counter[str] = Counter()
    for one in differing:
        why = cause(one)
        causes[why] += 1
        (_, (ours,)), (_, (theirs,)) = ask_boxes(scorer, [one.case]), package.ask([one.case])
        print(f"\n{one.case.problem.name}: {why}\n  ours    {one.ours.said.why}\n  theirs  {one.theirs.said.why}")
        print(f"  alone   ours: {ours.said.why}\n  alone   theirs: {theirs.said.why}")
    agreed = len(compared) - len(differing)
    print(f"\n{agreed} of {len(compared)} programs judged alike: {100 * agreed / len(compared):.3f} %")
    for why, count in causes.most_common():
        print(f"  {count}  {why}")
    if chosen.json is not None:
        rows = [
            {"task_id": one.case.problem.name, "program": one.case.problem.prompt + one.case.completion}
            | {"ours": one.ours.said.why, "theirs": one.theirs.said.why, "agree": one.agree}
            for one in compared
        ]
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("data", type=Path, help="HumanEval+ or MBPP+ as inputs, .jsonl or .jsonl.gz")
    options.add_argument("solutions", type=Path, nargs="?", help="CodeT's completions, .jsonl.gz: prompt, samples")
    options.add_argument("prompts", type=Path, nargs="?", help="CodeT's prompts, .jsonl.gz: prompt, task_id")
    options.add_argument("--evalplus", type=Path, metavar="PYTHON", help="an interpreter that has evalplus")
    options.add_argument("--every", type=int, default=1, metavar="N", help="every N-th program only")
    options.add_argument("--cpu", type=float, default=Limits().cpu_s, help="seconds of CPU in our boxes, for all calls")
    options.add_argument("--memory", type=int, default=Limits().memory_mb, help="MB in our boxes")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--chunk", type=int, default=500, help="programs in one turn of a side")
    options.add_argument("--json", type=Path, metavar="FILE", help="write every program and both verdicts")
    chosen = options.parse_args()
    problems = load_problems(chosen.data)
    given = chosen.solutions is not None
    cases = read_cases(chosen.solutions, chosen.prompts, problems) if given else own_cases(problems)
    dataset = "mbpp" if problems[0].name.startswith("Mbpp") else "humaneval"
    cases = cases[:: chosen.every]
    random.Random(1).shuffle(cases)  # so that every turn has its share of the slow problems
    run(problems, cases, dataset, chosen)


def run(problems: list[Problem], cases: list[Case], dataset: str, chosen: argparse.Namespace) -> None:
    with (
        open_package(chosen.evalplus, chosen.data, dataset, chosen.workers) as package,
        open_scorer(Limits(cpu_s=chosen.cpu, memory_mb=chosen.memory), boxes=chosen.workers, say=print) as scorer,
    ):
        answered = warm(scorer, problems)
        cases = [case for case in cases if case.problem.name in answered]
        print(f"{len(cases)} programs, {chosen.workers} workers each, evalplus on Python {package.greeting['python']}")
        clock, compared = in_turns(scorer, package, cases, chosen.chunk)
        verdicts = Counter(one.ours.verdict for one in compared)
        print(f"ours: {dict(verdicts)}; evalplus: {dict(Counter(one.theirs.verdict for one in compared))}")
        clock.show("all programs")
        free = [one.case for one in compared if not one.limited]
        clock, _ = in_turns(scorer, package, free, chosen.chunk)
        clock.show("without those that a side stopped at a limit")
        print(f"load {os.getloadavg()}", flush=True)
        show_differences(scorer, package, compared, chosen)


if __name__ == "__main__":
    main()
