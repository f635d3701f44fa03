"""Define what a programming language is to the sandbox: names, commands, images, and what its runtime needs.

A language is a value. Its programs are compiled in one box (`compile`; None: they are run as they are written) and run
in another one. What a compilation makes, the *product*, is files by name. They lie in `PROGRAM` in the box that runs
them, and a candidate can only read them. A program that is not compiled is its own product.

Commands are lists of words, run without a shell, in a directory where a compiler finds the source. In every word
`{file}` stands for the name of the main file, `{entry}` for what is started in it, and `{memory_mb}` for the limit on
memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sandbox.inside.commands import OUTPUT, PROGRAM
from sandbox.values import Limits

COMPILE_LIMITS = Limits(cpu_s=20.0, wall_s=30.0, memory_mb=768, processes=48, output_kb=64, disk_mb=256, files=4096)
_PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp"}
Command = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """What an image holds besides the interpreter that our own processes run on.

    `packages` come from Debian 13, `wheels` from PyPI. Of the programs that they bring, an image keeps those in `keep`.
    It keeps the directories in `keep_trees`, which are removed elsewhere, and removes those in `remove` (patterns).
    While the image is built, `files` are written, `links` are made (to what a pattern finds), the commands of `prepare`
    are run, and in the end what is in `remove_last` goes, too.
    """

    packages: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    keep_trees: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    prepare: tuple[Command, ...] = ()
    remove_last: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile:
    """How programs are compiled: a command, the image that has the compiler, limits, and environment variables.

    `files` lie beside the source: names and contents.
    """

    command: Command
    image: Toolchain
    limits: Limits = COMPILE_LIMITS
    environment: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A programming language.

    `image` is what programs run in; None: the image of Python programs. `native` programs are machine code of their
    own, so their product may be executed. `check` is a command that says whether a program that has failed is a program
    of the language at all. `version` is that of the compiler or runtime. `time_factor` scales the limits of time.
    `added_mb` is the memory that the runtime needs beside the program's own; `own_limit` says that the runtime limits
    the program's memory itself, and ends it with an error of its own. `stem` returns the name of the main file, without
    its extension, from the source; `entry` what is started, such as a class (None: the stem).
    """

    name: str
    title: str
    extension: str
    aliases: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()  # other usual ones
    compile: Compile | None = None
    run: Command
    image: Toolchain | None = None
    native: bool = False
    check: Command | None = None
    version: str
    environment: tuple[tuple[str, str], ...] = ()
    time_factor: float = 1.0
    added_mb: int = 0
    own_limit: bool = False
    stem: Callable[[str], str] = field(default=lambda _: "main", compare=False)
    entry: Callable[[str], str] | None = field(default=None, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name that a file or a client may use."""
        return (self.name, *self.aliases)

    @property
    def toolchain(self) -> Toolchain | None:
        """Return the image that has the compiler or, without one, the runtime."""
        return self.image if self.compile is None else self.compile.image

    def limits(self, limits: Limits) -> Limits:
        """Return the limits of a program of this language, where `limits` were set for any."""
        if self.time_factor == 1.0:
            return limits
        return replace(limits, cpu_s=limits.cpu_s * self.time_factor, wall_s=limits.wall_s * self.time_factor)

    def file_name(self, source: str) -> str:
        """Return the name of the main file."""
        return f"{self.stem(source)}{self.extension}"

    def variables(self, extra: tuple[tuple[str, str], ...] = ()) -> Mapping[str, str]:
        """Return the environment of a command: nothing of the host is in it."""
        return _PATH | dict(self.environment) | dict(extra)

    def words(self, command: Command, source: str, memory_mb: int) -> Command:
        """Return a command with its fields replaced."""
        entry = self.stem(source) if self.entry is None else self.entry(source)
        values = {"{file}": self.file_name(source), "{entry}": entry, "{memory_mb}": str(memory_mb)}
        return tuple(functools.reduce(lambda word, pair: word.replace(*pair), values.items(), word) for word in command)


__all__ = ["COMPILE_LIMITS", "OUTPUT", "PROGRAM", "Command", "Compile", "Language", "Toolchain"]
