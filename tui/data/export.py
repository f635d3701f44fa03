"""Export what a screen shows: CSV for spreadsheets, JSON for programs; SVG comes from Textual.

Cells that a spreadsheet would read as a formula get an apostrophe: names, errors and messages are hostile text. Long
lists are written page by page, so a million rows need no more memory than a thousand.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TextIO

from sampler.store.read_models import SampleRow
from sampler.store.sample_readers import SampleReader
from tui.data.sample_index import SampleOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabular:
    """Column names, and rows of plain values."""

    columns: tuple[str, ...]
    rows: Iterable[tuple[object, ...]]


def without_fonts(svg: str) -> str:
    """Return the picture without web fonts; any fixed-width font of the reader is used."""
    return re.sub(r"@font-face\s*\{[^}]*\}", "", svg)


class PictureError(Exception):
    """The picture cannot be drawn as PNG; the message says what is missing."""


PICTURES = (".svg", ".png")
# Fixed-width fonts that systems bring; a renderer of SVG knows no `monospace` of its own.
_FONTS = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, Noto Sans Mono, Cascadia Mono, Courier New, monospace"


def png_of(svg: str) -> bytes:
    """Return a picture of the screen as PNG; raises PictureError without the extra `png` or without a font."""
    try:
        import resvg_py  # an extra
    except ImportError as error:
        raise PictureError("PNG needs the extra `png`: pip install 'codebudget[png]'; or save it as SVG") from error
    told = re.sub(r"(font-family:) [^;]*;", rf"\1 {_FONTS};", svg)
    drawn = resvg_py.svg_to_bytes(svg_string=told)
    if drawn == resvg_py.svg_to_bytes(svg_string=told, skip_system_fonts=True):
        raise PictureError("no fixed-width font is installed, such as DejaVu Sans Mono; save it as SVG")
    return bytes(drawn)


def picture_of(svg: str, file: Path) -> bytes:
    """Return what a file of this name holds: SVG without web fonts, or PNG; raises PictureError."""
    return png_of(svg) if file.suffix == ".png" else without_fonts(svg).encode()


PIECE = 1_000
FORMATS = ("csv", "json")


def export_name(study: str, screen: str, stamp: str, kind: str) -> str:
    """Return a descriptive file name that is valid on every system."""
    safe = re.sub(r"[^A-Za-z0-9._]+", "-", f"{study}-{screen}").strip("-.")[:80]
    return f"{safe}-{stamp}.{kind}"


def cell_of(value: object) -> object:
    """Return a value as a cell of a CSV file."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return "" if value is None else value


class Writer:
    """Writes rows of plain values to an open file, in either format. `end` writes closing brackets."""

    def __init__(self, out: TextIO, kind: str, columns: Sequence[str]) -> None:
        self._out = out
        self._kind = kind
        self._columns = tuple(columns)
        self._csv = csv.writer(out)
        self.rows = 0
        if kind == "csv":
            self._csv.writerow(self._columns)
        else:
            out.write("[")

    def write(self, row: Sequence[object]) -> None:
        """Write one row."""
        if self._kind == "csv":
            self._csv.writerow([cell_of(value) for value in row])
        else:
            told = dict(zip(self._columns, row, strict=True))
            self._out.write(("," if self.rows else "") + "\n" + json.dumps(told, ensure_ascii=True, allow_nan=False))
        self.rows += 1

    def end(self) -> None:
        """Finish the file."""
        if self._kind == "json":
            self._out.write("\n]\n")


def written(file: Path, write: Callable[[], int]) -> str:
    """Write a file; return a message about it."""
    try:
        amount = write()
    except OSError as error:
        return f"Cannot write {str(file)!r}: {error.strerror or error}"
    except PictureError as error:
        return str(error)
    return f"{file.name}: {amount} {'bytes' if file.suffix in PICTURES else 'rows'}"


def write_table(table: Tabular, file: Path) -> int:
    """Write a table; return the number of rows. Raises OSError."""
    with file.open("x", encoding="utf-8", newline="") as out:
        writer = Writer(out, file.suffix.removeprefix("."), table.columns)
        for row in table.rows:
            writer.write(row)
        writer.end()
    return writer.rows


class SampleExport:
    """A list of samples being written, page by page. `step` belongs to the thread that reads; it raises OSError."""

    def __init__(self, order: SampleOrder, file: Path, *, pending: bool) -> None:
        self._order = order
        self._pending = pending
        self.file = file
        self._at = 0
        self._out: TextIO | None = None
        self._writer: Writer | None = None

    def step(self, reader: SampleReader) -> tuple[int, bool]:
        """Write another page; return how many rows there are now, and whether that is all."""
        if self._out is None or self._writer is None:
            self._out = self.file.open("x", encoding="utf-8", newline="")
            columns = [field.name for field in fields(SampleRow)]
            self._writer = Writer(self._out, self.file.suffix.removeprefix("."), columns)
        ids = self._order.ids(self._at, PIECE)
        self._at += PIECE
        for row in _values(reader.page(ids, pending=self._pending)):
            self._writer.write(row)
        done = self._at >= self._order.total
        if done:
            self._writer.end()
            self._out.close()
        return self._writer.rows, done


def _values(rows: Sequence[SampleRow]) -> Iterator[list[Any]]:
    for row in rows:
        yield list(asdict(row).values())
