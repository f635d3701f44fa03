"""Writes docs/notebooks/study.ipynb: its cells below, executed over the store of examples/replay.toml.

.venv/bin/python scripts/notebook.py [STORE]

Without a store, the study is run first, which needs a Docker engine. A test executes the cells again and compares.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "notebooks" / "study.ipynb"
CELLS = (
    """# A study in a notebook

The store of `examples/replay.toml`: recorded samples of two models, which `sampler run` scored.
`pip install '.[frames,plots]'` in the clone brings pandas and matplotlib.""",
    """import sampler

store = sampler.open("examples/replay.db")
store""",
    "What each model reaches when both may spend the same number of tokens on a problem:",
    """table = store.report("tokens").budgets.pivot(index="budget", columns="model", values="solved")
table.columns = ["0.5B", "1.5B"]
(100 * table).round(1)""",
    "The same as curves. The shaded parts are 95% intervals.",
    'store.plot("tokens")',
    "Is one of them better, paired by problem? The rows are those of a report.",
    """lead = store.compare("0.5b", "1.5b", unit="tokens")
lead[lead.row][["budget", "k_a", "k_b", "difference", "low", "high", "clear"]].round(3)""",
    "How do samples fail?",
    """samples = store.samples()
samples.groupby(["model", "verdict"], observed=True).size().unstack(fill_value=0)""",
    "And the report, as the command line prints it:",
    'store.report("tokens")',
)


def run_cells(cells: list[str]) -> list[list[dict[str, Any]]]:
    """Execute code cells one after the other, as Jupyter does; return the outputs of each."""
    names: dict[str, Any] = {"__name__": "__main__"}
    return [_outputs(cell, number, names) for number, cell in enumerate(cells, 1)]


def _outputs(cell: str, number: int, names: dict[str, Any]) -> list[dict[str, Any]]:
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"<cell {number}>", "exec"), names)  # noqa: S102 - the cells of this file
        value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), names) if last else None  # noqa: S307 - the same
    found: list[dict[str, Any]] = []
    if printed.getvalue():
        found.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue().splitlines(keepends=True)})
    if value is not None:
        found.append(
            {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": _shown(value)}
        )
    return found


def _shown(value: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_html_") and (html := value._repr_html_()):
        data["text/html"] = html.splitlines(keepends=True)
    if hasattr(value, "_repr_png_"):
        data["image/png"] = base64.b64encode(value._repr_png_()).decode()
    return data


def notebook() -> dict[str, Any]:
    """Return the executed notebook; the folder must hold examples/replay.db."""
    outputs = iter(run_cells(list(CELLS[1::2])))
    cells = []
    for at, text in enumerate(CELLS):
        cell: dict[str, Any] = {"id": f"cell-{at}", "metadata": {}, "source": text.splitlines(keepends=True)}
        if at % 2:
            cell |= {"cell_type": "code", "execution_count": at // 2 + 1, "outputs": next(outputs)}
        else:
            cell |= {"cell_type": "markdown"}
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


if __name__ == "__main__":
    os.chdir(ROOT)
    if not Path("examples/replay.db").exists():
        import sampler

        sampler.run("examples/replay.toml")
    NOTEBOOK.parent.mkdir(exist_ok=True)
    NOTEBOOK.write_text(json.dumps(notebook(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {NOTEBOOK}\n")
