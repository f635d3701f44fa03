"""The commands of `sampler`, a module each."""

from __future__ import annotations

import click

from sampler.commands.analyse import analyse
from sampler.commands.compare import compare
from sampler.commands.exporting import export_
from sampler.commands.gate import gate
from sampler.commands.importing import import_
from sampler.commands.init import init
from sampler.commands.models import models
from sampler.commands.rank import rank
from sampler.commands.report import report
from sampler.commands.run import rejudge, run
from sampler.commands.scoring import claims, score


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codebudget")
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
@click.pass_context
def cli(context: click.Context, *, traceback: bool) -> None:
    """Sample code from language models, score it, compare models at equal budget."""
    context.obj = traceback


for command in (init, run, report, compare, analyse, gate, rank, import_, score, claims, rejudge, models, export_):
    cli.add_command(command)
