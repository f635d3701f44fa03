"""Bringing a store file to this version's tables. sqlite-utils keeps the books: which migration was applied when.

A migration may build a table anew that others refer to, so the connection must not check foreign keys meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping

import sqlite_utils

from sampler.store.schema import APPLICATION, VERSIONS


def migrate(connection: sqlite3.Connection, versions: Mapping[str, str] = VERSIONS) -> None:
    """Apply what is missing, each version in one transaction. The caller has refused newer files already."""
    migrations = sqlite_utils.Migrations(APPLICATION)
    for name, script in versions.items():
        migrations(name=name)(_runner(script))
    migrations.apply(sqlite_utils.Database(connection))


def _runner(script: str) -> Callable[[sqlite_utils.Database], None]:
    def run(database: sqlite_utils.Database) -> None:
        for statement in _statements(script):
            database.execute(statement)

    return run


def _statements(script: str) -> Iterator[str]:
    """One statement at a time: `executescript` would commit the migration's transaction under way."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
