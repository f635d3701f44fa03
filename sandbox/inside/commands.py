"""Run a command in a box: a compiler, or a program of another language than Python.

The files of a program that is run lie in `PROGRAM`, a file system of process 1, which a candidate can only read
(`Installed`). The files of a program that is compiled are written by the compiler's own process (`start`), and what it
has made is read from `OUTPUT` when every process of its uid is dead (`collect`). A compiler is a candidate like any
other: its uid, rules and limits are those of a fork, and what it leaves is removed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import stat
from typing import Any, NoReturn

from sandbox.inside import wire

PROGRAM = "/run/program"
OUTPUT = "/tmp/out"
MAX_PRODUCT_BYTES, MAX_PRODUCT_FILES, MAX_PRODUCT_DEPTH = 64 << 20, 2000, 8
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)  # by the interpreter, and then by every program that it starts


class Installed:
    """The files of the program that is run now; `size` is what they take of the box's memory, in bytes."""

    def __init__(self) -> None:
        self.size = 0

    def replace(self, files: list[list[Any]]) -> None:
        """Replace the files by others; each is a name and its content."""
        for entry in os.scandir(PROGRAM):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        self.size = 0
        for name, content in files:
            _write(f"{PROGRAM}/{name}", content)
            self.size += len(content)


def _write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o755)
    with open(fd, "wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]


def start(order: dict[str, Any]) -> NoReturn:
    """Write the sources and become the command of an order. Runs as the candidate."""
    for name, content in order["sources"]:
        _write(f"/tmp/{name}", content)
    if order["collect"]:
        os.mkdir(OUTPUT)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_DFL)
    command: list[str] = order["command"]
    os.execve(command[0], command, order["environment"])


def collect() -> wire.Value:
    """Return the names and contents of the files in `OUTPUT`; None if they are more than a product may be.

    Every process that could change them must be dead. Only plain files that everybody may read are taken.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.lstat(OUTPUT).st_mode):  # a link, which would lead anywhere
            return None
    files: list[wire.Value] = []
    room, pending = MAX_PRODUCT_BYTES, [("", 0)]
    while pending:
        folder, depth = pending.pop()
        for name, kind in _entries(folder):
            path = f"{folder}{name}"
            if stat.S_ISDIR(kind):
                pending.append((f"{path}/", depth + 1))
            elif stat.S_ISREG(kind) and (content := _content(path, room)) is not None:
                files.append([path, content])
                room -= len(content)
            if room < 0 or len(files) + len(pending) > MAX_PRODUCT_FILES or depth > MAX_PRODUCT_DEPTH:
                return None
    return files


def _entries(folder: str) -> list[tuple[str, int]]:
    """Return the names and modes of some entries of a directory, more than a product may have at most."""
    found: list[tuple[str, int]] = []
    with contextlib.suppress(OSError), os.scandir(f"{OUTPUT}/{folder}") as entries:
        for entry in itertools.islice(entries, MAX_PRODUCT_FILES + 1):
            with contextlib.suppress(OSError, UnicodeError):
                entry.name.encode()
                found.append((entry.name, entry.stat(follow_symlinks=False).st_mode))
    return found


def _content(path: str, room: int) -> bytes | None:
    """Return a file's content, or one byte more than `room` of it; None if it cannot be read."""
    try:
        fd = os.open(f"{OUTPUT}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(fd, "rb") as file:
        return file.read(room + 1)
