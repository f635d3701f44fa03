"""Time that a box waits for its core is the machine's: it is proved, given back, and no program can make it up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.boxes import box as box_module
from sandbox.boxes.docker_client import DockerClient
from sandbox.errors import MachineBusy
from sandbox.inside.usage import TaskTimes, WaitBound, WaitEstimate, idle_s, pressure_s
from sandbox.judging import judge, score_records
from sandbox.judging.explaining import explain
from sandbox.scoring.scorer import Scorer, open_scorer, usable_cores
from sandbox.values import Ending, Flag, Limits, Program, Run, Verdict

OTHER, NOBODY = -1, -2
TASKS = 4


class Core:
    """One core in steps of a second, as the kernel keeps its books: a delay is booked when the task gets the core."""

    def __init__(self) -> None:
        self.ran, self.delay, self.waits = dict[int, float](), dict[int, float](), dict[int, float]()
        self.cpu_s = self.waited_s = 0.0

    def step(self, runs: int, ready: frozenset[int]) -> None:
        """One task of the box, somebody else or nobody has the core; all in `ready` want it."""
        for task in ready | {runs} - {OTHER, NOBODY}:
            self.ran.setdefault(task, 0.0)
            self.delay.setdefault(task, 0.0)
        if runs >= 0:
            self.ran[runs] += 1
            self.delay[runs] += self.waits.pop(runs, 0.0)
            self.cpu_s += 1
        for task in ready - {runs}:
            if runs != NOBODY:
                self.waits[task] = self.waits.get(task, 0.0) + 1
        if runs == OTHER and ready:
            self.waited_s += 1

    def end(self, task: int) -> None:
        """A task is gone, with its books."""
        for book in (self.ran, self.delay, self.waits):
            book.pop(task, None)

    def look(self, bound: WaitBound) -> None:
        """Show the books."""
        bound.update(self.cpu_s, [(task, TaskTimes(self.ran[task], self.delay[task])) for task in self.ran])


STEPS = st.tuples(
    st.sampled_from([OTHER, NOBODY, *range(TASKS)]),
    st.frozensets(st.integers(0, TASKS - 1)),
    st.booleans(),
    st.none() | st.integers(0, TASKS - 1),
)


@given(st.lists(STEPS, max_size=60))
def test_no_company_of_tasks_makes_up_a_waiting_that_was_not(
    steps: list[tuple[int, frozenset[int], bool, int | None]],
) -> None:
    core, bound = Core(), WaitBound()
    for runs, ready, look, ends in steps:
        core.step(runs, ready)
        if look:
            core.look(bound)
        if ends is not None:
            core.end(ends)
        assert bound.seconds <= core.waited_s


def test_one_task_has_all_its_waiting_and_those_that_follow_each_other_each_have_theirs() -> None:
    core, bound = Core(), WaitBound()
    for task in range(3):
        for runs in (OTHER, OTHER, task, OTHER, task):
            core.step(runs, frozenset({task}))
        core.look(bound)
        core.end(task)
    assert bound.seconds == core.waited_s == 9


def test_tasks_that_wait_for_each_other_have_waited_for_nobody() -> None:
    core, bound = Core(), WaitBound()
    for number in range(40):
        core.step(number % TASKS, frozenset(range(TASKS)))
        core.look(bound)
    assert bound.seconds == 0


@pytest.mark.parametrize(
    ("book", "seconds"),
    [
        ("some avg10=1.00 avg60=0.00 avg300=0.00 total=9\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=2500000\n", 2.5),
        ("some avg10=1.00 avg60=0.00 avg300=0.00 total=9\n", 0.0),  # kernels that tell of the whole machine only
        (None, 0.0),
    ],
)
def test_the_kernels_own_account_of_a_box_is_read_where_there_is_one(book: str | None, seconds: float) -> None:
    assert pressure_s(book) == seconds


@given(st.lists(st.tuples(st.sampled_from(["box", "others", "nobody"]), st.floats(0, 9), st.booleans())))
def test_a_program_that_is_ready_at_every_look_has_waited_no_longer_than_others_had_the_core(
    times: list[tuple[str, float, bool]],
) -> None:
    estimate, had = WaitEstimate(), dict.fromkeys(("box", "others", "nobody"), 0.0)
    estimate.update(0.0, 0.0, 0.0, ready=True)
    for who, seconds, ready in times:
        had[who] += seconds
        estimate.update(sum(had.values()), had["box"], had["nobody"], ready=ready)
    assert estimate.seconds <= had["others"] + 1e-9
    assert any(ready for *_, ready in times) or estimate.seconds == 0


def test_others_time_before_a_look_at_which_it_was_ready_is_waiting_and_the_rest_is_not() -> None:
    estimate = WaitEstimate()
    for now, used, idle, ready in [(5, 1, 1, True), (9, 2, 2, True), (19, 2, 2, False), (23, 3, 3, True)]:
        estimate.update(now, used, idle, ready=ready)
    assert estimate.seconds == 2 + 2


STAT = "cpu  10 0 30 700 0 0 0\ncpu0 10 0 20 150 50 0 0\ncpu1 1 0 1 300 0 0 0\nintr 7\n"


@pytest.mark.parametrize(
    ("book", "cores", "seconds"),
    [(STAT, {0}, 2.0), (STAT, {1}, 3.0), (STAT, {0, 1}, None), (STAT, {2}, None), (None, {0}, None)],
)
def test_what_a_core_was_idle_is_known_of_one_core(book: str | None, cores: set[int], seconds: float | None) -> None:
    told = idle_s(book, cores)
    assert told == (None if seconds is None else pytest.approx(seconds * 100 / os.sysconf("SC_CLK_TCK")))


def a_run(ending: Ending, *, cpu_s: float, wall_s: float, waited_s: float) -> Run:
    return Run(
        ending=ending,
        exit_code=None,
        signal=9,
        cpu_s=cpu_s,
        wall_s=wall_s,
        waited_s=waited_s,
        memory_mb=1.0,
        stdout=b"",
        stderr=b"",
        proved=False,
    )


@pytest.mark.parametrize(
    ("run", "is_starved", "flags"),
    [
        (a_run(Ending.OUT_OF_WALL, cpu_s=0.9, wall_s=100.1, waited_s=99.0), True, {Flag.KEPT_WAITING}),
        (a_run(Ending.OUT_OF_WALL, cpu_s=5.0, wall_s=10.1, waited_s=0.0), False, {Flag.NEAR_LIMIT}),  # worked and slept
        (a_run(Ending.OUT_OF_WALL, cpu_s=0.01, wall_s=10.1, waited_s=0.0), False, {Flag.NEAR_LIMIT, Flag.IDLE}),
        (a_run(Ending.OUT_OF_WALL, cpu_s=9.0, wall_s=30.1, waited_s=20.0), False, {Flag.NEAR_LIMIT, Flag.KEPT_WAITING}),
        (a_run(Ending.OUT_OF_CPU, cpu_s=30.0, wall_s=99.0, waited_s=69.0), False, {Flag.NEAR_LIMIT, Flag.KEPT_WAITING}),
        (a_run(Ending.EXITED, cpu_s=0.9, wall_s=9.9, waited_s=9.0), False, set()),
    ],
)
def test_only_a_program_that_was_kept_from_its_wall_time_was_starved(
    run: Run, is_starved: object, flags: set[Flag]
) -> None:
    limits = Limits(cpu_s=20.0, wall_s=10.0)
    assert judge.starved(run, limits) is is_starved
    scored = judge.score(run, Program(source=""), limits)
    assert scored.flags - {Flag.NO_TESTS} == flags
    kept = score_records.unpack(score_records.pack(score_records.facts_of(scored, limits)))
    assert kept.run == run


def test_the_explanation_of_a_timeout_says_what_was_the_machines_part() -> None:
    limits, run = Limits(wall_s=10), a_run(Ending.OUT_OF_WALL, cpu_s=0.5, wall_s=32.0, waited_s=22.0)
    told = explain(judge.score(run, Program(source=""), limits), limits, Program(source=""))
    assert told == "ran for 10.00 s of 10 s wall time (0.50 s CPU and 22.00 s waiting for a core) and was killed"


def spinning(seconds: float) -> Program:
    return Program(source=f"import time\nwhile time.process_time() < {seconds}: pass\n", tests="assert True")


LIMITS = Limits(cpu_s=3, wall_s=1, memory_mb=128)


@contextmanager
def company(of_each_core: int) -> Iterator[None]:
    """Processes that want every core, each in a session of its own (there the kernel shares a core by sessions)."""
    loop = ["timeout", "60", "sh", "-c", "while :; do :; done"]
    loops = [subprocess.Popen(loop, start_new_session=True) for _ in range(of_each_core * usable_cores())]
    try:
        yield
    finally:
        for one in loops:
            one.terminate()
        for one in loops:
            one.wait()


@pytest.fixture
def lonely(engine: DockerClient) -> Iterator[Scorer]:
    """A scorer with one box that was opened while nobody of ours was in its way."""
    assert engine is not None
    with open_scorer(LIMITS, boxes=1) as scorer:
        yield scorer


MANY_CHILDREN = Program(
    source="""
import os, time
for _ in range(30):
    if os.fork() == 0:
        while time.process_time() < 0.01: pass
        os._exit(0)
    os.wait()
""",
    tests="assert True",
)


@pytest.mark.docker
@pytest.mark.parametrize("program", [spinning(0.6), MANY_CHILDREN], ids=["alone", "many-children"])
def test_a_program_that_is_kept_from_its_core_has_its_time_all_the_same(
    lonely: Scorer, monkeypatch: pytest.MonkeyPatch, program: Program
) -> None:
    """Also when that is longer than the host waits for a box that says nothing."""
    monkeypatch.setattr(box_module, "GRACE_S", 3.0)
    with company(5):
        try:
            scored = lonely.score(program)
        except MachineBusy:  # this machine has more to do than what we gave it
            return
    assert scored.verdict is Verdict.PASSED
    assert Flag.KEPT_WAITING in scored.flags
    assert LIMITS.wall_s < scored.run.wall_s < scored.run.waited_s + LIMITS.wall_s


@pytest.mark.docker
def test_one_that_waits_for_ever_is_not_scored_and_the_box_serves_the_next(
    lonely: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box_module, "PATIENCE", 1)
    monkeypatch.setattr(box_module, "PATIENCE_S", 0.2)
    with company(3), pytest.raises(MachineBusy, match="waited for a core"):
        lonely.score(spinning(0.9))
    assert lonely.score(Program(source="x = 1", tests="assert x == 1")).verdict is Verdict.PASSED


SLEEPS = "import time\ntime.sleep(60)\n"
WORKS_AND_SLEEPS = """
import time
while True:
    began = time.process_time()
    while time.process_time() - began < 0.01: pass
    time.sleep(0.05)
"""
CROWD = """
import threading, time
def rush():
    while True:
        time.sleep(0.5 - time.time() % 0.5)
        began = time.process_time()
        while time.process_time() - began < 0.002: pass
for _ in range(20): threading.Thread(target=rush).start()
"""


@pytest.mark.docker
@pytest.mark.parametrize("source", [SLEEPS, WORKS_AND_SLEEPS, CROWD])
def test_a_program_that_keeps_itself_waiting_is_stopped_by_the_wall_clock(lonely: Scorer, source: str) -> None:
    scored = lonely.score(Program(source=source))
    assert scored.verdict is Verdict.TIMEOUT, scored
    assert scored.run.wall_s - scored.run.waited_s >= LIMITS.wall_s
