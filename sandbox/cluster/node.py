"""Run programs on one node: a pool of the node's cores, in a process that ends with its driver.

The driver first asks for a `survey`, then has the boxes opened, and then calls `exchange` all the time: it brings
programs, and takes results as soon as there are some. Results stay here until the next exchange confirms them: a lost
message loses nothing. A number that is known here is not started again: a message may arrive twice.

Who watches whom: without a word of its driver for `LEASE_S` the process removes its boxes and ends, whatever Ray thinks
of the driver. If the process itself is killed, a cleaner that has left its session removes the boxes
(`sandbox.boxes.ownership`). If the engine stops answering, or opens no box any more (a full disk), the driver hears of
it within seconds, and once more when that is over.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.boxes.box_supply import Refusal
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec, ensure_image, image_tag
from sandbox.boxes.ownership import removing_boxes_after_kill
from sandbox.cluster import image_transfer
from sandbox.cluster.messages import Fault, Plain, Sheet, Survey, bare, scored_tests, this_program, write_result
from sandbox.errors import SandboxError
from sandbox.scoring.compiler import execute
from sandbox.scoring.references import usual_directory
from sandbox.scoring.scorer import Scorer, open_pool, usable_cores
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import Limits, Score

LEASE_S = 20.0
ENDING_S = 3.0  # that the driver has to end this process: one that ends itself is an accident to Ray, which says so
CLOSING_S = 8.0  # that an orderly end may take before the process ends itself
HEARTBEAT_S = 1.0  # an exchange answers by then, results or not
ENGINE_SILENT_S = 5.0  # an engine that has not answered, or has opened no box, for so long is taken to be gone
DROPPED = 1024  # sheets that were dropped before what the scorer has cached of them is dropped, too
SHEET_S = 5.0  # for which a program waits for a sheet that another message brings


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """What a node opens: boxes of images with these digests. `boxes` is None for one per core."""

    limits: Limits
    options: ScoringOptions
    digests: Sequence[tuple[ImageSpec, str]]
    boxes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRequest:
    """What the driver sends: programs as (number, kind, sheet, source, more), their sheets, and what to cancel."""

    programs: Sequence[Plain] = ()
    sheets: Sequence[tuple[int, Sheet]] = ()
    dropped: Sequence[int] = ()
    cancelled: Sequence[int] = ()
    give_back: int = 0
    confirmed: int = 0  # results up to this one have arrived
    linger_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReply:
    """What a node sends back: results as (number, result, tests), and the failure of its boxes, if there is one.

    A program that was not run has the result None: it was cancelled or is given back. The tests of a result are the
    expected answers that came of its sheet here, where the driver may not have them.
    """

    last: int
    results: Sequence[Plain]
    failure: str | None


class NodeHost:
    """One node's boxes. Its methods are called by Ray, each on a thread of its own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: dict[int, Future[Any]] = {}
        self._results: deque[tuple[int, Plain]] = deque()  # numbered, until they are confirmed
        self._kept: set[int] = set()  # the programs that they are of
        self._last = 0
        self._sheets: dict[int, Sheet] = {}
        self._told: set[int] = set()  # sheets whose expected answers were sent
        self._dropped = 0
        self._archive: Path | None = None  # of an image that arrives
        self._heard = self._answered = time.monotonic()
        self._refusal: Refusal | None = None
        self._opened = contextlib.ExitStack()
        self._closed = threading.Event()
        threading.Thread(target=self._watch_driver, name="lease", daemon=True).start()

    # opening

    def heartbeat(self) -> None:
        """Record that the driver is alive."""
        self._heard = time.monotonic()

    def survey(self, image: ImageSpec) -> Survey | Fault:
        """Return what is here, or why no box can be opened."""
        self.heartbeat()
        try:
            with contextlib.closing(DockerClient()) as engine:
                digest = engine.image_digest(image_tag(image))
        except SandboxError as error:
            return Fault.of(error)
        return Survey(program=this_program(), image=image_tag(image), digest=digest)

    def build(self, image: ImageSpec) -> str | Fault:
        """Build the image here; return its digest."""
        try:
            with contextlib.closing(DockerClient()) as engine:
                return image_transfer.digest_of(engine, ensure_image(engine, image, say=lambda _: None))
        except SandboxError as error:
            return Fault.of(error)

    def pull(self, image: ImageSpec, registry: str) -> str | None:
        """Fetch the image from a registry; return its digest, or None if it is not there."""
        with contextlib.closing(DockerClient()) as engine:
            return image_transfer.pull(engine, image_tag(image), registry)

    def send_image(self, image: ImageSpec) -> list[str]:
        """Write the image to a file here; return the names of its pieces, for `piece`."""
        with contextlib.closing(DockerClient()) as engine:
            return image_transfer.export(engine, image_tag(image))

    def piece(self, name: str) -> bytes:
        """Return one piece of an exported image; its file is removed."""
        self.heartbeat()
        return image_transfer.take_piece(name)

    def receive_image(self, image: ImageSpec, number: int, piece: bytes, *, last: bool) -> str | Fault | None:
        """Take one piece of an image, in order; after the last one load it, and return its digest."""
        self.heartbeat()
        try:
            if number == 0:
                self._remove_archive()  # of a transfer that was broken off
            self._archive = image_transfer.write_piece(self._archive, piece)
            if not last:
                return None
            with contextlib.closing(DockerClient()) as engine:
                return image_transfer.load(engine, self._archive, image_tag(image))
        except SandboxError as error:
            self._remove_archive()
            return Fault.of(error)
        except OSError as error:
            self._remove_archive()
            return Fault(image_transfer.ImageNotSent.__name__, f"it cannot store the box image: {error}")

    def _remove_archive(self) -> None:
        if self._archive is not None:
            self._archive.unlink(missing_ok=True)
            self._archive = None

    def open(self, spec: NodeSpec) -> int | Fault:
        """Open the boxes, prove their walls, and return how many there are; or the fault if this node cannot."""
        try:
            with contextlib.ExitStack() as opening:
                return self._open(spec, opening)
        except Exception as error:  # the driver names the node and the reason
            return Fault.of(error)

    def _open(self, spec: NodeSpec, opening: contextlib.ExitStack) -> int:
        options = replace(spec.options, kept=spec.options.kept and usual_directory())
        engine = opening.enter_context(contextlib.closing(DockerClient()))
        for image, digest in spec.digests:
            image_transfer.require(engine, image_tag(image), digest)
        opening.enter_context(removing_boxes_after_kill())
        self._pool = opening.enter_context(
            open_pool(
                spec.limits,
                boxes=spec.boxes or usable_cores(),
                runtime=options.runtime,
                image_spec=options.image_spec,
            )
        )
        self._options, self._scorer = options, Scorer(self._pool, options)
        self._answered = time.monotonic()
        threading.Thread(target=self._watch_engine, args=(engine,), name="engine", daemon=True).start()
        self._opened = opening.pop_all()
        return self._pool.spec.boxes

    # working

    def exchange(self, request: NodeRequest) -> NodeReply:
        """Accept programs, and return results: as soon as there is one, and at the latest after a heartbeat."""
        self.push(request)
        with self._changed:
            if self._changed.wait_for(lambda: self._results, HEARTBEAT_S) and self._ran():
                self._changed.wait_for(lambda: not self._running, request.linger_s)
            results = [result for _, result in self._results]
            reply = NodeReply(last=self._last, results=results, failure=self._failure())
        self.heartbeat()
        return reply

    def _ran(self) -> bool:
        """Return whether there is more than programs that were given back, for which another node waits."""
        return any(told is not None for _, (_, told, _) in self._results)

    def push(self, request: NodeRequest) -> None:
        """Accept programs, sheets and cancellations, without waiting for results."""
        self.heartbeat()
        with self._changed:
            while self._results and self._results[0][0] <= request.confirmed:
                _, (number, _, _) = self._results.popleft()
                self._kept.discard(number)
            self._sheets.update(request.sheets)
            self._drop(request.dropped)
            self._changed.notify_all()
        for number in request.cancelled:
            self._cancel(number)
        for program in request.programs:
            self._start(*program)
        if request.give_back:
            self._give_back(request.give_back)

    def _drop(self, sheets: Sequence[int]) -> None:
        for sheet in sheets:
            self._sheets.pop(sheet, None)
            self._told.discard(sheet)
        self._dropped += len(sheets)
        if self._dropped > DROPPED:
            self._dropped, self._scorer = 0, Scorer(self._pool, self._options)

    def _start(self, number: int, kind: str, sheet: int, source: str, more: Plain) -> None:
        with self._changed:
            if number in self._running or number in self._kept:
                return
            if not self._changed.wait_for(lambda: sheet in self._sheets, SHEET_S):
                self._add(number, write_result(Fault("SheetMissing", "its tests did not arrive")))
                return
            found = self._sheets[sheet]
            self._running[number] = Future()  # until the pool's own is here: it may be done at once
        try:
            future = self._submit(kind, found, source, more)
        except Exception as error:  # one program's fault, which the driver is told
            with self._changed:
                del self._running[number]
                self._add(number, write_result(Fault.of(error)))
            return
        with self._changed:
            self._running[number] = future
        future.add_done_callback(lambda done: self._finished(number, sheet, done))

    def _submit(self, kind: str, sheet: Sheet, source: str, more: Plain) -> Future[Any]:
        match kind:
            case "score":
                stdin, every_case, limits = more
                return self._scorer.submit(sheet.program(source), stdin, every_case=every_case, limits=limits)
            case "ask":
                cpu_s, patience = more
                tests: Any = sheet.template.tests
                return self._scorer.ask(sheet.program(source), tests, cpu_s=cpu_s, patience=patience)
            case "run":
                return self._pool.submit(replace(more, program=sheet.program(source)))
            case _:
                job, compile_s = more
                job, compiler = replace(job, program=sheet.program(source)), self._scorer.compiler
                return self._pool.submit_task(lambda boxes: execute(compiler, job, compile_s, boxes))

    def _finished(self, number: int, sheet: int, done: Future[Any]) -> None:
        """Keep a result for the driver, also of a program that no box has begun; runs on a box's thread."""
        came = None
        if done.cancelled():
            result = None
        elif (error := done.exception()) is not None:
            result = write_result(Fault.of(error))
        else:
            came = done.result()
            result = write_result(came)
        with self._changed:
            self._running.pop(number, None)
            # Under the same lock, so that no later result of the sheet comes before the one that brings its tests.
            self._add(number, result, self._new_tests(sheet, came) if isinstance(came, Score) else None)

    def _add(self, number: int, result: Plain, tests: Plain = None) -> None:
        self._last += 1
        self._kept.add(number)
        self._results.append((self._last, (number, result, tests)))
        self._changed.notify_all()

    def _new_tests(self, sheet: int, score: Score) -> Plain:
        """Return the tests that a score was judged by, once for each sheet; None where the driver has them."""
        tests, selection = scored_tests(score)
        if (tests is None and selection is None) or sheet in self._told:
            return None
        self._told.add(sheet)
        return sheet, bare(tests), bare(selection)

    def _cancel(self, number: int) -> None:
        future = self._running.get(number)
        if future is not None:
            self._pool.cancel(future)

    def _give_back(self, count: int) -> None:
        """Cancel programs that no box has begun, the newest first."""
        with self._changed:
            waiting = [future for future in self._running.values() if not future.running()]
        for future in waiting[: -count - 1 : -1]:
            future.cancel()

    # watching

    def _failure(self) -> str | None:
        """Return why no program can run at present."""
        silent_s = time.monotonic() - self._answered
        if silent_s > ENGINE_SILENT_S:
            return f"its Docker engine has not answered for {silent_s:.0f} s"
        if self._refusal is not None and time.monotonic() - self._refusal.since > ENGINE_SILENT_S:
            return f"its boxes do not open: {self._refusal.reason}"
        return None if self._pool.failure is None else str(self._pool.failure)

    def _watch_engine(self, engine: DockerClient) -> None:
        while not self._closed.wait(HEARTBEAT_S):
            if engine.answers():
                self._answered = time.monotonic()
                self._pool.recover()
                self._refusal = self._pool.retry_opening()

    def _watch_driver(self) -> None:
        """End this process when its driver is silent for too long."""
        while not self._closed.wait(HEARTBEAT_S):
            if time.monotonic() - self._heard > LEASE_S:
                closing = threading.Thread(target=self.close, daemon=True)
                closing.start()
                closing.join(CLOSING_S)
                os._exit(0)

    def end(self) -> None:
        """Remove the boxes, and end this process soon after, also where Ray cannot end it any more."""
        self.close()
        threading.Timer(ENDING_S, os._exit, (0,)).start()

    def close(self) -> None:
        """Remove the boxes, whatever they are doing."""
        self._closed.set()
        self._remove_archive()
        with self._changed:
            opened, self._opened = self._opened, contextlib.ExitStack()
        opened.__exit__(GeneratorExit, GeneratorExit(), None)
