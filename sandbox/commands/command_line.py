"""Build a command line: groups that import a command when it runs, exit codes, and checks of the files to write.

Importing all commands takes a third of a second. This module is imported before any command, and `sampler` uses it,
too, so it imports little.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

import click

from sandbox.sanitize import nearest_or_all, sanitize

PASSED, PROGRAM_FAULT, USAGE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def say(message: str) -> None:
    """Print a line on standard error, without control characters.

    It is cleaned here, because Rich replaces the filtered stream while it shows a bar.
    """
    click.echo(sanitize(message), err=True)


def usage_line(error: click.ClickException) -> str:
    """Return the error of a wrong call in one line, which names the help of the command."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message}; `{context.command_path} --help` tells more" if context else message


def stop(message: str, code: int) -> NoReturn:
    """End the command with one line and an exit code."""
    say(f"sandbox: {message}")
    sys.exit(code)


class Place(NamedTuple):
    """Where a command is defined, and how its help begins."""

    module: str
    name: str
    help: str


class Commands(click.Group):
    """A group that imports a command when it is run."""

    def __init__(self, *arguments: Any, places: Mapping[str, Place], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._places = places

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._places)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name; None if there is none."""
        if (place := self._places.get(cmd_name)) is None:
            return None
        return cast("click.Command", getattr(importlib.import_module(place.module), place.name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names; for another name, the message has those that there are."""
        if args[0] not in self._places and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}{nearest_or_all(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command, without importing it."""
        limit = formatter.width - 6 - max(map(len, self._places))
        helps = {name: click.Command(name, help=place.help) for name, place in self._places.items()}
        rows = [(name, helps[name].get_short_help_str(limit)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def inside_a_folder(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Return the path of a file that will be written; its folder must exist."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}; make it, or name another one")
    return path
