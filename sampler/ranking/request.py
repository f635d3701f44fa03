"""What a ranking is asked for, what it reads, and what comes of it: plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sampler.backends.base import Scorer
from sampler.ranking.generated_tests import Asker
from sampler.stats.bootstrap import Interval
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.ranking import DRAWS
from sampler.study.spec import StudySandbox
from sampler.values import Architecture


class Inputs(StrEnum):
    """Which tests' inputs programs are compared on. What is expected of them plays no part."""

    JUDGE = "judge"  # as in the published results: the inputs are known, the outputs are not
    SELECTION = "selection"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRequest:
    """Which rankers, at which k (empty: some that suit), by what; `explicit` ones may not fail."""

    rankers: tuple[str, ...]
    explicit: bool = True
    ks: tuple[int, ...] = ()
    model: str | None = None  # whose opinion of the texts is asked for
    tests: Path | None = None
    scores: Path | None = None
    inputs: Inputs = Inputs.JUDGE
    charge: bool = False
    prompt: PromptCharge = PromptCharge.EACH
    draws: int = DRAWS
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModel:
    """A model that is ready to score texts."""

    name: str
    digest: str
    architecture: Architecture | None
    scorer: Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class RankDependencies:
    """How a ranking gets at a sandbox like a study's, and at a model; `say` hears what takes its time."""

    asker: Callable[[StudySandbox], AbstractContextManager[Asker]]
    text_model: Callable[[str], AbstractContextManager[TextModel]]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankPoint:
    """What handing out one of k samples is worth.

    `error` is the standard error of drawing subsets, 0 where the value is exact. `costs` are of the k samples and,
    where it is charged, of ranking them; None where a cost is not known.
    """

    k: int
    rate: float
    interval: Interval | None
    error: float
    costs: Mapping[Unit, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedPoint:
    """Handing out a random one of those of k samples that pass the selection tests, or nothing.

    `coverage` is the chance that a sample that is correct is among the k; `false_positive` the share of wrong ones
    among the answers that are handed out, None where none is. Each has its interval, by the name of the field.
    """

    k: int
    coverage: float
    answered: float
    correct: float
    false_positive: float | None
    intervals: Mapping[str, Interval | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankLine:
    """One ranker on one model's samples, over the problems for which it has what it needs."""

    ranker: str
    problems: int
    points: tuple[RankPoint, ...]
    selected: tuple[SelectedPoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedModel:
    """One model's lines, beside the oracle's (pass@k: the judge's own tests choose) and greedy's, if there is one."""

    model: str
    samples: int
    oracle: RankLine
    greedy: float | None
    greedy_interval: Interval | None
    lines: tuple[RankLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """A (model, k, chosen by) that no other one beats for its cost: what handing out its answer is worth."""

    model: str
    ranker: str
    k: int
    cost: float
    rate: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankReport:
    """Everything that a ranking found.

    `frontiers` are over what was valued on the same problems, for each unit in which every cost is known, by rising
    cost.
    """

    study: str
    charged: bool
    prompt: PromptCharge
    level: float
    resamples: int
    draws: int
    models: tuple[RankedModel, ...]
    frontiers: Mapping[Unit, tuple[Best, ...]]
    notes: tuple[str, ...]
