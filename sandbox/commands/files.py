"""Files that a command is to write: looked at before anything is computed for them.

Light, because `sampler` asks, too.
"""

from __future__ import annotations

from pathlib import Path

import click


def inside_a_folder(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """A file that is to be written: its folder must be there."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(path.parent)!r}; make it, or name another one")
    return path
