"""Read and write the format of SandboxFusion's `/run_code`, which verl, PipelineRL and others use.

The result of a program is given by `status`, `return_code` and the two streams. A process that ended with 0 is a
success there, wherever it ended (`/v1/score` gives verdicts). A language that is compiled has a `compile_result`; if
that failed, the program was not run and `run_result` is null. `files` lie beside the program, and `fetch_files` come
back as far as they exist. A client may ask for less memory than the boxes have; if it asks for more, `message` says
which limit holds.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.scoring.compiler import Executed
from sandbox.serving import bodies
from sandbox.serving.bodies import Refused
from sandbox.values import PYTHON, Ending, Job, Limits, Run

TIMEOUT_S = 10.0  # theirs
FULL = 504  # what their clients try again on, and on nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCode:
    """One request: the job, seconds to compile it, and whether its program gets less memory than was asked for."""

    job: Job
    compile_s: float
    less_memory: bool


def read(body: Mapping[str, object], limits: Limits, longest_s: float, served: Sequence[str] = (PYTHON,)) -> RunCode:
    """Read a request for a program in one of the `served` languages; raises Refused."""
    language = bodies.language(body, served)
    wall_s = bodies.seconds(bodies.number(body, "run_timeout", TIMEOUT_S), longest_s, "run_timeout")
    compile_s = bodies.compile_seconds(bodies.number(body, "compile_timeout", TIMEOUT_S), TIMEOUT_S, longest_s)
    source = bodies.SourceText(bodies.text(body, "code"), language)
    memory_mb = bodies.number(body, "memory_limit_MB", -1)
    own = replace(limits, wall_s=wall_s, cpu_s=wall_s, memory_mb=bodies.memory_mb(memory_mb, limits))
    job = bodies.job(source, bodies.text(body, "stdin", ""), own, _workspace(body))
    return RunCode(job=job, compile_s=compile_s, less_memory=memory_mb > own.memory_mb)


def _workspace(body: Mapping[str, object]) -> dict[str, Any]:
    """Return the files of a request: names and base64, or null, which is no file."""
    files, wanted = [], []
    for name, content in bodies.entries(body, "files").items():
        if content is not None:
            if not isinstance(content, str):
                raise Refused(bodies.UNREADABLE, f"files[{name!r}] must be base64 in a text, or null")
            files.append((bodies.file_name(name), bodies.unpacked(content, f"files[{name!r}]")))
    for number, asked in enumerate(bodies.items(body, "fetch_files")):
        if not isinstance(asked, str):
            raise Refused(bodies.UNREADABLE, f"fetch_files[{number}] must be a text")
        wanted.append(bodies.file_name(asked))
    return {"files": tuple(files), "fetch": tuple(dict.fromkeys(wanted))}


def answer(asked: RunCode, executed: Executed) -> dict[str, object]:
    """Return the result of the program in SandboxFusion's format."""
    compiled = None if executed.compilation is None else _result(executed.compilation.run)
    if executed.run is None:
        return _response("Failed", "", compiled, None)
    result = _result(executed.run)
    status = "Success" if result["return_code"] == 0 and result["status"] == "Finished" else "Failed"
    response = _response(status, _message(asked, executed.run), compiled, result)
    return response | {"files": {name: base64.b64encode(content).decode() for name, content in executed.run.fetched}}


def _result(run: Run) -> dict[str, object]:
    late = run.ending in {Ending.OUT_OF_CPU, Ending.OUT_OF_WALL}
    code = None if late else run.exit_code if run.signal is None else -run.signal
    return {
        "status": "TimeLimitExceeded" if late else "Finished",
        "execution_time": run.wall_s,
        "return_code": code,
        "stdout": run.stdout.decode("utf-8", "replace"),
        "stderr": run.stderr.decode("utf-8", "replace"),
    }


def failure(message: str) -> dict[str, object]:
    """Return the answer if our fault prevented a run of the program."""
    return _response("SandboxError", message, None, None)


def _response(
    status: str, message: str, compiled: dict[str, object] | None, result: dict[str, object] | None
) -> dict[str, object]:
    return {
        "status": status,
        "message": message,
        "compile_result": compiled,
        "run_result": result,
        "executor_pod_name": None,
        "files": {},
    }


def _message(asked: RunCode, run: Run) -> str:
    limits = asked.job.limits
    lines = []
    if run.ending is Ending.OUT_OF_MEMORY:
        lines.append(f"wanted more than {limits.memory_mb} MB and was killed")
    if run.ending is Ending.TOO_MUCH_OUTPUT:
        lines.append(f"wrote more than {limits.output_kb} kB and was killed")
    if asked.less_memory:
        lines.append(f"the memory limit was {limits.memory_mb} MB, the most that a program can have here")
    return "; ".join(lines)
