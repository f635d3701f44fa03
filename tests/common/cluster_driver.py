"""A driver for tests to kill: scores programs on the cluster at an address until it is ended. It prints its state."""

import sys
from pathlib import Path

from sandbox.cluster.pool import ClusterPool
from sandbox.values import Program

LOOP = "total = 0\nfor number in range(3_000_000):\n    total += number\nprint({})\n"


def main() -> None:
    """Keep all nodes busy."""
    address, ready = sys.argv[1:]
    with ClusterPool(address) as pool:
        futures = [pool.submit(Program(source=LOOP.format(number))) for number in range(1000)]
        futures[0].result()
        Path(ready).write_text("busy")
        for future in futures:
            future.result()


main()
