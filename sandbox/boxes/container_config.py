"""Build the settings of a container: every wall of a box that the engine can set.

`isolation_check` tests these walls from within.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.boxes.docker_client import inline_seccomp
from sandbox.inside import commands
from sandbox.inside.environment import RUN, STACK_BYTES, USER
from sandbox.values import MAX_STDIN_BYTES, Limits

LABEL = "codebudget.box"
LABEL_OWNER = "codebudget.owner"
OVERHEAD_MB = 34  # supervisor, zygote, cleaner and runner: 21 to 28 MB, more where packages are imported, and
SPARE_MB = 6  # what they need over that while they work
OUTPUT_COPIES = 8  # what the supervisor keeps of two streams until the facts are sent
OVERHEAD_PROCESSES = 4  # supervisor, zygote, cleaner, and a runner where a program comes again
_ULIMITS = (  # name, soft limit, hard limit
    ("core", 1, 1),
    ("nofile", 1024, 1024),
    ("msgqueue", 0, 0),
    ("rtprio", 0, 0),
    ("stack", STACK_BYTES, -1),  # known before Python starts: memory is laid out by it, and threads take it
)
# What the engine's own list hides in its newest release, and what else tells of the host; an older engine hides less.
MASKED_PATHS = (
    "/proc/acpi", "/proc/asound", "/proc/cmdline", "/proc/config.gz", "/proc/diskstats", "/proc/interrupts",
    "/proc/kallsyms", "/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/latency_stats", "/proc/modules",
    "/proc/partitions", "/proc/sched_debug", "/proc/schedstat", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
    "/sys/block", "/sys/class", "/sys/devices/virtual", "/sys/firmware", "/sys/kernel", "/sys/module", "/sys/power",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWalls:
    """What a box that runs commands has: a file system for the program's files, which only process 1 can write.

    `executable` says whether they may be executed; `added_mb` is memory beside what the limits say.
    """

    executable: bool = False
    added_mb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSpec:
    """How a box is made: from which image, with which limits, for which owner, under which runtime.

    `commands` says what a box is like that runs commands, besides Python code.
    """

    image: str
    limits: Limits
    owner: str
    runtime: str | None = None
    commands: CommandWalls | None = None


def container_body(spec: BoxSpec, first_uid: int) -> dict[str, Any]:
    """Return the body of the engine's create request, with every wall that Docker can set."""
    return {
        "Image": spec.image,
        "Cmd": [str(first_uid)],
        "User": "0:0",
        "Env": [
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "LANG=C.UTF-8",
            "HOME=/tmp",
            "PYTHONHASHSEED=0",
            "TMPDIR=/tmp",
            f"USER={USER}",
            f"LOGNAME={USER}",
            "PYTHON_CPU_COUNT=1",
        ],
        "Hostname": "box",
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "NetworkDisabled": True,
        "StopSignal": "SIGKILL",
        "Labels": {LABEL: "1", LABEL_OWNER: spec.owner},
        "HostConfig": _host_config(spec),
    }


def _host_config(spec: BoxSpec) -> dict[str, Any]:
    """Return what the engine sets outside the container: namespaces, capabilities, mounts and limits."""
    memory = memory_wall_mb(spec.limits, OVERHEAD_MB + added_mb(spec)) << 20
    host: dict[str, Any] = {
        "NetworkMode": "none",
        "IpcMode": "none",
        "CapDrop": ["ALL"],
        "CapAdd": ["SETUID", "SETGID", "KILL"],
        "SecurityOpt": ["no-new-privileges:true", inline_seccomp(_profile())],
        "ReadonlyRootfs": True,
        "MaskedPaths": list(MASKED_PATHS),
        "Tmpfs": _writable_directories(spec),
        "Memory": memory,
        "MemorySwap": memory,
        "PidsLimit": spec.limits.processes + OVERHEAD_PROCESSES,
        "Ulimits": [{"Name": name, "Soft": soft, "Hard": hard} for name, soft, hard in _ULIMITS],
        "LogConfig": {"Type": "none"},
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "Init": False,
    }
    return host if spec.runtime is None else host | {"Runtime": spec.runtime}


def _writable_directories(spec: BoxSpec) -> dict[str, str]:
    """Return the directories inside the box that are written to, all in memory, with their mount options."""
    scratch = f"rw,nosuid,nodev,noexec,mode=1777,size={spec.limits.disk_mb}m,nr_inodes={spec.limits.files}"
    return {
        "/tmp": scratch,
        "/dev/shm": scratch,
        RUN: f"rw,nosuid,nodev,noexec,mode=755,size={(MAX_STDIN_BYTES >> 20) + 4}m,nr_inodes=64",
        **_program_directory(spec),
    }


def _program_directory(spec: BoxSpec) -> dict[str, str]:
    if spec.commands is None:
        return {}
    size_mb = (commands.MAX_PRODUCT_BYTES >> 20) + 4
    execution = "exec" if spec.commands.executable else "noexec"
    return {commands.PROGRAM: f"rw,nosuid,nodev,{execution},mode=755,size={size_mb}m,nr_inodes=4096"}


def added_mb(spec: BoxSpec) -> int:
    """Return the memory in MB that a box has beside what its limits say."""
    return 0 if spec.commands is None else spec.commands.added_mb


def memory_wall_mb(limits: Limits, ours_mb: int) -> int:
    """Return the memory limit in MB of a whole box, whose own processes need `ours_mb`."""
    return limits.memory_mb + ours_mb + (OUTPUT_COPIES * limits.output_kb >> 10)


def _profile() -> str:
    return (Path(__file__).parent / "seccomp.json").read_text(encoding="utf-8")
