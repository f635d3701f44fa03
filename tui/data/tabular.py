"""What a screen shows as a table, for export."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabular:
    """Column names, and rows of plain values."""

    columns: tuple[str, ...]
    rows: Iterable[tuple[object, ...]]
