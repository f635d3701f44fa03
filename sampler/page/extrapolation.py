"""Show pass@k beyond the samples on the page: first measured values, then those of a fitted distribution.

The functions are pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampler.page.chart import Chart, Extra, Line, Mark, chart
from sampler.reporting.analyse import TIMES, AnalysisRequest, Beyond, beyond
from sampler.reporting.paired_data import PairedData
from sampler.stats.curves import Counts, Curve

POINTS = 24  # of a promise, even in the logarithm of k
DASH = "6 4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One model: what its last sample reaches, and a promise for each of `TIMES`; `why_not` where there is none."""

    model: str
    tone: int
    curve: Curve
    shown: tuple[Beyond, ...]
    why_not: str | None

    @property
    def warnings(self) -> tuple[tuple[str, str], ...]:
        """Return the warnings, each once, with their k."""
        at: dict[str, list[int]] = {}
        for one in self.shown:
            for words in one.warnings:
                at.setdefault(words, []).append(one.promise.k)
        return tuple((words, f"k={', '.join(map(str, ks))}") for words, ks in at.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """The section of the page; measured lines are solid, extrapolated ones dashed."""

    chart: Chart | None
    lines: tuple[Line, ...]
    rows: tuple[Promise, ...]


def promises(paired: PairedData, seed: int) -> Promises | None:
    """Return the extrapolations of all models; None if no model can be resampled."""
    if paired.draws is None:
        return None
    lines: list[Line] = []
    rows: list[Promise] = []
    for tone, model in enumerate(paired.models):
        counts, curve = paired.counts[model.id], paired.curves[model.id]
        if not curve.points:
            continue
        found, why_not = _promised(counts, seed)
        lines += _lines(curve, found, tone)
        wanted = {times * counts.n for times in TIMES}
        shown = tuple(one for one in found if one.promise.k in wanted)
        rows.append(Promise(model=model.name, tone=tone, curve=curve, shown=shown, why_not=why_not))
    marks = [Mark(x=n, y=0.0, text=f"{n} samples were drawn") for n in sorted({row.curve.n for row in rows})]
    return Promises(chart=chart(lines, Extra(rules=marks)), lines=tuple(lines), rows=tuple(rows)) if rows else None


def _promised(counts: Counts, seed: int) -> tuple[Sequence[Beyond], str | None]:
    far = np.geomspace(counts.n + 1, max(TIMES) * counts.n, POINTS).round().astype(int).tolist()
    ks = tuple(sorted({*far, *(times * counts.n for times in TIMES)}))
    try:
        return beyond(counts, AnalysisRequest(ks=ks, seed=seed)), None
    except ValueError as error:
        return (), str(error)


def _lines(curve: Curve, found: Sequence[Beyond], tone: int) -> Iterator[Line]:
    bands = [point.band for point in curve.points if point.band is not None]
    measured = Line(
        name=curve.model,
        xs=tuple(float(point.k) for point in curve.points),
        ys=tuple(point.rate for point in curve.points),
        ks=tuple(point.k for point in curve.points),
        low=tuple(band.low for band in bands),
        high=tuple(band.high for band in bands),
        end=float(found[0].promise.k if found else curve.n + 1),
        thin=None,
        tone=tone,
        says=tuple(f"k={point.k}, measured" for point in curve.points),
        piece=bool(found),
    )
    yield measured
    if found:
        yield replace(
            measured,
            xs=tuple(float(one.promise.k) for one in found),
            ys=tuple(one.promise.rate for one in found),
            ks=tuple(one.promise.k for one in found),
            low=tuple(one.promise.interval.low for one in found),
            high=tuple(one.promise.interval.high for one in found),
            end=found[-1].promise.k * 1.05,
            dash=DASH,
            says=tuple(f"k={one.promise.k}, promised" for one in found),
            piece=False,
        )
