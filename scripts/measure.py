"""Measure how the three packages are cut and written: sizes, functions, docstrings, comments, exceptions, imports.

Usage: measure.py [TREE ...], where a TREE is a folder or a git revision; without one, the folder above this script.
Each TREE is a column of the table, so `measure.py v0.1.0 .` compares a release with the working copy.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import subprocess
import sys
import tarfile
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGES = ("sandbox", "sampler", "tui")
ROOT = Path(__file__).resolve().parent.parent
_PRAGMA = re.compile(r"#\s*(noqa|type:|fmt:|pragma)")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def read_tree(tree: str, root: Path = ROOT) -> dict[str, str]:
    """Return the text of every Python file of a folder, or of a git revision of `root`, by its path.

    Raises CalledProcessError where `tree` is neither.
    """
    if (folder := Path(tree)).is_dir():
        skipped = {".venv", ".git", "build", "dist"}
        found = ((path.relative_to(folder), path) for path in sorted(folder.rglob("*.py")))
        return {name.as_posix(): path.read_text("utf-8") for name, path in found if not skipped & set(name.parts)}
    archive = subprocess.run(["git", "archive", tree], cwd=root, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        members = sorted((m for m in files if m.isfile() and m.name.endswith(".py")), key=lambda member: member.name)
        return {m.name: files.extractfile(m).read().decode() for m in members}  # type: ignore[union-attr]


def measure(files: Mapping[str, str]) -> dict[str, str]:
    """Return what the table shows of one tree: a name and a text for each line, in their order."""
    packages = {path: text for path, text in files.items() if path.split("/")[0] in PACKAGES}
    trees = {path: ast.parse(text) for path, text in packages.items()}
    imports = imports_of(trees)
    return {
        **_sizes(packages),
        **_functions(trees.values()),
        **_prose(trees.values(), packages.values()),
        "noqa, whole repository": str(_comments_with(files.values(), "noqa")),
        "fmt: skip, whole repository": str(_comments_with(files.values(), "fmt: skip")),
        "class names defined more than once": str(_repeated_classes(trees.values())),
        "modules with one importer": str(_with_one_importer(imports)),
        "import cycles": str(len(cycles(imports))),
    }


def _sizes(packages: Mapping[str, str]) -> dict[str, str]:
    lines = [text.count("\n") for text in packages.values()]
    folder, largest = Counter(path.rpartition("/")[0] for path in packages).most_common(1)[0]
    return {
        "files": str(len(lines)),
        "lines": f"{sum(lines):,}",
        "lines of a file: median, longest": f"{statistics.median(lines):.0f}, {max(lines)}",
        "files of up to 60 lines": str(sum(count <= 60 for count in lines)),
        "files in the largest folder": f"{largest} ({folder})",
    }


def _functions(trees: Iterable[ast.Module]) -> dict[str, str]:
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, _Function)]
    lengths = sorted((node.end_lineno or node.lineno) - node.lineno + 1 for node in functions)
    arguments = sorted(map(_arguments, functions))
    return {
        "functions": f"{len(functions):,}",
        "lines of a function: median, 90 %, longest": _spread(lengths),
        "arguments: median, 90 %, most": _spread(arguments),
    }


def _arguments(function: _Function) -> int:
    """Count the arguments of a function, without `self` and `cls`."""
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return sum(name not in {"self", "cls"} for name in names) + bool(given.vararg) + bool(given.kwarg)


def _spread(ordered: list[int]) -> str:
    return f"{statistics.median(ordered):.0f}, {ordered[int(0.9 * (len(ordered) - 1))]}, {ordered[-1]}"


def _prose(trees: Iterable[ast.Module], texts: Iterable[str]) -> dict[str, str]:
    public, described, words = 0, 0, []
    for node in (node for tree in trees for node in ast.walk(tree) if isinstance(node, _Function)):
        docstring = ast.get_docstring(node)
        if docstring:
            words.append(len(docstring.split()))
        if not node.name.startswith("_"):
            public += 1
            described += bool(docstring)
    commented, lines = 0, 0
    for text in texts:
        commented += sum(not _PRAGMA.match(comment) for comment in comments(text))
        lines += text.count("\n")
    return {
        "words in a function's docstring, mean": f"{statistics.fmean(words or [0]):.1f}",
        "public functions with a docstring": f"{100 * described / max(1, public):.0f} %",
        "comments per 100 lines": f"{100 * commented / max(1, lines):.1f}",
    }


def comments(text: str) -> Iterator[str]:
    """Yield each comment of a program, with its sign."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _comments_with(texts: Iterable[str], word: str) -> int:
    """Count the comments with a pragma; files that hold hostile bytes and cannot be read as Python count by lines."""
    count = 0
    for text in texts:
        try:
            count += sum(f"# {word}" in comment for comment in comments(text))
        except (tokenize.TokenError, SyntaxError):
            count += sum(f"# {word}" in line for line in text.splitlines())
    return count


def _repeated_classes(trees: Iterable[ast.Module]) -> int:
    """Count the names that more than one class of a module's top level has."""
    names = Counter(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    return sum(count > 1 for count in names.values())


def imports_of(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """Return the modules of the packages that each of them imports, anywhere in it but under TYPE_CHECKING."""
    modules = {_module(path): path for path in trees}
    return {name: _imported(trees[path], name, modules.keys()) for name, path in modules.items()}


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(tree: ast.Module, name: str, modules: Iterable[str]) -> set[str]:
    known, found = set(modules), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= parts & known or {node.module}
    return (found & known) - {name}


def _with_one_importer(imports: Mapping[str, set[str]]) -> int:
    """Count the modules that one other module imports; packages themselves and console scripts are no such modules."""
    importers = Counter(target for targets in imports.values() for target in targets)
    return sum(count == 1 for count in importers.values())


def cycles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(imports.get(name, ())):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                groups.append(group)

    for name in sorted(imports):
        if name not in index:
            visit(name)
    return groups


def table(columns: Mapping[str, Mapping[str, str]]) -> str:
    """Return a Markdown table: a line for each measure, a column for each tree."""
    rows = [["", *columns], *([label, *(c[label] for c in columns.values())] for label in next(iter(columns.values())))]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def main() -> None:
    """Print the table of the trees on the command line."""
    print(table({tree: measure(read_tree(tree)) for tree in sys.argv[1:] or [str(ROOT)]}))


if __name__ == "__main__":
    main()
