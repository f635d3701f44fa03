"""A report as CSV files: every point of every curve, and every pair that a budget compared."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sampler.reporting.report import Report
from sampler.stats.bootstrap import Interval

CURVES = (
    *("unit", "prompt", "model", "problems", "k", "cost", "pass_rate"),
    *("interval_low", "interval_high", "band_low", "band_high", "k_above_half_of_samples"),
)
LEADS = (
    "unit",
    "prompt",
    "budget",
    "finding",
    "model",
    "over",
    "lead",
    "interval_low",
    "interval_high",
    "p",
    "p_corrected",
)


def write_csv(report: Report, folder: Path) -> tuple[Path, ...]:
    """Write `curves.csv` and `leads.csv` into a folder, which is made; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    return (
        _write(folder / "curves.csv", CURVES, _curves(report)),
        _write(folder / "leads.csv", LEADS, _leads(report)),
    )


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
