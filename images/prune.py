"""Runs while an image is built, of a toolchain or of a box: takes away what a candidate does not need.

No shell, no package manager, no compiler, no setuid bit: what is not there cannot be used. What stays is the
interpreter, its standard library, the shared libraries, time zones and a locale. The image of another language keeps
the compiler or the runtime that `toolchain.json` names; then the commands are run that it lists.
"""

import compileall
import glob
import importlib
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig

PROGRAMS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games")
WASTE = (
    "/boot", "/home", "/media", "/mnt", "/root", "/srv", "/var/cache", "/var/lib", "/var/log", "/var/mail",
    "/usr/include", "/usr/lib/apt", "/usr/lib/dpkg", "/usr/lib/systemd", "/usr/lib/gcc", "/usr/libexec",
    "/usr/local/include", "/usr/local/share", "/usr/share/bash-completion", "/usr/share/doc", "/usr/share/info",
    "/usr/share/locale", "/usr/share/man", "/usr/share/perl5", "/usr/share/bug", "/usr/share/lintian", "/usr/src",
)  # fmt: skip
WASTE_IN_STDLIB = ("ensurepip", "idlelib", "lib2to3", "test", "tkinter", "turtledemo", "site-packages/pip")
PACKAGES = "/usr/lib/packages"
TOOLCHAIN = "/opt/box/toolchain.json"


def main() -> None:
    """Compile, remove, link."""
    python = os.path.realpath(sys.executable)
    with open(TOOLCHAIN, encoding="utf-8") as file:
        toolchain = json.load(file)
    os.remove(TOOLCHAIN)
    kept = {os.path.realpath(path) for path in (python, *toolchain["keep"])}
    library = sysconfig.get_path("stdlib")
    for name in WASTE_IN_STDLIB:
        remove(os.path.join(library, name))
    compileall.compile_dir(library, quiet=2)
    compileall.compile_dir("/opt/box", quiet=2)
    if os.path.isdir(PACKAGES):
        write(os.path.join(sysconfig.get_path("purelib"), "packages.pth"), f"{PACKAGES}\n")
        try_packages()
    for directory in PROGRAMS:
        remove_programs(directory, kept)
    for path in [*WASTE, *(path for pattern in toolchain["remove"] for path in glob.glob(pattern))]:
        if path not in toolchain["keep_trees"]:
            remove(path)
    for name in ("passwd", "group"):
        remove(f"/etc/{name}")
        os.symlink(f"/run/box/{name}", f"/etc/{name}")  # process 1 writes them: each box has users of its own
    for name in ("shadow", "shadow-", "gshadow", "gshadow-", "passwd-", "group-"):
        remove(f"/etc/{name}")
    remove("/opt/box/python")  # there in the base that a toolchain is
    os.symlink(python, "/opt/box/python")
    prepare(toolchain)
    strip_special_bits()
    os.remove(__file__)


def try_packages() -> None:
    """A package that cannot be imported here must stop the build, because a box would go on without it."""
    sys.path.append(PACKAGES)
    with open("/opt/box/preload", encoding="ascii") as file:
        for name in file.read().split():
            importlib.import_module(name)


def prepare(toolchain: dict) -> None:
    """Write a toolchain's files, make its links and run its commands; a command that fails stops the build."""
    for path in toolchain["keep"]:
        mode = os.stat(path).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
        os.chmod(path, mode)  # files of wheels come without modes
    for path, content in toolchain["files"]:
        write(path, content)
    for link, pattern in toolchain["links"]:
        os.symlink(min(glob.glob(pattern)), link)
    for command in toolchain["prepare"]:
        subprocess.run(command, check=True, cwd="/tmp")
    for pattern in toolchain["remove_last"]:
        for path in glob.glob(pattern):
            remove(path)


def remove_programs(directory: str, kept: set[str]) -> None:
    """Remove every program but those that are kept, and their links."""
    if os.path.isdir(directory) and not os.path.islink(directory):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if os.path.realpath(path) not in kept:
                remove(path)


def remove(path: str) -> None:
    """Remove a file, a link or a tree; what is not there need not go."""
    if os.path.islink(path) or os.path.isfile(path):
        os.remove(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)


def write(path: str, content: str) -> None:
    """Write a small file that everybody may read."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    os.chmod(path, 0o644)


def strip_special_bits() -> None:
    """No setuid or setgid file stays, and nothing that everybody may write."""
    for directory, _, names in os.walk("/"):
        if directory == "/" or directory.split("/")[1] not in {"proc", "sys", "dev", "tmp"}:
            for name in names:
                path = os.path.join(directory, name)
                mode = os.lstat(path).st_mode
                if stat.S_ISREG(mode) and mode & 0o6002:
                    os.chmod(path, stat.S_IMODE(mode) & ~0o6002)


main()
