"""The notebook of the documentation is executed again, and shows what it shows; its table is that of the README."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from script import ROOT, load_script

import sampler

NOTEBOOK = json.loads((ROOT / "docs" / "notebooks" / "study.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def texts(outputs: list[dict[str, Any]]) -> list[str]:
    """What a reader sees of some outputs; a picture's bytes differ from one version of its library to the next."""
    return ["".join(told.get("text") or told["data"]["text/plain"]) for told in outputs]


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_the_notebook_shows_what_its_cells_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("*.db*"))
    monkeypatch.chdir(tmp_path)
    sampler.run("examples/replay.toml")
    outputs = load_script("scripts/notebook.py").run_cells(["".join(cell["source"]) for cell in CODE])
    assert [texts(told) for told in outputs] == [texts(cell["outputs"]) for cell in CODE]
    assert any("image/png" in told["data"] for cell in CODE for told in cell["outputs"])


def test_its_table_is_that_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- printed -->\n```text\n(.*?)```", readme, re.DOTALL)
    assert table.strip("\n") in [text for cell in CODE for text in texts(cell["outputs"])]


def test_its_cells_are_those_of_the_script_and_few() -> None:
    cells = list(load_script("scripts/notebook.py").CELLS)
    assert ["".join(cell["source"]) for cell in NOTEBOOK["cells"]] == cells
    assert sum(len(cell.splitlines()) for cell in cells[1::2]) <= 20
