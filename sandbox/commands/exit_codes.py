"""How a command ends: its exit codes, and the one line that says why.

Imported before any command, so it imports little.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from sandbox.show import harmless

PASSED, PROGRAM_FAULT, USAGE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def say(message: str) -> None:
    """Print a line on standard error. Cleaned here, because Rich replaces the filtered stream while it shows a bar."""
    click.echo(harmless(message), err=True)


def stop(message: str, code: int) -> NoReturn:
    """End the command with one line and an exit code."""
    say(f"sandbox: {message}")
    sys.exit(code)
