"""Writes docs/cli.md, store.md, study.md, python.md, datasets.md and the schema of study files from the code itself.

A test says when they are stale.

.venv/bin/python scripts/reference.py
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

import sampler
import sandbox
from sampler.backends.open import REGISTRY as BACKENDS
from sampler.commands import cli as sampler_cli
from sampler.reporting.output_schema import OUTPUTS, output_schema
from sampler.store.writer import migrate
from sampler.study.json_schema import study_schema
from sandbox.cli import cli as sandbox_cli
from sandbox.problems import CATALOGUE
from sandbox.problems.sources.catalogue import FAILING
from tui.cli import cli as tui_cli

DOCS = Path(__file__).parent.parent / "docs"
MOST_COLUMNS = 90  # of a signature on one line
PROGRAMS = {"sandbox": sandbox_cli, "sampler": sampler_cli, "budget-tui": tui_cli}
CLI_HEAD = """# Commands

Written by `scripts/reference.py` from the programs' own `--help`. Shell completion, for instance in bash: `eval
"$(_SANDBOX_COMPLETE=bash_source sandbox)"`, and so for `_SAMPLER_COMPLETE` and `_BUDGET_TUI_COMPLETE` (zsh:
`zsh_source`, fish: `fish_source`).

## Exit codes

| `sandbox` | |
|---|---|
| 0 | it ran and passed, or the command did its work |
| 1 | the program's fault; of `doctor`, `selftest` and `problems --check`: something does not hold |
| 2 | the call is wrong, or a file of programs, problems or samples that it names |
| 3 | our fault, the engine's or the machine's; the same command scores what is missing |
| 130, 143 | interrupted, terminated; no box is left |

| `sampler`, `budget-tui` | |
|---|---|
| 0 | the study is complete, the report is printed, the gate passed |
| 1 | of `gate`: a model got worse, or is not shown to be as good |
| 2 | the call is wrong, or a study file or file of samples; of `gate`: nothing to compare |
| 3 | the sandbox, a model's engine or the disk failed; another process is writing the store |
| 4 | samples are missing or unscored; of `gate`: one of the studies is not complete |
| 5 | there is nothing to report; of `claims`: no sample came with a verdict |
| 6 | no store can be read there (missing, a folder, another file, newer); of `gate`: different problems |
| 70 | a bug of ours |
| 130, 143 | interrupted, terminated; what was stored is kept |

If the reader of the output closes it (as `head` does), all of them end with 141, the exit code of SIGPIPE.
"""
STORE_HEAD = """# The store

One SQLite file per study, written by one process at a time. Written by `scripts/reference.py` from the schema after all
migrations; comments say what a column means. Facts are append-only: a `sample` and a `verdict` never change.
Open it with any SQLite tool, `sqlite-utils` for instance; while a run is writing, read-only.
"""
STUDY_HEAD = """# The study file

TOML, read strictly: a key that is not listed here is an error that names the nearest one. `sampler init` writes a file
to start from; `examples/` holds some that run, `examples/paper/` those of Hassid et al. (2024). Paths are relative to
the study file. Written by `scripts/reference.py` from the types that the reader fills.

`sampler/study/study.schema.json` says the same to an editor: with Taplo or Even Better TOML, write `#:schema
PATH/study.schema.json` into the first line.

What decides the samples (problems, seed, `[sampling]`, the model) may not change once a store exists. Nor may what
decides the verdicts (`[sandbox]`, except `boxes`, and `[problems.assume]`). `samples`, `greedy`, `[models.options]`,
`[models.costs]` and `[report]` may change at any time.

`[sampling]` holds for every model; a model overrides it with the same keys. In `[[models]]`, a list for `temperature`,
`top_p`, `max_tokens`, `thinking`, `max_thinking_tokens` or `effort` makes a model of each of its values. With `shots`,
prompts of MBPP have the form of Austin et al. (2021), prompts of APPS that of Hendrycks et al. (2021). Other problems
are functions, with the shots above them.

A budget buys as many samples as do not cost more than it. A model whose cost is unknown in a unit is not compared in
that unit: unknown is never zero. `sampler report --prompt once` charges reading the prompt to a problem's first sample
alone.
"""
FAILING_HEAD = """
## Problems that are left out

The canonical solution of these problems does not pass here, in the profile of their set. They are left out, wherever
their rows come from, and the command says so; `--keep-failing`, or `keep_failing = true` in `[problems]`, takes them. A
study that names a problem takes it, too. `sandbox problems FILE --check --write-failing failing.tsv` writes such a list
of a set of your own, and `--leave-out failing.tsv` reads it.

| why | problems |
|---|---|
"""
DATASETS_HEAD = """# Data sets by name

`--problems NAME` of `sandbox score`, `problems` and `serve`, and `[problems] source` of a study, take these names. The
table is written by `scripts/reference.py` from `sandbox/problems/sources/catalogue.py`. `sandbox problems --list`
prints it.

Any other data set of the Hugging Face Hub is named `hf:ORG/NAME@REVISION[:CONFIG][/SPLIT]`: a revision is a commit, a
tag or a branch. This needs the extra `hub`. Files are fetched once, into the hub's own cache (`HF_HOME`), and are read
without a network from then on; a branch is asked for again, and its commit is told. The card of a set says which files
belong to a config and a split; without a split, `test` is taken. No script of a data set is run.

On a machine that cannot reach the hub, the error says which command brings the files; a file (JSON lines, a JSON list,
Parquet, Arrow; `.gz` allowed) or a folder of them is given in place of the name.

`--since`, `--until` (dates, both included), `--difficulty`, `--platform` and `--tags` choose among the problems, by
what the rows say of them; a study has keys of these names in `[problems]`. A difficulty is a name, or a range of
ratings such as `1200-1600`. Where no row says what a filter asks for, that is an error.

<!-- not run: needs a network -->
```bash
sandbox problems livecodebench-v6 --since 2024-10 --until 2025-01 --platform atcoder
sandbox score --problems hf:evalplus/mbppplus@8a14ef6 --samples samples.jsonl
```

"Checked" says what was run here. Where it says "not run on the whole set", the reader is tested on rows that were
written from the documented fields.

| name | data set | problems | licence | tested by | limits of a program | packages | prompt | checked |
|---|---|---|---|---|---|---|---|---|
"""
PYTHON_HEAD = """# Python API

Written by `scripts/reference.py` from the docstrings of what the packages export. Everything else may change without
notice. [Use the sandbox from Python](guides/python.md) and
[Study results in a notebook](guides/notebooks.md) have examples.
"""


def cli_page() -> str:
    """Every command's help, as a terminal of 100 columns shows it."""
    parts = [CLI_HEAD]
    for name, command in PROGRAMS.items():
        parts += _helps(command, name, None)
    return "\n".join(parts)


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    settings = command.context_settings
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=100, max_content_width=100, **settings
    )
    level = "#" * (2 + context.command_path.count(" "))
    yield f"{level} {context.command_path}\n\n```\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            if found is not None and not found.hidden:
                yield from _helps(found, each, context)


def store_page() -> str:
    """Every table and view of a fresh store, as SQL."""
    connection = sqlite3.connect(":memory:")
    migrate(connection)
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '\\_sqlite%' ESCAPE '\\'"
        " AND name NOT LIKE 'sqlite%' ORDER BY rowid"
    ).fetchall()
    connection.close()
    parts = [STORE_HEAD]
    parts += [f"## {name}\n\n```sql\n{_tidy(sql)};\n```\n" for kind, name, sql in rows if kind != "index"]
    indexes = [f"{_tidy(sql)};" for kind, _, sql in rows if kind == "index"]
    if indexes:
        parts.append("## Indexes\n\n```sql\n" + "\n".join(indexes) + "\n```\n")
    return "\n".join(parts)


def _tidy(sql: str) -> str:
    return re.sub(r"[ \t]+\n", "\n", sql).rstrip()


def study_page() -> str:
    """Every key of a study file, table by table."""
    top = study_schema()
    model = top["properties"]["models"]["items"]
    tables = {
        "At the top": top,
        "`[problems]`": top["properties"]["problems"],
        "`[problems.map]`": top["properties"]["problems"]["properties"]["map"],
        "`[problems.assume]`": top["properties"]["problems"]["properties"]["assume"],
        "`[sampling]`": top["properties"]["sampling"],
        "`[[models]]`": _without(model, top["properties"]["sampling"]["properties"]),
        **{
            f"`[models.options]` of {backend}": part["then"]["properties"]["options"]
            for backend, part in zip(BACKENDS.built_in, model["allOf"][1:], strict=True)
            if part["then"]["properties"]["options"]["properties"]
        },
        "`[models.costs]`": model["properties"]["costs"],
        "`[models.architecture]`": model["properties"]["architecture"],
        "`[sandbox]`": top["properties"]["sandbox"],
        "`[budget]`": top["properties"]["budget"],
        "`[report]`": top["properties"]["report"],
        "`[report.budgets]`": top["properties"]["report"]["properties"]["budgets"],
    }
    return "\n".join([STUDY_HEAD, *(f"## {title}\n\n{_keys(table)}" for title, table in tables.items())])


def _without(table: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    return {**table, "properties": {key: value for key, value in table["properties"].items() if key not in others}}


def _keys(table: dict[str, Any]) -> str:
    rows = ["| key | value | default | what it means |", "|---|---|---|---|"]
    for key, schema in table["properties"].items():
        default = (
            "required" if key in table.get("required", ()) else _said(schema["default"]) if "default" in schema else ""
        )
        rows.append(f"| `{key}` | {_kind(schema)} | {default} | {schema['description']} |")
    return "\n".join(rows) + "\n"


def _kind(schema: dict[str, Any]) -> str:
    match schema:
        case {"enum": words}:
            return ", ".join(_said(word) for word in words)
        case {"anyOf": _}:
            return "text, or texts"
        case {"type": "array", "items": {"enum": words}}:
            return f"texts, of {', '.join(_said(word) for word in words)}"
        case {"type": "array", "items": {"type": kind}}:
            return {"string": "texts", "number": "numbers", "object": "tables"}[kind]
        case {"type": kind}:
            words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
            return words.get(kind, "table")
        case _:
            return "table"


def _said(value: object) -> str:
    return f"`{json.dumps(value)}`"


def python_page() -> str:
    """Every name that the packages export: its signature, its docstring, and what is public of a class."""
    parts = [PYTHON_HEAD]
    for package in (sandbox, sampler):
        parts.append(f"## {package.__name__}\n")
        for name in sorted(package.__all__):
            parts += _exported(name, getattr(package, name))
    return "\n".join(parts)


def _exported(name: str, thing: Any) -> Iterator[str]:
    if isinstance(thing, Mapping):
        yield from _frames(name, thing)
        return
    kind = "class" if inspect.isclass(thing) else "def"
    yield f"### {name}\n\n```python\n{kind} {_signature(name, thing)}\n```\n\n{_prose(thing)}\n"
    if not inspect.isclass(thing) or issubclass(thing, Exception):
        return
    if issubclass(thing, enum.Enum):
        yield "Members: " + ", ".join(f"`{member.name}`" for member in thing) + ".\n"
        return
    if thing.__init__.__doc__ and not dataclasses.is_dataclass(thing):
        yield f"{_prose(thing.__init__)}\n"
    for member, value in vars(thing).items():
        function = value.fget if isinstance(value, property) else value
        if not member.startswith("_") and inspect.isfunction(function):
            shown = member if isinstance(value, property) else _signature(member, function)
            yield f"#### {name}.{member}\n\n```python\n{shown}\n```\n\n{_prose(function)}\n"


def _frames(name: str, frames: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield f"### {name}\n\nThe columns of each frame, and what they mean.\n"
    for frame, columns in frames.items():
        rows = "".join(f"| `{column}` | {meaning} |\n" for column, meaning in columns.items())
        yield f"#### {name}[{frame!r}]\n\n| column | meaning |\n|---|---|\n{rows}"


def _signature(name: str, thing: Any) -> str:
    """The call as a person writes it, a parameter a line where it is long."""
    if inspect.isclass(thing) and issubclass(thing, Exception | enum.Enum):
        return name
    signature = inspect.signature(thing)
    parameters = [value for value in signature.parameters.values() if value.name != "self"]
    words = [
        str(value.replace(default=_shown(value.default), annotation=_Text(value.annotation))) for value in parameters
    ]
    first = next((at for at, value in enumerate(parameters) if value.kind is value.KEYWORD_ONLY), None)
    if first is not None:
        words.insert(first, "*")
    result = signature.return_annotation
    ending = ")" if inspect.isclass(thing) or result is signature.empty else f") -> {result}"
    line = f"{name}({', '.join(words)}{ending}"
    if len(line) <= MOST_COLUMNS:
        return line
    return f"{name}(\n" + "".join(f"    {word},\n" for word in words) + ending


class _Text(str):
    """A text that shows itself without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _shown(default: object) -> object:
    """A default as a person writes it; an object that has no short form is an ellipsis."""
    if default is inspect.Parameter.empty or default is None:
        return default
    if isinstance(default, enum.Enum):
        return _Text(f"{type(default).__name__}.{default.name}")
    return default if isinstance(default, str | int | float) else _Text("…")


def _prose(thing: Any) -> str:
    """A docstring as Markdown: its examples are indented, and so are code there, too."""
    return inspect.getdoc(thing) or ""


def datasets_page() -> str:
    """Every entry of the catalogue, a row each."""
    rows = []
    for one in CATALOGUE.values():
        profile = f"`--profile {one.profile}`" if one.profile else ""
        about = f"{one.about}<br>`{one.origin}`"
        cells = (f"`{one.name}`", about, f"{one.problems:,}", one.licence, one.tests, one.limits, profile, one.prompt)
        rows.append(f"| {' | '.join(cells)} | {one.checked} |\n")
    reasons: dict[str, list[str]] = {}
    for name, why in FAILING.items():
        reasons.setdefault(why, []).append(name)
    told = [f"| {why} | {', '.join(names)} |\n" for why, names in reasons.items()]
    return DATASETS_HEAD + "".join(rows) + FAILING_HEAD + "".join(told)


def schema_file(schema: dict[str, Any]) -> str:
    """A schema as it is shipped."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def pages() -> dict[Path, str]:
    """The files and what they should hold."""
    return {
        DOCS / "cli.md": cli_page(),
        DOCS / "store.md": store_page(),
        DOCS / "study.md": study_page(),
        DOCS / "python.md": python_page(),
        DOCS / "datasets.md": datasets_page(),
        DOCS.parent / "sampler" / "study" / "study.schema.json": schema_file(study_schema()),
        **{
            DOCS.parent / "sampler" / "reporting" / f"{name}.schema.json": schema_file(output_schema(name))
            for name in OUTPUTS
        },
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(DOCS.parent)}")  # a script's whole output
