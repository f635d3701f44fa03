"""Check the files that a command will write, before anything is computed for them.

This module imports little, because `sampler` uses it, too.
"""

from __future__ import annotations

from pathlib import Path

import click


def inside_a_folder(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Return the path of a file that will be written; its folder must exist."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}; make it, or name another one")
    return path
