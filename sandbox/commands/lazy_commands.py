"""Import commands only when they run: importing all of them takes a third of a second."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import click


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command, without importing it."""
        limit = formatter.width - 6 - max(map(len, self._places))
        helps = {name: click.Command(name, help=place.help) for name, place in self._places.items()}
        rows = [(name, helps[name].get_short_help_str(limit)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
