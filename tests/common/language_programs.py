"""Small programs in every language: each prints what is right, and with a few characters changed what is wrong.

`tests/data/languages` has one file for each language. A section is a program for one task; `«right|wrong»` in it stands
for the text of the right program and that of the wrong one.
"""

from __future__ import annotations

import os
import re

import pytest
from script import ROOT

from sandbox.boxes import image
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec
from sandbox.languages import Language, find_language
from sandbox.values import StdinTest, StdinTests

BUILT = {"cpp", "javascript"}  # the images that tests build
ALL = "TEST_ALL_LANGUAGES"  # the variable that makes them build all

DIRECTORY = ROOT / "tests" / "data" / "languages"
_CHOICE = re.compile(r"«([^|»]*)\|([^»]*)»")
TASKS = {
    "sum": [("3 4\n", "7\n"), ("-5 12\n", "7\n")],
    "largest": [("5\n3 9 2 9 1\n", "9\n"), ("3\n-7 -3 -5\n", "-3\n")],
    "words": [("one  two three\nfour\n", "4\n"), ("alone\n", "1\n")],
    "reverse": [("drawn onward\n", "drawno nward\n"), ("abc\n", "cba\n")],
    "fibonacci": [("10\n", "55\n"), ("60\n", "1548008755920\n")],
    "gcd": [("84 36\n", "12\n"), ("17 5\n", "1\n")],
    "sort": [("4\n10 9 2 33\n", "2 9 10 33\n"), ("1\n5\n", "5\n")],
    "primes": [("101\n", "26\n"), ("10\n", "4\n")],
    "frequent": [("b a c a b d\n", "a 2\n"), ("x y y\n", "y 2\n")],
    "brackets": [("([])()\n", "yes\n"), ("([)]\n", "no\n"), ("((\n", "no\n")],
}


def cases_of(task: str) -> StdinTests:
    """Return the tests of a task."""
    return StdinTests(
        cases=tuple(StdinTest(stdin=given.encode(), expected=expected.encode()) for given, expected in TASKS[task])
    )


def programs(language: str) -> list[tuple[str, str, str]]:
    """Return the tasks of a language, each with a right and a wrong program."""
    sections = re.split(r"^=== ", (DIRECTORY / f"{language}.txt").read_text("utf-8"), flags=re.MULTILINE)[1:]
    found = []
    for section in sections:
        task, _, text = section.partition("\n")
        found.append((task, _CHOICE.sub(r"\1", text), _CHOICE.sub(r"\2", text)))
    return found


def require(language: str, engine: DockerClient) -> Language:
    """Skip a language whose images would have to be built, unless all languages are wanted."""
    found = find_language(language)
    assert found is not None
    if language not in BUILT and not os.environ.get(ALL):
        for toolchain in {found.toolchain, found.image} - {None}:
            if engine.image_labels(image.image_tag(ImageSpec(toolchain=toolchain))) is None:
                pytest.skip(f"the image of {found.title} is not built here; `make test-languages` builds it")
    return found
