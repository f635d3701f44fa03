"""The documentation site builds without a warning, and holds every page and picture that it should."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from script import ROOT, load_script

from sandbox.values import Flag, Verdict

DOCS = ROOT / "docs"
DOCUMENTS = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    if importlib.util.find_spec("zensical") is None:
        assert not os.environ.get("CI"), "CI installs the extra `docs`"
        pytest.skip("the extra `docs` is not installed; `make venv` installs it")
    shutil.copytree(DOCS, tmp_path / "docs")
    for path in (ROOT / "zensical.toml", *ROOT.glob("*.md")):  # pages include documents that stand at the top
        shutil.copy(path, tmp_path)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert made.returncode == 0, made.stdout + made.stderr
    pages = {page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")}
    missing = [page for page in pages if not (tmp_path / "build" / "site" / page).is_file()]
    assert missing == []


def _named(entries: Any) -> Iterator[str]:
    """The pages that a navigation names, at every depth."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values():
                yield from _named([inner] if isinstance(inner, str) else inner)


def test_the_navigation_names_every_page_once() -> None:
    settings = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    named = list(_named(settings["project"]["nav"]))
    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_pictures_lead_to_files(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text) + re.findall(r'(?:src|srcset)="([^":]+)"', text)
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_every_extra_every_verdict_and_every_flag_is_explained() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    install = (DOCS / "install.md").read_text(encoding="utf-8")
    extras = set(settings["project"]["optional-dependencies"]) - {"dev"}
    assert set(re.findall(r"^\| `(\w+)` \|", install, re.MULTILINE)) == extras
    verdicts = (DOCS / "verdicts.md").read_text(encoding="utf-8")
    assert [word for word in (*Verdict, *Flag) if f"`{word}`" not in verdicts] == []


def test_every_picture_is_there_in_light_and_dark_and_is_shown() -> None:
    drawn = {path.relative_to(DOCS).as_posix() for path in load_script("scripts/pictures.py").files()}
    assert {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.svg")} == drawn, "run scripts/pictures.py"
    shown = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert [picture for picture in sorted(drawn) if picture not in shown] == []
