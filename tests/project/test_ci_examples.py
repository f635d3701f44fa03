"""The examples for continuous integration: their shell steps are run, as the services run them, over a real study."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CI = ROOT / "examples" / "ci"
INSTALLS = re.compile(r"pip install\b")
BINARIES = str(Path(sys.executable).parent)


def blocks(text: str, keys: tuple[str, ...]) -> list[str]:
    """The shell texts of a file, in order.

    What stands behind `run:`, or the items of `script:`, a block or a line each.
    """
    lines, found = text.split("\n"), []
    for number, line in enumerate(lines):
        marked = re.match(rf"( *)(?:- )?(?:{'|'.join(keys)}): *(.*)$", line)
        if marked is None:
            continue
        body = _deeper(lines[number + 1 :], len(marked[1]))
        if marked[2] == "|":
            found.append(textwrap.dedent("\n".join(body)))
        elif marked[2]:
            found.append(marked[2])
        else:
            found += _items(textwrap.dedent("\n".join(body)))
    return found


def _deeper(lines: list[str], indent: int) -> list[str]:
    """The lines of a block: those that are indented further."""
    for number, line in enumerate(lines):
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            return lines[:number]
    return lines


def _items(text: str) -> list[str]:
    items = re.split(r"^- ", text, flags=re.MULTILINE)[1:]
    return [textwrap.dedent(item.removeprefix("|\n")).strip() for item in items]


def variables(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in re.findall(r"^ +(STUDY|BUDGET): (.*)$", text, re.MULTILINE)}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the examples find where they run: a checkout of ours."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("*.db*"))
    return tmp_path


def run(script: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The steps one after the other in a shell that stops at the first that fails, as both services do."""
    path = f"{BINARIES}{os.pathsep}{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, "CI": "true", **environment}
    words = ["bash", "-eo", "pipefail", "-c", "\n".join(script)]
    return subprocess.run(words, cwd=folder, env=given, capture_output=True, text=True, timeout=300, check=False)


def worsened(store: Path) -> None:
    """A store in which a third of what passed does not."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE tally SET passed = passed / 3")


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("name", "keys"), [("github.yml", ("run",)), ("gitlab.yml", ("script",))])
def test_the_steps_of_the_example_pass_and_fail_as_they_should(
    checkout: Path, name: str, keys: tuple[str, ...]
) -> None:
    text = (CI / name).read_text(encoding="utf-8")
    steps = [step for step in blocks(text, keys) if not INSTALLS.match(step)]
    assert len(steps) >= 2
    branch = {"CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}
    first = run(steps, checkout, **variables(text), **branch)
    assert first.returncode == 0, first.stderr
    assert "no baseline yet" in first.stdout
    assert first.stdout.splitlines()[-1].startswith("gate: PASS")
    assert (checkout / "baseline.db").is_file(), "the main branch keeps its store as the baseline"
    summary = checkout / "summary.md"
    worsened(checkout / "new.db")
    second = run(steps, checkout, **variables(text), GITHUB_STEP_SUMMARY=str(summary), GITHUB_ACTIONS="true")
    assert second.returncode == 1, second.stdout + second.stderr
    assert second.stdout.splitlines()[-1].startswith("gate: FAIL (2 of 2 comparisons")
    assert "::error title=" in second.stderr
    assert summary.read_text(encoding="utf-8").count("❌") == 2
    assert 'failures="2"' in (checkout / "gate.xml").read_text(encoding="utf-8")
