"""What a program can read of the one before it in its box from the counter of process ids (SECURITY.md)."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from sandbox.inside import cleanup
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits, Program, StdinTest, StdinTests

MOST_IDS = 1 << 15  # the counter begins anew after so many
PROGRAM = """
import os, threading
print(os.getpid())
for _ in range({threads}):
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
"""


def steps(scorer: Scorer, threads: int, programs: int) -> list[int]:
    """Return the distance between the process ids of each two programs, which make `threads` threads each."""
    source = PROGRAM.format(threads=threads)
    tests = StdinTests(cases=(StdinTest(stdin=b"", expected=b"0"),))
    pids = [int(scorer.score(Program(source=source, tests=tests)).run.stdout) for _ in range(programs)]
    return [later - earlier for earlier, later in pairwise(pids) if later > earlier]


@pytest.mark.docker
def test_the_number_of_threads_of_a_program_cannot_be_read_by_the_next_one() -> None:
    with open_scorer(Limits(cpu_s=4, wall_s=20), boxes=1) as scorer:
        (ours,) = set(steps(scorer, 0, 4))
        seen = {threads: [step - ours for step in steps(scorer, threads, 30)] for threads in (3, 5, 200)}
    for threads, distances in seen.items():
        most = threads + min(cleanup.SPREAD, cleanup._TIMES * threads)
        assert all(threads <= distance < most for distance in distances), threads
    assert any(distance >= 5 for distance in seen[3])
    assert any(distance < 51 for distance in seen[5]), "three threads may take as many ids"
    assert len(set(seen[200])) > 1


def test_about_five_bits_are_the_most_that_a_program_can_leave_in_the_counter() -> None:
    told_apart, number = 1, 1  # none; then numbers whose distances never overlap
    while number < MOST_IDS:
        told_apart += 1
        number += min(cleanup.SPREAD, cleanup._TIMES * number)
    assert 5 <= math.log2(told_apart) < 5.3
