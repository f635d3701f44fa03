"""What is left to do: what the study wants minus what the store holds.

Every run is a resume because every run starts here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sampler.study.prompts import prompt_for, unbegun
from sampler.study.spec_models import ModelSpec
from sampler.values import Request
from sandbox.problems import Problem

SEEDS = 1 << 30  # a problem's first seed lies below; with its index added it stays below 2**31


def first_seed(study_seed: int, problem: str) -> int:
    """The seed of sample 0 of a problem: a hash, so that no two problems draw the same stream by being neighbours."""
    digest = hashlib.sha256(f"{study_seed} {problem}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % SEEDS


def missing(wanted: int, held: Collection[int]) -> Iterator[tuple[int, int]]:
    """The indices below `wanted` that are not held, as (first, count) of each unbroken stretch, in order."""
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
    """What to ask of a model, after the shots it is shown.

    `held` names the indices that the store has of each problem.
    """
    asked = []
    for problem in problems:
        for first, count in missing(model.samples, held.get(problem.name, frozenset())):
            seed = first_seed(study_seed, problem.name) + first
            prompt = prompt_for(problem, model.sampling.style, shots, model.sampling.stop, model.sampling.template)
            if model.sampling.hosted:
                prompt = unbegun(prompt)
            asked.append(Request(problem=problem.name, prompt=prompt, first=first, count=count, seed=seed))
    return asked
