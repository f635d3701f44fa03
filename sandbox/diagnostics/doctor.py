"""Examine this machine: which engine, which kernel, which known holes. Pure functions from facts to remarks.

The walls themselves are not judged by version but tested by `sandbox.boxes.isolation_check`. A version shows what no
probe can: that a program of the machine has a published hole. Distributions fix holes without changing the version, so
such a remark is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sandbox.boxes.docker_client import NO_CGROUPS_HINT, PODMAN_HINT, EngineFacts

Version = tuple[int, ...]


class Level(StrEnum):
    """How much a remark matters."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the examination."""

    what: str
    found: str
    level: Level = Level.OK
    advice: str = ""


@dataclass(frozen=True, slots=True)
class _Hole:
    """A published hole of runc: in versions from the first of a pair up to, not including, the second."""

    name: str
    versions: tuple[tuple[Version, Version], ...]


_HOLES = (
    _Hole("CVE-2024-21626, a leaked descriptor leads out", (((1, 0, 0), (1, 1, 12)),)),
    _Hole("CVE-2025-31133, -52565 and -52881, mounts lead out", (((1, 0, 0), (1, 2, 8)), ((1, 3, 0), (1, 3, 3)))),
)
_LANDLOCK_KERNEL = (5, 13)
_FOREIGN_GROUPS = ("Docker Desktop", "OrbStack", "colima")


def examine(facts: EngineFacts, runtime: str | None = None) -> list[Remark]:
    """Return every remark about an engine and the runtime that boxes would use."""
    chosen = runtime or facts.runtime
    return [
        Remark("engine", f"Docker {facts.version}, API {facts.api}, {facts.system or 'an unnamed system'}"),
        _runtime(facts, chosen),
        *([_runc(facts)] if chosen == "runc" else []),
        _kernel(facts),
        _cgroups(facts),
        _architecture(facts),
        *_platform(facts),
    ]


def _runtime(facts: EngineFacts, chosen: str) -> Remark:
    if chosen not in facts.runtimes:
        known = ", ".join(facts.runtimes) or "none"
        return Remark("runtime", chosen, Level.BAD, f"the engine does not know it; it knows {known}")
    if chosen == "runc":
        return Remark("runtime", f"{chosen} (the engine has {', '.join(facts.runtimes)})")
    advice = "its limits count only as far as the walls below hold: some gVisor set-ups ignore cgroups"
    return Remark("runtime", chosen, Level.WARNING if chosen.startswith("runsc") else Level.OK, advice)


def _runc(facts: EngineFacts) -> Remark:
    found = facts.components.get("runc", "")
    version = _version(found)
    if not version:
        return Remark(
            "runc", found or "unknown", Level.WARNING, "its version is not known; published holes cannot be told"
        )
    open_holes = [hole.name for hole in _HOLES if any(first <= version < fixed for first, fixed in hole.versions)]
    if not open_holes:
        return Remark("runc", found)
    advice = (
        f"this number has published holes ({'; '.join(open_holes)}) unless your distribution has fixed them; update "
        "runc"
    )
    return Remark("runc", found, Level.WARNING, advice)


def seen_inside(python: str, cpu_source: str, *, landlock: bool, code_kept: bool) -> Iterator[Remark]:
    """Return remarks from what a box reports about itself when it opens."""
    yield Remark("box", f"Python {python}, CPU by {cpu_source}")
    if cpu_source == "proc":
        advice = (
            "no account of the box can be read in it: CPU seconds are summed over /proc, memory is that of one process"
        )
        yield Remark("accounts", "none", Level.WARNING, advice)
    if landlock:
        yield Remark(
            "landlock", "present", advice="programs cannot open /proc for writing, nor make themselves hard to kill"
        )
    else:
        advice = (
            "a program can make itself the last to be killed when its box runs out of memory; it loses its box, no more"
        )
        yield Remark("landlock", "absent", Level.WARNING, advice)
    if not code_kept:
        advice = (
            "a program that uses up its box's memory may be answered late: the kernel takes the interpreter's pages "
            "away"
        )
        yield Remark("interpreter", "not kept in memory", Level.WARNING, advice)


def _kernel(facts: EngineFacts) -> Remark:
    if _version(facts.kernel)[:2] >= _LANDLOCK_KERNEL:
        return Remark("kernel", facts.kernel)
    return Remark("kernel", facts.kernel, Level.WARNING, "older than 5.13: no Landlock, and fewer fixed holes")


def _cgroups(facts: EngineFacts) -> Remark:
    return Remark("cgroups", f"version {facts.cgroups}")


def _architecture(facts: EngineFacts) -> Remark:
    if facts.architecture in {"x86_64", "amd64", "aarch64", "arm64"}:  # Docker's names and Podman's
        return Remark("processor", f"{facts.architecture}, {facts.cores} cores")
    advice = "the system-call list is written for x86_64 and aarch64; on another processor no call is allowed"
    return Remark("processor", facts.architecture, Level.BAD, advice)


def _platform(facts: EngineFacts) -> Iterator[Remark]:
    if "seccomp" not in facts.options:
        yield Remark("seccomp", "off", Level.BAD, "the engine was built without it: system calls are not filtered")
    if "rootless" in facts.options:
        advice = "an escape ends as an ordinary user; resource limits need cgroups version 2 with delegation"
        yield Remark("rootless", "yes", Level.OK if facts.cgroups == "2" else Level.WARNING, advice)
    if facts.cgroup_driver == "none":
        yield Remark("limits", "none", Level.BAD, NO_CGROUPS_HINT)
    if any(name.casefold() in facts.system.casefold() for name in _FOREIGN_GROUPS):
        yield Remark(
            "virtual machine", facts.system, Level.OK, "boxes share a kernel with the virtual machine, not with you"
        )
    if facts.is_podman:
        yield Remark("podman", facts.version, Level.BAD, PODMAN_HINT)


def _version(text: str) -> Version:
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()
