"""List plugins: `sampler plugins`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sampler import exporting
from sampler.backends import open as backends
from sampler.cli_errors import error_boundary
from sampler.exit_codes import Exit, allow_closed_pipe
from sampler.ranking import rankers
from sampler.reporting.render import Page
from sandbox import languages
from sandbox.problems import problem_formats
from sandbox.registry import Plugin, Registry, all_plugins

REGISTRIES: dict[str, Registry[Any]] = {
    "problems": problem_formats.REGISTRY,
    "languages": languages.REGISTRY,
    "backends": backends.REGISTRY,
    "rankers": rankers.REGISTRY,
    "exporters": exporting.REGISTRY,
}


@click.command()
@click.option("--added", is_flag=True, help="Leave out what is built in.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def plugins(traceback: bool, /, *, added: bool, as_json: bool) -> None:
    """List plugins, built in and of installed packages.

    Each plugin is loaded, and listed with its package and version. If one has an error, it is shown, and the exit code
    is 1.

    \b
    sampler plugins
    sampler plugins --added --json
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        errors = load_all()
        shown = [one for one in all_plugins() if not (added and one.built_in)]
        with allow_closed_pipe(sys.stdout):
            if as_json:
                click.echo(json.dumps([_row(one, errors) for one in shown], indent=2))
            else:
                _print(shown, errors)
        sys.exit(Exit.GATE if any(_row(one, errors)["error"] for one in shown) else Exit.OK)
    sys.exit(failed[0])


def load_all() -> dict[tuple[str, str], str]:
    """Load every plugin, and return the errors by group and key."""
    languages.languages()
    for registry in REGISTRIES.values():
        registry.values()
    return {(group, key): error for group, registry in REGISTRIES.items() for key, error in registry.errors.items()}


def _row(plugin: Plugin, errors: dict[tuple[str, str], str]) -> dict[str, str | None]:
    return {
        "group": plugin.group,
        "name": plugin.name,
        "package": plugin.package,
        "version": plugin.version,
        "value": plugin.entry.value,
        "error": errors.get((plugin.group, plugin.key)),
    }


def _print(shown: list[Plugin], errors: dict[tuple[str, str], str]) -> None:
    page = Page(file=sys.stdout)
    if not shown:
        page.print("No package adds a plugin; docs/plugins.md shows how one does.")
        return
    table = Table("group", "name", "package", "version", "state", box=SIMPLE_HEAD)
    for one in shown:
        error = errors.get((one.group, one.key))
        table.add_row(one.group, one.name, one.package, one.version, "cannot be used" if error else "works")
    page.print(table)
    for one in shown:
        if error := errors.get((one.group, one.key)):
            page.print(error, markup=False)
