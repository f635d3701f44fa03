"""Describe a study's progress: its state, its pace, when it will be done, and the header line.

Pure functions of a snapshot and the time. Only facts of the rows are shown: a rate needs verdicts of the last minutes,
an ETA needs a rate and is marked as rough if a model has not begun, and a missing number is a dash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sampler.plotting import duration, fit_middle, quantity
from sampler.store.read_models import ModelRow, StudyRow, TailRow, TallyRow
from tui.data.snapshot import Snapshot
from tui.text import Severity, grouped, percent_done, sanitize

STALE_SECONDS = 30.0
QUIET_SECONDS = 7.5  # one heartbeat and a half: from here on a missing process counts as gone
RECENT_SECONDS = 300.0
FEWEST_FOR_A_PACE = 5


class RunState(Enum):
    """The state of a study: its word on the screen and the glyph before it."""

    WAITING = ("○", "WAITING")
    RUNNING = ("●", "RUNNING")
    STALE = ("◌", "STALE")
    CRASHED = ("✗", "CRASHED")
    DONE = ("✓", "DONE")
    FAILED = ("✗", "FAILED")
    INTERRUPTED = ("■", "INTERRUPTED")

    @property
    def glyph(self) -> str:
        """Return the glyph of one cell that shows the state without a colour."""
        return self.value[0]

    @property
    def word(self) -> str:
        """Return the state in capitals."""
        return self.value[1]


def run_state(study: StudyRow, now: float, *, process_gone: bool) -> RunState:
    """Return the study's state; a status of "running" counts only with a recent heartbeat."""
    match study.status:
        case "running":
            silence = now - (study.heartbeat_at or study.started_at or study.created_at)
            if process_gone and silence > QUIET_SECONDS:
                return RunState.CRASHED
            return RunState.STALE if silence > STALE_SECONDS else RunState.RUNNING
        case "done":
            return RunState.DONE
        case "failed":
            return RunState.FAILED
        case "interrupted":
            return RunState.INTERRUPTED
        case _:
            return RunState.WAITING


STATE_SEVERITY: Mapping[RunState, Severity] = {
    RunState.WAITING: Severity.FAINT,
    RunState.RUNNING: Severity.GOOD,
    RunState.STALE: Severity.WARN,
    RunState.CRASHED: Severity.BAD,
    RunState.DONE: Severity.GOOD,
    RunState.FAILED: Severity.BAD,
    RunState.INTERRUPTED: Severity.WARN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast verdicts came in the last minutes: per second, and wall seconds for each second of engine time."""

    per_second: float
    stretch: float | None


def pace(tail: Sequence[TailRow], now: float) -> Pace | None:
    """Return the pace of the last minutes; None with too few verdicts to say."""
    recent = [row for row in tail if now - RECENT_SECONDS <= row.at <= now]
    if len(recent) < FEWEST_FOR_A_PACE or now - recent[0].at <= 0:
        return None
    elapsed = now - recent[0].at
    engine = sum(row.seconds or 0.0 for row in recent[1:])
    return Pace(per_second=(len(recent) - 1) / elapsed, stretch=elapsed / engine if engine > 0 else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """The remaining seconds; a rough guess if a model has not begun: its cost is taken from the others."""

    seconds: float
    rough: bool


def eta(snapshot: Snapshot, now: float) -> Eta | None:
    """Return when the study will be done.

    The time is that of each model's missing samples at its mean cost, scaled by the pace of the last minutes.
    """
    found = pace(snapshot.tail, now)
    missing = {m.id: m.wanted * snapshot.study.problems - scored_of(snapshot, m) for m in snapshot.models}
    if found is None or found.per_second <= 0 or not any(n > 0 for n in missing.values()):
        return None
    left = sum(max(0, n) for n in missing.values())
    each = {model.id: _seconds_each(snapshot, model) for model in snapshot.models}
    known = [seconds for seconds in each.values() if seconds]
    if found.stretch is None or not known:
        return Eta(seconds=left / found.per_second, rough=False)
    typical = sum(known) / len(known)
    engine = sum(max(0, missing[m.id]) * (each[m.id] or typical) for m in snapshot.models)
    rough = any(missing[m.id] > 0 and not each[m.id] for m in snapshot.models)
    return Eta(seconds=engine * found.stretch, rough=rough)


def _seconds_each(snapshot: Snapshot, model: ModelRow) -> float | None:
    """Return the engine seconds per sample of a model so far; None before it has begun, or if some are not known."""
    rows = [row for row in snapshot.tallies if row.model_id == model.id]
    sampled = sum(row.sampled for row in rows)
    known = [
        row.prompt_seconds + row.decode_seconds
        for row in rows
        if row.prompt_seconds is not None and row.decode_seconds is not None
    ]
    return sum(known) / sampled if sampled and len(known) == len(rows) else None


def scored_of(snapshot: Snapshot, model: ModelRow) -> int:
    """Return the number of a model's wanted samples that have a verdict."""
    return sum(min(row.scored, model.wanted) for row in snapshot.tallies if row.model_id == model.id)


GAP = "  "
_LONGEST_NAME = 28
_LONGEST_REASON = 60
REPLAY = "replay"  # the backend that hands out recorded samples


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderPart:
    """A piece of the header. The one with the highest `priority` stays longest."""

    text: str
    priority: int
    severity: Severity = Severity.PLAIN
    strong: bool = False


def header_parts(snapshot: Snapshot, now: float, *, paused: int | None = None) -> list[HeaderPart]:
    """Return all parts of the header; `paused` is how many verdicts came since the display was paused."""
    study = snapshot.study
    found = run_state(study, now, process_gone=snapshot.process_gone)
    parts = [
        HeaderPart(text="budget-tui", priority=1, strong=True),
        HeaderPart(text=fit_middle(sanitize(study.name, 200), _LONGEST_NAME).rstrip(), priority=7, strong=True),
        HeaderPart(text=_state_words(snapshot, found, now), priority=9, severity=STATE_SEVERITY[found], strong=True),
    ]
    if paused is not None:
        parts.append(HeaderPart(text=f"‖ PAUSED +{paused}", priority=10, severity=Severity.WARN, strong=True))
    parts.append(HeaderPart(text=_progress(study.scored, study.wanted), priority=8))
    parts.append(HeaderPart(text=_further(snapshot), priority=6))
    if found is RunState.RUNNING:
        parts += _speed(snapshot, now)
    if study.sampled > study.scored:
        parts.append(HeaderPart(text=f"{grouped(study.sampled - study.scored)} to score", priority=3))
    parts += _spending(snapshot.tallies)
    parts.append(HeaderPart(text=_shape(snapshot), priority=2, severity=Severity.FAINT))
    return [part for part in parts if part.text]


def replay_words(snapshot: Snapshot) -> str:
    """Return that models were not sampled but replayed from recorded samples; empty if none was."""
    replayed = sum(model.backend == REPLAY for model in snapshot.models)
    if not replayed:
        return ""
    return "» REPLAY" if replayed == len(snapshot.models) else f"» REPLAY of {replayed}/{len(snapshot.models)} models"


def fitted(parts: Sequence[HeaderPart], width: int) -> list[HeaderPart]:
    """Return the parts that fit side by side in `width` cells, in their order; those of least priority go first."""
    kept = list(parts)
    while kept and sum(len(part.text) for part in kept) + len(GAP) * (len(kept) - 1) > width:
        kept.remove(min(kept, key=lambda part: part.priority))
    return kept


def spent_flops(tallies: Sequence[TallyRow]) -> float:
    """Return the FLOPs so far, with a prompt read once for all samples of its problem; unknown ones are left out."""
    return sum(_spent(row.prompt_flops, row.decode_flops, row.sampled) for row in tallies)


def _spent(read: float | None, written: float | None, sampled: int) -> float:
    return 0.0 if read is None or written is None or not sampled else read / sampled + written


def _state_words(snapshot: Snapshot, found: RunState, now: float) -> str:
    words = f"{found.glyph} {found.word}"
    study = snapshot.study
    if found in {RunState.STALE, RunState.CRASHED}:
        return f"{words} {duration(now - (study.heartbeat_at or study.created_at))} ago"
    if found is RunState.FAILED and study.exit_reason:
        return f"{words}: {sanitize(study.exit_reason, _LONGEST_REASON)}"
    return words


def _progress(scored: int, wanted: int) -> str:
    if not wanted:
        return f"{grouped(scored)} scored"
    return f"{grouped(scored)}/{grouped(wanted)} {percent_done(scored, wanted)}"


def _further(snapshot: Snapshot) -> str:
    """Return how many further samples of an allotted budget are scored, which nobody could count beforehand."""
    allotted = {model.id for model in snapshot.allotted}
    scored = sum(row.scored for row in snapshot.tallies if row.model_id in allotted)
    return f"+{grouped(scored)} allotted" if scored else ""


def _speed(snapshot: Snapshot, now: float) -> list[HeaderPart]:
    found = pace(snapshot.tail, now)
    if found is None:
        return [HeaderPart(text="ETA —", priority=4, severity=Severity.FAINT)]
    per_minute = found.per_second * 60
    rate = f"{per_minute:.0f}/min" if per_minute < 6000 else f"{found.per_second:.0f}/s"
    return [HeaderPart(text=f"ETA {_eta_words(eta(snapshot, now))}", priority=6), HeaderPart(text=rate, priority=4)]


def _eta_words(found: Eta | None) -> str:
    if found is None:
        return "—"
    return f"{'≈ ' if found.rough else ''}{duration(found.seconds)}"


def _spending(tallies: Sequence[TallyRow]) -> list[HeaderPart]:
    if flops := spent_flops(tallies):
        return [HeaderPart(text=quantity(flops, "FLOPs"), priority=5)]
    seconds = sum(_spent(row.prompt_seconds, row.decode_seconds, row.sampled) for row in tallies)
    return [HeaderPart(text=f"{duration(seconds)} engine", priority=5)] if seconds else []


def _shape(snapshot: Snapshot) -> str:
    models, problems = len(snapshot.models), snapshot.study.problems
    return f"{models} model{'s' * (models != 1)} · {problems} problem{'s' * (problems != 1)}"
