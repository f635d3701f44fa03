"""Write a report for programs: as JSON, and as CSV files of its curves, leads and metrics."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from sampler.reporting.report import Report
from sampler.stats.bootstrap import Interval

JSON_SCHEMA = 2
CURVES = (
    *("unit", "prompt", "model", "problems", "k", "cost", "pass_rate"),
    *("interval_low", "interval_high", "band_low", "band_high", "k_above_half_of_samples"),
)
METRICS = ("metric", "model", "k", "value", "interval", "interval_low", "interval_high")
LEADS = (
    *("unit", "prompt", "budget", "finding", "model", "over"),
    *("lead", "interval_low", "interval_high", "p", "p_corrected"),
)


def report_json(report: Report) -> str:
    """Return the report as JSON with sorted keys."""
    return json.dumps({"schema": JSON_SCHEMA, **plain(report)}, sort_keys=True, indent=2)


def plain(value: Any) -> Any:
    """Return one of our values as plain JSON values."""
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def write_csv(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write `curves.csv`, `leads.csv` and, if metrics were asked for, `metrics.csv` into a folder; return the files.

    The folder is created.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = (
        _write(folder / "curves.csv", CURVES, _curves(report)),
        _write(folder / "leads.csv", LEADS, _leads(report)),
    )
    return (*written, _write(folder / "metrics.csv", METRICS, _metrics(report))) if report.metrics else written


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    return path


def _curves(report: Report) -> Iterator[Sequence[object]]:
    for table in report.tables:
        for drawn in table.curves:
            for at in drawn.points:
                start = (table.unit.value, table.charge.value, drawn.model, drawn.problems, at.k, at.cost, at.rate)
                yield (*start, *_ends(at.interval), *_ends(at.band), int(at.thin))


def _metrics(report: Report) -> Iterator[Sequence[object]]:
    for table in report.metrics:
        kind = "credible" if table.credible else "new problems"
        for line in table.lines:
            for at in line.values:
                yield (table.metric, line.model, at.k, at.value, kind, *_ends(at.interval))


def _leads(report: Report) -> Iterator[Sequence[object]]:
    for table in report.tables:
        for row in table.rows:
            rated = [(cell.point.rate, cell.model) for cell in row.cells if cell.point]
            best = max(rated, key=lambda pair: pair[0], default=(0.0, ""))[1]
            start = (table.unit.value, table.charge.value, row.budget, row.finding.value)
            for other, lead in row.differences.items():
                yield (*start, best, other, lead.mean, *_ends(lead.interval), lead.p, lead.p_corrected)


def _ends(of: Interval | None) -> tuple[object, object]:
    return ("", "") if of is None else (of.low, of.high)
