"""`sampler report`: what a store says about its models at equal budget."""

from __future__ import annotations

import sys
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
from sampler.page.plots import draw
from sampler.page.write import page_html
from sampler.reporting.counts import CountsError, report_counts
from sampler.reporting.inputs import begins_as_counts, facts_and_request, read_report, refuse_params_of_a_store
from sampler.reporting.render import Page, print_report, report_json, write_csv
from sampler.reporting.report import Report
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.open_store import chosen_study, open_migrated
from sampler.store.reader import Reader
from sandbox.commands.files import inside_a_folder


def read_sheet(
    path: Path, name: str | None = None, *, units: tuple[Unit, ...] = (), charge: PromptCharge = PromptCharge.EACH
) -> Sheet:
    """Return the page model of a study; errors are those of `read_report`."""
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        facts, request = facts_and_request(reader, row, path, units, charge)
        page = PageFacts(facts=facts, failures=reader.failures(row.id), origin=reader.origin(row.id))
    return make_sheet(page, request)


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
    params: tuple[str, ...],
) -> None:
    """Print what every model of a STORE, or of a counts file, reaches at equal budget.

    \b
    sampler report results.db
    sampler report results.db --unit flops --prompt once --json
    sampler report results.db --html report.html --plot curves.pdf
    sampler report counts.json.gz --params 8B=8.03e9 --params 70B=70.6e9
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        refuse_params_of_a_store(store, params_of(params))
        if begins_as_counts(store):
            made = _of_counts(store, units, params, elsewhere=bool(html or plot))
        elif html or plot:
            sheet = read_sheet(store, study, units=tuple(map(Unit, units)), charge=PromptCharge(prompt))
            _write(sheet, html, plot, err=as_json)
            made = sheet.report
        else:
            made = read_report(store, study, units=tuple(map(Unit, units)), charge=PromptCharge(prompt))
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


def _of_counts(path: Path, units: tuple[str, ...], params: tuple[str, ...], *, elsewhere: bool) -> Report:
    """Return the report of a counts file, which has too little data for a page or a figure (`elsewhere`)."""
    if elsewhere:
        raise CountsError(f"{str(path)!r} holds counts: a page and a figure need a store; --csv and --json do not")
    return report_counts(path, params_of(params), tuple(map(Unit, units)))


def _write(sheet: Sheet, html: Path | None, plot: Path | None, *, err: bool) -> None:
    """Write the requested files, and print their names on standard output, or with JSON on standard error."""
    if html:
        html.write_text(page_html(sheet), encoding="utf-8")
        click.echo(f"wrote {html}", err=err)
    if plot:
        draw(sheet, plot)
        click.echo(f"wrote {plot}", err=err)
