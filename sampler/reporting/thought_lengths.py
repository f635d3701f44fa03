"""Set the length of thoughts against correctness, and say what it is worth to wait for the shortest ones. Pure.

Lengths are compared within a problem alone: across problems harder ones take longer thoughts, so that long ones are
wrong more often whatever thinking does. A thought that was cut counts as longest and costs what it used.
`sampler.stats.short_m_at_k` has the formulas of short-m@k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sampler.stats.bootstrap import Floats, Interval, draw_problems, intervals, rate_intervals
from sampler.stats.short_m_at_k import oracle_at_k, short_m_at_k
from sampler.store.read_models import LengthRow, ModelRow

PARTS = 4  # of a problem's samples, from the shortest thoughts to the longest
FEW = 3  # of the paper: short-3@k


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The share of right samples in one part of each problem's, ordered by the length of their thoughts."""

    thought_tokens: float
    rate: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What it costs, in tokens of thought a problem, to wait for the m shortest of k, and what they reach.

    `coverage` is the chance that one of the m is right; at m = 1 that is the chance that the answer is. `rule` is
    "short-m", "all" for a vote among all k, or "oracle", which stops at the first right one.
    """

    rule: str
    k: int
    m: int
    time: float
    compute: float
    coverage: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """How one model's thoughts went, on the compared problems.

    `right_minus_wrong` is the difference of their mean lengths within a problem, as a share of the problem's mean
    length, over the `mixed` problems that have both; None without one.
    """

    model: str
    problems: int
    samples: int
    thought_share: float
    cut_share: float
    thought_tokens: float
    answer_tokens: float | None
    mixed: int
    right_minus_wrong: float | None
    right_minus_wrong_interval: Interval | None
    parts: tuple[Part, ...]
    waits: tuple[Wait, ...]


def thinking_of(
    models: Sequence[ModelRow], lengths: Mapping[int, Sequence[LengthRow]], problems: Sequence[str], seed: int
) -> tuple[Thinking, ...]:
    """Return the models that thought, on problems that are complete for all models; none without such a problem."""
    found = []
    for model in models:
        by_problem: dict[str, list[LengthRow]] = {name: [] for name in problems}
        for row in lengths.get(model.id, ()):
            if row.problem in by_problem:
                by_problem[row.problem].append(row)
        groups = [group for group in by_problem.values() if group]
        if groups and all(row.thought_tokens is not None for group in groups for row in group):
            found.append(_thinking(model.name, groups, seed))
    return tuple(found)


def _thinking(name: str, groups: Sequence[Sequence[LengthRow]], seed: int) -> Thinking:
    rows = [row for group in groups for row in group]
    answers = [row.completion_tokens - _length(row) for row in rows if row.completion_tokens is not None]
    gaps = np.array([gap for group in groups if (gap := _gap(group)) is not None])
    return Thinking(
        model=name,
        problems=len(groups),
        samples=len(rows),
        thought_share=sum(_length(row) > 0 for row in rows) / len(rows),
        cut_share=sum(row.cut for row in rows) / len(rows),
        thought_tokens=sum(map(_length, rows)) / len(rows),
        answer_tokens=sum(answers) / len(rows) if len(answers) == len(rows) else None,
        mixed=len(gaps),
        right_minus_wrong=float(gaps.mean()) if gaps.size else None,
        right_minus_wrong_interval=_interval(gaps, seed),
        parts=tuple(_parts(groups, seed)),
        waits=tuple(_waits(groups, seed)),
    )


def _length(row: LengthRow) -> int:
    return row.thought_tokens or 0


def _gap(group: Sequence[LengthRow]) -> float | None:
    """Return how much longer right samples thought than wrong ones, as a share of the mean; None without both."""
    right, wrong = ([_length(row) for row in group if row.passed is passed] for passed in (True, False))
    mean = sum(map(_length, group)) / len(group)
    if not right or not wrong or not mean:
        return None
    return (sum(right) / len(right) - sum(wrong) / len(wrong)) / mean


def _interval(values: Floats, seed: int) -> Interval | None:
    if values.size < 2:
        return None
    return intervals(values[:, None], draw_problems(len(values), np.random.default_rng(seed)))[0]


def _rates(values: Floats, seed: int) -> Sequence[Interval | None]:
    """Return the interval of each column of shares, over problems."""
    problems, columns = values.shape
    if problems < 2:
        return [None] * columns
    return rate_intervals(values, draw_problems(problems, np.random.default_rng(seed)))


def _parts(groups: Sequence[Sequence[LengthRow]], seed: int) -> list[Part]:
    """Return the parts of the problems that have a sample for each; equal lengths are in the order of their indices."""
    large = [sorted(group, key=lambda row: (row.cut, _length(row))) for group in groups if len(group) >= PARTS]
    if not large:
        return []
    shares, tokens = np.zeros((2, len(large), PARTS))
    for place, group in enumerate(large):
        for part, chosen in enumerate(np.array_split(np.arange(len(group)), PARTS)):
            shares[place, part] = np.mean([group[at].passed for at in chosen])
            tokens[place, part] = np.mean([_length(group[at]) for at in chosen])
    near = _rates(shares, seed)
    return [
        Part(thought_tokens=float(tokens[:, at].mean()), rate=float(shares[:, at].mean()), interval=near[at])
        for at in range(PARTS)
    ]


def _waits(groups: Sequence[Sequence[LengthRow]], seed: int) -> list[Wait]:
    fewest = min(map(len, groups))
    ks = sorted({2**power for power in range(1, fewest.bit_length()) if 2**power <= fewest} | {fewest} - {1})
    asked = [(rule, k, m) for k in ks for rule, m in _rules(k)]
    if not asked:
        return []
    table = np.array([[_waited(group, *one) for one in asked] for group in groups])  # problems x rules x 3
    near = _rates(table[:, :, 2], seed)
    time, compute, coverage = table.mean(axis=0).T
    return [
        Wait(
            rule=rule,
            k=k,
            m=m,
            time=float(time[at]),
            compute=float(compute[at]),
            coverage=float(coverage[at]),
            interval=near[at],
        )
        for at, (rule, k, m) in enumerate(asked)
    ]


def _rules(k: int) -> list[tuple[str, int]]:
    few = [("short-m", m) for m in (1, FEW) if m < k]
    return [*few, ("all", k), ("oracle", k)]


def _waited(group: Sequence[LengthRow], rule: str, k: int, m: int) -> tuple[float, float, float]:
    ordered = sorted(group, key=lambda row: (row.cut, _length(row)))
    lengths, right = [_length(row) for row in ordered], [row.passed for row in ordered]
    found = oracle_at_k(lengths, right, k) if rule == "oracle" else short_m_at_k(lengths, right, k, m)
    return found.time, found.compute, found.coverage
