"""The System screen: the run, its boxes, the machine, and the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from sampler.store.read_models import SettingsRow, UsageRow
from sampler.store.reader_samples import SampleReader
from tui.data.system_info import HostFacts
from tui.data.tabular import Tabular
from tui.screens.base import StudyScreen
from tui.screens.system_lines import LOG, Pair, box_pairs, host_pairs, log_cells, log_lines, run_pairs
from tui.view import Snapshot
from tui.widgets.list_table import ListTable
from tui.widgets.text_view import TextView

LOOK_SECONDS = 2.0
_NAME = 9


class SystemScreen(StudyScreen):
    """Three boxes of facts, and the log below."""

    NAME = "system"
    HELP: ClassVar[str] = """
Run: who runs the study, since when, with what. Boxes: what the newest 500 programs used. Host: this machine, and the process of
the run if it is here. Log: what the run told, the newest first; ! leaves only warnings and errors.

R runs or continues the study, P pauses it (what is under way is finished; R goes on), C cancels it. Each shows the command that
a person would type before anything happens; --readonly turns them off. Quitting the viewer stops nothing.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "exclamation_mark", "troubles", "Troubles", key_display="!", id="system.troubles", tooltip="Only troubles"
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
        """Facts above, the log below."""
        with Container(id="facts"):
            for name in ("run", "boxes", "host"):
                with Container(id=f"{name}-pane", classes="pane"):
                    yield TextView(id=name)
        with Container(id="log-pane", classes="pane"):
            yield ListTable(LOG, id="log")

    def on_mount(self) -> None:
        """The log has the keys at first; the machine is looked at now and then."""
        super().on_mount()
        self.query_one("#log", ListTable).focus()
        self.set_interval(LOOK_SECONDS, self._look)

    def draw(self, shot: Snapshot) -> None:
        """Facts and log."""
        if self._facts is None:
            self._look()
        now = self.hall.machine.clock()
        self._facts_into("run", run_pairs(shot, self._settings, now))
        self._facts_into("boxes", box_pairs(shot, self._usage, now))
        self._facts_into("host", host_pairs(self._facts) if self._facts else [])
        rows = log_lines(shot.events, troubles=self._troubles)
        empty = "no warning and no error" if self._troubles else "the log is empty"
        self.query_one("#log", ListTable).show(
            len(rows), lambda at: log_cells(rows[at]) if at < len(rows) else None, empty=empty
        )
        for pane, words in (("run", "Run"), ("boxes", "Boxes"), ("host", "Host")):
            self.entitle(f"#{pane}-pane", words)
        self.entitle(
            "#log-pane",
            f"Log · {len(rows)} line{'s' * (len(rows) != 1)}" + (" · troubles only" if self._troubles else ""),
        )

    @property
    def settled(self) -> bool:
        """Whether the machine was looked at."""
        return self._facts is not None

    def table(self) -> Tabular | None:
        """The log."""
        events = self._shot.events if self._shot else ()
        return Tabular(
            columns=("at", "level", "kind", "message"),
            rows=((event.at, event.level, event.kind, event.message) for event in events),
        )

    def _look(self) -> None:
        """Read what is not in the snapshot, if anybody sees it."""
        shot = self._shot
        if shot is None or not self.is_current:
            return
        study, store, machine = shot.study, self.hall.store, self.hall.machine
        pid = study.pid if study.status == "running" and study.host == machine.name else None

        def read(reader: SampleReader) -> tuple[SettingsRow, Sequence[UsageRow], HostFacts]:
            return reader.settings(study.id), reader.usage(study.id), machine.facts(store, pid)

        self.hall.desk.ask(read, self._looked, patient=True)

    def _looked(self, found: tuple[SettingsRow, Sequence[UsageRow], HostFacts]) -> None:
        self._settings, self._usage, self._facts = found
        self.redraw()

    def _facts_into(self, name: str, pairs: Sequence[Pair]) -> None:
        lines = [Text.assemble((f"{key:>{_NAME}}  ", "dim"), value) for key, value in pairs]
        self.query_one(f"#{name}", TextView).show(lines, wrapped=True, hang=_NAME + 2, stay=True)

    def action_troubles(self) -> None:
        """Only warnings and errors, or everything."""
        self._troubles = not self._troubles
        self.redraw()

    def action_copy(self) -> None:
        """Copy the chosen line."""
        rows = log_lines(self._shot.events, troubles=self._troubles) if self._shot else []
        at = self.query_one("#log", ListTable).cursor
        if at < len(rows):
            self.copy(" ".join(cell.text for cell in log_cells(rows[at])), "line")
