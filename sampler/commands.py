"""The commands of `sampler`: run a study, report it, keep models."""

# ruff: noqa: FBT001, PLR0913 - click hands options over one by one

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from sampler.doors import real_doors
from sampler.entry import read_along
from sampler.exits import Exit
from sampler.headless import PlainLines, read_report, run_study, saying, told
from sampler.models.cli import models, models_dir
from sampler.progress import Subscriber
from sampler.reader import StoreError
from sampler.rejudging import rejudge_study
from sampler.render import Page, print_report, report_json
from sampler.spec import load_study
from sampler.stats.budget import PromptCharge, Unit
from sampler.store import Store
from sandbox.references import References, usual_directory

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codebudget")
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
@click.pass_context
def cli(context: click.Context, *, traceback: bool) -> None:
    """Sample code from language models, score it, compare models at equal budget."""
    context.obj = traceback


@cli.command()
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


@cli.command()
@click.argument("store", type=FILE)
@click.option("--study", help="Which study of the store; default: the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--prompt",
    type=click.Choice([charge.value for charge in PromptCharge]),
    default=PromptCharge.EACH.value,
    help="Who pays for reading the prompt: each sample, or the first of a problem.",
)
@click.option(
    "--unit",
    "units",
    multiple=True,
    type=click.Choice([unit.value for unit in Unit]),
    help="What budgets are counted in; may be repeated. Default: flops and seconds.",
)
@click.pass_obj
def report(
    traceback: bool,
    /,
    *,
    store: Path,
    study: str | None,
    as_json: bool,
    prompt: str,
    units: tuple[str, ...],
) -> None:
    """Print what every model of a STORE reaches at equal budget.

    \b
    sampler report results.db
    sampler report results.db --unit flops --prompt once --json
    """  # noqa: D301
    with told(sys.stderr, traceback=traceback) as failed:
        made = read_report(store, study, units=tuple(map(Unit, units)), charge=PromptCharge(prompt))
        with read_along(sys.stdout):
            if as_json:
                click.echo(report_json(made))
            else:
                print_report(made, Page(file=sys.stdout))
        sys.exit(Exit.OK if made.compared else Exit.EMPTY)
    sys.exit(failed[0])


@cli.command()
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


cli.add_command(models)
