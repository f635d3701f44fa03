"""Exit codes: public, the same for every command that runs or reports a study."""

from __future__ import annotations

from enum import IntEnum

from sampler.backends.base import BackendError
from sampler.backends.open import UnknownBackend
from sampler.lock import StoreBusy
from sampler.models.catalogue import UnknownModel
from sampler.reader import StoreError
from sampler.store import WriteFailed
from sampler.toml_table import SpecError
from sandbox.errors import SandboxError
from sandbox.problems import ProblemsError


class Exit(IntEnum):
    """What a command's exit code means."""

    OK = 0  # the study is complete, or the report is printed
    GATE = 1  # a comparison failed; the run itself is fine
    USAGE = 2  # the command line or the study file is wrong
    INFRASTRUCTURE = 3  # the sandbox, a model's engine or the disk failed
    INCOMPLETE = 4  # samples are missing or unscored
    EMPTY = 5  # there is nothing to report
    STORE = 6  # the store cannot be read, is newer, or holds another study's samples
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


def exit_for(error: BaseException) -> Exit:
    """The exit code for what a command raised."""
    match error:
        case SpecError() | ProblemsError() | UnknownModel() | UnknownBackend():
            return Exit.USAGE
        case SandboxError() | BackendError() | WriteFailed() | StoreBusy():
            return Exit.INFRASTRUCTURE
        case StoreError():
            return Exit.STORE
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        case _:
            return Exit.BUG
