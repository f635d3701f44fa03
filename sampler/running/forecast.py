"""When a study will be done, from how fast the last minutes went, and no more certain than that.

Models are sampled one after the other, so what is left is the sum over models of what each has left at its own pace. A
pace is measured in slices of the last five minutes; the slowest and the fastest of them bound it. Before there is
enough to measure, nothing is said; where a model has not begun, or some slice brought nothing, only how long it takes
at least.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from sampler.running.progress import ModelProgress, Progress
from sampler.study.spec_models import GREEDY

WINDOW_S = 300.0
LEAST_S = 10.0  # a pace is measured for at least so long
LEAST_DONE = 8
SLICES = 4
ALIKE = 1.25  # bounds that are no farther apart are one number


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft:
    """Seconds to go: at least `low`, at most `high`; None where nobody can say.

    `to_come` models have not begun, and their pace is not known: their time is in neither.
    """

    low: float
    high: float | None
    to_come: int = 0

    @property
    def words(self) -> str:
        """For people."""
        if self.high is None:
            models = f", and {self.to_come} model{'s' * (self.to_come > 1)} to come" if self.to_come else ""
            return f"more than {_duration(max(1.0, self.low))} left{models}"
        if self.high <= ALIKE * self.low:
            return f"about {_duration((self.low + self.high) / 2)} left"
        return f"{_duration(self.low)} to {_duration(self.high)} left"


UNKNOWN = "time left unknown"


@dataclass(slots=True)
class _Pace:
    """What one model did lately: (when, how many were done by then), from where it began to move."""

    seen: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, now: float, done: int) -> None:
        if len(self.seen) == 1 and self.seen[0][1] == done:
            self.seen.clear()  # it has not begun: only the last moment before it does counts
        self.seen.append((now, done))
        while len(self.seen) > 2 and self.seen[1][0] <= now - WINDOW_S:
            self.seen.popleft()

    @property
    def rates(self) -> tuple[float, float] | None:
        """The slowest and the fastest slice, in samples a second; None before there is enough to tell."""
        if not self.seen:
            return None
        (began, first), (now, last) = self.seen[0], self.seen[-1]
        if now - began < LEAST_S or last - first < LEAST_DONE:
            return None
        step = (now - began) / SLICES
        marks = [self._done_at(began + step * number) for number in range(SLICES + 1)]
        rates = [(after - before) / step for before, after in pairwise(marks)]
        return min(rates), max(rates)

    def _done_at(self, moment: float) -> float:
        """How many were done at a moment, in between what was seen."""
        before = self.seen[0]
        for after in self.seen:
            if after[0] >= moment:
                passed = after[0] - before[0]
                share = (moment - before[0]) / passed if passed else 1.0
                return before[1] + share * (after[1] - before[1])
            before = after
        return before[1]


class Forecast:
    """Looks on as a study progresses; says what is left."""

    def __init__(self) -> None:
        self._paces: dict[str, _Pace] = {}

    def see(self, now: float, progress: Progress) -> None:
        """Take in how far the study is at a moment; moments come in order."""
        for model in progress.models:
            self._paces.setdefault(model.name, _Pace()).see(now, model.scored)

    def left(self, progress: Progress) -> TimeLeft | None:
        """The time to go; None as long as no model's pace is known."""
        low, high, known, to_come = 0.0, 0.0, False, 0
        bounded = True
        for model in progress.models:
            missing = model.wanted - model.scored
            rates = self._rates(model)
            if missing <= 0:
                continue
            if rates is None:
                bounded, to_come = False, to_come + 1
                continue
            slowest, fastest = rates
            known = True
            low += missing / fastest
            bounded = bounded and slowest > 0
            high += missing / slowest if slowest > 0 else 0.0
        return TimeLeft(low=low, high=high if bounded else None, to_come=to_come) if known else None

    def _rates(self, model: ModelProgress) -> tuple[float, float] | None:
        """A greedy companion that has not begun goes as fast as its model did."""
        own = self._paces[model.name].rates
        owner = self._paces.get(model.name.removesuffix(GREEDY))
        return own or (owner.rates if owner else None)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours / 24:.0f} days"
