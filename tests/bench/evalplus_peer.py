"""The evalplus package's side of `evalplus_agreement.py`.

Runs in an environment that has evalplus, and needs nothing of ours.

Programs are executed as the package's own `evaluate` does it: a pool of worker processes, each of which forks once for
the base and once for the plus inputs of a program, `fast_check`, its default time limits. What is expected and the
reference times are computed by its own `get_groundtruth` before the first batch is read. A line of JSON in for each
batch, `[[task_id, program], …]`; one out: the seconds of the batch and, for each program, how each part ended, how many
calls it came to, and the seconds.

    HUMANEVAL_OVERRIDE_PATH=data.jsonl python evalplus_peer.py humaneval 2
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TextIO

from evalplus.data import get_human_eval_plus, get_human_eval_plus_hash, get_mbpp_plus, get_mbpp_plus_hash
from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
from evalplus.evaluate import check_correctness, get_groundtruth


def own_channel() -> TextIO:
    """What was standard output; whatever else is printed goes to standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


def problems_of(dataset: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if dataset == "humaneval":
        problems = get_human_eval_plus(err_incomplete=False)
        return problems, get_groundtruth(problems, get_human_eval_plus_hash(), [])
    problems = get_mbpp_plus(err_incomplete=False)
    return problems, get_groundtruth(problems, get_mbpp_plus_hash(), MBPP_OUTPUT_NOT_NONE_TASKS)


def check(*asked: Any) -> dict[str, Any]:
    began = time.perf_counter()
    result = check_correctness(*asked, base_only=False, fast_check=True)
    seconds = time.perf_counter() - began
    return {"base": result["base"][0], "plus": result["plus"][0], "seconds": seconds} | {
        "calls": [len(result[part][1]) for part in ("base", "plus")]
    }


def main() -> None:
    dataset, workers = sys.argv[1], int(sys.argv[2])
    channel = own_channel()
    problems, expected = problems_of(dataset)
    with ProcessPoolExecutor(max_workers=workers) as pool:
        print(json.dumps({"python": platform.python_version()}), file=channel, flush=True)
        for line in sys.stdin:
            began = time.perf_counter()
            asked = [
                pool.submit(check, dataset, 0, problems[task], program, expected[task])
                for task, program in json.loads(line)
            ]
            said = [future.result() for future in asked]
            print(json.dumps({"seconds": time.perf_counter() - began, "said": said}), file=channel, flush=True)


if __name__ == "__main__":
    main()
