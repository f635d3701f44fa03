"""Draw docs/pictures/: each screen of the viewer over `examples/replay.toml`, in a light and in a dark theme.

.venv/bin/python scripts/pictures.py

It runs the study first (half a minute, in boxes), in a folder of its own. Pictures hold times and the name of this
machine's study, so no test compares them letter by letter; tests/project/test_site.py says when one is missing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
THEMES = {"dark": "textual-dark", "light": "textual-light"}
# A picture's name: the screen, the keys that are pressed before it is taken, and its columns and rows.
SCREENS = {
    "live": ("live", "", "140x36"),
    "failures": ("failures", "m", "140x36"),
    "problems": ("problems", "", "100x28"),
    "compare": ("compare", "", "140x40"),
    "sample": ("failures", "enter enter", "120x28"),
}


def files() -> list[Path]:
    """Return the files of all pictures."""
    return [PICTURES / f"{name}-{shade}.svg" for name in SCREENS for shade in THEMES]


def draw(folder: Path) -> None:
    """Run the study in `folder` and draw every screen of it."""
    programs = Path(sys.executable).parent
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("*.db*"))
    subprocess.run([programs / "sampler", "run", "--display", "none", "examples/replay.toml"], cwd=folder, check=True)
    PICTURES.mkdir(exist_ok=True)
    for name, (screen, keys, size) in SCREENS.items():
        for shade, theme in THEMES.items():
            file = PICTURES / f"{name}-{shade}.svg"
            words = ["--screenshot", file, "--screen", screen, "--keys", keys, "--size", size, "--theme", theme]
            subprocess.run([programs / "budget-tui", *words, "examples/replay.db"], cwd=folder, check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        draw(Path(scratch))
