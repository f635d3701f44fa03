"""`sandbox mcp` as an agent uses it: the client of the package `mcp`, over standard input and output."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("mcp", reason="mcp is not installed here (extra `mcp`)")
from mcp import MCPError
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]

ADD = {
    "task_id": "t/1",
    "prompt": "def add(a, b):\n",
    "entry_point": "add",
    "test": "def check(add):\n    assert add(1, 2) == 3",
}
FORK_BOMB = "import os\nwhile True:\n    os.fork()\n"
SOLVER = """import json, sys
problem = json.load(sys.stdin)
if problem.get("prompt") is None: sys.exit("no prompt")
if problem["prompt"] == "long": print('{"solution": "' + 2_000_000 * "x" + '"}'); sys.exit()
if problem["prompt"] == "odd": print("[1]"); sys.exit()
print(json.dumps({"solution": problem["prompt"] + "    return a + b", "cost": 1}))"""


@asynccontextmanager
async def connected(*options: str) -> AsyncIterator[Client]:
    words = ["-c", "from sandbox.cli import main; main()", "mcp", "--boxes", "2", *options]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=words))) as client:
        yield client


async def called(client: Client, tool: str, **arguments: object) -> Mapping[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)


async def refused(client: Client, tool: str, **arguments: object) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return result.content[0].text


async def test_an_agent_lists_and_calls_each_tool() -> None:
    async with connected("--solve", shlex.join([sys.executable, "-c", SOLVER])) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"run_code", "run_tests", "solve_problem"}
        ran = await called(client, "run_code", code="print(input()[::-1])", stdin="abc")
        assert (ran["verdict"], ran["stdout"]) == ("PASSED", "cba\n")
        right = await called(client, "run_tests", code="def f(x): return x + 1", tests="def test_f(): assert f(1) == 2")
        wrong = await called(client, "run_tests", code="def f(x): return x", tests="def test_f(): assert f(1) == 2")
        assert (right["verdict"], wrong["verdict"]) == ("PASSED", "WRONG")
        judged = await called(client, "run_tests", code="def add(a, b): return a + b", problem=ADD)
        assert judged["verdict"] == "PASSED"
        solved = await called(client, "solve_problem", problem=ADD)
        assert solved == {"solution": "def add(a, b):\n    return a + b", "cost": 1}
        assert "no prompt" in await refused(client, "solve_problem", problem={})
        assert "at most 1048576" in await refused(client, "solve_problem", problem={"prompt": "long"})
        assert "no object of JSON" in await refused(client, "solve_problem", problem={"prompt": "odd"})


@pytest.mark.parametrize(("solve", "told"), [('"open', "No closing quotation"), ("/none/such --json", "no program")])
def test_a_command_that_cannot_solve_is_refused_before_a_box_is_opened(solve: str, told: str) -> None:
    words = ["-c", "from sandbox.cli import main; main()", "mcp", "--solve", solve]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert told in done.stderr


async def test_bad_arguments_get_the_error_of_the_protocol_and_the_next_call_an_answer() -> None:
    async with connected() as client:
        assert "code" in await refused(client, "run_code")
        assert "cpu_seconds" in await refused(client, "run_code", code="1", cpu_seconds=1e9)
        assert "cpu_seconds" in await refused(client, "run_code", code="1", cpu_seconds=0.001)
        assert "timeout" in await refused(client, "run_code", code="1", timeout=3)
        assert "test\n" in await refused(client, "run_tests", code="1", test="assert 1", tests="assert 1")
        assert all(tool.input_schema["additionalProperties"] is False for tool in (await client.list_tools()).tools)
        assert "cobol" in await refused(client, "run_code", code="1", language="cobol")
        assert "not both" in await refused(client, "run_tests", code="1")
        assert "prompt" in await refused(client, "run_tests", code="1", problem={"task_id": "x"})
        assert (await called(client, "run_code", code="print(1)"))["stdout"] == "1\n"


async def test_a_call_that_its_client_gives_up_leaves_its_box_to_the_next_call() -> None:
    async with connected() as client:
        loop = {"code": "print('on')\nwhile True: pass", "cpu_seconds": 60.0}
        given_up = [asyncio.ensure_future(client.call_tool("run_code", loop)) for _ in range(2)]
        assert not (await asyncio.wait(given_up, timeout=1.0))[0]
        for call in given_up:
            call.cancel()
        await asyncio.wait(given_up)
        async with asyncio.timeout(50.0):  # both boxes would be busy for longer
            assert (await called(client, "run_code", code="print(1)"))["stdout"] == "1\n"
        with pytest.raises(MCPError, match="timed out"):
            await client.call_tool("run_code", loop, read_timeout_seconds=1.0)
        async with asyncio.timeout(50.0):
            assert (await called(client, "run_code", code="print(2)"))["stdout"] == "2\n"


async def test_a_fork_bomb_in_one_call_harms_no_other_and_calls_share_nothing() -> None:
    async with connected() as client:
        bomb = asyncio.ensure_future(called(client, "run_code", code=FORK_BOMB, cpu_seconds=1.0))
        for number in range(6):
            code = f"import os; print(os.path.exists('mark')); open('mark', 'w').close(); print({number})"
            assert (await called(client, "run_code", code=code))["stdout"] == f"False\n{number}\n"
        assert (await bomb)["verdict"] != "PASSED"
