"""`sampler init`: a study file to start from."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sampler.commands.common import FILE
from sampler.exits import Exit
from sampler.study.starting import start_study
from sampler.telling import told


@click.command()
@click.argument("file", type=FILE, default=Path("study.toml"))
@click.pass_obj
def init(traceback: bool, /, *, file: Path) -> None:
    """Write a study to start from to FILE (study.toml), every key explained. A file that is there stays as it is.

    \b
    sampler init
    sampler init mine.toml && sampler run --pull mine.toml
    """
    with told(sys.stderr, traceback=traceback) as failed:
        start_study(file)
        click.echo(f"wrote {file}; `sampler run --pull {file}` runs it")
        sys.exit(Exit.OK)
    sys.exit(failed[0])
