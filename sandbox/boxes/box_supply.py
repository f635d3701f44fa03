"""Open, check, replace and remove the boxes of a pool.

A box is used only after its isolation has been checked. One spare box is kept, so that a box which is lost or not
proved clean can be replaced without waiting.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tenacity

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import BoxSpec, CommandWalls
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.isolation_check import IsolationCache, check_isolation, require_isolation, subject_of
from sandbox.boxes.ownership import Owner, remove_orphans
from sandbox.errors import BoxLost, EngineUnavailable, PoolInOtherProcess, SandboxError
from sandbox.values import Limits

MAX_BOXES = 512  # each has a thread, a container and a stream; a larger number is probably a typing error
OPENINGS = 3  # of a box that is lost while its isolation is checked


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """What a pool is made of."""

    image: str
    limits: Limits
    boxes: int
    runtime: str | None = None
    proofs: Path | None = None  # a directory where it is remembered which boxes have proved all their walls

    def __post_init__(self) -> None:
        if not 1 <= self.boxes <= MAX_BOXES:
            raise ValueError(f"a pool has between 1 and {MAX_BOXES} boxes, not {self.boxes}")


@dataclass(frozen=True, slots=True)
class BoxRole:
    """Names one of the boxes of a thread: what it is for, and how it is made.

    Each role has a container of its own, so programs of two roles never meet. `image` and `limits` are the pool's where
    they are None; of the limits, those count that belong to a box (`Limits.walls`). `commands` says what a box is like
    that runs commands (None: it runs Python code alone).
    """

    name: str
    image: str | None = None
    limits: Limits | None = None
    commands: CommandWalls | None = None


CANDIDATE = BoxRole("candidate")


@dataclass(slots=True)
class PinnedBox:
    """A box, the core that it is pinned to, and its role; the box is None before it is first needed."""

    core: int
    box: Box | None = None
    role: BoxRole = CANDIDATE


@dataclass(frozen=True, slots=True)
class Refusal:
    """The engine opens no box, such as with a full disk: since when (on the monotonic clock), and why."""

    since: float
    reason: EngineUnavailable


class BoxSupply:
    """Opens the boxes of one pool and keeps track of them; safe to call from any thread."""

    def __init__(self, engine: DockerClient, spec: PoolSpec) -> None:
        """Begin to open the first boxes; `first_boxes` waits for them."""
        self._engine, self._spec = engine, spec
        self.stopping = threading.Event()  # set by the pool when it closes: no box is opened from then on
        self._boxes: set[Box] = set()
        self._lock = threading.Lock()
        self._refusal: Refusal | None = None  # until a box opens
        self._lacking: dict[int, PinnedBox] = {}  # what workers want and have not got, by identity
        self._openers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="box-opener")
        self._cache = None if spec.proofs is None else IsolationCache(spec.proofs)
        self._facts = self._openers.submit(engine.facts)
        self._orphans = self._openers.submit(remove_orphans, engine)
        self._first = [self._openers.submit(self._open_box, first=number == 0) for number in range(spec.boxes)]
        self._spare: Future[Box] | None = None
        self._checked: set[BoxRole] = set()  # those of which a box has passed the check of all walls

    def first_boxes(self) -> list[Box]:
        """Return one box for each worker; if one does not open, remove all and raise a SandboxError."""
        try:
            ready = [future.result() for future in self._first]
            self._orphans.result()
            self._facts.result()
        except BaseException:
            self.stopping.set()
            for box in self.abort():
                box.close()
            raise
        return ready

    @property
    def cores(self) -> int:
        """Return the number of cores of the engine's machine."""
        return self._facts.result().cores

    def open_spare(self) -> None:
        """Begin to open the spare box, unless there is one."""
        with self._lock:
            if self._spare is None:
                self._spare = self._openers.submit(self._open_box)

    def retry(self) -> Refusal | None:
        """Return since when, and why, a worker is without a box because none opens; begin to open the spare anew."""
        with self._lock, contextlib.suppress(RuntimeError):  # the pool closes
            if self._refusal is not None and not self.stopping.is_set() and (self._spare is None or self._spare.done()):
                if self._spare is not None and self._spare.exception() is None:
                    self._openers.submit(self._drop, self._spare.result())
                self._spare = self._openers.submit(self._open_box)
        return self._refusal if self._lacking else None

    def replace(self, pinned: PinnedBox) -> Box:
        """Remove a worker's box (if any), put the spare in its place, and begin to open the next spare.

        There are spares only of boxes that are made as the candidate's.
        """
        self.close(pinned)
        self._lacking[id(pinned)] = pinned
        pinned.box = self._opening(pinned.role).result()
        del self._lacking[id(pinned)]
        try:
            pinned.box.pin(pinned.core)
        except SandboxError:
            pinned.box.clean = False
            raise
        return pinned.box

    def close(self, pinned: PinnedBox) -> None:
        """Remove a worker's box, which is opened anew when it is needed again."""
        self._lacking.pop(id(pinned), None)
        if pinned.box is not None:
            gone, pinned.box = pinned.box, None
            self._drop(gone)

    def _opening(self, role: BoxRole) -> Future[Box]:
        with self._lock:
            if (role.image, role.limits, role.commands) != (None, None, None):
                return self._openers.submit(self._open_box, first=role not in self._checked, role=role)
            taken = self._spare or self._openers.submit(self._open_box)
            self._spare = self._openers.submit(self._open_box)
        return taken

    def _open_box(self, *, first: bool = False, role: BoxRole = CANDIDATE) -> Box:
        """Open and check a box; if it is lost meanwhile, open another one (see SECURITY.md on memory)."""
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, BoxLost) and not self.stopping.is_set()),
            stop=tenacity.stop_after_attempt(OPENINGS),
            reraise=True,
        )
        try:
            box = tries(self._open_once, first=first, role=role)
        except EngineUnavailable as error:
            self._refusal = Refusal(self._refusal.since if self._refusal else time.monotonic(), error)
            raise
        self._refusal = None
        return box

    def _open_once(self, *, first: bool, role: BoxRole) -> Box:
        """Try once to open a box, and check all walls if it is the `first`; raises WallBroken or BoxLost."""
        limits = role.limits or self._spec.limits
        spec = BoxSpec(
            image=role.image or self._spec.image,
            limits=limits,
            owner=Owner.this().label(),
            runtime=self._spec.runtime,
            commands=role.commands,
        )
        box = Box(self._engine, spec)
        with self._lock:
            stopping = self.stopping.is_set()
            if not stopping:
                self._boxes.add(box)
        try:
            if stopping:
                raise BoxLost("the pool was closed while a box opened")  # closed below, like the others
            if first:
                check_isolation(box, limits, self._cache, functools.partial(self._subject, box))
                self._checked.add(role)
            else:
                require_isolation(box, limits, thorough=False)
            box.mark_ready()
        except BaseException:
            self._drop(box)
            raise
        return box

    def _subject(self, box: Box) -> str:
        """Return the digest under which the passed checks of this box are cached."""
        return subject_of(self._facts.result().identity, self._engine.settings(box.id), box.greeting, box.spec.limits)

    def _drop(self, box: Box) -> None:
        box.close()  # where that fails, the box stays on the list, and closing the pool removes it
        with self._lock:
            self._boxes.discard(box)

    def open_boxes(self) -> set[Box]:
        """Return the boxes that are open now."""
        with self._lock:
            return set(self._boxes)

    def abort(self) -> set[Box]:
        """Remove all containers at once; ends the visits under way."""
        with self._lock:
            boxes, self._boxes = self._boxes, set()
        try:
            with ThreadPoolExecutor(max_workers=8) as aborters:
                list(aborters.map(Box.abort, boxes))
        except RuntimeError:  # the interpreter is ending and starts no more threads
            for box in boxes:
                box.abort()
        self._openers.shutdown(wait=True, cancel_futures=True)
        return boxes


def refuse_other_process(process: int) -> None:
    """Raise PoolInOtherProcess in a fork of the process that opened a pool."""
    if os.getpid() != process:
        raise PoolInOtherProcess(
            f"this pool belongs to process {process}, which opened it; a fork has none of its threads. Open a pool in "
            "each process, after forking"
        )


def refuse_other_boxes(own: Limits, wanted: Limits) -> None:
    """Raise ValueError if a program asks for limits that are fixed when a box is made, and these boxes lack."""
    if wanted.walls != own.walls:
        raise ValueError(
            f"this pool's boxes were made for (disk MB, files) = {own.walls}, the program wants {wanted.walls}; open a "
            "pool with these limits"
        )
