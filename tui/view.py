"""What the screen says, decided without a screen: pure functions from a store's rows to words, numbers and their order.

`Snapshot` is all that the screen knows at one moment. Nothing here draws, reads a clock or touches a file, so that
every sentence on the screen can be tested by calling a function. Nothing is claimed that the rows do not hold: a
rate needs verdicts of the last minutes, an ETA needs a rate and says "about" where a model has not begun, a
missing number is a dash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from sampler.stats.budget import Unit
from sampler.store.read_models import EventRow, ModelRow, StudyRow, TailRow, TallyRow
from tui.text import harmless
from tui.widgets.plot import Reading, Series, reading

STALE_SECONDS = 30.0
QUIET_SECONDS = 7.5  # one heartbeat and a half: from here on a missing process counts as gone
RECENT_SECONDS = 300.0
FEWEST_FOR_A_PACE = 5

UNITS = (Unit.FLOPS, Unit.SECONDS, Unit.JOULES, Unit.DOLLARS, Unit.TOKENS, Unit.SAMPLES)
UNIT_NAMES: Mapping[Unit, str] = {
    Unit.FLOPS: "FLOPs",
    Unit.FLOPS_PARAMS: "FLOPs (2N)",
    Unit.FLOPS_128: "FLOPs (2N×128)",
    Unit.TABLE_FLOPS: "FLOPs (table)",
    Unit.SECONDS: "seconds",
    Unit.TABLE_SECONDS: "seconds (table)",
    Unit.SANDBOX_SECONDS: "sandbox seconds",
    Unit.TOTAL_SECONDS: "total seconds",
    Unit.JOULES: "joules",
    Unit.DOLLARS: "dollars",
    Unit.TOKENS: "tokens",
    Unit.SAMPLES: "samples",
}


class Standing(Enum):
    """How a study stands: its word on the screen and the glyph before it."""

    WAITING = ("○", "WAITING")
    RUNNING = ("●", "RUNNING")
    STALE = ("◌", "STALE")
    CRASHED = ("✗", "CRASHED")
    DONE = ("✓", "DONE")
    FAILED = ("✗", "FAILED")
    INTERRUPTED = ("■", "INTERRUPTED")

    @property
    def glyph(self) -> str:
        """One cell that tells the standing without a colour."""
        return self.value[0]

    @property
    def word(self) -> str:
        """The standing in capitals."""
        return self.value[1]


class Mood(Enum):
    """Whether something is good news; the widget gives it a colour, the words say it too."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    PLAIN = "plain"
    FAINT = "faint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """The curves of one unit, and on how many problems each model's rests."""

    unit: Unit
    series: tuple[Series, ...]
    problems: tuple[int, ...]
    shared: bool  # all on the same problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Guests:
    """The models of a second store, with ids below zero; none, and `why_not`, where it was asked other problems."""

    store: str
    models: tuple[ModelRow, ...] = ()
    greedy: tuple[ModelRow, ...] = ()
    tallies: tuple[TallyRow, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A study as it was read at one moment. The tail and the log hold the newest rows, oldest first."""

    study: StudyRow
    models: tuple[ModelRow, ...]
    tallies: tuple[TallyRow, ...]
    counts: Mapping[tuple[int, str], int]
    tail: tuple[TailRow, ...]
    events: tuple[EventRow, ...]
    curves: Curves | None
    units: tuple[Unit, ...]  # those in which some model has a cost
    read_at: float
    process_gone: bool = False
    greedy: tuple[ModelRow, ...] = ()  # the models' greedy samples, whose tallies are among the others
    guests: Guests | None = None  # a second store's models, for the screens that compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why there is no snapshot, in one line; `waiting` if it may well come by itself."""

    message: str
    waiting: bool


def with_guests(shot: Snapshot) -> Snapshot:
    """The snapshot with the models of the second store behind its own: what curves and comparisons are made of.

    A model that both have is called STORE:MODEL there, as `sampler compare` takes it.
    """
    guests = shot.guests
    if guests is None:
        return shot
    own = {model.name for model in shot.models}
    named = [
        replace(model, name=f"{guests.store}:{model.name}") if model.name in own else model for model in guests.models
    ]
    return replace(
        shot,
        models=(*shot.models, *named),
        greedy=(*shot.greedy, *guests.greedy),
        tallies=(*shot.tallies, *guests.tallies),
        guests=replace(guests, models=(), greedy=(), tallies=()),
    )


def standing(study: StudyRow, now: float, *, process_gone: bool) -> Standing:
    """How the study stands. A status of "running" is believed only while its heart beats."""
    match study.status:
        case "running":
            silence = now - (study.heartbeat_at or study.started_at or study.created_at)
            if process_gone and silence > QUIET_SECONDS:
                return Standing.CRASHED
            return Standing.STALE if silence > STALE_SECONDS else Standing.RUNNING
        case "done":
            return Standing.DONE
        case "failed":
            return Standing.FAILED
        case "interrupted":
            return Standing.INTERRUPTED
        case _:
            return Standing.WAITING


STANDING_MOODS: Mapping[Standing, Mood] = {
    Standing.WAITING: Mood.FAINT,
    Standing.RUNNING: Mood.GOOD,
    Standing.STALE: Mood.WARN,
    Standing.CRASHED: Mood.BAD,
    Standing.DONE: Mood.GOOD,
    Standing.FAILED: Mood.BAD,
    Standing.INTERRUPTED: Mood.WARN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast verdicts came in the last minutes: per second, and wall seconds for each second of engine time."""

    per_second: float
    stretch: float | None


def pace(tail: Sequence[TailRow], now: float) -> Pace | None:
    """The pace of the last minutes; None with too few verdicts to say."""
    recent = [row for row in tail if now - RECENT_SECONDS <= row.at <= now]
    if len(recent) < FEWEST_FOR_A_PACE or now - recent[0].at <= 0:
        return None
    elapsed = now - recent[0].at
    engine = sum(row.seconds or 0.0 for row in recent[1:])
    return Pace(per_second=(len(recent) - 1) / elapsed, stretch=elapsed / engine if engine > 0 else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """Seconds to go. It is a rough guess where a model has not begun: it is taken to cost what the others do."""

    seconds: float
    rough: bool


def eta(shot: Snapshot, now: float) -> Eta | None:
    """When the study will be done.

    Each model's missing samples at its own mean cost, stretched as the last minutes were.
    """
    found = pace(shot.tail, now)
    missing = {m.id: m.wanted * shot.study.problems - _scored(shot, m) for m in shot.models}
    if found is None or found.per_second <= 0 or not any(n > 0 for n in missing.values()):
        return None
    left = sum(max(0, n) for n in missing.values())
    each = {model.id: _seconds_each(shot, model) for model in shot.models}
    known = [seconds for seconds in each.values() if seconds]
    if found.stretch is None or not known:
        return Eta(seconds=left / found.per_second, rough=False)
    typical = sum(known) / len(known)
    engine = sum(max(0, missing[m.id]) * (each[m.id] or typical) for m in shot.models)
    rough = any(missing[m.id] > 0 and not each[m.id] for m in shot.models)
    return Eta(seconds=engine * found.stretch, rough=rough)


def _seconds_each(shot: Snapshot, model: ModelRow) -> float | None:
    """Engine seconds for each sample of a model so far; None before it has begun, or where some are not known."""
    rows = [row for row in shot.tallies if row.model_id == model.id]
    sampled = sum(row.sampled for row in rows)
    known = [
        row.prompt_seconds + row.decode_seconds
        for row in rows
        if row.prompt_seconds is not None and row.decode_seconds is not None
    ]
    return sum(known) / sampled if sampled and len(known) == len(rows) else None


def _scored(shot: Snapshot, model: ModelRow) -> int:
    """Verdicts of a model, of those wanted."""
    return sum(min(row.scored, model.wanted) for row in shot.tallies if row.model_id == model.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """One model in the table. `at_rule` is None without a curve or a rule."""

    tone: int
    name: str
    done: float
    pass_1: float | None
    at_rule: Reading | None


def model_lines(shot: Snapshot, rule: float | None) -> list[ModelLine]:
    """The models in the order of the study."""
    curves = {one.tone: one for one in shot.curves.series} if shot.curves else {}
    lines = []
    for tone, model in enumerate(shot.models):
        wanted = model.wanted * shot.study.problems
        rows = [row for row in shot.tallies if row.model_id == model.id and row.scored]
        lines.append(
            ModelLine(
                tone=tone,
                name=harmless(model.name, 200),
                done=_scored(shot, model) / wanted if wanted else 0.0,
                pass_1=sum(row.passed / row.scored for row in rows) / len(rows) if rows else None,
                at_rule=reading(curves[tone], rule) if rule is not None and tone in curves else None,
            )
        )
    return lines


def default_rule(curves: Curves | None) -> float | None:
    """The largest budget at which every curve that has begun can be read: there a comparison says most."""
    series = [one for one in curves.series if one.xs] if curves else []
    if not series:
        return None
    reached = min(one.end for one in series)
    begun = max(one.xs[0] for one in series)
    shared = [x for one in series for x in one.xs if begun <= x < reached]
    return max(shared) if shared else max(one.xs[-1] for one in series)


GLYPHS: Mapping[str, str] = {
    "PASSED": "✓",
    "WRONG": "✗",
    "ERROR": "!",
    "SYNTAX": "?",
    "TIMEOUT": "◷",
    "MEMORY": "≡",
    "OUTPUT": "»",
    "CRASHED": "†",
    "EARLY_EXIT": "↵",
}


def glyph(verdict: str) -> str:
    """One cell that stands for a verdict beside its word."""
    return GLYPHS.get(verdict, "·")


def mood(verdict: str) -> Mood:
    """Passing is good; a wrong answer is plain bad; the rest is a program that did not get that far."""
    if verdict == "PASSED":
        return Mood.GOOD
    return Mood.BAD if verdict == "WRONG" else Mood.WARN


@dataclass(frozen=True, slots=True, kw_only=True)
class TailLine:
    """One line of the tail, in harmless words."""

    at: float
    glyph: str
    word: str
    mood: Mood
    text: str


def tail_rows(shot: Snapshot) -> list[TailRow | EventRow]:
    """Verdicts and the study's log in one stream, by time."""
    rows: list[TailRow | EventRow] = [*shot.tail, *shot.events]
    rows.sort(key=lambda row: row.at)
    return rows


def tail_key(row: TailRow | EventRow) -> tuple[str, int]:
    """What tells a row of the tail from all others."""
    return ("event" if isinstance(row, EventRow) else "verdict"), row.id


def tail_line(row: TailRow | EventRow, names: Mapping[int, str]) -> TailLine:
    """A row of the tail in harmless words; `names` are the models' short names, by id."""
    return _event_line(row) if isinstance(row, EventRow) else _verdict_line(row, names)


def clock(at: float) -> str:
    """The local time of day."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def _verdict_line(row: TailRow, names: Mapping[int, str]) -> TailLine:
    tokens = "" if row.completion_tokens is None else f"{row.completion_tokens} tok"
    cost = f"{tokens} {row.seconds:.2f} s".lstrip() if row.seconds else tokens  # a replay has no clock
    error = ": ".join(harmless(part, 300) for part in (row.error_type, row.error_message) if part)
    model = names.get(row.model_id) or harmless(row.model, 200)
    name = f"{model} {harmless(row.problem, 200)} #{row.index}"
    return TailLine(
        at=row.at,
        glyph=glyph(row.verdict),
        word=harmless(row.verdict, 20),
        mood=mood(row.verdict),
        text=f"{name}  {cost}  {error}".rstrip(),
    )


_LEVELS: Mapping[str, tuple[str, Mood]] = {
    "info": ("·", Mood.PLAIN),
    "warning": ("!", Mood.WARN),
    "error": ("✗", Mood.BAD),
}


def _event_line(row: EventRow) -> TailLine:
    sign, feeling = _LEVELS.get(row.level, ("·", Mood.PLAIN))
    return TailLine(
        at=row.at,
        glyph=sign,
        word=harmless(row.level, 20),
        mood=feeling,
        text=f"{harmless(row.kind, 60)}: {harmless(row.message)}",
    )


def following(unit: Unit, available: Sequence[Unit]) -> Unit:
    """The next unit that somebody has a cost in; the same where there is no other."""
    start = UNITS.index(unit) if unit in UNITS else -1
    order = [UNITS[(start + step) % len(UNITS)] for step in range(1, len(UNITS) + 1)]
    return next((one for one in order if one in available), unit)
