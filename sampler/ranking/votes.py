"""Rank by votes: samples that agree support each other, so a score depends on the other samples.

`majority` and `mbr_exec` compare what programs answer, `codet` which generated tests they pass, `duplicates` their
text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sampler.normal_form import normal_form
from sampler.ranking.rankers import Entry
from sampler.stats.ranking import Votes
from sandbox.values import Answer

Answers = Sequence[Answer | None]  # of one program, to each call; None where it gave none
ENOUGH = 200  # clusters that a program is compared with by value; what agrees with none of them stands alone


def clusters(programs: Sequence[Answers], alike: Callable[[Answers, Answers], bool]) -> NDArray[np.int64]:
    """Return a label for each program, equal for those with equal answers."""
    first: list[tuple[Answers, int]] = []
    by_bytes: dict[tuple[object, ...], int] = {}
    found: list[int] = []
    for answers in programs:
        key = tuple(_bytes(answer) for answer in answers)
        if key not in by_bytes:
            same = (cluster for other, cluster in first[:ENOUGH] if alike(answers, other))
            cluster = next(same, len(first))
            if cluster == len(first):
                first.append((answers, cluster))
            by_bytes[key] = cluster
        found.append(by_bytes[key])
    return np.array(found, dtype=np.int64)


def _bytes(answer: Answer | None) -> object:
    if answer is None:
        return None
    return answer.data if answer.raised is None else (answer.raised.type,)


def equal(one: Answer | None, other: Answer | None) -> bool:
    """Return whether both are values and equal by ==, which runs no foreign code on the codec's exact types."""
    if one is None or other is None or one.raised is not None or other.raised is not None:
        return False
    try:
        return one.data == other.data or bool(one.value == other.value)
    except (RecursionError, ArithmeticError, ValueError, TypeError):  # too deep, a signalling NaN …
        return False


def failed(answer: Answer | None) -> bool:
    """Return whether a program has no value for a call."""
    return answer is None or answer.raised is not None


def informative(programs: Sequence[Answers], numbers: Sequence[int]) -> list[Answers]:
    """Return the programs' answers to those of the numbered calls for which some program has a value."""
    kept = [number for number in numbers if not all(failed(answers[number]) for answers in programs)]
    return [tuple(answers[number] for number in kept) for answers in programs]


# By majority of outputs: programs that answer every input alike are one cluster, and the largest is handed out first.
#
# So AlphaCode clusters (Li et al. 2022, arXiv 2203.07814). To raise an exception of the same type, or to give no
# answer, is to answer alike, since a program may be right to refuse an input; one that fails on every input gets no
# vote.


def majority(programs: Sequence[Answers]) -> Votes:
    """Rank by votes of samples whose programs do the same on every input."""
    return Votes(
        clusters=clusters(programs, _alike),
        weights=np.array([float(not all(map(failed, answers))) for answers in programs]),
    )


def _alike(one: Answers, other: Answers) -> bool:
    return all(_same(mine, its) for mine, its in zip(one, other, strict=True))


def _same(one: Answer | None, other: Answer | None) -> bool:
    return _failure(one) == _failure(other) if failed(one) or failed(other) else equal(one, other)


def _failure(answer: Answer | None) -> str | None:
    """Return the type of the exception; None for a call without an answer; a name that no exception has for a value."""
    if answer is None:
        return None
    return answer.raised.type if answer.raised is not None else ""


# MBR-EXEC (Shi et al. 2022, arXiv 2204.11454): the program whose answers differ from the fewest others.
#
# The loss between two programs is 1 if they differ on any input, else 0, and a program that fails on an input differs
# there from every other, even from one that fails, too. So the least total loss is the largest cluster of programs that
# answer every input, and all alike; those that fail come last. Equals are told apart by log-probability, where it is
# known.


def mbr_exec(entries: Sequence[Entry], programs: Sequence[Answers]) -> Votes:
    """Rank by votes of samples with equal answers; a sample that fails on an input gets no vote."""
    return Votes(
        clusters=clusters(programs, lambda one, other: all(map(equal, one, other))),
        weights=np.array([float(not any(map(failed, answers))) for answers in programs]),
        tie=np.array([-np.inf if entry.sum_logprob is None else entry.sum_logprob for entry in entries]),
    )


# CodeT (Chen et al. 2022, arXiv 2207.10397): programs and tests that a model wrote vouch for each other.
#
# Samples that pass exactly the same generated tests are a group. With |S| samples in it and |T| tests passed, both
# counted as often as they were written, its score is sqrt(|S|) · |T| (the authors' code, and the paper's appendix) or
# |S| · |T| (its main text). A sample that passes no test is worth nothing.

DAMPED, PLAIN = 0.5, 1.0


def codet(passed: Sequence[Sequence[bool]], written: Sequence[int], power: float = DAMPED) -> Votes:
    """`passed` says for each sample which tests it passes, `written` how often each test was written."""
    groups: dict[tuple[bool, ...], int] = {}
    return Votes(
        clusters=np.array([groups.setdefault(tuple(row), len(groups)) for row in passed], dtype=np.int64),
        weights=np.array([float(sum(n for n, ok in zip(written, row, strict=True) if ok)) for row in passed]),
        power=power,
    )


def groups_of(votes: Votes, correct: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the groups as (size, correct), best first; equal scores are one group, worthless ones are left out."""
    scores, right = votes.scores, np.asarray(correct)
    return [_counted(right[scores == score]) for score in sorted(set(scores), reverse=True) if score > 0]


def _counted(right: NDArray[np.bool_]) -> tuple[int, int]:
    return int(right.size), int(right.sum())


# By duplicates: what a model writes most often is what it believes most.
#
# That is self-consistency (Wang et al. 2022, arXiv 2203.11171), on programs instead of answers; none of them runs. Two
# programs are the same if their syntax trees are, once comments, layout, docstrings and annotations are gone and the
# names that a function gives to values of its own are numbered as they come. Parameters keep theirs, since a caller may
# use them. A text that does not parse gets no vote.


def duplicates(entries: Sequence[Entry]) -> Votes:
    """Rank by votes of samples with the same program."""
    clusters: dict[str, int] = {}
    forms = [normal_form(entry.source) for entry in entries]
    return Votes(
        clusters=np.array([clusters.setdefault(form or "", len(clusters)) for form in forms]),
        weights=np.array([0.0 if form is None else 1.0 for form in forms]),
    )
