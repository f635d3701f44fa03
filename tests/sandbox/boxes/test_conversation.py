"""Programs that talk over the host: bytes both ways, ends, limits, lost boxes, and programs that answer the host."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sandbox.boxes.box_supply import CANDIDATE, BoxRole
from sandbox.boxes.conversation import Partner
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.pool import GRADER, Pool, WorkerBoxes
from sandbox.scoring.scorer import open_pool
from sandbox.values import Ending, Job, Limits, Program, Run

pytestmark = pytest.mark.docker

LIMITS = Limits(wall_s=20)
OTHER = BoxRole("other")
ECHO = "import sys\nfor line in sys.stdin:\n    print(line.strip()[::-1], flush=True)\n"


@pytest.fixture(scope="module")
def pool(engine: DockerClient) -> Iterator[Pool]:
    assert engine.answers()
    with open_pool(LIMITS, boxes=1) as opened:
        yield opened


def job(source: str, **limits: float) -> Job:
    return Job(program=Program(source=source), limits=Limits(**{"wall_s": 20, **limits}))  # type: ignore[arg-type]


def talk(pool: Pool, mine: str, theirs: str, *, yes: bool = True, **limits: float) -> tuple[Run, Partner]:
    partner = Partner(role=OTHER, job=job(theirs), agrees=lambda run: yes and run.proved)

    def both(boxes: WorkerBoxes) -> Run:
        return boxes.converse(CANDIDATE, job(mine, **limits), partner)

    return pool.submit_task(both).result(timeout=300), partner


def test_each_reads_what_the_other_one_prints_until_its_end(pool: Pool) -> None:
    asks = "for n in range(100):\n    print(n, flush=True)\n    assert input() == str(n)[::-1]\nprint('done')\n"
    for _ in range(3):
        run, partner = talk(pool, asks, ECHO)
        assert (run.proved, run.stdout.splitlines()[-1], partner.ended_first) == (True, b"done", False)
        assert partner.run is not None
        assert partner.run.stdout.splitlines()[-2:] == [b"99", b"enod"]


def test_both_may_flood_without_a_deadlock(pool: Pool) -> None:
    floods = (
        "import sys\nsys.stdout.write('x' * 1_000_000)\nsys.stdout.flush()\nassert len(sys.stdin.read(10**6)) == 10**6"
    )
    run, partner = talk(pool, floods, floods)
    assert partner.run is not None
    assert (run.proved, partner.run.proved) == (True, True)
    deaf = "import sys\nsys.stdout.write('x' * 1_000_000)"
    run, partner = talk(pool, deaf, deaf)
    assert run.proved
    endless, partner = talk(pool, "while True: print('x' * 1000)", "import time\ntime.sleep(9)")
    assert endless.ending is Ending.TOO_MUCH_OUTPUT


def test_the_end_that_decides_ends_the_other_program(pool: Pool) -> None:
    run, partner = talk(pool, "input()", "pass", yes=False)
    assert (run.ending, run.signal, partner.ended_first) == (Ending.SIGNALLED, 9, True)
    run, partner = talk(pool, "1 / 0", "input()")
    assert run.raised is not None
    assert run.raised.type == "ZeroDivisionError"
    assert partner.run is not None
    assert (partner.run.signal, partner.ended_first) == (9, False)
    run, partner = talk(pool, "while True: pass", "input()", cpu_s=0.2)
    assert run.ending is Ending.OUT_OF_CPU
    run, partner = talk(pool, "try:\n    input()\nexcept EOFError:\n    print('the end')", "print('', end='')")
    assert (run.stdout, partner.ended_first) == (b"the end\n", True)


def test_streams_have_nothing_of_the_conversation_before(pool: Pool) -> None:
    for word in ("one", "two"):
        late = f"import sys\nprint('{word}' * 1000, flush=True)\nsys.exit(0)"
        run, _ = talk(pool, "print(input()[:3])", late)
        assert run.stdout == f"{word}\n".encode()


def test_a_conversation_whose_box_is_removed_begins_anew(pool: Pool, engine: DockerClient) -> None:
    begun, lost = threading.Event(), list[str]()

    def remove(boxes: WorkerBoxes) -> Run:
        partner = Partner(role=OTHER, job=job("print(input())"), agrees=lambda run: run.proved)
        box = boxes._boxes[OTHER].box
        assert box is not None
        lost.append(box.id)
        begun.set()
        return boxes.converse(CANDIDATE, job("import time\ntime.sleep(1)\nprint('x')\nprint(input())"), partner)

    talk(pool, "pass", "pass")  # the other box is there
    running = pool.submit_task(remove)
    assert begun.wait(60)
    engine.remove(lost[0])
    assert running.result(timeout=300).stdout == b"x\nx\n"


def test_a_program_that_stays_answers_line_by_line_and_leaves_a_clean_box(pool: Pool) -> None:
    def ask(boxes: WorkerBoxes) -> list[bytes | None]:
        stays = job(ECHO)
        assert boxes.session(stays) is None  # the first time
        session = boxes.session(stays)
        assert session is not None
        answers = [session.ask(line, 60) for line in (b"abc", b"", b"x" * 100_000)]
        assert boxes.session(stays) is session
        box = boxes._boxes[GRADER].box
        assert boxes.visit(GRADER, job("print(7)")).stdout == b"7\n"
        assert boxes._boxes[GRADER].box is box  # so it was clean
        return answers

    assert pool.submit_task(ask).result(timeout=300) == [b"cba", b"", b"x" * 100_000]


@pytest.mark.parametrize("source", ["pass", "input()", "input()\nprint(1)\nprint(2)", "while True: pass"])
def test_a_program_that_does_not_answer_in_time_or_too_much_is_told_apart(pool: Pool, source: str) -> None:
    def ask(boxes: WorkerBoxes) -> bytes | None:
        boxes.session(job(source, cpu_s=0.5))
        session = boxes.session(job(source, cpu_s=0.5))
        assert session is not None
        answer = session.ask(b"x", 10)
        answer = answer if answer is None else session.ask(b"y", 10)
        boxes.end_session()
        assert boxes.visit(GRADER, job("print(7)")).stdout == b"7\n"
        return answer

    assert pool.submit_task(ask).result(timeout=300) is None
