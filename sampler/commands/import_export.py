"""Move samples between files and a store: `sampler import` and `sampler export`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from sampler.cli_errors import error_boundary
from sampler.commands.common import FILE, STORE, Count, study_option
from sampler.exit_codes import Exit
from sampler.exporting import ExportFault, ExportRequest, destination, export, format_of, formats, send
from sampler.importing.imported_sample import ImportFault, Reading
from sampler.importing.importer import import_files
from sampler.importing.sample_files import ImportEnd, ImportRequest
from sampler.importing.sample_formats import NAMES
from sampler.models.architecture import ConfigError, GgufError, read_config, read_gguf
from sampler.models.catalogue import find
from sampler.store.reader import Reader
from sampler.store.sample_readers import ExportReader
from sampler.store.writer import Store, chosen_study, open_migrated, remove
from sampler.values import Architecture
from sandbox.commands.problem_options import ProblemReader, assume_option, problem_options
from sandbox.problems import ProblemsError
from sandbox.sanitize import first_few

_SOLUTION = "solution"  # what `sandbox score` calls a whole program


@click.command("import")
@click.argument("store", type=FILE)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(NAMES),
    help="The format of the files; default: recognized by their fields.",
)
@click.option("--model", help="The model's name, where the files give none; default: the file's name.")
@click.option(
    "--problems",
    default="humaneval",
    help="The problems that were asked: the name of a data set, or a file or folder; default: humaneval.",
)
@click.option(
    "--sampled-only", is_flag=True, help="Leave problems out of the study if the files have no samples of them."
)
@problem_options
@assume_option
@click.option("--study", help="The study's name in the store; default: the store's name.")
@click.option(
    "--as",
    "given",
    type=click.Choice([*(kind.value for kind in Reading), _SOLUTION]),
    help=(
        "What a text is: a completion as it is, a raw one to be cut, a whole program (solution) as it is, or a chat's "
        "answer."
    ),
)
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="Say which column of plain JSON lines holds a field; may be repeated.",
)
@click.option(
    "--architecture",
    help="Where the model's architecture is known from, for FLOPs: a catalogue name, a .gguf file or a config.json.",
)
@click.option(
    "--params",
    type=Count(),
    help="Number of parameters N, for FLOPs by the rule 2N, such as 8e9 or 8b.",
)
@click.pass_obj
def import_(
    traceback: bool,
    /,
    *,
    store: Path,
    files: tuple[Path, ...],
    format_: str | None,
    model: str | None,
    problems: str,
    sampled_only: bool,
    reader: ProblemReader,
    study: str | None,
    given: str | None,
    columns: tuple[str, ...],
    architecture: str | None,
    params: float | None,
) -> None:
    """Add the samples of FILES to a STORE.

    Then `sampler score` executes them, and `sampler report` compares the models. The same command again adds nothing
    twice; with --architecture or --params it adds the model's size later. Token counts and times in the files become
    costs. Verdicts in the files are kept apart from ours (`sampler claims`).

    \b
    sampler import published.db samples.jsonl.gz --model codegen-16b
    sampler import published.db answers.jsonl --map id=problem --map answer=text --params 8e9
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        request = ImportRequest(
            files=files,
            study=study or store.stem,
            problems=problems,
            sampled_only=sampled_only,
            skip_bad=reader.skip_bad,
            output_rule=reader.output_rule,
            assumed=reader.assumed,
            checker_files=tuple(str(file.resolve()) for file in reader.checker_files),  # `sampler score` reads them
            format=format_,
            model=model,
            reading=None if given is None else Reading.PROGRAM if given == _SOLUTION else Reading(given),
            columns=tuple(_column(column) for column in columns),
            architecture=None if architecture is None else _architecture(architecture),
            params=None if params is None else round(params),
        )
        began = time.monotonic()
        end = _import(request, store)
        _tell(end, store, time.monotonic() - began)
        sys.exit(Exit.OK)
    sys.exit(failed[0])


def _tell(end: ImportEnd, store: Path, took: float) -> None:
    for what, rows in (("problems", end.problems_left_out), ("samples", end.left_out)):
        for left_out in first_few(rows):
            click.echo(f"left out: {left_out}", err=True)
        if rows:
            click.echo(f"{len(rows)} {what if len(rows) > 1 else what[:-1]} left out", err=True)
    for line in end.lines:
        click.echo(line)
    way_on = f"`sampler score {store}` executes them" if end.added.total() else "the store held them already"
    samples = "1 sample" if end.read == 1 else f"{end.read} samples"
    click.echo(
        f"{samples} read as {', '.join(dict.fromkeys(end.formats))}, {end.added.total()} added, "
        f"{end.claims} with a verdict of the file's, in {took:.1f} s; {way_on}"
    )


def _import(request: ImportRequest, path: Path) -> ImportEnd:
    """Import into a store; a new store is removed again if nothing was imported."""
    new = not path.exists()
    try:
        with Store(path) as store:
            return import_files(request, store)
    except (ImportFault, ProblemsError):
        if new and _is_empty(path):
            remove(path)
        raise


def _is_empty(path: Path) -> bool:
    with Reader(path) as reader:
        return not any(reader.models(study.id) for study in reader.studies())


def _column(words: str) -> tuple[str, str]:
    column, equals, field = words.rpartition("=")
    if not equals or not column or not field:
        raise ImportFault(f"--map {words!r}: write COLUMN=FIELD, for example --map answer=text")
    return field, column


def _architecture(words: str) -> Architecture:
    try:
        if words.endswith(".json"):
            return read_config(Path(words))
        return read_gguf(Path(words)) if words.endswith(".gguf") else find(words).architecture
    except (GgufError, ConfigError, OSError) as error:
        raise ImportFault(str(error)) from error


@click.command("export")
@click.argument("store", type=STORE)
@click.option(
    "--to",
    required=True,
    metavar="PATH",
    help="A file, a folder for one file of each model, or a tracker or data set as NAME:REST (docs/importing.md).",
)
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    help=f"One of {', '.join(formats(built_in=True))}, or a plugin's. Default: parquet or sqlite by the "
    "file's ending (.parquet, .db), else jsonl, which holds all that is known.",
)
@study_option
@click.option("--model", help="Write only this model.")
@click.pass_obj
def export_(
    traceback: bool, /, *, store: Path, to: str, format_: str | None, study: str | None, model: str | None
) -> None:
    """Write the samples of a STORE to files or a tracker.

    `sampler import` reads all formats again but sqlite, which is a store.

    \b
    sampler export results.db --to samples.jsonl.gz
    sampler export results.db --to programs --format evalplus --model small
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        goal = destination(to)
        if goal is not None and format_ is not None:
            raise ExportFault(f"--to {to}: a destination has no --format; leave one of the two out")
        with open_migrated(store, ExportReader) as reader:
            row = chosen_study(reader.studies(), store, study)
            format_ = format_ or format_of(Path(to))
            request = ExportRequest(study=row.id, to=Path(to), format=format_, model=model)
            if goal is None:
                for path in export(request, reader):
                    click.echo(f"wrote {path}")
            else:
                for line in send(*goal, request, reader):
                    click.echo(line)
        sys.exit(Exit.OK)
    sys.exit(failed[0])
