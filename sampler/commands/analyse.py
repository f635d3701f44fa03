"""`sampler analyse`: what solutions cost, what more samples would bring, and whom to ask at each budget."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sampler.cli_errors import error_boundary
from sampler.cli_main import allow_closed_pipe
from sampler.commands.common import (
    STORE,
    budget_option,
    json_option,
    params_of,
    params_option,
    prompt_option,
    study_option,
    unit_option,
)
from sampler.exit_codes import Exit
from sampler.reporting.analyse import Accept, AnalysisRequest, AnalysisSource, read_analysis
from sampler.reporting.render import Page
from sampler.reporting.render_analysis import analysis_json, print_analysis
from sampler.stats.budget import PromptCharge, Unit


@click.command()
@click.argument("store", type=STORE)
@study_option
@click.option("--model", "models", multiple=True, help="Only this model, by a part of its name; may be repeated.")
@unit_option
@prompt_option
@budget_option
@click.option(
    "--k", "ks", multiple=True, type=click.IntRange(min=2), help="Extrapolate pass@k; default: 2, 5, 10 times n."
)
@click.option(
    "--accept",
    type=click.Choice([whose.value for whose in Accept]),
    default=Accept.JUDGE.value,
    show_default=True,
    help="Whose pass ends a search and hands an answer out.",
)
@click.option("--diversity", is_flag=True, help="Read the right programs, and count the different ones.")
@params_option
@json_option
@click.pass_obj
def analyse(
    traceback: bool,
    /,
    *,
    store: Path,
    study: str | None,
    models: tuple[str, ...],
    unit: str,
    prompt: str,
    budgets: tuple[float, ...],
    ks: tuple[int, ...],
    accept: str,
    diversity: bool,
    params: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print what a solution costs, what more samples would bring, and whom to ask at each budget.

    STORE is a store or a counts file.

    \b
    sampler analyse results.db
    sampler analyse results.db --unit seconds --budget 10 --budget 60 --diversity
    sampler analyse counts.json.gz --unit flops_128 --model 8B --model 70B --params 8B=8b --params 70B=70b --k 1000
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        request = AnalysisRequest(
            unit=Unit(unit), charge=PromptCharge(prompt), budgets=budgets, ks=ks, accept=Accept(accept)
        )
        asked = AnalysisSource(path=store, study=study, models=models, params=params_of(params), programs=diversity)
        made = read_analysis(asked, request)
        with allow_closed_pipe(sys.stdout):
            if as_json:
                click.echo(analysis_json(made))
            else:
                print_analysis(made, Page(file=sys.stdout))
        sys.exit(Exit.OK if made.problems else Exit.EMPTY)
    sys.exit(failed[0])
