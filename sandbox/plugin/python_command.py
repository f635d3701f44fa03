"""Turn a python command line into a program for a box, for callers that expect a machine.

A box has no shell and keeps nothing. It runs `python -c CODE …`, `python FILE …` and `python -` with the code as
standard input. The caller's files are written again before every program, into its scratch directory. They are sent
before its standard input, which may be larger than its source.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HOME = "/tmp"
_PYTHON = re.compile(r"(/usr)?(/local)?(/bin/)?python3?(\.\d+)?")
_SETTING = """import os as _os, sys as _sys
def _set(sizes, argv, env, cwd):
    for name, size in sizes:
        path = _os.path.join({home!r}, name)
        _os.makedirs(_os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            while size:
                piece = _os.read(0, min(size, 1 << 16))
                if not piece:
                    raise EOFError("the files did not come whole")
                file.write(piece)
                size -= len(piece)
    _sys.argv[:] = argv
    _os.environ.update(env)
    _os.makedirs(cwd, exist_ok=True)
    _os.chdir(cwd)
    _sys.path.insert(0, _os.path.dirname(argv[0]) or cwd)
_set({sizes!r}, {argv!r}, {env!r}, {cwd!r})
del _set, _os, _sys
exec(compile({source!r}, {name!r}, "exec"))
"""


class NotPython(ValueError):
    """A command that no box can run; the message says which commands it can run."""


class NoSuchFile(ValueError):
    """A command whose program is not a file that was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecRequest:
    """A command with its files, input and directory.

    A relative `cwd` and the names of `files` are relative to the scratch directory.
    """

    command: Sequence[str]
    stdin: bytes = b""
    cwd: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def place(path: str, cwd: str = "") -> str:
    """Return a path relative to the scratch directory, if possible; the host's disk is not used."""
    whole = posixpath.normpath(posixpath.join(HOME, cwd, path))
    return posixpath.relpath(whole, HOME) if whole.startswith(f"{HOME}/") else whole


def program_of(request: ExecRequest) -> tuple[str, bytes]:
    """Return the source to run in a box, and its standard input; raises NotPython or NoSuchFile."""
    source, name, argv, stdin = _chosen(request)
    head, sizes = b"".join(request.files.values()), [(path, len(data)) for path, data in request.files.items()]
    setting = _SETTING.format(
        home=HOME,
        sizes=sizes,
        argv=argv,
        env=dict(request.environment),
        cwd=posixpath.join(HOME, request.cwd),
        source=source,
        name=name,
    )
    return setting, head + stdin


def _chosen(request: ExecRequest) -> tuple[str, str, list[str], bytes]:
    """Return the program's source, its name in tracebacks, its arguments and its standard input."""
    match list(request.command):
        case [python, *_] if not _PYTHON.fullmatch(python):
            raise NotPython(f"{python}: not found; a box runs python alone (python -c CODE, python FILE)")
        case [_, "-c", code, *more]:
            return code, "<string>", ["-c", *more], request.stdin
        case [_, "-", *more]:
            return _text(request.stdin), "<stdin>", ["-", *more], b""
        case [_]:
            return _text(request.stdin), "<stdin>", [""], b""
        case [_, file, *more] if not file.startswith("-"):
            if (data := request.files.get(place(file, request.cwd))) is None:
                raise NoSuchFile(f"python: can't open file '{file}': [Errno 2] No such file or directory")
            return _text(data), file, [file, *more], request.stdin
        case _:
            raise NotPython("a box takes python -c CODE, python FILE or python -, and no other options")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
