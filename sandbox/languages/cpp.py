"""C++ and C: GCC 14, compiled as contests do, linked statically, so that a program starts without a loader.

`bits/stdc++.h` is precompiled. That saves its reading, but what its inline functions use of templates is still made
for each program. Most of it comes from the four functions `vformat` of `<format>`, so these are templates here, which
are made where they are called: it takes a third of the time of a usual compilation away.
"""

from __future__ import annotations

from sandbox.languages.language import OUTPUT, PROGRAM, Command, Compile, Language, Toolchain

_FLAGS = ("-O2", "-static", "-pipe", "-DONLINE_JUDGE", "-fmax-errors=5", "-fdiagnostics-color=never")
_CPP = ("-x", "c++", "-std=gnu++20", *_FLAGS)
_OWN = "/opt/header"  # searched before the compiler's own headers
_HEADER = f"{_OWN}/bits/stdc++.h"  # with its precompiled form beside it
_FORMAT = f"""import glob, re
begins = r"^(?=  \\[\\[nodiscard\\]\\]\\n  inline w?string\\n  vformat\\()"
with open(glob.glob("/usr/include/c++/*/format")[0]) as file:
    text = file.read()
with open("{_OWN}/format", "w") as file:
    file.write(re.sub(begins, "  template<typename = void>\\n", text, flags=re.MULTILINE))
"""
GCC = Toolchain(
    packages=("g++",),
    keep=("/usr/bin/g++", "/usr/bin/gcc", "/usr/bin/as", "/usr/bin/ld"),
    keep_trees=("/usr/include", "/usr/lib/gcc", "/usr/libexec"),
    remove=("/usr/libexec/gcc/*/*/lto1", "/usr/lib/*/lib*san.so*", "/usr/lib/gcc/*/*/lib*san*", "/usr/lib/*/gprofng"),
    files=((_HEADER, "#include_next <bits/stdc++.h>\n"),),
    prepare=(
        ("/opt/box/python", "-I", "-S", "-c", _FORMAT),
        ("/usr/bin/g++", f"-I{_OWN}", *_CPP[2:], "-x", "c++-header", _HEADER, "-o", f"{_HEADER}.gch"),
    ),
)


def _gcc(compiler: str, flags: Command, *last: str) -> Compile:
    return Compile(command=(compiler, *flags, "{file}", "-o", f"{OUTPUT}/main", *last), image=GCC)


CPP = Language(
    name="cpp",
    title="C++",
    aliases=("c++", "cxx", "cc", "g++"),
    extension=".cpp",
    extensions=(".cc", ".cxx", ".c++"),
    compile=_gcc("/usr/bin/g++", (f"-I{_OWN}", *_CPP)),
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
