"""`sampler models`: what the catalogue holds, and what of it is here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from sampler.commands.common import amounts, counted_in, json_option, prompt_option, unit_option
from sampler.models.architecture import ConfigError, GgufError
from sampler.models.catalogue import CATALOGUE, Model, UnknownModel, find
from sampler.models.pull import PullError, cached, models_dir, pull, remove
from sampler.plotting import sized
from sampler.reporting.render import NAMES, amount, collapse
from sampler.reporting.unit_costs import CostSheet, Lengths, make_cost_sheet, subject_of, subjects_of
from sampler.stats.budget import BudgetError, PromptCharge, TypedBudget, Unit, UnitCost, parse_budget
from sampler.study.spec import load_study
from sampler.study.toml_table import SpecError
from sandbox.console import SanitizingConsole

_AMOUNTS = "NUMBERS"


@click.command("show")
@click.argument("what", metavar="NAME|PATH|STUDY.toml")
@click.option("--budget", metavar=_AMOUNTS, help="Budgets, such as 1e12,10T or 30s; default: those of the study.")
@unit_option
@click.option(
    "--prompt-tokens", type=click.IntRange(min=0), default=128, show_default=True, help="Tokens that a sample reads."
)
@click.option(
    "--completion-tokens",
    type=click.IntRange(min=0),
    default=128,
    show_default=True,
    help="Tokens that a sample writes.",
)
@prompt_option
@json_option
def show_model(
    *, what: str, budget: str | None, unit: str, prompt_tokens: int, completion_tokens: int, prompt: str, as_json: bool
) -> None:
    """Show what a model costs, and how many samples a budget buys.

    Name a model of the catalogue, a .gguf file, a folder with a config.json, or a study file (all of its models).

    \b
    sampler models show qwen2.5-coder-0.5b --budget 1e12,1e13
    sampler models show study.toml --json
    """
    lengths = Lengths(prompt=prompt_tokens, completion=completion_tokens, charge=PromptCharge(prompt))
    typed = _typed(budget) if budget else ()
    budgets: Mapping[Unit, Sequence[float]] = {counted_in(unit, typed): amounts(typed)} if typed else {}
    if what.endswith(".toml"):
        study = load_study(Path(what))
        subjects, budgets = list(subjects_of(study)), budgets or study.budgets
    else:
        subjects = [subject_of(what)]
    sheets = [make_cost_sheet(subject, lengths, budgets) for subject in subjects]
    if as_json:
        said = {"schema": 1, "lengths": asdict(lengths), "models": [asdict(sheet) for sheet in sheets]}
        click.echo(json.dumps(said, indent=2))
    else:
        _print(sheets, lengths, budgets)


def _typed(text: str) -> tuple[TypedBudget, ...]:
    try:
        return tuple(parse_budget(part) for part in text.split(","))
    except BudgetError as error:
        raise click.BadParameter(f"{error}; a comma separates budgets", param_hint="--budget") from error


def _print(sheets: Sequence[CostSheet], lengths: Lengths, budgets: Mapping[Unit, Sequence[float]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for sheet in sheets:
        table.add_column(Text(collapse(sheet.name)), justify="right", overflow="fold")

    def row(title: str, cell: Callable[[CostSheet], str | None]) -> None:
        table.add_row(title, *(Text(cell(sheet) or "unknown") for sheet in sheets))

    for title, cell in _NUMBERS.items():
        row(title, cell)
    table.add_section()
    table.add_row(Text(f"A sample of {lengths.prompt} + {lengths.completion} tokens, in", style="bold"))
    for unit in Unit:
        if unit is not Unit.SAMPLES and any(sheet.unit_costs[unit] for sheet in sheets):
            row(f"  {NAMES[unit]}", lambda sheet, unit=unit: _cost(sheet.unit_costs[unit], unit))  # type: ignore[misc]
    for unit, wanted in budgets.items():
        table.add_row(Text(f"Samples for a budget of {NAMES[unit]}", style="bold"))
        for each in wanted:
            row(f"  {amount(each, unit)}", lambda sheet, one=(unit, each): _bought(sheet, *one))  # type: ignore[misc]
    console = SanitizingConsole(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table)
    if not budgets:
        console.print("No budget is told: --budget 1e12,1e13 shows how many samples each buys.", markup=False)


def _shape(sheet: CostSheet) -> str | None:
    shape = sheet.architecture
    return None if shape is None else f"{shape.layers} × {shape.hidden}"


def _unembedding(sheet: CostSheet) -> str | None:
    return None if sheet.architecture is None else _size(sheet.architecture.unembed_params, "")


def _number(key: str, of: str) -> Callable[[CostSheet], str | None]:
    return lambda sheet: None if sheet.numbers is None else _size(getattr(sheet.numbers, key), of)


def _bought(sheet: CostSheet, unit: Unit, budget: float) -> str | None:
    return next((f"{one.samples:,}" for one in sheet.bought if (one.unit, one.budget) == (unit, budget)), None)


def _cost(cost: UnitCost | None, unit: Unit) -> str | None:
    if cost is None:
        return None
    return f"{amount(cost.once, unit)} once + {amount(cost.each, unit)}" if cost.once else amount(cost.each, unit)


def _size(value: int | None, of: str) -> str | None:
    return None if value is None else sized(value, of)


_NUMBERS: Mapping[str, Callable[[CostSheet], str | None]] = {
    "layers × width": _shape,
    "weights multiplied for a token": _number("params", ""),
    "  of them the unembedding": _unembedding,
    "memory of the weights": lambda sheet: _size(sheet.weights_bytes, "B"),
    "cache of a token, 16 bits": _number("cache_token", "B"),
    "reading a token": _number("read_token", "FLOP"),
    "writing a token": _number("written_token", "FLOP"),
    "  and for each token before it": _number("attended_token", "FLOP"),
    "one pass over 128 tokens": _number("pass_128", "FLOP"),
}


USAGE, FAILED = 2, 3


class _Command(click.Group):
    """A group whose errors are one line and an exit code: 2 for a wrong name, 3 for a failed download."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (UnknownModel, SpecError, GgufError, ConfigError) as error:
            _fail(ctx, str(error), USAGE)
        except PullError as error:
            _fail(ctx, str(error), FAILED)
        return None


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def models(ctx: click.Context) -> None:
    """List, fetch and remove models, and show what they cost.

    Models are kept in the folder that the variable CODEBUDGET_MODELS names, or else in the user's cache.
    """
    ctx.obj = models_dir()


@models.command("list")
@click.pass_obj
def list_models(cache: Path) -> None:
    """Show the catalogue and what of it is here."""
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "here", "size", "licence", "parameters", "FLOPs per token"):
        table.add_column(heading, justify="left" if heading in {"model", "here", "licence"} else "right", no_wrap=True)
    for model in CATALOGUE:
        params = model.architecture.params
        here = "yes" if cached(model, cache) else "no"
        sizes = (sized(model.size, "B"), sized(params, ""), sized(2 * params, "FLOP"))
        table.add_row(model.name, here, sizes[0], model.licence, *sizes[1:])
    console = SanitizingConsole(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(f"kept in {cache}", markup=False, highlight=False, soft_wrap=True)


@models.command("pull")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def pull_models(cache: Path, names: tuple[str, ...]) -> None:
    """Fetch models and check their digests; what is here already is not fetched again."""
    for model in [find(name) for name in names]:
        if cached(model, cache) is not None:
            click.echo(f"{model.name}: here already")
            continue
        path = _pull_with_bar(model, cache)
        click.echo(f"{model.name}: {path} ({model.licence}, SHA-256 {model.sha256[:16]}… checked)")


@models.command("remove")
@click.argument("name")
@click.pass_obj
def remove_model(cache: Path, name: str) -> None:
    """Delete a model's file."""
    model = find(name)
    click.echo(f"{model.name}: {'removed' if remove(model, cache) else 'was not here'}")


models.add_command(show_model)


def _pull_with_bar(model: Model, cache: Path) -> Path:
    """Pull with a bar on a terminal, silently elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = SanitizingConsole(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task(model.name, total=model.size)
        return pull(model, cache, progress=lambda done, total: progress.update(bar, completed=done, total=total))


def _fail(ctx: click.Context, message: str, code: int) -> None:
    click.echo(f"sampler: {message}", err=True)
    ctx.exit(code)
