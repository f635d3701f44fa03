"""Draw figures for papers with matplotlib (extra `plots`).

Only this module imports matplotlib, and only when it draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampler.drawing.axis import budget_ticks
from sampler.drawing.palette import ON_LIGHT
from sampler.exit_codes import CommandError, Exit
from sampler.page.chart import DASHES, Line
from sampler.page.page_model import Figure, Sheet
from sampler.reporting.render import NAMES, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = (".svg", ".pdf", ".png")
INCHES = (5.5, 3.4)  # of one figure: a column and a half
DOTS_PER_INCH = 300
TICK_LETTERS = 48  # that fit below a figure of this width


class PlotError(CommandError):
    """The figure cannot be drawn: its format is unknown, or matplotlib is missing."""

    exit_code = Exit.USAGE


def draw(sheet: Sheet, path: Path) -> None:
    """Write the curves of every unit, one below the other; raises PlotError or OSError."""
    if path.suffix.lower() not in KINDS:
        raise PlotError(f"{str(path)!r}: a figure is one of {', '.join(KINDS)}; name the file so")
    shown = [figure for figure in sheet.figures if figure.chart is not None]
    if not shown:
        raise PlotError(
            f"{sheet.report.study!r} has no curve to draw yet: no model's cost is known on complete problems"
        )
    try:
        from matplotlib.figure import Figure as Canvas  # heavy, and an extra
    except ImportError as error:
        raise PlotError("matplotlib is not installed; `pip install 'codebudget[plots]'` brings it") from error
    canvas = Canvas(figsize=(INCHES[0], INCHES[1] * len(shown)), layout="constrained")
    for axes, figure in zip(canvas.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True):
        _draw(axes, figure)
    canvas.savefig(path, dpi=DOTS_PER_INCH, metadata=_dateless(path))


def _dateless(path: Path) -> dict[str, Any]:
    """Return metadata without a date, so that the same study gives the same bytes."""
    return (
        {}
        if path.suffix.lower() == ".png"
        else {"Date": None}
        if path.suffix.lower() == ".svg"
        else {"CreationDate": None}
    )


def _draw(axes: Axes, figure: Figure) -> None:
    for tone, line in enumerate(figure.lines):
        if line.xs:
            _line(axes, line, tone)
    axes.set_xscale("log")
    if figure.chart is not None:
        scale = figure.chart.budgets
        ticks = [tick for tick in budget_ticks(scale, TICK_LETTERS) if tick.label]
        axes.set_xticks([scale.value(tick.at) for tick in ticks], [tick.label for tick in ticks])
        axes.set_xticks([], minor=True)
    axes.set_xlabel(f"budget: {NAMES[figure.table.unit]} a problem")
    axes.set_ylabel("problems solved (%)")
    axes.grid(visible=True, alpha=0.25)
    axes.legend(frameon=False, fontsize="small")


def _line(axes: Axes, line: Line, tone: int) -> None:
    colour = tuple(part / 255 for part in ON_LIGHT[tone % len(ON_LIGHT)])
    xs = (*line.xs, line.end)
    dash = DASHES[tone // len(ON_LIGHT) % len(DASHES)]
    style: Any = (0, tuple(map(float, dash.split()))) if dash else "-"
    name = one_line(line.name).replace("$", r"\$")  # a dollar would begin a formula
    axes.step(xs, _percent(line.ys), where="post", color=colour, linestyle=style, label=name)
    if line.low:
        axes.fill_between(
            xs, _percent(line.low), _percent(line.high), step="post", color=colour, alpha=0.13, linewidth=0
        )


def _percent(rates: Sequence[float]) -> list[float]:
    """Return values in percent, with the last one twice: a step extends to the end of its budget."""
    return [100 * rate for rate in (*rates, rates[-1])]
