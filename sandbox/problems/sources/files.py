"""Read the rows of files: JSON lines or one JSON list (plain or gzip), Parquet, Arrow.

A large file is read row by row, so that a data set of several GB does not have to fit into memory.
"""

from __future__ import annotations

import codecs
import datetime as dt
import gzip
import io
import json
import zlib
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from sandbox.problems import json_fields
from sandbox.problems.problem_formats import ProblemsError
from sandbox.problems.sources.hub import is_data

Placed = tuple[str, Callable[[], object]]  # where a row stands, and what gives it; raises ValueError
Rows = Generator[Placed, None, None]  # its `close` closes the file that is being read
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_BATCH = 16  # rows; one of LiveCodeBench may take 100 MB


def rows_of(path: Path, source: str, otherwise: str) -> Rows:
    """Yield the rows of a file; raises ProblemsError, which ends with `otherwise` where there is no such file."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(0)
            if head == _PARQUET or path.suffix == ".arrow":
                yield from _columns(path, source)
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
    """Return the data files of a folder, here or below."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and is_data(path.name))


def rows_of_stream(file: IO[bytes], source: str) -> Rows:
    """Yield the rows of a file: its lines, or the elements of its only list (MBPP's sanitized file), or one object."""
    first = file.readline()
    first = first.removeprefix(codecs.BOM_UTF8)
    begins = first.lstrip()
    while first and not begins:
        first = file.readline()
        begins = first.lstrip()
    rest: IO[bytes] = file
    if begins[:1] == b"[" or (begins[:1] == b"{" and begins.rstrip()[-1:] != b"}"):
        data = first + file.read()
        whole = _whole(data)
        if whole is not None:
            for number, row in enumerate(whole, 1):
                yield f"{source}, element {number}", partial(_given_as, row)
            return
        rest = io.BytesIO(data)
        first = rest.readline()
    number = 1
    while first:
        if first.strip():
            yield f"{source}, line {number}", partial(_row, first)
        first, number = rest.readline(), number + 1


def _whole(data: bytes) -> list[object] | None:
    """Return the list that the whole file is, or the object over several lines; None if it is JSON lines."""
    try:
        with json_fields.long_integers():
            whole = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return whole if isinstance(whole, list) else [whole]


def _given_as(row: object) -> object:
    return row


def _row(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from error


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
