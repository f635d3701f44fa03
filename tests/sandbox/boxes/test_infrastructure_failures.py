"""What fails by our fault or the machine's is never a verdict: real engines, killed, cut off, out of room."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from sandbox.boxes import docker_client as engine_module
from sandbox.boxes.box_supply import PoolSpec
from sandbox.boxes.container_config import LABEL, LABEL_OWNER
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ensure_image
from sandbox.boxes.ownership import remove_all
from sandbox.boxes.pool import Pool
from sandbox.errors import EngineUnavailable
from sandbox.problems import load_problems
from sandbox.values import Ending, Job, Limits, Program

# docker-py leaves the sockets of connections that fail to the garbage collector, which minds.
pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]
LIMITS = Limits(cpu_s=2, wall_s=8, memory_mb=128)
SANDBOX = str(Path(sys.executable).parent / "sandbox")
SLOW = "import time; time.sleep(3); print('done')"


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What docker-py leaves is collected here, where it may be."""
    yield
    gc.collect()


def job(source: str) -> Job:
    return Job(program=Program(source=source), limits=LIMITS)


class Middleman:
    """Stands between us and the engine, and does to the connections what it is told to."""

    def __init__(self, path: Path) -> None:
        self.path, self._open = path, set[socket.socket]()
        self.refusing = self.silent = False
        self.refused = 0
        self.cut_after: int | None = None  # so many bytes of the next stream from the engine to us
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._pass_on, args=(self._listening.accept()[0],), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.socket(socket.AF_UNIX) as engine:
            self._open.add(client)
            engine.connect("/var/run/docker.sock")
            back = threading.Thread(target=self._bring_back, args=(engine, client), daemon=True)
            back.start()
            while data := client.recv(1 << 16):
                while self.silent:
                    time.sleep(0.05)
                if self.refusing:
                    self.refused += 1
                    client.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\nConnection: close\r\n\r\nbroken\r\n\r")
                    return
                engine.sendall(data)
            engine.shutdown(socket.SHUT_WR)
            back.join()

    def _bring_back(self, engine: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := engine.recv(1 << 16):
                if self.cut_after is not None and b"done" in data:
                    client.sendall(data[: self.cut_after])
                    self.cut_after = None
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """Cut every connection there is."""
        for client in list(self._open):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.close()
        self.hang_up()


@pytest.fixture
def middleman(engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Middleman]:
    assert engine is not None
    if not Path("/var/run/docker.sock").is_socket():
        pytest.skip("the engine is not at /var/run/docker.sock")
    with tempfile.TemporaryDirectory() as directory, contextlib.closing(Middleman(Path(directory) / "api")) as between:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{between.path}")
        yield between


def test_a_stream_that_is_cut_in_the_middle_of_a_frame_costs_a_retry(middleman: Middleman) -> None:
    with contextlib.closing(DockerClient()) as engine, Pool(engine, spec(engine)) as pool:
        assert pool.submit(job("print(1)")).result(timeout=300).stdout == b"1\n"
        middleman.cut_after = 30
        run = pool.submit(job(SLOW)).result(timeout=300)
        assert middleman.cut_after is None, "the stream was cut"
        assert (run.stdout, run.ending) == (b"done\n", Ending.EXITED)


def spec(engine: DockerClient) -> PoolSpec:
    return PoolSpec(image=ensure_image(engine, say=print), limits=LIMITS, boxes=1)


def test_an_api_that_answers_500_for_a_while_costs_time_and_no_verdict(
    middleman: Middleman, until_inside: Callable[..., None]
) -> None:
    with contextlib.closing(DockerClient()) as engine, Pool(engine, spec(engine)) as pool:
        running = pool.submit(job(SLOW))
        until_inside(engine, boxes_of(engine, {os.getpid()}), running)
        middleman.refusing = True
        middleman.hang_up()
        deadline = time.monotonic() + 120
        while middleman.refused < 2:
            assert time.monotonic() < deadline, "nobody asks the API again"
            time.sleep(0.02)
        assert not running.done()
        middleman.refusing = False
        assert running.result(timeout=300).stdout == b"done\n"
        assert pool.failure is None


def test_an_api_that_only_answers_500_is_named(middleman: Middleman) -> None:
    middleman.refusing = True
    with pytest.raises(EngineUnavailable, match="Docker"):
        DockerClient()


def test_an_api_that_never_answers_is_given_up(middleman: Middleman, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "API_TIMEOUT_S", 1)
    middleman.silent = True
    began = time.monotonic()
    with pytest.raises(EngineUnavailable):
        DockerClient()
    assert time.monotonic() - began < 50
    middleman.silent = False


class SecondEngine:
    """A dockerd of our own, which may be killed.

    It has a network of its own, because one that has no bridge takes away the bridge of the engine that is there
    already.
    """

    def __init__(self, directory: Path) -> None:
        self.socket, self._directory = directory / "docker.sock", directory
        self.start()

    def start(self) -> None:
        words = [
            "unshare",
            "--net",
            "dockerd",
            "--data-root",
            f"{self._directory}/data",
            "--exec-root",
            f"{self._directory}/exec",
            "-H",
            f"unix://{self.socket}",
            "--pidfile",
            f"{self._directory}/pid",
            "--bridge=none",
            "--iptables=false",
        ]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket))
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.skip(f"no second engine starts here: {(self._directory / 'log').read_text()[-300:]}")
            time.sleep(0.2)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        # Its containerd dies with it, and what it leaves is believed by the next one.
        (self._directory / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def close(self) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=300)
        for process in Path("/proc").glob("[0-9]*"):  # its containerd, and what that has left of the first life
            with contextlib.suppress(OSError):
                if str(self._directory).encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
        subprocess.run(["umount", "-l", f"{self._directory}/data"], check=False, capture_output=True)


@pytest.fixture
def second_engine(engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecondEngine]:
    if os.getuid() != 0 or None in map(shutil.which, ("dockerd", "unshare")):
        pytest.skip("a second engine takes root, dockerd and unshare")
    image = ensure_image(engine, say=print)
    directory = Path(tempfile.mkdtemp(prefix="codebudget-engine-"))
    try:
        with contextlib.closing(SecondEngine(directory)) as second:
            with contextlib.closing(docker.from_env()) as first:
                monkeypatch.setenv("DOCKER_HOST", f"unix://{second.socket}")
                with contextlib.closing(docker.from_env()) as own:
                    own.images.load(b"".join(first.images.get(image).save(named=True)))
            yield second
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_an_engine_that_is_killed_and_started_again_costs_time_and_no_verdict(
    second_engine: SecondEngine, until_inside: Callable[..., None]
) -> None:
    with contextlib.closing(DockerClient()) as engine:
        with Pool(engine, spec(engine)) as pool:
            futures = [pool.submit(job(f"{SLOW}  # {number}")) for number in range(4)]
            until_inside(engine, boxes_of(engine, {os.getpid()}), futures[0])
            second_engine.kill()
            time.sleep(1)  # an outage of a second, for whose end nobody here waits
            second_engine.start()
            runs = [future.result(timeout=600) for future in futures]
            assert [(run.stdout, run.ending) for run in runs] == [(b"done\n", Ending.EXITED)] * 4
        assert engine.containers(LABEL) == []
        remove_all(engine)


def samples_file(path: Path, count: int) -> int:
    """Right and wrong answers to HumanEval, all different; how many lines."""
    with path.open("w", encoding="utf-8") as file:
        problems = load_problems("humaneval")
        for number in range(count):
            problem = problems[number % len(problems)]
            body = problem.canonical_solution if number % 2 else "    return None\n"
            file.write(json.dumps({"task_id": problem.name, "completion": f"{body}\n# {number}\n"}) + "\n")
    return count


def score(samples: Path, out: Path) -> list[str]:
    return [SANDBOX, "score", "--problems", "humaneval", "--samples", str(samples), "--out", str(out), "--boxes", "2"]


def boxes_of(engine: DockerClient, pids: set[int]) -> list[str]:
    owners = {found.id: found.labels[LABEL_OWNER].split("/")[2] for found in engine.containers(LABEL)}
    return [container for container, pid in owners.items() if int(pid) in pids]


def test_killed_ten_times_under_load_nothing_is_lost_or_counted_twice_and_no_box_outlives_the_next_start(
    engine: DockerClient, tmp_path: Path
) -> None:
    lines = samples_file(tmp_path / "samples.jsonl", 3000)
    command, dice, killed = score(tmp_path / "samples.jsonl", tmp_path / "out.jsonl"), random.Random(7), set[int]()
    for _ in range(10):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = size_of(tmp_path / "out.jsonl")
        deadline = time.monotonic() + 300
        while size_of(tmp_path / "out.jsonl") == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.3))
        assert not boxes_of(engine, killed), "the next start has removed what the last one left"
        process.kill()
        process.wait()
        killed.add(process.pid)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert not boxes_of(engine, killed)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert Counter(row["line"] for row in rows) == Counter(range(1, lines + 1))
    assert all(row["passed"] == (row["line"] % 2 == 0) for row in rows)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(engine: DockerClient, tmp_path: Path) -> None:
    assert engine is not None
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk takes the right to mount: {mounted.stderr.decode().strip()}")
    try:
        lines = samples_file(tmp_path / "samples.jsonl", 400)
        command = score(tmp_path / "samples.jsonl", small / "out.jsonl")
        full = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert full.returncode == 3
        assert "No space left" in full.stderr
        subprocess.run(["mount", "-o", "remount,size=16m", str(small)], check=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in (small / "out.jsonl").read_text(encoding="utf-8").splitlines()]
        assert Counter(row["line"] for row in rows) == Counter(range(1, lines + 1))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_ctrl_c_ends_the_command_at_once_and_leaves_no_box(engine: DockerClient, tmp_path: Path) -> None:
    lines = samples_file(tmp_path / "samples.jsonl", 3000)
    words = [sys.executable, "-c", INTERRUPTIBLE, *score(tmp_path / "samples.jsonl", tmp_path / "out.jsonl")[1:]]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while size_of(tmp_path / "out.jsonl") == 0 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == 130
    assert not boxes_of(engine, {process.pid})
    assert len((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()) < lines


# A shell that runs the tests in the background has told its children to ignore interrupts.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from sandbox.cli import main
main()
"""
