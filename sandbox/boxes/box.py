"""One box: a hardened container with our supervisor as process 1, and one visit at a time.

A program that will be repeated stays inside, compiled, until `release_program`; no other program runs before that.
`container_config` says how it is made, and `result_decoder` reads what it sends, all of it hostile bytes. A box that
breaks the protocol is lost (`BoxLost`): this is our fault or the machine's, and never a verdict.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from sandbox.boxes.container_config import (
    OVERHEAD_MB,
    OVERHEAD_PROCESSES,
    SPARE_MB,
    BoxSpec,
    added_mb,
    container_body,
    memory_wall_mb,
)
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.docker_stream import DockerStream
from sandbox.boxes.result_decoder import Expected, fact, mapping, read_command, read_facts, read_files
from sandbox.errors import BoxLost, BoxSilent
from sandbox.inside import codec, environment, test_runner, wire
from sandbox.values import (
    Answer,
    AskedCalls,
    CallTests,
    CheckTests,
    Command,
    Files,
    Grading,
    Isolation,
    Job,
    LanguageTests,
    Limits,
    Program,
    ReferenceTests,
    Run,
    StdinTests,
)

OPENING_S = 300.0  # a profile's packages take 10 s of CPU to import, of which a busy machine gives a box little
GRACE_S = 10.0  # how long after its wall limit a program's end may be told: it may take 6 s to prove the box clean
PROTOCOL = 10
PATIENCE, PATIENCE_S = (
    10,
    10.0,
)  # a program that waits for its core may take so many times its wall limit, and so much more
SPARE_BYTES, SPARE_BYTES_A_CALL = 1 << 20, 4 << 10  # in the answers pipe, beside the answers: exceptions, frames
MESSAGES_TIMES = 16  # a compiler may print so many times the part of its messages that is kept
PRINTED_TIMES = 64  # functions that are called may print so many times the limit in all, once it for each call
MAX_RUNS = 4000  # or fewer, where the supervisor has fewer uids: none is given twice
REMEMBERED = 1 << 16  # characters of tests
MAX_RECORDED = 20_000  # calls that one set of tests may make
_FIRST_UID, _RANGES = 1 << 20, 200_000


class Box:
    """A running box. One thread owns it; `close` always."""

    def __init__(self, engine: DockerClient, spec: BoxSpec) -> None:
        """Start a container and read its greeting; if that fails, raise a SandboxError and leave nothing behind."""
        self._engine, self.spec, self.runs, self.clean = engine, spec, 0, True
        self.added_mb = added_mb(spec)
        self._guest: Program | None = None  # whose runner may be inside
        self._sole: str | None = None  # the program that has the box to itself
        self._ours = 0  # visits before the first program
        self._installed: Files = ()  # the program's files that are inside
        self._buffer = wire.FrameBuffer()
        first_uid = _FIRST_UID + random.SystemRandom().randrange(_RANGES) * environment.UID_STEP
        self.id = engine.create(container_body(spec, first_uid))
        self._stream: DockerStream | None = None
        try:
            self._stream = engine.attach(self.id)
            engine.start(self.id)
            self.greeting = _greeting(self._receive(time.monotonic() + OPENING_S), spec)
            self._most_runs = min(MAX_RUNS, fact(self.greeting, "uids", int))
            # Where packages are imported, a program has its memory beside them.
            self._ours_mb = max(OVERHEAD_MB, fact(self.greeting, "idle_mb", int) + SPARE_MB) + self.added_mb
            self._movable = spec.limits.movable
            if self._ours_mb > OVERHEAD_MB + self.added_mb:
                self._change_limits(spec.limits)
        except BaseException:
            self.close()
            raise

    def run(self, job: Job) -> Run:
        """Run a job in one visit; raises BoxLost. Afterwards `clean` says whether the box may be used for any program.

        After a job that will be repeated it may not: the program's runner is inside, until `release_program`.
        """
        proof = secrets.token_hex(16)
        order = self.prepare(job, proof)
        facts = self._ask(order, job.limits.wall_s + GRACE_S, longest_s=longest_s(job) + GRACE_S)
        return self.read(job, facts, proof)

    def prepare(self, job: Job, proof: str) -> dict[str, object]:
        """Prepare the box for a job and return the order; from now on the box counts as unclean."""
        if job.limits.walls != self.spec.limits.walls:
            raise ValueError(
                f"this box was made for (disk MB, files) = {self.spec.limits.walls}, the job wants {job.limits.walls}; "
                "open a pool with the job's limits"
            )
        if job.limits.movable != self._movable:
            self._change_limits(job.limits)
        self.clean, self._guest = False, None
        if job.isolation is Isolation.BOX:
            self._sole = job.program.source
        return self._order(job, proof)

    def read(self, job: Job, facts: Mapping[str, wire.Value], proof: str) -> Run:
        """Return the run that the facts of a visit describe, and whether the box is clean; raises BoxLost."""
        self.runs += 1
        room = codec.DecodeBudget(job.answer_limits.items)
        run = read_facts(facts, proof, replace(_expected(job.program), room=room))
        if job.command is not None:
            run = read_command(run, facts)
        if job.program.workspace.fetch:
            run = replace(run, fetched=read_files(facts, job.program.workspace.fetch))
        clean = facts.get("clean") is True
        self.clean, self._guest = clean and not job.repeat, job.program if clean and job.repeat else None
        return run

    def _order(self, job: Job, proof: str) -> dict[str, object]:
        order = _order(job, proof)
        if job.command is not None and job.command.installed != self._installed:
            self._installed = job.command.installed
            order["installed"] = [list(file) for file in self._installed]
        return order

    def _change_limits(self, limits: Limits) -> None:
        """Set the memory and the number of processes of the container to those of these limits."""
        self._movable = (0, 0)  # until it is done
        memory_mb, processes = memory_wall_mb(limits, self._ours_mb), limits.processes + OVERHEAD_PROCESSES
        self._engine.limit(self.id, memory_mb, processes)
        self._movable = limits.movable

    def accepts(self, job: Job) -> bool:
        """Return whether this box may run the job.

        It may if the box is clean and has a uid left, or if the job repeats the program whose runner is inside. With
        `Isolation.BOX`, no other program may have run in the box, and none may run in it later.
        """
        sole = job.isolation is Isolation.BOX or self._sole is not None
        if sole and job.program.source != self._sole and self.runs > self._ours:
            return False
        return (self.clean and self.runs < self._most_runs) or (job.repeat and job.program == self._guest)

    def mark_ready(self) -> None:
        """Mark all visits so far as our own: they do not count for `Isolation.BOX`."""
        self._ours = self.runs

    def release_program(self) -> None:
        """End the runner of a repeated program. Afterwards `clean` says whether the box may be used again."""
        if self._guest is not None:
            self._guest = None
            with contextlib.suppress(BoxLost):  # a lost box is not clean, and so not used again
                self.clean = self._ask(None, GRACE_S).get("clean") is True

    def _ask(self, order: object, patience_s: float, *, longest_s: float = 0.0) -> Mapping[str, wire.Value]:
        """Send an order and return the facts.

        While the box reports that it waits for its core, the deadline moves by that time, up to `longest_s` in all.
        """
        began = time.monotonic()
        deadline = began + patience_s
        self.stream.send(wire.frame(wire.pack_order(order)), deadline)
        while True:
            facts = mapping(self._receive(deadline), "facts")
            if facts.keys() != {"waited_s"}:
                return facts
            deadline = began + min(patience_s + fact(facts, "waited_s", float), longest_s)

    def send(self, order: object) -> None:
        """Send a frame within GRACE_S; raises BoxLost."""
        self.stream.send(wire.frame(wire.pack_order(order)), time.monotonic() + GRACE_S)

    @property
    def stream(self) -> DockerStream:
        """Return the stream to the box, for a conversation that waits for several boxes."""
        assert self._stream is not None  # noqa: S101  (set since __init__)
        return self._stream

    def frames(self) -> Iterator[Mapping[str, wire.Value]]:
        """Yield the frames that have come, without waiting for more; raises BoxLost."""
        try:
            self._buffer.feed(self.stream.receive_available())
            while (payload := self._buffer.next()) is not None:
                yield mapping(wire.decode(payload), "frame")
        except wire.WireError as error:
            raise BoxLost(f"box {self.id[:12]} broke the protocol: {error}") from error

    def _receive(self, deadline: float) -> wire.Value:
        try:
            while (payload := self._buffer.next()) is None:
                self._buffer.feed(self.stream.receive(deadline))
            return wire.decode(payload)
        except wire.WireError as error:
            raise BoxLost(f"box {self.id[:12]} broke the protocol: {error}") from error

    def pin(self, core: int) -> None:
        """Pin the box to one core, so that its times repeat better and boxes do not compete for a core."""
        self._engine.pin(self.id, core)

    def broken_from_within(self, lost: BoxLost) -> bool:
        """Return whether the box died (out of memory, supervisor ended) or fell silent, and nobody outside ended it."""
        state = self._engine.state(self.id)
        if state is None:
            return False
        if state.get("Running"):
            return isinstance(lost, BoxSilent) and not state.get("Paused")
        return bool(state.get("OOMKilled")) or state.get("ExitCode") not in {0, 128 + signal.SIGKILL}

    def abort(self) -> None:
        """Remove the container, whatever it is doing; a visit under way ends in BoxLost. Any thread may do this."""
        if self._stream is not None:
            self._stream.shutdown()
        self._engine.remove(self.id)

    def close(self) -> None:
        """Remove the container and close its stream."""
        try:
            self.abort()
        finally:
            if self._stream is not None:
                self._stream.close()


def longest_s(job: Job) -> float:
    """Return the seconds after which a visit ends, however long its box has waited for a core."""
    return float(max(PATIENCE * job.limits.wall_s, job.limits.wall_s + PATIENCE_S))


def _order(job: Job, proof: str) -> dict[str, object]:
    limits, answers, later = job.limits, job.answer_limits.size, _later(job.program)
    calls = _expected(job.program).calls
    order = _instructions(job.program) if job.command is None else _command(job.command)
    return {
        "program": wire.pack_order(order | {"later": len(later), "room": answers}),
        "later": later,
        "repeat": job.repeat,
        "spawn": job.isolation is Isolation.SPAWN,
        "command": job.command is not None,
        "collect": job.command is not None and job.command.collect,
        "installed": None,
        "proof": proof.encode(),
        "stdin": job.stdin,
        "cpu_s": float(limits.cpu_s),
        "wall_s": float(limits.wall_s),
        "longest_s": longest_s(job),
        "output": limits.output_kb << 10,
        "printed": (limits.output_kb << 10) * _printed_times(job, calls),
        "answers": answers + SPARE_BYTES + SPARE_BYTES_A_CALL * calls,
        "disk_mb": limits.disk_mb,
        "workspace": bool(job.program.workspace),
        "fetch": list(job.program.workspace.fetch),
        "live": job.live,
    }


def _printed_times(job: Job, calls: int) -> int:
    if job.command is not None and job.command.collect:
        return MESSAGES_TIMES
    return max(1, min(calls, PRINTED_TIMES))


def _command(command: Command) -> dict[str, object]:
    """Return what the candidate's process receives where it becomes a command."""
    return {
        "command": list(command.words),
        "environment": dict(command.environment),
        "sources": [list(file) for file in command.sources],
        "collect": command.collect,
    }


def _instructions(program: Program) -> dict[str, object]:
    """Return what the candidate's process receives: of calls, only the arguments."""
    fields: dict[str, object] = {
        "source": program.source,
        "tests": None,
        "calls": None,
        "arguments_back": False,
        "apart": 0,
        "functions": None,
        "answers": None,
        "withheld": False,
        "as_written": False,
        "whole": False,
        "imports": program.assumptions.imports,
        "recursion_limit": program.assumptions.recursion_limit,
        "long_integers": program.assumptions.long_integers,
        "files": [list(file) for file in program.workspace.files],
        "arguments": list(program.workspace.arguments),
        "environment": dict(program.workspace.environment),
    }
    match program.tests:
        case CallTests(calls=calls):
            return fields | {"calls": list(calls.first(len(calls)).pieces), "whole": calls.whole}
        case AskedCalls(pieces=pieces, arguments_back=back, apart=apart, whole=whole, turns=turns):
            first = turns[0] if turns else len(pieces)
            return fields | {"calls": list(pieces[:first]), "arguments_back": back, "apart": apart, "whole": whole}
        case Grading() as grading:
            return fields | _grading(grading)
        case CheckTests() | StdinTests() | ReferenceTests() | LanguageTests():
            raise ValueError("such tests are made of several visits; see sandbox.scoring.scorer")
        case tests:
            return fields | {"tests": tests, "as_written": tests is not None and _runs_as_written(tests, graded=False)}


def _later(program: Program) -> list[list[object]]:
    """Return the calls that are handed out later, each group with the number of answers that must come before it."""
    turns = program.tests.turns if isinstance(program.tests, AskedCalls) else ()
    starts = itertools.pairwise(itertools.accumulate(turns))
    return [[start, wire.pack_order(list(program.tests.pieces[start:end]))] for start, end in starts]  # type: ignore[union-attr]


def _grading(grading: Grading) -> dict[str, object]:
    answers = None
    if grading.answers is not None:
        answers = [_given(call, answer) for call, answer in zip(grading.calls, grading.answers, strict=True)]
    functions = list(grading.tests.functions)
    as_written = _runs_as_written(grading.tests.source, graded=True)
    return {
        "tests": grading.tests.source,
        "as_written": as_written,
        "functions": functions,
        "answers": answers,
        "withheld": grading.withheld,
    }


def _runs_as_written(source: str, *, graded: bool) -> bool:
    """Return `test_runner.runs_as_written`, cached for short tests."""
    return (_runs_as_written_once if len(source) <= REMEMBERED else test_runner.runs_as_written)(source, graded=graded)


@functools.lru_cache(maxsize=256)
def _runs_as_written_once(source: str, *, graded: bool) -> bool:
    return test_runner.runs_as_written(source, graded=graded)


def _given(call: bytes, answer: Answer) -> dict[str, object]:
    raised = answer.raised and {"type": answer.raised.type, "message": answer.raised.message}
    return {
        "call": call,
        "value": answer.data,
        "arguments": answer.arguments,
        "raised": raised,
        "exception": answer.exception,
    }


def _expected(program: Program) -> Expected:
    match program.tests:
        case CallTests(calls=calls):
            return Expected(calls=len(calls), known=calls.first(len(calls)).known)
        case AskedCalls(count=count, known=known, turns=turns):
            return Expected(calls=count, known=known, in_turn=len(turns) > 1)
        case Grading():
            return Expected(calls=MAX_RECORDED)
        case _:
            return Expected()


def _greeting(value: wire.Value, spec: BoxSpec) -> Mapping[str, wire.Value]:
    greeting = mapping(value, "greeting")
    if greeting.get("protocol") != PROTOCOL:
        raise BoxLost(f"the image {spec.image} speaks another protocol; run `sandbox build`")
    return greeting
