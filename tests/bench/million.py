"""A store of very many samples, made fast: rows straight into the tables of a store that the store itself has laid out.

    python tests/bench/million.py /tmp/million.db --samples 1000000

Five models of different skill on 200 problems; verdicts, errors, costs and times are drawn with a seed, so that two
stores of one size are alike. Texts are few (a completion in a hundred is new), because no screen reads them but one at
a time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from sampler.store.write_models import ModelRecord, StudyRecord
from sampler.store.writer import Store
from sampler.values import Architecture
from sandbox.problems import Problem

MODELS = {
    "toy-coder-0.5b": 0.35,
    "toy-coder-1.5b": 0.5,
    "toy-coder-3b": 0.62,
    "toy-coder-7b": 0.7,
    "toy-gemma-2b": 0.45,
}
PROBLEMS = 200
TEXTS = 2_000
CHUNK = 50_000
ERRORS = ("NameError", "TypeError", "IndexError", "ValueError", "KeyError", "RecursionError", "ZeroDivisionError")
SECONDS_EACH = 0.02
SAMPLE = (
    "id, model_id, problem_id, idx, seed, completion_sha, program_sha, finish, prompt_tokens, completion_tokens,"
    " prompt_seconds, decode_seconds, prompt_flops, decode_flops, sum_logprob, prompt_shared, created_at"
)
TALLY = (
    "model_id, problem_id, sampled, scored, passed, prompt_tokens, completion_tokens, prompt_seconds, decode_seconds,"
    " prompt_flops, decode_flops, cpu_s"
)
TESTS = "def check(candidate):\n    assert candidate(1) == 1\n"

Row = tuple[object, ...]


def make(path: Path, samples: int, *, status: str = "done") -> None:
    """A store of `samples` samples with verdicts at `path`."""
    wanted = samples // (len(MODELS) * PROBLEMS)
    problems = tuple(
        Problem(name=f"Toy/{n}", prompt=f'def f{n}(x):\n    """Toy."""\n', entry_point=f"f{n}", tests=TESTS)
        for n in range(PROBLEMS)
    )
    record = StudyRecord(
        name=f"toy-{samples}",
        spec_toml='name = "toy"\n',
        problems_source="toy",
        seed=0,
        limits='{"cpu_s":3.0,"disk_mb":64,"files":2048,"memory_mb":512,"output_kb":1024,"processes":32,"wall_s":10.0}',
        models=tuple(ModelRecord(name=m, backend="replay", sampling="{}", wanted=wanted) for m in MODELS),
        problems=problems,
    )
    with Store(path) as store:
        ids = store.open_study(record)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        _fill(connection, [ids.models[m] for m in MODELS], [ids.problems[p.name] for p in problems], wanted)
        connection.execute(
            (
                "UPDATE study SET status = ?, started_at = created_at, ended_at = ?, heartbeat_at = ?, exit_reason = "
                "'complete'"
            ),
            (status, time.time(), time.time()),
        )
        for model, size in zip(ids.models.values(), (1, 2, 4, 8, 3), strict=True):
            known = Architecture(
                layers=8 * size, hidden=512, attention_width=512, matmul_params=10**8 * size, unembed_params=10**7
            )
            connection.execute(
                "UPDATE model SET architecture_json = ?, engine = 'toy', digest = ? WHERE id = ?",
                (json.dumps(asdict(known)), "0" * 64, model),
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _fill(connection: sqlite3.Connection, models: list[int], problems: list[int], wanted: int) -> None:
    rng = random.Random(7)
    texts = [f"    return x + {n}\n" for n in range(TEXTS)]
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    connection.executemany("INSERT OR IGNORE INTO text VALUES(?, ?)", zip(digests, texts, strict=True))
    tallies: dict[tuple[int, int], list[float]] = {}
    counts: Counter[tuple[int, str]] = Counter()
    started = time.time() - wanted * len(models) * len(problems) * SECONDS_EACH
    rows = _rows(rng, models, problems, wanted)
    number = 0
    while True:
        samples: list[Row] = []
        verdicts: list[Row] = []
        for model, problem, index, verdict, error in rows:
            number += 1
            at, tokens = started + number * SECONDS_EACH, rng.randrange(20, 400)
            text, size = digests[rng.randrange(TEXTS)], models.index(model) + 1
            flops = 2e9 * size
            samples.append(
                (
                    number,
                    model,
                    problem,
                    index,
                    index,
                    text,
                    text,
                    "stop",
                    120,
                    tokens,
                    0.05 * size,
                    tokens * 0.01 * size,
                    120 * flops,
                    tokens * flops,
                    -0.4 * tokens,
                    0,
                    at,
                )
            )
            verdicts.append(
                (
                    number,
                    verdict,
                    0.01 if verdict != "TIMEOUT" else 3.0,
                    0.02,
                    13.5 + rng.random(),
                    error[0],
                    error[1],
                    at,
                )
            )
            sums = tallies.setdefault((model, problem), [0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0])
            for place, amount in enumerate(
                (
                    *(1, verdict == "PASSED", 120, tokens, 0.05 * size, tokens * 0.01 * size),
                    *(120 * flops, tokens * flops, verdicts[-1][2]),
                )
            ):
                sums[place] += amount
            counts[model, verdict] += 1
            if len(samples) == CHUNK:
                break
        if not samples:
            break
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO sample({SAMPLE}) VALUES({','.join('?' * 17)})", samples)
        connection.executemany(
            "INSERT INTO verdict(sample_id, verdict, ending, exit_code, cpu_s, wall_s, memory_mb, error_type, "
            "error_message,"
            " judge, created_at) VALUES(?, ?, 'exited', 0, ?, ?, ?, ?, ?, '5', ?)",
            verdicts,
        )
        connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        f"INSERT INTO tally({TALLY}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*key, int(n), int(n), int(passed), int(read), int(written), *rest)
            for key, (n, passed, read, written, *rest) in tallies.items()
        ],
    )
    connection.executemany("INSERT INTO verdict_tally VALUES(?, ?, ?)", [(*key, n) for key, n in counts.items()])
    connection.execute("COMMIT")


def _rows(
    rng: random.Random, models: list[int], problems: list[int], wanted: int
) -> Iterator[tuple[int, int, int, str, tuple[str | None, str | None]]]:
    """Who wrote what and what became of it: a problem's samples of all models lie together, as in a real study."""
    skills = dict(zip(models, MODELS.values(), strict=True))
    ease = {problem: rng.uniform(-0.35, 0.35) for problem in problems}
    for index in range(wanted):
        for problem in problems:
            for model in models:
                if rng.random() < skills[model] + ease[problem]:
                    yield model, problem, index, "PASSED", (None, None)
                    continue
                verdict = rng.choices(("WRONG", "ERROR", "TIMEOUT", "SYNTAX", "MEMORY"), (50, 30, 6, 10, 1))[0]
                error: tuple[str | None, str | None] = (None, None)
                if verdict == "ERROR":
                    kind = rng.choice(ERRORS)
                    error = kind, f"{kind.removesuffix('Error').lower()} 'x{rng.randrange(50)}' is not defined"
                elif verdict == "SYNTAX":
                    error = "SyntaxError", f"invalid syntax (line {rng.randrange(30)})"
                yield model, problem, index, verdict, error


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--samples", type=int, default=1_000_000)
    asked = parser.parse_args()
    began = time.monotonic()
    make(asked.path, asked.samples)
    print(f"{asked.samples} samples in {time.monotonic() - began:.1f} s, {asked.path.stat().st_size / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
