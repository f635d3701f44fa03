"""The script that measures the packages counts right on a tree that one can count by hand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from script import load_script

measure = load_script("scripts/measure.py")
SANDBOX = '''"""The package."""

import sampler.stats
from sandbox import values


class Run:  # one that is done
    def run(self, limit: int, *, soft: bool = False) -> int:
        """Run it once."""
        return limit
'''
FILES = {
    "sandbox/__init__.py": SANDBOX,
    "sandbox/values.py": "import os\nLIMIT = os.cpu_count()  # noqa: X1\n",
    "sampler/stats.py": "def mean(*values):\n    return sum(values)\n\n\nclass Run:\n    pass\n",
    "tui/app.py": "def start():\n    from tui.screens import live\n",
    "tui/screens.py": "TEXT = '# noqa'\nfrom tui import app\n",
    "tests/test_it.py": "ROWS = [1,\n2]  # fmt: skip\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_tree_is_counted(tree: Path) -> None:
    (tree / ".venv").mkdir()
    (tree / ".venv" / "foreign.py").write_text("x = 1  # noqa", encoding="utf-8")
    assert measure.measure(measure.read_tree(str(tree))) == {
        "files": "5",
        "lines": "22",
        "lines of a file: median, longest": "2, 10",
        "files of up to 60 lines": "5",
        "files in the largest folder": "2 (sandbox)",
        "functions": "3",
        "lines of a function: median, 90 %, longest": "2, 2, 3",
        "arguments: median, 90 %, most": "1, 1, 2",
        "words in a function's docstring, mean": "3.0",
        "public functions with a docstring": "33 %",
        "comments per 100 lines": "4.5",
        "noqa, whole repository": "1",
        "fmt: skip, whole repository": "1",
        "class names defined more than once": "1",
        "modules with one importer": "4",
        "import cycles": "1",
    }


def test_a_revision_is_read_as_the_folder_was(tree: Path) -> None:
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", *command], cwd=tree, check=True)
    assert measure.read_tree("HEAD", tree) == FILES


def test_every_circle_of_imports_is_found() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert sorted(map(sorted, measure.cycles(imports))) == [["a", "b", "c"], ["d", "e"]]
    assert measure.cycles({"a": {"b"}, "b": set()}) == []


def test_the_table_has_a_column_for_each_tree() -> None:
    shown = measure.table({"one": {"files": "3", "lines": "40"}, "two": {"files": "2", "lines": "50"}})
    assert shown.splitlines()[0] == "|       | one | two |"
    assert shown.splitlines()[2] == "| files | 3   | 2   |"
