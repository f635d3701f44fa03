"""A server whose engine is stopped and started again under load.

Every client gets its answer, and no container is left.

An engine of its own is used, never the usual one; that takes root and a `dockerd`. Nothing here gates a test.

    python tests/bench/serve_restart.py [--programs 200] [--away 3]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import requests

from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ensure_image

SANDBOX = str(Path(sys.executable).parent / "sandbox")


class OwnEngine:
    """A dockerd apart from the usual one, its network included, which can go and come back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self.environment = os.environ | {"DOCKER_HOST": self.host}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        words = [f"--{option}={self._folder / name}" for option, name in places.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "dockerd", f"--host={self.host}", "--bridge=none", "--iptables=false", *words],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(120):
            if self.docker("info").returncode == 0:
                return
            time.sleep(0.5)
        raise SystemExit(f"the engine did not start; see {self._folder / 'log'}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def docker(self, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["docker", *words], env=self.environment, input=stdin, capture_output=True, check=False)


def ask(url: str, number: int) -> bool:
    code = f"import time; time.sleep(0.1); print({number})"
    answer = requests.post(f"{url}/run_code", json={"language": "python", "code": code}, timeout=300).json()
    return bool(answer["run_result"]) and answer["run_result"]["stdout"] == f"{number}\n"


def under_load(engine: OwnEngine, programs: int, away_s: float) -> None:
    words = [SANDBOX, "serve", "--port", "0", "--boxes", "2"]
    with subprocess.Popen(words, env=engine.environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        url = next(found[0] for line in server.stderr if (found := re.search(r"http://\S+:\d+", line)))
        with ThreadPoolExecutor(programs) as clients:
            asked = [clients.submit(ask, url, number) for number in range(programs)]
            time.sleep(2)
            engine.stop()
            print(f"the engine is gone, {sum(not one.done() for one in asked)} programs wait")
            time.sleep(away_s)
            engine.start()
            print("the engine is back")
            right = sum(one.result() for one in asked)
        server.terminate()
        print(f"{right} of {programs} answers are right; the server ended with {server.wait(60)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=int, default=200)
    parser.add_argument("--away", type=float, default=3.0)
    chosen = parser.parse_args()
    with closing(DockerClient()) as usual:
        image = ensure_image(usual, say=print)
    with tempfile.TemporaryDirectory(prefix="own-engine-", ignore_cleanup_errors=True) as folder:
        engine = OwnEngine(Path(folder))
        engine.start()
        try:
            saved = subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout
            engine.docker("load", stdin=saved)
            under_load(engine, chosen.programs, chosen.away)
            left = engine.docker("ps", "--all", "--quiet").stdout.split()
            print(f"{len(left)} containers are left")
        finally:
            engine.stop()


if __name__ == "__main__":
    main()
