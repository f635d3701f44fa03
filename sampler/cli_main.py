"""Run a command as a process: a wrong call prints one line, ctrl-C no traceback, and a closed pipe is no error."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO

import click

from sampler.exit_codes import Exit
from sandbox.terminal import guard


def run_command(command: click.Command, name: str) -> NoReturn:
    """Run `command` as the program called `name`, and exit."""
    guard()
    try:
        with allow_closed_pipe(sys.stdout):
            code = command.main(prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"{name}: {_one_line(error)}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(Exit.INTERRUPTED)
    sys.exit(code or Exit.OK)


def _one_line(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split()).removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message}; `{context.command_path} --help` tells more" if context else message


@contextmanager
def allow_closed_pipe(out: TextIO) -> Iterator[None]:
    """End the process silently when the reader of `out` has closed it, with the exit code of SIGPIPE."""
    try:
        yield
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())  # or the interpreter complains at its own end
        sys.exit(128 + signal.SIGPIPE)
