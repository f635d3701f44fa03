"""Exit codes: public, the same for every command that runs, reports or shows a study."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


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


class CommandError(Exception):
    """An error that a command reports in one line, and the exit code that it then ends with."""

    exit_code: ClassVar[Exit]
