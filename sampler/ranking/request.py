"""Define what a ranking is asked for, what it reads, and its results: plain values."""

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
    """Whose inputs programs are compared on; expected answers are not used."""

    JUDGE = "judge"  # as in the published results: the inputs are known, the outputs are not
    SELECTION = "selection"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRequest:
    """Which rankers, at which k (empty: suitable ones), and with what evidence; `explicit` ones may not fail."""

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
    """How a ranking opens a sandbox like a study's, and a model; `say` is called with progress messages."""

    asker: Callable[[StudySandbox], AbstractContextManager[Asker]]
    text_model: Callable[[str], AbstractContextManager[TextModel]]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankPoint:
    """The value of handing out one of k samples.

    `error` is the standard error of drawing subsets, 0 where the value is exact. `costs` are those of the k samples
    and, if it is charged, of ranking them; None if a cost is not known.
    """

    k: int
    rate: float
    interval: Interval | None
    error: float
    costs: Mapping[Unit, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedPoint:
    """The value of handing out a random one of those of k samples that pass the selection tests, or none.

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
    """One model's lines, with the oracle's (pass@k: the judge's own tests choose) and greedy's, if there is one."""

    model: str
    samples: int
    oracle: RankLine
    greedy: float | None
    greedy_interval: Interval | None
    lines: tuple[RankLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """A (model, k, ranker) that no other one beats for its cost, with the value of its answer."""

    model: str
    ranker: str
    k: int
    cost: float
    rate: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankReport:
    """Everything that a ranking found.

    `frontiers` are over lines that were evaluated on the same problems, for each unit in which every cost is known, by
    rising cost.
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
