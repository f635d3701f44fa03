"""Packages in a box.

Numpy is there before the first program, has one thread, and does not cost a program its memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec, SharedFiles, ensure_image, image_tag
from sandbox.boxes.ownership import Owner
from sandbox.boxes.packages import Platform, fetch
from sandbox.errors import ImageBuildFailed
from sandbox.values import Ending, Job, Limits, Program, Run

LIMITS = Limits(memory_mb=64)
NUMPY = ImageSpec(packages=("numpy",))
FILLS = "import numpy\nfull = numpy.ones(({} << 20) // 8)\nprint(full.sum())\n"


@pytest.fixture(scope="module")
def box(engine: DockerClient) -> Iterator[Box]:
    try:
        image = ensure_image(engine, NUMPY, say=print)
    except ImageBuildFailed as error:
        pytest.skip(f"no packages within reach: {error}")
    with closing(Box(engine, BoxSpec(image=image, limits=LIMITS, owner=Owner.this().label()))) as opened:
        yield opened


def run(box: Box, source: str) -> Run:
    return box.run(Job(program=Program(source=source), limits=LIMITS))


def told(box: Box, source: str) -> object:
    ran = run(box, source)
    assert ran.proved, ran.stderr.decode()
    return json.loads(ran.stdout)


def test_an_image_is_named_after_its_packages_in_any_order() -> None:
    one, other = ImageSpec(packages=("numpy", "scipy")), ImageSpec(packages=("scipy", "numpy"))
    assert image_tag(one) == image_tag(other)
    assert (
        len({image_tag(image_spec) for image_spec in (one, NUMPY, ImageSpec(), ImageSpec(packages=("numpy==2.1.3",)))})
        == 4
    )


@pytest.mark.parametrize("text", ["", "-e .", "--index-url=x", "numpy>=1", "a b", "git+https://x", "./x", "numpy=="])
def test_what_is_no_package_is_refused_before_anyone_asks_pip(text: str) -> None:
    with pytest.raises(ValueError, match="is no package such as numpy"):
        ImageSpec(packages=(text,))


@pytest.mark.parametrize(("folder", "place"), [("../nltk", "data"), ("nltk", "/etc"), ("nltk", ""), ("a//b", "data")])
def test_data_of_a_package_stays_in_its_place(folder: str, place: str) -> None:
    with pytest.raises(ValueError, match="is not PACKAGE==VERSION FOLDER PLACE"):
        SharedFiles(requirement="nltk==3.8", folder=folder, place=place)


@pytest.mark.docker
def test_data_of_a_package_lies_below_usr_share_and_its_code_nowhere(engine: DockerClient) -> None:
    data = SharedFiles(requirement="iniconfig==2.0.0", folder="iniconfig", place="some/data")
    spec = ImageSpec(shared=(data,))
    assert image_tag(spec) != image_tag(ImageSpec())
    try:
        image = ensure_image(engine, spec, say=print)
    except ImageBuildFailed as error:
        pytest.skip(f"no packages within reach: {error}")
    with closing(Box(engine, BoxSpec(image=image, limits=LIMITS, owner=Owner.this().label()))) as opened:
        source = "import importlib.util, json, os\n"
        source += "found = os.path.isfile('/usr/share/some/data/py.typed'), importlib.util.find_spec('iniconfig')\n"
        assert told(opened, f"{source}print(json.dumps(found))") == [True, None]


@pytest.mark.slow
def test_packages_that_nobody_has_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildFailed, match=r"numpy==0\.0\.0 for Python 3\.11 on x86_64"):
        fetch(["numpy==0.0.0"], Platform(python="3.11", machine="x86_64"), tmp_path)


@pytest.mark.docker
class TestNumpyInABox:
    def test_it_works_and_is_there_before_the_program(self, box: Box) -> None:
        source = """
import json, sys, time
there, began = "numpy" in sys.modules, time.perf_counter()
import numpy
took = time.perf_counter() - began
print(json.dumps([there, took < 0.01, round(numpy.linalg.det(numpy.eye(10) * 2))]))
"""
        assert told(box, source) == [True, True, 1024]

    def test_its_linear_algebra_has_one_thread(self, box: Box) -> None:
        source = """
import numpy, os
product = numpy.ones((300, 300)) @ numpy.ones((300, 300))
print([int(product[0, 0]), len(os.listdir("/proc/self/task"))])
"""
        assert told(box, source) == [300, 1]

    def test_another_python_started_by_a_program_finds_it_too(self, box: Box) -> None:
        source = (
            "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import numpy; print(1)'], check=True)\n"
        )
        assert told(box, source) == 1

    def test_a_program_has_the_memory_that_it_was_promised_and_no_more(self, box: Box) -> None:
        assert run(box, FILLS.format(LIMITS.memory_mb - 8)).proved
        assert run(box, FILLS.format(LIMITS.memory_mb + 24)).ending is Ending.OUT_OF_MEMORY
        assert box.clean
