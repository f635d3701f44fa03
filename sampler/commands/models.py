"""`sampler models`: what the catalogue holds, and what of it is here."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from sampler.commands.models_show import show_model
from sampler.drawing.axis import sized
from sampler.models.catalogue import CATALOGUE, Model, UnknownModel, find
from sampler.models.folder import models_dir
from sampler.models.gguf_file import GgufError
from sampler.models.hf_config import ConfigError
from sampler.models.pull import PullError, cached, pull, remove
from sampler.study.toml_table import SpecError
from sandbox.console import HarmlessConsole

USAGE, FAILED = 2, 3


class _Command(click.Group):
    """A group whose errors are one line and an exit code: 2 for a name that is wrong, 3 for a download that failed."""

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
    """Models for the built-in engine: list them, fetch them, remove them; and what any model costs.

    They are kept in the folder that the variable CODEBUDGET_MODELS names, or else in the user's cache.
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
    console = HarmlessConsole(width=None if sys.stdout.isatty() else 120)
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
    console = HarmlessConsole(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task(model.name, total=model.size)
        return pull(model, cache, progress=lambda done, total: progress.update(bar, completed=done, total=total))


def _fail(ctx: click.Context, message: str, code: int) -> None:
    click.echo(f"sampler: {message}", err=True)
    ctx.exit(code)
