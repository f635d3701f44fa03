"""What an interpreter in a box looks like to a program: as one that was started for it with `python main.py`.

The program's file is there, the machine has the one processor that a program may use, and a limit that is asked for
beyond what is allowed is set as far as it is.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import types
from collections.abc import Iterable, Sequence

from sandbox.inside.imports import put_before
from sandbox.inside.layout import RUN, SCRATCH, USER

PLACES = tuple(f"{SCRATCH}/{name}" for name in ("main.py", "solution.py"))
_STARTS_PROCESSES = ("multiprocessing", "concurrent")  # which look for a module's file
_set_limit, _limit_of, _limit_another = resource.setrlimit, resource.getrlimit, resource.prlimit


def clear_the_stage() -> None:
    """Make the interpreter look like one that was started for a program: nothing of ours by name."""
    for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
        del sys.modules[name]  # a candidate may have a module of that name
    sys.modules["__main__"] = types.ModuleType("__main__")  # ours has a file, which `multiprocessing` would run again
    sys.argv = ["main.py"]
    sys.path = [entry for entry in sys.path if not entry.startswith("/opt/")]
    os.cpu_count = _cpu_count
    resource.setrlimit, resource.prlimit = _set_as_far_as_allowed, _limit_process


def read_stdin_anew() -> None:
    """Replace `sys.stdin` by one that takes what descriptor 0 is now for a file; it keeps its encoding and name."""
    known = sys.stdin
    sys.stdin = sys.__stdin__ = open(  # type: ignore[misc]  # noqa: SIM115  (open for good)
        0, encoding=known.encoding, errors=known.errors, closefd=False
    )
    sys.stdin.buffer.raw.name = "<stdin>"  # type: ignore[attr-defined]


def put_file(source: str, imports: str, name: str) -> str:
    """Put the program's file where `python NAME` would find it, as far as there is room; returns its path.

    A module that has no use for a file gets none. Where processes may need it, modules beside it can be imported.
    """
    path, script = f"{SCRATCH}/{name}", name == "main.py"
    shared = script or any(word in source for word in _STARTS_PROCESSES)
    if shared:
        sys.path.insert(0 if script else len(sys.path), SCRATCH)
    if shared or "__file__" in source:
        with contextlib.suppress(OSError), open(path, "xb", buffering=0) as file:
            file.write(put_before(imports, source).encode("utf-8", "surrogatepass"))
    return path


def take_files() -> None:
    """Remove the files that `put_file` may have put, as process 1, to which the directory belongs."""
    for path in PLACES:
        with contextlib.suppress(OSError):
            os.unlink(path)


def name_users(ids: Iterable[int]) -> None:
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


def _set_as_far_as_allowed(what: int, limits: Sequence[int], /) -> None:
    """Set soft and hard limits of a resource; what is more than the hard limit that there is, is set to that."""
    try:
        _set_limit(what, tuple(limits))  # type: ignore[arg-type]
    except (ValueError, OSError):
        soft, hard = limits
        if _less(hard, soft):
            raise  # no pair of limits
        most = _limit_of(what)[1]
        _set_limit(what, (most if _less(most, soft) else soft, most if _less(most, hard) else hard))


def _limit_process(pid: int, what: int, limits: Sequence[int] | None = None, /) -> tuple[int, int]:
    """Return a process's limits of a resource and set others, if some are given.

    Of the calling one as far as allowed.
    """
    if pid not in (0, os.getpid()):
        return _limit_another(pid, what) if limits is None else _limit_another(pid, what, tuple(limits))  # type: ignore[arg-type]
    before = _limit_of(what)
    if limits is not None:
        _set_as_far_as_allowed(what, limits)
    return before


def _less(one: int, other: int) -> bool:
    endless = resource.RLIM_INFINITY
    return one != endless and (other == endless or one < other)
