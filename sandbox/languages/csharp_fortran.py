"""More languages that are compiled: C# and Fortran, of Debian 13."""

from __future__ import annotations

from sandbox.languages.language import OUTPUT, PROGRAM, Compile, Language, Toolchain

# Mono says on its standard output that it may not set the priority of a thread; this is where it says such things.
_QUIET = (("MONO_LOG_DEST", "/dev/null"),)
_LINKER = ("/usr/bin/as", "/usr/bin/ld")

CSHARP = Language(
    name="csharp",
    title="C#",
    aliases=("c#", "cs", "mono"),
    extension=".cs",
    compile=Compile(
        command=(
            "/usr/bin/mono",
            "/usr/lib/mono/4.5/mcs.exe",
            "-optimize+",
            "-langversion:latest",
            "-nologo",
            "-r:System.Numerics",
            f"-out:{OUTPUT}/main.exe",
            "{file}",
        ),
        image=Toolchain(packages=("mono-mcs",), keep=("/usr/bin/mono",)),
        environment=_QUIET,
    ),
    environment=_QUIET,
    run=("/usr/bin/mono", f"{PROGRAM}/main.exe"),
    image=Toolchain(packages=("mono-mcs",), keep=("/usr/bin/mono",)),
    version="6.12.0",
    time_factor=2.0,
    added_mb=64,
)
FORTRAN = Language(
    name="fortran",
    title="Fortran",
    aliases=("f90", "gfortran"),
    extension=".f90",
    extensions=(".f95", ".f03"),
    compile=Compile(
        command=("/usr/bin/gfortran", "-O2", "-static", "{file}", "-o", f"{OUTPUT}/main"),
        image=Toolchain(
            packages=("gfortran", "libc6-dev"),
            keep=("/usr/bin/gfortran", *_LINKER),
            keep_trees=("/usr/lib/gcc", "/usr/libexec"),
        ),
    ),
    run=(f"{PROGRAM}/main",),
    version="14.2.0",
    native=True,
    added_mb=8,
)
