"""`sandbox`: the program. Its commands are in `sandbox.commands`.

Exit codes: 0 it ran and passed (or the command did its work), 1 the program's fault, 2 usage, 3 our fault or the
machine's, 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys

import click

from sandbox.commands.command_line import INTERRUPTED, OUR_FAULT, USAGE, Commands, Place, stop, usage_line
from sandbox.sanitize import guard

PLACES = {
    "exec": Place("sandbox.commands.exec", "exec_", "Run one program, show its output and how it ended."),
    "score": Place("sandbox.commands.score", "score", "Score a file of samples and print pass@k."),
    "rejudge": Place("sandbox.commands.score", "rejudge", "Judge a scored FILE again; no program runs."),
    "serve": Place("sandbox.commands.serve", "serve", "Serve boxes over HTTP."),
    "mcp": Place("sandbox.commands.serve", "mcp", "Serve boxes as tools of an agent (Model Context Protocol)."),
    "problems": Place("sandbox.commands.problems", "problems_", "List the problems of a set, and how each is tested."),
    "doctor": Place("sandbox.commands.boxes", "doctor", "Examine this machine, and test the isolation of a box."),
    "selftest": Place(
        "sandbox.commands.boxes", "selftest", "Run the attack suite on this machine and show what holds."
    ),
    "build": Place("sandbox.commands.boxes", "build", "Build the images of boxes that are missing."),
    "clean": Place("sandbox.commands.boxes", "clean", "Remove all boxes from the Docker engine, running ones too."),
}


class Program(Commands):
    """A group that exits as after SIGPIPE when the reader of its output has closed.

    Click would exit with 1, our code for the program's fault.
    """

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was asked for."""
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush at exit
            sys.exit(128 + signal.SIGPIPE)
        return done


@click.group(cls=Program, places=PLACES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codebudget")
def cli() -> None:
    """Run untrusted programs in hardened Docker boxes.

    \b
      sandbox exec -c 'print(6 * 7)'
      sandbox exec program.py --tests tests.py --json
      sandbox score --problems humaneval --samples samples.jsonl --out scored.jsonl
    """
    # A terminated command must still remove its boxes.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))


def main() -> None:
    """Run the console script; every error becomes one line and an exit code."""
    guard()
    try:
        sys.exit(cli(prog_name="sandbox", standalone_mode=False, obj=os.environ))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(USAGE)
    except click.ClickException as error:
        stop(usage_line(error), USAGE)
    except (click.Abort, KeyboardInterrupt):
        stop("interrupted; what was scored is kept, no box is left", INTERRUPTED)
    except OSError as error:
        stop(str(error), OUR_FAULT)
