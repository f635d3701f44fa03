"""Read and write the format of SandboxFusion's `/run_code`, which verl, PipelineRL and others use.

The result of a program is given by `status`, `return_code` and the two streams. A process that ended with 0 is a
success there, wherever it ended (`/v1/score` gives verdicts). A language that is compiled has a `compile_result`; if
that failed, the program was not run and `run_result` is null. Files are refused, not ignored. The memory limit is fixed
when the boxes are made: if a client asks for another amount, `message` says which limit holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.scoring.compiling import Executed
from sandbox.serving import bodies
from sandbox.serving.bodies import Refused
from sandbox.values import PYTHON, Ending, Job, Limits, Run

TIMEOUT_S = 10.0  # theirs
FULL = 504  # what their clients try again on, and on nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCode:
    """One request: the job, seconds to compile it, and the requested memory, if the job gets another amount."""

    job: Job
    compile_s: float
    other_memory_mb: float | None


def read(body: Mapping[str, object], limits: Limits, longest_s: float, served: Sequence[str] = (PYTHON,)) -> RunCode:
    """Read a request for a program in one of the `served` languages; raises Refused."""
    language = bodies.language(body, served)
    for name, given in (("files", bodies.entries(body, "files")), ("fetch_files", bodies.items(body, "fetch_files"))):
        if given:
            raise Refused(400, f"{name} are not served here: a program has its code and its stdin")
    wall_s = bodies.seconds(bodies.number(body, "run_timeout", TIMEOUT_S), longest_s, "run_timeout")
    compile_s = bodies.compile_seconds(bodies.number(body, "compile_timeout", TIMEOUT_S), TIMEOUT_S, longest_s)
    source = bodies.Source(bodies.text(body, "code"), language)
    memory_mb = bodies.number(body, "memory_limit_MB", -1)
    return RunCode(
        job=bodies.job(source, bodies.text(body, "stdin", ""), limits, wall_s=wall_s, cpu_s=wall_s),
        compile_s=compile_s,
        other_memory_mb=memory_mb if 0 < memory_mb != limits.memory_mb else None,
    )


def answer(asked: RunCode, executed: Executed) -> dict[str, object]:
    """Return the result of the program in SandboxFusion's format."""
    compiled = None if executed.compilation is None else _result(executed.compilation.run)
    if executed.run is None:
        return _response("Failed", "", compiled, None)
    result = _result(executed.run)
    status = "Success" if result["return_code"] == 0 and result["status"] == "Finished" else "Failed"
    return _response(status, _message(asked, executed.run), compiled, result)


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
    said = []
    if run.ending is Ending.OUT_OF_MEMORY:
        said.append(f"wanted more than {limits.memory_mb} MB and was killed")
    if run.ending is Ending.TOO_MUCH_OUTPUT:
        said.append(f"wrote more than {limits.output_kb} kB and was killed")
    if asked.other_memory_mb is not None:
        said.append(f"the memory limit was {limits.memory_mb} MB, as for every program here")
    return "; ".join(said)
