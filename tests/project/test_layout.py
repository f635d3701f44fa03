"""The folders of tests mirror those of the packages, so that a reader finds the tests of a module by its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from script import ROOT

PACKAGES = ("sandbox", "sampler", "tui")


def folders_of(tests: Path) -> set[str]:
    """Return the folders that hold tests, relative to `tests`."""
    return {path.parent.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_folder_of_tests_is_a_folder_of_the_package(package: str) -> None:
    folders = folders_of(ROOT / "tests" / package)
    assert {name for name in folders if not (ROOT / package / name / "__init__.py").is_file()} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_each_folder_of_a_package_has_tests_at_its_place(package: str) -> None:
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert folders - folders_of(ROOT / "tests" / package) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_outside_the_folders_are_those_of_the_modules_outside_them(package: str) -> None:
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / package).glob("test_*.py")}
    assert tests - {path.stem for path in (ROOT / package).glob("*.py")} == set()
