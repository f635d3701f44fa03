"""Choose styles in the present theme by meaning; a style is never None."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from rich.color import Color
from rich.style import Style as RichStyle
from textual.theme import Theme
from textual.widget import Widget

from sampler.plotting import Rgb, mixed, series_colour
from tui.text import Severity

_COLOURS: Mapping[bool, Mapping[Severity, Rgb]] = {
    True: {Severity.GOOD: (87, 200, 130), Severity.BAD: (240, 110, 100), Severity.WARN: (235, 185, 70)},
    False: {Severity.GOOD: (0, 120, 60), Severity.BAD: (185, 30, 30), Severity.WARN: (150, 95, 0)},
}


def is_dark(widget: Widget) -> bool:
    """Return whether the present theme is a dark one."""
    theme: Theme = widget.app.current_theme
    return theme.dark


def series_style(widget: Widget, tone: int, *, bold: bool = False) -> RichStyle:
    """Return the style of a series' mark outside the plot."""
    return RichStyle(color=_rich(series_colour(tone, dark=is_dark(widget))), bold=bold)


def severity_style(widget: Widget, severity: Severity, *, bold: bool = False) -> RichStyle:
    """Return the style of good, bad and doubtful results."""
    if severity is Severity.FAINT:
        return RichStyle(dim=True, bold=bold)
    colour = _COLOURS[is_dark(widget)].get(severity)
    return RichStyle(color=_rich(colour) if colour else None, bold=bold)


_COLD, _HOT = {True: (60, 85, 140), False: (70, 90, 150)}, {True: (245, 225, 90), False: (150, 120, 0)}


def heat_style(widget: Widget, share: float) -> RichStyle:
    """Return a style from blue to yellow, which differ for every kind of colour vision, also in lightness."""
    dark = is_dark(widget)
    return RichStyle(color=_rich(mixed(_HOT[dark], _COLD[dark], share)))


def cursor_style(widget: Widget, base: RichStyle) -> RichStyle:
    """Return the style of the chosen line.

    It has a lighter background, which leaves its colours alone; reversed where there are no colours.
    """
    if widget.app.no_color:
        return RichStyle(reverse=True) if widget.has_focus else RichStyle(underline=True)
    plain, under = base_colours(base)
    return RichStyle(bgcolor=_rich(mixed(plain, under, 0.26 if widget.has_focus else 0.13)), bold=True)


def base_colours(base: RichStyle) -> tuple[Rgb, Rgb]:
    """Return foreground and background of a style, as numbers to mix with."""
    return _triplet(base.color, (220, 220, 220)), _triplet(base.bgcolor, (18, 18, 18))


@lru_cache(maxsize=4096)
def coloured(colour: Rgb, under: Rgb, *, bold: bool = False) -> RichStyle:
    """Return a colour on a background."""
    return RichStyle(color=_rich(colour), bgcolor=_rich(under), bold=bold)


def blended(colour: Rgb, under: Rgb, share: float) -> Rgb:
    """Return a colour mixed with its background; `share` is how much of the colour stays."""
    return mixed(colour, under, share)


def _rich(colour: Rgb) -> Color:
    return Color.from_rgb(*colour)


def _triplet(colour: Color | None, otherwise: Rgb) -> Rgb:
    if colour is None or colour.triplet is None:
        return otherwise
    return colour.triplet.red, colour.triplet.green, colour.triplet.blue
