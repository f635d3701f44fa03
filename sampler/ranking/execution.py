"""Having programs answer calls, for rankers that compare what they do. Equal programs are asked once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from sampler.ranking.generated_tests import Generated
from sandbox.scoring.asking import Answered
from sandbox.values import Assumptions, CallTests, Program

CPU_S = 1.0  # for all the calls of a program
PATIENCE = 2  # calls that a program may fail to survive before the rest count as unanswered


class Asker(Protocol):
    """An open sandbox that has programs answer calls. Its futures raise SandboxError where the fault is ours."""

    def ask(
        self, program: Program, tests: CallTests, *, cpu_s: float | None = None, patience: int = PATIENCE
    ) -> Future[Answered]:
        """What a program answers to each call of `tests`; its own tests are not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """A program's answers, and its share of the seconds that they took in the sandbox."""

    answered: Answered
    cpu_s: float


def execute(asker: Asker, sources: Sequence[str], generated: Generated, assumptions: Assumptions) -> list[Executed]:
    """What each program answers to the calls of generated tests, run as its data set runs it; raises SandboxError."""
    count = Counter(sources)
    programs = {source: Program(source=source + generated.harness, assumptions=assumptions) for source in count}
    futures = {
        source: asker.ask(program, generated.tests, cpu_s=CPU_S, patience=PATIENCE)
        for source, program in programs.items()
    }
    try:
        answered = {source: future.result() for source, future in futures.items()}
    finally:
        for future in futures.values():
            future.cancel()  # what is left of them if one failed
    return [Executed(answered=answered[source], cpu_s=answered[source].cpu_s / count[source]) for source in sources]
