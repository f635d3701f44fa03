"""The screen in a browser, through textual-serve: one viewer for each page, read-only, on the loopback address alone.

Any page on the web can make a browser send requests to 127.0.0.1, and can make a name of its own mean 127.0.0.1. The
first carries an `Origin` that is not ours, the second a `Host` that is not ours. Both are refused before a screen is
started. Every answer forbids the browser to fetch from anywhere else.
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
    """Whether a request to this port with these headers comes from our own page, or from no page at all."""
    hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
    return host in hosts and (origin is None or origin in {f"http://{one}" for one in hosts})


def content_security_policy(port: int) -> str:
    """What a page of ours may fetch: its own parts."""
    own = " ".join(f"http://{name}:{port}" for name in NAMES)
    sockets = " ".join(f"ws://{name}:{port}" for name in NAMES)
    return (
        f"default-src {own}; script-src {own} 'unsafe-inline'; style-src {own} 'unsafe-inline'; img-src {own} data:; "
        f"font-src {own} data:; connect-src {own} {sockets}; frame-ancestors 'none'"
    )


def add_origin_check(app: web.Application, port: int) -> None:
    """Let the application answer nobody else."""
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
    """Why no page can be served, and the way out."""


def page_command(what: Path) -> str:
    """The command that each page runs."""
    return shlex.join(argv(["budget-tui", "watch", "--readonly", str(what)]))


def page_server(what: Path, port: int) -> Server:
    """The server of the page, which answers nobody but a browser on this machine; raises NoServer."""
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
