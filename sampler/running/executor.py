"""What the sampler needs of a sandbox: programs in, scores out, many at a time."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from sandbox.values import Program, Score


class Executor(Protocol):
    """An open sandbox. Who opened it closes it; a program that still waits then gets no score.

    A future raises `sandbox.errors.SandboxError` where the fault is ours: then there is no score, and none is made up.
    One that is cancelled gives its place back to those that wait.
    """

    @property
    def image(self) -> str:
        """What programs are executed in, by a name that changes with its contents; kept with the study."""

    def submit(self, program: Program) -> Future[Score]:
        """Execute and judge a program as soon as there is room. Does not wait for it; any thread may call."""
