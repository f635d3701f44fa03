"""Read and write the format of SandboxFusion's `/run_code`, which verl, PipelineRL and others use.

The result of a program is given by `status`, `return_code` and the two streams. A process that ended with 0 is a
success there, wherever it ended (`/v1/score` gives verdicts). Only Python is supported. Files are refused, not ignored.
The memory limit is fixed when the boxes are made: if a client asks for another amount, `message` says which limit
holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.serving import bodies
from sandbox.serving.bodies import Refused
from sandbox.values import Ending, Job, Limits, Run

TIMEOUT_S = 10.0  # theirs
FULL = 504  # what their clients try again on, and on nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCode:
    """One request: the job, and the requested memory, if the job gets another amount."""

    job: Job
    other_memory_mb: float | None


def read(body: Mapping[str, object], limits: Limits, longest_s: float) -> RunCode:
    """Read a request; raises Refused."""
    language = bodies.text(body, "language")
    if language != "python":
        raise Refused(400, f"language {language!r} is not served here, python is")
    for name, given in (("files", bodies.entries(body, "files")), ("fetch_files", bodies.items(body, "fetch_files"))):
        if given:
            raise Refused(400, f"{name} are not served here: a program has its code and its stdin")
    wall_s = bodies.seconds(bodies.number(body, "run_timeout", TIMEOUT_S), longest_s, "run_timeout")
    bodies.number(body, "compile_timeout", TIMEOUT_S)
    memory_mb = bodies.number(body, "memory_limit_MB", -1)
    return RunCode(
        job=bodies.job(bodies.text(body, "code"), bodies.text(body, "stdin", ""), limits, wall_s=wall_s, cpu_s=wall_s),
        other_memory_mb=memory_mb if 0 < memory_mb != limits.memory_mb else None,
    )


def answer(asked: RunCode, run: Run) -> dict[str, object]:
    """Return the result of the program in SandboxFusion's format."""
    late = run.ending in {Ending.OUT_OF_CPU, Ending.OUT_OF_WALL}
    code = None if late else run.exit_code if run.signal is None else -run.signal
    result: dict[str, object] = {
        "status": "TimeLimitExceeded" if late else "Finished",
        "execution_time": run.wall_s,
        "return_code": code,
        "stdout": run.stdout.decode("utf-8", "replace"),
        "stderr": run.stderr.decode("utf-8", "replace"),
    }
    return _response("Success" if code == 0 and not late else "Failed", _message(asked, run), result)


def failure(message: str) -> dict[str, object]:
    """Return the answer if our fault prevented a run of the program."""
    return _response("SandboxError", message, None)


def _response(status: str, message: str, result: dict[str, object] | None) -> dict[str, object]:
    return {
        "status": status,
        "message": message,
        "compile_result": None,
        "run_result": result,
        "executor_pod_name": None,
        "files": {},
    }


def _message(asked: RunCode, run: Run) -> str:
    limits = asked.job.limits
    said = []
    if run.ending is Ending.OUT_OF_MEMORY:
        said.append(f"wanted more than {limits.memory_mb} MB and was killed")
    if run.ending is Ending.TOO_MUCH_OUTPUT:
        said.append(f"wrote more than {limits.output_kb} kB and was killed")
    if asked.other_memory_mb is not None:
        said.append(f"the memory limit was {limits.memory_mb} MB, as for every program here")
    return "; ".join(said)
