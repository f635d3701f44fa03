"""Define our own faults. A program's faults are data (`sandbox.values.Run`), never exceptions."""

from __future__ import annotations

import errno

LACKING = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS}
)  # what OutOfResources is made of


class SandboxError(Exception):
    """A failure of the sandbox or the machine: the program stays unscored, and the message says what to do."""


class EngineUnavailable(SandboxError):
    """No Docker engine answers, or it refused what we asked."""


class OutOfResources(SandboxError):
    """Descriptors, memory or processes are lacking at the moment, in this process and not in the engine."""


class TaskCancelled(SandboxError):
    """The task was cancelled."""


class PoolInOtherProcess(SandboxError, RuntimeError):
    """A pool was used in a fork of the process that opened it."""


class RuntimeUnknown(SandboxError):
    """The engine does not know the container runtime that was asked for."""


class ImageMissing(SandboxError):
    """The box image has not been built."""


class ImageBuildFailed(SandboxError):
    """The box image could not be built."""


class BoxLost(SandboxError):
    """A box vanished, broke its protocol or could not be proved clean while a job was in it."""


class BoxSilent(BoxLost):
    """A box did not answer by the time at which it should have ended its program."""


class MachineBusy(SandboxError):
    """A program was kept waiting for a core for so long that nothing is known of it."""
