"""Walls are proved, not assumed: the probe finds them all in a box of ours, and misses each one that is taken away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from sandbox.boxes import box as box_module
from sandbox.boxes.box import Box
from sandbox.boxes.container_config import BoxSpec
from sandbox.boxes.docker_client import DockerClient, EngineFacts
from sandbox.boxes.image import ensure_image
from sandbox.boxes.isolation_check import WALLS, WallBroken, probe, quick_probe, require_isolation
from sandbox.boxes.ownership import Owner
from sandbox.diagnostics.doctor import Level, examine, seen_inside
from sandbox.inside.environment import RUN
from sandbox.values import Ending, Job, Limits, Run

LIMITS = Limits(memory_mb=128, processes=8, disk_mb=8, files=64, output_kb=256)
Body = dict[str, Any]


def open_box(engine: DockerClient) -> Box:
    return Box(engine, BoxSpec(image=ensure_image(engine, say=print), limits=LIMITS, owner=Owner.this().label()))


@pytest.mark.docker
def test_every_wall_of_a_box_holds_and_the_box_is_clean_afterwards(engine: DockerClient) -> None:
    with closing(open_box(engine)) as box:
        require_isolation(box, LIMITS)
        assert [finding.wall for finding in probe(box, LIMITS)] == list(WALLS)
        assert box.clean


class SlowAtFirst:
    """A box on a machine that is too busy, at first, to over-use memory within the time."""

    def __init__(self, box: Box) -> None:
        self._box, self.visits, self.added_mb = box, 0, box.added_mb

    @property
    def clean(self) -> bool:
        return self._box.clean

    def run(self, job: Job) -> Run:
        self.visits += 1
        run = self._box.run(job)
        return replace(run, ending=Ending.OUT_OF_WALL, answers=()) if self.visits == 2 else run


@pytest.mark.docker
def test_a_probe_that_a_busy_machine_stopped_is_tried_again(engine: DockerClient) -> None:
    with closing(open_box(engine)) as box:
        slow = SlowAtFirst(box)
        require_isolation(slow, LIMITS)
        assert slow.visits == 7  # one from within, one for each of the five that are over-used, and one again


def without(**changes: object) -> Callable[[Body], Body]:
    return lambda body: body | {"HostConfig": body["HostConfig"] | changes}


def scratch(options: str) -> dict[str, str]:
    return dict.fromkeys(("/tmp", "/dev/shm"), f"rw,mode=1777,{options}") | {RUN: "rw,mode=755"}


TAKEN_AWAY = {
    "system_calls": without(SecurityOpt=["no-new-privileges:true", "seccomp=unconfined"]),
    "sockets": without(SecurityOpt=["no-new-privileges:true", "seccomp=unconfined"]),
    "kernel_memory": without(SecurityOpt=["no-new-privileges:true", "seccomp=unconfined"]),
    "locks": without(MaskedPaths=["/proc/locks"]),
    "root_directory": without(ReadonlyRootfs=False, Tmpfs=scratch("exec,size=8m,nr_inodes=64")),
    "privileges": without(SecurityOpt=["seccomp=unconfined"]),
    "processes": without(PidsLimit=500),
    "files": without(Tmpfs=scratch("noexec,size=8m,nr_inodes=4000")),
    "disk": without(Tmpfs=scratch("noexec,size=64m,nr_inodes=64")),
    "memory": without(Memory=0, MemorySwap=0),
}


@pytest.mark.docker
@pytest.mark.parametrize("wall", TAKEN_AWAY)
def test_a_wall_that_is_taken_away_is_missed(wall: str, engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    real = box_module.container_body
    monkeypatch.setattr(box_module, "container_body", lambda spec, uid: TAKEN_AWAY[wall](real(spec, uid)))
    with closing(open_box(engine)) as box, pytest.raises(WallBroken, match=rf"\({wall}\)"):
        require_isolation(box, LIMITS)


@pytest.mark.docker
def test_a_probe_leaves_no_thread_that_the_next_one_would_be_short_of(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe of the limit on processes takes all of them, and the one of the scratch directories needs one."""
    real = box_module.container_body
    monkeypatch.setattr(box_module, "container_body", lambda spec, uid: TAKEN_AWAY["root_directory"](real(spec, uid)))
    with closing(open_box(engine)) as box:
        found = [one.through for _ in range(20) for one in quick_probe(box, LIMITS) if one.wall == "root_directory"]
    assert len(found) == 20
    assert all("ran /tmp/script" in through and "/tmp is not noexec" in through for through in found)


FACTS = EngineFacts(
    version="28.1.1",
    api="1.49",
    runtime="runc",
    runtimes=("runc", "runsc"),
    cgroups="2",
    cores=8,
    architecture="x86_64",
    kernel="6.12.1",
    system="Debian GNU/Linux 13",
    options=("seccomp", "cgroupns"),
    components={"runc": "1.3.3"},
)


def remarks(runtime: str | None = None, **changes: object) -> dict[str, Level]:
    values = {name: getattr(FACTS, name) for name in FACTS.__dataclass_fields__}
    return {remark.what: remark.level for remark in examine(EngineFacts(**(values | changes)), runtime)}


def test_a_machine_in_order_gives_no_warning() -> None:
    assert set(remarks().values()) == {Level.OK}


def test_what_a_box_lacks_is_a_warning_with_a_name() -> None:
    said = {remark.what: remark.level for remark in seen_inside("3.13.5", "proc", landlock=False, code_kept=False)}
    assert said == {"box": Level.OK} | dict.fromkeys(("accounts", "landlock", "interpreter"), Level.WARNING)
    assert {remark.level for remark in seen_inside("3.13.5", "cgroup2", landlock=True, code_kept=True)} == {Level.OK}


@pytest.mark.parametrize(
    ("runtime", "changes", "what", "level"),
    [
        (None, {"components": {"runc": "1.1.5+ds1"}}, "runc", Level.WARNING),
        (None, {"components": {"runc": "1.3.2"}}, "runc", Level.WARNING),
        (None, {"components": {"runc": "1.2.8"}}, "runc", Level.OK),
        (None, {"components": {}}, "runc", Level.WARNING),
        ("kata", {}, "runtime", Level.BAD),
        ("runsc", {}, "runtime", Level.WARNING),
        (None, {"kernel": "4.19.0-27"}, "kernel", Level.WARNING),
        (None, {"architecture": "riscv64"}, "processor", Level.BAD),
        (None, {"options": ()}, "seccomp", Level.BAD),
        (None, {"options": ("seccomp", "rootless"), "cgroups": "1"}, "rootless", Level.WARNING),
        (None, {"options": ("seccomp", "rootless"), "cgroup_driver": "none"}, "limits", Level.BAD),
        (None, {"system": "Docker Desktop"}, "virtual machine", Level.OK),
        (None, {"components": {"Podman Engine": "5.0"}}, "podman", Level.BAD),
    ],
)
def test_what_is_known_of_a_machine_is_said(
    runtime: str | None, changes: dict[str, Any], what: str, level: Level
) -> None:
    assert remarks(runtime, **changes)[what] is level
