"""How the run and its boxes fare, in words: pure functions from rows and facts to lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median

from sampler.store.read_models import EventRow, SettingsRow, UsageRow
from tui.data.system_info import HostFacts
from tui.header import duration, grouped
from tui.text import harmless, in_words
from tui.view import Mood, Snapshot, clock, pace, standing
from tui.widgets.cells import Cell, Column

Pair = tuple[str, str]
LOG = (
    Column(key="at", label="time", width=8),
    Column(key="level", label="level", width=9),
    Column(key="kind", label="what", width=14, needs=60),
    Column(key="message", label="message", width=0),
)
_LEVELS: Mapping[str, tuple[str, Mood]] = {
    "info": ("· info", Mood.FAINT),
    "warning": ("! warning", Mood.WARN),
    "error": ("✗ error", Mood.BAD),
}


def run_pairs(shot: Snapshot, settings: SettingsRow | None, now: float) -> list[Pair]:
    """Who runs the study, since when, and how it ended."""
    study = shot.study
    found = standing(study, now, process_gone=shot.process_gone)
    beat = study.heartbeat_at
    pairs = [
        (
            "state",
            f"{found.glyph} {found.word}" + (f": {harmless(study.exit_reason, 200)}" if study.exit_reason else ""),
        ),
        ("process", f"{study.pid} on {harmless(study.host or '?', 60)}" if study.pid else "none yet"),
        ("started", _moment(study.started_at)),
        ("last sign", f"{duration(now - beat)} ago" if beat and study.status == "running" else _moment(beat)),
        ("ended", _moment(study.ended_at)),
        ("to score", f"{grouped(study.sampled - study.scored)} samples"),
        ("problems", f"{harmless(study.problems_source, 80)} · {study.problems} · {study.problems_digest[:12]}"),
        ("seed", str(study.seed)),
    ]
    return pairs + (_settings(settings) if settings else [])


def _settings(settings: SettingsRow) -> list[Pair]:
    return [
        ("image", harmless(settings.image or "none yet", 80)),
        ("limits", in_words(settings.limits_json)),
        ("versions", in_words(settings.versions_json)),
    ]


def _moment(at: float | None) -> str:
    if at is None:
        return "—"
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def box_pairs(shot: Snapshot, usage: Sequence[UsageRow], now: float) -> list[Pair]:
    """What the newest programs used of their boxes."""
    found = pace(shot.tail, now)
    pairs = [("verdicts", f"{found.per_second:.1f}/s in the last minutes" if found else "none in the last minutes")]
    if not usage:
        return [*pairs, ("programs", "none yet")]
    cpu, wall = sorted(row.cpu_s for row in usage), sorted(row.wall_s for row in usage)
    memory = [row.memory_mb for row in usage]
    last = len(usage) * 95 // 100
    pairs += [
        ("newest", f"{len(usage)} programs"),
        ("CPU", f"median {median(cpu) * 1000:.1f} ms · 95th {cpu[last] * 1000:.1f} ms · most {cpu[-1]:.2f} s"),
        ("wall", f"median {median(wall) * 1000:.1f} ms · 95th {wall[last] * 1000:.1f} ms · most {wall[-1]:.2f} s"),
        ("memory", f"median {median(memory):.0f} MB · most {max(memory):.0f} MB"),
    ]
    flags = Counter(flag for row in usage for flag in row.flags.split(",") if flag)
    pairs.append(("remarks", "  ".join(f"{harmless(flag, 40)} {n}" for flag, n in flags.most_common(6)) or "none"))
    return pairs


def host_pairs(facts: HostFacts) -> list[Pair]:
    """How this machine fares."""
    pairs: list[Pair] = []
    if facts.load is not None:
        cores = f" on {facts.cores} cores" if facts.cores else ""
        busy = " · busy: time without a core is not counted" if facts.cores and facts.load > 2 * facts.cores else ""
        pairs.append(("load", f"{facts.load:.2f}{cores}{busy}"))
    if facts.memory_total and facts.memory_free is not None:
        pairs.append(("memory", f"{amount(facts.memory_free)} of {amount(facts.memory_total)} free"))
    if facts.disk_free is not None:
        pairs.append(("disk", f"{amount(facts.disk_free)} free where the store lies"))
    if facts.store_bytes is not None:
        log = f" · log {amount(facts.log_bytes)}" if facts.log_bytes else ""
        pairs.append(("store", f"{amount(facts.store_bytes)}{log}"))
    if facts.process_bytes is not None:
        pairs.append(("run", f"{amount(facts.process_bytes)} · {facts.process_cpu_s or 0:.0f} s CPU"))
    return pairs


def amount(size: float) -> str:
    """Bytes to read: 512 B, 3.4 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def log_lines(events: Sequence[EventRow], *, troubles: bool) -> list[EventRow]:
    """The log, the newest first; `troubles` leaves out what is only told."""
    return [event for event in reversed(events) if not troubles or event.level != "info"]


def log_cells(event: EventRow) -> tuple[Cell, ...]:
    """One line of the log."""
    words, feeling = _LEVELS.get(event.level, (harmless(event.level, 20), Mood.PLAIN))
    return (
        Cell(text=clock(event.at), mood=Mood.FAINT),
        Cell(text=words, mood=feeling),
        Cell(text=harmless(event.kind, 60)),
        Cell(text=harmless(event.message)),
    )
