"""A picture of the screen as it leaves the program."""

from __future__ import annotations

import re


def without_fonts(svg: str) -> str:
    """The picture without the web fonts it would fetch; any fixed-width font of the reader's does."""
    return re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
