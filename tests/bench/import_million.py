"""A million imported samples.

How fast they come in, how large the store is, how long its report takes, and in how much memory.

    python tests/bench/import_million.py [--rows 1000000] [--distinct 0.75] [--folder /tmp/million]

Completions are those of CodeGen-16B where shared/data lies beside the checkout, else canonical solutions of HumanEval;
a share of them is made distinct by a comment, as real ones differ. The verdicts that the report needs are drawn by lot
and written by the script itself: nothing is executed here, and the rates mean nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

from sandbox.problems import load_problems

ROOT = Path(__file__).parents[2]
CODEGEN = ROOT.parent / "shared" / "data" / "codet_HumanEval_codegen16B_n100_solutions.jsonl.gz"
CUT = re.compile("\nclass |\ndef |\n#|\nif |\nprint")


def completions() -> dict[str, list[str]]:
    """Real texts by problem."""
    problems = load_problems("humaneval")
    if not CODEGEN.is_file():
        return {problem.name: [problem.canonical_solution or ""] for problem in problems}
    by_function = {problem.entry_point: problem.name for problem in problems}
    found: dict[str, list[str]] = {}
    with gzip.open(CODEGEN, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            name = by_function[re.findall(r"^def (\w+)\(", row["prompt"], re.MULTILINE)[-1]]
            found.setdefault(name, []).extend(CUT.split(text)[0] for text in row["samples"])
    return found


def rows(wanted: int, distinct: float) -> Iterator[dict[str, object]]:
    """As many samples, spread evenly over the problems, with token counts and times drawn by lot."""
    texts, draw = completions(), random.Random(1)
    names = list(texts)
    for number in range(wanted):
        name = names[number % len(names)]
        text = draw.choice(texts[name])
        mark = f"  # {number}\n" if draw.random() < distinct else ""
        tokens = len(text) // 3 + 1
        yield {
            "task_id": name,
            "completion": text.rstrip("\n") + mark,
            "prompt_tokens": 120,
            "completion_tokens": tokens,
            "prompt_seconds": 0.02,
            "decode_seconds": round(tokens * 0.011, 4),
            "passed": draw.random() < 0.3,
        }


def command(*words: object) -> tuple[float, str]:
    """Run a command of `sampler`: seconds, and in words what it used."""
    program = (
        "import resource, sys; from sampler.commands import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "finally:\n"
        " used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]\n"
        " cpu = sum(one.ru_utime + one.ru_stime for one in used)\n"
        " print('USED', sum(one.ru_maxrss for one in used), cpu, file=sys.stderr)"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True, check=False
    )
    took = time.monotonic() - began
    if done.returncode:
        sys.exit(f"sampler {words[0]} ended with {done.returncode}: {done.stderr}")
    peak, cpu = re.findall(r"USED (\d+) ([\d.]+)", done.stderr)[-1]
    return took, f"{float(cpu):6.1f} s of CPU  {int(peak) / 1024:6.0f} MB of memory"


def draw_verdicts(store: Path) -> None:
    """A verdict for every sample, by lot, with its sums."""
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute(
            "INSERT INTO verdict(sample_id, verdict, ending, cpu_s, wall_s, memory_mb, judge, created_at)"
            " SELECT id, CASE WHEN abs(random()) % 10 < 3 THEN 'PASSED' ELSE 'WRONG' END, 'exited', 0.01, 0.02, "
            "9, 'drawn', 0"
            " FROM sample"
        )
        connection.execute(
            "UPDATE tally SET scored = sampled, cpu_s = sampled * 0.01, passed = (SELECT count(*) FROM sample s "
            "JOIN verdict v"
            " ON v.sample_id = s.id WHERE v.verdict = 'PASSED' AND s.model_id = tally.model_id"
            " AND s.problem_id = tally.problem_id)"
        )
        connection.execute(
            "INSERT INTO verdict_tally SELECT model_id, verdict, count(*) FROM verdict v JOIN sample s ON s.id = "
            "v.sample_id"
            " GROUP BY 1, 2"
        )
        connection.execute("UPDATE study SET status = 'done'")
        connection.execute("COMMIT")


def measure(folder: Path, wanted: int, distinct: float) -> None:
    """Everything, printed as it is known."""
    file, store = folder / "samples.jsonl", folder / "store.db"
    with file.open("w", encoding="utf-8") as written:
        for row in rows(wanted, distinct):
            written.write(json.dumps(row) + "\n")
    print(f"{wanted} samples, {distinct:.0%} made distinct, a file of {file.stat().st_size / 1e6:.0f} MB")
    columns = [
        "task_id=problem",
        "completion=text",
        "prompt_tokens=prompt_tokens",
        "completion_tokens=completion_tokens",
        "prompt_seconds=prompt_seconds",
        "decode_seconds=decode_seconds",
        "passed=passed",
    ]
    mapped = [word for column in columns for word in ("--map", column)]
    took, used = command("import", store, file, "--model", "many", "--params", 16e9, *mapped)
    texts = sqlite3.connect(store).execute("SELECT count(*) FROM text").fetchone()[0]
    size = store.stat().st_size / 1e6
    print(f"import      {took:7.1f} s  {wanted / took:8.0f} rows/s  {used}")
    print(f"store       {size:7.0f} MB {1e6 * size / wanted:8.0f} bytes/sample  {texts} texts")
    took, used = command("import", store, file, "--model", "many", "--params", 16e9, *mapped)
    print(f"once more   {took:7.1f} s  (adds nothing) {used}")
    took, used = command("claims", store)
    print(f"claims      {took:7.1f} s  {used}")
    draw_verdicts(store)
    took, used = command("report", store, "--unit", "flops_params", "--unit", "seconds", "--json")
    print(f"report      {took:7.1f} s  {used}")
    took, used = command("export", store, "--to", folder / "out.jsonl")
    print(f"export      {took:7.1f} s  {wanted / took:8.0f} rows/s  {used}")


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--distinct", type=float, default=0.75)
    parser.add_argument(
        "--folder", type=Path, default=None, help="a folder on the disk to measure; about 4 GB are used"
    )
    asked = parser.parse_args()
    base = asked.folder or Path(tempfile.gettempdir())
    folder = next(path for n in count() if not (path := base / f"import-million-{n}").exists())
    folder.mkdir(parents=True)
    try:
        measure(folder, asked.rows, asked.distinct)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
