"""`sampler run` and `sampler rejudge`: from a study file to verdicts in a store."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from sampler.commands.common import FILE
from sampler.doors import real_doors
from sampler.entry import read_along
from sampler.exits import Exit
from sampler.headless import PlainLines, read_report, run_study, saying, told
from sampler.models.cli import models_dir
from sampler.progress import Subscriber
from sampler.reader import StoreError
from sampler.rejudging import rejudge_study
from sampler.render import Page, print_report
from sampler.spec import load_study
from sampler.store import Store
from sandbox.references import References, usual_directory


@click.command()
@click.argument("study", type=FILE)
@click.option("--store", type=FILE, help="Where samples and verdicts go; default: beside the study file.")
@click.option(
    "--display", type=click.Choice(["plain", "none"]), default="plain", help="Progress lines on stderr, or none."
)
@click.option("--boxes", type=click.IntRange(min=1), help="How many sandboxes work at once.")
@click.option("--pull", "fetch", is_flag=True, help="Fetch the models that are not here yet.")
@click.pass_obj
def run(traceback: bool, /, *, study: Path, store: Path | None, display: str, boxes: int | None, fetch: bool) -> None:
    """Run the study of a STUDY.toml, or continue it, and print its report.

    \b
    sampler run examples/demo.toml
    sampler run study.toml --store results.db --display none
    """  # noqa: D301  (click's mark for lines that stay as they are)
    tell: Subscriber = PlainLines(sys.stderr) if display == "plain" else lambda _event: None
    with told(sys.stderr, traceback=traceback) as failed:
        asked = load_study(study)
        asked = replace(asked, store=store or asked.store, boxes=boxes or asked.boxes)
        code = run_study(asked, real_doors(models_dir(), saying(tell), fetch=fetch), tell)
        made = read_report(asked.store, asked.name)
        with read_along(sys.stdout):
            print_report(made, Page(file=sys.stdout))
        sys.exit(code)
    sys.exit(failed[0])


@click.command()
@click.argument("study", type=FILE)
@click.option("--store", type=FILE, help="Where the verdicts are; default: beside the study file.")
@click.pass_obj
def rejudge(traceback: bool, /, *, study: Path, store: Path | None) -> None:
    """Judge what the store of a STUDY.toml holds again, from the facts it keeps. No program runs.

    For when the judge or the problems' tests have changed. Earlier verdicts stay beside the new ones.
    """
    with told(sys.stderr, traceback=traceback) as failed:
        asked = load_study(study)
        path = store or asked.store
        if not path.is_file():
            raise StoreError(f"there is no store at {str(path)!r}; `sampler run {study}` makes one")
        with Store(path) as opened:
            click.echo(rejudge_study(asked, opened, References(usual_directory())).line)
        sys.exit(Exit.OK)
    sys.exit(failed[0])
