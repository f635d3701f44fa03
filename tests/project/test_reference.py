"""The written references are those of the code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from script import ROOT, load_script

from sampler.study.json_schema import study_schema


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


def test_the_reference_of_study_files_has_every_table_and_every_key() -> None:
    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    missing = [key for key in keys_of(study_schema()) if f"| `{key}` |" not in page]
    assert missing == []


def keys_of(schema: Any) -> Iterator[str]:
    """Yield every key that a study file may have, at any depth."""
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from keys_of(part)
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        yield from (key for key, said in schema["properties"].items() if "description" in (said or {}))
