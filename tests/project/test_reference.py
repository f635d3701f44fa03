"""The written references are those of the code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from script import ROOT, load_script


@pytest.mark.parametrize(
    "name",
    [
        *("docs/cli.md", "docs/store.md", "docs/study.md", "docs/python.md", "sampler/study/study.schema.json"),
        *(f"sampler/reporting/{output}.schema.json" for output in ("report", "compare", "analyse")),
    ],
)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == load_script("scripts/reference.py").pages()[ROOT / name], (
        "run `python scripts/reference.py`"
    )


@pytest.mark.parametrize(
    ("program", "begun", "whole"),
    [
        ("sandbox", "sc", "score"),
        ("sampler", "rep", "report"),
        ("budget-tui", "--head", "--headless"),
    ],
)
def test_the_shell_completes(program: str, begun: str, whole: str) -> None:
    variable = f"_{program.upper().replace('-', '_')}_COMPLETE"
    environment = os.environ | {variable: "bash_complete", "COMP_WORDS": f"{program} {begun}", "COMP_CWORD": "1"}
    command = Path(sys.executable).with_name(program)
    said = subprocess.run([command], env=environment, capture_output=True, text=True, check=False)
    assert f"plain,{whole}" in said.stdout.splitlines()
