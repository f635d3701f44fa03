"""What the commands of `sampler` share."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
COUNTED = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}  # parameters are counted as people say them
