"""The program `sampler`. Its commands are in `sampler.commands`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the console script; slow imports happen here, so that ctrl-C leaves no traceback."""
    try:
        from sampler.commands import cli, run_command

        run_command(cli, "sampler")
    except KeyboardInterrupt:
        sys.exit(130)
