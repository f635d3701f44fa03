"""The screen in a browser, through textual-serve: one viewer for each page, on the loopback address alone, and read-only."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

LOOPBACK = "127.0.0.1"


class NoServer(Exception):
    """Why no page can be served, and the way out."""


def page_command(what: Path) -> str:
    """The command that each page runs."""
    return shlex.join([sys.executable, "-c", "from tui.cli import main; main()", "watch", "--readonly", str(what)])


def serve_page(what: Path, port: int) -> None:
    """Serve until interrupted; raises NoServer."""
    try:
        from textual_serve.server import Server  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NoServer("the browser needs the extra `web`: pip install 'codebudget[web]'") from error
    Server(page_command(what), host=LOOPBACK, port=port, title="budget-tui").serve()
