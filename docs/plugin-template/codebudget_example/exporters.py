"""Two exporters: a format of files, `--format csv`, and a destination, `--to counts:FILE`."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sampler.exporting import Exporter, Source, whole


def write_csv(path: Path, source: Source) -> None:
    """Write a line for each sample; `whole` removes what an error leaves behind."""
    with whole(path) as parts, parts.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("model", "problem", "index", "verdict", "program"))
        lines.writerows((row.model, row.problem, row.index, row.verdict, row.program) for row in source.rows())


def append_counts(target: str, source: Source) -> Iterator[str]:
    """Append how often each model passed to a file, and yield what was done."""
    passed = Counter(row.model for row in source.rows() if row.passed)
    with Path(target).open("a") as file:
        file.writelines(f"{model} {count}\n" for model, count in sorted(passed.items()))
    yield f"appended {len(passed)} models to {target}"


CSV = Exporter(suffix=".csv", of_all=True, write=write_csv)
COUNTS = Exporter(send=append_counts)
