"""The reusable GitHub Action: its shell steps are run, as GitHub runs them, over a small study of recorded samples."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from script import ROOT

TEXT = (ROOT / "action.yml").read_text(encoding="utf-8")
RECORDING = "qwen2.5-coder-0.5b-instruct_HumanEval20_n10.jsonl.gz"
STUDY = f"""
[problems]
source = "humaneval"
names = ["HumanEval/0", "HumanEval/8"]
[[models]]
name = "small"
backend = "replay"
file = "{RECORDING}"
samples = 2
"""
GH = '#!/bin/sh\nprintf "%s\\n" "$@" > commented\ncp "$7" said.md\n'


def steps() -> dict[str, str]:
    """The shell text of each step that has one, by the step's name."""
    found = {}
    for step in TEXT.split("\n    - ")[1:]:
        name, run = (
            re.search(r"name: (.*)", step),
            re.search(r"^ {6}run: (?:\|\n)?(.*)", step, re.MULTILINE | re.DOTALL),
        )
        if name and run:
            found[name[1]] = textwrap.dedent(run[1])
    return found


def run(step: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps()[step]],
        cwd=folder,
        env={**os.environ, "PATH": path, **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_action_has_the_steps_that_it_promises() -> None:
    assert list(steps()) == [
        "Install",
        "Load the image, or build and keep it",
        "Run the study",
        "Comment the table",
        "Gate",
    ]
    inputs = set(re.findall(r"^  (\w+): \{", TEXT, re.MULTILINE))
    assert set(re.findall(r"inputs\.(\w+)", TEXT)) == inputs


def test_no_input_is_pasted_into_a_shell() -> None:
    assert [name for name, step in steps().items() if "${{" in step] == []


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_it_runs_the_study_comments_its_table_and_gates(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "replay" / RECORDING, tmp_path)
    (tmp_path / "mine.toml").write_text(STUDY)
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    summary = tmp_path / "summary.md"
    study = {"STUDY": "mine.toml", "STORE": "mine.db", "GITHUB_STEP_SUMMARY": str(summary)}
    ran = run("Run the study", tmp_path, **study)
    assert ran.returncode == 0, ran.stderr
    told = run("Comment the table", tmp_path, NUMBER="7", GITHUB_REPOSITORY="some/repository")
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "commented").read_text().split("\n")[:5] == ["pr", "comment", "7", "--repo", "some/repository"]
    assert "pass@1" in (tmp_path / "said.md").read_text()
    assert summary.read_text().endswith((tmp_path / "said.md").read_text())
    gate = {"STORE": "mine.db", "AT": "2e11", "LEAST": "0.01", "BASELINE": ""}
    passed = run("Gate", tmp_path, **gate)
    assert "gate: PASS" in passed.stdout, passed.stderr
    assert run("Gate", tmp_path, **gate | {"AT": "nothing"}).returncode == 2


# The same on GitLab: `gitlab-template.yml`.


class Notes(BaseHTTPRequestHandler):
    """The notes of a merge request, as GitLab's API has them."""

    held: ClassVar[list[dict[str, object]]] = []
    asked: ClassVar[list[tuple[str, str, str | None]]] = []

    def do_GET(self) -> None:
        self.answer(self.held)

    def do_POST(self) -> None:
        self.held.append({"id": 7, "body": self.body()})
        self.answer({})

    def do_PUT(self) -> None:
        self.held[0]["body"] = self.body()
        self.answer({})

    def body(self) -> str:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        return form.split("\r\n\r\n", 1)[1].rsplit("\r\n--", 1)[0]

    def answer(self, value: object) -> None:
        self.asked.append((self.command, self.path.partition("?")[0], self.headers["PRIVATE-TOKEN"]))
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_template_of_gitlab_runs_comments_once_and_gates(tmp_path: Path) -> None:
    text = (ROOT / "gitlab-template.yml").read_text(encoding="utf-8")
    script = text.partition("  script:\n")[2].partition("  artifacts:")[0]
    items = [textwrap.dedent(item.removeprefix("|\n")) for item in re.split(r"^    - ", script, flags=re.MULTILINE)[1:]]
    assert [item.split()[0] for item in items] == ["pip", "command", "if", "sampler", "if", "if"]
    shutil.copy(ROOT / "examples" / "replay" / RECORDING, tmp_path)
    (tmp_path / "mine.toml").write_text(STUDY)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "CI_API_V4_URL": f"http://127.0.0.1:{server.server_port}/api/v4",
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "3",
        "CODEBUDGET_TOKEN": "secret",
        "STUDY": "mine.toml",
        "STORE": "mine.db",
        "AT": "2e11",
        "LEAST": "0.01",
        "no_proxy": "127.0.0.1",
    }
    try:
        for _ in range(2):
            ran = subprocess.run(
                ["bash", "-eo", "pipefail", "-c", "\n".join(items[3:])],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert ran.returncode == 0, ran.stderr
            assert "gate: PASS" in ran.stdout
    finally:
        server.shutdown()
        server.server_close()
    (note,) = Notes.held
    assert str(note["body"]).startswith("<!-- codebudget -->")
    assert "pass@1" in str(note["body"])
    place = "/api/v4/projects/5/merge_requests/3/notes"
    assert Notes.asked == [
        (verb, path, "secret")
        for verb, path in (("GET", place), ("POST", place), ("GET", place), ("PUT", f"{place}/7"))
    ]
