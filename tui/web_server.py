"""Serve the screen to a browser with textual-serve: one read-only viewer for each page, on the loopback address only.

Any web page can make a browser send requests to 127.0.0.1, and can resolve its own name to 127.0.0.1. The first request
has a foreign `Origin`, the second a foreign `Host`. Both are refused before a screen is started. Every answer forbids
the browser to load anything from elsewhere.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tui.run_control import argv

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web
    from textual_serve.server import Server

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = "127.0.0.1"
NAMES = (LOOPBACK, "localhost")


def is_own_request(host: str, origin: str | None, port: int) -> bool:
    """Return whether a request to this port with these headers comes from our own page, or from no page at all."""
    hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
    return host in hosts and (origin is None or origin in {f"http://{one}" for one in hosts})


def content_security_policy(port: int) -> str:
    """Return a policy that allows a page to load only its own parts."""
    own = " ".join(f"http://{name}:{port}" for name in NAMES)
    sockets = " ".join(f"ws://{name}:{port}" for name in NAMES)
    return (
        f"default-src {own}; script-src {own} 'unsafe-inline'; style-src {own} 'unsafe-inline'; img-src {own} data:; "
        f"font-src {own} data:; connect-src {own} {sockets}; frame-ancestors 'none'"
    )


def add_origin_check(app: web.Application, port: int) -> None:
    """Make the application refuse all other requests."""
    from aiohttp import web  # an extra

    @web.middleware
    async def refuse_strangers(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_own_request(request.host, request.headers.get("Origin"), port):
            raise web.HTTPForbidden(text=f"open http://{NAMES[0]}:{port} in a browser on this machine\n")
        return await handler(request)

    async def bind(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = content_security_policy(port)

    app.middlewares.append(refuse_strangers)
    app.on_response_prepare.append(bind)


class NoServer(Exception):
    """No page can be served; the message says why and what to do."""


def page_command(what: Path) -> str:
    """Return the command that each page runs."""
    return shlex.join(argv(["budget-tui", "watch", "--readonly", str(what)]))


def page_server(what: Path, port: int) -> Server:
    """Return the server of the page, which answers only a browser on this machine; raises NoServer."""
    try:
        from textual_serve.server import Server  # an extra
    except ImportError as error:
        raise NoServer("the browser needs the extra `web`: pip install 'codebudget[web]'") from error

    class Guarded(Server):
        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            add_origin_check(app, port)
            return app

        async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002 - Textual's name
            """Print the page's address instead of a banner with the command of each page."""
            self.console.print(f"showing {what} at {self.public_url}/; ctrl-C ends it", markup=False, highlight=False)

    return Guarded(page_command(what), host=LOOPBACK, port=port, title="budget-tui")


def serve_page(what: Path, port: int) -> None:
    """Serve until interrupted; raises NoServer."""
    try:
        page_server(what, port).serve()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise NoServer(f"cannot listen at {LOOPBACK}, port {port}: {why}; choose another one with --port") from error
