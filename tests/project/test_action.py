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
GH = """#!{python}
import json, os, pathlib, sys
words, kept = sys.argv[1:], pathlib.Path("comments.json")
if not os.environ.get("GH_TOKEN"):
    sys.exit("gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.")
comments = json.loads(kept.read_text())
path = next(word.partition("?")[0] for word in words if word.startswith("repos/some/repository/issues/"))
body = [pathlib.Path(word.removeprefix("body=@")).read_text() for word in words if word.startswith("body=@")]
if not body:
    assert "env.MARK" in words[words.index("--jq") + 1]
    print(*(one["id"] for one in comments if one["body"].startswith(os.environ["MARK"])), sep="\\n")
elif "PATCH" in words:
    next(one for one in comments if path.endswith(f"/issues/comments/{{one['id']}}"))["body"] = body[0]
else:
    assert path.endswith("/issues/7/comments")
    comments.append({{"id": 10 + len(comments), "body": body[0]}})
kept.write_text(json.dumps(comments))
"""  # the part of `gh api` that the step uses, over a file


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
        "Name the cache of the image",
        "Load the image, or build and keep it",
        "Run the study",
        "Comment the table",
        "Gate",
    ]
    inputs = set(re.findall(r"^  (\w+): \{", TEXT, re.MULTILINE))
    assert set(re.findall(r"inputs\.(\w+)", TEXT)) == inputs


def test_the_image_is_cached_under_a_name_that_changes_with_what_it_is_made_from(tmp_path: Path) -> None:
    action, output = tmp_path / "an action", tmp_path / "output"
    for made_from in ("images", "sandbox/inside"):
        shutil.copytree(ROOT / made_from, action / made_from)
    (action / "sandbox" / "boxes").mkdir()
    shutil.copy(ROOT / "sandbox" / "boxes" / "image.py", action / "sandbox" / "boxes")

    def key() -> str:
        output.write_text("")
        done = run("Name the cache of the image", tmp_path, GITHUB_ACTION_PATH=str(action), GITHUB_OUTPUT=str(output))
        assert done.returncode == 0, done.stderr
        (line,) = output.read_text().splitlines()
        assert re.fullmatch(r"key=codebudget-image-[0-9a-f]{64}", line)
        return line

    first = key()
    (action / "sandbox" / "inside" / "stray.pyc").write_text("compiled")
    assert key() == first
    for changed in (action / "images" / "Dockerfile", next((action / "sandbox" / "inside").rglob("*.py"))):
        before = key()
        changed.write_text(changed.read_text() + "# changed\n")
        assert key() != before
    assert "key: ${{ steps.image.outputs.key }}" in TEXT


def test_no_input_is_pasted_into_a_shell() -> None:
    assert [name for name, step in steps().items() if "${{" in step] == []


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_it_runs_the_study_comments_its_table_and_gates(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "replay" / RECORDING, tmp_path)
    (tmp_path / "my study.toml").write_text(STUDY)
    (tmp_path / "gh").write_text(GH.format(python=sys.executable))
    (tmp_path / "gh").chmod(0o755)
    other = {"id": 3, "body": "coverage: 97%"}
    (tmp_path / "comments.json").write_text(json.dumps([other]))
    summary = tmp_path / "summary.md"
    study = {"STUDY": "my study.toml", "STORE": "my store.db", "GITHUB_STEP_SUMMARY": str(summary)}
    comment = {"NUMBER": "7", "GITHUB_REPOSITORY": "some/repository", "GH_TOKEN": "secret"}
    for _ in range(2):
        ran = run("Run the study", tmp_path, **study)
        assert ran.returncode == 0, ran.stderr
        told = run("Comment the table", tmp_path, **comment)
        assert (told.returncode, told.stdout) == (0, ""), told.stderr
    first, said = json.loads((tmp_path / "comments.json").read_text())
    assert first == other, "a comment of another tool is left alone"
    assert "pass@1" in said["body"]
    assert "pass@1" in ran.stdout
    assert summary.read_text().endswith(said["body"])
    without = run("Comment the table", tmp_path, **comment | {"GH_TOKEN": ""})
    assert without.returncode == 0, "a fork's token may not comment, and its gate counts all the same"
    assert without.stdout.startswith("::warning::the comment could not be posted")
    gate = {"STORE": "my store.db", "AT": "200 GFLOP", "LEAST": "0.01", "BASELINE": ""}
    passed = run("Gate", tmp_path, **gate)
    assert "gate: PASS" in passed.stdout, passed.stderr
    assert run("Gate", tmp_path, **gate | {"AT": "nothing"}).returncode == 2
    assert run("Gate", tmp_path, **gate | {"LEAST": "0.99"}).returncode == 1
    (tmp_path / "more.toml").write_text(STUDY.replace("samples = 2", "samples = 50"))
    broken = run("Run the study", tmp_path, **study | {"STUDY": "more.toml", "STORE": "more.db"})
    assert broken.returncode not in {0, 1}
    assert "holds no sample 10" in broken.stderr


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
    assert [item.split()[0] for item in items] == ["pip", "command", "if", "code=0", "MARK=$(head", "if"]
    shutil.copy(ROOT / "examples" / "replay" / RECORDING, tmp_path)
    (tmp_path / "my study.toml").write_text(STUDY)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "CI_API_V4_URL": f"http://127.0.0.1:{server.server_port}/api/v4",
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "3",
        "CODEBUDGET_TOKEN": "secret",
        "STUDY": "my study.toml",
        "STORE": "my store.db",
        "AT": "200 GFLOP",
        "LEAST": "0.01",
        "no_proxy": "127.0.0.1",
    }

    def piped(**other: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(items[3:])],
            cwd=tmp_path,
            env=environment | other,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    try:
        for _ in range(2):
            ran = piped()
            assert ran.returncode == 0, ran.stderr
            assert "gate: PASS" in ran.stdout
            assert "could not be posted" not in ran.stdout
    finally:
        server.shutdown()
        server.server_close()
    away = piped()
    assert (away.returncode, "the comment could not be posted" in away.stdout) == (0, True), "no answer of the API"
    failed = piped(LEAST="0.99", CODEBUDGET_TOKEN="")
    assert (failed.returncode, "gate: FAIL" in failed.stdout) == (1, True), failed.stderr
    (note,) = Notes.held
    assert str(note["body"]).startswith("<!-- codebudget my study.toml -->")
    assert "pass@1" in str(note["body"])
    place = "/api/v4/projects/5/merge_requests/3/notes"
    assert Notes.asked == [
        (verb, path, "secret")
        for verb, path in (("GET", place), ("POST", place), ("GET", place), ("PUT", f"{place}/7"))
    ]
