"""Define the options that `sampler run` and `budget-tui --headless` have in common, and stop a run at its limits.

This module is separate from `headless` and imports little, because a viewer needs no engine. The display is chosen
before anything is drawn: the requested one, else a bar on a terminal, else plain lines.

A limit on a run's time, its FLOPs, or the share of faults works like the first interrupt: no more samples are
requested, running work finishes, everything is kept, and the same command continues. FLOPs are those of this run, read
from the store's sums once a second, so a run may exceed its limit by the work in flight. A fault is a sample that was
not scored because of a fault of ours; their share of all that were tried counts from `ENOUGH` on, and at the end.
"""

from __future__ import annotations

import functools
import math
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import Any

import click

from sampler.running.ci import Places
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
                    self._stop_for(StopReason.FLOPS, f"the run has spent its {self._limits.flops:.3g} FLOPs")
            case Notice():
                return
        if self.faults + self._scored >= ENOUGH and self.too_many_faults:
            self._stop_for(StopReason.INFRA, self.fault_line)

    @property
    def too_many_faults(self) -> bool:
        """Return whether the share of samples without a verdict because of our faults is above its limit."""
        tried = self.faults + self._scored
        return self._limits.infra_rate is not None and tried > 0 and self.faults / tried > self._limits.infra_rate

    @property
    def fault_line(self) -> str:
        """Return the faults in words."""
        tried = self.faults + self._scored
        return f"{self.faults} of {tried} samples have no verdict because of faults of ours or of the machine"

    @contextmanager
    def watching(self, stop: Callable[[], None]) -> Iterator[None]:
        """Count the time within this context; `stop` is called when a limit is reached."""
        self._stop = stop
        timer = None
        if (seconds := self._limits.seconds) is not None:
            timer = threading.Timer(
                seconds, self._stop_for, (StopReason.SECONDS, f"the run has had its {seconds:g} seconds")
            )
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()

    def _stop_for(self, met: StopReason, why: str) -> None:
        with self._lock:
            if self.met is not None:
                return
            self.met = met
        self._stop()
        self._tell(Notice(level="warning", kind="limit", message=f"stopping: {why}; what is under way finishes"))


_FILE = click.Path(dir_okay=False, path_type=Path)


class Display(StrEnum):
    """What is shown of a run."""

    AUTO = "auto"
    RICH = "rich"
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


def choose(asked: Display, *, terminal: bool, environment: Mapping[str, str]) -> Display:
    """Return the display for a standard error that is, or is not, a terminal."""
    if asked is not Display.AUTO:
        return asked
    watched = terminal and environment.get("TERM") != "dumb" and not environment.get("CI")
    return Display.RICH if watched else Display.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlessOptions:
    """The display of a run without a screen, its limits, and where it reports to continuous integration."""

    display: Display = Display.PLAIN
    limits: RunLimits = RunLimits()
    places: Places = Places()
    store: Path | None = None  # instead of the study file's
    boxes: int | None = None  # the same
    cluster: str | None = None  # the same
    fetch: bool = False
    traceback: bool = False
    program: str = "sampler"  # whose name is put before a complaint


def headless_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add options for store, boxes, displays, limits and files; the command gets them as `run_options`."""

    @click.option("--store", type=_FILE, help="Where samples and verdicts go; default: beside the study file.")
    @click.option(
        "--boxes", type=click.IntRange(min=1), help="How many boxes run programs at once; default: one per core."
    )
    @click.option(
        "--cluster", metavar="ADDRESS", help="Score on the nodes of a Ray cluster: auto, ray://HOST:PORT or HOST:PORT."
    )
    @click.option("--pull", "fetch", is_flag=True, help="Fetch the models that are not here yet.")
    @click.option(
        "--display",
        type=click.Choice([one.value for one in Display]),
        default=Display.AUTO.value,
        envvar="BUDGET_TUI_DISPLAY",
        show_default=True,
        help="How progress is shown, on stderr. With json it goes to stdout, one line each, and so does the report.",
    )
    @click.option("--max-seconds", type=float, metavar="S", help="Ask for no more samples after this many seconds.")
    @click.option(
        "--max-flops", type=float, metavar="FLOPS", help="Stop once this run's samples have cost this many FLOPs."
    )
    @click.option(
        "--max-infra-rate",
        type=float,
        metavar="RATE",
        help="Stop once a larger share of samples has no verdict because of faults of ours or of the machine.",
    )
    @click.option("--junit", type=_FILE, metavar="FILE", help="Write the result as JUnit test cases.")
    @click.option(
        "--github-summary",
        type=_FILE,
        metavar="FILE",
        envvar="GITHUB_STEP_SUMMARY",
        help="Append a table of the result to this Markdown file.",
    )
    @click.option(
        "--annotate/--no-annotate",
        envvar="GITHUB_ACTIONS",
        default=False,
        help="Print failures as annotations of GitHub Actions.",
    )
    @click.option("--in-ci", "ci", envvar="CI", default="", hidden=True)
    @click.option("--term", envvar="TERM", default="", hidden=True)
    @functools.wraps(command)
    def asked(*args: Any, **options: Any) -> Any:
        names = (
            "store",
            "boxes",
            "cluster",
            "fetch",
            "display",
            "max_seconds",
            "max_flops",
            "max_infra_rate",
            "junit",
            "github_summary",
            "annotate",
            "ci",
            "term",
        )
        return command(*args, run_options=_run_options({name: options.pop(name) for name in names}), **options)

    return asked


def _run_options(said: dict[str, Any]) -> HeadlessOptions:
    environment = {"CI": said["ci"], "TERM": said["term"]}
    try:
        limits = RunLimits(seconds=said["max_seconds"], flops=said["max_flops"], infra_rate=said["max_infra_rate"])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return HeadlessOptions(
        display=choose(Display(said["display"]), terminal=sys.stderr.isatty(), environment=environment),
        limits=limits,
        places=Places(junit=said["junit"], summary=said["github_summary"], annotate=said["annotate"]),
        store=said["store"],
        boxes=said["boxes"],
        cluster=said["cluster"],
        fetch=said["fetch"],
    )
