"""`sampler run` and `sampler rejudge`: from a study file to verdicts in a store."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from sampler.cli_errors import error_boundary
from sampler.commands.common import FILE
from sampler.exit_codes import Exit
from sampler.running.headless import run_headless
from sampler.running.run_options import HeadlessOptions, headless_options
from sampler.running.stored import rejudge_study
from sampler.store.reader import StoreError
from sampler.store.writer import Store
from sampler.study.spec import load_study
from sandbox.scoring.references import References, usual_directory


@click.command()
@click.argument("study", type=FILE)
@headless_options
@click.pass_obj
def run(traceback: bool, /, *, study: Path, manner: HeadlessOptions) -> None:
    """Run the study of a STUDY.toml, or continue it, and print its report.

    \b
    sampler run examples/demo.toml
    sampler run study.toml --store results.db --display none
    """
    sys.exit(run_headless(study, out=sys.stdout, log=sys.stderr, manner=replace(manner, traceback=traceback)))


@click.command()
@click.argument("study", type=FILE)
@click.option("--store", type=FILE, help="Where the verdicts are; default: beside the study file.")
@click.pass_obj
def rejudge(traceback: bool, /, *, study: Path, store: Path | None) -> None:
    """Judge what the store of a STUDY.toml holds again, from the facts it keeps. No program runs.

    For when the judge or the problems' tests have changed. Earlier verdicts stay beside the new ones.
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        asked = load_study(study)
        path = store or asked.store
        if not path.is_file():
            raise StoreError(f"there is no store at {str(path)!r}; `sampler run {study}` makes one")
        with Store(path) as opened:
            click.echo(rejudge_study(asked, opened, References(usual_directory())).line)
        sys.exit(Exit.OK)
    sys.exit(failed[0])
