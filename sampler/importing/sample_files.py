"""Define what to import, and read files of samples.

A file is JSON lines, one JSON document, gzip of either, Parquet, or one of EvalPlus's folders of programs. It is read
by its own format, by a format that the user names, or by columns that the user names.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sampler.backends.openai.answer import text_of_choice
from sampler.importing.imported_sample import (
    Claim,
    Imported,
    ImportFault,
    MissingText,
    Reading,
    count_of,
    finish_of,
    is_gap,
    number_of,
    seconds_of,
    seed_of,
    text_of,
)
from sampler.importing.sample_formats import FORMATS, Format, named, recognised
from sampler.importing.service_logs import values_of_eval
from sampler.study.problem_choice import ProblemsSpec
from sampler.values import Architecture
from sandbox.problems.json_fields import long_integers, not_json

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_DECODER, _SPACES = json.JSONDecoder(), re.compile(r"\s*")
_PARQUET = b"PAR1"
_KINDS = "a file is JSON lines, one JSON document, gzip of either, or Parquet, in UTF-8"
Samples = Callable[[Any], Iterator[Imported | MissingText]]
SUFFIXES = (".gz", ".jsonl", ".json", ".eval")
_PLACES: Mapping[str, str] = {"passed": "claim"}


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
    try:
        with path.open("rb") as raw:
            zipped = (head := raw.read(4))[:2] == _GZIP
        if head == _PARQUET or path.suffix == ".parquet":
            yield from _of_parquet(path)
            return
        if head == _ZIP:
            yield from values_of_eval(path)
            return
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
        if isinstance(first, dict) and first.get("error") and not any(one.recognises(first) for one in FORMATS):
            broken = broken or ImportFault(f"{where}: there is no answer, but an error: {first['error']!r:.60}")
        elif not isinstance(first, ImportFault):
            return recognised(first, where)
        broken = broken or (first if isinstance(first, ImportFault) else None)
    raise broken or ImportFault(f"{path} holds nothing")


def samples_of(path: Path, samples: Samples, *, skip_bad: bool = False) -> Iterator[tuple[str, Imported | ImportFault]]:
    """Yield the samples of a file, each with its place; for one that is left out, an ImportFault that says why.

    Samples without a text are left out and, with `skip_bad`, malformed ones, too. Otherwise a malformed one raises
    ImportFault, with its place.
    """
    view = None  # the filter of a log of lm-eval, which has a line for each filter of the same answers
    for where, value in values_of(path, skip_bad=skip_bad):
        if isinstance(value, ImportFault):
            yield where, value
            continue
        if isinstance(value, dict) and "filtered_resps" in value:
            found = value.get("filter")
            view = found if view is None else view
            if found != view:
                raise ImportFault(
                    f"{where}: the file has the same answers by the filters {view!r:.40} and {found!r:.40}; "
                    "give one that holds the lines of one filter"
                )
        try:
            for sample in samples(_row(value)):
                yield where, sample
        except MissingText as fault:
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
                yield where, ImportFault(not_json(line, error))
                continue
            if number > 1 or line.lstrip()[:1] not in {b"{", b"["}:
                raise ImportFault(
                    f"{where}: {not_json(line, error)}" + ("" if number > 1 else f"; {_KINDS}")
                ) from error
            yield from _elements(_document(line + b"".join(rest for _, rest in numbered), path), name)
            return
        yield from _elements(value, where)


def _elements(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield from ((f"{where}, element {number}", one) for number, one in enumerate(value, 1))
    else:
        yield where, value


def _document(data: bytes, path: Path) -> Any:
    """Return the JSON of a file; several documents behind each other, as `jq` writes lines, are a list of them."""
    try:
        text, here, found = data.decode().strip(), 0, []
        with long_integers():
            while here < len(text):
                value, end = _DECODER.raw_decode(text, here)
                found.append(value)
                here = _SPACES.match(text, end).end()  # type: ignore[union-attr]
    except (ValueError, RecursionError) as error:
        raise ImportFault(f"{path}: neither JSON lines nor one JSON document ({error})") from error
    return found[0] if len(found) == 1 else found


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
        raise ImportFault(f"{path}: Parquet needs pyarrow; run `pip install 'codebudget[parquet]'`") from error
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is imported, and how it is read.

    `model` is the name for files that give none; `reading` overrides the format's kind of text; with `skip_bad`,
    malformed rows of samples and of problems are left out; `output_rule` and `assumed` replace those of the problems'
    data set; `checker_files` are headers for its checkers in C++; `columns` is {field: column} for lines of no known
    format. A model that is in no catalogue has FLOPs only with an `architecture`, or by the rule "2N" with `params`.
    """

    files: tuple[Path, ...]
    study: str
    problems: str = "humaneval"
    sampled_only: bool = False
    skip_bad: bool = False
    output_rule: str | None = None
    assumed: Mapping[str, object] = field(default_factory=dict)
    checker_files: tuple[str, ...] = ()
    format: str | None = None
    model: str | None = None
    reading: Reading | None = None
    columns: tuple[tuple[str, str], ...] = ()
    architecture: Architecture | None = None
    params: int | None = None

    @property
    def chosen(self) -> ProblemsSpec:
        """Return which problems are wanted, and how they are read."""
        return ProblemsSpec(
            source=self.problems,
            skip_bad=self.skip_bad,
            output_rule=self.output_rule,
            assumed=self.assumed,
            checker_files=self.checker_files,
        )


@dataclass(slots=True)
class ImportEnd:
    """Counts of samples in the files, added, and held before; and of problems with samples, for each model."""

    read: int = 0
    added: Counter[str] = field(default_factory=Counter)
    wanted: dict[str, int] = field(default_factory=dict)  # the fewest samples that one of the problems has
    most: dict[str, int] = field(default_factory=dict)  # the most
    sampled: dict[str, int] = field(default_factory=dict)
    problems: int = 0
    claims: int = 0
    formats: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # samples, with their place and the reason
    problems_left_out: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Return a message, with a line for each model."""
        return [
            f"{name}: {_number(self.added[name], 'sample')} added, {self._of_each(name)} of "
            + ("1 problem" if self.sampled[name] == 1 else f"each of {self.sampled[name]} problems")
            + ("" if self.sampled[name] == self.problems else f" ({self.problems - self.sampled[name]} have none)")
            for name in self.wanted
        ]

    def _of_each(self, name: str) -> str:
        """Return how many samples each of the problems has that have any: a number, or the fewest and the most."""
        fewest, most = self.wanted[name], self.most[name]
        return str(fewest) if fewest == most else f"{fewest} to {most}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """How one file is read: its format's name, the kind of its texts, and their model if the file does not name it."""

    format: str
    reading: Reading
    model: str


def options_of(path: Path, request: ImportRequest) -> tuple[Samples, FileOptions]:
    """Return the function that makes samples of a file's values, and how the file is read; raises ImportFault."""
    model = request.model or _stem(path)
    if request.columns:
        columns = dict(request.columns)
        reading = request.reading or (Reading.PROGRAM if "program" in columns else Reading.RAW)
        return column_reader(columns), FileOptions(format="map", reading=reading, model=model)
    found = format_of(path, request.format, skip_bad=request.skip_bad)
    return found.samples, FileOptions(format=found.name, reading=request.reading or found.reading, model=model)


def _stem(path: Path) -> str:
    """Return a file's name without its endings."""
    name = path.name
    while suffix := next((one for one in SUFFIXES if name.endswith(one) and name != one), ""):
        name = name.removesuffix(suffix)
    return name


# Plain JSON lines whose columns the user names: `--map answer=text --map info.id=problem`.
#
# A dot goes into an object, or to a place in a list: `--map response.body.choices.0.message.content=text`.


def column_reader(columns: Mapping[str, str]) -> Callable[[Any], Iterator[Imported]]:
    """Return a reader of lines by columns, {field: column}; raises ImportFault for an unknown field."""
    for name in columns:
        if name not in FIELDS:
            near = get_close_matches(name, FIELDS, n=1)
            raise ImportFault(
                f"--map: {name!r} is no field of a sample; "
                + (f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(FIELDS)}")
            )
    if not {"text", "program"} & columns.keys() or not {"problem", "prompt"} & columns.keys():
        raise ImportFault("--map must name the columns of problem (or prompt) and of text (or program)")

    texts = [column for name, column in columns.items() if name in {"text", "program"}]
    plan = tuple((_PLACES.get(name, name), column, _CONVERTERS[name]) for name, column in columns.items())

    met: set[str] = set()  # what no row has had is a column of another name

    def samples(row: Any) -> Iterator[Imported]:
        for column in texts:
            if _absent(row, column):
                raise MissingText(f"there is no {column!r}: an answer without a text")
        told: dict[str, Any] = {}
        for name, column, convert in plan:
            try:
                found = row if column in row else _inside(row, column)
            except KeyError:
                if column not in met or name in _NEEDED:
                    raise ImportFault(f"the field {column!r} is missing{_near(row, column)}") from None
                continue
            met.add(column)
            told[name] = convert(found, column)
        yield Imported(**{"text": told.get("program"), **told})

    return samples


def _near(row: Any, column: str) -> str:
    """Return which column may be meant, or those that a line has, as the end of a message."""
    names = [str(name) for name in row] if isinstance(row, dict) else []
    close = get_close_matches(column, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; the line has {', '.join(names[:8])}" if names else ""


def _absent(row: Any, column: str) -> bool:
    """Return whether a line lacks a column of texts, as an error in a batch of answers does."""
    if column in row:
        return row[column] is None
    try:
        return _inside(row, column)[column] is None
    except KeyError:
        return "." in column


def _as_it_is(row: Mapping[str, Any], name: str) -> Any:
    return row[name]


def _text_or_none(row: Mapping[str, Any], name: str) -> str | None:
    return None if row[name] is None else text_of(row, name)


def _text_of_parts(row: Mapping[str, Any], name: str) -> str:
    """Return a text that may be a list of parts, as chats have it."""
    value = row[name]
    if isinstance(value, list) and value and all(isinstance(part, dict) and "type" in part for part in value):
        return text_of_choice({"message": {"content": value}}).text
    return text_of(row, name)


_TRUTHS = {"true": True, "pass": True, "passed": True, "false": False, "fail": False, "failed": False}


def _claim(row: Mapping[str, Any], name: str) -> Claim | None:
    passed = row[name]
    if isinstance(passed, str):
        passed = _TRUTHS.get(passed.strip().lower())
    if not isinstance(passed, bool | int | float) or is_gap(passed):
        return None
    return Claim(passed=bool(passed))


_CONVERTERS: Mapping[str, Callable[[Mapping[str, Any], str], Any]] = {
    "problem": _as_it_is, "prompt": text_of, "text": _text_of_parts, "program": text_of, "model": text_of,
    "index": count_of, "seed": seed_of, "finish": finish_of, "prompt_tokens": count_of, "completion_tokens": count_of,
    "prompt_seconds": seconds_of, "decode_seconds": seconds_of, "sum_logprob": number_of, "passed": _claim,
    "thought": _text_or_none, "thought_tokens": count_of, "cached_tokens": count_of, "cache_write_tokens": count_of,
    "prompt_joules": seconds_of, "decode_joules": seconds_of,
}  # fmt: skip
FIELDS = tuple(_CONVERTERS)
_NEEDED = {"problem", "prompt", "text", "program", "model", "index", "seed"}  # without one, a row is another sample


def _inside(row: Any, column: str) -> dict[str, Any]:
    """Return the value of a column whose name has dots, within nested objects; raises KeyError, which names it."""
    value = row
    for part in column.split("."):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            raise KeyError(column)
    return {column: value}
