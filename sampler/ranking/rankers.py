"""Define the rankers by name and what each needs.

Some score each sample separately: a score is the same whichever other samples there are. The others rank by votes:
samples that agree support each other, so a score depends on the other samples. `majority` and `mbr_exec` compare what
programs answer, `codet` which generated tests they pass, `duplicates` their text. Rankers are the entry points of
`codebudget.rankers`, so that another package can add one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sampler.exit_codes import CommandError, Exit
from sampler.program_normalization import normal_form
from sampler.stats.ranking import Votes
from sampler.stats.short_m_at_k import ShortVotes
from sandbox.registry import PluginError, Registry
from sandbox.sanitize import did_you_mean
from sandbox.values import Answer

Scores = NDArray[np.float64]
Ranking = Scores | Votes | ShortVotes
ENOUGH = 200  # clusters that a program is compared with by value; what agrees with none of them stands alone
DAMPED, PLAIN = 0.5, 1.0
BY_TEXT = ("mean-logprob", "sum-logprob")  # those that another model's scores of the texts can serve


class RankingError(CommandError, ValueError):
    """A ranker lacks its evidence: the user's choice of rankers or inputs does not fit."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sample as a ranker sees it: the program made of it, how many tokens were written, and their log-probability.

    None where the engine or file did not tell. `thought_tokens` are those before the answer; `cut` says that the model
    was stopped while it was thinking.
    """

    problem: str
    index: int
    source: str
    tokens: int | None
    sum_logprob: float | None
    thought_tokens: int | None = None
    cut: bool = False

    @property
    def place(self) -> str:
        """Return the sample's name, for messages."""
        return f"sample {self.index} of {self.problem}"


def tokens_of(entry: Entry) -> int:
    """Return how many tokens were written; raises RankingError if it is not known."""
    if entry.tokens is None:
        raise RankingError(f"{entry.place} has no count of tokens: its file gives none; choose another ranker")
    return entry.tokens


def thought_length(entry: Entry) -> float:
    """Return how long a sample thought, in tokens; a thought that was cut is longer than all. Raises RankingError."""
    if entry.thought_tokens is None:
        raise RankingError(
            f"it is not known how many tokens {entry.place} thought: neither its engine nor its file gives the number; "
            "choose another ranker"
        )
    return float("inf") if entry.cut else float(entry.thought_tokens)


class Need(Enum):
    """What a ranker needs."""

    SAMPLES = "the samples alone"
    THOUGHTS = "how many tokens each sample thought"
    LOGPROBS = "log-probabilities: the sampling model's own, or with --with MODEL another one's"
    ANSWERS = "what programs answer: to the tests' inputs, from the store, or with --tests FILE to generated ones"
    TESTS = "tests that a model wrote, --tests FILE"
    SELECTION = "selection tests, which the problems have or have not"
    FILE = "scores that somebody else has made, --scores FILE"


class Evidence(Protocol):
    """What is known of the samples of one model on one problem, made when it is asked for; each raises RankingError."""

    @property
    def entries(self) -> Sequence[Entry]:
        """Return the samples; all else has a part for each of them, in the same order."""

    def answers(self) -> Sequence[Answers]:
        """Return what each program answers to the inputs of tests."""

    def passed(self) -> tuple[Sequence[Sequence[bool]], Sequence[int]]:
        """Return which generated tests each program passes, and how often each test was written."""

    def selected(self) -> Sequence[bool]:
        """Return which programs pass the selection tests."""

    def given(self) -> Scores:
        """Return the scores of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranker:
    """A ranker: what an entry point of `codebudget.rankers` is.

    `rank` returns a score for each sample, the best one highest, or `Votes`. `order` is the place in lists.
    """

    need: Need
    rank: Callable[[Evidence], Ranking]
    order: int = 1000


REGISTRY = Registry("rankers", Ranker)


def rankers() -> Mapping[str, Ranker]:
    """Return every ranker by name, in the order of lists."""
    return dict(sorted(REGISTRY.values().items(), key=lambda one: one[1].order))


def need_of(name: str) -> Need | None:
    """Return what the ranker of a name needs, be it stored with a model behind "@"; None for an unknown name."""
    bare = name.partition("@")[0]
    if shortest_of(bare):
        return Need.ANSWERS
    return ranker_of(bare).need if bare in REGISTRY.names else None


def ranker_of(name: str) -> Ranker:
    """Return the ranker of a name; raises RankingError, also for a plugin that cannot be loaded."""
    if name not in REGISTRY.names and (m := shortest_of(name)):
        return Ranker(need=Need.ANSWERS, rank=lambda given: short(given.entries, majority(given.answers()), m))
    try:
        return REGISTRY.load(name)
    except PluginError as error:
        raise RankingError(str(error)) from error


def rank_by(name: str, evidence: Evidence) -> Ranking:
    """Return the ranking of samples; raises RankingError for an error of a plugin, or a ranking that is none."""
    ranker = ranker_of(name)
    if name not in REGISTRY.names or name in REGISTRY.built_in:
        return ranker.rank(evidence)
    try:
        ranking = ranker.rank(evidence)
        if isinstance(ranking, Votes | ShortVotes):
            return ranking
        scores = np.asarray(ranking, dtype=np.float64)
    except RankingError:
        raise
    except Exception as error:
        raise RankingError(f"the ranker {name!r} failed: {type(error).__name__}: {error}") from error
    if scores.shape != (len(evidence.entries),) or np.isnan(scores).any():
        raise RankingError(f"the ranker {name!r} must return a number for each of {len(evidence.entries)} samples")
    return scores


def shortest_of(name: str) -> int:
    """Return m of the ranker "short-m"; 0 for another one."""
    found = re.fullmatch(r"short-([1-9][0-9]{0,5})", name)
    return int(found[1]) if found else 0


def known(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once; raises RankingError for a name that is no ranker's."""
    there = sorted(rankers())
    for name in names:
        if need_of(name) is None or "@" in name:
            raise RankingError(f"no ranker {name!r}{did_you_mean(name, there)}; there are {', '.join(there)}")
    return tuple(dict.fromkeys(names))


# No opinion: all samples are equal, and any of them is handed out.
#
# What every ranker has to beat; its rank-score is pass@1.


def chance(entries: Sequence[Entry]) -> Scores:
    """Give all samples the same score."""
    return np.zeros(len(entries))


# By length, in tokens that were written.
#
# Of k chains of thought the shortest tends to be right (Hassid et al. 2025, arXiv 2505.17813, short-1@k); of programs
# this is not known.


def shortest(entries: Sequence[Entry]) -> Scores:
    """Rank samples with the fewest tokens first."""
    return -longest(entries)


def longest(entries: Sequence[Entry]) -> Scores:
    """Rank samples with the most tokens first."""
    return np.array([float(tokens_of(entry)) for entry in entries])


# By the length of the thought before the answer, in tokens.
#
# `first-finish` hands out the answer that is there first if all think at the same time: short-1@k of Hassid et al. 2025
# (arXiv 2505.17813), First Finish Search (arXiv 2505.18149). short-m is a vote among the m that finish first.


def first_finish(entries: Sequence[Entry]) -> Scores:
    """Rank the shortest thought first; one that was cut comes last."""
    return -np.array([thought_length(entry) for entry in entries])


def longest_thought(entries: Sequence[Entry]) -> Scores:
    """Rank the longest thought first, cut or not."""
    known_lengths = [thought_length(replace(entry, cut=False)) for entry in entries]
    return np.array(known_lengths)


def short(entries: Sequence[Entry], votes: Votes, m: int) -> ShortVotes:
    """Rank by votes among the m samples with the shortest thoughts."""
    return ShortVotes(votes=votes, lengths=-first_finish(entries), m=m)


# By log-probability: the mean over a completion's tokens, or their sum, which favours short texts.
#
# The mean is the ranker of Chen et al. 2021 (arXiv 2107.03374) and, with its sign turned, equation 7 of Hassid et al.
# 2024 (arXiv 2404.00725). The prompt's tokens are no part of either.
#
# The sampling model's own are before temperature, and are stored with the sample. Another model's come from a
# `TextScorer`; they are over that model's tokens, and are compared within one engine only.


def mean_logprob(entries: Sequence[Entry]) -> Scores:
    """Score by nats per token; a completion without tokens comes last."""
    return np.array([_known(entry) / tokens if (tokens := tokens_of(entry)) else -np.inf for entry in entries])


def sum_logprob(entries: Sequence[Entry]) -> Scores:
    """Score by the nats of the whole completion."""
    return np.array([_known(entry) if tokens_of(entry) else -np.inf for entry in entries])


def _known(entry: Entry) -> float:
    if entry.sum_logprob is None:
        raise RankingError(
            f"{entry.place} has no log-probability: its engine or file did not tell; have a model score the text "
            "(--with MODEL), or choose another ranker"
        )
    return entry.sum_logprob


# By selection tests: those that may be used to choose an answer. Samples that pass come first.
#
# As a ranking it always hands out something: where nothing passes, any sample. `selected_at_k` says what becomes of it
# where one would rather hand out nothing.


def selection(passed: Sequence[bool]) -> Scores:
    """Score 1 for a sample that passes the selection tests, 0 for one that does not."""
    return np.array(passed, dtype=np.float64)


# By given scores: of a trained ranker, a judge model, a person.
#
# A file of JSON lines, one for each sample: `{"model": "…", "task_id": "HumanEval/0", "index": 3, "score": 1.25}`.
# Higher is better; `model` may be left out where the store has one model only. The scores are taken as fixed: they do
# not change with k.

Given = Mapping[tuple[str | None, str, int], float]


def external(entries: Sequence[Entry], model: str, given: Given) -> Scores:
    """Score by a file."""
    return np.array([_score(entry, model, given) for entry in entries])


def _score(entry: Entry, model: str, given: Given) -> float:
    for owner in (model, None):
        if (score := given.get((owner, entry.problem, entry.index))) is not None:
            return score
    raise RankingError(f"the file of scores has none for {entry.place} by {model!r}; every sample needs one")


def read_scores(path: Path) -> dict[tuple[str | None, str, int], float]:
    """Read the scores of a file; raises RankingError, which names the line and the fault."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise RankingError(f"cannot read scores from {str(path)!r}: {error}") from error
    found: dict[tuple[str | None, str, int], float] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            key, score = _row(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise RankingError(f"{path}, line {number}: {why}") from error
        if key in found:
            raise RankingError(f"{path}, line {number}: sample {key[2]} of {key[1]} stands there twice")
        found[key] = score
    return found


def _row(row: dict[str, Any]) -> tuple[tuple[str | None, str, int], float]:
    score, index = row["score"], row["index"]
    if isinstance(score, bool) or not isinstance(score, int | float) or math.isnan(score):
        raise ValueError(f"score is {score!r:.40}, not a number")
    if isinstance(index, bool) or not isinstance(index, int):
        raise TypeError(f"index is {index!r:.40}, not a whole number")
    return (row.get("model"), str(row["task_id"]), index), float(score)


Answers = Sequence[Answer | None]  # of one program, to each call; None where it gave none


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
        clusters=clusters(programs, _same_answers),
        weights=np.array([float(not all(map(failed, answers))) for answers in programs]),
    )


def _same_answers(one: Answers, other: Answers) -> bool:
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


def codet(passed: Sequence[Sequence[bool]], written: Sequence[int], power: float = DAMPED) -> Votes:
    """`passed` says for each sample which tests it passes, `written` how often each test was written."""
    groups: dict[tuple[bool, ...], int] = {}
    return Votes(
        clusters=np.array([groups.setdefault(tuple(row), len(groups)) for row in passed], dtype=np.int64),
        weights=np.array([float(sum(n for n, ok in zip(written, row, strict=True) if ok)) for row in passed]),
        power=power,
    )


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


RANDOM = Ranker(order=1, need=Need.SAMPLES, rank=lambda given: chance(given.entries))
MEAN_LOGPROB = Ranker(order=2, need=Need.LOGPROBS, rank=lambda given: mean_logprob(given.entries))
SUM_LOGPROB = Ranker(order=3, need=Need.LOGPROBS, rank=lambda given: sum_logprob(given.entries))
SHORTEST = Ranker(order=4, need=Need.SAMPLES, rank=lambda given: shortest(given.entries))
LONGEST = Ranker(order=5, need=Need.SAMPLES, rank=lambda given: longest(given.entries))
FIRST_FINISH = Ranker(order=6, need=Need.THOUGHTS, rank=lambda given: first_finish(given.entries))
LONGEST_THOUGHT = Ranker(order=7, need=Need.THOUGHTS, rank=lambda given: longest_thought(given.entries))
SHORT_3 = Ranker(order=8, need=Need.ANSWERS, rank=lambda given: short(given.entries, majority(given.answers()), 3))
DUPLICATES = Ranker(order=9, need=Need.SAMPLES, rank=lambda given: duplicates(given.entries))
MAJORITY = Ranker(order=10, need=Need.ANSWERS, rank=lambda given: majority(given.answers()))
MBR_EXEC = Ranker(order=11, need=Need.ANSWERS, rank=lambda given: mbr_exec(given.entries, given.answers()))
CODET = Ranker(order=12, need=Need.TESTS, rank=lambda given: codet(*given.passed()))
CODET_PRODUCT = Ranker(order=13, need=Need.TESTS, rank=lambda given: codet(*given.passed(), power=PLAIN))
SELECTION_TESTS = Ranker(order=14, need=Need.SELECTION, rank=lambda given: selection(given.selected()))
EXTERNAL = Ranker(order=15, need=Need.FILE, rank=lambda given: given.given())
