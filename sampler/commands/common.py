"""Define what several commands of `sampler` share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from sampler.exit_codes import allow_closed_pipe
from sampler.stats.budget import BudgetError, PromptCharge, TypedBudget, Unit, parse_budget, unit_of

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
FILE = click.Path(dir_okay=False, path_type=Path)
STORE = click.Path(path_type=Path)  # whatever is no store is told by who reads it, with one exit code
FOLDER = click.Path(file_okay=False, path_type=Path)
LARGEST = 1e18  # parameters; a larger number is a slip of the keyboard
BUDGET_HINT = "'--budget' / '--at'"  # how click names `budget_option`
COUNTED = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}  # parameters are counted as people say them


class Count(click.ParamType[float]):
    """A number of parameters, such as 8e9 or 8b."""

    name = "N"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse the number; fail with a message if it is none."""
        try:
            number = counted(value) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{value!r} is no number of parameters; write it as 8e9 or 8b", param, ctx)
        if not 1 <= number <= LARGEST:
            self.fail(f"{value!r} is no size of a model; write it as 8e9 or 8b", param, ctx)
        return number


class Amount(click.ParamType[TypedBudget]):
    """A budget: a number above 0, perhaps with its unit, as 1e12, 1TFLOP, 30s or $0.02."""

    name = "AMOUNT"

    def convert(
        self, value: str | float | TypedBudget, param: click.Parameter | None, ctx: click.Context | None
    ) -> TypedBudget:
        """Parse the budget; fail with a message if it is none."""
        if isinstance(value, TypedBudget):
            return value
        try:
            return parse_budget(str(value))
        except BudgetError as error:
            self.fail(str(error), param, ctx)


def counted_in(
    unit: str, budgets: Sequence[TypedBudget], hint: str = "--budget", offered: Sequence[Unit] = tuple(Unit)
) -> Unit:
    """Return the unit of a command: that of --unit, or the one in which its budgets were typed.

    Raises click's error if --unit was typed and a budget is in another unit, or if budgets differ in theirs.
    """
    usual = Unit(unit)
    source = click.get_current_context().get_parameter_source("unit")
    try:
        if source is not ParameterSource.DEFAULT:
            for budget in budgets:
                budget.within(usual)
        found = unit_of(budgets, usual)
    except BudgetError as error:
        raise click.BadParameter(
            f"{error}; give every budget in one unit, and --unit that one or none", param_hint=hint
        ) from error
    if found not in offered:
        raise click.BadParameter(
            f"budgets in {found.value} are not known here; the units are {', '.join(offered)}", param_hint=hint
        )
    return found


def amounts(budgets: Sequence[TypedBudget]) -> tuple[float, ...]:
    """Return the numbers of budgets whose unit was checked."""
    return tuple(budget.amount for budget in budgets)


# Options that several commands take, each with one meaning.
study_option = click.option("--study", help="Which study of the store; default: the newest.")
boxes_option = click.option(
    "--boxes", type=click.IntRange(min=1), help="How many boxes run programs at once; default: one per core."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
unit_option = click.option(
    "--unit",
    type=click.Choice([unit.value for unit in Unit]),
    default=Unit.FLOPS.value,
    show_default=True,
    help="What budgets are counted in.",
)
prompt_option = click.option(
    "--prompt",
    type=click.Choice([charge.value for charge in PromptCharge]),
    default=PromptCharge.EACH.value,
    show_default=True,
    help="What reading a prompt costs: each sample pays for all of it (each), for what was not cached "
    "(measured), or only the first sample of a problem pays (once).",
)
budget_option = click.option(
    "--budget",
    "--at",
    "budgets",
    multiple=True,
    type=Amount(),
    help="A budget for each problem, such as 1TFLOP, 30s or $0.02, or 1e12 of one --unit; may be repeated.",
)
params_option = click.option(
    "--params",
    multiple=True,
    metavar="MODEL=N",
    help="Number of parameters of a model of a counts file, such as 8e9 or 8b.",
)


def print_result(made: T, *, as_json: bool, json: Callable[[T], str], text: Callable[[T, Console], None]) -> None:
    """Print what a command has made on standard output, as JSON or as text; a reader that leaves is no error."""
    from sampler.reporting.render import Page  # imports Rich, which commands without tables do not need

    with allow_closed_pipe(sys.stdout):
        if as_json:
            click.echo(json(made))
        else:
            text(made, Page(file=sys.stdout))


def params_of(given: Sequence[str]) -> dict[str, float]:
    """Return the parameters of each model, from every `--params MODEL=N`."""
    return dict(map(_params, given))


def counted(text: str) -> float:
    """Return the number in a text such as 8e9 or 8b; raises ValueError."""
    scale = COUNTED.get(text[-1:].lower())
    return float(text) if scale is None else float(text[:-1]) * scale


def _params(text: str) -> tuple[str, float]:
    name, _, size = text.rpartition("=")
    try:
        return name, counted(size)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not MODEL=N, as in small=7b", param_hint="--params") from error
