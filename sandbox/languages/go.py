"""Go 1.24: compiler and linker are called by themselves, with the standard library compiled when the image is built.

So no cache has to be written, and nothing outside the standard library can be imported. Programs are linked statically.
"""

from __future__ import annotations

from sandbox.languages.language import OUTPUT, PROGRAM, Compile, Language, Toolchain

_ROOT = "/usr/lib/go-1.24"
_TOOLS, _LIBRARY, _IMPORTS = f"{_ROOT}/pkg/tool/linux_*", f"{_ROOT}/pkg/linux_*", "/opt/toolchain/imports"
_BUILD = f"""import glob, subprocess, sys
tools = glob.glob("{_TOOLS}")[0]
for words in (
    ["compile", "-p", "main", "-complete", "-trimpath", "/tmp=>.", "-o", "main.o"],
    ["link", "-s", "-w", "-o", "{OUTPUT}/main"],
):
    file = sys.argv[1] if words[0] == "compile" else "main.o"
    if code := subprocess.call([tools + "/" + words[0], *words[1:], "-importcfg", "{_IMPORTS}", file]):
        sys.exit(code)
"""
_LIST = f"""import glob, os
library = glob.glob("{_LIBRARY}")[0]
with open("{_IMPORTS}", "w") as file:
    for path in sorted(glob.glob(library + "/**/*.a", recursive=True)):
        print(f"packagefile {{os.path.relpath(path, library)[:-2]}}={{path}}", file=file)
"""
_LIST_FILE, _BUILD_FILE = "/opt/toolchain/list.py", "/opt/toolchain/build.py"
# The compiler writes its messages to standard output; clients look for them in standard error.
_BUILD_LOUDLY = f"import os; os.dup2(2, 1); exec(open('{_BUILD_FILE}').read())"
_STANDARD_LIBRARY = f"""import os, subprocess
settings = {{"CGO_ENABLED": "0", "GODEBUG": "installgoroot=all", "GOTOOLCHAIN": "local", "GOCACHE": "/tmp/cache"}}
subprocess.run(["{_ROOT}/bin/go", "install", "-trimpath", "std"], check=True, env=os.environ | settings)
"""
_STANDARD_FILE = "/opt/toolchain/standard.py"

GO = Language(
    name="go",
    title="Go",
    aliases=("golang",),
    extension=".go",
    compile=Compile(
        command=("/opt/box/python", "-I", "-S", "-c", _BUILD_LOUDLY, "{file}"),
        image=Toolchain(
            packages=("golang-1.24-go",),
            files=((_BUILD_FILE, _BUILD), (_LIST_FILE, _LIST), (_STANDARD_FILE, _STANDARD_LIBRARY)),
            prepare=(("/opt/box/python", _STANDARD_FILE), ("/opt/box/python", _LIST_FILE)),
            remove_last=(
                "/tmp/cache",
                _LIST_FILE,
                _STANDARD_FILE,
                "/usr/share/go-1.24/src",
                "/usr/share/go-1.24/test",
                "/usr/share/go-1.24/api",
                "/usr/lib/go-1.24/bin",
                *(
                    f"{_TOOLS}/{name}"
                    for name in (
                        "addr2line",
                        "asm",
                        "buildid",
                        "cgo",
                        "cover",
                        "covdata",
                        "doc",
                        "fix",
                        "nm",
                        "objdump",
                        "pack",
                        "pprof",
                        "preprofile",
                        "test2json",
                        "trace",
                        "vet",
                        "dist",
                    )
                ),
            ),
        ),
        environment=(("GOMAXPROCS", "1"),),
    ),
    run=(f"{PROGRAM}/main",),
    environment=(("GOMAXPROCS", "1"),),
    native=True,
    version="1.24.0",
    added_mb=32,
)
