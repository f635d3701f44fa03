"""Engines that answer to Docker's API without being Docker: what they refuse is named, with the way out.

The answers are those that Podman 4.3.1 really gave.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from json_handler import JsonHandler

from sandbox.boxes.docker_client import DockerClient
from sandbox.cli import cli
from sandbox.errors import EngineUnavailable

ANSWERS = {
    "version": {
        "Version": "4.3.1",
        "ApiVersion": "1.41",
        "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}],
    },
    "info": {
        "DefaultRuntime": "crun",
        "Runtimes": {"crun": {}},
        "CgroupVersion": "1",
        "NCPU": 2,
        "Architecture": "amd64",
        "OperatingSystem": "debian",
        "SecurityOptions": ["name=seccomp,profile=default"],
    },
}
REFUSAL = {"message": "container create: opening seccomp profile failed: open " + "{" * 5000}


class _Podman(JsonHandler):
    def do_GET(self) -> None:
        self.reply(200, ANSWERS[self.path.rpartition("/")[2]])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(500, REFUSAL)

    def address_string(self) -> str:
        return "unix"


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "p.sock"), _Podman) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'p.sock'}")
        yield
        server.shutdown()


@pytest.mark.usefixtures("podman")
def test_what_podman_refuses_is_told_with_its_name_and_the_way_out() -> None:
    engine = DockerClient()
    with pytest.raises(EngineUnavailable, match=r"opening seccomp profile .*Podman.* use Docker's own engine$") as told:
        engine.create({"Image": "x"})
    engine.close()
    assert len(str(told.value)) < 600


@pytest.mark.usefixtures("podman")
def test_doctor_tells_what_it_knows_though_no_box_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.boxes.image.ensure_image", lambda *_args, **_options: "codebudget-box:x")
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == 3
    assert "✗ podman           4.3.1: this is Podman's Docker-compatible API" in done.stdout
    assert "✓ processor        amd64, 2 cores" in done.stdout
    assert "no wall was tried" in done.stdout
