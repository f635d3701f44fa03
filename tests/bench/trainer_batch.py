"""How long a trainer waits for a batch of 256 completions of which 32 are endless loops.

Prints the time of the batch as a ratio to what cannot be avoided: the time of the 224 honest ones, measured in the same
run, and the loops' CPU limit shared by the boxes. The bound is 1.3, with and without partial credit.

.venv/bin/python tests/bench/trainer_batch.py [CPU_SECONDS]
"""

from __future__ import annotations

import sys
import time

from sandbox import Limits, Pool, Problem, reward

BOXES, HONEST, LOOPS = 2, 224, 32
TESTS = [{"input": f"{n} {n}", "output": str(2 * n)} for n in range(4)]
ROW = {"prompt": "Add two numbers.", "reward_model": {"ground_truth": TESTS}}
SUM = "a, b = map(int, input().split())\nprint(a + b)  # {}\n"
LOOP = "a, b = map(int, input().split())\nwhile True: pass  # {}\n"


def main() -> None:
    cpu_s = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    problem = Problem.from_row(ROW)
    with Pool(Limits(cpu_s=cpu_s, wall_s=10 * cpu_s), boxes=BOXES) as pool:
        for partial in (False, True):
            honest = [SUM.format(f"{partial} {n}") for n in range(HONEST)]
            began = time.perf_counter()
            reward(honest, problem, pool=pool, given="solution", partial=partial)
            alone_s = time.perf_counter() - began
            mixed = [SUM.format(f"{partial} again {n}") for n in range(HONEST)]
            for n in range(LOOPS):
                mixed.insert(8 * n, LOOP.format(f"{partial} {n}"))
            began = time.perf_counter()
            values = reward(mixed, problem, pool=pool, given="solution", partial=partial)
            took_s = time.perf_counter() - began
            assert sorted(values) == [0.0] * LOOPS + [1.0] * HONEST
            least_s = alone_s + LOOPS * cpu_s / BOXES
            print(
                f"partial={partial}: {took_s:.1f} s, {took_s / least_s:.2f} times {alone_s:.1f} s for the honest ones "
                f"and {LOOPS * cpu_s / BOXES:.1f} s for the loops"
            )


if __name__ == "__main__":
    main()
