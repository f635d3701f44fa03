"""The commands and programs of the README, the tutorials and the guides are run, page by page, as a reader would.

A block that is not run says why (see `tests/common/pages.py`), and a test of its own is skipped with that reason.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pages import Block, blocks

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    "README.md",
    *sorted(
        path.relative_to(ROOT).as_posix()
        for path in [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*/*.md")]
        if path.name not in {"cli.md", "store.md", "study.md", "python.md"}  # written from the code
    ),
]
BLOCKS = {page: blocks(ROOT / page, page) for page in PAGES}
NOT_RUN = [block for page in PAGES for block in BLOCKS[page] if block.remark == "not run"]
COMMAND = re.compile(r"^ *(?:\$ )?(?:sandbox|sampler|budget-tui|make|pip install) ", re.MULTILINE)
PORT = "8080"  # what the pages say; the tests take a free one


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the guides speak of.

    A study, its store and a copy of it, samples, scores, a program and its tests.
    """
    place = tmp_path_factory.mktemp("things")
    shutil.copytree(ROOT / "examples", place / "examples", ignore=shutil.ignore_patterns("*.db*"))
    (place / "program.py").write_text("def double(x):\n    return 2 * x\n")
    (place / "tests.py").write_text("assert double(4) == 8\n")
    sample = {"task_id": "HumanEval/53", "completion": "    return x + y\n"}
    (place / "samples.jsonl").write_text(json.dumps(sample) + "\n")
    recordings = sorted((place / "examples" / "replay").glob("*.jsonl.gz"))
    with gzip.open(recordings[0], "rt") as file:
        names = sorted({json.loads(line)["task_id"] for line in file})[:3]
    study = f'name = "pages"\n[problems]\nsource = "humaneval"\nnames = {json.dumps(names)}\n'
    for name, recording in zip(("small", "large"), recordings, strict=True):
        study += f'[[models]]\nname = "{name}"\nbackend = "replay"\nfile = "{recording}"\nsamples = 8\n'
    (place / "made.toml").write_text(study)
    tests = [{"task_id": name, "tests": ["assert True"]} for name in names]
    (place / "generated.jsonl").write_text("".join(json.dumps(each) + "\n" for each in tests))
    scores = [
        {"model": model, "task_id": name, "index": at, "score": at}
        for model in ("small", "large")
        for name in names
        for at in range(8)
    ]
    (place / "scores.jsonl").write_text("".join(json.dumps(score) + "\n" for score in scores))
    made = _run(["bash", "-c", "sampler run made.toml --store study.db --display none"], place)
    assert made.returncode == 0, made.stderr
    for name in ("old.db", "new.db", "before.db"):
        shutil.copy(place / "study.db", place / name)
    return place


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False, timeout=300
    )


def _command(block: Block, port: int) -> list[str]:
    text = block.text.replace(PORT, str(port))
    return [sys.executable, "-c", text] if block.language == "python" else ["bash", "-eo", "pipefail", "-c", text]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def _serving(block: Block, folder: Path, port: int) -> Iterator[None]:
    """A server in a process of its own, from when it listens until the end of the page."""
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            _command(block, port), cwd=folder, env=_environment(), stdout=out, stderr=out, start_new_session=True
        )
        try:
            until = time.monotonic() + 120
            while not _listens(port):
                assert process.poll() is None, f"{block.place}\n{log.read_text()}"
                assert time.monotonic() < until, f"{block.place} does not listen\n{log.read_text()}"
                time.sleep(0.1)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("page", [page for page in PAGES if any(block.runs for block in BLOCKS[page])])
def test_the_commands_of_a_page_do_what_it_says(page: str, things: Path, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    shutil.copytree(things, folder)
    printed, port = "", _free_port()
    with ExitStack() as servers:
        for block in BLOCKS[page]:
            if block.remark == "not run":
                continue
            if block.remark == "printed":
                missing = [line for line in block.text.splitlines() if line.strip() not in printed]
                assert missing == [], f"{block.place}\n{printed}"
            elif block.title is not None:
                (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
                (folder / block.title).write_text(block.text)
            elif block.remark == "serves":
                servers.enter_context(_serving(block, folder, port))
            elif block.runs:
                done = _run(_command(block, port), folder)
                code = int(block.detail) if block.remark == "exit code" else 0
                assert done.returncode == code, f"{block.place}\n{block.text}\n{done.stdout}\n{done.stderr}"
                printed = done.stdout + done.stderr


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda block: block.place)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    assert block.detail, f"{block.place}: say why after `not run:`"
    elsewhere = re.findall(r"tests/[\w/]+(?:\.py)?", block.detail)
    assert [path for path in elsewhere if not (ROOT / path).exists()] == [], block.place
    pytest.skip(f"{block.text.splitlines()[0]}: {block.detail}")


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


@pytest.mark.parametrize("page", PAGES)
def test_every_command_stands_in_a_block_of_bash(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    outside = re.sub(r"^ *```bash.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert COMMAND.findall(outside) == [], "put it into a block of bash, so that it is run"
