"""Imported samples on their way to the disk.

Gathered into large transactions, one being written while the next is made.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from sampler.costs import Flops, arch_flops
from sampler.importing.ready import Ready
from sampler.store import import_statements
from sampler.store.write_models import Batch
from sampler.store.writer import Store
from sampler.values import Architecture

ROWS = 25_000
CHARACTERS = 32 << 20


class Batches:
    """The way of samples into a store; `finish` ends it."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._batch, self._characters = Batch(), 0
        self._writing: Future[None] | None = None

    def add(self, place: tuple[int, int, int], sample: Ready, architecture: Architecture | None) -> None:
        """A sample with its place (model, problem, index); raises what broke the store."""
        batch, flops = self._batch, _flops(architecture, sample)
        if sample.claim is not None:
            batch.claims.append((len(batch.rows), *sample.claim))
        batch.rows.append(
            (
                *place,
                sample.seed,
                sample.completion_sha,
                sample.program_sha,
                sample.finish,
                sample.prompt_tokens,
                sample.completion_tokens,
                sample.prompt_seconds,
                sample.decode_seconds,
                sample.prompt_joules,
                sample.decode_joules,
                flops and float(flops.prompt),
                flops and float(flops.decode),
                sample.sum_logprob,
                int(sample.prompt_shared),
                sample.extraction,
            )
        )
        batch.texts[sample.completion_sha] = sample.completion
        batch.texts[sample.program_sha] = sample.program
        self._characters += len(sample.completion) + len(sample.program)
        if len(batch.rows) >= ROWS or self._characters >= CHARACTERS:
            self._write()

    def finish(self) -> None:
        """Write what is left."""
        self._write()
        self._wait()

    def _write(self) -> None:
        if self._batch.rows:
            self._wait()
            write = partial(import_statements.add_batch, batch=self._batch, now=self._clock())
            self._writing = self._store.transact(write)
            self._batch, self._characters = Batch(), 0

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None


def _flops(architecture: Architecture | None, sample: Ready) -> Flops | None:
    if architecture is None or sample.prompt_tokens is None or sample.completion_tokens is None:
        return None
    return arch_flops(architecture, sample.prompt_tokens, sample.completion_tokens)
