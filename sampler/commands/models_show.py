"""`sampler models show`: the cost sheets of one model or of a study's models, side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from sampler.commands.common import json_option, prompt_option, unit_option
from sampler.drawing.axis import sized
from sampler.reporting.cost_sheet import Lengths, Sheet, make_sheet, subject_of, subjects_of
from sampler.reporting.render import NAMES, amount, one_line
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.study.spec import load_study
from sandbox.console import HarmlessConsole

_AMOUNTS = "NUMBERS"


@click.command("show")
@click.argument("what", metavar="NAME|PATH|STUDY.toml")
@click.option("--budget", metavar=_AMOUNTS, help="Budgets, as 1e12,1e13; default: those of the study.")
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
    budgets: Mapping[Unit, Sequence[float]] = {Unit(unit): _numbers(budget)} if budget else {}
    if what.endswith(".toml"):
        study = load_study(Path(what))
        subjects, budgets = list(subjects_of(study)), budgets or study.budgets
    else:
        subjects = [subject_of(what)]
    sheets = [make_sheet(subject, lengths, budgets) for subject in subjects]
    if as_json:
        said = {"schema": 1, "lengths": asdict(lengths), "models": [asdict(sheet) for sheet in sheets]}
        click.echo(json.dumps(said, indent=2))
    else:
        _print(sheets, lengths, budgets)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(0 < number < float("inf") for number in numbers):
        raise click.BadParameter(
            f"{text!r} is no list of numbers above zero; write for example 1e12,1e13", param_hint="--budget"
        )
    return numbers


def _print(sheets: Sequence[Sheet], lengths: Lengths, budgets: Mapping[Unit, Sequence[float]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for sheet in sheets:
        table.add_column(Text(one_line(sheet.name)), justify="right", overflow="fold")

    def row(title: str, cell: Callable[[Sheet], str | None]) -> None:
        table.add_row(title, *(Text(cell(sheet) or "unknown") for sheet in sheets))

    for title, cell in _NUMBERS.items():
        row(title, cell)
    table.add_section()
    table.add_row(Text(f"A sample of {lengths.prompt} + {lengths.completion} tokens, in", style="bold"))
    for unit in Unit:
        if unit is not Unit.SAMPLES and any(sheet.unit_costs[unit] for sheet in sheets):
            row(f"  {NAMES[unit]}", lambda sheet, unit=unit: _cost(sheet.unit_costs[unit], unit))  # type: ignore[misc]
    for unit, amounts in budgets.items():
        table.add_row(Text(f"Samples for a budget of {NAMES[unit]}", style="bold"))
        for each in amounts:
            row(f"  {amount(each, unit)}", lambda sheet, one=(unit, each): _bought(sheet, *one))  # type: ignore[misc]
    console = HarmlessConsole(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table)
    if not budgets:
        console.print("No budget is told: --budget 1e12,1e13 shows how many samples each buys.", markup=False)


def _shape(sheet: Sheet) -> str | None:
    shape = sheet.architecture
    return None if shape is None else f"{shape.layers} × {shape.hidden}"


def _unembedding(sheet: Sheet) -> str | None:
    return None if sheet.architecture is None else _size(sheet.architecture.unembed_params, "")


def _number(key: str, of: str) -> Callable[[Sheet], str | None]:
    return lambda sheet: None if sheet.numbers is None else _size(getattr(sheet.numbers, key), of)


def _bought(sheet: Sheet, unit: Unit, budget: float) -> str | None:
    return next((f"{one.samples:,}" for one in sheet.bought if (one.unit, one.budget) == (unit, budget)), None)


def _cost(cost: UnitCost | None, unit: Unit) -> str | None:
    if cost is None:
        return None
    return f"{amount(cost.once, unit)} once + {amount(cost.each, unit)}" if cost.once else amount(cost.each, unit)


def _size(value: int | None, of: str) -> str | None:
    return None if value is None else sized(value, of)


_NUMBERS: Mapping[str, Callable[[Sheet], str | None]] = {
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
