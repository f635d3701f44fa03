"""Stop a run before it is complete, by limits on its time, its FLOPs, or the share of faults.

A limit works like the first interrupt: no more samples are requested, running work finishes, everything is kept, and
the same command continues. FLOPs are those of this run, read from the store's sums once a second, so a run may exceed
its limit by the work in flight. A fault is a sample that was not scored by our fault; their share of all that were
tried counts from `ENOUGH` on, and at the end in any case.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

from sampler.running.progress import Notice, Progress, Subscriber

ENOUGH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How much a run may take; None: unlimited."""

    seconds: float | None = None
    flops: float | None = None
    infra_rate: float | None = None

    def __post_init__(self) -> None:
        for name in ("seconds", "flops"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"a limit on {name} must be above 0, not {value}")
        if self.infra_rate is not None and not 0 <= self.infra_rate < 1:
            raise ValueError(f"a rate of faults lies from 0 to below 1, not {self.infra_rate}")


class StopReason(Enum):
    """Which limit was reached."""

    SECONDS = auto()
    FLOPS = auto()
    INFRA = auto()


class RunStopper:
    """A subscriber that passes every event on, and stops the run at the first limit that is reached."""

    def __init__(self, limits: RunLimits, tell: Subscriber, spent: Callable[[], float]) -> None:
        self._limits, self._tell, self._spent = limits, tell, spent
        self._stop: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._begun: tuple[float, int] | None = None  # FLOPs and verdicts before this run
        self._scored = 0
        self.faults = 0
        self.met: StopReason | None = None

    def __call__(self, event: Progress | Notice) -> None:
        """Process an event and pass it on."""
        self._tell(event)
        match event:
            case Notice(kind="unscored"):
                with self._lock:  # they come on several threads
                    self.faults += 1
            case Progress():
                flops = self._spent() if self._limits.flops is not None else 0.0
                self._begun = self._begun or (flops, event.scored)
                self._scored = event.scored - self._begun[1]
                if self._limits.flops is not None and flops - self._begun[0] >= self._limits.flops:
                    self._brake(StopReason.FLOPS, f"the run has spent its {self._limits.flops:.3g} FLOPs")
            case Notice():
                return
        if self.faults + self._scored >= ENOUGH and self.too_many_faults:
            self._brake(StopReason.INFRA, self.fault_line)

    @property
    def too_many_faults(self) -> bool:
        """Return whether the share of samples that failed by our fault is above its limit."""
        tried = self.faults + self._scored
        return self._limits.infra_rate is not None and tried > 0 and self.faults / tried > self._limits.infra_rate

    @property
    def fault_line(self) -> str:
        """Return the faults in words."""
        return f"{self.faults} of {self.faults + self._scored} samples were not scored, by our fault or the machine's"

    @contextmanager
    def watching(self, stop: Callable[[], None]) -> Iterator[None]:
        """Count the time within this context; `stop` is called when a limit is reached."""
        self._stop = stop
        timer = None
        if (seconds := self._limits.seconds) is not None:
            timer = threading.Timer(
                seconds, self._brake, (StopReason.SECONDS, f"the run has had its {seconds:g} seconds")
            )
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()

    def _brake(self, met: StopReason, why: str) -> None:
        with self._lock:
            if self.met is not None:
                return
            self.met = met
        self._stop()
        self._tell(Notice(level="warning", kind="limit", message=f"stopping: {why}; what is under way finishes"))
