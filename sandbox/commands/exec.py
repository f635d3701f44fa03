"""`sandbox exec`: run one program, show its output and how it ended."""

from __future__ import annotations

import io
import json
import sys
import tokenize
from typing import Any

import click

from sandbox.commands.command_line import OUR_FAULT, PASSED, PROGRAM_FAULT, USAGE, say, stop
from sandbox.commands.scoring_options import limit_options, limits_of, scoring_options
from sandbox.errors import SandboxError
from sandbox.judging.explaining import explain
from sandbox.languages import find_language, language_of_file
from sandbox.sanitize import sanitize
from sandbox.scoring.scorer import open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import PYTHON, Limits, Program, Score, Verdict

_ENCODINGS = "save it as UTF-8, or name its encoding in the first line, such as # coding: latin-1"


@click.command("exec")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("-c", "code", metavar="CODE", help="The program itself, instead of a file.")
@click.option("--language", metavar="NAME", help="The program's language; else the extension of FILE says it.")
@click.option("--stdin", "stdin", type=click.File("rb"), help="What the program reads from its standard input.")
@click.option(
    "--tests",
    type=click.File("rb"),
    help="Python that runs after the program, in its namespace; tests that it only defines are called.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the program's output.")
@scoring_options
@limit_options
def exec_(
    file: Any,
    code: str | None,
    language: str | None,
    stdin: Any,
    tests: Any,
    as_json: bool,
    scoring: ScoringOptions,
    **limits: Any,
) -> None:
    """Run one program (FILE, - for standard input, or -c CODE), show its output and how it ended."""
    if (file is None) == (code is None):
        stop("give a FILE (or -), or -c CODE, and not both", USAGE)
    chosen = limits_of(limits)
    try:
        name = _language(file, language)
        source = code if code is not None else _text(file, name)
        program = Program(source=source, tests=_text(tests, PYTHON) if tests else None, language=name)
        with open_scorer(chosen, boxes=1, options=scoring, say=say) as scorer:
            scored = scorer.score(program, stdin.read() if stdin else b"")
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    except ValueError as error:
        stop(str(error), USAGE)
    if as_json:
        click.echo(json.dumps(_as_object(scored, chosen, program)))
    else:
        _show(scored, chosen, program)
    sys.exit(PASSED if scored.verdict is Verdict.PASSED else PROGRAM_FAULT)


def _language(file: Any, asked: str | None) -> str:
    """Return the name of the program's language; raises ValueError for one that is not known."""
    if asked is None:
        return PYTHON if file is None else language_of_file(file.name)
    language = find_language(asked)
    return PYTHON if language is None else language.name


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


def _as_object(scored: Score, limits: Limits, program: Program) -> dict[str, Any]:
    run = scored.run
    return {
        "verdict": scored.verdict,
        "explanation": explain(scored, limits, program),
        "ending": run.ending,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "cpu_s": round(run.cpu_s, 6),
        "wall_s": round(run.wall_s, 6),
        "memory_mb": round(run.memory_mb, 2),
        "memory_source": run.memory_source,
        "stdout": run.stdout.decode("utf-8", "replace"),
        "stderr": run.stderr.decode("utf-8", "replace"),
        "flags": sorted(scored.flags),
    }


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
