"""Score a program by one visit: tests that run in the program's own process, or no tests at all."""

from __future__ import annotations

from sandbox.judging import judge
from sandbox.scoring.strategy import Visits
from sandbox.values import Job, Score


def score_in_process(job: Job, visits: Visits) -> Score:
    """Score by tests as text, which run beside the program; without tests, by how the program ends."""
    return judge.score(visits.candidate(job), job.program, job.limits)
