"""OCaml 5.3 of Debian 13, compiled to bytecode, which needs neither an assembler nor a linker."""

from __future__ import annotations

from sandbox.languages.language import OUTPUT, PROGRAM, Compile, Language, Toolchain

_WASTE = ("/usr/lib/*/ocaml/*/compiler-libs", "/usr/lib/*/ocaml/*/*.a", "/usr/lib/*/ocaml/*/*.cmt*")

OCAML = Language(
    name="ocaml",
    title="OCaml",
    aliases=("ml",),
    extension=".ml",
    compile=Compile(
        command=("/usr/bin/ocamlc.opt", "-I", "+str", "str.cma", "-o", f"{OUTPUT}/main", "{file}"),
        image=Toolchain(packages=("ocaml",), keep=("/usr/bin/ocamlc.opt",), remove=(*_WASTE, "/usr/lib/*/lib*san.so*")),
    ),
    run=("/usr/bin/ocamlrun", f"{PROGRAM}/main"),
    image=Toolchain(packages=("ocaml-base",), keep=("/usr/bin/ocamlrun",)),
    version="5.3.0",
    time_factor=2.0,
    added_mb=16,
)
