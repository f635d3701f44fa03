"""Frames of a store of very many samples, against pandas' own reading of the same rows.

    python tests/bench/million.py /tmp/million.db --samples 1000000
    python tests/bench/frames.py /tmp/million.db

Each reading has a process of its own, so that its memory is its own; what a second process takes that it starts is
added, in CPU seconds and in MB (at most: a child begins with the mark of its parent). Shown is the best of `--rounds`
by wall seconds, which say little on a busy machine. The peer is `pandas.read_sql_query` over the statement that a user
would write.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import sampler

SQL = """
SELECT m.name AS model, p.name AS problem, idx, turn, finish, prompt_tokens, completion_tokens, thought_tokens,
  cached_tokens, prompt_seconds, decode_seconds, prompt_flops, decode_flops, prompt_joules, decode_joules, sum_logprob,
  prompt_shared, v.verdict, v.verdict = 'PASSED' AS passed
FROM sample s JOIN model m ON m.id = s.model_id JOIN problem p ON p.id = s.problem_id
  LEFT JOIN latest_verdict v ON v.sample_id = s.id ORDER BY s.id"""
WAYS = ("samples", "verdicts", "costs", "pandas.read_sql_query")


def read(way: str, path: Path) -> int:
    """Make one frame; return its rows."""
    if way in WAYS[:3]:
        return len(getattr(sampler.open(path), way)())
    import pandas as pd

    with closing(sqlite3.connect(path)) as connection:
        return len(pd.read_sql_query(SQL, connection))


def measured(way: str, path: Path) -> dict[str, float]:
    """Return what one reading takes in this process and those it starts: CPU and wall seconds, and MB at most."""
    import pandas as pd

    import sampler.data_frames

    sampler.data_frames.StoreView(path)
    pd.DataFrame({"warm": [1]})
    began, cpu = time.perf_counter(), time.process_time()
    rows = read(way, path)
    wall = time.perf_counter() - began
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() - cpu + child.ru_utime + child.ru_stime
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + child.ru_maxrss
    return {"rows": rows, "cpu_s": spent, "wall_s": wall, "mb": most / 1000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(measured(asked.way, asked.store)))
        return
    for way in WAYS:
        command = [sys.executable, __file__, str(asked.store), "--way", way]
        runs = [json.loads(subprocess.check_output(command)) for _ in range(asked.rounds)]
        best = min(runs, key=lambda run: run["wall_s"])
        print(f"{way:24} {best['rows']:9} rows {best['cpu_s']:6.2f} s CPU {best['wall_s']:6.2f} s {best['mb']:6.0f} MB")


if __name__ == "__main__":
    main()
