"""What a program finds in a box: paths, users and their ids, its own file, an interpreter that looks freshly started.

To a program it looks as if it had been started by `python main.py`: no module of ours can be found by name, the
program's file exists, the machine has the one processor that a program may use, and a resource limit above what is
allowed is set to what is allowed.

User ids: the host names a range of them for each box, at random and above those of a distribution, so that two boxes
hardly ever share one. An engine that maps its containers' ids to a part of the machine's (rootless, or with user
namespaces) has fewer ids: there `uid_range` takes a smaller range out of those that exist.

The host uses the paths, names and sizes, and `prepend_imports`.
"""

from __future__ import annotations

import ast
import contextlib
import os
import resource
import stat
import sys
import types
from collections.abc import Iterable, Sequence
from typing import Any

SCRATCH = "/tmp"  # emptied after each visit
SCRATCH_DIRECTORIES = (SCRATCH, "/dev/shm")
RUN = "/run/box"  # only process 1 can write here
USER = "box"  # the name of every user and group but root
STACK_BYTES = 256 << 20  # 50,000 levels of recursion through C take up to 5 kB each; what is not used costs nothing

MAX_FETCHED_BYTES = 8 << 20  # of all files that come back

MAX_UIDS = 4096  # of one box
MIN_UIDS = 1024  # of one box, where the engine maps ids
FIRST_UID = 1000  # ids below belong to the distribution
UID_STEP = 8192  # distance between the ranges that the host names

PROGRAM_FILES = tuple(f"{SCRATCH}/{name}" for name in ("main.py", "solution.py"))
_STARTS_PROCESSES = ("multiprocessing", "concurrent")  # which look for a module's file
_setrlimit, _getrlimit, _prlimit = resource.setrlimit, resource.getrlimit, resource.prlimit


def uid_range(first: int, uid_map: str) -> range:
    """Return the user ids of a box that was given those from `first` on.

    `uid_map` is the text of `/proc/self/uid_map`. Raises SystemExit where the engine maps fewer ids than a box needs.
    """
    end = max(int(start) + int(count) for start, _, count in map(str.split, uid_map.splitlines()))
    if first + MAX_UIDS <= end:
        return range(first, first + MAX_UIDS)
    ranges = (end - FIRST_UID) // MIN_UIDS
    if ranges < 1:
        raise SystemExit(
            f"the engine gives its containers {end} user ids, and a box needs {FIRST_UID + MIN_UIDS} (/etc/subuid)"
        )
    begin = FIRST_UID + first // UID_STEP % ranges * MIN_UIDS
    return range(begin, begin + MIN_UIDS)


def reset_interpreter() -> None:
    """Remove our modules, arguments and paths from the interpreter, and replace functions that reveal the machine."""
    for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
        del sys.modules[name]  # a candidate may have a module of that name
    sys.modules["__main__"] = types.ModuleType("__main__")  # ours has a file, which `multiprocessing` would run again
    sys.argv = ["main.py"]
    sys.path = [entry for entry in sys.path if not entry.startswith("/opt/")]
    os.cpu_count = _cpu_count
    resource.setrlimit, resource.prlimit = _setrlimit_clamped, _prlimit_clamped


def reopen_stdin() -> None:
    """Replace `sys.stdin` by a new one over descriptor 0, with the same encoding and name."""
    known = sys.stdin
    sys.stdin = sys.__stdin__ = open(  # type: ignore[misc]  # noqa: SIM115  (open for good)
        0, encoding=known.encoding, errors=known.errors, closefd=False
    )
    sys.stdin.buffer.raw.name = "<stdin>"  # type: ignore[attr-defined]


def write_files(files: list[list[Any]]) -> None:
    """Write the files that lie beside a program; runs in its process, before any of its code."""
    for name, content in files:
        path = f"{SCRATCH}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb", buffering=0) as file:
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]


def read_files(names: list[str]) -> list[Any]:
    """Return those of the named files of the scratch directory that are plain files, each with its content.

    Runs in process 1, over what a program has left: no link is followed, nothing but plain files is read, and at most
    `MAX_FETCHED_BYTES` of all.
    """
    found, room = [], MAX_FETCHED_BYTES
    for name in names:
        content = _content(name.split("/"), room)
        if content is not None and len(content) <= room:
            found.append([name, content])
            room -= len(content)
    return found


def _content(parts: list[str], room: int) -> bytes | None:
    """Return up to `room` bytes, and one more, of the file below the scratch directory; None if there is none."""
    fd = os.open(SCRATCH, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            how = os.O_RDONLY | os.O_NONBLOCK if last else os.O_PATH | os.O_DIRECTORY
            inner = os.open(part, how | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = inner
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        return _read(fd, room + 1)
    except OSError:
        return None
    finally:
        os.close(fd)


def _read(fd: int, most: int) -> bytes:
    content = b""
    while len(content) < most and (piece := os.read(fd, min(1 << 20, most - len(content)))):
        content += piece
    return content


def write_program_file(source: str, imports: str, name: str, *, beside: bool = False) -> str:
    """Write the program's file where `python NAME` would find it, if there is room; returns its path.

    A module that does not use its file gets none. Where other processes may need the file, or where files lie `beside`
    it, its directory is on the path.
    """
    path, script = f"{SCRATCH}/{name}", name == "main.py"
    shared = script or any(word in source for word in _STARTS_PROCESSES)
    if shared:
        sys.path.insert(0 if script else len(sys.path), SCRATCH)
    elif beside:
        sys.path.append(SCRATCH)
    if shared or "__file__" in source:
        with contextlib.suppress(OSError), open(path, "xb", buffering=0) as file:
            file.write(prepend_imports(imports, source).encode("utf-8", "surrogatepass"))
    return path


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


def remove_program_files() -> None:
    """Remove the files that `write_program_file` may have written; called by process 1, which owns the directory."""
    for path in PROGRAM_FILES:
        with contextlib.suppress(OSError):
            os.unlink(path)


def write_user_files(ids: Iterable[int]) -> None:
    """Give every user and group id of a box a name; the image's files of users are links to these."""
    users = "".join(f"{USER}:x:{number}:{number}::{SCRATCH}:/nonexistent\n" for number in ids)
    groups = "".join(f"{USER}:x:{number}:\n" for number in ids)
    for name, content in (
        ("passwd", f"root:x:0:0:root:/root:/nonexistent\n{users}"),
        ("group", f"root:x:0:\n{groups}"),
    ):
        with open(f"{RUN}/{name}", "w", encoding="ascii") as file:
            file.write(content)


def _cpu_count() -> int:
    """Return the number of CPUs in the system."""
    return 1


def _setrlimit_clamped(what: int, limits: Sequence[int], /) -> None:
    """Set soft and hard limits of a resource; a value above the present hard limit is lowered to it."""
    try:
        _setrlimit(what, tuple(limits))  # type: ignore[arg-type]
    except (ValueError, OSError):
        soft, hard = limits
        if _is_less(hard, soft):
            raise  # not a valid pair
        most = _getrlimit(what)[1]
        _setrlimit(what, (most if _is_less(most, soft) else soft, most if _is_less(most, hard) else hard))


def _prlimit_clamped(pid: int, what: int, limits: Sequence[int] | None = None, /) -> tuple[int, int]:
    """Return a process's limits of a resource, and set new ones if given; those of this process are clamped."""
    if pid not in (0, os.getpid()):
        return _prlimit(pid, what) if limits is None else _prlimit(pid, what, tuple(limits))  # type: ignore[arg-type]
    before = _getrlimit(what)
    if limits is not None:
        _setrlimit_clamped(what, limits)
    return before


def _is_less(one: int, other: int) -> bool:
    endless = resource.RLIM_INFINITY
    return one != endless and (other == endless or one < other)
