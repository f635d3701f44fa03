"""Show how far a run without a screen is: plain lines, JSON lines, or a bar on a terminal.

Plain lines are notices as they come, and progress at most every ten seconds or five percent.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from math import floor
from typing import Any, Self, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from sampler.exit_codes import Exit
from sampler.reporting.render import one_line
from sampler.running.forecast import UNKNOWN, Forecast
from sampler.running.progress import Notice, Progress
from sandbox.console import HarmlessConsole

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


JSON_SCHEMA = 1


class JsonLines:
    """A subscriber that writes one JSON object a line. Called from several threads."""

    def __init__(self, out: TextIO, *, clock: Callable[[], float] = time.time) -> None:
        self._out, self._clock = out, clock
        self._lock = threading.Lock()
        self._said: Progress | None = None

    def __call__(self, event: Progress | Notice) -> None:
        """Write the event; progress only where something changed."""
        match event:
            case Notice():
                self.say("notice", **asdict(event))
            case Progress() if event != self._said:
                self._said = event
                counts = {"wanted": event.wanted, "sampled": event.sampled, "scored": event.scored}
                self.say("progress", study=event.study, **counts, models=[asdict(model) for model in event.models])
            case Progress():
                pass

    def say(self, event: str, **more: Any) -> None:
        """Write an event of this name."""
        line = json.dumps(
            {"schema": JSON_SCHEMA, "event": event, "at": round(self._clock(), 3), **more}, sort_keys=True
        )
        with self._lock, suppress(OSError, ValueError):  # whoever read along has left; the study goes on
            self._out.write(f"{line}\n")
            self._out.flush()

    def done(self, code: Exit, reason: str) -> None:
        """The last line."""
        self.say("done", ok=code is Exit.OK, exit_code=int(code), reason=reason)


class Bar:
    """A subscriber that draws a bar for each model on a terminal, with notices above. A context manager."""

    def __init__(self, out: TextIO) -> None:
        console = HarmlessConsole(file=out, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = RichProgress(*columns, console=console)
        self._rows: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Progress | Notice) -> None:
        """Draw it."""
        with self._lock:
            match event:
                case Notice():
                    level = "" if event.level == "info" else f"{event.level}: "
                    self._bar.console.print(f"{level}{one_line(event.message)}", markup=False)
                case Progress():
                    for model in event.models:
                        if model.name not in self._rows:
                            self._rows[model.name] = self._bar.add_task("", total=model.wanted)
                        said = one_line(model.name).replace("[", r"\[")
                        self._bar.update(self._rows[model.name], description=said, completed=model.scored)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
