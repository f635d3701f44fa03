"""Tables for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from sandbox.boxes.isolation_check import WALLS, Finding
from sandbox.checkup.doctor import Level, Remark
from sandbox.checkup.selftest import Outcome
from sandbox.show import harmless

_MARKS = {Level.OK: "✓", Level.WARNING: "!", Level.BAD: "✗"}
GROUPS = {
    "T": "time", "M": "memory", "P": "processes", "O": "output", "F": "files", "N": "network", "K": "kernel",
    "L": "leaks",
    "S": "supervisor", "X": "left behind", "C": "cheats", "V": "honest",
}  # fmt: skip


def print_outcomes(outcomes: Sequence[Outcome], console: Console) -> None:
    """A row for each group of the attack suite, then every case of which something did not hold."""
    table = Table()
    for heading in ("group", "cases", "hold", "slowest", "verdicts"):
        table.add_column(heading, justify="left" if heading in {"group", "verdicts"} else "right")
    for group in sorted({outcome.case.group for outcome in outcomes}):
        those = [outcome for outcome in outcomes if outcome.case.group == group]
        verdicts = Counter(outcome.score.verdict for outcome in those if outcome.score)
        table.add_row(
            f"{group} {GROUPS.get(group, '')}",
            str(len(those)),
            str(sum(not outcome.broken for outcome in those)),
            f"{max(outcome.seconds for outcome in those):.2f} s",
            ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common()),
        )
    console.print(table)
    for outcome in outcomes:
        for what in outcome.broken:
            console.print(f"{outcome.case.name} ({outcome.case.kind}): {harmless(what)}", markup=False, highlight=False)
    held = sum(not outcome.broken for outcome in outcomes)
    console.print(f"{held} of {len(outcomes)} cases hold", highlight=False)


def print_examination(remarks: Sequence[Remark], findings: Sequence[Finding], console: Console) -> None:
    """What the machine is, then each wall and whether it holds."""
    for remark in remarks:
        advice = f": {remark.advice}" if remark.advice else ""
        line = f"{_MARKS[remark.level]} {remark.what:<16} {harmless(remark.found)}{advice}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for finding in findings:
        level = Level.BAD if finding.through else Level.OK
        told = f"does not hold: {harmless(finding.through)}" if finding.through else "holds"
        line = f"{_MARKS[level]} {finding.wall:<16} {WALLS[finding.wall]}: {told}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    held = sum(not finding.through for finding in findings)
    told = f"{held} of {len(findings)} walls hold" if findings else "no wall was tried"
    console.print(told, highlight=False)
