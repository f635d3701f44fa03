"""Score a program by calls: the candidate answers in its box, and the host compares.

If the tests hold no expected answers, the data set's own solution is asked for them first (`references`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.judging import judge
from sandbox.judging.merged_tests import MergedTests, merge_tests, seen_by_judge, seen_by_selection
from sandbox.scoring.references import Reference, References
from sandbox.scoring.separate_visits import ask_separately, ask_with_own_limits
from sandbox.scoring.strategy import Visits
from sandbox.values import MANY, STAGES, CallList, CallTests, Job, ReferenceTests, Run, Score

CHEAP_CPU_S = 0.01
REFERENCE_TIMES = 4  # a program may take so many times as long as the data set's own (EvalPlus's factor)


def are_calls(tests: object) -> bool:
    """Return whether tests are calls, so that two sets of them can share a visit."""
    return isinstance(tests, CallTests | ReferenceTests)


@dataclass(frozen=True, slots=True)
class _Stages:
    """Calls, and how many of them are asked at each stage."""

    calls: CallList
    counts: tuple[int, ...]


class CallStrategy:
    """Scores by `CallTests` and `ReferenceTests`; keeps the answers of references, and merged sets of tests."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._joined: dict[tuple[str, str], MergedTests] = {}

    def __call__(self, job: Job, visits: Visits) -> Score:
        """Score calls; if a reference gave the answers, a program may take some multiple of the reference's time."""
        reference = self._expected(job.program.tests, job, visits)
        tests, job = reference.tests, _in_proportion(job, reference)
        stages = _stages(tests.calls, reference.cpu_s, visits)
        scored = _scored(_asked(job, stages, lambda run: judge.has_failed(run, tests), visits), job, tests)
        if not visits.options.every_case:
            return scored
        return replace(scored, passed_cases=judge.right_answers(scored.run, tests), cases=len(tests.cases))

    def both(self, job: Job, visits: Visits) -> Score:
        """Score a program whose selection tests are calls, too: asked in one visit and judged apart."""
        whole, part = (self._expected(tests, job, visits) for tests in (job.program.tests, job.program.selection))
        key = part.tests.source, whole.tests.source
        joined = self._joined.get(key) or self._joined.setdefault(key, merge_tests(part.tests, whole.tests))

        def failed(run: Run) -> bool:
            return judge.has_failed(seen_by_judge(run, joined), joined.judge)

        job = _in_proportion(job, whole)
        run = _asked(job, _stages(joined.calls, whole.cpu_s, visits), failed, visits)
        selected = _scored(seen_by_selection(run, joined), job, part.tests)
        return replace(_scored(seen_by_judge(run, joined), job, joined.judge), selection=selected)

    def _expected(self, tests: object, job: Job, visits: Visits) -> Reference:
        """Return the tests with expected answers; if they have none, ask the data set's own program."""
        if isinstance(tests, ReferenceTests):
            return self._references.of(tests, lambda program: visits.grader(program, job))
        if isinstance(tests, CallTests):
            return Reference(tests=tests, cpu_s=0.0, size=0)
        raise TypeError(f"a strategy for calls was given {type(tests).__name__}")


def _stages(calls: CallList, cpu_s: float, visits: Visits) -> _Stages:
    """Split many calls into stages that begin with the first few: most wrong programs fail there already.

    `cpu_s` is the reference's CPU time for all calls, 0 if there is no reference. If it is less than the cost of a
    visit, the second stage would cost passing programs more than it saves on failing ones.
    """
    stages = len(calls) - calls.apart >= MANY and not visits.options.every_case
    few = STAGES[:1] if 0 < cpu_s < CHEAP_CPU_S else STAGES
    counts = [calls.apart + more for more in few] if stages else []
    return _Stages(calls, (*counts, len(calls)))


def _asked(job: Job, stages: _Stages, failed: Callable[[Run], bool], visits: Visits) -> Run:
    """Return the run of the last stage, or of the first stage that fails.

    If calls are fresh, or have their own time limits, it is one run merged from several visits.
    """
    calls, each = stages.calls, job.program.assumptions.time_per_test
    left_s = job.limits.tests_wall_s(len(calls)) if each else job.limits.sample_wall_s
    if visits.options.fresh:

        def enough(run: Run) -> bool:
            return len(run.answers) >= calls.apart and not visits.options.every_case and failed(run)

        return ask_separately(job, calls.singly(), visits.candidate, enough, left_s)
    for count in stages.counts:
        if each:
            run = ask_with_own_limits(job, calls, count, visits.candidate, left_s)
            left_s -= run.wall_s - run.waited_s
        else:
            run = visits.candidate(replace(job, program=replace(job.program, tests=calls.first(count), selection=None)))
        if not run.proved or failed(run):
            break
    return run


def _scored(run: Run, job: Job, tests: CallTests) -> Score:
    scored = judge.score(run, replace(job.program, tests=tests, selection=None), job.limits)
    return replace(scored, tests=tests)


def _in_proportion(job: Job, reference: Reference) -> Job:
    """Return the job with time limits that are at least some multiple of the reference's CPU time."""
    limits = replace(
        job.limits,
        cpu_s=max(job.limits.cpu_s, REFERENCE_TIMES * reference.cpu_s),
        wall_s=max(job.limits.wall_s, 2 * REFERENCE_TIMES * reference.cpu_s),
    )
    return replace(job, limits=limits)
