"""One box: a hardened container with our supervisor as process 1, and one visit at a time.

A program that will be repeated stays inside, compiled, until `farewell`; nobody else comes in before.
Whatever comes back from it is hostile bytes: decoded strictly, checked field by field, allowed to choose nothing. If a box does
not answer as agreed it is lost (`BoxLost`), which is our fault or the machine's and never a verdict.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sandbox.boxes.engine import Attached, Engine, inline_seccomp
from sandbox.errors import BoxLost, BoxSilent
from sandbox.inside import codec, wire
from sandbox.values import (
    Answer,
    AskedCalls,
    CallTests,
    CheckTests,
    Ending,
    Flag,
    Grading,
    Isolation,
    Job,
    Limits,
    MemorySource,
    Program,
    Raised,
    ReferenceTests,
    Run,
    Stage,
    StdinTests,
)

LABEL = "codebudget.box"
LABEL_OWNER = "codebudget.owner"
OPENING_S = 60.0
GRACE_S = 10.0  # how long after its wall limit a program's end may be told: it may take 6 s to prove the box clean
PROTOCOL = 4
OVERHEAD_MB = 34  # supervisor, zygote, cleaner and runner: 21 to 28 MB, more where packages are imported, and
SPARE_MB = 6  # what they need over that while they work
OUTPUT_COPIES = 8  # what the supervisor keeps of two streams until the facts are sent
OVERHEAD_PROCESSES = 4  # supervisor, zygote, cleaner, and a runner where a program comes again
SPARE_CLAIMS = 8
ITEMS_PER_MB = 100_000  # that answers may have
MAX_RUNS = 4000  # the supervisor has 4096 uids, and none is given twice
# What the engine's own list hides in its newest release, and what else tells of the host; an older engine hides less.
MASKED_PATHS = (
    "/proc/acpi", "/proc/asound", "/proc/cmdline", "/proc/config.gz", "/proc/diskstats", "/proc/interrupts", "/proc/kallsyms",
    "/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/latency_stats", "/proc/modules", "/proc/partitions", "/proc/sched_debug",
    "/proc/schedstat", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/block", "/sys/class",
    "/sys/devices/virtual", "/sys/firmware", "/sys/kernel", "/sys/module", "/sys/power",
)  # fmt: skip
MAX_RECORDED = 20_000  # calls that one set of tests may make
_SIZE = struct.Struct(">I")
T = TypeVar("T")
_FIRST_UID, _UIDS_PER_BOX, _RANGES = 1 << 20, 8192, 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSpec:
    """How a box is made: from which image, with which limits, for which owner, under which runtime."""

    image: str
    limits: Limits
    owner: str
    runtime: str | None = None


def container_body(spec: BoxSpec, first_uid: int) -> dict[str, Any]:
    """The body of the engine's create request: every wall that Docker can set."""
    limits = spec.limits
    memory = memory_wall_mb(limits, OVERHEAD_MB) << 20
    scratch = f"rw,nosuid,nodev,noexec,mode=1777,size={limits.disk_mb}m,nr_inodes={limits.files}"
    host: dict[str, Any] = {
        "NetworkMode": "none",
        "IpcMode": "none",
        "CapDrop": ["ALL"],
        "CapAdd": ["SETUID", "SETGID", "KILL"],
        "SecurityOpt": ["no-new-privileges:true", inline_seccomp(_profile())],
        "ReadonlyRootfs": True,
        "MaskedPaths": list(MASKED_PATHS),
        "Tmpfs": {"/tmp": scratch, "/dev/shm": scratch},  # noqa: S108  (inside the box)
        "Memory": memory,
        "MemorySwap": memory,
        "PidsLimit": limits.processes + OVERHEAD_PROCESSES,
        "Ulimits": [
            {"Name": name, "Soft": amount, "Hard": amount}
            for name, amount in (("core", 1), ("nofile", 1024), ("msgqueue", 0), ("rtprio", 0))
        ],
        "LogConfig": {"Type": "none"},
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "Init": False,
    }
    if spec.runtime is not None:
        host["Runtime"] = spec.runtime
    return {
        "Image": spec.image,
        "Cmd": [str(first_uid)],
        "User": "0:0",
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/tmp", "PYTHONHASHSEED=0", "TMPDIR=/tmp"],
        "Hostname": "box",
        "OpenStdin": True, "StdinOnce": True, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True,
        "Tty": False, "NetworkDisabled": True, "StopSignal": "SIGKILL",
        "Labels": {LABEL: "1", LABEL_OWNER: spec.owner},
        "HostConfig": host,
    }  # fmt: skip


def memory_wall_mb(limits: Limits, ours_mb: int) -> int:
    """What all processes of a box together may take, where our own need so much."""
    return limits.memory_mb + ours_mb + (OUTPUT_COPIES * limits.output_kb >> 10)


def _profile() -> str:
    return (Path(__file__).parent / "seccomp.json").read_text(encoding="utf-8")


class Box:
    """A running box. One thread owns it; `close` always."""

    def __init__(self, engine: Engine, spec: BoxSpec) -> None:
        """Create, start and greet; raises a SandboxError and leaves nothing behind if that fails."""
        self._engine, self.spec, self.runs, self.clean = engine, spec, 0, True
        self._guest: Program | None = None  # whose runner may be inside
        self._sole: str | None = None  # the program that has the box to itself
        self._ours = 0  # visits before the first program
        self._buffer = wire.FrameBuffer()
        first_uid = _FIRST_UID + random.SystemRandom().randrange(_RANGES) * _UIDS_PER_BOX
        self.id = engine.create(container_body(spec, first_uid))
        self._stream: Attached | None = None
        try:
            self._stream = engine.attach(self.id)
            engine.start(self.id)
            self.greeting = _greeting(self._receive(time.monotonic() + OPENING_S), spec)
            ours_mb = _fact(self.greeting, "idle_mb", int) + SPARE_MB
            if ours_mb > OVERHEAD_MB:  # packages are imported; a program has its memory beside them
                engine.limit_memory(self.id, memory_wall_mb(spec.limits, ours_mb))
        except BaseException:
            self.close()
            raise

    def run(self, job: Job) -> Run:
        """One visit; raises BoxLost. Afterwards `clean` says whether the box may be used for any program.

        After a job that will be repeated it may not: the program's runner is inside, until `farewell`.
        """
        if job.limits.walls != self.spec.limits.walls:
            raise ValueError(
                f"this box was made for (memory MB, processes, disk MB, files) = {self.spec.limits.walls}, the job wants "
                f"{job.limits.walls}; open a pool with the job's limits"
            )
        self.clean, self._guest = False, None
        if job.isolation is Isolation.BOX:
            self._sole = job.program.source
        proof = secrets.token_hex(16)
        facts = self._ask(_order(job, proof), job.limits.wall_s + GRACE_S)
        self.runs += 1
        calls, known = _expected_answers(job.program)
        room = codec.Room(job.answers_mb * ITEMS_PER_MB)
        run = read_facts(facts, proof, calls=calls, room=room, known=known)
        clean = facts.get("clean") is True
        self.clean, self._guest = clean and not job.repeat, job.program if clean and job.repeat else None
        return run

    def takes(self, job: Job) -> bool:
        """Whether this job may come in: nobody is inside and a uid is left, or it is the program that was to come again.

        Where a program has a box to itself, nobody else was in it or will be.
        """
        sole = job.isolation is Isolation.BOX or self._sole is not None
        if sole and job.program.source != self._sole and self.runs > self._ours:
            return False
        return (self.clean and self.runs < MAX_RUNS) or (job.repeat and job.program == self._guest)

    def hand_over(self) -> None:
        """What has run until now was ours, and no program to be kept from another."""
        self._ours = self.runs

    def farewell(self) -> None:
        """Send away a program that was to come again. Afterwards `clean` says whether the box may be used again."""
        if self._guest is not None:
            self._guest = None
            with contextlib.suppress(BoxLost):  # a lost box harms nobody now; it is not clean, and so not used again
                self.clean = self._ask(None, GRACE_S).get("clean") is True

    def _ask(self, order: object, patience_s: float) -> Mapping[str, wire.Value]:
        assert self._stream is not None  # noqa: S101  (set since __init__)
        deadline = time.monotonic() + patience_s
        self._stream.send(wire.frame(wire.encode(order)), deadline)
        return _mapping(self._receive(deadline), "facts")

    def _receive(self, deadline: float) -> wire.Value:
        assert self._stream is not None  # noqa: S101
        try:
            while (payload := self._buffer.next()) is None:
                self._buffer.feed(self._stream.receive(deadline))
            return wire.decode(payload)
        except wire.WireError as error:
            raise BoxLost(f"box {self.id[:12]} broke the protocol: {error}") from error

    def pin(self, core: int) -> None:
        """Keep the box on one core: its times repeat better, and boxes stay out of each other's way."""
        self._engine.pin(self.id, core)

    def broken_from_within(self, lost: BoxLost) -> bool:
        """Whether the box died (its memory, its supervisor) or fell silent by itself rather than by a hand from outside."""
        state = self._engine.state(self.id)
        if state is None:
            return False
        if state.get("Running"):
            return isinstance(lost, BoxSilent) and not state.get("Paused")
        return bool(state.get("OOMKilled")) or state.get("ExitCode") not in {0, 128 + signal.SIGKILL}

    def abort(self) -> None:
        """Remove the container, whatever it is doing; a visit under way ends in BoxLost. Any thread may do this."""
        if self._stream is not None:
            self._stream.hang_up()
        self._engine.remove(self.id)

    def close(self) -> None:
        """Abort, and give everything back."""
        try:
            self.abort()
        finally:
            if self._stream is not None:
                self._stream.close()


def _order(job: Job, proof: str) -> dict[str, object]:
    limits = job.limits
    return {
        "program": _instructions(job.program) | {"fresh": job.fresh},
        "repeat": job.repeat,
        "spawn": job.isolation is Isolation.SPAWN,
        "proof": proof,
        "stdin": job.stdin,
        "cpu_s": float(limits.cpu_s),
        "wall_s": float(limits.wall_s),
        "output": limits.output_kb << 10,
        "answers": job.answers_mb << 20,
        "disk_mb": limits.disk_mb,
    }


def _instructions(program: Program) -> dict[str, object]:
    """What the candidate's process is told: of calls the arguments only."""
    told: dict[str, object] = {
        "source": program.source, "tests": None, "calls": None, "arguments_back": False, "apart": 0, "functions": None,
        "answers": None,
    }  # fmt: skip
    match program.tests:
        case CallTests(calls=calls):
            return told | {"calls": list(calls.first(len(calls)).pieces)}
        case AskedCalls(pieces=pieces, arguments_back=back, apart=apart):
            return told | {"calls": list(pieces), "arguments_back": back, "apart": apart}
        case Grading() as grading:
            return told | _grading(grading)
        case CheckTests() | StdinTests() | ReferenceTests():
            raise ValueError("such tests are made of several visits; see sandbox.scoring.scorer")
        case tests:
            return told | {"tests": tests}


def _grading(grading: Grading) -> dict[str, object]:
    answers = None
    if grading.answers is not None:
        answers = [_given(call, answer) for call, answer in zip(grading.calls, grading.answers, strict=True)]
    return {"tests": grading.tests.source, "functions": list(grading.tests.functions), "answers": answers}


def _given(call: bytes, answer: Answer) -> dict[str, object]:
    raised = answer.raised and {"type": answer.raised.type, "message": answer.raised.message}
    return {"call": call, "value": answer.data, "arguments": answer.arguments, "raised": raised}


def _expected_answers(program: Program) -> tuple[int, Sequence[Answer]]:
    """How many answers there can be, and what is known of them."""
    match program.tests:
        case CallTests(calls=calls):
            return len(calls), calls.first(len(calls)).known
        case AskedCalls(count=count, known=known):
            return count, known
        case Grading():
            return MAX_RECORDED, ()
        case _:
            return 0, ()


def _greeting(value: wire.Value, spec: BoxSpec) -> Mapping[str, wire.Value]:
    greeting = _mapping(value, "greeting")
    if greeting.get("protocol") != PROTOCOL:
        raise BoxLost(f"the image {spec.image} speaks another protocol; run `sandbox build`")
    return greeting


def _mapping(value: wire.Value, what: str) -> Mapping[str, wire.Value]:
    if not isinstance(value, dict):
        raise BoxLost(f"a box sent {type(value).__name__} for its {what}")
    return value


def read_facts(
    facts: Mapping[str, wire.Value],
    proof: str,
    *,
    calls: int = 0,
    room: codec.Room | None = None,
    known: Sequence[Answer] = (),
) -> Run:
    """The run that a box reports; raises BoxLost if a fact is missing or of the wrong kind."""
    status = _fact(facts, "status", int)
    signalled = os.WIFSIGNALED(status)
    claims = read_claims(_fact(facts, "answers", bytes), proof, calls, room, known)
    try:
        ending = Ending(_fact(facts, "ending", str))
        flags = frozenset(Flag(flag) for flag in _fact(facts, "flags", list))
        memory_source = MemorySource(_fact(facts, "memory_source", str))
    except ValueError as error:
        raise BoxLost(f"a box reports what it cannot know: {error}") from error
    return Run(
        ending=ending,
        exit_code=None if signalled else os.waitstatus_to_exitcode(status),
        signal=os.WTERMSIG(status) if signalled else None,
        cpu_s=_fact(facts, "cpu_s", float),
        wall_s=_fact(facts, "wall_s", float),
        memory_mb=_fact(facts, "peak_kb", int) / 1024,
        memory_source=memory_source,
        stdout=_fact(facts, "stdout", bytes),
        stderr=_fact(facts, "stderr", bytes),
        proved=claims.proved,
        raised=claims.raised,
        answers=tuple(claims.answers),
        asked=tuple(claims.asked),
        missed=claims.missed,
        blamed=claims.blamed,
        flags=flags,
    )


def _fact(facts: Mapping[str, wire.Value], name: str, kind: type[T]) -> T:
    value = facts.get(name)
    if type(value) is not kind:
        raise BoxLost(f"a box sent {type(value).__name__} for {name}")
    return value


@dataclass(slots=True)
class Claims:
    """What the candidate's process said: the proof, an exception that ended it, answers to calls; a grader's: its calls."""

    proved: bool = False
    raised: Raised | None = None
    answers: list[Answer] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)
    missed: int | None = None
    blamed: int | None = None
    room: codec.Room = field(default_factory=codec.Room, compare=False)
    known: Sequence[Answer] = field(default=(), compare=False)


def read_claims(
    data: bytes,
    proof: str,
    calls: int,
    room: codec.Room | None = None,
    known: Sequence[Answer] = (),
) -> Claims:
    """The claims in what came through the answers pipe, when so many calls were asked.

    Answers count in the order of the calls; garbage is silence, and so is everything after more claims than there can be.
    An answer of the same bytes as the one that is `known` for its call is that one, and is not decoded.
    """
    claims = Claims(room=room or codec.Room(), known=known)
    buffer = wire.FrameBuffer()
    buffer.feed(data)
    try:
        for _ in range(calls + SPARE_CLAIMS):
            if (payload := buffer.next()) is None:
                break
            claim = wire.decode(payload)
            if isinstance(claim, dict):
                _take_claim(claim, claims, (proof, calls))
    except wire.WireError:
        pass
    return claims


def _take_claim(claim: Mapping[str, wire.Value], claims: Claims, asked: tuple[str, int]) -> None:
    proof, calls = asked
    call, blamed = claim.get("asked"), claim.get("blamed")
    if claim.get("proof") == proof:
        claims.proved = True
    elif isinstance(call, bytes):
        claims.asked.append(call)
        claims.missed = claim["missed"] if type(claim.get("missed")) is int else None  # type: ignore[assignment]
    elif type(blamed) is int:
        claims.blamed = blamed
    elif "sizes" in claim:
        _take_batch(claim, claims, calls)
    elif "call" in claim:
        expected = len(claims.answers)
        if expected < calls and claim["call"] == expected and (answer := _answer(claim, claims)) is not None:
            claims.answers.append(answer)
    elif claims.raised is None:
        claims.raised = _raised(claim)


def _take_batch(claim: Mapping[str, wire.Value], claims: Claims, calls: int) -> None:
    """Answers to calls that follow each other. What is there already stays: a forked child may say again what was said."""
    first, sizes, values = claim.get("call"), claim.get("sizes"), claim.get("values")
    if type(first) is not int or first < 0 or not isinstance(sizes, bytes) or not isinstance(values, bytes):
        return
    if len(sizes) % 4:
        return
    number, at = first, 0
    for (size,) in _SIZE.iter_unpack(sizes):
        if number > len(claims.answers) or number >= calls or at + size > len(values):
            return
        if number == len(claims.answers):
            answer = _read_answer(values[at : at + size], claims)
            if answer is None:
                return
            claims.answers.append(answer)
        number, at = number + 1, at + size


def _answer(claim: Mapping[str, wire.Value], claims: Claims) -> Answer | None:
    raised, value = claim.get("raised"), claim.get("value")
    if isinstance(raised, dict):
        described = _raised(raised)
        return None if described is None else Answer(raised=described)
    after = claim.get("arguments", b"")
    if not isinstance(value, bytes) or not isinstance(after, bytes):
        return None
    return _read_answer(value, claims, after)


def _read_answer(data: bytes, claims: Claims, after: bytes = b"") -> Answer | None:
    number = len(claims.answers)
    if number < len(claims.known) and claims.known[number].data == data and not after:
        return claims.known[number]
    try:
        return Answer(value=codec.decode(data, claims.room), data=data, arguments=after)
    except codec.CodecError:
        return None


def _raised(claim: Mapping[str, wire.Value]) -> Raised | None:
    stage, kind, message, line = (claim.get(key) for key in ("stage", "type", "message", "line"))
    if not isinstance(stage, str) or not isinstance(kind, str) or not isinstance(message, str):
        return None
    if stage not in set(Stage):
        return None
    return Raised(
        stage=Stage(stage), type=kind[:200], message=message[:2000], line=line if isinstance(line, int) else None
    )
