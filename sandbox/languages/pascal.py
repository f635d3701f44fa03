"""Pascal: Free Pascal 3.2 of Debian 13, in its mode with classes and long strings; programs need no library."""

from __future__ import annotations

from sandbox.languages.language import OUTPUT, PROGRAM, Compile, Language, Toolchain

_HOME = "/usr/lib/x86_64-linux-gnu/fpc/3.2.2"
_FLAGS = ("-n", "-Mobjfpc", "-Sh", "-O2", "-vez", "-l-", "-FD/usr/bin", f"-Fu{_HOME}/units/x86_64-linux/*")

PASCAL = Language(
    name="pascal",
    title="Pascal",
    aliases=("pas", "fpc", "freepascal"),
    extension=".pas",
    extensions=(".pp", ".lpr"),
    compile=Compile(
        command=(f"{_HOME}/ppcx64", *_FLAGS, f"-o{OUTPUT}/main", "{file}"),
        image=Toolchain(packages=("fp-compiler-3.2.2",), keep=("/usr/bin/as", "/usr/bin/ld")),
    ),
    run=(f"{PROGRAM}/main",),
    version="3.2.2",
    native=True,
    added_mb=8,
)
