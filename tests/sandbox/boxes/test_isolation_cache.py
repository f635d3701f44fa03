"""What is remembered of a proof of walls: of exactly such boxes, believed in no doubtful case, never the quick half."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.boxes import box as box_module
from sandbox.boxes import isolation_check as proofs_module
from sandbox.boxes.box import Box
from sandbox.boxes.box_supply import PoolSpec
from sandbox.boxes.container_config import BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ensure_image
from sandbox.boxes.isolation_check import (
    MAX_AGE_S,
    MAX_ENTRIES,
    IsolationCache,
    WallBroken,
    check_isolation,
    subject_of,
)
from sandbox.boxes.ownership import Owner, boot
from sandbox.boxes.pool import Pool
from sandbox.values import Job, Limits, Program

LIMITS = Limits(cpu_s=2, wall_s=5, memory_mb=128)
MADE = {"image": "sha256:1", "host": {"SecurityOpt": ["seccomp={}"], "Memory": 1}}
SAID = {"python": "3.11.2", "cpu_source": "cgroup1", "boot": "1"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "proofs"


def test_what_was_proved_is_known_to_the_next_process_until_it_is_forgotten(directory: Path) -> None:
    assert not IsolationCache(directory).has("a")
    IsolationCache(directory).add("a")
    assert IsolationCache(directory).has("a")
    assert not IsolationCache(directory).has("b")
    assert (directory.stat().st_mode & 0o777, (directory / "a").stat().st_mode & 0o777) == (0o700, 0o600)
    IsolationCache(directory).clear()
    assert not IsolationCache(directory).has("a")


def linked(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))


def moved(file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))
    file.parent.symlink_to(file.parent.with_name("elsewhere"), target_is_directory=True)


def piped(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def now(seconds: float = 0) -> str:
    return f"{time.clock_gettime(time.CLOCK_BOOTTIME) + seconds:.0f}\n"


ODD: dict[str, Callable[[Path], object]] = {
    "others may write the file": lambda file: file.chmod(0o602),
    "a group may write the file": lambda file: file.chmod(0o620),
    "others may write the directory": lambda file: file.parent.chmod(0o777),
    "a group may write the directory": lambda file: file.parent.chmod(0o770),
    "the file is a link": linked,
    "the file has two names": lambda file: file.with_name("other").hardlink_to(file),
    "the file is a pipe": piped,
    "the file is a directory": lambda file: (file.unlink(), file.mkdir()),
    "the directory is a link": moved,
    "it is empty": lambda file: file.write_text(""),
    "it is no number": lambda file: file.write_text("1e3\n"),
    "it is long": lambda file: file.write_text("0" * 100),
    "it is no text": lambda file: file.write_bytes(b"\xff\xfe"),
    "it comes from the future": lambda file: file.write_text(now(100)),
    "it is too old": lambda file: file.write_text(now(-MAX_AGE_S - 100)),
}


@pytest.mark.parametrize("odd", ODD)
def test_whatever_is_odd_about_it_is_not_believed(odd: str, directory: Path) -> None:
    cache = IsolationCache(directory)
    cache.add("a")
    assert cache.has("a")
    ODD[odd](directory / "a")
    assert not cache.has("a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("whose", ["a", "."])
def test_what_belongs_to_another_user_is_not_believed(whose: str, directory: Path) -> None:
    cache = IsolationCache(directory)
    cache.add("a")
    os.chown(directory / whose, 4321, 4321)
    assert not cache.has("a")


def test_where_nothing_can_be_kept_nothing_is_known_and_nothing_breaks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = IsolationCache(tmp_path / "file" / "proofs")
    cache.add("a")
    cache.clear()
    assert not cache.has("a")


def test_old_memories_go(directory: Path) -> None:
    for number in range(MAX_ENTRIES + 5):
        IsolationCache(directory).add(str(number))
    assert len(list(directory.iterdir())) == MAX_ENTRIES


def test_a_memory_is_of_one_boot_engine_container_machine_probe_and_set_of_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = subject_of("engine 1", MADE, SAID, LIMITS)
    assert subject_of("engine 1", dict(MADE), SAID | {"idle_mb": 3}, LIMITS) == usual  # what is measured says nothing
    others = [
        subject_of("engine 2", MADE, SAID, LIMITS),
        subject_of("engine 1", MADE | {"image": "sha256:2"}, SAID, LIMITS),  # the tag was built again
        subject_of("engine 1", MADE | {"host": {"SecurityOpt": ["seccomp={ }"], "Memory": 1}}, SAID, LIMITS),
        subject_of("engine 1", MADE | {"host": {"SecurityOpt": ["seccomp={}"], "Memory": 2}}, SAID, LIMITS),
        subject_of("engine 1", MADE, SAID | {"cpu_source": "proc"}, LIMITS),
        subject_of("engine 1", MADE, SAID | {"boot": "2"}, LIMITS),  # the engine is on another machine than this one
        subject_of("engine 1", MADE, SAID, replace(LIMITS, cpu_s=3)),
    ]
    for name, value in {"boot": "another start", "probe_source": "another probe"}.items():
        with monkeypatch.context() as changed:
            changed.setattr(proofs_module, name, lambda value=value: value)
            others.append(subject_of("engine 1", MADE, SAID, LIMITS))
    assert len({usual, *others}) == 1 + len(others)


@pytest.mark.docker
def test_boxes_that_are_made_alike_have_one_subject_and_others_another(engine: DockerClient) -> None:
    def subject(limits: Limits) -> str:
        spec = BoxSpec(image=ensure_image(engine, say=print), limits=limits, owner=Owner.this().label())
        with closing(Box(engine, spec)) as box:
            return subject_of(engine.facts().identity, engine.settings(box.id), box.greeting, LIMITS)

    assert subject(LIMITS) == subject(LIMITS)
    assert subject(LIMITS) != subject(replace(LIMITS, memory_mb=130))


def a_box(engine: DockerClient, monkeypatch: pytest.MonkeyPatch, **changes: object) -> Box:
    real = box_module.container_body

    def body(spec: BoxSpec, uid: int) -> dict[str, Any]:
        made = real(spec, uid)
        return made | {"HostConfig": made["HostConfig"] | changes}

    monkeypatch.setattr(box_module, "container_body", body)
    return Box(engine, BoxSpec(image=ensure_image(engine, say=print), limits=LIMITS, owner=Owner.this().label()))


@pytest.mark.docker
def test_only_the_slow_half_of_a_proof_is_remembered_and_a_hole_forgets_it(
    directory: Path, engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = IsolationCache(directory)
    with closing(a_box(engine, monkeypatch, Memory=0, MemorySwap=0)) as unlimited:
        with pytest.raises(WallBroken, match=r"\(memory\)"):
            check_isolation(unlimited, LIMITS, cache, lambda: "a")
        assert not cache.has("a")
        cache.add("a")
        assert unlimited.greeting["boot"] == boot()  # the engine is on this machine
        check_isolation(
            unlimited, LIMITS, cache, lambda: "a"
        )  # so memory is not over-used again where that is remembered
        unlimited.greeting = {**unlimited.greeting, "boot": ""}  # was the engine's machine started anew?
        with pytest.raises(WallBroken, match=r"\(memory\)"):
            check_isolation(unlimited, LIMITS, cache, lambda: "a")
        assert not cache.has("a")
        cache.add("a")
    with closing(
        a_box(engine, monkeypatch, SecurityOpt=["no-new-privileges:true", "seccomp=unconfined"])
    ) as unfiltered:
        assert cache.has("a")
        with pytest.raises(WallBroken, match=r"\(system_calls\)"):
            check_isolation(unfiltered, LIMITS, cache, lambda: "a")
    assert not cache.has("a")


@pytest.mark.docker
def test_a_pool_proves_everything_once_and_remembers_it(directory: Path, engine: DockerClient) -> None:
    spec = PoolSpec(image=ensure_image(engine, say=print), limits=LIMITS, boxes=1, proofs=directory)
    for _ in range(2):
        with Pool(engine, spec) as pool:
            (remembered,) = directory.iterdir()
            os.utime(remembered, (1, 1))
            assert pool.submit(Job(program=Program(source="print(1)"), limits=LIMITS)).result().stdout == b"1\n"
    assert remembered.stat().st_mtime == 1  # not written again
