"""Rust 1.85: bare `rustc`, one crate without others, optimized and linked statically."""

from __future__ import annotations

from sandbox.languages.language import OUTPUT, PROGRAM, Compile, Language, Toolchain

RUST = Language(
    name="rust",
    title="Rust",
    aliases=("rs", "rustc"),
    extension=".rs",
    compile=Compile(
        command=(
            "/usr/bin/rustc",
            "--edition",
            "2021",
            "--crate-name",
            "main",
            "-C",
            "opt-level=2",
            "-C",
            "codegen-units=1",
            "-C",
            "linker=/usr/bin/gcc",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "strip=symbols",
            "--color",
            "never",
            "-o",
            f"{OUTPUT}/main",
            "{file}",
        ),
        image=Toolchain(
            packages=("rustc", "gcc"),
            keep=("/usr/bin/rustc", "/usr/bin/gcc", "/usr/bin/as", "/usr/bin/ld"),
            keep_trees=("/usr/lib/gcc", "/usr/libexec"),
            remove=(
                "/usr/libexec/gcc/*/*/cc1",
                "/usr/libexec/gcc/*/*/lto1",
                "/usr/lib/*/lib*san.so*",
                "/usr/lib/gcc/*/*/lib*san*",
                "/usr/lib/rustlib/*/lib/librustc-*",
            ),
        ),
    ),
    run=(f"{PROGRAM}/main",),
    environment=(("RUST_BACKTRACE", "0"),),
    native=True,
    version="1.85.0",
    added_mb=8,
)
