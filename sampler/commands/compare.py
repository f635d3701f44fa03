"""`sampler compare`: two models at every budget, paired by problem."""

from __future__ import annotations

import sys

import click

from sampler.cli_errors import error_boundary
from sampler.cli_main import allow_closed_pipe
from sampler.commands.common import budget_option, json_option, params_of, params_option, prompt_option, unit_option
from sampler.exit_codes import Exit
from sampler.reporting.comparison import compare as compared
from sampler.reporting.comparison import comparison_json, print_comparison
from sampler.reporting.inputs import load_paired, source
from sampler.reporting.render import Page
from sampler.stats.budget import PromptCharge, Unit


@click.command()
@click.argument("first")
@click.argument("second")
@unit_option
@prompt_option
@budget_option
@params_option
@json_option
@click.pass_obj
def compare(
    traceback: bool,
    /,
    *,
    first: str,
    second: str,
    unit: str,
    prompt: str,
    budgets: tuple[float, ...],
    params: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare two models at every budget. FIRST and SECOND are FILE or FILE:MODEL, the file a store or a counts file.

    \b
    sampler compare results.db:small results.db:large
    sampler compare before.db after.db --unit seconds --json
    sampler compare counts.json.gz:8B counts.json.gz:70B --unit flops_128 --params 8B=8b --params 70B=70b
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        paired = load_paired((source(first), source(second)), params_of(params))
        made = compared(paired, Unit(unit), PromptCharge(prompt), budgets)
        with allow_closed_pipe(sys.stdout):
            if as_json:
                click.echo(comparison_json(made))
            else:
                print_comparison(made, Page(file=sys.stdout))
        sys.exit(Exit.OK)
    sys.exit(failed[0])
