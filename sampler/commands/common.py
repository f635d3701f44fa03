"""What the commands of `sampler` share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from sampler.stats.budget import PromptCharge, Unit

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
COUNTED = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}  # parameters are counted as people say them

# Options that several commands take, each with one meaning.
study_option = click.option("--study", help="Which study of the store; default: the newest.")
boxes_option = click.option("--boxes", type=click.IntRange(min=1), help="How many sandboxes work at once.")
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
    help="Who pays for reading the prompt: each sample, or the first of a problem.",
)
params_option = click.option(
    "--params", multiple=True, metavar="MODEL=N", help="Parameters of a model of a counts file, as 8e9 or 8b."
)


def params_of(given: Sequence[str]) -> dict[str, float]:
    """Parameters by model, from every `--params MODEL=N`."""
    return dict(map(_params, given))


def _params(text: str) -> tuple[str, float]:
    name, _, size = text.rpartition("=")
    scale = COUNTED.get(size[-1:].lower(), 1.0)
    try:
        return name, float(size[:-1] if size[-1:].lower() in COUNTED else size) * scale
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not MODEL=N, as in small=7b", param_hint="--params") from error
