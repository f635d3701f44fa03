"""The door through which exports are written: under another name first, so that a file that is there is whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from sampler.exporting.formats import program_path
from sampler.store.read_models import ExportRow


class ExportFault(ValueError):
    """An export that cannot be written, with the way out."""


class PyarrowMissing(ExportFault):
    """The Parquet format needs a package that is not installed."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write under; it becomes `path` if all goes well and is removed if not."""
    if path.exists():
        raise ExportFault(f"{str(path)!r} is there already; choose another name, or remove it")
    parts = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        parts.unlink(missing_ok=True)
        yield parts
        parts.replace(path)
    except OSError as error:
        raise ExportFault(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            parts.unlink(missing_ok=True)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines, gzip if the name ends so."""
    with whole(path) as parts, _text(parts, zipped=path.suffix == ".gz") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def write_document(path: Path, value: object) -> None:
    """One JSON document, gzip if the name ends so."""
    with whole(path) as parts, _text(parts, zipped=path.suffix == ".gz") as file:
        json.dump(value, file)


def write_programs(path: Path, rows: Iterable[ExportRow]) -> None:
    """A folder for each problem with a file for each program, as EvalPlus reads them."""
    if path.exists():
        raise ExportFault(f"{str(path)!r} is there already; choose another name, or remove it")
    try:
        for row in rows:
            program = path / program_path(row)
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(row.program, encoding="utf-8", newline="")
    except OSError as error:
        raise ExportFault(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def write_parquet(path: Path, groups: Iterable[list[Mapping[str, Any]]]) -> None:
    """A Parquet file with the fields of our own lines as columns; raises PyarrowMissing."""
    try:
        import pyarrow as pa  # heavy, and an extra
        import pyarrow.parquet as pq
    except ImportError as error:
        raise PyarrowMissing("Parquet needs pyarrow: install codebudget[parquet]") from error
    kinds = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "truth": pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    with whole(path) as parts, pq.ParquetWriter(parts, schema, compression="zstd") as writer:
        for rows in groups:
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))


COLUMNS: Mapping[str, str] = {
    "task_id": "text", "model": "text", "index": "whole", "completion": "text", "program": "text", "extraction": "text",
    "prompt_form": "text", "seed": "whole",
    "finish": "text", "prompt_tokens": "whole", "completion_tokens": "whole", "prompt_seconds": "number",
    "decode_seconds": "number", "prompt_joules": "number", "decode_joules": "number",
    "prompt_flops": "number", "decode_flops": "number", "sum_nll": "number",
    "prompt_shared": "truth", "verdict": "text", "passed": "truth", "said": "text",
}  # fmt: skip


@contextmanager
def _text(path: Path, *, zipped: bool) -> Iterator[TextIO]:
    with (
        gzip.open(path, "wt", encoding="utf-8", compresslevel=6) if zipped else path.open("w", encoding="utf-8") as file
    ):
        yield file
