"""Turn a fork of the zygote into an unprivileged process: uid, resource limits, Landlock rules."""

from __future__ import annotations

import ctypes
import os
import resource
import struct

from sandbox.inside.environment import SCRATCH, STACK_BYTES

OPEN_FILES = 256
LANDLOCK_FD = 101  # in the zygote: the Landlock ruleset, where the kernel has one
WRITABLE = ("/tmp", "/dev")  # /dev/shm included
_PR_SET_DUMPABLE = 4
_prctl, _syscall = ctypes.CDLL(None).prctl, ctypes.CDLL(None).syscall  # looked up here, once, and not in every fork
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_WRITE_FILE, _REFER = 1 << 1, 1 << 13
_QUIET = 0b101  # refusals are not logged by the kernel; older versions do not know these flags


def set_common_limits() -> None:
    """Set the limits that are the same for every candidate, once in the zygote: each call costs time of each fork."""
    for what, amount in (
        (resource.RLIMIT_CORE, 1),  # 0 would still start a core handler that the host may have
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (amount, amount))
    endless = resource.getrlimit(resource.RLIMIT_STACK)[
        1
    ]  # programs raise it before they recurse; it is memory like any other
    resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, endless))
    _create_landlock_rules()


def has_landlock() -> bool:
    """Return whether the kernel has Landlock in a version that is used here (ABI 2)."""
    return bool(_syscall(_CREATE_RULESET, None, 0, 1) >= 2)


def _create_landlock_rules() -> None:
    """Create rules that allow writing to files in the scratch directories and to devices only.

    Above all, not to /proc: a candidate that lowers its OOM score there, and fills the box with memory that belongs to
    no process, would get our processes killed before its own. ABI 1 of Landlock would forbid every move from one
    directory to another, so it is not used.
    """
    if not has_landlock():
        return
    rights = _WRITE_FILE | _REFER
    rules = _syscall(_CREATE_RULESET, struct.pack("=Q", rights), 8, 0)
    for directory in WRITABLE:
        place = os.open(directory, os.O_PATH | os.O_CLOEXEC)
        _syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
    os.dup2(rules, LANDLOCK_FD, inheritable=False)
    os.close(rules)


def take_pipes(fds: list[int]) -> None:
    """Make `fds` the descriptors 0-4 (stdin, stdout, stderr, answers, order), close all others, start a session."""
    os.setsid()
    for target, fd in enumerate(fds):
        os.dup2(fd, target, inheritable=target < 3)
    os.closerange(len(fds), OPEN_FILES)


def set_limits(cpu_s: float, disk_mb: int) -> None:
    """Set the limits of an order. The supervisor measures more finely and acts first."""
    seconds, size = int(cpu_s) + 2, disk_mb << 20
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def apply_landlock() -> None:
    """Make this process the first to be OOM-killed, then apply the rules of `_create_landlock_rules` to it.

    The order counts: the rules forbid writing the score. LANDLOCK_FD must be open.
    """
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(score, b"1000")
    os.close(score)
    if _syscall(_RESTRICT_SELF, LANDLOCK_FD, _QUIET):
        _syscall(_RESTRICT_SELF, LANDLOCK_FD, 0)


def drop_privileges(uid: int) -> None:
    """Change to `uid` irrevocably; leaving uid 0 empties every capability set."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.umask(0o022)
    os.chdir(SCRATCH)


def make_dumpable() -> None:
    """Make the process dumpable again: a change of uid ends that, and then it could not even open /dev/stdin."""
    _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def make_undumpable() -> None:
    """Keep other processes of the same uid from reading memory and descriptors. A fork inherits it."""
    _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def become_candidate(uid: int, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """Turn a fork of the zygote into the process of a candidate."""
    apply_landlock()
    take_pipes(fds)
    set_limits(cpu_s, disk_mb)
    drop_privileges(uid)
    make_dumpable()
