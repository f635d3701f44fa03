"""Show the progress of a run without a screen: plain lines, JSON lines, or a bar on a terminal.

Plain lines are notices as they come, and progress at most every ten seconds or five percent.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from math import floor
from typing import Any, Self, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from sampler.exit_codes import Exit
from sampler.plotting import duration
from sampler.reporting.render import collapse
from sampler.running.progress import ModelProgress, Notice, Progress
from sampler.study.spec_models import ALLOTTED, GREEDY
from sandbox.console import SanitizingConsole

# When a study will be done, from how fast the last minutes went, and no more certain than that.
#
# Models are sampled one after the other, so what is left is the sum over models of what each has left at its own pace.
# A pace is measured in slices of the last five minutes; the slowest and the fastest of them bound it. Before there is
# enough to measure, nothing is said; where a model has not begun, or some slice brought nothing, only how long it takes
# at least.

WINDOW_S = 300.0
LEAST_S = 10.0  # a pace is measured for at least so long
LEAST_DONE = 8
SLICES = 4
ALIKE = 1.25  # bounds that are no farther apart are one number


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft:
    """The remaining seconds: at least `low`, at most `high`; None if not known.

    `to_come` models have not begun, so their pace is unknown and their time is not included.
    """

    low: float
    high: float | None
    to_come: int = 0

    @property
    def words(self) -> str:
        """Return the time in words."""
        if self.high is None:
            models = f", and {self.to_come} model{'s' * (self.to_come > 1)} to come" if self.to_come else ""
            return f"more than {duration(max(1.0, self.low))} left{models}"
        if self.high <= ALIKE * self.low:
            return f"about {duration((self.low + self.high) / 2)} left"
        return f"{duration(self.low)} to {duration(self.high)} left"


UNKNOWN = "time left unknown"


@dataclass(slots=True)
class _Pace:
    """The recent progress of one model: (time, number done by then), from its first progress on."""

    seen: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, now: float, done: int) -> None:
        if len(self.seen) == 1 and self.seen[0][1] == done:
            self.seen.clear()  # it has not begun: only the last moment before it does counts
        self.seen.append((now, done))
        while len(self.seen) > 2 and self.seen[1][0] <= now - WINDOW_S:
            self.seen.popleft()

    @property
    def rates(self) -> tuple[float, float] | None:
        """Return the slowest and the fastest pace, in samples per second; None before there is enough data."""
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
        """Return how many were done at a moment, interpolated between observations."""
        before = self.seen[0]
        for after in self.seen:
            if after[0] >= moment:
                passed = after[0] - before[0]
                share = (moment - before[0]) / passed if passed else 1.0
                return before[1] + share * (after[1] - before[1])
            before = after
        return before[1]


class Forecast:
    """Observes the progress of a study and estimates the remaining time."""

    def __init__(self) -> None:
        self._paces: dict[str, _Pace] = {}

    def see(self, now: float, progress: Progress) -> None:
        """Record the progress of the study at a moment; moments must be in order."""
        for model in progress.models:
            self._paces.setdefault(model.name, _Pace()).see(now, model.scored)

    def left(self, progress: Progress) -> TimeLeft | None:
        """Return the remaining time; None as long as no model's pace is known."""
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
        """Return the paces of the models; a companion that has not begun gets the pace of its model."""
        own = self._paces[model.name].rates
        owner = self._paces.get(model.name.removesuffix(GREEDY).removesuffix(ALLOTTED))
        return own or (owner.rates if owner else None)


LINE_SECONDS = 10.0
LINE_SHARE = 0.05


class PlainLines:
    """A subscriber that writes lines: each notice, and progress at intervals; called from several threads."""

    def __init__(self, out: TextIO, *, clock: Callable[[], float] = time.time) -> None:
        self._out = out
        self._clock = clock
        self._lock = threading.Lock()
        self._forecast = Forecast()
        self._last_at = float("-inf")
        self._last_done = -1

    def __call__(self, event: Progress | Notice) -> None:
        """Write the event, unless it is progress and a line was written just now."""
        with self._lock:
            match event:
                case Notice():
                    level = "" if event.level == "info" else f"{event.level}: "
                    self._write(f"{level}{collapse(event.message)}")
                case Progress():
                    self._progress(event)

    def _progress(self, now: Progress) -> None:
        at, done = self._clock(), now.sampled + now.scored
        self._forecast.see(at, now)
        far = done - self._last_done >= max(1.0, LINE_SHARE * 2 * now.wanted)
        finished = done == 2 * now.wanted
        if done == self._last_done or not (far or finished or at - self._last_at >= LINE_SECONDS):
            return
        self._last_at, self._last_done = at, done
        left = self._forecast.left(now)
        eta = "" if finished else f" · {left.words if left else UNKNOWN}"
        share = now.scored / now.wanted if now.wanted else 1.0
        passed = " · ".join(f"{collapse(m.name)} {m.passed}/{m.verdicts} passed" for m in now.models if m.verdicts)
        head = (
            f"{collapse(now.study)} {now.sampled}/{now.wanted} sampled, {now.scored} scored "
            f"({floor(100 * share)}%){eta}"
        )
        self._write(f"{head} · {passed}" if passed else head)

    def _write(self, line: str) -> None:
        stamp = time.strftime("%H:%M:%S", time.localtime(self._clock()))
        with suppress(OSError, ValueError):  # the reader has closed the stream; the study goes on
            self._out.write(f"{stamp} {line}\n")
            self._out.flush()


JSON_SCHEMA = 1


class JsonLines:
    """A subscriber that writes one JSON object a line; called from several threads."""

    def __init__(self, out: TextIO, *, clock: Callable[[], float] = time.time) -> None:
        self._out, self._clock = out, clock
        self._lock = threading.Lock()
        self._last_progress: Progress | None = None

    def __call__(self, event: Progress | Notice) -> None:
        """Write the event; progress only if something changed."""
        match event:
            case Notice():
                self.say("notice", **asdict(event))
            case Progress() if event != self._last_progress:
                self._last_progress = event
                counts = {"wanted": event.wanted, "sampled": event.sampled, "scored": event.scored}
                self.say("progress", study=event.study, **counts, models=[asdict(model) for model in event.models])
            case Progress():
                pass

    def say(self, event: str, **more: Any) -> None:
        """Write an event of this name."""
        line = json.dumps(
            {"schema": JSON_SCHEMA, "event": event, "at": round(self._clock(), 3), **more}, sort_keys=True
        )
        with self._lock, suppress(OSError, ValueError):  # the reader has closed the stream; the study goes on
            self._out.write(f"{line}\n")
            self._out.flush()

    def done(self, code: Exit, reason: str) -> None:
        """Write the last line."""
        self.say("done", ok=code is Exit.OK, exit_code=int(code), reason=reason)


class Bar:
    """A subscriber that draws a bar for each model on a terminal, with notices above. A context manager."""

    def __init__(self, out: TextIO) -> None:
        console = SanitizingConsole(file=out, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = RichProgress(*columns, console=console)
        self._rows: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Progress | Notice) -> None:
        """Draw the event."""
        with self._lock:
            match event:
                case Notice():
                    level = "" if event.level == "info" else f"{event.level}: "
                    self._bar.console.print(f"{level}{collapse(event.message)}", markup=False)
                case Progress():
                    for model in event.models:
                        if model.name not in self._rows:
                            self._rows[model.name] = self._bar.add_task("", total=model.wanted)
                        said = collapse(model.name).replace("[", r"\[")
                        self._bar.update(
                            self._rows[model.name], description=said, completed=model.scored, total=model.wanted
                        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
