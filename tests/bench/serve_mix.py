"""Does a server stay quick, small and clean under a mix of clients?

Honest, slow, leaving and hostile ones at the same time.

The server listens on loopback with two honest clients (every answer checked), clients that send or read slowly or leave
in the middle, connections that say nothing, and samples that attack the host. Printed every ten seconds and at the end:
honest requests with p50 and p99, wrong answers, the server's memory and descriptors, boxes left after SIGTERM and how
long that took. Ends with 1 where an honest answer was wrong or missing, a box is left, or the end took longer than 30
s.

    python tests/bench/serve_mix.py [--seconds 600] [--boxes 2]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from sandbox.boxes.container_config import LABEL, LABEL_OWNER
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.ownership import Owner

SANDBOX = str(Path(sys.executable).parent / "sandbox")
JSON = {"Content-Type": "application/json"}
ADD = {"task_id": "add", "prompt": "Add.\n", "entry_point": "add", "tests": [{"arguments": [1, 2], "expected": 3}]}
ROUNDS = {
    "task_id": "rounds",
    "prompt": "Any.\n",
    "entry_point": "f",
    "check": (
        "import time\ndef check(candidate):\n    time.sleep(1)\n    a = candidate(3)\n    assert candidate(a) == a\n"
    ),
}
RAW = """
import os, struct
size = struct.Struct(">I").pack
def text(value): return b"S" + size(len(value)) + value
def send(data):
    while data: data = data[os.write(3, data):]
def claim(value): send(size(len(value)) + value)
"""
HOSTILE = {
    "keys that share their probes": RAW
    + """
mask, chain = (1 << 15) - 1, [12345]
while len(chain) < 20000: chain.append((5 * chain[-1] + 1) & mask)
keys = b"".join(b"I" + size(4) + key.to_bytes(4, "big") + b"N" for key in chain)
value = b"M" + size(2 * len(chain)) + keys
claim(b"M" + size(2) + text(b"call") + b"I" + size(1) + b"0" + text(b"value") + b"B" + size(len(value)) + value)
""",
    "nested claims": RAW
    + """
nested = (b"L" + size(1)) * 30 + b"N"
claim(b"M" + size(1) + text(b"x") + b"L" + size(27000) + nested * 27000)
""",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "memory": "held = []\nwhile True: held.append(bytearray(1 << 24))",
    "output": "while True: print('x' * 65536)",
    "dies": "import os\nos.kill(os.getpid(), 11)",
    "spins": "while True: pass",
}


class Mix:
    """What the clients have seen. Any thread may add to it."""

    def __init__(self, port: int) -> None:
        self.port, self.over = port, threading.Event()
        self.took: list[float] = []
        self.wrong: list[str] = []
        self.done: dict[str, int] = {}

    def ask(self, path: str, body: object) -> Any:
        """The answer to a request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", path, json.dumps(body), JSON)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def honest(self) -> None:
        """Scores a right and a wrong program, and checks what comes."""
        for number in count():
            texts = [
                f"def add(x, y):\n    return x + y  # {number}\n",
                f"def add(x, y):\n    return x - y  # {number}\n",
            ]
            began = time.monotonic()
            try:
                verdicts = [
                    row["verdict"] for row in self.ask("/v1/score", {"problem": ADD, "solutions": texts})["scores"]
                ]
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                verdicts = [repr(error)]
            if self.over.is_set():
                return
            self.took.append(time.monotonic() - began)
            if verdicts != ["PASSED", "WRONG"]:
                self.wrong.append(str(verdicts))

    def hostile(self) -> None:
        """One program after the other that attacks the box or the host."""
        for number in count():
            names = sorted(HOSTILE)
            source = HOSTILE[names[number % len(names)]] + f"\ndef add(x, y):\n    return x + y  # {number}\n"
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self.ask("/v1/score", {"problem": ADD, "solutions": [source]})
            if self._counted("hostile"):
                return

    def leaving(self) -> None:
        """Asks for rounds without end or for a long sleep, and leaves."""
        for number in count():
            source = f"import os\ndef f(n):\n    return int.from_bytes(os.urandom(6), 'big')  # {number}\n"
            rounds = "/v1/score", {"problem": ROUNDS, "solutions": [source]}
            sleep = "/run_code", {"language": "python", "code": "import time\ntime.sleep(9)", "run_timeout": 10}
            path, body = rounds if number % 2 else sleep
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("POST", path, json.dumps(body), JSON)
                time.sleep(0.3)
                connection.close()
            if self._counted("left"):
                return
            self.over.wait(3)

    def slow(self) -> None:
        """Opens connections that say nothing, half a header, half a body, or that never read a long answer."""
        long = json.dumps({"language": "python", "code": "print('x' * 4_000_000)"}).encode()
        head = (
            b"POST /run_code HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
            b"%d\r\n\r\n"
        )
        said = (b"", b"POST /run_code HTTP/1.1\r\nHo", head % 9999 + b'{"code":', head % len(long) + long)
        held: list[socket.socket] = []
        for number in count():
            with contextlib.suppress(OSError):
                held.append(socket.create_connection(("127.0.0.1", self.port), timeout=5))
                held[-1].sendall(said[number % len(said)])
            while len(held) > 200:
                held.pop(0).close()
            if self._counted("slow"):
                break
            self.over.wait(0.1)
        for one in held:
            one.close()

    def _counted(self, what: str) -> bool:
        self.done[what] = self.done.get(what, 0) + 1
        return self.over.is_set()


@contextlib.contextmanager
def a_server(boxes: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server of its own and its port; killed where it is still there."""
    words = [SANDBOX, "serve", "--port", "0", "--boxes", str(boxes), "--cpu", "2", "--wall", "5"]
    server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        found = re.search(r":(\d+)/", next(line for line in server.stderr or () if "http://" in line))
        yield server, int(found[1]) if found else 0
    finally:
        server.kill()
        server.wait()


def told(mix: Mix, process: int, began: float) -> str:
    """A line of where things stand."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) >> 10  # type: ignore[index]
    descriptors = len(list(Path(f"/proc/{process}/fd").iterdir()))
    cuts = statistics.quantiles(mix.took, n=100) if len(mix.took) > 1 else [0.0] * 99
    return (
        f"{time.monotonic() - began:4.0f} s: {len(mix.took)} honest, p50 {1000 * cuts[49]:.0f}, p99 "
        f"{1000 * cuts[98]:.0f} ms, "
        f"{len(mix.wrong)} wrong; {mix.done}; {resident} MB, {descriptors} descriptors"
    )


def boxes_of(process: int) -> int:
    """How many boxes the server has."""
    with contextlib.closing(DockerClient()) as engine:
        owners = [Owner.parse(found.labels.get(LABEL_OWNER, "")) for found in engine.containers(LABEL)]
    return sum(owner is not None and owner.pid == process for owner in owners)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--boxes", type=int, default=2)
    chosen = parser.parse_args()
    with a_server(chosen.boxes) as (server, port):
        mix, began = Mix(port), time.monotonic()
        kinds: list[Callable[[], None]] = [mix.honest, mix.honest, mix.hostile, mix.leaving, mix.slow]
        clients = [threading.Thread(target=kind) for kind in kinds]
        for one in clients:
            one.start()
        while time.monotonic() - began < chosen.seconds and server.poll() is None:
            time.sleep(min(10, chosen.seconds))
            print(told(mix, server.pid, began), flush=True)
        mix.over.set()
        stopping = time.monotonic()
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(60)
        ended_s = time.monotonic() - stopping
        for one in clients:
            one.join(130)
        left = boxes_of(server.pid)
    print(f"ended {server.returncode} after {ended_s:.1f} s, {left} boxes left; wrong: {mix.wrong[:5]}")
    return int(bool(mix.wrong) or left > 0 or ended_s > 30 or server.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
