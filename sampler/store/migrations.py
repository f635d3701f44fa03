"""Migrate a store file to this version's tables; sqlite-utils records which migration was applied when.

A migration may rebuild a table that others refer to, so the connection must not check foreign keys meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping

import sqlite_utils

from sampler.store.schema import APPLICATION, VERSIONS


def migrate(connection: sqlite3.Connection, versions: Mapping[str, str] = VERSIONS) -> None:
    """Apply the missing migrations, each in one transaction; the caller has already refused newer files."""
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
    """Yield one statement at a time: `executescript` would commit the migration's transaction."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
