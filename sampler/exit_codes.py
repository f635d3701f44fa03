"""Exit codes, public and the same for every command that runs, reports or shows a study; and how a process ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ClassVar, TextIO


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


@contextmanager
def allow_closed_pipe(out: TextIO) -> Iterator[None]:
    """End the process silently when the reader of `out` has closed it, with the exit code of SIGPIPE."""
    try:
        yield
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())  # or the interpreter complains at its own end
        sys.exit(128 + signal.SIGPIPE)
