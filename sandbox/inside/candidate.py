"""Run one program in a process that has become a candidate, and report how it ended.

The process is a fork of the zygote (`main`), a fork of a runner (`main_in_runner`) or a fresh interpreter (`main_exec`,
`resume`). From the first line of the program on it is hostile, and what it writes to the answers pipe is an untrusted
claim. The only claim that matters is the proof, a token that the host made for this visit. It stays unread in the order
pipe until the tests have returned, so an early exit cannot pass. A program that reads the pipe itself can still take
it; no test in the program's own process could prevent that.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import linecache
import os
import sys
import threading
import traceback
import types
from collections.abc import Callable
from typing import Any, NoReturn

from sandbox.inside import answers, codec, commands, environment, privileges, test_replay, test_runner, wire
from sandbox.inside.answers import CallRunner, Report, find_function, flush

ANSWERS_FD = 3
ORDER_FD = 4
_COMMAND = ("/opt/box/python", "-s", "-P", "-B", "/opt/box/start.py", "candidate")  # `start.py` calls `resume`


def read_order(fd: int) -> dict[str, wire.Value]:
    """Read the program from an order pipe, but not the proof, which comes after it."""
    order: dict[str, wire.Value] = wire.unpack_order(wire.read_frame(fd) or b"")
    return order


def run() -> int:
    """Read a program from the order pipe, run it and return its exit code."""
    order = read_order(ORDER_FD)
    tests, calls, later = order["tests"], order["calls"], order["later"]
    apply_assumptions(order)
    if order["functions"] is not None:
        return _run_graded(order, _reporter())
    if isinstance(calls, list):
        runner = CallRunner(order, _reporter())
        if type(later) is int and later:
            return _run_module(order, runner.run_in_turns(later, _next_calls), _reporter())
        return _run_module(order, runner.run_all, _reporter())
    if tests is None:
        return _run_plain(Script(order), _reporter())
    return _run_tested(order, str(tests), _reporter())


def _reporter() -> Report:
    encode, write = wire.encode, wire.write_frame
    return lambda claim: write(ANSWERS_FD, encode(claim))


def _next_calls() -> list[wire.Value]:
    """Read the calls that are sent now that all earlier ones have their answers."""
    calls: list[wire.Value] = wire.unpack_order(wire.read_frame(ORDER_FD) or b"")
    return calls


def _prove(report: Report) -> None:
    report({"proof": (wire.read_frame(ORDER_FD) or b"").decode()})


def apply_assumptions(order: dict[str, Any]) -> None:
    """Set the recursion limit and the limit on digits that programs of the data set may assume."""
    if order["recursion_limit"] is not None:
        sys.setrecursionlimit(order["recursion_limit"])
    if order["long_integers"]:
        sys.set_int_max_str_digits(0)


class Script:
    """A whole program, compiled once; `parts` raises what compiling raised."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self._wrong: Exception | None = None
        try:
            self._parts = _parts(order, "main.py")
        except Exception as error:
            self._wrong = error

    def parts(self) -> list[types.CodeType]:
        """Return the code of the data set's imports, if any, and of the program."""
        if self._wrong is not None:
            raise self._wrong
        return self._parts


def _run_plain(script: Script, report: Report) -> int:
    """Run a script as the interpreter itself would, down to exit handlers and waiting for threads."""
    prove, tell, finish, let_go = _prove, answers.report_exception, _finish, _release_namespace
    code, stage = 0, "compile"
    space = _namespace("__main__")
    try:
        parts = script.parts()
        _enter_workspace(script.order)
        _file_of(script.order, space, "main.py")
        stage = "program"
        for part in parts:
            exec(part, space)
    except SystemExit as stop:
        code = _exit_code(stop)
    except BaseException as error:
        tell(error, stage, report)
        code = 1
    finish()
    place = id(space)
    sys.modules.pop("__main__", None)
    del space
    let_go(place)
    if code == 0:
        prove(report)
    return code


def _run_tested(order: dict[str, Any], tests: str, report: Report) -> int:
    """Run the program, then tests that are code in its namespace."""

    def check(space: dict[str, Any]) -> None:
        _run_tests(order, tests, space)

    return _run_module(order, check, report)


def _run_tests(order: dict[str, Any], source: str, space: dict[str, Any], names: frozenset[str] | None = None) -> None:
    if order["as_written"]:
        exec(_compiled(source, test_runner.NAME), space)
    else:
        _remember(source, test_runner.NAME)
        test_runner.run(source, space, names)


def _run_graded(order: dict[str, Any], report: Report) -> int:
    """Run a data set's tests over stand-ins (`test_replay`).

    The order's `source` is the code that the tests may use, or the solution to record.
    """
    tell, prove, source = answers.report_exception, _prove, order["tests"]
    space = _namespace("solution")
    exec(_compiled(order["source"], "solution.py"), space)
    solution = dict(space)
    replayer = test_replay.Replayer(order["answers"] or [], report, solution)
    stand_in: test_replay.Replayer | test_replay.Recorder | test_replay.Withholder = replayer
    if order["withheld"]:
        space |= test_replay.withheld_names()
        stand_in = test_replay.Withholder(lambda call: report({"asked": call}), test_replay.MAX_ASKED, _exactly)
    elif order["answers"] is None:
        stand_in = test_replay.Recorder(lambda function: find_function(solution, function), report)
    tests = _namespace("tests") | space
    test_replay.bind(tests, order["functions"], stand_in)
    test_replay.seed_random()
    try:
        if order["withheld"]:
            exec(test_replay.compile_lenient(source, test_runner.NAME), tests)
        else:
            _run_tests(order, source, tests, frozenset(name.partition(".")[0] for name in order["functions"]))
            test_runner.require(stand_in.asked, f"the tests never call {' or '.join(order['functions'])}")
    except BaseException as error:
        if (number := replayer.blame(error)) is not None:
            report({"blamed": number})
        tell(error, "tests", report)
        return 1
    prove(report)
    return 0


def _exactly(call: object) -> bytes:
    return codec.encode(call, exact=True)


def _run_module(order: dict[str, Any], check: Callable[[dict[str, Any]], None], report: Report) -> int:
    """Run the program as a module, then `check` over its namespace; send the proof if both return."""
    prove, tell = _prove, answers.report_exception
    stage = "compile"
    try:
        parts = _parts(order, "solution.py")
        space: dict[str, Any] = _namespace("solution")
        _enter_workspace(order)
        _file_of(order, space, "solution.py")
        stage = "program"
        for part in parts:
            exec(part, space)
        stage = "tests"
        check(space)
    except SystemExit as stop:
        return _exit_code(stop)
    except BaseException as error:
        tell(error, stage, report)
        return 1
    prove(report)
    return 0


def _file_of(order: dict[str, Any], space: dict[str, Any], name: str) -> None:
    beside = bool(order["files"])
    space["__file__"] = environment.write_program_file(order["source"], order["imports"], name, beside=beside)


def _enter_workspace(order: dict[str, Any]) -> None:
    """Write the files beside the program, and set its arguments and environment."""
    if order["files"]:
        environment.write_files(order["files"])
    if order["arguments"]:
        sys.argv[1:] = order["arguments"]
    if order["environment"]:
        os.environ.update(order["environment"])


def _parts(order: dict[str, Any], name: str) -> list[types.CodeType]:
    """Compile the data set's imports, if any, and the program.

    They are compiled separately, so that the program keeps its line numbers, its docstring and its `from __future__`
    imports.
    """
    imports = [_compiled(order["imports"], "imports.py")] if order["imports"] else []
    return [*imports, _compiled(order["source"], name)]


def _compiled(source: str, name: str) -> types.CodeType:
    source = source.removeprefix("\ufeff")  # a mark of the file's encoding, no part of the text
    _remember(source, name)
    return compile(source, name, "exec", dont_inherit=True)


def _remember(source: str, name: str) -> None:
    """Register the source lines, so that tracebacks and `inspect` find them."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def _namespace(name: str) -> dict[str, object]:
    """Create a module and register it, so that pickling and dataclasses find it."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    return module.__dict__


def _exit_code(stop: SystemExit) -> int:
    """Return the exit code that the interpreter makes of sys.exit's argument."""
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return int(stop.code) & 0xFF
    sys.stderr.write(f"{stop.code}\n")
    return 1


def _finish() -> None:
    """Do what the interpreter does at the end of a script."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  (joins the threads; the interpreter calls it, too)
    atexit._run_exitfuncs()  # noqa: SLF001  (as the interpreter does before it ends)
    flush()  # of a stream that is the program's own, while it still finds its names


def _release_namespace(place: int) -> None:
    """Release a script's namespace, the dict whose id is `place`, as the interpreter does at its own end.

    All names go at once, so that a destructor still finds what it uses; open files are then written. A namespace that
    something outside refers to (a signal handler, a patched library) is cleared.
    """
    gc.collect()
    for kept in gc.get_objects():
        if id(kept) == place and type(kept) is dict:
            kept.clear()
            gc.collect()


def main(uid: int, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """Become a candidate in a fork of the zygote and run the program. Never returns."""
    run_process(lambda: privileges.become_candidate(uid, cpu_s, disk_mb, fds), run)


def main_in_runner(script: Script, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """Become a candidate in a fork of a runner and run its program. Never returns."""

    def become() -> None:
        privileges.take_pipes(fds)
        privileges.set_limits(cpu_s, disk_mb)
        privileges.make_dumpable()

    run_process(become, lambda: _run_plain(script, _reporter()))


def main_exec(uid: int, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """Become a candidate in a fork of the zygote, then start a fresh interpreter that calls `resume`. Never returns.

    Nothing of the zygote's memory is left in it: no module imported in advance, no state of a library. The uid, the
    rules, the limits and the pipes are those of a fork.
    """

    def start() -> NoReturn:
        for fd in (ANSWERS_FD, ORDER_FD):
            os.set_inheritable(fd, True)
        os.execv(_COMMAND[0], _COMMAND)

    run_process(lambda: privileges.become_candidate(uid, cpu_s, disk_mb, fds), start)


def main_command(uid: int, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """Become a candidate in a fork of the zygote, then the command of the order. Never returns."""
    run_process(
        lambda: privileges.become_candidate(uid, cpu_s, disk_mb, fds), lambda: commands.start(read_order(ORDER_FD))
    )


def resume() -> None:
    """Run the program in the fresh interpreter that `main_exec` started. Never returns."""
    for fd in (ANSWERS_FD, ORDER_FD):
        os.set_inheritable(fd, False)
    run_process(environment.reset_interpreter, run)


def run_process(begin: Callable[[], object], run: Callable[[], int]) -> None:
    """Call `begin`, then `run`, and exit with its code. Never returns."""
    leave, code = os._exit, 1
    try:
        begin()
        code = run()
        flush()
    except BaseException:
        traceback.print_exc()
        flush()
    finally:
        leave(code)
