"""`sandbox`: the program. Its commands are in `sandbox.commands`.

Exit codes: 0 it ran and passed (or the command did its work), 1 the program's fault, 2 usage, 3 our fault or the machine's,
130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys

import click

from sandbox.commands.boxes import build, clean, doctor, selftest
from sandbox.commands.common import INTERRUPTED, OUR_FAULT, USAGE, stop
from sandbox.commands.exec import exec_
from sandbox.commands.problems import problems_
from sandbox.commands.score import rejudge, score
from sandbox.commands.serve import serve
from sandbox.terminal import guard


class Program(click.Group):
    """A group that ends as SIGPIPE would have ended it when a reader leaves; click says 1, our code for the program's fault."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was asked for."""
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush at exit
            sys.exit(128 + signal.SIGPIPE)
        return done


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codebudget")
def cli() -> None:
    """Run untrusted programs in hardened Docker boxes.

    \b
      sandbox exec -c 'print(6 * 7)'
      sandbox exec program.py --tests tests.py --json
      sandbox score --problems humaneval --samples samples.jsonl --out scored.jsonl
    """  # noqa: D301  (click's mark for "leave the lines alone")
    # A terminated command must still remove its boxes.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))


for command in (exec_, score, rejudge, serve, problems_, doctor, selftest, build, clean):
    cli.add_command(command)


def main() -> None:
    """The console script: whatever goes wrong is one line and an exit code."""
    guard()
    try:
        sys.exit(cli(standalone_mode=False, obj=os.environ))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(USAGE)
    except click.ClickException as error:
        stop(error.format_message(), USAGE)
    except (click.Abort, KeyboardInterrupt):
        stop("interrupted; what was scored is kept, no box is left", INTERRUPTED)
    except OSError as error:
        stop(str(error), OUR_FAULT)
