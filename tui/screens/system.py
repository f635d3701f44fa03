"""The System screen: the run, its boxes, the machine, and the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from sampler.plotting import duration
from sampler.store.read_models import EventRow, SettingsRow, UsageRow
from sampler.store.sample_readers import SampleReader
from tui.data.export import Tabular
from tui.data.snapshot import Snapshot
from tui.data.system_info import HostFacts
from tui.progress import pace, run_state
from tui.screens.base import StudyScreen
from tui.text import Severity, clock, grouped, json_pairs, sanitize
from tui.widgets.list_table import Cell, Column, ListTable
from tui.widgets.text_view import TextView

Pair = tuple[str, str]
MOST_NODES = 5
LOG = (
    Column(key="at", label="time", width=8),
    Column(key="level", label="level", width=9),
    Column(key="kind", label="what", width=14, needs=60),
    Column(key="message", label="message", width=0),
)
_LEVELS: Mapping[str, tuple[str, Severity]] = {
    "info": ("· info", Severity.FAINT),
    "warning": ("! warning", Severity.WARN),
    "error": ("✗ error", Severity.BAD),
}


def run_pairs(snapshot: Snapshot, settings: SettingsRow | None, now: float) -> list[Pair]:
    """Return who runs the study, since when, and how it ended."""
    study = snapshot.study
    found = run_state(study, now, process_gone=snapshot.process_gone)
    beat = study.heartbeat_at
    pairs = [
        (
            "state",
            f"{found.glyph} {found.word}" + (f": {sanitize(study.exit_reason, 200)}" if study.exit_reason else ""),
        ),
        ("process", f"{study.pid} on {sanitize(study.host or '?', 60)}" if study.pid else "none yet"),
        ("started", _moment(study.started_at)),
        ("heartbeat", f"{duration(now - beat)} ago" if beat and study.status == "running" else _moment(beat)),
        ("ended", _moment(study.ended_at)),
        ("unscored", f"{grouped(study.sampled - study.scored)} samples"),
        ("problems", f"{sanitize(study.problems_source, 80)} · {study.problems} · {study.problems_digest[:12]}"),
        ("seed", str(study.seed)),
    ]
    return pairs + (_settings(settings) if settings else [])


def _settings(settings: SettingsRow) -> list[Pair]:
    return [
        ("image", sanitize(settings.image or "none yet", 80)),
        ("limits", json_pairs(settings.limits_json)),
        ("versions", json_pairs(settings.versions_json)),
    ]


def _moment(at: float | None) -> str:
    if at is None:
        return "—"
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def box_pairs(snapshot: Snapshot, usage: Sequence[UsageRow], now: float) -> list[Pair]:
    """Return what the newest programs used of their boxes."""
    found = pace(snapshot.tail, now)
    pairs = node_pairs(snapshot.events)
    pairs += [("verdicts", f"{found.per_second:.1f}/s in the last minutes" if found else "none in the last minutes")]
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
    pairs.append(("flags", "  ".join(f"{sanitize(flag, 40)} {n}" for flag, n in flags.most_common(6)) or "none"))
    return pairs


def node_pairs(events: Sequence[EventRow]) -> list[Pair]:
    """Return what the nodes of the run's cluster did when they were last told of; nothing for one machine."""
    told = next((event.message for event in reversed(events) if event.kind == "nodes"), "")
    nodes = told.split("; ") if told else []
    more = [("", f"and {len(nodes) - MOST_NODES} nodes more")] if len(nodes) > MOST_NODES else []
    return [("node", sanitize(node, 120)) for node in nodes[:MOST_NODES]] + more


def host_pairs(facts: HostFacts) -> list[Pair]:
    """Return the present load of this machine."""
    pairs: list[Pair] = []
    if facts.load is not None:
        cores = f" on {facts.cores} cores" if facts.cores else ""
        busy = " · busy: waiting for a core is not counted" if facts.cores and facts.load > 2 * facts.cores else ""
        pairs.append(("load", f"{facts.load:.2f}{cores}{busy}"))
    if facts.memory_total and facts.memory_free is not None:
        pairs.append(("memory", f"{size_text(facts.memory_free)} of {size_text(facts.memory_total)} free"))
    if facts.disk_free is not None:
        pairs.append(("disk", f"{size_text(facts.disk_free)} free (the store's disk)"))
    if facts.store_bytes is not None:
        log = f" · log {size_text(facts.log_bytes)}" if facts.log_bytes else ""
        pairs.append(("store", f"{size_text(facts.store_bytes)}{log}"))
    if facts.process_bytes is not None:
        pairs.append(("run", f"{size_text(facts.process_bytes)} · {facts.process_cpu_s or 0:.0f} s CPU"))
    return pairs


def size_text(size: float) -> str:
    """Return a number of bytes as text: 512 B, 3.4 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def log_lines(events: Sequence[EventRow], *, troubles: bool) -> list[EventRow]:
    """Return the log, the newest first; `troubles` leaves out information."""
    return [event for event in reversed(events) if not troubles or event.level != "info"]


def log_cells(event: EventRow) -> tuple[Cell, ...]:
    """Return the cells of one line of the log."""
    words, severity = _LEVELS.get(event.level, (sanitize(event.level, 20), Severity.PLAIN))
    return (
        Cell(text=clock(event.at), severity=Severity.FAINT),
        Cell(text=words, severity=severity),
        Cell(text=sanitize(event.kind, 60)),
        Cell(text=sanitize(event.message)),
    )


LOOK_SECONDS = 2.0
_NAME = 9


class SystemScreen(StudyScreen):
    """Three boxes of facts, and the log below."""

    NAME = "system"
    HELP: ClassVar[str] = """
Run: the process of the study, its times and settings. Boxes: the resources that the newest 500 programs used. Host:
this machine, and the process of the run if it is here. Log: messages of the run, the newest first; ! shows only
warnings and errors.

R runs or resumes the study. P pauses it: what is running is finished, and R resumes. C cancels it. Each shows its
command and asks before it starts it; --readonly turns them off. Quitting the viewer stops nothing.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "exclamation_mark",
            "troubles",
            "Warnings",
            key_display="!",
            id="system.troubles",
            tooltip="Only warnings and errors",
        ),
        Binding("y", "copy", "Copy", id="system.copy", show=False, tooltip="Copy the line of the log"),
        Binding("z", "zoom", "Zoom", id="system.zoom", show=False),
        Binding("space", "pause", "Pause display", id="system.pause", show=False),
        Binding("escape", "back", "Back", id="system.back", show=False),
    ]
    CSS = """
    SystemScreen #facts { height: 15; layout: horizontal; }
    SystemScreen #facts .pane { width: 1fr; height: 1fr; }
    SystemScreen #log-pane { height: 1fr; }
    SystemScreen.-narrow #facts { height: 60%; layout: vertical; }
    SystemScreen.-narrow #run-pane { height: 1fr; }
    SystemScreen.-narrow #boxes-pane { height: 1fr; }
    SystemScreen.-short #host-pane { display: none; }
    SystemScreen.-tiny #boxes-pane { display: none; }
    SystemScreen.-zoomed #facts { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._troubles = False
        self._settings: SettingsRow | None = None
        self._usage: Sequence[UsageRow] = ()
        self._facts: HostFacts | None = None

    def body(self) -> Iterator[Widget]:
        """Yield the facts above and the log below."""
        with Container(id="facts"):
            for name in ("run", "boxes", "host"):
                with Container(id=f"{name}-pane", classes="pane"):
                    yield TextView(id=name)
        with Container(id="log-pane", classes="pane"):
            yield ListTable(LOG, id="log")

    def on_mount(self) -> None:
        """Focus the log, and read the machine's facts at intervals."""
        super().on_mount()
        self.query_one("#log", ListTable).focus()
        self.set_interval(LOOK_SECONDS, self._read_facts)

    def draw(self, snapshot: Snapshot) -> None:
        """Draw facts and log."""
        if self._facts is None:
            self._read_facts()
        now = self.app.machine.clock()
        self._facts_into("run", run_pairs(snapshot, self._settings, now))
        self._facts_into("boxes", box_pairs(snapshot, self._usage, now))
        self._facts_into("host", host_pairs(self._facts) if self._facts else [])
        rows = log_lines(snapshot.events, troubles=self._troubles)
        empty = "no warning and no error" if self._troubles else "the log is empty"
        self.query_one("#log", ListTable).show(
            len(rows), lambda at: log_cells(rows[at]) if at < len(rows) else None, empty=empty
        )
        for pane, words in (("run", "Run"), ("boxes", "Boxes"), ("host", "Host")):
            self.set_title(f"#{pane}-pane", words)
        self.set_title(
            "#log-pane",
            f"Log · {len(rows)} line{'s' * (len(rows) != 1)}"
            + (" · warnings and errors only" if self._troubles else ""),
        )

    @property
    def settled(self) -> bool:
        """Return whether the machine's facts were read."""
        return self._facts is not None

    def table(self) -> Tabular | None:
        """Return the log."""
        events = self._snapshot.events if self._snapshot else ()
        return Tabular(
            columns=("at", "level", "kind", "message"),
            rows=((event.at, event.level, event.kind, event.message) for event in events),
        )

    def _read_facts(self) -> None:
        """Read facts that are not in the snapshot, if the screen is visible."""
        snapshot = self._snapshot
        if snapshot is None or not self.is_current:
            return
        study, store, machine = snapshot.study, self.app.store, self.app.machine
        pid = study.pid if study.status == "running" and study.host == machine.name else None

        def read(reader: SampleReader) -> tuple[SettingsRow, Sequence[UsageRow], HostFacts]:
            return reader.settings(study.id), reader.usage(study.id), machine.facts(store, pid)

        self.app.query_worker.ask(read, self._facts_read, low_priority=True)

    def _facts_read(self, found: tuple[SettingsRow, Sequence[UsageRow], HostFacts]) -> None:
        self._settings, self._usage, self._facts = found
        self.redraw()

    def _facts_into(self, name: str, pairs: Sequence[Pair]) -> None:
        lines = [Text.assemble((f"{key:>{_NAME}}  ", "dim"), value) for key, value in pairs]
        self.query_one(f"#{name}", TextView).show(lines, wrapped=True, hang=_NAME + 2, stay=True)

    def action_troubles(self) -> None:
        """Show only warnings and errors, or everything."""
        self._troubles = not self._troubles
        self.redraw()

    def action_copy(self) -> None:
        """Copy the chosen line."""
        rows = log_lines(self._snapshot.events, troubles=self._troubles) if self._snapshot else []
        at = self.query_one("#log", ListTable).cursor
        if at < len(rows):
            self.copy(" ".join(cell.text for cell in log_cells(rows[at])), "line")
