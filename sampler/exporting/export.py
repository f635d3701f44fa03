"""Export a store to files: decide which models go where, and in which format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sampler.exporting import files
from sampler.exporting.files import ExportFault
from sampler.store.read_models import ExportRow, ModelRow
from sampler.store.sample_readers import ExportReader

SUFFIXES: Mapping[str, str] = {
    "jsonl": ".jsonl", "humaneval": ".jsonl", "evalplus": ".jsonl", "paper": ".json", "bigcode": ".json",
    "sqlite": ".db", "parquet": ".parquet",
}  # fmt: skip
FORMATS = tuple(SUFFIXES)
OF_ALL = ("jsonl", "parquet")  # name the model in every row, so one file holds all of them


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
    if request.format == "sqlite":
        return [_copy(request, reader)]
    models = _chosen(request, reader)
    if request.format in OF_ALL:
        path = request.to if _is_file(request) else request.to / f"samples{SUFFIXES[request.format]}"
        _write(request.format, path, _Source(reader, request.study, models))
        return [path]
    if len(models) > 1 and _is_file(request):
        raise ExportFault(
            f"one {request.format} file holds one model, and the study has {len(models)}; name one with --model, "
            "or give a "
            "folder with --to"
        )
    places = [_place(request, model, alone=len(models) == 1) for model in models]
    for model, path in zip(models, places, strict=True):
        _write(request.format, path, _Source(reader, request.study, [model]))
    return places


def format_of(to: Path) -> str:
    """Return the format of a file by the ending of its name, if that belongs to only one format, else jsonl."""
    return {".parquet": "parquet", ".db": "sqlite"}.get(to.suffix, "jsonl")


def _place(request: ExportRequest, model: ModelRow, *, alone: bool) -> Path:
    """Return the path of a model's file or folder of programs."""
    if _is_file(request):
        return request.to
    if request.format == "evalplus":
        return request.to if alone else request.to / _file_name(model.name)
    return request.to / f"{_file_name(model.name)}{SUFFIXES[request.format]}"


@dataclass(frozen=True, slots=True)
class _Source:
    """Some models of a study."""

    reader: ExportReader
    study: int
    models: Sequence[ModelRow]

    def groups(self) -> Iterator[list[ExportRow]]:
        """Yield the samples of each model and problem; empty lists too, because some formats count problems by them."""
        problems = self.reader.problem_ids(self.study)
        for model in self.models:
            for problem in problems:
                yield self.reader.samples(model.id, problem)

    def rows(self) -> Iterator[ExportRow]:
        """Yield all samples."""
        for group in self.groups():
            yield from group


def _write(name: str, path: Path, source: _Source) -> None:
    writers: Mapping[str, Callable[[], None]] = {
        "jsonl": lambda: files.write_lines(path, map(files.recording, source.rows())),
        "humaneval": lambda: files.write_lines(path, map(files.humaneval, source.rows())),
        "paper": lambda: files.write_document(path, files.paper(source.groups())),
        "bigcode": lambda: files.write_document(path, list(files.bigcode(source.groups()))),
        "parquet": lambda: files.write_parquet(path, ([files.recording(r) for r in g] for g in source.groups())),
        "evalplus": lambda: _write_evalplus(path, source),
    }
    writers[name]()


def _write_evalplus(path: Path, source: _Source) -> None:
    if path.suffix in {".jsonl", ".gz"}:
        files.write_lines(path, map(files.evalplus, source.rows()))
    else:
        files.write_programs(path, source.rows())


def _copy(request: ExportRequest, reader: ExportReader) -> Path:
    if request.model is not None:
        raise ExportFault("a copy of the store holds all of it; leave --model out, or choose another format")
    with files.whole(request.to) as parts:
        reader.copy_to(parts)
    return request.to


def _chosen(request: ExportRequest, reader: ExportReader) -> list[ModelRow]:
    models = reader.models(request.study)
    chosen = [model for model in models if request.model in {None, model.name}]
    if not chosen:
        held = ", ".join(repr(model.name) for model in models) or "none"
        raise ExportFault(f"the study has no model {request.model!r} (it has: {held})")
    return chosen


def _is_file(request: ExportRequest) -> bool:
    return request.to.suffix in {*SUFFIXES.values(), ".gz"}


def _file_name(model: str) -> str:
    """Return a model's name as a file name, without any path."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in model).lstrip(".") or "model"
