"""Provide our boxes as a sandbox of inspect_ai: `sandbox="codebudget"` in a task. No other module uses inspect_ai.

inspect_ai expects one machine for each sample, with files and any command; a box offers less, on purpose. It runs only
python (`sandbox.plugin.python_command`), each time in a fresh directory with the sample's files. Files that a program
writes are gone afterwards, and no user can be chosen. That is enough for scorers which run an answer with its tests. A
fault of ours raises inspect_ai's SandboxUnavailableError, an error of the sample and never a wrong answer.

The boxes, one for each core, are opened with the first task that uses them and removed after the last. inspect_ai calls
methods of the class, so the class holds the boxes.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from typing import Literal, overload

import anyio
from inspect_ai.util import (
    ExecResult,
    OutputLimitExceededError,
    SandboxEnvironment,
    SandboxEnvironmentConfigType,
    SandboxEnvironmentLimits,
    SandboxUnavailableError,
    SandboxUserUnsupportedError,
    sandboxenv,
)

from sandbox.boxes.pool import Pool
from sandbox.errors import SandboxError
from sandbox.plugin.python_command import HOME, ExecRequest, NoSuchFile, NotPython, place, program_of
from sandbox.scoring.scorer import open_pool
from sandbox.values import Ending, Job, Limits, Program, Run

LIMITS = Limits(output_kb=10 << 10, memory_mb=1024)  # inspect_ai's own limit on output
UNLIMITED_S = 3600.0  # of a command without a timeout
NOT_FOUND, KILLED = 127, 128


class _Boxes:
    """The pool for all tasks that are running."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks = 0
        self._opened = ExitStack()
        self.pool: Pool | None = None

    def enter(self) -> None:
        with self._lock:
            if self.pool is None:
                self.pool = self._opened.enter_context(open_pool(LIMITS))
            self._tasks += 1

    def leave(self) -> None:
        with self._lock:
            self._tasks -= 1
            if self._tasks == 0:
                self.pool = None
                self._opened.close()


@sandboxenv(name="codebudget")
class CodebudgetSandbox(SandboxEnvironment):
    """The sandbox of one sample: its files, and the boxes that all samples share."""

    _boxes = _Boxes()

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[str, bytes] = {}

    @classmethod
    async def task_init(cls, task_name: str, config: SandboxEnvironmentConfigType | None) -> None:
        """Open the boxes, or use those that are open."""
        del task_name
        if config is not None:
            raise ValueError('the codebudget sandbox takes no configuration; write sandbox="codebudget"')
        await anyio.to_thread.run_sync(cls._boxes.enter)

    @classmethod
    async def task_cleanup(cls, task_name: str, config: SandboxEnvironmentConfigType | None, cleanup: bool) -> None:
        """Remove the boxes when no task needs them any more."""
        del task_name, config, cleanup
        await anyio.to_thread.run_sync(cls._boxes.leave)

    @classmethod
    async def sample_init(
        cls, task_name: str, config: SandboxEnvironmentConfigType | None, metadata: dict[str, str]
    ) -> dict[str, SandboxEnvironment]:
        """Create the sandbox of a sample."""
        del task_name, config, metadata
        return {"default": cls()}

    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,
        config: SandboxEnvironmentConfigType | None,
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,
    ) -> None:
        """Release nothing: a box holds no data of a sample between its programs."""

    async def exec(
        self,
        cmd: list[str],
        input: str | bytes | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,
        timeout: int | None = None,
        timeout_retry: bool = True,  # a box does not hang; trying again would tell nothing new
        concurrency: bool = True,  # the pool has its own
    ) -> ExecResult[str]:
        """Run a python command in a box."""
        del timeout_retry, concurrency
        if user is not None:
            raise SandboxUserUnsupportedError(f"programs in a box run as a user of their own, not as {user!r}")
        stdin = input.encode() if isinstance(input, str) else input or b""
        request = ExecRequest(command=cmd, stdin=stdin, cwd=cwd or "", environment=env or {}, files=self._files)
        try:
            job = _job(request, timeout)
        except NotPython as error:
            return ExecResult(False, NOT_FOUND, "", f"{error}\n")
        except NoSuchFile as error:
            return ExecResult(False, 2, "", f"{error}\n")
        return _exec_result(await self._run(job), timeout)

    async def _run(self, job: Job) -> Run:
        if self._boxes.pool is None:
            raise SandboxUnavailableError("no task has opened the boxes")
        pool = self._boxes.pool
        future: Future[Run] = pool.submit(job)
        try:
            return await anyio.to_thread.run_sync(future.result, abandon_on_cancel=True)
        except SandboxError as error:
            raise SandboxUnavailableError(str(error)) from error
        finally:
            pool.cancel(future)  # where the sample was given up, its program ends soon

    async def write_file(self, file: str, contents: str | bytes) -> None:
        """Store a file for every program of this sample."""
        path = self._path(file)
        if any(other.startswith(f"{path}/") for other in self._files):
            raise IsADirectoryError(f"{file} is a directory")
        self._files[path] = contents.encode() if isinstance(contents, str) else contents

    @overload
    async def read_file(self, file: str, text: Literal[True] = True) -> str: ...

    @overload
    async def read_file(self, file: str, text: Literal[False]) -> bytes: ...

    async def read_file(self, file: str, text: bool = True) -> str | bytes:
        """Return a file as it was written by `write_file`; files of programs are not kept."""
        path = self._path(file)
        if any(other.startswith(f"{path}/") for other in self._files):
            raise IsADirectoryError(f"{file} is a directory")
        if (data := self._files.get(path)) is None:
            raise FileNotFoundError(f"{file}: this sample was given no such file")
        if len(data) > SandboxEnvironmentLimits.MAX_READ_FILE_SIZE:
            raise OutputLimitExceededError(SandboxEnvironmentLimits.MAX_READ_FILE_SIZE_STR, None)
        return data.decode() if text else data

    def _path(self, file: str) -> str:
        """Return the file's name relative to the scratch directory, outside which a program may not write."""
        path = place(file)
        if path.startswith("/"):
            raise PermissionError(f"{file}: a box has files below {HOME} alone")
        return path


def _job(request: ExecRequest, timeout: int | None) -> Job:
    source, stdin = program_of(request)
    seconds = float(timeout) if timeout else UNLIMITED_S
    limits = replace(LIMITS, cpu_s=seconds, wall_s=seconds)
    return Job(program=Program(source=source), stdin=stdin, limits=limits)


def _exec_result(run: Run, timeout: int | None) -> ExecResult[str]:
    """Return the result of a command as inspect_ai's type."""
    stdout, stderr = (stream.decode("utf-8", "replace") for stream in (run.stdout, run.stderr))
    match run.ending:
        case Ending.OUT_OF_CPU | Ending.OUT_OF_WALL:
            raise TimeoutError(f"the command did not end within {timeout or UNLIMITED_S:g} s")
        case Ending.TOO_MUCH_OUTPUT:
            raise OutputLimitExceededError(SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE_STR, stdout)
        case Ending.OUT_OF_MEMORY:
            return ExecResult(False, KILLED + 9, stdout, f"{stderr}killed: it wanted more than {LIMITS.memory_mb} MB\n")
        case Ending.SIGNALLED:
            return ExecResult(False, KILLED + (run.signal or 0), stdout, stderr)
        case Ending.EXITED:
            return ExecResult(run.exit_code == 0, run.exit_code or 0, stdout, stderr)
