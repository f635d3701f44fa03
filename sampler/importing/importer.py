"""Import files into a store: add the samples that it lacks, in large transactions.

A batch is committed while the next one is made. Samples that a file does not number are numbered in their order, so the
same files give the same samples, and the same command finishes a killed import. Until the end, no samples of the
imported models are wanted, so no report takes them for complete. Then as many are wanted of every problem as all
sampled problems have.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from sampler.costs import Flops, arch_flops
from sampler.importing.imported_sample import ImportFault
from sampler.importing.prepare import PreparedSample, ReadingJob, SampleLeftOut, read
from sampler.importing.sample_files import FileOptions, ImportEnd, ImportRequest, digest_of, options_of
from sampler.models.catalogue import UnknownModel, find
from sampler.store import import_statements
from sampler.store.reader import Reader, StoreError
from sampler.store.write_models import ImportBatch, ImportedModel, ModelRecord, StudyIds, StudyRecord
from sampler.store.writer import Store
from sampler.study.problem_choice import choose_problems
from sampler.values import Architecture, ModelCard, canonical_json
from sandbox.problems import LeftOut, Problem, is_named
from sandbox.values import Limits

# Imported samples on their way to the disk.
#
# Gathered into large transactions, one being written while the next is made.

ROWS = 25_000
CHARACTERS = 32 << 20


class Batches:
    """Writes samples to a store in batches; `finish` writes the last one."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._batch, self._characters = ImportBatch(), 0
        self._writing: Future[None] | None = None

    def add(self, place: tuple[int, int, int], sample: PreparedSample, architecture: Architecture | None) -> None:
        """Add a sample with its place (model, problem, index); raises the error of a failed store."""
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
                sample.thought_sha,
                sample.thought_tokens,
                sample.cached_tokens,
                None if flops is None or flops.cached is None else float(flops.cached),
                sample.cache_write_tokens,
            )
        )
        batch.texts[sample.completion_sha] = sample.completion
        batch.texts[sample.program_sha] = sample.program
        if sample.thought_sha is not None and sample.thought is not None:
            batch.texts[sample.thought_sha] = sample.thought
        self._characters += len(sample.completion) + len(sample.program) + len(sample.thought or "")
        if len(batch.rows) >= ROWS or self._characters >= CHARACTERS:
            self._write()

    def finish(self) -> None:
        """Write the remaining samples."""
        self._write()
        self._wait()

    def _write(self) -> None:
        if self._batch.rows:
            self._wait()
            write = partial(import_statements.add_batch, batch=self._batch, now=self._clock())
            self._writing = self._store.transact(write)
            self._batch, self._characters = ImportBatch(), 0

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None


def _flops(architecture: Architecture | None, sample: PreparedSample) -> Flops | None:
    if architecture is None or sample.prompt_tokens is None or sample.completion_tokens is None:
        return None
    return arch_flops(architecture, sample.prompt_tokens, sample.completion_tokens, sample.cached_tokens)


class Numbering:
    """Numbers the samples of one model; `held` are the stored indices of each problem, by the problem's id."""

    def __init__(self, held: Mapping[int, Collection[int]]) -> None:
        self._held = held
        self._come: Counter[int] = Counter()
        self._numbers: dict[int, set[int]] = {}
        self._added: Counter[int] = Counter()

    def place(self, problem: int, given: int | None) -> int | None:
        """Return the index of a problem's next sample; None if the store holds it.

        Raises ImportFault for an index that comes twice.
        """
        if given is None:
            index = self._come[problem]
            self._come[problem] += 1
        else:
            index = given
            numbers = self._numbers.setdefault(problem, set())
            if index in numbers:
                raise ImportFault(f"a sample no. {index} of the same model and problem has come before")
            numbers.add(index)
        if self._come[problem] and self._numbers.get(problem):
            raise ImportFault("some samples of this model and problem are numbered and others are not")
        if index in self._held.get(problem, ()):
            return None
        self._added[problem] += 1
        return index

    @property
    def counts(self) -> list[int]:
        """Return the number of samples of each problem that has any, with those that were added."""
        both = {problem: len(held) for problem, held in self._held.items()}
        return [count for problem in both | self._added if (count := both.get(problem, 0) + self._added[problem])]


def import_files(request: ImportRequest, store: Store, *, clock: Callable[[], float] = time.time) -> ImportEnd:
    """Add the samples of files to a store; raises ImportFault, ProblemsError or StoreError."""
    all_options = [options_of(path, request)[1] for path in request.files]
    left_out: list[LeftOut] = []
    problems = choose_problems(request.chosen, left_out.append)
    untested = frozenset(one.name for one in left_out if one.name)
    if request.sampled_only:
        problems = _sampled(problems, request, untested)
    importer = _Importer(request, store, problems, clock)
    importer.end.problems_left_out.extend(left_out)
    with importer.recording_interruption():
        for path, options in zip(request.files, all_options, strict=True):
            importer.end.formats.append(options.format)
            importer.take(ReadingJob(path=path, request=request, problems=problems, untested=untested), options)
        return importer.finish()


def _sampled(problems: tuple[Problem, ...], request: ImportRequest, untested: frozenset[str]) -> tuple[Problem, ...]:
    """Return the problems of which the files hold a sample."""
    held = {
        sample.problem
        for path in request.files
        for sample in read(ReadingJob(path=path, request=request, problems=problems, untested=untested))
        if isinstance(sample, PreparedSample)
    }
    return tuple(problem for problem in problems if problem.name in held)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """An imported model in its store."""

    id: int
    architecture: Architecture | None
    numbering: Numbering


class _Importer:
    """One import under way."""

    def __init__(
        self, request: ImportRequest, store: Store, problems: tuple[Problem, ...], clock: Callable[[], float]
    ) -> None:
        self.end = ImportEnd(problems=len(problems))
        self._request = request
        self._store = store
        self._clock = clock
        self._digest = digest_of(request.files)
        self._ids = self._open_study(problems)
        self._models: dict[str, _Model] = {}
        self._batches = Batches(store, clock)

    @contextmanager
    def recording_interruption(self) -> Iterator[None]:
        """Record in the store that an import was interrupted, so samples of the files are missing."""
        try:
            yield
        except BaseException:
            if self.end.added:
                with suppress(StoreError):
                    self._store.end_run(self._ids.study, "interrupted", "an import broke off; the same command goes on")
            raise

    def take(self, job: ReadingJob, options: FileOptions) -> None:
        """Add the samples of a file that the store lacks."""
        for sample in read(job):
            if isinstance(sample, SampleLeftOut):
                self.end.left_out.append(f"{sample.where}: {sample.why}")
                continue
            model = self._models.get(sample.model) or self._open_model(sample.model, options)
            problem = self._ids.problems[sample.problem]
            try:
                index = model.numbering.place(problem, sample.number)
            except ImportFault as error:
                if not self._request.skip_bad:
                    raise ImportFault(f"{sample.where}: {error}") from error
                self.end.left_out.append(f"{sample.where}: {error}")
                continue
            if index is not None:
                self._batches.add((model.id, problem, index), sample, model.architecture)
                self.end.added[sample.model] += 1
            self.end.read += 1
            self.end.claims += sample.claim is not None

    def finish(self) -> ImportEnd:
        """Write the remaining samples, and set the wanted numbers of samples."""
        self._batches.finish()
        end = self.end
        if not end.read:
            why = f"; left out: {end.left_out[0]}" if end.left_out else ""
            raise ImportFault(f"{', '.join(map(str, self._request.files))}: no sample in it{why}")
        for name, model in self._models.items():
            counts = model.numbering.counts
            end.sampled[name], end.wanted[name], end.most[name] = len(counts), min(counts), max(counts)
        wanted = {self._models[name].id: count for name, count in end.wanted.items()}
        told = end.lines if end.added.total() else []
        self._store.transact(
            partial(import_statements.end_import, study=self._ids.study, wanted=wanted, told=told, now=self._clock())
        ).result()
        return end

    def _open_study(self, problems: tuple[Problem, ...]) -> StudyIds:
        source = self._request.problems
        record = StudyRecord(
            name=self._request.study,
            spec_toml="# Made by `sampler import`: the samples of this study were drawn elsewhere.\n"
            f"name = {json.dumps(self._request.study)}\n[problems]\nsource = {json.dumps(source)}\n",
            problems_source=source if is_named(source) else str(Path(source).resolve()),
            seed=0,
            limits=canonical_json(asdict(Limits()) | self._request.chosen.decides),
            models=(),
            problems=problems,
            unset=frozenset(asdict(Limits())),
        )
        return self._store.transact(partial(import_statements.open_study, record=record, now=self._clock())).result()

    def _open_model(self, name: str, options: FileOptions) -> _Model:
        architecture = self._request.architecture or _catalogued(name)
        engine = f"import ({options.format})"
        card = ModelCard(name=name, digest=self._digest, architecture=architecture, engine=engine)
        decides = canonical_json({"format": options.format, "reading": options.reading.value})
        record = ModelRecord(name=name, backend=import_statements.BACKEND, sampling=decides, wanted=0)
        model = ImportedModel(record=record, card=card, params=self._request.params)
        opening = partial(import_statements.open_model, study=self._ids.study, model=model)
        id_, architecture = self._store.transact(opening).result()
        with Reader(self._store.path) as held:
            numbering = Numbering(
                {problem: held.sample_indices(id_, problem) for problem in self._ids.problems.values()}
            )
        opened = self._models[name] = _Model(id=id_, architecture=architecture, numbering=numbering)
        return opened


def _catalogued(name: str) -> Architecture | None:
    try:
        return find(name).architecture
    except UnknownModel:
        return None
