"""Having programs answer calls, for rankers that compare what they do. Equal programs are asked once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from sampler.rankers.generated import Generated
from sandbox.scoring.asking import Answered
from sandbox.values import CallTests

CPU_S = 1.0  # for all the calls of a program
PATIENCE = 2  # calls that a program may fail to survive before the rest count as unanswered


class Asker(Protocol):
    """An open sandbox that has programs answer calls. Its futures raise SandboxError where the fault is ours."""

    def ask(
        self, source: str, tests: CallTests, *, cpu_s: float | None = None, patience: int = PATIENCE
    ) -> Future[Answered]:
        """What a program answers to each call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """A program's answers, and its share of the seconds that they took in the sandbox."""

    answered: Answered
    cpu_s: float


def execute(asker: Asker, sources: Sequence[str], generated: Generated) -> list[Executed]:
    """What each program answers to the calls of generated tests; raises SandboxError."""
    count = Counter(sources)
    futures = {
        source: asker.ask(source + generated.harness, generated.tests, cpu_s=CPU_S, patience=PATIENCE)
        for source in count
    }
    try:
        answered = {source: future.result() for source, future in futures.items()}
    finally:
        for future in futures.values():
            future.cancel()  # what is left of them if one failed
    return [Executed(answered=answered[source], cpu_s=answered[source].cpu_s / count[source]) for source in sources]
