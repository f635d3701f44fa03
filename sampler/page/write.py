"""Write a page model as the text of one HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources

import jinja2

from sampler.drawing.palette import ON_DARK, ON_LIGHT, Rgb
from sampler.page.allocation_table import MOST_MODELS
from sampler.page.chart import Chart, Line
from sampler.page.page_model import Sheet, charge_words, sentence
from sampler.reporting.render import NAMES, amount, one_line, spanned
from sampler.stats.budget import Unit


def page_html(sheet: Sheet) -> str:
    """Return the whole page, with style and script inside, without external resources."""
    files = resources.files("sampler.page")
    loader = jinja2.DictLoader({"page": (files / "page.html.jinja").read_text(encoding="utf-8")})
    world = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    world.filters.update(line=one_line, percent=_percent)
    return world.get_template("page").render(
        sheet=sheet,
        style=_Ours((files / "page.css").read_text(encoding="utf-8") + _colours()),
        script=_Ours((files / "page.js").read_text(encoding="utf-8")),
        data=[_data(chart, lines) for chart, lines in _figures(sheet)],
        unit_name=lambda unit: NAMES[unit],
        amount=amount,
        spanned=spanned,
        sentence=sentence,
        charge_words=charge_words,
        units=Unit,
        most_models=MOST_MODELS,
    )


def _figures(sheet: Sheet) -> Iterator[tuple[Chart | None, tuple[Line, ...]]]:
    """Return all figures in the order of their numbers.

    First come the curves of every unit, then their frontiers, then the extrapolations.
    """
    yield from ((figure.chart, figure.lines) for figure in sheet.figures)
    for figure in sheet.figures:
        yield (figure.choices.chart, figure.choices.lines) if figure.choices else (None, ())
    if sheet.beyond:
        yield sheet.beyond.chart, sheet.beyond.lines


class _Ours(str):
    """Text of this package, which the template inserts without escaping."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _data(chart: Chart | None, lines: tuple[Line, ...]) -> Mapping[str, object] | None:
    """Return the data with which the script finds what each model reaches at a budget."""
    if chart is None:
        return None
    return {
        "left": chart.left,
        "right": chart.right,
        "low": chart.budgets.low,
        "high": chart.budgets.high,
        "lines": [
            {
                "name": one_line(line.name),
                "xs": line.xs,
                "ys": line.ys,
                "ks": line.ks,
                "low": line.low,
                "high": line.high,
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
