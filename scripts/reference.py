"""Writes docs/cli.md and docs/store.md from the code itself. A test says when they are stale.

.venv/bin/python scripts/reference.py
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import click

from sampler.commands import cli as sampler_cli
from sampler.migrations import migrate
from sandbox.cli import cli as sandbox_cli
from tui.cli import cli as tui_cli

DOCS = Path(__file__).parent.parent / "docs"
PROGRAMS = {"sandbox": sandbox_cli, "sampler": sampler_cli, "budget-tui": tui_cli}
CLI_HEAD = """# Commands

Written by `scripts/reference.py` from the programs' own `--help`. Shell completion, for instance in bash:
`eval "$(_SANDBOX_COMPLETE=bash_source sandbox)"`, and so for `_SAMPLER_COMPLETE` and `_BUDGET_TUI_COMPLETE` (zsh: `zsh_source`,
fish: `fish_source`).
"""
STORE_HEAD = """# The store

One SQLite file per study, written by one process at a time. Written by `scripts/reference.py` from the schema that the
migrations leave behind; what a column means stands beside it. Facts are append-only: a `sample` and a `verdict` never change.
Open it with any SQLite tool, `sqlite-utils` for instance; while a run is writing, read-only.
"""


def cli_page() -> str:
    """Every command's help, as a terminal of 100 columns shows it."""
    parts = [CLI_HEAD]
    for name, command in PROGRAMS.items():
        parts += _helps(command, name, None)
    return "\n".join(parts)


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    settings = command.context_settings
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=100, max_content_width=100, **settings
    )
    level = "#" * (2 + context.command_path.count(" "))
    yield f"{level} {context.command_path}\n\n```\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            if found is not None and not found.hidden:
                yield from _helps(found, each, context)


def store_page() -> str:
    """Every table and view of a fresh store, as SQL."""
    connection = sqlite3.connect(":memory:")
    migrate(connection)
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '\\_sqlite%' ESCAPE '\\'"
        " AND name NOT LIKE 'sqlite%' ORDER BY rowid"
    ).fetchall()
    connection.close()
    parts = [STORE_HEAD]
    parts += [f"## {name}\n\n```sql\n{_tidy(sql)};\n```\n" for kind, name, sql in rows if kind != "index"]
    indexes = [f"{_tidy(sql)};" for kind, _, sql in rows if kind == "index"]
    if indexes:
        parts.append("## Indexes\n\n```sql\n" + "\n".join(indexes) + "\n```\n")
    return "\n".join(parts)


def _tidy(sql: str) -> str:
    return re.sub(r"[ \t]+\n", "\n", sql).rstrip()


def pages() -> dict[Path, str]:
    """The files and what they should hold."""
    return {DOCS / "cli.md": cli_page(), DOCS / "store.md": store_page()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(DOCS.parent)}")  # noqa: T201 - a script's whole output
