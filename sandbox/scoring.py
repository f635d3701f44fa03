"""Scoring: programs in, verdicts out. Ties the pool and the judge together for everyone who wants no more than that."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, InvalidStateError

from sandbox import judge
from sandbox.engine import Engine
from sandbox.image import ensure_image
from sandbox.pool import Pool, PoolSpec
from sandbox.values import Job, Limits, Program, Run, Score


class Scorer:
    """Scores programs in a pool's boxes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @property
    def limits(self) -> Limits:
        """What each program may use."""
        return self._pool.spec.limits

    @property
    def image(self) -> str:
        """The box image's reference."""
        return self._pool.spec.image

    def submit(self, program: Program, stdin: bytes = b"") -> Future[Score]:
        """A future that holds the score; cancelling it gives the program's place back.

        It raises a SandboxError when the program was not judged by our fault. A program larger than anything we take is
        judged without a visit.
        """
        scored: Future[Score] = Future()
        try:
            running = self._pool.submit(Job(program=program, stdin=stdin, limits=self.limits))
        except ValueError as error:
            scored.set_result(judge.too_large(str(error), program, self.limits))
            return scored

        def finish(done: Future[Run]) -> None:
            with contextlib.suppress(InvalidStateError):  # cancelled while the program ran
                try:
                    scored.set_result(judge.score(done.result(), program, self.limits))
                except CancelledError:
                    scored.cancel()
                except Exception as error:  # noqa: BLE001  (whoever waits must hear of it)
                    scored.set_exception(error)

        running.add_done_callback(finish)
        scored.add_done_callback(lambda done: running.cancel() if done.cancelled() else None)
        return scored

    def score(self, program: Program, stdin: bytes = b"") -> Score:
        """One program, waited for."""
        return self.submit(program, stdin).result()


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def open_scorer(
    limits: Limits, *, boxes: int | None = None, runtime: str | None = None, say: Callable[[str], None] = lambda _: None
) -> Iterator[Scorer]:
    """A scorer with `boxes` warm boxes (one per core if not given); builds the box image when it is missing or stale.

    Raises a SandboxError (no engine, no image) before anything is scored; leaves no container behind.
    """
    with contextlib.closing(Engine()) as engine:
        image = ensure_image(engine, say=say)
        spec = PoolSpec(image=image, limits=limits, boxes=boxes or usable_cores(), runtime=runtime)
        with Pool(engine, spec) as pool:
            yield Scorer(pool)
