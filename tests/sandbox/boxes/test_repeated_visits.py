"""A program that comes again.

What one visit leaves is not there in the next, and a broken runner harms its program alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import LABEL, LABEL_OWNER, BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ensure_image
from sandbox.boxes.ownership import Owner
from sandbox.boxes.pool import WorkerBoxes
from sandbox.judging import judge
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import Ending, Flag, Job, Limits, Program, Run, StdinTest, StdinTests, Verdict

LIMITS = Limits(cpu_s=1, wall_s=3, memory_mb=128)
GOOD = "import os; open('mine', 'w').close(); print(2 * int(input()))"
DOUBLE = StdinTests(cases=tuple(StdinTest(stdin=b"%d\n" % n, expected=b"%d\n" % (2 * n)) for n in range(1, 8)))


def job(source: str, stdin: bytes = b"", limits: Limits = LIMITS) -> Job:
    return Job(program=Program(source=source), stdin=stdin, limits=limits, repeat=True)


def verdict(run: Run) -> Verdict:
    return judge.judge(run, Program(source=""))


def test_only_a_script_can_be_repeated() -> None:
    with pytest.raises(ValueError, match="without tests"):
        Job(program=Program(source="", tests="assert True"), repeat=True)


@pytest.fixture(scope="module")
def only(engine: DockerClient) -> Iterator[Box]:
    spec = BoxSpec(image=ensure_image(engine, say=print), limits=LIMITS, owner=Owner.this().label())
    with closing(Box(engine, spec)) as opened:
        yield opened


@pytest.fixture
def box(only: Box) -> Iterator[Box]:
    """The one box of these tests, which every test has to leave clean."""
    yield only
    only.release_program()
    assert only.clean
    assert verdict(only.run(replace(job(GOOD, b"1"), repeat=False))) is Verdict.PASSED


@pytest.mark.docker
def test_it_is_compiled_once_and_begins_anew_each_time(box: Box) -> None:
    source = (
        "import builtins, sys\n"
        "print(input(), hasattr(builtins, 'seen'), 'json.seen' in sys.modules, __name__)\n"
        "builtins.seen = sys.modules['json.seen'] = True\n" + "x = [1, 2, 3]\n" * 20_000
    )
    first, second, third = (box.run(job(source, word)) for word in (b"a\n", b"b\n", b"c\n"))
    assert [run.stdout for run in (first, second, third)] == [
        b"%s False False __main__\n" % word for word in (b"a", b"b", b"c")
    ]
    assert first.proved
    assert third.proved
    assert first.cpu_s > 3 * third.cpu_s, "compiling is paid for once, by the first"


@pytest.mark.docker
def test_it_ends_as_python_ends_it_each_time(box: Box) -> None:
    source = """
import atexit, threading, time
atexit.register(print, 'handler')
threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()
print('main')
"""
    for _ in range(2):
        run = box.run(job(source))
        assert (run.stdout, run.proved) == (b"main\nthread\nhandler\n", True)


@pytest.mark.docker
def test_it_keeps_its_uid_and_the_next_program_has_another(box: Box) -> None:
    source = "import os; print(os.getresuid(), os.getgroups())"
    first, second = (box.run(job(source)).stdout for _ in range(2))
    box.release_program()
    assert first == second != box.run(job(source)).stdout


@pytest.mark.docker
def test_files_are_gone_before_it_comes_again(box: Box) -> None:
    source = "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm')); open(input(), 'w').write('x')"
    for name in (b"/tmp/a\n", b"/dev/shm/b\n", b"/tmp/c\n"):
        run = box.run(job(source, name))
        assert run.stdout == b"['main.py'] []\n"
        assert run.flags == {Flag.LEFTOVER_FILES}


@pytest.mark.docker
def test_a_daemon_is_dead_before_it_comes_again(box: Box) -> None:
    source = """
import os, time
mine = [pid for pid in os.listdir('/proc') if pid.isdigit() and os.stat(f'/proc/{pid}').st_uid == os.getuid()]
print(set(mine) == {str(os.getpid()), str(os.getppid())})
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(100)
    os._exit(0)
os.wait()
"""
    for _ in range(3):
        run = box.run(job(source))
        assert run.stdout == b"True\n"
        assert run.flags == {Flag.LEFTOVER_PROCESSES}


@pytest.mark.parametrize("sign", ["SIGKILL", "SIGINT", "SIGSEGV"])
@pytest.mark.docker
def test_killing_its_parent_is_its_own_fault(box: Box, sign: str) -> None:
    source = f"""
import os, signal, time
if input() == 'kill':
    os.kill(os.getppid(), signal.{sign})
    time.sleep(1)
print('done')
"""
    said = [box.run(job(source, word)) for word in (b"live\n", b"kill\n", b"live\n", b"kill\n")]
    assert [verdict(run) for run in said] == [Verdict.PASSED, Verdict.CRASHED] * 2
    assert box.accepts(job(source))


@pytest.mark.docker
def test_stopping_its_parent_costs_its_own_time(box: Box) -> None:
    source = "import os, signal\nif input() == 'stop': os.kill(os.getppid(), signal.SIGSTOP)"
    limits = replace(LIMITS, wall_s=0.5)
    said = [box.run(job(source, word, limits)) for word in (b"stop\n", b"live\n")]
    assert [verdict(run) for run in said] == [Verdict.TIMEOUT, Verdict.PASSED]
    assert said[0].wall_s < LIMITS.wall_s


@pytest.mark.docker
def test_it_cannot_look_into_its_parent(box: Box) -> None:
    source = """
import os
for name in ('mem', 'maps', 'environ', 'fd', 'fd/100', 'fdinfo', 'cwd', 'exe', 'oom_score_adj', 'io', 'auxv',
             'task/%d/mem'):
    path = f'/proc/{os.getppid()}/' + name.replace('%d', str(os.getppid()))
    try:
        os.listdir(path) if name in ('fd', 'fdinfo') else os.readlink(path) if name in (
            'cwd', 'exe', 'fd/100') else open(
            path, 'rb').read(1) if name != 'oom_score_adj' else open(path, 'w').write('-1000')
        print('opened', name)
    except PermissionError:
        pass
print([fd for fd in range(3, 1024) if os.path.exists(f'/proc/self/fd/{fd}')])
print(open('/proc/self/mem', 'rb').closed, open('/dev/stdin').read())
"""
    for _ in range(2):
        assert box.run(job(source, b"mine")).stdout == b"[3, 4]\nFalse mine\n"


@pytest.mark.docker
def test_a_limit_is_that_of_one_visit(box: Box) -> None:
    source = "import time\nif input() == 'sleep': time.sleep(9)\nwhile time.process_time() < 0.3: pass"
    short, long = replace(LIMITS, cpu_s=0.5, wall_s=0.2), replace(LIMITS, cpu_s=0.5, wall_s=9)
    asked = [(b"burn\n", long), (b"burn\n", long), (b"sleep\n", short), (b"burn\n", long), (b"burn\n", long)]
    said = [box.run(job(source, word, limits)) for word, limits in asked]
    assert [run.ending for run in said] == [Ending.EXITED] * 2 + [Ending.OUT_OF_WALL] + [Ending.EXITED] * 2
    assert all(0.29 < run.cpu_s < 0.5 for run in said if run.ending is Ending.EXITED)


@pytest.mark.parametrize(
    "source",
    [
        "print(",
        "x = '\\ud800'.encode()",
        "(" * 5000,
        "-" * 200_000 + "1",
        "x" + ".y" * 200_000,
        "x = [" + "1.5, f'{x}', " * 200_000 + "]",
        "if x:\n" + "".join(" " * depth + "if x:\n" for depth in range(1, 120)),
        "a = 'a' * 4096 * 4096 * 4096 * 4096",
        "import os; os._exit(0)",
        "import os; os.kill(0, 9)",
        "raise SystemExit(3)",
        "import sys; sys.stdout.write('x' * (1 << 21))",
    ],
    ids=lambda source: source[:20],
)
@pytest.mark.docker
def test_whatever_is_wrong_is_judged_as_in_a_single_visit(box: Box, source: str) -> None:
    alone = box.run(replace(job(source), repeat=False))
    for _ in range(2):
        again = box.run(job(source))
        assert (verdict(again), again.signal, again.raised) == (verdict(alone), alone.signal, alone.raised)
        assert verdict(again) is not Verdict.PASSED


@pytest.mark.docker
def test_time_and_memory_for_compiling_are_limited(box: Box) -> None:
    slow, large = "x = a + b * (c - d)\n" * 30_000, "x = [" + "(y, z), " * 450_000 + "]"
    said = [box.run(job(slow, limits=replace(LIMITS, cpu_s=0.05))) for _ in range(2)]
    assert [run.ending for run in said] == [Ending.OUT_OF_CPU] * 2
    box.release_program()
    assert box.run(job(slow, limits=replace(LIMITS, wall_s=0.05))).ending is Ending.OUT_OF_WALL
    box.release_program()
    assert verdict(box.run(job(large, limits=replace(LIMITS, cpu_s=9, wall_s=20)))) is Verdict.MEMORY


@pytest.mark.docker
def test_nobody_else_comes_in_before_the_farewell(box: Box) -> None:
    box.run(job(GOOD, b"1"))
    assert not box.clean
    assert box.accepts(job(GOOD, b"2"))
    assert not box.accepts(replace(job(GOOD, b"2"), repeat=False))
    assert not box.accepts(job("print(1)"))
    box.release_program()
    assert box.accepts(job("print(1)"))


@pytest.mark.docker
def test_a_farewell_to_nobody_changes_nothing(box: Box) -> None:
    box.release_program()
    box.release_program()
    assert box.clean


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    with open_scorer(LIMITS, boxes=1) as opened:
        yield opened


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os; n = int(input()); n != 3 or os.kill(os.getppid(), 9) or input(); print(2 * n)", Verdict.CRASHED),
        ("import os; n = int(input()); n != 3 or os._exit(0); print(2 * n)", Verdict.EARLY_EXIT),
        ("import os; n = int(input()); print(2 * n, flush=True); os.kill(-1, 9)", Verdict.CRASHED),
        (
            "import os\nn = int(input())\nprint(2 * n)\nwhile n == 3:\n try: os.fork()\n except OSError: pass",
            Verdict.TIMEOUT,
        ),
        ("def f(:", Verdict.SYNTAX),
        ("x = [" + "(y, z), " * 450_000 + "]", Verdict.MEMORY),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.docker
def test_a_good_program_passes_after_a_bad_one(source: str, expected: Verdict, scorer: Scorer) -> None:
    for chosen in (scorer, Scorer(scorer.pool, ScoringOptions(every_case=True))):
        assert chosen.score(Program(source=source, tests=DOUBLE)).verdict is expected
        assert scorer.score(Program(source=GOOD, tests=DOUBLE)).verdict is Verdict.PASSED


@pytest.mark.docker
def test_it_stops_at_the_first_failure_or_tries_every_case(scorer: Scorer) -> None:
    program = Program(source="import time; time.sleep(0.2)", tests=DOUBLE)
    first, every = scorer.score(program), Scorer(scorer.pool, ScoringOptions(every_case=True)).score(program)
    assert (first.verdict, every.verdict, every.passed_cases) == (Verdict.WRONG, Verdict.WRONG, 0)
    assert [len(one.runs or ()) for one in (first, every)] == [1, len(DOUBLE.cases)]
    assert every.run.wall_s > 0.2 * len(DOUBLE.cases)


@pytest.mark.docker
def test_a_box_that_was_left_with_a_runner_inside_is_not_used_again(scorer: Scorer, engine: DockerClient) -> None:
    def fail(boxes: WorkerBoxes) -> None:
        boxes.run(job("print(1)"))
        raise RuntimeError("the host's thread fails")

    before = boxes(engine)
    with pytest.raises(RuntimeError):
        scorer.pool.submit_task(fail).result()
    assert scorer.score(Program(source=GOOD, tests=DOUBLE)).verdict is Verdict.PASSED
    assert len(before - boxes(engine)) == 1


@pytest.mark.docker
def test_a_task_that_fails_leaves_a_clean_box(scorer: Scorer, engine: DockerClient) -> None:
    def fail(boxes: WorkerBoxes) -> None:
        with boxes.repeating():
            boxes.run(job("print(1)"))
            raise RuntimeError("the host's thread fails")

    before = boxes(engine)
    with pytest.raises(RuntimeError):
        scorer.pool.submit_task(fail).result()
    assert scorer.score(Program(source=GOOD, tests=DOUBLE)).verdict is Verdict.PASSED
    assert before <= boxes(engine)


@pytest.mark.docker
def test_a_box_that_is_lost_in_between_costs_a_retry_and_no_verdict(
    scorer: Scorer, engine: DockerClient, until_inside: Callable[..., None]
) -> None:
    program = Program(source="import time; time.sleep(0.3); print(2 * int(input()))", tests=DOUBLE)
    running = scorer.submit(program)
    until_inside(engine, boxes(engine), running)
    for container in boxes(engine):
        engine.remove(container)
    assert running.result(timeout=300).verdict is Verdict.PASSED


def boxes(engine: DockerClient) -> set[str]:
    """The boxes of this process, spares included."""
    return {found.id for found in engine.containers(LABEL) if found.labels[LABEL_OWNER] == Owner.this().label()}
