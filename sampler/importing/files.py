"""Read files of samples: JSON lines, one JSON document, gzip of either, or EvalPlus's folders of programs."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sampler.importing.formats import Format, named, recognised
from sampler.importing.imported_sample import Imported, ImportFault, NoText
from sandbox.problems.rows import long_integers

_GZIP = b"\x1f\x8b"
_KINDS = "a file is JSON lines, one JSON document, gzip of either, or Parquet, in UTF-8"
Samples = Callable[[Any], Iterator[Imported | NoText]]


def digest_of(files: Iterable[Path]) -> str:
    """Return the SHA-256 over the contents of files and folders, in any order; raises ImportFault."""
    digests = []
    for path in sorted(inner for file in files for inner in (_programs(file) if file.is_dir() else [file])):
        try:
            with path.open("rb") as opened:
                digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
        except OSError as error:
            raise _unreadable(path, error) from error
    return hashlib.sha256(" ".join(sorted(digests)).encode()).hexdigest()


def values_of(path: Path, *, skip_bad: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield the JSON values of a file, each with its place; raises ImportFault.

    With `skip_bad`, an ImportFault is yielded instead of a line that is not JSON.
    """
    if path.is_dir():
        yield from _of_folder(path)
        return
    if path.suffix == ".parquet":
        yield from _of_parquet(path)
        return
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == _GZIP
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            yield from _values(file, path, skip_bad=skip_bad)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error


def format_of(path: Path, asked: str | None, *, skip_bad: bool = False) -> Format:
    """Return the format of a file: the one asked for, or the one that its first value shows; raises ImportFault."""
    if asked is not None:
        return named(asked)
    broken = None
    for where, first in values_of(path, skip_bad=skip_bad):
        if not isinstance(first, ImportFault):
            return recognised(first, where)
        broken = broken or first
    raise broken or ImportFault(f"{path} holds nothing")


def samples_of(path: Path, samples: Samples, *, skip_bad: bool = False) -> Iterator[tuple[str, Imported | ImportFault]]:
    """Yield the samples of a file, each with its place; for one that is left out, an ImportFault that says why.

    Samples without a text are left out and, with `skip_bad`, malformed ones, too. Otherwise a malformed one raises
    ImportFault, with its place.
    """
    for where, value in values_of(path, skip_bad=skip_bad):
        if isinstance(value, ImportFault):
            yield where, value
            continue
        try:
            for sample in samples(_row(value)):
                yield where, sample
        except NoText as fault:
            yield where, fault
        except Exception as error:  # a row may hold anything, and whatever comes of it is the file's fault
            wrong = _fault(error)
            if not skip_bad:
                raise ImportFault(f"{where}: {wrong}") from error
            yield where, wrong


def _row(value: Any) -> Any:
    if not isinstance(value, dict | list):
        raise ImportFault(f"a sample is a JSON object, not {json.dumps(value):.40}")
    return value


def _fault(error: Exception) -> ImportFault:
    """Return the fault of a row whose reading raised this error."""
    match error:
        case ImportFault():
            return error
        case KeyError():
            return ImportFault(f"the field {error} is missing")
        case RecursionError():
            return ImportFault("it is nested too deeply")
        case TypeError() | ValueError():
            return ImportFault(str(error))
        case _:
            return ImportFault(f"{type(error).__name__}: {error}")


def _values(lines: Iterable[bytes], path: Path, *, skip_bad: bool) -> Iterator[tuple[str, Any]]:
    """Yield the JSON values of a text.

    If the first line alone is not JSON, the file is one document over several lines. A list of objects is read as
    lines.
    """
    numbered, name = enumerate(lines, 1), str(path)
    for number, given in numbered:
        line = given if number > 1 else given.removeprefix(codecs.BOM_UTF8)  # as editors on Windows begin a file
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            with long_integers():
                value = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            if number > 1 and skip_bad:
                yield where, ImportFault(f"not JSON ({error})")
                continue
            if number > 1 or line.lstrip()[:1] not in {b"{", b"["}:
                raise ImportFault(f"{where}: not JSON ({error})" + ("" if number > 1 else f"; {_KINDS}")) from error
            yield from _elements(_document(line + b"".join(rest for _, rest in numbered), path), name)
            return
        yield from _elements(value, where)


def _elements(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield from ((f"{where}, element {number}", one) for number, one in enumerate(value, 1))
    else:
        yield where, value


def _document(data: bytes, path: Path) -> Any:
    try:
        with long_integers():
            return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImportFault(f"{path}: neither JSON lines nor one JSON document ({error})") from error


def _of_folder(path: Path) -> Iterator[tuple[str, Any]]:
    """Read a folder for each problem, HumanEval_0, with its programs 0.py, 1.py and so on, as EvalPlus writes them."""
    found = _programs(path)
    if not found:
        files = sorted(str(inner) for inner in path.iterdir() if inner.is_file())
        raise ImportFault(
            f"{str(path)!r} holds no folders with programs, such as HumanEval_0/0.py"
            + (
                f"; give the files that it holds instead: {', '.join(files[:3])}{' …' * (len(files) > 3)}"
                if files
                else ""
            )
        )
    for program in found:
        name = "/".join(program.parent.name.rsplit("_", 1))
        try:
            yield str(program), {"task_id": name, "solution": program.read_bytes().decode("utf-8", "replace")}
        except OSError as error:
            raise _unreadable(program, error) from error


def _of_parquet(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a Parquet file, as if they were lines."""
    try:
        import pyarrow as pa  # heavy, and an extra
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportFault(f"{path}: Parquet needs pyarrow: install codebudget[parquet]") from error
    try:
        with pq.ParquetFile(path) as file:
            rows = (row for batch in file.iter_batches(batch_size=2000) for row in batch.to_pylist())
            for number, row in enumerate(rows, 1):
                yield f"{path}, row {number}", row
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _programs(path: Path) -> list[Path]:
    def place(program: Path) -> tuple[str, int, str]:
        return program.parent.name, int(program.stem) if program.stem.isdecimal() else -1, program.stem

    return sorted(path.glob("*/*.py"), key=place)


def _unreadable(path: Path, error: Exception) -> ImportFault:
    reason = getattr(error, "strerror", None)
    way_out = "check the name" if reason else "it is cut short or damaged: get it again"
    return ImportFault(f"cannot read {str(path)!r}: {reason or error}; {way_out}")
