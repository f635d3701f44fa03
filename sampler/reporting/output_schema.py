"""Make JSON schemas of what `sampler report`, `compare` and `analyse` print with `--json`, from the printed types.

`scripts/reference.py` writes them beside this module as `report.schema.json` and so on; a test fails when they are
stale, and validates real output against them. A value that may be None is null; a mapping by an enumeration has its
words as keys.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from sampler.reporting.analyse import Analysis
from sampler.reporting.comparison import Comparison
from sampler.reporting.report import Report

Schema = dict[str, Any]
OUTPUTS: Mapping[str, type[Any]] = {"report": Report, "compare": Comparison, "analyse": Analysis}
_PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    object: {},
    Any: {},
}


def output_schema(name: str) -> Schema:
    """Return the schema of one command's output."""
    known: dict[str, Schema] = {}
    top = _table(OUTPUTS[name], known)
    top["properties"] |= {"schema": {"type": "integer", "description": "the version of this form"}}
    if name == "compare":
        top["properties"] |= {"level": {"type": "number"}}
    top["required"] = sorted(top["properties"])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What `sampler {name} --json` prints",
        "description": _first_line(OUTPUTS[name]),
    }
    return head | top | {"$defs": dict(sorted(known.items()))}


def _table(kind: type[Any], known: dict[str, Schema]) -> Schema:
    """Return the schema of a dataclass: all of its fields and no others."""
    hints = get_type_hints(kind)
    keys = {item.name: _of(hints[item.name], known) for item in fields(kind)}
    return {"type": "object", "properties": keys, "required": sorted(keys), "additionalProperties": False}


def _of(hint: Any, known: dict[str, Schema]) -> Schema:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(one, known) for one in inner]}
    if origin is tuple:
        return _tuple(inner, known)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "propertyNames": _of(inner[0], known), "additionalProperties": _of(inner[1], known)}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": _of(inner[0], known)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [one.value for one in hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        return _named(hint, known)
    return dict(_PLAIN[hint])


def _tuple(inner: tuple[Any, ...], known: dict[str, Schema]) -> Schema:
    if inner[-1] is Ellipsis:
        return {"type": "array", "items": _of(inner[0], known)}
    each = [_of(one, known) for one in inner]
    return {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}


def _named(kind: type[Any], known: dict[str, Schema]) -> Schema:
    """Return a reference to a dataclass inside another one, which is defined once."""
    if kind.__name__ not in known:
        known[kind.__name__] = {}  # it may hold itself
        known[kind.__name__] = {"description": _first_line(kind)} | _table(kind, known)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _first_line(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]
