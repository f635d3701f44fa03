"""Together or alone, and programs that lost their time to others."""

from __future__ import annotations

import threading
import time

import pytest

from sandbox.boxes.gate import Gate
from sandbox.judging.judge import score, starved
from sandbox.values import Ending, Flag, Limits, Program, Run


def test_nobody_is_inside_with_the_one_who_is_alone() -> None:
    gate, inside, seen, turns = Gate(), [0], [], 200

    def together() -> None:
        for _ in range(turns):
            with gate.together():
                inside[0] += 1
                time.sleep(0)
                inside[0] -= 1

    def alone() -> None:
        for _ in range(turns):
            with gate.alone():
                seen.append(inside[0])

    threads = [threading.Thread(target=what, daemon=True) for what in (together, together, alone, alone)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    assert seen == [0] * 2 * turns


def a_run(ending: Ending, cpu_s: float, wall_s: float) -> Run:
    return Run(
        ending=ending, exit_code=None, signal=9, cpu_s=cpu_s, wall_s=wall_s, memory_mb=1.0, stdout=b"", stderr=b"", proved=False
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "cpu_s", "deserves_another_try", "idle"),
    [
        (Ending.OUT_OF_WALL, 2.0, True, False),  # at work, on a fifth of a core
        (Ending.OUT_OF_WALL, 0.01, False, True),  # slept
        (Ending.OUT_OF_WALL, 2.9, False, False),  # about to be stopped by the CPU clock anyway
        (Ending.OUT_OF_CPU, 3.0, False, False),
        (Ending.EXITED, 2.0, False, False),
    ],
)
def test_only_a_program_without_its_core_was_starved(
    ending: Ending, cpu_s: float, deserves_another_try: object, idle: object
) -> None:
    run = a_run(ending, cpu_s, 10.0)
    assert starved(run, Limits()) is deserves_another_try
    assert (Flag.IDLE in score(run, Program(source=""), Limits()).flags) is idle
