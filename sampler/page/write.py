"""Write a page model as the text of one HTML file, or draw its figures for papers with matplotlib (extra `plots`).

matplotlib is imported only when something is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from sampler.exit_codes import CommandError, Exit
from sampler.page.chart import DASHES, Chart, Line
from sampler.page.page_model import MOST_BESIDE, MOST_MODELS, Figure, PageModel, charge_words, sentence
from sampler.plotting import ON_DARK, ON_LIGHT, Rgb, budget_ticks, format_interval
from sampler.reporting.render import NAMES, WAITS, amount, collapse, conclusion, conclusions, spanned, thinking_words
from sampler.stats.budget import FLOP_UNITS, Unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
KINDS = (".svg", ".pdf", ".png")
INCHES = (5.5, 3.4)  # of one figure: a column and a half
DOTS_PER_INCH = 300
SHOWN_DOTS_PER_INCH = 100  # in a notebook
TICK_LETTERS = 48  # that fit below a figure of this width


def render(template: str, **values: object) -> str:
    """Return a page from a template of this package, with style and script inside, without external resources."""
    files = resources.files("sampler.page")
    loader = jinja2.DictLoader({template: (files / template).read_text(encoding="utf-8")})
    world = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    world.filters.update(line=collapse, percent=_percent)
    return world.get_template(template).render(
        style=_Ours((files / "page.css").read_text(encoding="utf-8") + _colours()),
        script=_Ours((files / "page.js").read_text(encoding="utf-8")),
        **values,
    )


def page_html(page_model: PageModel, links: Mapping[str, str] | None = None) -> str:
    """Return the page of a study; `links` lead to pages of failing problems, by the problems' names."""
    return render(
        "page.html.jinja",
        page_model=page_model,
        links=links or {},
        data=[_data(*one) for one in _figures(page_model)],
        unit_name=lambda unit: NAMES[unit],
        amount=amount,
        spanned=spanned,
        sentence=sentence,
        conclusions=conclusions,
        ends=format_interval,
        thinking_words=thinking_words,
        waits=WAITS,
        charge_words=charge_words,
        units=Unit,
        most_models=MOST_MODELS,
        most_beside=MOST_BESIDE,
        at_one=lambda table, row: conclusion(replace(table, rows=(row,))),
    )


def _figures(page_model: PageModel) -> Iterator[tuple[Chart | None, tuple[Line, ...], str]]:
    """Return all figures, with the unit of their budgets, in the order of their numbers.

    First come the curves of every unit, then their frontiers, then the extrapolations.
    """
    counted = [figure.table.unit for figure in page_model.figures]
    units = ["FLOP" if unit in FLOP_UNITS else NAMES[unit] for unit in counted]
    yield from ((figure.chart, figure.lines, unit) for figure, unit in zip(page_model.figures, units, strict=True))
    for figure, unit in zip(page_model.figures, units, strict=True):
        yield (figure.choices.chart, figure.choices.lines, unit) if figure.choices else (None, (), unit)
    if page_model.beyond:
        yield page_model.beyond.chart, page_model.beyond.lines, "samples"


class _Ours(str):
    """Text of this package, which the template inserts without escaping."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _data(chart: Chart | None, lines: tuple[Line, ...], unit: str) -> Mapping[str, object] | None:
    """Return the data with which the script finds what each model reaches at a budget in `unit`."""
    if chart is None:
        return None
    return {
        "unit": unit,
        "left": chart.left,
        "right": chart.right,
        "low": chart.budgets.low,
        "high": chart.budgets.high,
        "lines": [
            {
                "name": collapse(line.name),
                "xs": line.xs,
                "ys": line.ys,
                "ks": line.ks,
                "near": [format_interval(*ends) for ends in zip(line.low, line.high, strict=True)],
                "end": line.end,
                "says": line.says,
                "piece": line.piece,
            }
            for line in lines
        ],
    }


def _colours() -> str:
    light, dark = (_variables(tones) for tones in (ON_LIGHT, ON_DARK))
    classes = "".join(f".t{tone}{{--tone:var(--c{tone})}}" for tone in range(len(ON_LIGHT)))
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}{classes}"


def _variables(tones: tuple[Rgb, ...]) -> str:
    return "".join(f"--c{tone}:rgb{colour};" for tone, colour in enumerate(tones))


class PlotError(CommandError):
    """The figure cannot be drawn: its format is unknown, or matplotlib is missing."""

    exit_code = Exit.USAGE


def draw(page_model: PageModel, path: Path) -> None:
    """Write the curves of every unit, one below the other; raises PlotError or OSError."""
    if path.suffix.lower() not in KINDS:
        raise PlotError(f"{str(path)!r}: a figure is one of {', '.join(KINDS)}; name the file so")
    figure(page_model).savefig(path, dpi=DOTS_PER_INCH, metadata=_dateless(path))


def figure(page_model: PageModel) -> Canvas:
    """Return the curves of every unit as a figure of matplotlib, one below the other; raises PlotError."""
    shown = [one for one in page_model.figures if one.chart is not None]
    if not shown:
        raise PlotError(
            f"{page_model.report.study!r} has no curve to draw yet: no model's cost is known on complete problems"
        )
    try:
        from matplotlib.figure import Figure as Canvas  # heavy, and an extra
    except ImportError as error:
        raise PlotError("matplotlib is not installed; `pip install 'codebudget[plots]'` brings it") from error

    class ShownCanvas(Canvas):
        def _repr_png_(self) -> bytes:
            """Return the picture; a notebook shows none of a figure that pyplot did not make."""
            drawn = io.BytesIO()
            self.savefig(drawn, format="png", dpi=SHOWN_DOTS_PER_INCH, metadata={"Software": None})
            return drawn.getvalue()

    canvas = ShownCanvas(figsize=(INCHES[0], INCHES[1] * len(shown)), layout="constrained")
    for axes, one in zip(canvas.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True):
        _draw(axes, one)
    return canvas


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
    name = collapse(line.name).replace("$", r"\$")  # a dollar would begin a formula
    axes.step(xs, _percents(line.ys), where="post", color=colour, linestyle=style, label=name)
    if line.low:
        axes.fill_between(
            xs, _percents(line.low), _percents(line.high), step="post", color=colour, alpha=0.13, linewidth=0
        )


def _percents(rates: Sequence[float]) -> list[float]:
    """Return values in percent, with the last one twice: a step extends to the end of its budget."""
    return [100 * rate for rate in (*rates, rates[-1])]
