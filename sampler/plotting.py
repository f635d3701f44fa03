"""Make scales and ticks, format numbers and intervals, shorten names, and mix colours, for screen and page. Pure.

No terminal and no browser is used. The colours are distinct for any kind of colour vision (Okabe and Ito 2008).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, takewhile

from rich.cells import cell_len, set_cell_size

ELLIPSIS = "…"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SIZES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
ON_DARK: tuple[Rgb, ...] = (
    (86, 180, 233),  # sky blue
    (230, 159, 0),  # orange
    (0, 178, 134),  # bluish green, a little lighter than the original, to be seen on black
    (222, 138, 184),  # reddish purple, lighter too
    (240, 228, 66),  # yellow
    (233, 105, 44),  # vermillion, lighter too
    (200, 200, 200),  # grey for the original's black
)
ON_LIGHT: tuple[Rgb, ...] = (
    (0, 114, 178),  # blue
    (201, 112, 0),  # orange, darker than the original, to be seen on white
    (0, 128, 96),  # bluish green
    (175, 82, 137),  # reddish purple
    (140, 125, 0),  # yellow, much darker
    (190, 75, 0),  # vermillion
    (60, 60, 60),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A range of numbers mapped to 0…1, linearly or by logarithms."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"a scale runs upwards between finite numbers, not from {self.low} to {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic scale starts above 0, not at {self.low}")

    def at(self, value: float) -> float:
        """Return the place of `value`: 0 at the low end, 1 at the high end, outside of 0…1 beyond them."""
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        if value <= 0:
            return -math.inf
        return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))

    def value(self, fraction: float) -> float:
        """Return the number at `fraction` of the way."""
        if not self.log:
            return self.low + fraction * (self.high - self.low)
        return math.exp(math.log(self.low) + fraction * (math.log(self.high) - math.log(self.low)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis; a minor one has no label."""

    at: float
    label: str = ""


def budget_scale(budgets: Iterable[float], *, log: bool) -> Scale | None:
    """Return the scale for all budgets, with a little space on the left; None without a finite one to show."""
    values = [x for x in budgets if math.isfinite(x) and (x > 0 or not log)]
    if not values:
        return None
    low, high = min(values), max(values)
    if log:
        air = max(high / low, 1.5) ** 0.02
        return Scale(low=low / air, high=high if high > low else high * air, log=True)
    low = min(low, 0.0)
    return Scale(low=low, high=high if high > low else low + 1.0)


def rate_scale(rates: Iterable[float]) -> Scale:
    """Return the part of 0…1 that contains every rate, with ends at whole tenths, at least two tenths tall."""
    values = [y for y in rates if math.isfinite(y)] or [0.0, 1.0]
    low = max(0.0, math.floor(min(values) * 10 - 1e-9) / 10)
    high = min(1.0, math.ceil(max(values) * 10 + 1e-9) / 10)
    if high - low < 0.2:
        low, high = max(0.0, min(low, high - 0.2)), min(1.0, max(high, low + 0.2))
    return Scale(low=low, high=high)


def rate_ticks(scale: Scale, rows: int) -> list[Tick]:
    """Return percentages, as many as fit into `rows` lines of text."""
    span = round((scale.high - scale.low) * 100)
    step = next((s for s in (5, 10, 20, 25, 50) if span / s <= max(2, rows // 3)), 100)
    first = math.ceil(scale.low * 100 / step - 1e-9) * step
    last = math.floor(scale.high * 100 + 1e-9)
    return [Tick(at=scale.at(p / 100), label=f"{p}%") for p in range(first, last + 1, step)]


def budget_ticks(scale: Scale, columns: int) -> list[Tick]:
    """Return round budgets whose labels fit side by side in `columns` cells, and unlabelled marks between them."""
    if scale.log:
        candidates = [_decades(scale, mantissas) for mantissas in ((1, 2, 5), (1, 3), (1,))]
        minor = [Tick(at=scale.at(x)) for x in _decades(scale, range(1, 10))]
    else:
        candidates = [_even(scale, count) for count in (10, 8, 6, 5, 4, 3, 2)]
        minor = []
    for values in candidates:
        ticks = [Tick(at=scale.at(x), label=magnitude(x)) for x in values]
        if _roomy(ticks, columns):
            return _merged(ticks, minor)
    thinned = _thinned([Tick(at=scale.at(x), label=magnitude(x)) for x in candidates[-1]], columns)
    return _merged(thinned, minor if len(minor) * 2 < columns else [])


def magnitude(value: float) -> str:
    """Return a round number to read: 0.5, 20, 3000, 5·10¹¹."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    if -3 < exponent < 4:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa = f"{value:.2e}".split("e")[0].rstrip("0").rstrip(".")
    power = "10" + str(exponent).translate(_SUPERSCRIPTS)
    return power if mantissa == "1" else f"{mantissa}·{power}"


def measured(value: float) -> str:
    """Return a measured amount with three digits: 0.0123, 41.3, 2,490, 2.18·10¹²."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    text = magnitude(rounded)
    return f"{int(text):,}" if text.isdecimal() else text


def quantity(value: float, unit: str) -> str:
    """Return an amount with its unit, as in reports: 1.63 TFLOP, 15 seconds; `unit` may be longer: FLOPs (2N)."""
    name, _, more = unit.partition(" ")
    if name != "FLOPs":
        number = measured(value)
        return f"{number} {unit.removesuffix('s') if number == '1' else unit}".rstrip()
    return f"{sized(value, 'FLOP')} {more}".rstrip()


def sized(value: float, of: str) -> str:
    """Return an amount of something, three digits and a size: 491 MB, 1.54 T, 20."""
    short = float(f"{value:.3g}")
    power = min(max(math.floor(math.log10(short)) // 3, 0), len(_SIZES) - 1) if short >= 1 else 0
    return f"{short / 1000**power:.3g} {_SIZES[power]}{of}".rstrip()


def without_middle(text: str, width: int) -> str:
    """Return `text` in at most `width` characters, without a part after its first third: names differ at their end."""
    if len(text) <= width:
        return text
    head = (width - 1) // 3
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def fit(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells: padded with spaces, or cut with an ellipsis."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + ELLIPSIS


def fit_middle(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells.

    If it is too long, a part after its first third is left out, because names differ at their end.
    """
    if width < 5 or cell_len(text) <= width or cell_len(text) != len(text):
        return fit(text, width)
    return without_middle(text, width)


_OWNER = re.compile(r"^(?:[\w. -]+?(?:/|--))+(?=[\w.-])")  # no other mark: "[/]" and "</b>" are no owners
_TUNING = re.compile(rf"[-_](?:instruct|chat|it|base){ELLIPSIS}?$", re.IGNORECASE)
_BOUNDARY = re.compile(r"[-_/: ]")


def shorten_names(names: Sequence[str], width: int) -> list[str]:
    """Return the names in at most `width` cells each.

    Removed are, in this order and no more than necessary: a common ending, owners ("Qwen/"), the tuning ("-instruct"),
    a common beginning, and the middle. Different names stay different as long as `width` holds a number.
    """
    short = list(names)
    if len(set(names)) > 1:
        for ways in (_ends, _without_owners, _without_tuning, _starts):
            short = _shorter(short, ways(short), width)
    short = [name if cell_len(name) <= width else fit_middle(name, width).rstrip() for name in short]
    return _told_apart(list(names), short, width)


def _shorter(names: list[str], ways: Iterable[list[str]], width: int) -> list[str]:
    """Return the names unchanged if they fit, else by the first way in which every name fits.

    If no way fits, the last one is used.
    """
    for way in chain([names], ways):
        if len(set(way)) < len(set(names)):
            break
        names = way
        if all(cell_len(name) <= width for name in way):
            break
    return names


def _common(names: Sequence[str]) -> str:
    """Return the common beginning of all names."""
    return "".join(chars[0] for chars in takewhile(lambda chars: len(set(chars)) == 1, zip(*names, strict=False)))


def _starts(names: list[str]) -> Iterator[list[str]]:
    for cut in (match.end() for match in _BOUNDARY.finditer(_common(names))):
        if cut > 1:
            yield [ELLIPSIS + name[cut:] for name in names]


def _without_owners(names: list[str]) -> Iterator[list[str]]:
    yield [_OWNER.sub("", name) for name in names]


def _without_tuning(names: list[str]) -> Iterator[list[str]]:
    yield [_TUNING.sub(ELLIPSIS, name) for name in names]


def _ends(names: list[str]) -> Iterator[list[str]]:
    for cut in (match.end() for match in _BOUNDARY.finditer(_common([name[::-1] for name in names]))):
        if cut > 1:
            yield [name[: len(name) - cut] + ELLIPSIS for name in names]


def _told_apart(names: list[str], short: list[str], width: int) -> list[str]:
    """Number different names that have become equal."""
    apart = []
    for at, (name, brief) in enumerate(zip(names, short, strict=True)):
        twins = [other for other, text in enumerate(short) if text == brief and names[other] != name]
        number = f"#{at + 1}"
        apart.append(fit(brief, max(0, width - len(number))).rstrip() + number if twins else brief)
    return apart


def duration(seconds: float) -> str:
    """Return a duration in a suitable unit: seconds, minutes, hours and minutes, or days."""
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours / 24:.0f} days"


def _decades(scale: Scale, mantissas: Iterable[int]) -> list[float]:
    """Return the numbers m x 10ⁿ inside a logarithmic scale, ascending."""
    chosen = list(mantissas)
    first = math.floor(math.log10(scale.low) - 1e-9)
    last = math.ceil(math.log10(scale.high) + 1e-9)
    values = (float(f"{m}e{n}") for n in range(first, last + 1) for m in chosen)
    return [x for x in values if scale.low <= x <= scale.high]


def round_numbers(low: float, high: float) -> list[float]:
    """Return the numbers 1, 2 and 5 x 10ⁿ from `low` up to `high`, ascending; none if `low` is not above 0."""
    if not 0 < low < high < math.inf:
        return []
    return _decades(Scale(low=low, high=high, log=True), (1, 2, 5))


def _even(scale: Scale, count: int) -> list[float]:
    """Return multiples of 1, 2 or 5 x 10ⁿ inside a linear scale, about `count` of them."""
    raw = (scale.high - scale.low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first = math.ceil(scale.low / step - 1e-9)
    return [float(f"{n * step:.12g}") for n in range(first, math.floor(scale.high / step + 1e-9) + 1)]


def _spans(ticks: Sequence[Tick], columns: int) -> Iterator[tuple[int, int]]:
    for tick in ticks:
        centre = round(tick.at * (columns - 1))
        start = centre - len(tick.label) // 2
        yield start, start + len(tick.label)


def _roomy(ticks: Sequence[Tick], columns: int) -> bool:
    spans = list(_spans(ticks, columns))
    return len(ticks) >= 2 and all(a[1] + 2 <= b[0] for a, b in pairwise(spans))


def _thinned(ticks: Sequence[Tick], columns: int) -> list[Tick]:
    """Return as many of the ticks, evenly chosen, as fit side by side."""
    for stride in range(1, len(ticks) + 1):
        chosen = list(ticks[::stride])
        if len(chosen) < 2 or _roomy(chosen, columns):
            return chosen
    return []


def _merged(ticks: Sequence[Tick], minor: Sequence[Tick]) -> list[Tick]:
    held = {round(t.at, 9) for t in ticks}
    return sorted([*ticks, *(m for m in minor if round(m.at, 9) not in held)], key=lambda t: t.at)


def format_interval(low: float, high: float) -> str:
    """Return an interval of shares in points: [65.0, 100].

    The ends of the scale, 0 and 100, have no tenths. They are exact, and narrow columns need the room.
    """
    return f"[{_end(low)}, {_end(high)}]"


def _end(share: float) -> str:
    points = round(100 * share, 9) + 0.0  # a rounding is no -0
    return f"{points:.0f}" if points in {-100, 0, 100} else f"{points:.1f}"


Rgb = tuple[int, int, int]


def series_colour(tone: int, *, dark: bool) -> Rgb:
    """Return the colour of a series; seven colours combine with eight marks, so that 56 series look different."""
    colours = ON_DARK if dark else ON_LIGHT
    return colours[tone % len(colours)]


def mixed(colour: Rgb, ground: Rgb, share: float) -> Rgb:
    """Return a mix of `share` of a colour with the background."""
    r, g, b = (round(c * share + under * (1 - share)) for c, under in zip(colour, ground, strict=True))
    return r, g, b
