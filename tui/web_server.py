"""The screen in a browser, through textual-serve.

One viewer for each page, on the loopback address alone, and read-only.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tui.run_control import spelled

if TYPE_CHECKING:
    from aiohttp import web
    from textual_serve.server import Server

LOOPBACK = "127.0.0.1"


class NoServer(Exception):
    """Why no page can be served, and the way out."""


def page_command(what: Path) -> str:
    """The command that each page runs."""
    return shlex.join(spelled(["budget-tui", "watch", "--readonly", str(what)]))


def page_server(what: Path, port: int) -> Server:
    """The server of the page, which answers nobody but a browser on this machine; raises NoServer."""
    try:
        from textual_serve.server import Server  # an extra

        from tui.origin_check import guard
    except ImportError as error:
        raise NoServer("the browser needs the extra `web`: pip install 'codebudget[web]'") from error

    class Guarded(Server):
        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            guard(app, port)
            return app

        async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002 - Textual's name
            """Say where the page is, in the place of a banner with the command that each page runs."""
            self.console.print(f"showing {what} at {self.public_url}/; ctrl-C ends it", markup=False, highlight=False)

    return Guarded(page_command(what), host=LOOPBACK, port=port, title="budget-tui")


def serve_page(what: Path, port: int) -> None:
    """Serve until interrupted; raises NoServer."""
    try:
        page_server(what, port).serve()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise NoServer(f"cannot listen at {LOOPBACK}, port {port}: {why}; choose another one with --port") from error
