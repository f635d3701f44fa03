"""What a program's imports cost: in an image that has imported the packages before, and in one that has not.

    .venv/bin/python tests/bench/preloaded.py --profile scientific --rounds 40
    .venv/bin/python tests/bench/preloaded.py --packages numpy,pandas

Each round runs every program once in every box, one after the other; rows are medians of rounds, and ratios to the
program without imports in the same box. What is aimed at: at most 3 x where the packages are imported before.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack, closing
from dataclasses import replace

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec, ensure_image
from sandbox.boxes.ownership import Owner
from sandbox.boxes.profiles import read_profile
from sandbox.values import Job, Limits, Program

LIMITS = Limits(memory_mb=1024, cpu_s=60, wall_s=120)
PROGRAMS = {
    "no imports": "print(1)\n",
    "json, math": "import json, math\nprint(json.dumps(math.pi))\n",
    "numpy": "import numpy as np\nprint(np.arange(10).sum())\n",
    "numpy, pandas": "import numpy as np, pandas as pd\nprint(pd.DataFrame({'a': np.arange(10)}).a.sum())\n",
}


def timed(box: Box, source: str) -> float:
    """Return the wall seconds of one visit; raises SystemExit for a program that did not end well."""
    began = time.perf_counter()
    run = box.run(Job(program=Program(source=source), limits=LIMITS))
    took = time.perf_counter() - began
    if not run.proved:
        raise SystemExit(f"{source}: {run.ending}, {run.stderr.decode()[-500:]}")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile")
    parser.add_argument("--packages", default="numpy,pandas")
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    packages = ImageSpec(packages=tuple(given.packages.split(",")))
    spec = read_profile(given.profile).image_spec() if given.profile else packages
    took: dict[tuple[str, str], list[float]] = {}
    with closing(DockerClient()) as engine, ExitStack() as stack:
        boxes = {}
        for name, wanted in {"imported before": spec, "not imported before": replace(spec, preload=())}.items():
            made = BoxSpec(image=ensure_image(engine, wanted, say=print), limits=LIMITS, owner=Owner.this().label())
            boxes[name] = stack.enter_context(closing(Box(engine, made)))
        for number in range(given.rounds + 1):
            for program, source in PROGRAMS.items():
                for name, box in boxes.items():
                    found = timed(box, source)
                    if number:  # the first round reads the files
                        took.setdefault((name, program), []).append(found)
    for name in boxes:
        plain = took[name, "no imports"]
        for program in PROGRAMS:
            times = took[name, program]
            ratio = statistics.median(mine / theirs for mine, theirs in zip(times, plain, strict=True))
            print(f"{name:20} {program:14} {1000 * statistics.median(times):8.1f} ms {ratio:7.2f} x no imports")


if __name__ == "__main__":
    main()
