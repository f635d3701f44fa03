"""Put the imports that a data set assumes into a program's source, if both have to be one text."""

from __future__ import annotations

import ast


def prepend_imports(imports: str, source: str) -> str:
    """Return the source with the imports before its first statement, behind docstring and `from __future__ import …`.

    Source that does not parse gets them at its very beginning.
    """
    try:
        body = ast.parse(source).body if imports else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []
    head = [node for number, node in enumerate(body) if _stands_first(node, number)]
    if not head:
        return imports + source
    lines = source.encode("utf-8", "surrogatepass").splitlines(keepends=True)
    last = head[-1]
    line, column = last.end_lineno or 0, last.end_col_offset or 0
    before = b"".join(lines[: line - 1]) + lines[line - 1][:column]
    after = lines[line - 1][column:].lstrip(b" \t;") + b"".join(lines[line:])
    return f"{before.decode('utf-8', 'surrogatepass')}\n{imports}{after.decode('utf-8', 'surrogatepass')}"


def _stands_first(node: ast.stmt, number: int) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return (
        number == 0
        and isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
