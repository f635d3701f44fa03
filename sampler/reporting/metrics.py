"""Make the reliability tables of a report: pass^k, G-Pass@k, mG-Pass@k, maj@k and Bayes@N beside pass@k.

A metric is named as papers name it: `pass@k`, `pass^k`, `g-pass@k`, `mg-pass@k`, `maj@k`, `bayes@n`. The threshold of
G-Pass@k stands behind a colon, as in `g-pass@k:0.75`; without it, it is one half. `sampler.stats.reliability` has the
formulas. All models are shown on the problems that the whole report compares, and up to the k that all of a model's
problems have samples for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache

import numpy as np

from sampler.exit_codes import CommandError, Exit
from sampler.reporting.paired_data import PairedData
from sampler.stats.bootstrap import Floats, Interval, rate_intervals
from sampler.stats.passk import Counts, pass_at_k
from sampler.stats.reliability import HALF, bayes_at_n, g_pass_at_k, maj_at_k, mg_pass_at_k, pass_hat_k


class Metric(StrEnum):
    """What is computed of the samples of a problem."""

    AT_LEAST_ONE = "pass@k"  # at least one of k is right
    ALL_OF_K = "pass^k"  # all of k are
    SHARE = "g-pass@k"  # at least a share of k is
    MEAN_SHARE = "mg-pass@k"  # the mean of that over shares from one half
    MAJORITY = "maj@k"  # more than half of k are
    BAYES = "bayes@n"  # the posterior mean of the chance of a right sample, from all n


class UnknownMetric(CommandError, ValueError):
    """A metric that does not exist, or a threshold that is none."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True)
class MetricChoice:
    """A metric, and of G-Pass@k the threshold tau."""

    metric: Metric
    tau: Fraction = HALF

    @property
    def label(self) -> str:
        """Return the name that a table shows."""
        return f"{self.metric.value}:{float(self.tau):g}" if self.metric is Metric.SHARE else self.metric.value


RELIABILITY = tuple(map(MetricChoice, (Metric.AT_LEAST_ONE, Metric.ALL_OF_K, Metric.SHARE, Metric.MEAN_SHARE))) + tuple(
    map(MetricChoice, (Metric.MAJORITY, Metric.BAYES))
)


def metric_choice(text: str) -> MetricChoice:
    """Return the metric of a name such as "pass^k" or "g-pass@k:0.75"; raises UnknownMetric."""
    name, colon, threshold = text.strip().casefold().partition(":")
    if name not in set(Metric):
        raise UnknownMetric(f"no metric {text!r}; there are {', '.join(Metric)}, and g-pass@k:0.75 for another share")
    if colon and name != Metric.SHARE:
        raise UnknownMetric(f"{text!r}: only {Metric.SHARE.value} has a threshold; write {name}")
    try:
        tau = Fraction(threshold) if colon else HALF
    except (ValueError, ZeroDivisionError) as error:
        raise UnknownMetric(f"{text!r}: the threshold must be a number from 0 to 1, such as 0.75") from error
    if not 0 <= tau <= 1:
        raise UnknownMetric(f"{text!r}: the threshold must lie in 0 to 1")
    return MetricChoice(Metric(name), tau)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue:
    """A metric at one k: its mean over problems, and the interval that its table names (None below two problems)."""

    k: int
    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLine:
    """One model's values, at rising k; none if no problem is complete for all models."""

    model: str
    values: tuple[MetricValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTable:
    """One metric of all models.

    The intervals are over new problems of the kind (BCa), or `credible`: over the same problems, from more samples.
    """

    metric: str
    credible: bool
    lines: tuple[MetricLine, ...]


def metric_tables(paired: PairedData, choices: Sequence[MetricChoice]) -> tuple[MetricTable, ...]:
    """Return a table for each chosen metric, without repeats."""
    return tuple(
        MetricTable(
            metric=choice.label,
            credible=choice.metric is Metric.BAYES,
            lines=tuple(
                MetricLine(model=model.name, values=metric_values(choice, paired.counts[model.id], paired.draws))
                for model in paired.models
            ),
        )
        for choice in dict.fromkeys(choices)
    )


def metric_values(choice: MetricChoice, counts: Counts, draws: Floats | None) -> tuple[MetricValue, ...]:
    """Return the values of one model at k = 1, 2, 4 … and at all of its samples; none without problems."""
    if not counts.scored or not counts.even:
        return ()
    if choice.metric is Metric.BAYES:
        found = bayes_at_n(counts.scored, counts.passed)
        return (MetricValue(k=counts.even, value=found.mean, interval=found.interval),)
    ks = shown_ks(choice.metric, counts.even)
    if not ks:
        return ()
    of = cache(_formula(choice))
    values = np.array([[of(n, c, k) for k in ks] for n, c in zip(counts.scored, counts.passed, strict=True)])
    near: Sequence[Interval | None] = [None] * len(ks) if draws is None else rate_intervals(values, draws)
    means = values.mean(axis=0)
    return tuple(
        MetricValue(k=k, value=float(mean), interval=one) for k, mean, one in zip(ks, means, near, strict=True)
    )


def metric_at(choice: MetricChoice, hits: Sequence[tuple[int, int]], k: int) -> MetricValue | None:
    """Return a metric at one k, from the samples of each problem and how many of them are right.

    None where it is not defined: without problems, for a k that some problem has no samples for, and for mG-Pass@k of
    an odd k. Only Bayes@N, which is of all samples at any k, has its interval here.
    """
    if not hits:
        return None
    if choice.metric is Metric.BAYES:
        found = bayes_at_n(*zip(*hits, strict=True))
        return MetricValue(k=k, value=found.mean, interval=found.interval)
    if k < 1 or min(scored for scored, _ in hits) < k or (choice.metric is Metric.MEAN_SHARE and k % 2):
        return None
    of = _formula(choice)
    kinds = Counter(hits)
    return MetricValue(k=k, value=sum(of(*one, k) * times for one, times in kinds.items()) / len(hits), interval=None)


def shown_ks(metric: Metric, most: int) -> tuple[int, ...]:
    """Return 1, 2, 4 … below `most`, and `most`; of mG-Pass@k, which is 0 at 1 by definition, the even ones alone."""
    ks = [2**power for power in range(most.bit_length()) if 2**power < most] + [most]
    return tuple(k for k in ks if metric is not Metric.MEAN_SHARE or k % 2 == 0)


def _formula(choice: MetricChoice) -> Callable[[int, int, int], float]:
    match choice.metric:
        case Metric.AT_LEAST_ONE:
            return pass_at_k
        case Metric.ALL_OF_K:
            return pass_hat_k
        case Metric.SHARE:
            return lambda n, c, k: g_pass_at_k(n, c, k, choice.tau)
        case Metric.MEAN_SHARE:
            return mg_pass_at_k
        case Metric.MAJORITY:
            return maj_at_k
        case Metric.BAYES:
            raise ValueError("Bayes@N has no k")
