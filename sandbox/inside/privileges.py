"""From a fork of the zygote to a process that a program may have: privileges go, limits and rules come."""

from __future__ import annotations

import ctypes
import os
import resource
import struct

from sandbox.inside.layout import SCRATCH, STACK_BYTES

OPEN_FILES = 256
RULES_FD = 101  # in the zygote: Landlock rules, where the kernel has them
WRITABLE = ("/tmp", "/dev")  # /dev/shm included
_PR_SET_DUMPABLE = 4
_prctl, _syscall = ctypes.CDLL(None).prctl, ctypes.CDLL(None).syscall  # looked up here, once, and not in every fork
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_WRITE_FILE, _REFER = 1 << 1, 1 << 13
_QUIET = 0b101  # what is refused does not go into the kernel's log; only newer versions know this


def inherit_limits() -> None:
    """Limits that are the same for every candidate.

    The zygote takes them on once, because each call costs each fork.
    """
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
    _lay_down_rules()


def has_rules() -> bool:
    """Whether the kernel has Landlock rules of a version that is used here."""
    return bool(_syscall(_CREATE_RULESET, None, 0, 1) >= 2)


def _lay_down_rules() -> None:
    """Rules under which nothing but the scratch directories and devices can be opened for writing.

    Above all, not /proc.

    A candidate that lowers its OOM score there and fills the box with memory of no process has ours killed before its
    own. The first version of Landlock would forbid every move from one directory to another, so it is not used.
    """
    if not has_rules():
        return
    rights = _WRITE_FILE | _REFER
    rules = _syscall(_CREATE_RULESET, struct.pack("=Q", rights), 8, 0)
    for directory in WRITABLE:
        place = os.open(directory, os.O_PATH | os.O_CLOEXEC)
        _syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
    os.dup2(rules, RULES_FD, inheritable=False)
    os.close(rules)


def take_pipes(fds: list[int]) -> None:
    """As 0-4 stdin, stdout, stderr, answers, order, and no other descriptor; in a session of its own."""
    os.setsid()
    for target, fd in enumerate(fds):
        os.dup2(fd, target, inheritable=target < 3)
    os.closerange(len(fds), OPEN_FILES)


def limit(cpu_s: float, disk_mb: int) -> None:
    """The limits that an order brings. The supervisor measures finer and acts first."""
    seconds, size = int(cpu_s) + 2, disk_mb << 20
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def stand_behind_rules() -> None:
    """First in line where memory runs out, and then bound by the rules of `_lay_down_rules`.

    The descriptor of the rules must be open.
    """
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(score, b"1000")
    os.close(score)
    if _syscall(_RESTRICT_SELF, RULES_FD, _QUIET):
        _syscall(_RESTRICT_SELF, RULES_FD, 0)


def give_up_root(uid: int) -> None:
    """Become `uid` for good. Leaving uid 0 empties every capability set."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.umask(0o022)
    os.chdir(SCRATCH)


def show() -> None:
    """Changing uid makes a process undumpable, and then it may not even open /dev/stdin."""
    _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def hide() -> None:
    """Keep other processes of the same uid out of memory and descriptors. A fork inherits it."""
    _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def become(uid: int, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """From a fork of the zygote to a process that a program may have."""
    stand_behind_rules()
    take_pipes(fds)
    limit(cpu_s, disk_mb)
    give_up_root(uid)
    show()
