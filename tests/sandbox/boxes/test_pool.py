"""A pool on a real engine: what it survives, and what it leaves behind."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.boxes import box as box_module
from sandbox.boxes.box_supply import PoolSpec
from sandbox.boxes.container_config import LABEL, LABEL_OWNER, BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ensure_image
from sandbox.boxes.isolation_check import WallBroken
from sandbox.boxes.ownership import Cores, Owner, allowed_cores, remove_orphans
from sandbox.boxes.pool import CANDIDATE, GRADER, BoxRole, Pool, WorkerBoxes
from sandbox.errors import ImageMissing, PoolInOtherProcess, TaskCancelled
from sandbox.values import Ending, Flag, Job, Limits, Program

pytestmark = pytest.mark.docker
LIMITS = Limits(cpu_s=2, wall_s=5, memory_mb=128)
WHERE = "import os; print(os.stat('/tmp').st_dev)"  # tells containers apart


def ours(engine: DockerClient) -> list[str]:
    """The boxes of this process (the session's own scorer has some, too)."""
    return [found.id for found in engine.containers(LABEL) if found.labels[LABEL_OWNER] == Owner.this().label()]


@contextlib.contextmanager
def a_pool(engine: DockerClient, boxes: int = 1) -> Iterator[tuple[Pool, set[str]]]:
    before = set(ours(engine))
    with Pool(engine, PoolSpec(image=ensure_image(engine, say=print), limits=LIMITS, boxes=boxes)) as pool:
        yield pool, before
    assert set(ours(engine)) == before


def job(source: str, wall_s: float = LIMITS.wall_s) -> Job:
    return Job(program=Program(source=source), limits=replace(LIMITS, wall_s=wall_s))


def test_many_threads_may_ask_and_everyone_gets_his_own_answer(engine: DockerClient) -> None:
    with a_pool(engine, boxes=2) as (pool, _):
        answers: dict[int, bytes] = {}

        def ask(number: int) -> None:
            answers[number] = pool.submit(job(f"print({number})")).result().stdout

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == {number: b"%d\n" % number for number in range(40)}


def test_one_program_opens_one_box_and_the_second_a_spare(engine: DockerClient) -> None:
    with a_pool(engine) as (pool, before):
        for number, boxes in ((1, 1), (2, 2)):
            assert pool.submit(job(f"print({number})")).result().stdout == b"%d\n" % number
            deadline = time.monotonic() + 120
            while len(set(ours(engine)) - before) < boxes:
                assert time.monotonic() < deadline
            assert len(set(ours(engine)) - before) == boxes


def test_a_box_removed_from_outside_costs_a_retry_and_no_verdict(
    engine: DockerClient, until_inside: Callable[..., None]
) -> None:
    with a_pool(engine) as (pool, before):
        running = pool.submit(job("import time; time.sleep(1); print('done')"))
        until_inside(engine, set(ours(engine)) - before, running)
        for container in set(ours(engine)) - before:
            engine.remove(container)
        run = running.result(timeout=300)
        assert run.stdout == b"done\n"
        assert run.ending is Ending.EXITED


def test_a_program_whose_boxes_die_from_within_is_judged_in_the_end(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No program of ours can kill a box from within, so the one fact that says so is played.
    monkeypatch.setattr("sandbox.boxes.box.Box.broken_from_within", lambda *_: True)
    with a_pool(engine) as (pool, before):
        running = pool.submit(job(FAMILY, wall_s=100))
        for container, _ in itertools.islice(visited(engine, before), 2):
            engine.remove(container)
        run = running.result(timeout=300)
        assert Flag.LOST_TWICE in run.flags
        assert not run.proved


@pytest.mark.skipif(os.getuid() != 0, reason="only root may stop the processes of a container")
def test_a_program_whose_boxes_fall_silent_twice_is_judged_and_its_neighbour_is_not(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box_module, "GRACE_S", 2.0)
    limits = Limits(cpu_s=2, wall_s=3, memory_mb=128)
    with a_pool(engine) as (pool, before):
        running = pool.submit(Job(program=Program(source=FAMILY), limits=limits))
        for _, supervisor in itertools.islice(visited(engine, before), 2):
            os.kill(supervisor, signal.SIGSTOP)
        assert Flag.LOST_TWICE in running.result(timeout=300).flags
        assert pool.submit(job("print(1)")).result(timeout=300).stdout == b"1\n"


FAMILY = "import os, time\nfor _ in range(3):\n  os.fork() or (time.sleep(100), os._exit(0))\ntime.sleep(100)"


def visited(engine: DockerClient, before: set[str]) -> Iterator[tuple[str, int]]:
    """Each box when the family is in it (and not the probe of the walls), and the pid of its supervisor."""
    seen, deadline = set[str](), time.monotonic() + 120
    while time.monotonic() < deadline:
        for container in set(ours(engine)) - before - seen:
            if (pid := busy(engine, container)) is not None:
                seen.add(container)
                yield container, pid
        time.sleep(0.02)


def busy(engine: DockerClient, container: str) -> int | None:
    """The pid of a box's supervisor, while the family sleeps in the box."""
    pid = int((engine.state(container) or {}).get("Pid", 0))
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for child in children:
            forks = Path(f"/proc/{child}/task/{child}/children").read_text(encoding="ascii").split()
            for fork in forks:  # the zygote's: the cleaner, and a candidate
                if len(Path(f"/proc/{fork}/task/{fork}/children").read_text(encoding="ascii").split()) == 3:
                    return pid
    return None


def test_leaving_early_cancels_what_waits_and_ends_what_runs(
    engine: DockerClient, until_inside: Callable[..., None]
) -> None:
    with contextlib.suppress(KeyboardInterrupt), a_pool(engine) as (pool, before):
        waiting = [pool.submit(job("import time; time.sleep(90)", wall_s=100)) for _ in range(5)]
        until_inside(engine, set(ours(engine)) - before, waiting[0])
        began = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - began < 60
    assert all(future.done() for future in waiting)


# A shell that runs the tests in the background has told its children to ignore interrupts.
OWNER_PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from sandbox.scoring.scorer import open_scorer
from sandbox.values import Limits, Program
with open_scorer(Limits(memory_mb=128), boxes=1) as scorer:
    pending = [scorer.submit(Program(source="import time; time.sleep(9)")) for _ in range(20)]
    print("open", flush=True)
    time.sleep(60)
"""


def start_owner() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", OWNER_PROGRAM], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"open\n"
    return process


def boxes_of(engine: DockerClient, pid: int) -> list[str]:
    return [found.id for found in engine.containers(LABEL) if f"/{pid}/" in found.labels[LABEL_OWNER]]


def test_what_a_killed_process_left_is_reaped_by_the_next_pool_and_not_before(engine: DockerClient) -> None:
    with start_owner() as process:
        assert boxes_of(engine, process.pid)
        remove_orphans(engine)
        assert boxes_of(engine, process.pid), "a living process keeps its boxes"
        deadline = time.monotonic() + 50
        while len(boxes_of(engine, process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)  # the engine would still make the spare box after its owner was killed
        process.kill()
        process.communicate()
    with a_pool(engine):
        assert not boxes_of(engine, process.pid)


def test_an_interrupted_process_leaves_no_box(engine: DockerClient) -> None:
    with start_owner() as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert not boxes_of(engine, process.pid)


def test_an_owner_is_told_from_another_process_with_the_same_pid() -> None:
    this = Owner.this()
    assert Owner.parse(this.label()) == this
    assert not this.is_gone()
    assert Owner(this.boot, this.namespace, this.pid, this.started + 1).is_gone()
    assert not Owner("another-boot", this.namespace, os.getpid(), 0).is_gone()
    assert Owner.parse("garbage") is None


def test_an_image_that_is_not_there_is_named_with_the_way_out(engine: DockerClient) -> None:
    with pytest.raises(ImageMissing, match="sandbox build"):
        Pool(engine, PoolSpec(image="codebudget-box:no-such", limits=LIMITS, boxes=1))


def test_a_closed_pool_takes_no_job(engine: DockerClient) -> None:
    with a_pool(engine) as (pool, _):
        pass
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(job(""))


def test_a_box_is_replaced_before_its_uids_come_round(engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_module, "MAX_RUNS", 10)
    with a_pool(engine) as (pool, _):
        uids = [pool.submit(job("import os; print(os.getuid())")).result(timeout=300).stdout for _ in range(24)]
    assert len(set(uids)) == 24


def test_a_pool_whose_walls_do_not_hold_does_not_open(engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    real, before = box_module.container_body, ours(engine)

    def unlimited(spec: BoxSpec, uid: int) -> dict[str, Any]:
        body = real(spec, uid)
        return body | {"HostConfig": body["HostConfig"] | {"PidsLimit": 0}}

    monkeypatch.setattr(box_module, "container_body", unlimited)
    with pytest.raises(WallBroken, match="processes"), a_pool(engine):
        pass
    assert ours(engine) == before


def test_removing_one_container_from_many_sides_at_once_is_no_error(engine: DockerClient) -> None:
    """Two programs that start at the same time both remove what a third has left."""
    image = ensure_image(engine, say=print)
    for _ in range(3):
        container = engine.create({"Image": image, "Cmd": ["python", "-c", "pass"], "NetworkDisabled": True})
        with ThreadPoolExecutor(6) as hands:
            list(hands.map(engine.remove, [container] * 6))
        assert engine.state(container) is None


def test_a_visit_that_raises_after_its_box_was_replaced_leaks_no_box(engine: DockerClient) -> None:
    with a_pool(engine) as (pool, before):
        assert pool.submit(job("print(1)")).result().stdout == b"1\n"
        other = replace(job("print(1)"), limits=replace(LIMITS, disk_mb=7))
        for _ in range(3):
            for box in set(ours(engine)) - before:
                engine.remove(box)
            with pytest.raises(ValueError, match="this box was made for"):
                pool.submit_task(lambda boxes: boxes.run(other)).result(timeout=120)
        assert pool.submit(job("print(2)")).result(timeout=120).stdout == b"2\n"
        deadline = time.monotonic() + 60
        while len(set(ours(engine)) - before) > 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(set(ours(engine)) - before) <= 2, "the box in use and the spare one"


def test_each_role_of_a_task_has_a_box_of_its_own_and_may_have_another_image(engine: DockerClient) -> None:
    with a_pool(engine) as (pool, _):
        other = BoxRole("compiler", image=f"docker.io/library/{pool.spec.image}")  # the same, by another name

        def task(boxes: WorkerBoxes) -> list[str]:
            seen = [boxes.visit(role, job(WHERE)).stdout.decode() for role in (CANDIDATE, GRADER, other, other)]
            assert boxes.run(job(WHERE)).stdout.decode() == seen[0]
            return seen

        candidate, grader, compiler, again = pool.submit_task(task).result(timeout=300)
        assert len({candidate, grader, compiler}) == 3
        assert again == compiler, "a box is opened once"
        missing = BoxRole("compiler", image="codebudget-box:none")
        with pytest.raises(ImageMissing, match="codebudget-box:none"):
            pool.submit_task(lambda boxes: boxes.visit(missing, job(WHERE))).result(timeout=300)


def test_a_task_that_was_cancelled_leaves_its_box(engine: DockerClient, until_inside: Callable[..., None]) -> None:
    with a_pool(engine) as (pool, before):
        visits: list[bytes] = []
        inside = threading.Event()

        def talk(boxes: WorkerBoxes) -> None:
            inside.set()
            while True:
                visits.append(boxes.run(job("import time; time.sleep(0.2)")).stdout)

        long = pool.submit(job("import time; time.sleep(60)", wall_s=90))
        until_inside(engine, set(ours(engine)) - before, long)
        pool.cancel(long)
        with pytest.raises(TaskCancelled):
            long.result(timeout=60)
        talking = pool.submit_task(talk)
        waiting = pool.submit(job("print(3)"))
        inside.wait(60)
        pool.cancel(talking)
        with pytest.raises(TaskCancelled):
            talking.result(timeout=60)
        assert waiting.result(timeout=60).stdout == b"3\n"
        assert pool.failure is None


def test_a_fork_of_a_pools_process_is_told_so_and_leaves_the_boxes_alone(engine: DockerClient) -> None:
    with a_pool(engine) as (pool, _):
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            try:
                pool.submit(job("print(1)"))
            except PoolInOtherProcess as error:
                os.write(writing, str(error).encode())
            pool.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert b"a fork has none of its threads" in os.read(reading, 1000)
        assert pool.submit(job("print(2)")).result(timeout=60).stdout == b"2\n"
        os.close(reading)
        os.close(writing)


def test_a_passing_lack_of_descriptors_is_no_failure_of_the_pool(engine: DockerClient) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with a_pool(engine) as (pool, before):
        for box in set(ours(engine)) - before:
            engine.remove(box)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))  # what is open stays open
            running = pool.submit(job("print(1)"))
            time.sleep(1)
            assert not running.done()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert running.result(timeout=120).stdout == b"1\n"
        assert pool.failure is None


def test_pools_take_the_cores_that_no_other_pool_has_and_share_where_there_are_too_few() -> None:
    many = range(10**6 * os.getpid(), 10**6 * os.getpid() + 5)
    first, second = Cores(2, many), Cores(2, many)
    assert set(first.chosen) | set(second.chosen) == set(many[:4])
    third = Cores(3, many)
    assert third.chosen[0] == many[4]
    assert set(third.chosen) <= set(many)
    for cores in (first, second, third):
        cores.close()
    again = Cores(7, many[:2])
    assert again.chosen == [many[0], many[1], many[0], many[1], many[0], many[1], many[0]]
    again.close()


def test_only_cores_that_this_process_may_use_are_taken() -> None:
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {max(mine)})
        assert allowed_cores(max(mine) + 1) == [max(mine)]
    finally:
        os.sched_setaffinity(0, mine)
    assert allowed_cores(min(mine) + 1) == [min(mine)]
    assert allowed_cores(0) == []
