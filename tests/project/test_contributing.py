"""What CONTRIBUTING.md and the Makefile say of the repository is true."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from script import ROOT

MAP = re.findall(
    r"^\| (.*?) \| (.*?) \| (.*?) \|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
)[1:]


@pytest.mark.parametrize(("what", "places", "tests"), MAP, ids=[row[0] for row in MAP])
def test_every_path_that_the_map_names_is_there(what: str, places: str, tests: str) -> None:
    for column in (places, tests):
        named = [name for name in re.findall(r"`([^`]+)`", column) if "/" in name and " " not in name]
        assert named, f"to add {what}: no file is named"
        assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_map_says_where_the_usual_additions_go() -> None:
    assert {row[0].partition(",")[0].partition(" (")[0] for row in MAP} >= {
        "a data set",
        "a language",
        "a backend",
        "a ranker",
        "a screen",
    }


def test_make_help_describes_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    shown, by_default = (
        subprocess.run(
            ["make", "--no-print-directory", *what], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        for what in (["help"], [])
    )
    assert shown == by_default
    assert sorted(line.split()[0] for line in shown.splitlines()) == sorted(targets.split())


@pytest.mark.parametrize("file", [".pre-commit-config.yaml", ".devcontainer/devcontainer.json"])
def test_tools_of_contributors_name_no_host(file: str) -> None:
    assert re.findall(r"https?://|[\w-]+\.(?:com|io|org|net|dev)\b", (ROOT / file).read_text(encoding="utf-8")) == []


def test_the_container_for_contributors_is_described_in_json() -> None:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    described = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert described["postCreateCommand"] == "make venv"
