"""Progress as plain lines: notices as they come, progress at most every ten seconds or five percent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from math import floor
from typing import TextIO

from sampler.reporting.render import one_line
from sampler.running.forecast import UNKNOWN, Forecast
from sampler.running.progress import Notice, Progress

LINE_SECONDS = 10.0
LINE_SHARE = 0.05


class PlainLines:
    """A subscriber that writes lines: notices as they come, progress now and then. Called from several threads."""

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
                    self._write(f"{level}{one_line(event.message)}")
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
        passed = " · ".join(f"{one_line(m.name)} {m.passed}/{m.verdicts} passed" for m in now.models if m.verdicts)
        head = (
            f"{one_line(now.study)} {now.sampled}/{now.wanted} sampled, {now.scored} scored "
            f"({floor(100 * share)}%){eta}"
        )
        self._write(f"{head} · {passed}" if passed else head)

    def _write(self, line: str) -> None:
        stamp = time.strftime("%H:%M:%S", time.localtime(self._clock()))
        with suppress(OSError, ValueError):  # whoever read along has left; the study goes on
            self._out.write(f"{stamp} {line}\n")
            self._out.flush()
