"""Act from the screen by commands that the user could type.

The actions are run, pause, cancel, and execute a program again.

The screen starts only such commands. A run that it starts continues when the viewer is closed. Executing a program
again stores nothing: the command's messages are shown beside the sample.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO

from sampler.store.read_models import SampleDetail
from sandbox.problems.readers.codebudget_format import assumption_words
from sandbox.values import Limits
from tui.data.snapshot import Snapshot
from tui.progress import RunState, run_state

_HOMES = {"sampler": "sampler.cli", "sandbox": "sandbox.cli", "budget-tui": "tui.cli"}


class Action(Enum):
    """The actions, by the names that keys use."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


class CannotAct(Exception):
    """The action is not possible now; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellCommand:
    """A command and what it will do; `log` gets its output if it continues after the viewer."""

    words: tuple[str, ...]
    meaning: str
    log: Path | None = None

    @property
    def typed(self) -> str:
        """Return the command as a user would type it."""
        shown = f" > {shlex.quote(str(self.log))} 2>&1 &" if self.log else ""
        return shlex.join(self.words) + shown


def study_file_of(store: Path, given: Path | None) -> Path | None:
    """Return the study file to run: that of the viewer, or one with the store's name beside it."""
    beside = store.with_suffix(".toml")
    return given or (beside if beside.is_file() else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTarget:
    """The target of actions: the store, the study file if it is known, and this machine's name."""

    store: Path
    study_file: Path | None
    host: str


def command_for(action: Action, snapshot: Snapshot | None, target: RunTarget, now: float) -> ShellCommand:
    """Return the command of an action; raises CannotAct."""
    state = run_state(snapshot.study, now, process_gone=snapshot.process_gone) if snapshot else RunState.WAITING
    runs = state in {RunState.RUNNING, RunState.STALE}
    if action is Action.RUN:
        if runs:
            raise CannotAct("The study is already running.")
        return _run(target, snapshot)
    if not runs or snapshot is None or snapshot.study.pid is None:
        raise CannotAct(f"The study is not running: it is {state.word}.")
    if snapshot.process_gone:
        raise CannotAct(f"Process {snapshot.study.pid}, which ran the study, is gone. Press R to resume.")
    if snapshot.study.host != target.host:
        raise CannotAct(
            f"The study runs on {snapshot.study.host}. Press ctrl-C there, or type `kill -INT {snapshot.study.pid}`."
        )
    if action is Action.PAUSE:
        words = ("kill", "-INT", str(snapshot.study.pid))
        return ShellCommand(words=words, meaning="Finish what is running, then stop. R resumes the study.")
    words = ("kill", "-TERM", str(snapshot.study.pid))
    return ShellCommand(words=words, meaning="End the run. What is stored stays. R resumes the study.")


def _run(target: RunTarget, snapshot: Snapshot | None) -> ShellCommand:
    if target.study_file is None:
        raise CannotAct("The study file is not known. Open the viewer with it: budget-tui STUDY.toml")
    words = ("sampler", "run", str(target.study_file), "--store", str(target.store))
    waiting = snapshot.study.sampled - snapshot.study.scored if snapshot else 0
    again = f" {waiting} samples without a verdict are scored again." if waiting else ""
    return ShellCommand(
        words=words,
        meaning=f"Run the missing samples of the study.{again} The run goes on when the viewer is closed.",
        log=target.store.with_suffix(".log"),
    )


def execute(command: ShellCommand) -> None:
    """Start the command as an independent process; raises CannotAct."""
    try:
        if command.log is None:
            _start(command.words, subprocess.DEVNULL)
            return
        with command.log.open("ab") as log:
            _start(argv(command.words), log)
    except OSError as error:
        raise CannotAct(f"Cannot start `{command.typed}`: {error.strerror or error}") from error


def _start(words: Sequence[str], out: int | IO[bytes]) -> None:
    """Start a process in its own session, so that signals to the viewer do not reach it.

    While the viewer lives, it waits for the process.
    """
    started = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    threading.Thread(target=started.wait, name="started-run", daemon=True).start()


def argv(words: Sequence[str]) -> list[str]:
    """Return the arguments of a command of this installation, independent of PATH."""
    return [sys.executable, "-c", f"from {_HOMES[words[0]]} import main; main()", *words[1:]]


TIMEOUT_SECONDS = 300.0
_USUAL, _TIMES = Limits(), ("cpu_s", "wall_s")  # usual times are none that were chosen: a data set may have its own


def rerun_command(detail: SampleDetail, source: str, near: Path, file: Path) -> ShellCommand:
    """Return the command that scores the program in `file` against the study's problems; raises CannotAct.

    `source` is the study's source of problems; a file of that name is also searched in the folder `near`.
    """
    from sandbox.commands.scoring_options import LIMIT_OPTIONS  # slow to import

    if ", " in source:
        raise CannotAct(f"The problems come from several sources ({source}). `sandbox score` takes one.")
    beside = near / source
    limits = json.loads(detail.limits_json)
    words = ["sandbox", "score", "--problems", str(beside) if beside.is_file() else source, "--samples", str(file)]
    options = {name: option for name, (option, *_) in LIMIT_OPTIONS.items()}
    for name, option in {**options, "python": "--python", "output_rule": "--output-rule"}.items():
        if name in limits and not (name in _TIMES and limits[name] == getattr(_USUAL, name)):
            words += [option, f"{limits[name]:g}" if isinstance(limits[name], int | float) else str(limits[name])]
    for word in assumption_words(limits.get("assume", {})):
        words += ["--assume", word]
    if limits.get("packages"):
        words += ["--packages", ",".join(limits["packages"])]
    if limits.get("fresh"):
        words.append("--fresh")
    meaning = "Execute this program again, in a box with the study's limits. The verdict is shown here and not stored."
    return ShellCommand(words=(*words, "--boxes", "1", "--explain"), meaning=meaning)


def write_sample(detail: SampleDetail, file: Path) -> None:
    """Write the line that the command reads: the program that was executed."""
    line = {"task_id": detail.row.problem, "solution": detail.program}
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")


def start_command(command: ShellCommand) -> subprocess.Popen[str]:
    """Start the command of this installation without its rows on stdout; `output_of` waits for its messages."""
    words, quiet = argv(command.words), subprocess.DEVNULL
    return subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE, text=True, errors="replace")


def output_of(process: subprocess.Popen[str]) -> str:
    """Return the messages of a started command when it ends; end it after `TIMEOUT_SECONDS`."""
    try:
        return process.communicate(timeout=TIMEOUT_SECONDS)[1]
    except subprocess.TimeoutExpired:
        process.terminate()
        return f"{process.communicate()[1]}\nStopped after {TIMEOUT_SECONDS:.0f} seconds"
