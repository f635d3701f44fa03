"""A sample's program executed once more, in a box with the study's limits, by the command that a person would type.

Nothing is stored: what the command says is shown beside the sample. A sample without a verdict is not executed here but by the
run, which stores what it finds.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sampler.store.read_models import SampleDetail
from sandbox.problems.assumed import in_words
from sandbox.values import Limits
from tui.run_control import CannotAct, Command, spelled

PATIENCE_SECONDS = 300.0
_OPTIONS: Mapping[str, str] = {
    "cpu_s": "--cpu",
    "wall_s": "--wall",
    "memory_mb": "--memory",
    "output_kb": "--output",
    "processes": "--processes",
    "disk_mb": "--disk",
    "files": "--files",
    "python": "--python",
    "output_rule": "--output-rule",
}
_USUAL, _TIMES = Limits(), ("cpu_s", "wall_s")  # usual times are none that were chosen: a data set may have its own


def again_command(detail: SampleDetail, source: str, near: Path, file: Path) -> Command:
    """The command that scores the program in `file` against the study's problems; raises CannotAct.

    `source` is where the study had its problems; a file of that name is looked for in the folder `near`, too.
    """
    if ", " in source:
        raise CannotAct(f"the problems come from several sources ({source}); `sandbox score` takes one")
    beside = near / source
    limits = json.loads(detail.limits_json)
    words = ["sandbox", "score", "--problems", str(beside) if beside.is_file() else source, "--samples", str(file)]
    for name, option in _OPTIONS.items():
        if name in limits and not (name in _TIMES and limits[name] == getattr(_USUAL, name)):
            words += [option, f"{limits[name]:g}" if isinstance(limits[name], int | float) else str(limits[name])]
    for word in in_words(limits.get("assume", {})):
        words += ["--assume", word]
    if limits.get("packages"):
        words += ["--packages", ",".join(limits["packages"])]
    if limits.get("fresh"):
        words.append("--fresh")
    meaning = "Execute this program once more, in a box with the study's limits. The verdict is shown here, not stored."
    return Command(words=(*words, "--boxes", "1", "--explain"), meaning=meaning)


def write_sample(detail: SampleDetail, file: Path) -> None:
    """The one line that the command reads: the program that was executed."""
    line = {"task_id": detail.row.problem, "solution": detail.program}
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")


def start(command: Command) -> subprocess.Popen[str]:
    """Start the command of this very installation; `said` waits for what it says. Its rows are for programs, and left out."""
    words, quiet = spelled(command.words), subprocess.DEVNULL
    return subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE, text=True, errors="replace")


def said(process: subprocess.Popen[str]) -> str:
    """What a started command says until it ends; one that does not end is told to."""
    try:
        return process.communicate(timeout=PATIENCE_SECONDS)[1]
    except subprocess.TimeoutExpired:
        process.terminate()
        return f"{process.communicate()[1]}\nended after {PATIENCE_SECONDS:.0f} seconds"
