"""The interpreter stays in memory when a program uses up its box's memory."""

from __future__ import annotations

import contextlib
import os
from contextlib import closing
from pathlib import Path

import docker
import pytest

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec, ensure_image
from sandbox.boxes.ownership import Owner
from sandbox.diagnostics.selftest import GRACE_S, LIMITS, escapes_directory
from sandbox.inside.supervisor import Mapping, file_mappings
from sandbox.values import Job, Program

MAPS = """\
00400000-00402000 r--p 00000000 fe:00 4712                               /usr/bin/python3.11
00402000-00500000 r-xp 00002000 fe:00 4712                               /usr/bin/python3.11
00500000-00600000 rw-p 00100000 fe:00 4712                               /usr/bin/python3.11
00600000-00700000 rw-p 00000000 00:00 0                                  [heap]
7f0000000000-7f0000001000 r--s 00000000 fe:00 99                         /usr/lib/gconv/gconv modules.cache
7f0000002000-7f0000003000 r--p 00000000 00:00 0
7fff00000000-7fff00002000 r-xp 00000000 00:00 0                          [vdso]
"""


def test_what_is_kept_are_the_files_that_nobody_writes_to() -> None:
    assert file_mappings(MAPS) == [Mapping(0x400000, 0x2000, 1), Mapping(0x402000, 0xFE000, 5)]


@pytest.mark.docker
@pytest.mark.parametrize("python", [None, "3.13"], ids=["usual", "python-3.13"])
def test_memory_that_runs_out_in_the_first_box_of_an_image_delays_no_answer(
    engine: DockerClient, python: str | None
) -> None:
    """The pages of files belong to the box that reads them first, and only from that one the kernel takes them away."""
    image = ensure_image(engine, ImageSpec(python=python), say=print)
    if not forgotten(image):
        pytest.skip("the layers of the image are not ours to read")
    source = (escapes_directory() / "kernel" / "K10_dies_later_than_others.py").read_text(encoding="utf-8")
    with closing(Box(engine, BoxSpec(image=image, limits=LIMITS, owner=Owner.this().label()))) as box:
        assert box.greeting["code_kept"] is True
        run = box.run(Job(program=Program(source=source, tests="answer()"), limits=LIMITS))
        assert run.wall_s < LIMITS.wall_s + run.waited_s + GRACE_S
        assert run.cpu_s < 2 * LIMITS.cpu_s
        assert box.clean


def forgotten(image: str) -> int:
    """Let the kernel forget what it has read of an image's files, but for those that another box has open; how many."""
    count = 0
    with closing(docker.from_env()) as client:
        places = client.api.inspect_image(image)["GraphDriver"]["Data"]
    for layer in [places.get("UpperDir", "/nowhere"), *places.get("LowerDir", "/nowhere").split(":")]:
        for directory, _, names in os.walk(layer):
            for name in names:
                with contextlib.suppress(OSError):
                    fd = os.open(Path(directory) / name, os.O_RDONLY | os.O_NOFOLLOW)
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                    os.close(fd)
                    count += 1
    return count
