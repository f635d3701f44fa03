"""A Ray cluster on loopback for tests: its nodes are processes of `ray_nodes.py`, which ends with its input."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self

# By this setting Ray takes 127.0.0.1 for an address like any other, and listens on it alone.
SETTINGS = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}


def installed() -> bool:
    """Return whether Ray is."""
    return find_spec("ray") is not None


class RayNodes:
    """A head without cores, and nodes that are added and killed. A context manager."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="rn", dir="/tmp")  # short: sockets lie in it
        self.environment = {**os.environ, **SETTINGS, "RAY_TMPDIR": self.folder}
        with Path(self.folder, "log").open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("ray_nodes.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment,
            )
        self.address = self._heard()["address"]

    def _heard(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"no cluster: {Path(self.folder, 'log').read_text()[-3000:]}")
        return json.loads(line)

    def _ask(self, line: str) -> dict:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._heard()

    def add(self, **words: object) -> int:
        """Start a node; return its number."""
        return self._ask("add " + " ".join(f"{name}={value}" for name, value in words.items()))["number"]

    def kill_raylet(self, number: int) -> None:
        """Kill the raylet of a node."""
        self._ask(f"kill {number}")

    def kill_head(self) -> None:
        """Kill the head's processes."""
        self._ask("head")

    def close(self) -> None:
        """End all nodes."""
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def processes(self, kind: str) -> list[int]:
        """Return the processes on the nodes that run objects of a class."""
        found, ours = [], f"RAY_TMPDIR={self.folder}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                named = (folder / "cmdline").read_bytes().startswith(f"ray::{kind}".encode())
                if named and ours in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
        return found
