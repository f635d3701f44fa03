"""`sampler report`: what a store says about its models at equal budget."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from sampler.cli_errors import error_boundary
from sampler.cli_main import allow_closed_pipe
from sampler.commands.common import (
    FILE,
    FOLDER,
    STORE,
    json_option,
    params_of,
    params_option,
    prompt_option,
    study_option,
)
from sampler.exit_codes import Exit
from sampler.page.page_model import PageFacts, Sheet, make_sheet
from sampler.page.write import draw, page_html
from sampler.reporting.inputs import (
    CountsError,
    begins_as_counts,
    facts_and_request,
    read_report,
    refuse_params_of_a_store,
    report_counts,
)
from sampler.reporting.metrics import MetricChoice, metric_choice
from sampler.reporting.render import Page, print_report, report_json, write_csv
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.reader import Reader
from sampler.store.writer import chosen_study, open_migrated
from sandbox.commands.files import inside_a_folder


def read_sheet(
    path: Path,
    name: str | None = None,
    *,
    units: tuple[Unit, ...] = (),
    charge: PromptCharge = PromptCharge.EACH,
    metrics: tuple[MetricChoice, ...] = (),
) -> Sheet:
    """Return the page model of a study; errors are those of `read_report`."""
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        facts, request = facts_and_request(reader, row, path, units, charge)
        page = PageFacts(facts=facts, failures=reader.failures(row.id), origin=reader.origin(row.id))
    return make_sheet(page, replace(request, metrics=metrics))


@click.command()
@click.argument("store", type=STORE)
@study_option
@json_option
@click.option("--csv", "csv_folder", type=FOLDER, help="Write curves.csv and leads.csv into a folder.")
@click.option(
    "--html",
    type=FILE,
    callback=inside_a_folder,
    help="Write it with its curves as one HTML file.",
)
@click.option("--plot", type=FILE, callback=inside_a_folder, help="Write the curves: .svg, .pdf or .png.")
@prompt_option
@click.option(
    "--unit",
    "units",
    multiple=True,
    type=click.Choice([unit.value for unit in Unit]),
    help="What budgets are counted in; may be repeated. Default: flops and seconds.",
)
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
    plot: Path | None,
    prompt: str,
    units: tuple[str, ...],
    metrics: tuple[str, ...],
    params: tuple[str, ...],
) -> None:
    """Print what every model of a STORE, or of a counts file, reaches at equal budget.

    \b
    sampler report results.db
    sampler report results.db --unit flops --prompt once --json
    sampler report results.db --metric pass^k --metric g-pass@k:0.75
    sampler report results.db --html report.html --plot curves.pdf
    sampler report counts.json.gz --params 8B=8.03e9 --params 70B=70.6e9
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        refuse_params_of_a_store(store, params_of(params))
        wanted = tuple(map(metric_choice, metrics))
        if begins_as_counts(store):
            if html or plot:
                raise CountsError(
                    f"{str(store)!r} holds counts: a page and a figure need a store; --csv and --json do not"
                )
            made = report_counts(store, params_of(params), tuple(map(Unit, units)), wanted)
        elif html or plot:
            sheet = read_sheet(store, study, units=tuple(map(Unit, units)), charge=PromptCharge(prompt), metrics=wanted)
            _write(sheet, html, plot, err=as_json)
            made = sheet.report
        else:
            made = read_report(store, study, units=tuple(map(Unit, units)), charge=PromptCharge(prompt), metrics=wanted)
        if csv_folder:
            for path in write_csv(made, csv_folder):
                click.echo(f"wrote {path}", err=as_json)
        with allow_closed_pipe(sys.stdout):
            if as_json:
                click.echo(report_json(made))
            elif not html and not plot:
                print_report(made, Page(file=sys.stdout))
        sys.exit(Exit.OK if made.compared else Exit.EMPTY)
    sys.exit(failed[0])


def _write(sheet: Sheet, html: Path | None, plot: Path | None, *, err: bool) -> None:
    """Write the requested files, and print their names on standard output, or with JSON on standard error."""
    if html:
        html.write_text(page_html(sheet), encoding="utf-8")
        click.echo(f"wrote {html}", err=err)
    if plot:
        draw(sheet, plot)
        click.echo(f"wrote {plot}", err=err)
