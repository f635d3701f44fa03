"""Define what is asked of a box: a program, its limits, and its isolation from other programs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sandbox.values.limits import AnswerLimits, Assumptions, Limits
from sandbox.values.tests import MAX_STDIN_BYTES, AskedCalls, CallTests, Grading, Tests

MAX_SOURCE_BYTES = 4 << 20
PYTHON = "python"
MAX_FILES_BYTES, MAX_FILES, MAX_NAME, MAX_WORDS = 32 << 20, 256, 240, 1 << 17
OWN_NAMES = frozenset({"main.py", "solution.py"})  # of the program itself
Files = tuple[tuple[str, bytes], ...]  # names, which may have directories in them, and contents


class Isolation(StrEnum):
    """What isolates a program from earlier and later ones, besides its uid and the proof that the box is clean."""

    FORK = "fork"  # a fork of the box's warm interpreter
    SPAWN = "spawn"  # an interpreter started for it, in the same box
    BOX = "box"  # a container of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What lies beside a program, what it is started with, and what is brought back.

    `files` are written into its directory before it begins: names, which may have directories in them, and contents.
    `arguments` are those of the command line, `environment` is added to the usual one. `fetch` names files of its
    directory whose contents come back after the run (`Run.fetched`), as far as they exist.
    """

    files: Files = ()
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    fetch: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [name for name, _ in self.files]
        for name in (*names, *self.fetch):
            _refuse_outside(name)
        if len(set(names)) < len(names) or OWN_NAMES & set(names):
            twice = next((name for name in names if names.count(name) > 1 or name in OWN_NAMES), "")
            raise ValueError(f"a file beside a program cannot be called {twice!r}: the name is taken")
        if (size := sum(len(content) for _, content in self.files)) > MAX_FILES_BYTES:
            raise ValueError(f"the files have {size} bytes; at most {MAX_FILES_BYTES} are taken")
        if max(len(names), len(self.fetch)) > MAX_FILES:
            raise ValueError(f"at most {MAX_FILES} files are taken")
        words = (*self.arguments, *(word for pair in self.environment for word in pair))
        if sum(map(len, words)) > MAX_WORDS or any("\0" in word for word in words):
            raise ValueError(f"arguments and environment have at most {MAX_WORDS} characters, and none is NUL")
        if any(not key or "=" in key for key, _ in self.environment):
            raise ValueError("the name of a variable of the environment is not empty and has no =")

    def __bool__(self) -> bool:
        return bool(self.files or self.arguments or self.environment or self.fetch)

    @property
    def digest(self) -> str:
        """Return a digest of all of it; empty if there is nothing."""
        if not self:
            return ""
        total = hashlib.sha256(repr((self.arguments, self.environment, self.fetch)).encode("utf-8", "surrogatepass"))
        for name, content in self.files:
            for part in (name.encode("utf-8", "surrogatepass"), content):
                total.update(len(part).to_bytes(8, "big") + part)
        return total.hexdigest()


def _refuse_outside(name: str) -> None:
    """Raise ValueError for a name that does not lead to a place below the program's directory."""
    parts = name.split("/")
    if {"", ".", ".."} & set(parts) or "\0" in name or len(name.encode("utf-8", "surrogatepass")) > MAX_NAME:
        raise ValueError(f"{name!r} is no name of a file in the program's directory, such as data/in.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Source text and how it is tested.

    It is tested by calls, by its printed output, by code in a grader box, by code in its own process (str), or not at
    all.

    `tests` give the verdict. `selection` tests may be used to choose among answers; they are judged separately.
    `AskedCalls` and `Grading` are the two steps of a test by code in a grader box. `language` is a name of
    `sandbox.languages`. `workspace` is what lies beside it.
    """

    source: str
    tests: Tests | AskedCalls | Grading | None = None
    selection: Tests | None = None
    assumptions: Assumptions = Assumptions()
    language: str = PYTHON
    workspace: Workspace = Workspace()

    @property
    def tests_source(self) -> str:
        """Return the tests as text, for digests and sizes."""
        both = [tests for tests in (self.tests, self.selection) if tests is not None]
        return "\0".join(tests if isinstance(tests, str) else tests.source for tests in both)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is run in a box instead of Python code: a compiler, or a program of another language.

    `installed` are files that a program can only read, `sources` files that its own process writes first. With
    `collect`, the run brings back what the command has made (`Run.product`).
    """

    words: tuple[str, ...]
    environment: Mapping[str, str]
    installed: Files = ()
    sources: Files = ()
    collect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One visit of a program to a box.

    `answers` limits all answers together; None: the limits follow from the expected answers. With `fresh`, each call
    gets a visit of its own. With `repeat` the same script will run again with another `stdin`; so the box keeps it
    compiled and forks it for each run. A `command` is run instead of the program's source. A `live` program talks
    with another one while it runs (`sandbox.boxes.conversation`) and has no `stdin` of its own.
    """

    program: Program
    stdin: bytes = b""
    limits: Limits = Limits()
    answers: AnswerLimits | None = None
    fresh: bool = False
    repeat: bool = False
    isolation: Isolation = Isolation.FORK
    command: Command | None = None
    live: bool = False

    def __post_init__(self) -> None:
        size = len(self.program.source)  # whatever its tests have: no verdict depends on their size
        if size > MAX_SOURCE_BYTES:
            raise ValueError(f"the program has {size} characters; at most {MAX_SOURCE_BYTES} are taken")
        if len(self.stdin) > MAX_STDIN_BYTES:
            raise ValueError(f"stdin has {len(self.stdin)} bytes; at most {MAX_STDIN_BYTES} are taken")
        if self.live and (self.repeat or self.stdin or self.program.tests is not None):
            raise ValueError("a live program has neither tests nor an input of its own, and is not repeated")
        if self.repeat and self.program.tests is not None:
            raise ValueError("only a program without tests of its own can be repeated")
        if self.repeat and self.program.workspace.fetch:
            raise ValueError("no files come back from a program that is repeated")
        if self.repeat and self.isolation is not Isolation.FORK:
            raise ValueError(f"a program that is repeated stays inside, which isolation {self.isolation!r} rules out")

    @property
    def answer_limits(self) -> AnswerLimits:
        """Return the limits of all answers of the visit."""
        if self.answers is not None:
            return self.answers
        match self.program.tests:
            case CallTests(calls=calls):
                return calls.limits
            case AskedCalls(limits=limits):
                return limits
            case _:
                return AnswerLimits()
