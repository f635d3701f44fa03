"""Imported samples on their way to the disk: gathered into large transactions, one being written while the next is made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from sampler.costs import Flops, arch_flops
from sampler.importing.imported import Imported, ImportFault
from sampler.store import writes_import
from sampler.store.import_rows import Batch
from sampler.store.records import valid_text
from sampler.store.writer import Store
from sampler.values import Architecture
from sandbox.values import MAX_SOURCE_BYTES

ROWS = 25_000
BYTES = 32 << 20


class Batches:
    """The way of samples into a store; `finish` ends it."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._batch, self._bytes = Batch(), 0
        self._writing: Future[None] | None = None

    def add(
        self, place: tuple[int, int, int], sample: Imported, source: str, architecture: Architecture | None
    ) -> None:
        """A sample with its place (model, problem, index) and its program; raises ImportFault, or what broke the store."""
        flops = _flops(architecture, sample)
        if sample.claim is not None:
            said = sample.claim.said and valid_text(sample.claim.said)
            self._batch.claims.append((len(self._batch.rows), sample.claim.passed, said))
        self._batch.rows.append(
            (
                *place,
                sample.seed,
                self._keep(sample.text),
                self._keep(source),
                sample.finish and sample.finish.value,
                sample.prompt_tokens,
                sample.completion_tokens,
                sample.prompt_seconds,
                sample.decode_seconds,
                flops and float(flops.prompt),
                flops and float(flops.decode),
                sample.sum_logprob,
                int(sample.prompt_shared),
            )
        )
        if len(self._batch.rows) >= ROWS or self._bytes >= BYTES:
            self._write()

    def finish(self) -> None:
        """Write what is left."""
        self._write()
        self._wait()

    def _keep(self, text: str) -> bytes:
        try:
            data = text.encode()
        except UnicodeEncodeError:  # lone surrogates, which no UTF-8 can say
            text = valid_text(text)
            data = text.encode()
        if len(data) > MAX_SOURCE_BYTES:
            raise ImportFault(
                f"it is {len(data)} bytes long, and no sandbox takes a program of more than {MAX_SOURCE_BYTES}; take it out"
            )
        digest = hashlib.sha256(data).digest()
        if digest not in self._batch.texts:
            self._batch.texts[digest] = text
            self._bytes += len(data)
        return digest

    def _write(self) -> None:
        if self._batch.rows:
            self._wait()
            write = partial(writes_import.add_batch, batch=self._batch, now=self._clock())
            self._writing = self._store.transact(write)
            self._batch, self._bytes = Batch(), 0

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None


def _flops(architecture: Architecture | None, sample: Imported) -> Flops | None:
    if architecture is None or sample.prompt_tokens is None or sample.completion_tokens is None:
        return None
    return arch_flops(architecture, sample.prompt_tokens, sample.completion_tokens)
