"""The header line and the titles as words, and how they give way to each other when the terminal is narrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sampler.drawing.axis import measured, quantity
from sampler.stats.budget import Unit
from sampler.store.read_models import TallyRow
from tui.text import fit_middle, harmless
from tui.view import STANDING_MOODS, UNIT_NAMES, Curves, Eta, Mood, Snapshot, Standing, eta, pace, standing

GAP = "  "
_LONGEST_NAME = 28
_LONGEST_REASON = 60
_SHORT_UNITS: Mapping[Unit, str] = {
    Unit.SECONDS: " s",
    Unit.JOULES: " J",
    Unit.DOLLARS: " $",
    Unit.TOKENS: " tok",
    Unit.SAMPLES: "x",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of the header. The one with the highest `worth` stays longest."""

    text: str
    worth: int
    mood: Mood = Mood.PLAIN
    strong: bool = False


def heading(shot: Snapshot, now: float, *, paused: int | None = None) -> list[Part]:
    """Everything the header could say. `paused` is how many verdicts came since the display was paused."""
    study = shot.study
    found = standing(study, now, process_gone=shot.process_gone)
    parts = [
        Part(text="budget-tui", worth=1, strong=True),
        Part(text=fit_middle(harmless(study.name, 200), min(_LONGEST_NAME, len(study.name))), worth=7, strong=True),
        Part(text=_standing_words(shot, found, now), worth=9, mood=STANDING_MOODS[found], strong=True),
    ]
    if paused is not None:
        parts.append(Part(text=f"‖ PAUSED +{paused}", worth=10, mood=Mood.WARN, strong=True))
    parts.append(Part(text=_progress(study.scored, study.wanted), worth=8))
    if found is Standing.RUNNING:
        parts += _speed(shot, now)
    if study.sampled > study.scored:
        parts.append(Part(text=f"{grouped(study.sampled - study.scored)} to score", worth=3))
    parts += _spending(shot.tallies)
    parts.append(Part(text=_shape(shot), worth=2, mood=Mood.FAINT))
    return [part for part in parts if part.text]


def fitted(parts: Sequence[Part], width: int) -> list[Part]:
    """The parts that fit side by side in `width` cells, in their order; those of least worth go first."""
    kept = list(parts)
    while kept and sum(len(part.text) for part in kept) + len(GAP) * (len(kept) - 1) > width:
        kept.remove(min(kept, key=lambda part: part.worth))
    return kept


def plot_title(shot: Snapshot) -> str:
    """What the curves are, on which problems, and whether that is the last word."""
    curves = shot.curves
    if curves is None:
        return "pass rate by budget"
    words = [f"pass rate by {UNIT_NAMES[curves.unit]} per problem"]
    if shot.study.status != "done" or shot.study.scored < shot.study.wanted:
        words.append("interim")  # before the rest, which a narrow pane cuts
    if any(curves.problems):
        words.append(_rests_on(curves))
    if any(one.low for one in curves.series):
        words.append("95% interval")
    if any(one.star for one in curves.series):
        words.append("★ greedy")
    return " · ".join(words)


def budget_words(budget: float, unit: Unit) -> str:
    """A budget for the head of a column."""
    if unit in _SHORT_UNITS:
        return f"{measured(budget)}{_SHORT_UNITS[unit]}"
    return quantity(budget, UNIT_NAMES[unit].partition(" ")[0])


def rule_words(rule: float | None, unit: str) -> str:
    """Where the rule stands, and the keys that matter there."""
    return "" if rule is None else f"budget {quantity(rule, unit)} · ←→ move · x unit"


def _rests_on(curves: Curves) -> str:
    if curves.shared:
        count = max(curves.problems)
        return f"{count} problem{'s' * (count != 1)}"
    return f"each on its own problems: {', '.join(map(str, curves.problems))}"


def duration(seconds: float) -> str:
    """A stretch of time, as fine as a person wants it."""
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s" if whole < 600 else f"{round(whole / 60)} m"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes:02} m" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def grouped(count: int) -> str:
    """A whole number in groups of three digits."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def spent_flops(tallies: Sequence[TallyRow]) -> float:
    """FLOPs so far, a prompt read once for all samples of its problem; those that are not known are left out."""
    return sum(_spent(row.prompt_flops, row.decode_flops, row.sampled) for row in tallies)


def _spent(read: float | None, written: float | None, sampled: int) -> float:
    return 0.0 if read is None or written is None or not sampled else read / sampled + written


def _standing_words(shot: Snapshot, found: Standing, now: float) -> str:
    words = f"{found.glyph} {found.word}"
    study = shot.study
    if found in {Standing.STALE, Standing.CRASHED}:
        return f"{words} {duration(now - (study.heartbeat_at or study.created_at))} ago"
    if found is Standing.FAILED and study.exit_reason:
        return f"{words}: {harmless(study.exit_reason, _LONGEST_REASON)}"
    return words


def _progress(scored: int, wanted: int) -> str:
    if not wanted:
        return f"{grouped(scored)} scored"
    return f"{grouped(scored)}/{grouped(wanted)} {scored / wanted * 100:.0f}%"


def _speed(shot: Snapshot, now: float) -> list[Part]:
    found = pace(shot.tail, now)
    if found is None:
        return [Part(text="ETA —", worth=4, mood=Mood.FAINT)]
    per_minute = found.per_second * 60
    rate = f"{per_minute:.0f}/min" if per_minute < 6000 else f"{found.per_second:.0f}/s"
    return [Part(text=f"ETA {_eta_words(eta(shot, now))}", worth=6), Part(text=rate, worth=4)]


def _eta_words(found: Eta | None) -> str:
    if found is None:
        return "—"
    return f"{'≈ ' if found.rough else ''}{duration(found.seconds)}"


def _spending(tallies: Sequence[TallyRow]) -> list[Part]:
    if flops := spent_flops(tallies):
        return [Part(text=quantity(flops, "FLOPs"), worth=5)]
    seconds = sum(_spent(row.prompt_seconds, row.decode_seconds, row.sampled) for row in tallies)
    return [Part(text=f"{duration(seconds)} engine", worth=5)] if seconds else []


def _shape(shot: Snapshot) -> str:
    models, problems = len(shot.models), shot.study.problems
    return f"{models} model{'s' * (models != 1)} · {problems} problem{'s' * (problems != 1)}"
