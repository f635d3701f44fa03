"""The page is for this machine's browser alone."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

aiohttp = pytest.importorskip("aiohttp", reason="the extra `web` is not installed")
pytest.importorskip("textual_serve", reason="the extra `web` is not installed")

from aiohttp import web

from tui.web_server import LOOPBACK, content_security_policy, is_own_request, page_server


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """Where the real server listens; no screen is started before a socket is opened."""
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        number: int = free.getsockname()[1]
    runner = web.AppRunner(await page_server(tmp_path / "none.db", number)._make_app())
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, number).start()
    yield number
    await runner.cleanup()


async def asked(port: int, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"http://{LOOPBACK}:{port}{path}", headers=headers) as answer,
    ):
        return answer.status, answer.headers.get("Content-Security-Policy", "")


async def test_a_browser_on_this_machine_gets_the_page_and_fetches_from_nowhere_else(port: int) -> None:
    assert await asked(port, "/") == (200, content_security_policy(port))
    assert (await asked(port, "/static/css/xterm.css"))[0] == 200
    assert (await asked(port, "/", Host=f"localhost:{port}", Origin=f"http://localhost:{port}"))[0] == 200


async def test_the_terminal_is_told_where_the_page_is_and_no_command_of_ours(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = page_server(tmp_path / "none.db", port)
    server.console.file = sys.stdout
    await server.on_startup(web.Application())
    told = " ".join(capsys.readouterr().out.split())
    assert told.endswith(f"none.db at http://{LOOPBACK}:{port}/; ctrl-C ends it")
    assert "main()" not in told


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        number = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-c", "from tui.cli import main; main()", "serve", "--port", str(number), "x.db"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=tmp_path,
        )
    assert ended.returncode == 2
    assert ended.stderr == (
        f"budget-tui: cannot listen at {LOOPBACK}, port {number}: Address already in use; choose another one with "
        "--port\n"
    )


@pytest.mark.parametrize("path", ["/", "/ws", "/static/css/xterm.css"])
async def test_a_name_that_somebody_else_gave_this_machine_is_refused(port: int, path: str) -> None:
    assert (await asked(port, path, Host="evil.example"))[0] == 403


async def test_the_socket_is_refused_to_another_page(port: int) -> None:
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"ws://{LOOPBACK}:{port}/ws", headers={"Origin": "https://evil.example"})
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("host", "origin", "ours"),
    [
        ("127.0.0.1:8000", None, True),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("127.0.0.1:8000", "http://127.0.0.1:9000", False),
        ("127.0.0.1:8000", "null", False),
        ("127.0.0.1", None, False),
        ("127.0.0.1:8000.evil.example", None, False),
    ],
)
def test_the_port_and_the_whole_name_count(host: str, origin: str | None, *, ours: bool) -> None:
    assert is_own_request(host, origin, 8000) is ours
