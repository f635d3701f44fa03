"""From files into a store: what the files hold minus what the store holds, in large transactions.

A batch is committed whole while the next one is made. Samples that a file does not number are numbered as they come, so
the same files give the same samples, and an import that was killed is finished by the same command. Until its end the
imported models want nothing, and no report takes them for complete; then they want of every problem what all sampled
problems have.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from sampler.importing.ahead import read
from sampler.importing.batches import Batches
from sampler.importing.files import digest_of
from sampler.importing.imported import ImportFault
from sampler.importing.manner import Manner, understood
from sampler.importing.numbering import Numbering
from sampler.importing.ready import ReadingJob, Ready, SampleLeftOut
from sampler.importing.request import ImportEnd, ImportRequest
from sampler.models.catalogue import UnknownModel, find
from sampler.store import import_statements
from sampler.store.reader import Reader, StoreError
from sampler.store.write_models import ImportedModel, ModelRecord, StudyIds, StudyRecord, canonical_json
from sampler.store.writer import Store
from sampler.study.spec import choose_problems
from sampler.values import Architecture, ModelCard
from sandbox.problems import BUILT_IN, LeftOut, Problem
from sandbox.values import Limits


def import_files(request: ImportRequest, store: Store, *, clock: Callable[[], float] = time.time) -> ImportEnd:
    """Add the samples of files to a store; raises ImportFault, ProblemsError or StoreError."""
    manners = [understood(path, request)[1] for path in request.files]
    left_out: list[LeftOut] = []
    problems = choose_problems(request.chosen, left_out.append)
    untested = frozenset(one.name for one in left_out if one.name)
    if request.sampled_only:
        problems = _sampled(problems, request, untested)
    importer = _Importer(request, store, problems, clock)
    importer.end.problems_left_out.extend(left_out)
    with importer.recording_interruption():
        for path, manner in zip(request.files, manners, strict=True):
            importer.end.formats.append(manner.format)
            importer.take(ReadingJob(path=path, request=request, problems=problems, untested=untested), manner)
        return importer.finish()


def _sampled(problems: tuple[Problem, ...], request: ImportRequest, untested: frozenset[str]) -> tuple[Problem, ...]:
    """Those problems of which the files hold a sample."""
    held = {
        sample.problem
        for path in request.files
        for sample in read(ReadingJob(path=path, request=request, problems=problems, untested=untested))
        if isinstance(sample, Ready)
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
        """Record in the store that an import broke off: it does not hold all samples of the files."""
        try:
            yield
        except BaseException:
            if self.end.added:
                with suppress(StoreError):
                    self._store.end_run(self._ids.study, "interrupted", "an import broke off; the same command goes on")
            raise

    def take(self, job: ReadingJob, manner: Manner) -> None:
        """Add what a file holds and the store does not."""
        for sample in read(job):
            if isinstance(sample, SampleLeftOut):
                self.end.left_out.append(f"{sample.where}: {sample.why}")
                continue
            model = self._models.get(sample.model) or self._open_model(sample.model, manner)
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
        """Write what is left, and let the models want what they have."""
        self._batches.finish()
        end = self.end
        if not end.read:
            why = f"; left out: {end.left_out[0]}" if end.left_out else ""
            raise ImportFault(f"{', '.join(map(str, self._request.files))}: no sample in it{why}")
        for name, model in self._models.items():
            counts = model.numbering.counts
            end.sampled[name], end.wanted[name] = len(counts), min(counts)
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
            problems_source=source if source in BUILT_IN else str(Path(source).resolve()),
            seed=0,
            limits=canonical_json(asdict(Limits()) | self._request.chosen.decides),
            models=(),
            problems=problems,
        )
        return self._store.transact(partial(import_statements.open_study, record=record, now=self._clock())).result()

    def _open_model(self, name: str, manner: Manner) -> _Model:
        architecture = self._request.architecture or _catalogued(name)
        engine = f"import ({manner.format})"
        card = ModelCard(name=name, digest=self._digest, architecture=architecture, engine=engine)
        decides = canonical_json({"format": manner.format, "reading": manner.reading.value})
        record = ModelRecord(name=name, backend=import_statements.BACKEND, sampling=decides, wanted=0)
        model = ImportedModel(record=record, card=card, params=self._request.params)
        opening = partial(import_statements.open_model, study=self._ids.study, model=model)
        id_, architecture = self._store.transact(opening).result()
        with Reader(self._store.path) as held:
            numbering = Numbering({problem: held.held_indices(id_, problem) for problem in self._ids.problems.values()})
        opened = self._models[name] = _Model(id=id_, architecture=architecture, numbering=numbering)
        return opened


def _catalogued(name: str) -> Architecture | None:
    try:
        return find(name).architecture
    except UnknownModel:
        return None
