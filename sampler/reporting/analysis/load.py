"""Read a store or a counts file and analyse it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sampler.reporting.analysis.analyse import (
    Accept,
    Analysis,
    AnalysisRequest,
    Diversity,
    SampleEvidence,
    analyse,
    diversity,
)
from sampler.reporting.analysis.spending import orders_of
from sampler.reporting.comparison import NotComparable
from sampler.reporting.counts import choose
from sampler.reporting.inputs import begins_as_counts, facts_of, refuse_params_of_a_store
from sampler.reporting.paired_data import PairedData, paired_data
from sampler.stats.stopping import Orders
from sampler.store.command_readers import SAMPLE_COSTS, RankingReader, SpentReader
from sampler.store.open_store import open_migrated
from sampler.store.read_models import AcceptedRow, StudyRow
from sampler.store.reader import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSource:
    """What to read.

    It names a file, one of its studies, some of its models (by a part of their names), and whether to read programs.
    """

    path: Path
    study: str | None = None
    models: tuple[str, ...] = ()
    params: Mapping[str, float]
    programs: bool = False


def read_analysis(asked: AnalysisSource, request: AnalysisRequest) -> Analysis:
    """Return the analysis of a file; raises StoreError, CountsError or NotComparable."""
    counts = begins_as_counts(asked.path)
    refuse_params_of_a_store(asked.path, asked.params)
    if counts and asked.programs:
        raise NotComparable(f"{str(asked.path)!r} holds counts, not programs; ask a store for their diversity")
    facts = facts_of(asked.path, asked.params, asked.study)
    wanted = [model for model in facts.models if model.wanted]
    chosen = {choose(wanted, part).id for part in asked.models} or {model.id for model in wanted}
    compared = [model for model in wanted if model.id in chosen]
    paired = paired_data(compared, facts.tallies, facts.study.seed)
    accepted: dict[int, list[AcceptedRow]] = {}
    untested: frozenset[str] = frozenset()
    if request.accept is Accept.SELECTION:
        accepted, untested = _accepted(asked.path, paired, counts=counts)
        tested = [row for row in facts.tallies if row.problem not in untested]
        paired = paired_data(compared, tested, facts.study.seed) if untested else paired
    request = replace(request, seed=facts.study.seed)
    read = SampleEvidence(
        diversity=_diversity(asked.path, facts.study, paired) if asked.programs else {},
        orders={} if counts or request.accept is Accept.SELECTION else _orders(asked.path, paired, request),
        accepted=accepted,
        untested=len(untested),
    )
    return analyse(facts.study.name, paired, request, read)


def _accepted(path: Path, paired: PairedData, *, counts: bool) -> tuple[dict[int, list[AcceptedRow]], frozenset[str]]:
    """Return the samples that pass the selection tests, and the problems without selection tests."""
    if counts:
        raise NotComparable(f"{str(path)!r} holds counts, and no verdicts of selection tests; ask a store")
    with SpentReader(path) as reader:
        rows = {model.id: {row.problem: row for row in reader.accepted(model.id)} for model in paired.models}
    untested = frozenset(row.problem for held in rows.values() for row in held.values() if row.untested)
    tested = [name for name in paired.problems if name not in untested]
    if not tested:
        raise NotComparable(
            f"no complete problem of {str(path)!r} has verdicts of selection tests; leave --accept away, or study "
            "problems that have such tests"
        )
    return {model: [held[name] for name in tested] for model, held in rows.items()}, untested & set(paired.problems)


def _orders(path: Path, paired: PairedData, request: AnalysisRequest) -> dict[int, Orders]:
    """Return the models' samples in random orders, in a unit that single samples have."""
    found: dict[int, Orders] = {}
    if request.unit not in SAMPLE_COSTS:
        return found
    with SpentReader(path) as reader:
        for model in paired.models:
            made = orders_of(paired, model, reader.spent(model.id, request.unit), request.charge)
            if made is not None:
                found[model.id] = made
    return found


def _diversity(path: Path, study: StudyRow, paired: PairedData) -> dict[int, Diversity]:
    open_migrated(path, Reader).close()
    found = {}
    with RankingReader(path) as reader:
        problems = [row.id for row in reader.problems(study.id) if row.name in frozenset(paired.problems)]
        for model in paired.models:
            texts = [held for problem in problems if (held := reader.correct(model.id, problem))]
            made = diversity(texts, np.random.default_rng(study.seed))
            if made is not None:
                found[model.id] = made
    return found
