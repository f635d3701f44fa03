"""Render the OpenAPI description as an HTML page, without external resources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}pre{background:#eee;padding:.5rem}"
)


def page(described: Mapping[str, Any]) -> str:
    """Return a page with every route, its fields and an example."""
    info = described["info"]
    body = "".join(_routes(described))
    return (
        "<!doctype html><html lang=en><meta "
        f"charset=utf-8><title>{escape(info['title'])}</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        f"<p><a href=openapi.json>openapi.json</a></p>{body}</html>"
    )


def _routes(described: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(route['summary'])}</p>"
            if "requestBody" in route:
                content = route["requestBody"]["content"]["application/json"]
                yield from _fields(content["schema"], described["components"]["schemas"])
                yield f"<pre>{escape(json.dumps(content['example'], indent=2))}</pre>"


def _fields(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    found = known[schema["$ref"].rpartition("/")[2]]
    yield "<ul>"
    for name, field in found["properties"].items():
        needed = ", needed" if name in found.get("required", ()) else ""
        yield f"<li><code>{escape(name)}</code>{needed}: {escape(field.get('description', ''))}</li>"
    yield "</ul>"
