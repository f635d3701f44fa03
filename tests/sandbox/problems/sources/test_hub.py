"""Data sets by name, against a server on loopback that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from json_handler import JsonHandler

from sandbox.problems import CATALOGUE, ProblemsError
from sandbox.problems.sources.hub import HubSource, choose, configs_of, parse

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed (extra hub)")
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra hub)")
pyarrow = pytest.importorskip("pyarrow")

SANDBOX = str(Path(sys.executable).parent / "sandbox")
COMMIT, OLDER = "1f" * 20, "2e" * 20
CARD = """---
license: mit
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: data/test-*
- config_name: small
  data_files: few.jsonl
---
# A set
"""


def row(number: int, **more: object) -> dict[str, object]:
    tests = [{"arguments": [number], "expected": number + 1}]
    return {"task_id": f"s/{number}", "prompt": "def f(n):\n", "entry_point": "f", "tests": tests, **more}


class Hub:
    """Repositories of data sets; `asked` are the paths of the requests, `refuses` the status of every answer."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.refuses = 0
        self.commits = {"main": COMMIT, "v1": OLDER}
        table = pyarrow.Table.from_pylist([row(number) for number in range(3)])
        parquet.write_table(table, folder / "test.parquet")
        lines = "".join(json.dumps(row(number)) + "\n" for number in (7, 8))
        self.files = {
            "README.md": CARD.encode(),
            "data/test-00000-of-00001.parquet": (folder / "test.parquet").read_bytes(),
            "data/train-00000-of-00001.parquet": b"not asked for",
            "few.jsonl": lines.encode(),
            "loader.py": b"raise SystemExit('a script of a data set was run')",
        }
        hub = self

        class Answers(JsonHandler):
            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                path = unquote(self.path.partition("?")[0])
                hub.asked.append(path)
                if hub.refuses:
                    self.reply(hub.refuses, {"error": "no"}, X_Error_Code="GatedRepo")
                elif path.startswith("/api/datasets/org/set/revision/"):
                    self._about(path.removeprefix("/api/datasets/org/set/revision/"))
                elif path.startswith("/datasets/org/set/resolve/"):
                    self._file(*path.removeprefix("/datasets/org/set/resolve/").split("/", 1))
                else:
                    self.reply(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")

            def _about(self, revision: str) -> None:
                commit = hub.commits.get(revision, revision)
                if commit not in hub.commits.values():
                    self.reply(404, {"error": "no such revision"}, X_Error_Code="RevisionNotFound")
                    return
                names = [{"rfilename": name} for name in hub.files]
                self.reply(200, {"id": "org/set", "sha": commit, "siblings": names, "tags": [], "downloads": 0})

            def _file(self, commit: str, name: str) -> None:
                data = hub.files[name]
                self.send_response(200)
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
                self.send_header("X-Repo-Commit", commit)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    there = Hub(tmp_path)
    serving = threading.Thread(target=there.server.serve_forever)
    serving.start()
    yield there
    there.server.shutdown()
    serving.join()
    there.server.server_close()


def problems(hub: Hub, home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    told = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"} | environment
    return subprocess.run(
        [SANDBOX, "problems", *words], capture_output=True, text=True, timeout=120, check=False, env=told
    )


@pytest.mark.slow
def test_a_set_at_a_commit_is_fetched_once_and_then_read_without_a_network(hub: Hub, tmp_path: Path) -> None:
    first = problems(hub, tmp_path / "home", f"hf:org/set@{COMMIT}")
    assert first.returncode == 0, first.stderr
    assert "3 problems: 3 tested by data" in first.stdout
    assert not any("train" in path or "loader.py" in path for path in hub.asked), hub.asked
    hub.asked.clear()
    second = problems(hub, tmp_path / "home", f"hf:org/set@{COMMIT}", HF_HUB_OFFLINE="1")
    assert (second.stdout, hub.asked) == (first.stdout, [])
    assert "commit" not in second.stderr


@pytest.mark.slow
def test_a_branch_is_told_as_a_commit_and_stands_in_when_the_hub_cannot_be_reached(hub: Hub, tmp_path: Path) -> None:
    first = problems(hub, tmp_path / "home", "hf:org/set@main:small")
    assert "2 problems" in first.stdout
    assert f"write @{COMMIT} to keep to it" in first.stderr
    away = problems(hub, tmp_path / "home", "hf:org/set@main:small", HF_ENDPOINT="http://127.0.0.1:1")
    assert away.stdout == first.stdout
    assert f"as it was at commit {COMMIT}" in away.stderr


@pytest.mark.slow
def test_what_cannot_be_fetched_says_why_and_how_to_bring_the_files(hub: Hub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    away = problems(hub, home, "bigcodebench", HF_ENDPOINT="http://127.0.0.1:1")
    assert away.returncode == 2
    for part in ("hf download bigcode/bigcodebench --repo-type dataset --revision b74c0d0bf", "HF_HOME"):
        assert part in away.stderr
    assert "no such revision" in problems(hub, home, "hf:org/set@nothing").stderr
    assert "no such data set" in problems(hub, home, "hf:org/other@main").stderr
    assert "no split 'dev'; there are train, test" in " ".join(
        problems(hub, home, "hf:org/set@main/dev").stderr.split()
    )
    hub.refuses = 403
    assert "hf auth login" in problems(hub, home, "hf:org/set@main").stderr


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("hf:a/b@main", HubSource(repo="a/b", revision="main")),
        ("hf:a/b.c@v0.1.4:full/test", HubSource(repo="a/b.c", revision="v0.1.4", config="full", split="test")),
        ("hf:a/b@refs/convert/parquet/train", HubSource(repo="a/b", revision="refs/convert/parquet", split="train")),
        ("hf:a/b@1f:x", HubSource(repo="a/b", revision="1f", config="x")),
    ],
)
def test_a_name_tells_repository_revision_config_and_split(text: str, source: HubSource) -> None:
    assert parse(text) == source
    assert parse(source.text) == source


@pytest.mark.parametrize("text", ["hf:a/b", "hf:a/b:c/test", "hf:a@main", "hf:a/b@", "hf:../b@main/../x/y"])
def test_a_name_without_a_revision_or_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ProblemsError, match=r"revision|REVISION"):
        parse(text)


def test_files_are_found_by_the_card_or_else_by_their_names() -> None:
    source = HubSource(repo="a/b", revision="main")
    names = ["data/test-0.parquet", "data/train-0.parquet", "data/train-1.parquet", "x.py"]
    assert choose(names, configs_of(CARD), source) == ["data/test-0.parquet"]
    assert choose(names, (), source) == ["data/test-0.parquet"]
    train = HubSource(repo="a/b", revision="main", split="train")
    assert choose(names, (), train) == ["data/train-0.parquet", "data/train-1.parquet"]
    versions = ["data/v0.1.2-00000-of-00001.parquet", "data/v0.1.4-00000-of-00001.parquet"]
    assert choose(versions, (), HubSource(repo="a/b", revision="main", split="v0.1.4")) == versions[1:]
    parts = ["en/test.jsonl", "de/test.jsonl", "dataset_infos.json"]
    assert choose(parts, (), HubSource(repo="a/b", revision="main", config="de")) == ["de/test.jsonl"]
    with pytest.raises(ProblemsError, match=r"no script of a data set is run here.*refs/convert/parquet"):
        choose(["set.py", "README.md"], (), source)


def test_each_entry_of_the_catalogue_says_what_a_user_has_to_know() -> None:
    for name, entry in CATALOGUE.items():
        assert name == entry.name
        assert all((entry.about, entry.licence, entry.problems, entry.tests, entry.prompt, entry.limits, entry.origin))
        if entry.source is not None:
            assert parse(entry.source.text).repo == entry.source.repo
            assert entry.checked, f"{name} does not say what was run"
