"""Define colours that are distinct for any kind of colour vision (Okabe and Ito 2008), and mix them."""

from __future__ import annotations

Rgb = tuple[int, int, int]

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


def series_colour(tone: int, *, dark: bool) -> Rgb:
    """Return the colour of a series; seven colours combine with eight marks, so that 56 series look different."""
    colours = ON_DARK if dark else ON_LIGHT
    return colours[tone % len(colours)]


def mixed(colour: Rgb, ground: Rgb, share: float) -> Rgb:
    """Return a mix of `share` of a colour with the background."""
    r, g, b = (round(c * share + under * (1 - share)) for c, under in zip(colour, ground, strict=True))
    return r, g, b
