"""End a command with an exit code and one line that says why.

This module is imported before any command, so it imports little.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from sandbox.sanitize import sanitize

PASSED, PROGRAM_FAULT, USAGE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def say(message: str) -> None:
    """Print a line on standard error, without control characters.

    It is cleaned here, because Rich replaces the filtered stream while it shows a bar.
    """
    click.echo(sanitize(message), err=True)


def stop(message: str, code: int) -> NoReturn:
    """End the command with one line and an exit code."""
    say(f"sandbox: {message}")
    sys.exit(code)
