"""`sandbox exec`: run one program, show its output and how it ended."""

from __future__ import annotations

import io
import json
import sys
import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sandbox.commands.command_line import OUR_FAULT, PASSED, PROGRAM_FAULT, USAGE, say, stop
from sandbox.commands.scoring_options import limit_options, limits_of, scoring_options
from sandbox.errors import SandboxError
from sandbox.judging.explaining import explain, result_fields
from sandbox.languages import language_of_file, named
from sandbox.sanitize import one_line, sanitize
from sandbox.scoring.scorer import open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import PYTHON, Files, Limits, Program, Score, Verdict, Workspace

_ENCODINGS = "save it as UTF-8, or name its encoding in the first line, such as # coding: latin-1"


@click.command("exec")
@click.argument("file", required=False)
@click.argument("arguments", nargs=-1)
@click.option("-c", "code", metavar="CODE", help="The program itself, instead of a file.")
@click.option("--language", metavar="NAME", help="The program's language [default: by the extension of FILE].")
@click.option(
    "--beside",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="Put this file, or the files of this folder, beside the program; may be repeated.",
)
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set an environment variable of the program; may be repeated.",
)
@click.option(
    "--fetch", multiple=True, metavar="NAME", help="Bring back this file, which the program writes; may be repeated."
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where files of --fetch go [default: the current folder].",
)
@click.option("--stdin", "stdin", type=click.File("rb"), help="A file that the program reads as its standard input.")
@click.option(
    "--tests",
    type=click.File("rb"),
    help="Python that runs after the program, in its namespace; tests that it only defines are called.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the program's output.")
@scoring_options
@limit_options
def exec_(
    file: str | None,
    code: str | None,
    language: str | None,
    stdin: Any,
    tests: Any,
    as_json: bool,
    scoring: ScoringOptions,
    **options: Any,
) -> None:
    """Run one program, show its output and how it ended.

    FILE is the program, - reads it from standard input, and -c CODE gives it directly. ARGUMENTS are the program's own;
    write -- before those that begin with a dash. FILE may be a folder: its main.py, main.cpp or the like is run, and
    its other files lie beside it.
    """
    if code is not None and file is not None:  # behind -c CODE every word is an argument
        options["arguments"], file = (file, *options["arguments"]), None
    if (file is None) == (code is None):
        stop("give a FILE (or -), or -c CODE, and not both", USAGE)
    to = options.pop("to")
    try:
        main, workspace = _workspace(file, options, language)
        chosen = limits_of(options)
        name = _language(main, language)
        source = code if code is not None else _source(main, name)
        program = Program(
            source=source, tests=_text(tests, PYTHON) if tests else None, language=name, workspace=workspace
        )
        with open_scorer(chosen, boxes=1, options=scoring, say=say) as scorer:
            scored = scorer.score(program, stdin.read() if stdin else b"")
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    except ValueError as error:
        stop(str(error), USAGE)
    if as_json:
        click.echo(json.dumps(result_fields(scored, chosen, program)))
    else:
        _show(scored, chosen, program)
    _write(scored.run.fetched, to, workspace.fetch)
    sys.exit(PASSED if scored.verdict is Verdict.PASSED else PROGRAM_FAULT)


def _language(file: str | None, asked: str | None) -> str:
    """Return the name of the program's language; raises ValueError for one that is not known."""
    if asked is None:
        return PYTHON if file in {None, "-"} else language_of_file(str(file))
    return named(asked)


def _workspace(file: str | None, options: dict[str, Any], language: str | None) -> tuple[str | None, Workspace]:
    """Return the program's file, and what lies beside it; takes the options for it out of `options`."""
    beside = [_files_of(path, () if path.is_dir() else (path.name,)) for path in options.pop("beside")]
    if file is not None and Path(file).is_dir():
        folder = Path(file)
        main = _main_of(folder, language)
        file = str(folder / main)
        beside.insert(0, tuple(one for one in _files_of(folder, ()) if one[0] != main))
    variables = []
    for word in options.pop("variables"):
        name, found, value = word.partition("=")
        if not found:
            raise ValueError(f"--env {word!r} has no value; write NAME=VALUE")
        variables.append((name, value))
    return file, Workspace(
        files=tuple(one for files in beside for one in files),
        arguments=tuple(options.pop("arguments")),
        environment=tuple(variables),
        fetch=tuple(options.pop("fetch")),
    )


def _main_of(folder: Path, language: str | None) -> str:
    """Return the name of a folder's program: main with the extension of the language, or of any that is known."""
    found = sorted(one.name for one in folder.iterdir() if one.stem.lower() == "main" and one.is_file())
    known = [name for name in found if Path(name).suffix == ".py" or language_of_file(name) != PYTHON]
    fitting = known if language is None else [name for name in known if language_of_file(name) == named(language)]
    if len(fitting) == 1:
        return fitting[0]
    if language is None and "main.py" in fitting:
        return "main.py"
    if fitting:
        raise ValueError(f"{folder} has {' and '.join(fitting)}; say with --language which is the program")
    wanted = "main.py, main.cpp or the like" if language is None else f"main in {named(language)}"
    raise ValueError(f"{folder} has no {wanted}, which would be the program")


def _files_of(path: Path, name: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    """Return the files of a folder by their names in it, without hidden ones; or the one file under its name."""
    if name:
        return ((name[0], path.read_bytes()),)
    found = sorted(one for one in path.rglob("*") if one.is_file())
    names = ((one, one.relative_to(path)) for one in found)
    plain = ((one, within) for one, within in names if not any(_is_hidden(part) for part in within.parts))
    return tuple((within.as_posix(), one.read_bytes()) for one, within in plain)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"


def _write(fetched: Files, to: Path, asked: Sequence[str]) -> None:
    """Write the files that came back, and say which did not."""
    for name, content in fetched:
        path = to / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            stop(f"{path} cannot be written: {error.strerror}; name another folder with --to", USAGE)
    for name in asked:
        if name not in dict(fetched):
            say(f"{one_line(name)} did not come back: it is not there, no plain file, or too large")


def _source(file: str | None, language: str) -> str:
    if file == "-":
        return _text(sys.stdin.buffer, language)
    try:
        with Path(file or "").open("rb") as opened:
            return _text(opened, language)
    except FileNotFoundError as error:
        raise ValueError(
            f"there is no file {file!r}; give the path of one, - for standard input, or -c CODE"
        ) from error
    except OSError as error:
        raise ValueError(f"{file!r} cannot be read: {error.strerror}; give another FILE, or -c CODE") from error


def _text(file: Any, language: str) -> str:
    """Read a file in the encoding that Python says it has (PEP 263), or UTF-8; end the command if that fails."""
    data: bytes = file.read()
    try:
        if language != PYTHON:
            return data.decode("utf-8")
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return str(data, encoding)
    except UnicodeDecodeError as error:
        stop(f"{file.name}: not {error.encoding} ({error.reason} at byte {error.start}); {_ENCODINGS}", USAGE)
    except SyntaxError as error:
        stop(f"{file.name}: {error.msg}; {_ENCODINGS}", USAGE)


def _show(scored: Score, limits: Limits, program: Program) -> None:
    run = scored.run
    for content, stream in ((run.stdout, sys.stdout), (run.stderr, sys.stderr)):
        if stream.isatty():
            stream.write(sanitize(content))
        else:
            stream.buffer.write(content)
        stream.flush()
    flags = f" [{', '.join(sorted(scored.flags))}]" if scored.flags else ""
    used = f"{run.cpu_s:.3f} s CPU, {run.wall_s:.3f} s wall, {run.memory_mb:.0f} MB"
    say(f"{scored.verdict}: {sanitize(explain(scored, limits, program))} · {used}{flags}")
