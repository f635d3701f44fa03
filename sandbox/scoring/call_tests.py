"""Score a program by calls: the candidate answers in its box, and the host compares.

If the tests hold no expected answers, the data set's own solution is asked for them first (`references`).

A program may need several visits: for isolated calls (`ask_separately`), or for calls that each have their own time
limit (`ask_with_own_limits`). Each visit loads the program anew, in a process with a new uid, in a box that is proved
clean: no process, file, shared memory or pipe of an earlier visit is left. The limits hold for each visit, from outside
the program; all visits of a sample share a budget of wall time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sandbox.judging import judge
from sandbox.judging.merged_tests import MergedTests, merge_tests, seen_by_judge, seen_by_selection
from sandbox.scoring.references import Reference, References
from sandbox.scoring.strategy import Visits
from sandbox.values import MANY, STAGES, AskedCalls, CallList, CallTests, Ending, Job, ReferenceTests, Run, Score

MIN_VISIT_S = 0.05  # no visit is begun with less wall time


def ask_separately(
    job: Job, calls: Sequence[AskedCalls], visit: Callable[[Job], Run], enough: Callable[[Run], bool], left_s: float
) -> Run:
    """Ask each of `calls`, which hold one call each, in its own visit; return one run with all answers.

    So a process holds only the arguments of its own call. Asking stops at a visit without an answer, or when `enough`
    is true for the answers so far; it is checked after 1, 2, 4, 8 … calls. `left_s` is the wall time for all visits, in
    seconds.
    """
    runs: list[Run] = []
    for number, one in enumerate(calls, 1):
        run = visit(_within(job, one, left_s))
        runs.append(run)
        left_s -= run.wall_s - run.waited_s
        if not run.proved or not run.answers:
            break
        if left_s < MIN_VISIT_S and number < len(calls):
            runs[-1] = replace(run, ending=Ending.OUT_OF_WALL, proved=False)
            break
        if number & (number - 1) == 0 and number < len(calls) and enough(_together(runs)):
            break
    return _together(runs)


def ask_with_own_limits(job: Job, calls: CallList, count: int, visit: Callable[[Job], Run], left_s: float) -> Run:
    """Ask the first `count` calls, where each call has its own time limit; return one run with all answers.

    All calls are asked in one visit, and most programs need no other. When the time of the visit is over, the calls
    without an answer are asked in another visit. The call that was stopped comes first there and has the full time; if
    it is stopped again, it exceeds its limit. Each visit but the last brings an answer, so the total time is at most
    one limit for each call, and at most `left_s`. A program gains nothing by false answers: given answers stay.
    """
    runs: list[Run] = []
    start = 0
    while True:
        run = visit(_within(job, calls.between(start, count), left_s))
        left_s -= run.wall_s - run.waited_s
        answered = min(len(run.answers), count - start - 1)  # the last call is over when the program is
        stopped = run.ending in {Ending.OUT_OF_CPU, Ending.OUT_OF_WALL}
        if not stopped or not answered or left_s < MIN_VISIT_S:
            return _together([*runs, run])
        runs.append(replace(run, answers=run.answers[:answered]))
        start += answered


def _within(job: Job, calls: AskedCalls, left_s: float) -> Job:
    """Return the job for these calls, with `left_s` or its own limit as wall time, whichever is less."""
    limits = replace(job.limits, wall_s=min(job.limits.wall_s, max(left_s, MIN_VISIT_S)))
    return replace(job, program=replace(job.program, tests=calls, selection=None), limits=limits)


def _together(runs: Sequence[Run]) -> Run:
    """Merge runs into one: it has the answers of all and the ending of the last."""
    return replace(
        runs[-1],
        answers=tuple(answer for run in runs for answer in run.answers),
        cpu_s=math.fsum(run.cpu_s for run in runs),
        wall_s=math.fsum(run.wall_s for run in runs),
        waited_s=math.fsum(run.waited_s for run in runs),
        memory_mb=max(run.memory_mb for run in runs),
        flags=frozenset().union(*(run.flags for run in runs)),
    )


CHEAP_CPU_S = 0.01  # below this, a visit costs more than all calls of the reference
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
        scored = _scored(_run_stages(job, stages, lambda run: judge.has_failed(run, tests), visits), job, tests)
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
        run = _run_stages(job, _stages(joined.calls, whole.cpu_s, visits), failed, visits)
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


def _run_stages(job: Job, stages: _Stages, failed: Callable[[Run], bool], visits: Visits) -> Run:
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
