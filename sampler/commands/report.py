"""Report on stores: `sampler report`, `sampler compare`, `sampler analyse` and `sampler trees`.

The first says what each model reaches at equal budget, the second compares two models at every budget, the third says
what solutions cost, what more samples would bring, and which model to use at each budget, and the last compares repairs
with independent samples.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sampler.cli_errors import error_boundary
from sampler.commands.common import (
    BUDGET_HINT,
    FILE,
    FOLDER,
    STORE,
    amounts,
    budget_option,
    counted_in,
    json_option,
    params_of,
    params_option,
    print_result,
    prompt_option,
    study_option,
    unit_option,
)
from sampler.exit_codes import Exit
from sampler.reporting.analyse import Accept, AnalysisRequest, AnalysisSource, read_analysis
from sampler.reporting.comparison import compare as compared
from sampler.reporting.comparison import comparison_json, print_comparison
from sampler.reporting.inputs import (
    CountsError,
    begins_as_counts,
    load_paired,
    read_report,
    refuse_params_of_a_store,
    report_counts,
    source,
)
from sampler.reporting.metrics import metric_choice
from sampler.reporting.render import print_report
from sampler.reporting.render_analysis import analysis_json, print_analysis
from sampler.reporting.report_files import report_json, write_csv
from sampler.reporting.tree_report import UNITS as TREE_UNITS
from sampler.reporting.tree_report import print_trees, read_trees, trees_json
from sampler.stats.budget import PromptCharge, TypedBudget, Unit
from sandbox.commands.command_line import inside_a_folder

if TYPE_CHECKING:
    from sampler.page.page_model import PageModel


@click.command()
@click.argument("store", type=STORE)
@study_option
@json_option
@click.option("--csv", "csv_folder", type=FOLDER, help="Write curves.csv and leads.csv into a folder.")
@click.option(
    "--html",
    type=FILE,
    callback=inside_a_folder,
    help="Write the report with its curves as one HTML file.",
)
@click.option(
    "--pages",
    is_flag=True,
    help="With --html: write a page for each failing problem, into the folder FILE-problems beside it.",
)
@click.option("--plot", type=FILE, callback=inside_a_folder, help="Write the curves: .svg, .pdf or .png.")
@prompt_option
@click.option(
    "--unit",
    "units",
    multiple=True,
    type=click.Choice([unit.value for unit in Unit]),
    help=(
        "What budgets are counted in; may be repeated. Default: flops and seconds; where no model has a cost in them, "
        "also flops_params, tokens or samples, the first that is known."
    ),
)
@budget_option
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="A table of pass@k, pass^k, g-pass@k, g-pass@k:0.75, mg-pass@k, maj@k or bayes@n; may be repeated.",
)
@params_option
@click.pass_obj
def report(
    traceback: bool,
    /,
    *,
    store: Path,
    study: str | None,
    as_json: bool,
    csv_folder: Path | None,
    html: Path | None,
    pages: bool,
    plot: Path | None,
    prompt: str,
    units: tuple[str, ...],
    budgets: tuple[TypedBudget, ...],
    metrics: tuple[str, ...],
    params: tuple[str, ...],
) -> None:
    """Print what every model of a STORE reaches at equal budget.

    STORE is a store or a counts file.

    \b
    sampler report results.db
    sampler report results.db --unit flops --prompt once --json
    sampler report results.db --at 2TFLOP --at 4TFLOP
    sampler report results.db --metric pass^k --metric g-pass@k:0.75
    sampler report results.db --html report.html --pages --plot curves.pdf
    sampler report counts.json.gz --params 8B=8.03e9 --params 70B=70.6e9
    """
    chosen = _rows(tuple(map(Unit, units)), budgets)
    if pages and html is None:
        raise click.UsageError("--pages are beside the page of the study; add --html FILE")
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        refuse_params_of_a_store(store, params_of(params))
        wanted = tuple(map(metric_choice, metrics))
        if begins_as_counts(store):
            if html or plot:
                raise CountsError(
                    f"{str(store)!r} holds counts: a page and a figure need a store; --csv and --json do not"
                )
            made = report_counts(store, params_of(params), chosen, wanted)
        elif html or plot:
            from sampler.data_frames import read_page_model  # a table needs neither page nor template engine

            page_model = read_page_model(store, study, units=chosen, charge=PromptCharge(prompt), metrics=wanted)
            _write(page_model, html, plot, pages_of=store if pages else None, err=as_json)
            made = page_model.report
        else:
            made = read_report(store, study, units=chosen, charge=PromptCharge(prompt), metrics=wanted)
        if csv_folder:
            for path in write_csv(made, csv_folder):
                click.echo(f"wrote {path}", err=as_json)
        if as_json or (not html and not plot):
            print_result(made, as_json=as_json, json=report_json, text=print_report)
        sys.exit(Exit.OK if made.compared else Exit.EMPTY)
    sys.exit(failed[0])


def _rows(units: tuple[Unit, ...], budgets: tuple[TypedBudget, ...]) -> dict[Unit, tuple[float, ...]]:
    """Return the budgets that were typed, by the units of a report; none where none was typed in one.

    A budget is a row of the first unit that it fits. Raises click's error if it fits none, or if a bare number could
    be of several units.
    """
    rows: dict[Unit, list[float]] = {unit: [] for unit in units}
    for budget in budgets:
        fits = [unit for unit in units if unit in budget.units] if budget.units else list(units)
        if not units and budget.units:
            fits = [budget.units[0]]
        if len(fits) != 1 and not budget.units:
            raise click.BadParameter(
                f"{budget.text!r} has no unit; write it as 1TFLOP or 30s, or give one --unit", param_hint=BUDGET_HINT
            )
        if not fits:
            words = f"{budget.text!r} is in none of the units {', '.join(units)}; add its --unit"
            raise click.BadParameter(words, param_hint=BUDGET_HINT)
        rows.setdefault(fits[0], []).append(budget.amount)
    return {unit: tuple(sorted(set(typed))) for unit, typed in rows.items()}


def _write(page_model: PageModel, html: Path | None, plot: Path | None, *, pages_of: Path | None, err: bool) -> None:
    """Write the requested files, and print their names on standard output, or with JSON on standard error.

    The failing problems of the store `pages_of` have pages of their own beside the HTML file.
    """
    from sampler.page.problem_pages import write_problem_pages
    from sampler.page.write import draw, page_html

    if html:
        links = write_problem_pages(page_model, pages_of, html) if pages_of else {}
        html.write_text(page_html(page_model, links), encoding="utf-8")
        click.echo(f"wrote {html}{f' and {len(links)} pages beside it' if pages_of else ''}", err=err)
    if plot:
        draw(page_model, plot)
        click.echo(f"wrote {plot}", err=err)


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
    budgets: tuple[TypedBudget, ...],
    params: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare two models at every budget.

    FIRST and SECOND are FILE or FILE:MODEL. The file is a store or a counts file.

    \b
    sampler compare results.db:small results.db:large
    sampler compare before.db after.db --unit seconds --json
    sampler compare counts.json.gz:8B counts.json.gz:70B --unit flops_128 --params 8B=8b --params 70B=70b
    """
    counted = counted_in(unit, budgets, BUDGET_HINT)
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        paired = load_paired((source(first), source(second)), params_of(params))
        made = compared(paired, counted, PromptCharge(prompt), amounts(budgets))
        print_result(made, as_json=as_json, json=comparison_json, text=print_comparison)
        sys.exit(Exit.OK)
    sys.exit(failed[0])


@click.command()
@click.argument("store", type=STORE)
@study_option
@click.option("--model", "models", multiple=True, help="Only this model, by a part of its name; may be repeated.")
@unit_option
@prompt_option
@budget_option
@click.option(
    "--k",
    "ks",
    multiple=True,
    type=click.IntRange(min=2),
    help="Extrapolate pass@k to this k; may be repeated. Default: 2, 5 and 10 times n.",
)
@click.option(
    "--accept",
    type=click.Choice([whose.value for whose in Accept]),
    default=Accept.JUDGE.value,
    show_default=True,
    help="Which tests an answer has to pass, so that no more samples are drawn.",
)
@click.option("--all", "everything", is_flag=True, help="Print every table; by default, what fits on a screen.")
@click.option("--diversity", is_flag=True, help="Count how many of the programs that passed are different.")
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
    budgets: tuple[TypedBudget, ...],
    ks: tuple[int, ...],
    accept: str,
    everything: bool,
    diversity: bool,
    params: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print what a solution costs and what more samples would bring.

    It also says which model, or combination of models, is best at each budget. STORE is a store or a counts file.

    \b
    sampler analyse results.db
    sampler analyse results.db --unit seconds --budget 10 --budget 60 --diversity
    sampler analyse counts.json.gz --unit flops_128 --model 8B --model 70B --params 8B=8b --params 70B=70b --k 1000
    """
    counted = counted_in(unit, budgets, BUDGET_HINT)
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        request = AnalysisRequest(
            unit=counted,
            charge=PromptCharge(prompt),
            budgets=amounts(budgets),
            ks=ks,
            accept=Accept(accept),
        )
        asked = AnalysisSource(path=store, study=study, models=models, params=params_of(params), programs=diversity)
        made = read_analysis(asked, request)
        text = partial(print_analysis, everything=everything or diversity)
        print_result(made, as_json=as_json, json=analysis_json, text=text)
        sys.exit(Exit.OK if made.problems else Exit.EMPTY)
    sys.exit(failed[0])


@click.command()
@click.argument("store", type=STORE)
@study_option
@click.option(
    "--unit",
    type=click.Choice([unit.value for unit in TREE_UNITS]),
    default=Unit.TOKENS.value,
    show_default=True,
    help="What costs are counted in.",
)
@click.option(
    "--prompt",
    type=click.Choice([PromptCharge.EACH.value, PromptCharge.MEASURED.value]),
    default=PromptCharge.EACH.value,
    show_default=True,
    help="Whether the whole prompt of every turn is charged, or only what the engine had not cached.",
)
@click.option(
    "--against",
    metavar="MODEL",
    help="The model whose independent samples the trees are compared with; default: their own model.",
)
@json_option
@click.pass_obj
def trees(
    traceback: bool, /, *, store: Path, study: str | None, unit: str, prompt: str, against: str | None, as_json: bool
) -> None:
    """Compare repairs with independent samples at equal cost.

    Each row of the table is a turn of the trees of a STORE.

    \b
    sampler trees results.db
    sampler trees results.db --unit flops --prompt measured
    sampler trees results.db --against small
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        made = read_trees(store, study, Unit(unit), PromptCharge(prompt), against)
        print_result(made, as_json=as_json, json=trees_json, text=print_trees)
        sys.exit(Exit.OK)
    sys.exit(failed[0])
