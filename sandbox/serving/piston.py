"""Read and write the format of Piston's `/api/v2/execute` and `/api/v2/runtimes`.

Times are milliseconds and memory is bytes in this format. The first file is the program, the others lie beside it. A
client may ask for less memory than the boxes have. `output` is stdout followed by stderr: the order of their bytes is
not known. A language that is compiled has the result `compile`; if that failed, there is no `run`.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.languages import PYTHON_NAMES, find_language
from sandbox.languages.language import COMPILE_LIMITS
from sandbox.problems import json_fields
from sandbox.scoring.compiler import Executed
from sandbox.serving import bodies
from sandbox.serving.bodies import Refused
from sandbox.values import PYTHON, Ending, Job, Limits, Run

TIMEOUT_MS = 3000.0  # theirs
COMPILE_TIMEOUT_MS = 10_000.0  # theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """One request: the job, and the seconds to compile it."""

    job: Job
    compile_s: float


def runtimes(versions: Mapping[str, str]) -> list[dict[str, object]]:
    """Return the runtimes, by the languages and their versions."""
    found: list[dict[str, object]] = []
    for name, version in versions.items():
        language = find_language(name)
        aliases = PYTHON_NAMES[1:] if language is None else language.aliases
        found.append({"language": name, "version": version, "aliases": list(aliases)})
    return found


def read(body: Mapping[str, object], limits: Limits, longest_s: float, served: Sequence[str] = (PYTHON,)) -> Execute:
    """Read a request for a program in one of the `served` languages; raises Refused."""
    language = bodies.language(body, served)
    bodies.text(body, "version", "*")
    arguments = bodies.items(body, "args")
    if not all(isinstance(word, str) for word in arguments):
        raise Refused(bodies.UNREADABLE, "args must be texts")
    files = bodies.items(body, "files")
    if not files:
        raise Refused(400, "files must be at least one file, the program")
    wall_ms = bodies.number(body, "run_timeout", TIMEOUT_MS)
    cpu_ms = bodies.number(body, "run_cpu_time", wall_ms)
    for name in ("compile_cpu_time", "compile_memory_limit"):
        bodies.number(body, name, -1)
    compile_ms = bodies.number(body, "compile_timeout", COMPILE_TIMEOUT_MS)
    own = replace(
        limits,
        wall_s=bodies.seconds(wall_ms / 1000, longest_s, "run_timeout"),
        cpu_s=bodies.seconds(cpu_ms / 1000, longest_s, "run_cpu_time"),
        memory_mb=bodies.memory_mb(bodies.number(body, "run_memory_limit", -1) / (1 << 20), limits),
    )
    beside = tuple(
        (bodies.file_name(_file_name(file, number)), _bytes(file)) for number, file in enumerate(files[1:], 1)
    )
    source, workspace = bodies.SourceText(_text(files[0]), language), {"files": beside, "arguments": tuple(arguments)}
    job = bodies.job(source, bodies.text(body, "stdin", ""), own, workspace)
    compile_s = bodies.compile_seconds(compile_ms / 1000, COMPILE_TIMEOUT_MS / 1000, longest_s)
    return Execute(job=job, compile_s=compile_s)


def _file_name(file: object, number: int) -> str:
    """Return the name of a file that lies beside the program; Piston gives it one if the client does not."""
    return bodies.text(_object(file), "name", "") or f"file{number}.code"


def _object(file: object) -> dict[str, object]:
    if not isinstance(file, dict):
        raise Refused(400, "a file is an object with its content")
    return file


def _text(file: object) -> str:
    try:
        return _bytes(file).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(400, f"the program's content is not UTF-8: {error}") from error


def _bytes(file: object) -> bytes:
    fields = _object(file)
    bodies.text(fields, "name", "")
    content, encoding = bodies.text(fields, "content"), bodies.text(fields, "encoding", "utf8")
    try:
        match encoding:
            case "utf8":
                return content.encode("utf-8", "replace")
            case "base64":
                return json_fields.from_base64(content)
            case "hex":
                return bytes.fromhex(content)
            case _:
                raise Refused(400, f"encoding {encoding!r} is none of utf8, base64, hex")
    except ValueError as error:
        raise Refused(400, f"the file's content is not {encoding}: {error}") from error


def answer(asked: Execute, executed: Executed, version: str) -> dict[str, object]:
    """Return the result of the program in Piston's format."""
    response: dict[str, object] = {"language": asked.job.program.language, "version": version}
    if executed.compilation is not None:
        response["compile"] = _result(executed.compilation.run, COMPILE_LIMITS)
    if executed.run is not None:
        response["run"] = _result(executed.run, asked.job.limits)
    return response


def _result(run: Run, limits: Limits) -> dict[str, object]:
    stdout, stderr = (stream.decode("utf-8", "replace") for stream in (run.stdout, run.stderr))
    status, message = _status(run, limits)
    killed = run.ending is not Ending.EXITED
    number = signal.SIGKILL if run.signal is None else run.signal
    return {
        "stdout": stdout,
        "stderr": stderr,
        "output": stdout + stderr,
        "code": None if killed else run.exit_code,
        "signal": _name(number) if killed else None,
        "message": message,
        "status": status,
        "cpu_time": round(run.cpu_s * 1000),
        "wall_time": round(run.wall_s * 1000),
        "memory": round(run.memory_mb * (1 << 20)),
    }


def _name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"SIG{number}"


def _status(run: Run, limits: Limits) -> tuple[str | None, str | None]:
    """Return Piston's two letters for how a program ended, and a line of text."""
    match run.ending:
        case Ending.EXITED:
            return (None, None) if run.exit_code == 0 else ("RE", f"Exited with error status {run.exit_code}")
        case Ending.SIGNALLED:
            return "SG", f"Caught fatal signal {run.signal}"
        case Ending.OUT_OF_MEMORY:
            return "SG", f"wanted more than {limits.memory_mb} MB"
        case Ending.OUT_OF_CPU | Ending.OUT_OF_WALL:
            return "TO", "Time limit exceeded"
        case Ending.TOO_MUCH_OUTPUT:
            return ("OL" if len(run.stdout) >= len(run.stderr) else "EL"), f"wrote more than {limits.output_kb} kB"
