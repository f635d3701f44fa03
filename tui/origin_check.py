"""Who may ask a page on the loopback address.

This machine's browser, for that very page, and no other page it has open.

Any page on the web can make a browser send requests to 127.0.0.1, and can make a name of its own mean 127.0.0.1. The
first carries an `Origin` that is not ours, the second a `Host` that is not ours. Both are refused before a screen is
started. What is answered forbids the browser to fetch from anywhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

NAMES = ("127.0.0.1", "localhost")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_ours(host: str, origin: str | None, port: int) -> bool:
    """Whether a request to this port with these headers comes from our own page, or from no page at all."""
    hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())
    return host in hosts and (origin is None or origin in {f"http://{one}" for one in hosts})


def policy(port: int) -> str:
    """What a page of ours may fetch: its own parts."""
    own = " ".join(f"http://{name}:{port}" for name in NAMES)
    sockets = " ".join(f"ws://{name}:{port}" for name in NAMES)
    return (
        f"default-src {own}; script-src {own} 'unsafe-inline'; style-src {own} 'unsafe-inline'; img-src {own} data:; "
        f"font-src {own} data:; connect-src {own} {sockets}; frame-ancestors 'none'"
    )


def guard(app: web.Application, port: int) -> None:
    """Let the application answer nobody else."""

    @web.middleware
    async def refuse_strangers(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_ours(request.host, request.headers.get("Origin"), port):
            raise web.HTTPForbidden(text=f"open http://{NAMES[0]}:{port} in a browser on this machine\n")
        return await handler(request)

    async def bind(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = policy(port)

    app.middlewares.append(refuse_strangers)
    app.on_response_prepare.append(bind)
