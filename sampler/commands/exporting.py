"""`sampler export`: a study's samples as files that others read."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sampler.cli_errors import error_boundary
from sampler.commands.common import STORE, study_option
from sampler.exit_codes import Exit
from sampler.exporting import FORMATS, ExportRequest, export, format_of
from sampler.store.sample_readers import ExportReader
from sampler.store.writer import chosen_study, open_migrated


@click.command("export")
@click.argument("store", type=STORE)
@click.option("--to", required=True, type=click.Path(path_type=Path), help="A file, or a folder for one of each model.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="Left out: parquet or sqlite where the file ends so (.parquet, .db), else jsonl, with all we know.",
)
@study_option
@click.option("--model", help="Only this model.")
@click.pass_obj
def export_(
    traceback: bool, /, *, store: Path, to: Path, format_: str | None, study: str | None, model: str | None
) -> None:
    """Write the samples of a STORE to a file or folder.

    `sampler import` reads all formats but sqlite, which is a store.

    \b
    sampler export results.db --to samples.jsonl.gz
    sampler export results.db --to programs --format evalplus --model small
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        with open_migrated(store, ExportReader) as reader:
            row = chosen_study(reader.studies(), store, study)
            written = export(ExportRequest(study=row.id, to=to, format=format_ or format_of(to), model=model), reader)
        for path in written:
            click.echo(f"wrote {path}")
        sys.exit(Exit.OK)
    sys.exit(failed[0])
