"""What ARCHITECTURE.md and SECURITY.md name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = [
    path.relative_to(ROOT).as_posix()
    for top in ("sandbox", "sampler", "tui", "tests", "images", "scripts")
    for path in (ROOT / top).rglob("*")
]

NOT_FILES = {"/openapi.json"}  # a route


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "README.md"])
def test_every_file_that_a_document_names_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+\.(?:py|sh|json|jinja|toml))`", text)) - NOT_FILES
    missing = [
        path
        for path in sorted(named)
        if not (ROOT / path).exists() and not any(f"/{file}".endswith(f"/{path}") for file in FILES)
    ]
    assert missing == []
