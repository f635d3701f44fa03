"""Make the JSON schema of a study file, from the types that its reader fills.

Editors check study files with it.

`study.schema.json` beside this module and `docs/study.md` are written from here by `scripts/reference.py`; tests fail
when they are stale, and compare the schema with the reader. Rules that a schema cannot express (names that must differ,
numbers that must fit each other) are checked only by the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from sampler.stats.budget import Unit
from sampler.study import key_docs
from sampler.study.prompts import Template
from sampler.study.spec import MOST_SEED, NUMBERS, PYTHON, SPLIT_NAMES
from sampler.study.spec_models import MOST_WEIGHTS, OPTIONS
from sampler.study.toml_table import MOST
from sampler.values import Architecture, GivenCosts, PromptStyle, SamplingParams
from sandbox.problems import BUILT_IN
from sandbox.values import LIMIT_BOUNDS, OUTPUT_RULES, RECURSION_BOUNDS, Limits

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
_FLAG: Schema = {"type": "boolean", "default": False}
_COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": MOST}
_PROBABLE = {
    "temperature": {"minimum": 0},
    "top_p": {"exclusiveMinimum": 0, "maximum": 1},
    "max_tokens": {"minimum": 1},
}


def study_schema() -> Schema:
    """Return the schema, in the recommended order of a file."""
    top = {
        "name": _TEXT,
        "seed": {"type": "integer", "minimum": 0, "maximum": MOST_SEED, "default": 0},
        "store": _TEXT,
        "problems": _problems(),
        "sampling": _table(_sampling(), key_docs.SAMPLING),
        "models": {"type": "array", "minItems": 1, "items": _model()},
        "sandbox": _sandbox(),
        "report": _report(),
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A study of codebudget"}
    return head | _table(top, key_docs.STUDY, required=("problems", "models"))


def _table(properties: Mapping[str, Schema], told: Mapping[str, str], *, required: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a table with these keys and no others, each with its description."""
    keys = {key: {"description": told[key], **schema} for key, schema in properties.items()}
    table: Schema = {"type": "object", "properties": keys, "additionalProperties": False}
    return table | {"required": list(required)} if required else table


def _problems() -> Schema:
    keys: dict[str, Schema] = {
        "source": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}]},
        "split": {"enum": list(SPLIT_NAMES)},
        "numbers": {"type": "string", "pattern": f"^{NUMBERS}$"},
        "every": _COUNT,
        "limit": _COUNT,
        "names": _TEXTS,
        "skip_bad": _FLAG,
        "output_rule": {"enum": list(OUTPUT_RULES)},
        "assume": _assume(),
    }
    keys["source"]["examples"] = list(BUILT_IN)
    counted = [{"required": [key]} for key in ("split", "numbers", "every", "limit")]
    alone = {"if": {"required": ["names"]}, "then": {"not": {"anyOf": counted}}}
    return _table(keys, key_docs.PROBLEMS, required=("source",)) | alone


def _assume() -> Schema:
    least, most = RECURSION_BOUNDS
    keys: dict[str, Schema] = {
        "imports": {"type": "string"},
        "recursion_limit": {"type": "integer", "minimum": least, "maximum": most},
        "long_integers": {"type": "boolean"},
        **{key: {"type": "number", **_within(key)} for key in ("cpu_s", "wall_s")},
        "time_per_test": {"type": "boolean"},
    }
    return _table(keys, key_docs.ASSUME)


def _within(limit: str) -> Schema:
    least, most = LIMIT_BOUNDS[limit]
    return {"minimum": least, "maximum": most}


def _sampling() -> dict[str, Schema]:
    usual = SamplingParams()
    params = {key: _number(getattr(usual, key)) | bounds for key, bounds in _PROBABLE.items()}
    style = {"enum": list(PromptStyle), "default": PromptStyle.COMPLETION.value}
    stop = {"type": "array", "items": {"type": "string", "minLength": 1}}
    template = {"enum": list(Template)}
    return {"style": style, "template": template, **params, "stop": stop, "shots": _TEXTS, "shots_from": _TEXT}


def _number(default: float) -> Schema:
    if isinstance(default, int):
        return {"type": "integer", "maximum": MOST, "default": default}
    return {"type": "number", "default": default}


def _model() -> Schema:
    own = {
        key: {item: value for item, value in schema.items() if item != "default"} for key, schema in _sampling().items()
    }
    keys: dict[str, Schema] = {
        "name": _TEXT,
        "backend": {"enum": list(OPTIONS)},
        "samples": _COUNT,
        "model": _TEXT,
        "file": _TEXT,
        "greedy": _FLAG,
        **own,
        "options": {"type": "object"},
        "costs": _given(GivenCosts, key_docs.COSTS, {}),
        "architecture": _given(Architecture, key_docs.ARCHITECTURE, {"maximum": MOST_WEIGHTS}),
    }
    keys["costs"]["dependentRequired"] = {
        "prompt_dollars": ["completion_dollars"],
        "completion_dollars": ["prompt_dollars"],
    }
    recorded: Schema = {
        "if": {"properties": {"backend": {"const": "replay"}}, "required": ["backend"]},
        "then": {"required": ["file"], "properties": {"greedy": {"const": False}}},
        "else": {"properties": {"file": False}},
    }
    model = _table(keys, key_docs.MODEL | key_docs.SAMPLING, required=("name", "backend", "samples"))
    return model | {"allOf": [recorded, *map(_options_of, OPTIONS)]}


def _options_of(backend: str) -> Schema:
    kind = OPTIONS[backend]
    keys = {} if kind is None else {item.name: _field(item.default, str(item.type), {}) for item in fields(kind)}
    options = _table(keys, {key: key_docs.options_word(backend, key) for key in keys})
    return {
        "if": {"properties": {"backend": {"const": backend}}, "required": ["backend"]},
        "then": {"properties": {"options": options}},
    }


def _given(kind: type[Any], told: Mapping[str, str], bounds: Schema) -> Schema:
    """Return the schema of a table with a dataclass's fields."""
    keys = {item.name: _field(item.default, str(item.type), {"minimum": 0} | bounds) for item in fields(kind)}
    return _table(keys, told, required=tuple(item.name for item in fields(kind) if item.default is MISSING))


def _field(default: object, kind: str, bounds: Schema) -> Schema:
    told: Schema = {} if default is MISSING or default is None or default == "" else {"default": default}
    match kind.removesuffix(" | None"):
        case "int":
            return {"type": "integer", "minimum": 0, "maximum": MOST, **bounds, **told}
        case "float":
            return {"type": "number", **bounds, **told}
        case "bool":
            return {"type": "boolean", **told}
        case "str":
            return _TEXT | told
        case "Mapping[str, object]":
            return {"type": "object"}
        case _:
            return _TEXTS | told


def _sandbox() -> Schema:
    usual = Limits()
    limits = {key: _number(getattr(usual, key)) | _within(key) for key in LIMIT_BOUNDS}
    packages = {
        "type": "array",
        "items": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*(==[A-Za-z0-9.+!]+)?$"},
    }
    keys = {
        "boxes": _COUNT,
        "python": {"type": "string", "pattern": f"^{PYTHON}$"},
        "packages": packages,
        "fresh": _FLAG,
        **limits,
    }
    return _table(keys, key_docs.SANDBOX | key_docs.LIMITS)


def _report() -> Schema:
    amounts = {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}}
    budgets = _table({unit.value: amounts for unit in Unit}, key_docs.BUDGETS)
    return _table({"budgets": budgets}, key_docs.REPORT)
