"""Serve tools to agents by the Model Context Protocol: run a program, run tests, solve a problem.

Every call is a visit of its own: no file, process or variable of one call is there in another. A call whose arguments
are wrong, and one that we could not answer because of a fault of ours, get the protocol's error with the reason; what a
program did is data, whatever it did. `solve` is there if the server was started with a command for it: it runs
`sampler solve`, which samples from a model, in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import Field

from sandbox.errors import SandboxError
from sandbox.judging.explaining import result_fields
from sandbox.languages import find_language, names
from sandbox.problems import ProblemsError, read_problem
from sandbox.scoring.compiler import scaled
from sandbox.scoring.scorer import Scorer
from sandbox.values import PYTHON, Program

SHORTEST_S, LONGEST_S = 0.01, 60.0  # of CPU time that a call may ask for
MOST_SOLVED = 1 << 20  # bytes that a command of --solve may print
KILL_AFTER_S = 5.0  # that a cancelled command of --solve has to end in
MOST_TEXT = 64_000  # characters of each output; the context of a model is small
_INSTRUCTIONS = """Run untrusted code in hardened containers without network. Calls share nothing: send everything that
a program needs in one call. A verdict is PASSED only if the program (and its tests) ran to their end; the others are
WRONG, ERROR, SYNTAX, TIMEOUT, MEMORY, OUTPUT, CRASHED and EARLY_EXIT, and `explanation` says why."""
_CHANGES_NOTHING = ToolAnnotations(read_only_hint=True, open_world_hint=False)  # clients may then call without asking

Code = Annotated[str, Field(description="The whole program.")]
Seconds = Annotated[
    float,
    Field(
        ge=SHORTEST_S,
        le=LONGEST_S,
        description="The most CPU seconds that the program may use; by the clock, twice that, or 10.",
    ),
]
Problem = Annotated[
    dict[str, Any],
    Field(description="A problem with tests, an object in any format of `sandbox score`, such as a HumanEval row."),
]


def make_server(scorer: Scorer, version: str, solve: Sequence[str] = ()) -> MCPServer:
    """Return a server whose tools use the boxes of a scorer.

    `solve` is the command that solves a problem: it gets the problem as JSON on its standard input, and prints JSON.
    """

    async def run_code(
        code: Code,
        language: Annotated[str, Field(description="The program's language.")] = PYTHON,
        stdin: Annotated[str, Field(description="What it reads from its standard input.")] = "",
        cpu_seconds: Seconds = 10.0,
    ) -> dict[str, Any]:
        return await _run(scorer, Program(source=code, language=_language(language)), cpu_seconds, stdin)

    async def run_tests(
        code: Code,
        tests: Annotated[str | None, Field(description="Python code that tests the program.")] = None,
        problem: Problem | None = None,
        cpu_seconds: Seconds = 10.0,
    ) -> dict[str, Any]:
        if (tests is None) == (problem is None):
            raise ToolError("give either tests, as Python code, or a problem, and not both")
        if tests is not None:
            return await _run(scorer, Program(source=code, tests=tests), cpu_seconds)
        try:
            program = (await asyncio.to_thread(read_problem, problem)).solve(code)
        except (ProblemsError, ValueError, RecursionError) as error:
            raise ToolError(f"problem: {error}") from error
        return await _run(scorer, program, cpu_seconds)

    async def solve_problem(problem: Problem) -> dict[str, Any]:
        return await _solve(solve, problem)

    tools = [
        _tool(run_code, f"Run a program and return its output and how it ended. Languages: {', '.join(names())}."),
        _tool(
            run_tests,
            "Run tests over a Python program and return the verdict. The tests are Python code (assertions, test "
            "functions or unittest classes; usually no pytest) that runs after the program, or a problem with tests.",
        ),
    ]
    if solve:
        told = "Sample programs from a model until one passes the public tests; return the best one."
        tools.append(_tool(solve_problem, told))
    return MCPServer("codebudget", instructions=_INSTRUCTIONS, version=version, log_level="WARNING", tools=tools)


def _tool(function: Callable[..., Any], description: str) -> Tool:
    """Return a tool that refuses arguments it does not have; by itself the package passes over misspelled ones."""
    tool = Tool.from_function(function, description=description, annotations=_CHANGES_NOTHING)
    known = tool.fn_metadata.arg_model
    tool.fn_metadata.arg_model = type(known.__name__, (known,), {"__module__": __name__}, extra="forbid")
    tool.parameters = tool.fn_metadata.arg_model.model_json_schema(by_alias=True)
    return tool


def _language(name: str) -> str:
    try:
        found = find_language(name)
    except ValueError as error:
        raise ToolError(str(error)) from error
    return PYTHON if found is None else found.name


async def _run(scorer: Scorer, program: Program, cpu_s: float, stdin: str = "") -> dict[str, Any]:
    """Run a program and return its result; raises ToolError if it could not be judged because of a fault of ours."""
    usual = scorer.limits_for(program.assumptions)
    limits = scaled(replace(usual, cpu_s=cpu_s, wall_s=max(usual.wall_s, 2 * cpu_s)), program.language)
    try:
        future = scorer.submit(program, stdin.encode("utf-8", "replace"), limits=limits)
        try:
            scored = await asyncio.wrap_future(future)
        finally:
            scorer.cancel(future)  # where the client gave up, the box is free for the next call
    except (SandboxError, CancelledError) as error:
        raise ToolError(f"not judged, by a fault of the sandbox: {error}") from error
    except ValueError as error:
        raise ToolError(str(error)) from error
    found = result_fields(scored, limits, program)
    return found | {stream: _cut(str(found[stream])) for stream in ("stdout", "stderr")}


def _cut(text: str) -> str:
    """Return a text, or its beginning and its end if it is long."""
    if len(text) <= MOST_TEXT:
        return text
    half = MOST_TEXT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


async def _solve(command: Sequence[str], problem: dict[str, Any]) -> dict[str, Any]:
    """Run the command with the problem on its standard input; raises ToolError with its message if it fails."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise ToolError(f"the command of --solve cannot be started: {error}") from error
    try:
        out, err = await process.communicate(json.dumps(problem).encode())
    except asyncio.CancelledError:
        process.terminate()
        asyncio.get_running_loop().call_later(KILL_AFTER_S, _kill, process)
        raise
    if len(out) > MOST_SOLVED:
        raise ToolError(f"the command of --solve printed {len(out)} bytes; at most {MOST_SOLVED} are handed on")
    try:
        found = json.loads(out)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        said = err.decode("utf-8", "replace")[-2000:].strip()
        raise ToolError(f"the command of --solve ended with {process.returncode} and printed no object of JSON: {said}")
    return found
