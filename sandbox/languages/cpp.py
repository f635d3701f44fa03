"""C++ and C: GCC 14, compiled as contests do, linked statically, so that a program starts without a loader."""

from __future__ import annotations

from sandbox.languages.language import OUTPUT, PROGRAM, Command, Compile, Language, Toolchain

_FLAGS = ("-O2", "-static", "-pipe", "-DONLINE_JUDGE", "-fmax-errors=5", "-fdiagnostics-color=never")
_CPP = ("-x", "c++", "-std=gnu++20", *_FLAGS)
_HEADER = "/opt/header/bits/stdc++.h"  # found before the compiler's own, with its precompiled form beside it
GCC = Toolchain(
    packages=("g++",),
    keep=("/usr/bin/g++", "/usr/bin/gcc", "/usr/bin/as", "/usr/bin/ld"),
    keep_trees=("/usr/include", "/usr/lib/gcc", "/usr/libexec"),
    remove=("/usr/libexec/gcc/*/*/lto1", "/usr/lib/*/lib*san.so*", "/usr/lib/gcc/*/*/lib*san*", "/usr/lib/*/gprofng"),
    files=((_HEADER, "#include_next <bits/stdc++.h>\n"),),
    prepare=(("/usr/bin/g++", *_CPP[2:], "-x", "c++-header", _HEADER, "-o", f"{_HEADER}.gch"),),
)


def _gcc(compiler: str, flags: Command, *last: str) -> Compile:
    return Compile(command=(compiler, *flags, "{file}", "-o", f"{OUTPUT}/main", *last), image=GCC)


CPP = Language(
    name="cpp",
    title="C++",
    aliases=("c++", "cxx", "cc", "g++"),
    extension=".cpp",
    extensions=(".cc", ".cxx", ".c++"),
    compile=_gcc("/usr/bin/g++", ("-I/opt/header", *_CPP)),
    run=(f"{PROGRAM}/main",),
    version="14.2.0",
    native=True,
    added_mb=8,
)
C = Language(
    name="c",
    title="C",
    aliases=("gcc",),
    extension=".c",
    compile=_gcc("/usr/bin/gcc", ("-x", "c", "-std=gnu17", *_FLAGS), "-x", "none", "-lm"),
    run=(f"{PROGRAM}/main",),
    version="14.2.0",
    native=True,
    added_mb=8,
)
