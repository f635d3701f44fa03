"""Turn every error of a command into one line that says what to do, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from sampler.exit_codes import CommandError, Exit
from sampler.reporting.render import collapse
from sandbox.errors import SandboxError
from sandbox.judging.score_records import FactsError
from sandbox.problems import ProblemsError


@contextmanager
def error_boundary(log: TextIO, *, traceback: bool = False, program: str = "sampler") -> Iterator[list[Exit]]:
    """Print an error in this context as one line of `program`.

    Yields a list, to which the error's exit code is appended.
    """
    failed: list[Exit] = []
    try:
        yield failed
    except click.ClickException:  # a wrong option that only the command could see: click itself shows it
        raise
    except (Exception, KeyboardInterrupt) as error:
        failed.append(exit_for(error))
        if traceback:
            raise
        log.write(f"{program}: {_line(error, failed[0])}\n")


def _line(error: BaseException, code: Exit) -> str:
    match code:
        case Exit.INTERRUPTED:
            return "broken off; what was stored is kept, the same command continues"
        case Exit.BUG:
            what = collapse(f"{type(error).__name__}: {error}")
            return f"internal error: {what}; this is a bug: please report it with what --traceback shows"
        case _ if isinstance(error, OSError) and error.filename is not None:
            return collapse(
                f"cannot use {str(error.filename)!r}: {error.strerror}; make room there, or name another place"
            )
        case _:
            return collapse(str(error))


def exit_for(error: BaseException) -> Exit:
    """Return the exit code for an exception of a command."""
    match error:
        case CommandError():
            return error.exit_code
        case ProblemsError():
            return Exit.USAGE
        case SandboxError():
            return Exit.INFRASTRUCTURE
        case FactsError():
            return Exit.STORE
        case OSError():  # a file that cannot be written; every other door has an error of its own
            return Exit.INFRASTRUCTURE
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        case _:
            return Exit.BUG
