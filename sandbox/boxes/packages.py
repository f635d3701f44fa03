"""Fetch Python packages for a box: wheels for the base's Python, unpacked on the host by pip.

The host fetches them, so that an image can be built without a network on every base, with pip in it or not. Only wheels
are taken, so no code of a package runs on the host. The files stay where pip put them until the image is built: the
packages of a profile take some gigabytes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path

from sandbox.errors import ImageBuildFailed

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(==[A-Za-z0-9.+!]+)?")
_NEWEST_GLIBC = 36  # 2.36, of the oldest Debian that a box is made of
_FETCHING_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What the wheels must fit: a version of Python such as 3.12, and a machine such as x86_64."""

    python: str
    machine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Where the packages' files are, by their paths in the box, and the modules of the requested packages."""

    files: Mapping[str, Path] = field(default_factory=dict)
    modules: tuple[str, ...] = ()


def is_requirement(text: str) -> bool:
    """Return whether a text names a package, perhaps with its version: numpy, numpy==2.1.3."""
    return _REQUIREMENT.fullmatch(text) is not None


def fetch(
    requirements: Sequence[str],
    platform: Platform,
    directory: Path,
    wanted: Callable[[str], bool] = lambda _: True,
    *,
    alone: bool = False,
) -> Fetched:
    """Fetch the packages and all that they need into an empty directory; of their files, return the `wanted`.

    With `alone`, nothing that they need is fetched.

    Raises ImageBuildFailed if they cannot be fetched.
    """
    _run_pip(requirements, platform, directory, ["--no-deps"] * alone)
    requested = {_canonical(requirement.partition("==")[0]) for requirement in requirements}
    modules = {
        module
        for found in distributions(path=[str(directory)])
        if _canonical(found.metadata["Name"]) in requested
        for module in _modules(found)
    }
    return Fetched(files=dict(_files(directory, wanted)), modules=tuple(sorted(modules)))


def _run_pip(requirements: Sequence[str], platform: Platform, directory: Path, options: Sequence[str]) -> None:
    platforms = [f"manylinux_2_{minor}_{platform.machine}" for minor in range(_NEWEST_GLIBC, 4, -1)]
    platforms.append(f"manylinux2014_{platform.machine}")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={platform.python}",
        f"--target={directory}",
        *options,
        *(f"--platform={name}" for name in platforms),
        *requirements,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCHING_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageBuildFailed(f"fetching {', '.join(requirements)}: {error}") from error
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise ImageBuildFailed(
            f"pip finds no wheels of {', '.join(requirements)} for Python {platform.python} on {platform.machine}: "
            f"{(errors or ['it said nothing'])[-1][:300]}"
        )


def _files(directory: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    """Return every wanted file except the programs that packages install."""
    for path in sorted(directory.rglob("*")):
        inside = path.relative_to(directory)
        if path.is_file() and inside.parts[0] != "bin" and wanted(inside.as_posix()):
            yield inside.as_posix(), path


def _modules(found: Distribution) -> set[str]:
    """Return the modules of a package that can be imported: directories with an `__init__.py`, and single files."""
    paths = [Path(path) for path in found.files or []]
    packages = {path.parts[0] for path in paths if len(path.parts) == 2 and path.name == "__init__.py"}
    return packages | {path.stem for path in paths if len(path.parts) == 1 and path.suffix == ".py"}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
