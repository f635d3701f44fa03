"""Plan what is left to do: what the study wants minus what the store holds.

Every run is a resume because every run starts here.

Where a budget is allotted, a model's further samples belong to a companion of it, so that all that is computed from
counts rests on samples that every problem has. The companion's indices and seeds go on where the model's end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sampler.study.prompts import prompt_for, unbegun
from sampler.study.spec_models import ModelSpec
from sampler.values import Request
from sandbox.problems import Problem

SEEDS = 1 << 30  # a problem's first seed lies below; with its index added it stays below 2**31


def first_seed(study_seed: int, problem: str) -> int:
    """Return the seed of sample 0 of a problem: a hash, so that neighbouring problems share no random stream."""
    digest = hashlib.sha256(f"{study_seed} {problem}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % SEEDS


def missing(wanted: int, held: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield the indices below `wanted` that are not held, as (first, count) of each contiguous range, in order."""
    first: int | None = None
    for index in range(wanted + 1):
        lacking = index < wanted and index not in held
        if lacking and first is None:
            first = index
        if not lacking and first is not None:
            yield first, index - first
            first = None


def requests(
    model: ModelSpec,
    problems: Iterable[Problem],
    held: Mapping[str, Collection[int]],
    study_seed: int,
    shots: Sequence[Problem] = (),
) -> list[Request]:
    """Yield the requests to a model, with its shots.

    `held` names the indices that the store has of each problem.
    """
    asked = []
    for request in first_requests(model, problems, study_seed, shots).values():
        for first, count in missing(model.samples, held.get(request.problem, frozenset())):
            asked.append(replace(request, first=first, count=count, seed=request.seed + first))
    return asked


def first_requests(
    model: ModelSpec, problems: Iterable[Problem], study_seed: int, shots: Sequence[Problem] = ()
) -> dict[str, Request]:
    """Return the request for sample 0 of each problem, by the problem's name."""
    asked = {}
    for problem in problems:
        prompt = prompt_for(problem, model.sampling.style, shots, model.sampling.stop, model.sampling.template)
        if not model.sampling.begun:
            prompt = unbegun(prompt)
        seed = first_seed(study_seed, problem.name)
        asked[problem.name] = Request(problem=problem.name, prompt=prompt, first=0, count=1, seed=seed)
    return asked
