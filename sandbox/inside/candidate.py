"""A fork becomes a candidate: privileges go, limits come, the program runs, its end is told.

Everything up to `drop_privileges` is ours; from the first line of the program on, this process is hostile and what it
writes to the answers pipe is a claim. The one claim that matters, the proof, is a token that the host made for this visit;
it lies unread in the order pipe until the tests have returned. That keeps an early exit from passing. It does not keep
out a program that reads our pipe itself; no test in the program's own process could.
"""

from __future__ import annotations

import atexit
import builtins
import ctypes
import gc
import linecache
import os
import resource
import struct
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable
from typing import Any

from sandbox.inside import codec, grader, wire

SCRATCH = "/tmp"  # noqa: S108  (the box's own, made for one visit)
STACK_BYTES = 64 << 20
OPEN_FILES = 256
MAX_MESSAGE = 2000
BATCH_BYTES, BATCH_S = 1 << 15, 0.002
ANSWERS_FD = 3
ORDER_FD = 4
RULES_FD = 101  # in the zygote: Landlock rules, where the kernel has them
WRITABLE = ("/tmp", "/dev")  # noqa: S108  (/dev/shm included)
_ANSWERED = 77  # how a fresh copy ends that has given its answer
_PR_SET_DUMPABLE = 4
_prctl, _syscall = ctypes.CDLL(None).prctl, ctypes.CDLL(None).syscall  # looked up here, once, and not in every fork
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_WRITE_FILE, _REFER = 1 << 1, 1 << 13
_QUIET = 0b101  # what is refused does not go into the kernel's log; only newer versions know this
_PROGRAM_FILES = frozenset({"main.py", "solution.py"})

Report = Callable[[dict[str, object]], None]


def inherit_limits() -> None:
    """Limits that are the same for every candidate; the zygote takes them on once, because each call costs each fork."""
    for what, amount in (
        (resource.RLIMIT_CORE, 1),  # 0 would still start a core handler that the host may have
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_STACK, STACK_BYTES),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (amount, amount))
    _lay_down_rules()


def has_rules() -> bool:
    """Whether the kernel has Landlock rules of a version that is used here."""
    return bool(_syscall(_CREATE_RULESET, None, 0, 1) >= 2)


def _lay_down_rules() -> None:
    """Rules under which nothing but the scratch directories and devices can be opened for writing: above all, not /proc.

    A candidate that lowers its OOM score there and fills the box with memory of no process has ours killed before its own.
    The first version of Landlock would forbid every move from one directory to another, so it is not used.
    """
    if not has_rules():
        return
    rights = _WRITE_FILE | _REFER
    rules = _syscall(_CREATE_RULESET, struct.pack("=Q", rights), 8, 0)
    for directory in WRITABLE:
        place = os.open(directory, os.O_PATH | os.O_CLOEXEC)
        _syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
    os.dup2(rules, RULES_FD, inheritable=False)
    os.close(rules)


def clear_the_stage() -> None:
    """Make the interpreter look like one that was started for a program: nothing of ours by name."""
    for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
        del sys.modules[name]  # a candidate may have a module of that name
    sys.modules["__main__"] = types.ModuleType("__main__")  # ours has a file, which `multiprocessing` would run again
    sys.argv = ["main.py"]
    sys.path = [entry for entry in sys.path if not entry.startswith("/opt/")]


def take_pipes(fds: list[int]) -> None:
    """As 0-4 stdin, stdout, stderr, answers, order, and no other descriptor; in a session of its own."""
    os.setsid()
    for target, fd in enumerate(fds):
        os.dup2(fd, target, inheritable=target < 3)
    os.closerange(len(fds), OPEN_FILES)


def limit(cpu_s: float, disk_mb: int) -> None:
    """The limits that an order brings. The supervisor measures finer and acts first."""
    seconds, size = int(cpu_s) + 2, disk_mb << 20
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def stand_behind_rules() -> None:
    """First in line where memory runs out, and then bound by the rules of `_lay_down_rules`, whose descriptor must be open."""
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(score, b"1000")
    os.close(score)
    if _syscall(_RESTRICT_SELF, RULES_FD, _QUIET):
        _syscall(_RESTRICT_SELF, RULES_FD, 0)


def give_up_root(uid: int) -> None:
    """Become `uid` for good. Leaving uid 0 empties every capability set."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.umask(0o022)
    os.chdir(SCRATCH)


def show() -> None:
    """Changing uid makes a process undumpable, and then it may not even open /dev/stdin."""
    _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def hide() -> None:
    """Keep other processes of the same uid out of memory and descriptors. A fork inherits it."""
    _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def read_order(fd: int) -> dict[str, wire.Value]:
    """The program in an order pipe; leaves the proof, which comes after it."""
    order = wire.decode(wire.read_frame(fd) or b"")
    if not isinstance(order, dict):
        raise wire.WireError("an order is a dict")
    return order


def run() -> int:
    """Run the program that waits in the order pipe; returns the exit code."""
    order = read_order(ORDER_FD)
    source, tests, calls = str(order["source"]), order["tests"], order["calls"]
    if order["functions"] is not None:
        return _run_graded(order, _reporter())
    if isinstance(calls, list):
        answering = _Answering(calls, _reporter(), arguments_back=bool(order["arguments_back"]), apart=order["apart"])
        return _run_module(source, answering.each_afresh if order["fresh"] else answering.all, _reporter())
    if tests is None:
        return _run_plain(Script(source), _reporter())
    return _run_tested(source, str(tests), _reporter())


def _reporter() -> Report:
    encode, write = wire.encode, wire.write_frame
    return lambda claim: write(ANSWERS_FD, encode(claim))


def _prove(report: Report) -> None:
    report({"proof": wire.decode(wire.read_frame(ORDER_FD) or b"")})


class Script:
    """A whole program, compiled once; what is wrong with it is raised whenever it is asked for."""

    def __init__(self, source: str) -> None:
        self._wrong: Exception | None = None
        try:
            self._code = _compiled(source, "main.py")
        except Exception as error:
            self._wrong = error

    def code(self) -> types.CodeType:
        """The program, if it compiles."""
        if self._wrong is not None:
            raise self._wrong
        return self._code


def _run_plain(script: Script, report: Report) -> int:
    """A script as the interpreter itself would run it, down to exit handlers and waiting for threads."""
    prove, tell, finish, let_go = _prove, _tell, _finish, _let_go
    code, stage = 0, "compile"
    space = _namespace("__main__")
    try:
        program = script.code()
        stage = "program"
        exec(program, space)
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


def _run_tested(source: str, tests: str, report: Report) -> int:
    """The tests as code, in the program's namespace."""
    return _run_module(source, lambda space: exec(_compiled(tests, "tests.py"), space), report)


class _Answering:
    """One call after the other; an exception is an answer.

    With `arguments_back` the arguments go along as the call has left them, so that work done in place is seen. The answers to
    the first `apart` calls have left before the others are made.
    """

    def __init__(self, pieces: list[wire.Value], report: Report, *, arguments_back: bool, apart: wire.Value) -> None:
        self._report, self._arguments_back, self._apart = report, arguments_back, apart
        self._describe, self._find = _describe, _function
        self._encode = codec.encode if arguments_back else codec.encode_briefly  # a grader needs the values themselves
        read = _one_call if arguments_back else codec.calls_from  # those come from a grader box, not from the host
        self._asked: list[Any] = [call for piece in pieces if type(piece) is bytes for call in read(piece)]

    def all(self, space: dict[str, Any]) -> None:
        """In this process, one after the other."""
        if not self._arguments_back:
            self._all_in_batches(space)
            return
        for number in range(len(self._asked)):
            self._answer(number, space)

    def each_afresh(self, space: dict[str, Any]) -> None:
        """Each in a copy of this process, where no call has been made yet. Where a copy does not come back, neither do we."""
        fork, wait, leave, kill = os.fork, os.waitpid, os._exit, os.kill
        for number in range(len(self._asked)):
            pid = fork()
            if pid == 0:
                self._answer(number, space)
                _flush()
                leave(_ANSWERED)
            _, status = wait(pid, 0)
            if os.WIFSIGNALED(status):
                kill(os.getpid(), os.WTERMSIG(status))
            if os.waitstatus_to_exitcode(status) != _ANSWERED:
                leave(os.waitstatus_to_exitcode(status))

    def _all_in_batches(self, space: dict[str, Any]) -> None:
        """Answers leave in batches; one that took long to come, and those before it, at once."""
        describe, find, encode, batch = self._describe, self._find, self._encode, _Batch(self._report)
        try:
            for number, (function, arguments, named) in enumerate(self._asked):
                if number == self._apart:
                    batch.flush()
                try:
                    batch.add(encode(find(space, function)(*arguments, **named)))
                except Exception as error:
                    batch.flush()
                    self._report({"call": number, "raised": describe(error, "program")})
                    batch.first = number + 1
        finally:
            batch.flush()

    def _answer(self, number: int, space: dict[str, Any]) -> None:
        function, arguments, named = self._asked[number]
        try:
            value = self._encode(self._find(space, function)(*arguments, **named))
            claim: dict[str, object] = {"call": number, "value": value}
            if self._arguments_back:
                claim["arguments"] = self._encode([*arguments, *named.values()])
        except Exception as error:
            self._report({"call": number, "raised": self._describe(error, "program")})
        else:
            self._report(claim)


def _one_call(piece: bytes) -> list[Any]:
    return [codec.decode(piece)]


class _Batch:
    """Encoded answers on their way out. What a program loses by dying is at most what it had said within BATCH_S."""

    def __init__(self, report: Report) -> None:
        self._report, self._clock, self._pack = report, time.monotonic, struct.pack
        self._answers: list[bytes] = []
        self._size, self._since, self.first = 0, time.monotonic(), 0

    def add(self, answer: bytes) -> None:
        self._answers.append(answer)
        self._size += len(answer)
        if self._size > BATCH_BYTES or self._clock() - self._since > BATCH_S:
            self.flush()

    def flush(self) -> None:
        answers, self._answers = self._answers, []
        if answers:
            sizes = self._pack(f">{len(answers)}I", *map(len, answers))
            self._report({"call": self.first, "sizes": sizes, "values": b"".join(answers)})
        self.first, self._size, self._since = self.first + len(answers), 0, self._clock()


def _run_graded(order: dict[str, Any], report: Report) -> int:
    """A data set's tests over stand-ins: see `grader`. `source` is what the tests may lean on, or the recorded solution."""
    tell, prove, name = _tell, _prove, "tests.py"
    space = _namespace("solution")
    exec(_compiled(order["source"], "solution.py"), space)
    replayer = grader.Replayer(order["answers"] or [], report)
    solution = dict(space)
    recorder = grader.Recorder(lambda function: _function(solution, function), report)
    stand_in = recorder if order["answers"] is None else replayer
    tests = _namespace("tests") | space
    grader.bind(tests, order["functions"], stand_in)
    grader.seed()
    try:
        exec(_compiled(order["tests"], name), tests)
    except BaseException as error:
        if (number := replayer.blame(error)) is not None:
            report({"blamed": number})
        tell(error, "tests", report)
        return 1
    prove(report)
    return 0


def _run_module(source: str, check: Callable[[dict[str, Any]], None], report: Report) -> int:
    """The program as a module, then `check` over its namespace. Only a check that returns earns the proof."""
    prove, tell = _prove, _tell
    stage = "compile"
    try:
        program = _compiled(source, "solution.py")
        space: dict[str, Any] = _namespace("solution")
        stage = "program"
        exec(program, space)
        stage = "tests"
        check(space)
    except SystemExit as stop:
        return _exit_code(stop)
    except BaseException as error:
        tell(error, stage, report)
        return 1
    prove(report)
    return 0


def _function(space: dict[str, Any], name: str) -> Callable[..., object]:
    """The function of that name; of "A.f" the method f of a fresh A, or a function f where there is no A."""
    owner, _, method = name.rpartition(".")
    if owner in space:
        found: Callable[..., object] = getattr(space[owner](), method)
        return found
    name = method
    if name not in space:
        raise NameError(f"name {name!r} is not defined")
    function: Callable[..., object] = space[name]
    return function


def _compiled(source: str, name: str) -> types.CodeType:
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source, name, "exec", dont_inherit=True)


def _namespace(name: str) -> dict[str, object]:
    """A fresh module, registered so that pickling and dataclasses find it."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    return module.__dict__


def _exit_code(stop: SystemExit) -> int:
    """What the interpreter makes of sys.exit's argument."""
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return int(stop.code) & 0xFF
    sys.stderr.write(f"{stop.code}\n")
    return 1


def _tell(error: BaseException, stage: str, report: Report) -> None:
    report(_describe(error, stage))
    traceback.print_exception(type(error), error, _trace(error))


def _describe(error: BaseException, stage: str) -> dict[str, object]:
    lines: list[int | None] = [at.lineno for at in traceback.extract_tb(_trace(error)) if at.filename in _PROGRAM_FILES]
    if isinstance(error, SyntaxError) and stage == "compile":
        lines = [error.lineno]
    return {"stage": stage, "type": _name(error), "message": _message(error), "line": lines[-1] if lines else None}


def _trace(error: BaseException) -> types.TracebackType | None:
    """Where it was raised, without our own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _name(error: BaseException) -> str:
    return str(type(error).__name__)[:200]


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except BaseException:
        return "(its message cannot be shown)"


def _finish() -> None:
    """What the interpreter does at the end of a script."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  (joins the threads; the interpreter calls it, too)
    atexit._run_exitfuncs()  # noqa: SLF001


def _let_go(place: int) -> None:
    """Let a script's names go, given where they were, as the interpreter does at its own end.

    All at once, so that a destructor still finds what it uses; what is open is then written. Names that something outside
    holds on to (a signal handler, a patched library) are cleared.
    """
    gc.collect()
    for kept in gc.get_objects():
        if id(kept) == place and type(kept) is dict:
            kept.clear()
            gc.collect()


def become(uid: int, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """From a fork of the zygote to a process that a program may have."""
    stand_behind_rules()
    take_pipes(fds)
    limit(cpu_s, disk_mb)
    give_up_root(uid)
    show()


def main(uid: int, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """A fork of the zygote, to its end. Never returns."""
    live(lambda: become(uid, cpu_s, disk_mb, fds), run)


def main_again(script: Script, cpu_s: float, disk_mb: int, fds: list[int]) -> None:
    """A fork of a runner, to its end. Never returns."""

    def become_again() -> None:
        take_pipes(fds)
        limit(cpu_s, disk_mb)
        show()

    live(become_again, lambda: _run_plain(script, _reporter()))


def live(begin: Callable[[], object], run: Callable[[], int]) -> None:
    """A candidate's life. Never returns."""
    leave, code = os._exit, 1
    try:
        begin()
        code = run()
        _flush()
    except BaseException:
        traceback.print_exc()
        _flush()
    finally:
        leave(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except BaseException:  # noqa: S112  (the program may have closed or replaced it)
            continue
