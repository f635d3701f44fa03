"""Read the rows of files: JSON lines, JSON documents (plain or gzip), CSV, Parquet, Arrow.

A large file is read row by row, so that a data set of several GB does not have to fit into memory.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

from sandbox.problems import json_fields
from sandbox.problems.problem_formats import ProblemsError
from sandbox.problems.sources.hub import is_data

Placed = tuple[str, Callable[[], object]]  # where a row stands, and what gives it; raises ValueError
Rows = Generator[Placed, None, None]  # its `close` closes the file that is being read
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_LONGEST_CELL = 128 << 20  # characters
_BATCH = 16  # rows; one of LiveCodeBench may take 100 MB


def rows_of(path: Path, source: str, otherwise: str) -> Rows:
    """Yield the rows of a file; raises ProblemsError, which ends with `otherwise` where there is no such file."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(0)
            if head == _PARQUET or path.suffix == ".arrow":
                yield from _columns(path, source)
            elif path.suffix.lower() == ".csv":
                yield from _of_csv(file, source)
            elif head[:2] == _GZIP:
                with gzip.open(file) as unpacked:
                    yield from rows_of_stream(cast("IO[bytes]", unpacked), source)
            else:
                yield from rows_of_stream(file, source)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error  # without the path, which stands here already
        raise ProblemsError(f"cannot read problems from {source!r}: {why}; {otherwise}") from error


def rows_of_folder(folder: Path) -> Rows:
    """Yield the rows of all data files of a folder, as the hub keeps a data set, in the order of their names."""
    for path in data_files(folder):
        yield from rows_of(path, str(path), "")


def data_files(folder: Path) -> list[Path]:
    """Return the data files of a folder, here or below; CSV files where there are no others, which may be the same."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if is_data(path.name)] or [path for path in files if path.suffix.lower() == ".csv"]


def rows_of_stream(file: IO[bytes], source: str) -> Rows:
    """Yield the rows of a file: its lines, or those of the documents that it holds instead (`_rows_in`)."""
    first = file.readline()
    first = first.removeprefix(codecs.BOM_UTF8)
    begins = first.lstrip()
    while first and not begins:
        first = file.readline()
        begins = first.lstrip()
    second = file.readline() if begins[:1] == b"{" else b""
    alone = begins[:1] == b"{" and not second
    lines: Iterator[bytes] = chain([first, second] if second else [first], file)
    if begins[:1] == b"[" or alone or (begins[:1] == b"{" and begins.rstrip()[-1:] != b"}"):
        data = b"".join(lines)
        whole = _whole(data, alone=alone)
        if whole is not None:
            for number, row in enumerate(whole, 1):
                yield f"{source}, element {number}", partial(_given_as, row)
            return
        lines = iter(io.BytesIO(data))
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{source}, line {number}", partial(_row, line)


def _whole(data: bytes, *, alone: bool) -> list[object] | None:
    """Return the rows of a file that is one document, or several over several lines.

    None if it is JSON lines, which one row `alone` on its line is, too.
    """
    try:
        with json_fields.long_integers():
            whole = json.loads(data)
            if isinstance(whole, list):  # MBPP's sanitized file
                return whole
            return _rows_in(whole) or (None if alone else [whole])
    except RecursionError:
        return None
    except ValueError:
        return _documents(data) if data.lstrip()[:1] == b"{" else None


def _documents(data: bytes) -> list[object] | None:
    """Return the objects of a file that holds one after the other, each over several lines, as `jq` writes them."""
    found, here, decoder = [], 0, json.JSONDecoder()
    try:
        text = data.decode("utf-8-sig").strip()
        with json_fields.long_integers():
            while here < len(text):
                value, here = decoder.raw_decode(text, here)
                found.append(value)
                here = _SPACE.match(text, here).end()  # type: ignore[union-attr]
    except (ValueError, RecursionError):
        return None
    return found


_SPACE = re.compile(r"\s*")
_ROWS, _OF_A_ROW = ("rows", "data", "problems"), {"prompt", "question", "task_id", "problem_id", "id", "name"}


def _rows_in(whole: object) -> list[object]:
    """Return the rows inside an object, or none if the object is a row itself.

    It holds them under their names (EvalPlus), in a list (`data`), or as the hub's viewer answers (`rows`).
    """
    if not isinstance(whole, dict):
        return []
    if all(isinstance(row, dict) and "prompt" in row for row in whole.values()):
        return [{"task_id": name} | row for name, row in whole.items()]
    listed: list[Any] = next((whole[key] for key in _ROWS if isinstance(whole.get(key), list)), [])
    if whole.keys() & _OF_A_ROW or not all(isinstance(row, dict) for row in listed):
        return []
    return [row["row"] if isinstance(row.get("row"), dict) else row for row in listed]


def _of_csv(file: IO[bytes], source: str) -> Rows:
    """Yield the rows of a table with a header; a cell that is a list or an object of JSON is read as that."""
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        try:
            csv.field_size_limit(_LONGEST_CELL)
            for number, cells in enumerate(csv.DictReader(text), 1):
                row = {name: _cell(cell) for name, cell in cells.items() if name is not None and cell not in {None, ""}}
                yield f"{source}, row {number}", partial(_given_as, row)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ProblemsError(f"{source} is no CSV in UTF-8: {error}") from error


def _cell(cell: Any) -> object:
    if isinstance(cell, str) and cell[:1] in {"[", "{"}:
        with suppress(ValueError, RecursionError), json_fields.long_integers():
            return json.loads(cell)
    return cell


def _given_as(row: object) -> object:
    return row


def _row(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        kinds = "" if line.lstrip()[:1] in {b"{", b"["} else "; problems are JSON lines, a JSON list, CSV or Parquet"
        raise ValueError(f"{json_fields.not_json(line, error)}{kinds}") from error


def _columns(path: Path, source: str) -> Rows:
    """Yield the rows of a Parquet file, or of an Arrow file as `datasets` keeps it."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ProblemsError(
            f"{source} is in columns, which needs pyarrow; run `pip install 'codebudget[hub]'`"
        ) from error
    try:
        if path.suffix == ".arrow":
            with pa.memory_map(str(path)) as mapped:
                batches: Iterator[Any] = iter(_arrow_reader(pa, mapped))
                yield from _numbered(batches, source)
            return
        yield from _numbered(parquet.ParquetFile(path).iter_batches(batch_size=_BATCH), source)
    except (pa.ArrowException, OSError) as error:
        raise ProblemsError(f"{source} cannot be read: {error}; get it again") from error


def _arrow_reader(arrow: Any, mapped: Any) -> Any:
    """Return the batches of a stream or, as some programs write it, of a file that can be read at any place."""
    try:
        return arrow.ipc.open_stream(mapped)
    except arrow.ArrowInvalid:
        found = arrow.ipc.open_file(mapped)
        return (found.get_batch(number) for number in range(found.num_record_batches))


def _numbered(batches: Iterator[Any], source: str) -> Rows:
    number = 0
    for batch in batches:
        for row in batch.to_pylist():
            number += 1
            yield f"{source}, row {number}", partial(_as_json, row)


def _as_json(value: object) -> object:
    """Return a value of a column as JSON would have it: dates as texts, bytes as text."""
    match value:
        case dict():
            return {key: _as_json(item) for key, item in value.items()}
        case list():
            return [_as_json(item) for item in value]
        case dt.date() | dt.time():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "surrogateescape")
        case _:
            return value
