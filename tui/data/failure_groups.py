"""Group the failures of a study: by how they ended, within a problem, and by what differs, across problems.

Failures are grouped by verdict, error, and message without quoted text and numbers, in at most `MOST` groups. Wrong
answers have no message: they are grouped by problem. What differs ("off by one", "None where a list was expected") is
found by judging stored facts again, which takes time: of more than `MOST_EXPLAINED` wrong answers a random part is
looked at, and their counts are estimates.

Both counters belong to the query worker's thread. Each `step` counts a little more and returns a `GroupTable`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sampler.reporting.verdict_explanation import stored_difference_kind
from sampler.store.filters import narrowed
from sampler.store.read_models import GroupRow
from sampler.store.sample_readers import SampleReader
from sandbox.values import Verdict
from tui.text import sanitize

SLICE_SECONDS = 0.025
FIRST = 4_000
LEAST, MOST_STRIDE = 500, 100_000
MOST = 2_000
OTHERS = "(other messages)"
_HOLE = "…"

Key = tuple[str, str, str, str]  # verdict, error type, message made alike, problem of a wrong answer


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failures that ended in the same way; `by_model` counts them by model id, `newest` is a verdict's id."""

    verdict: str
    error: str
    message: str
    count: int
    newest: int
    by_model: Mapping[int, int]
    problem: str = ""  # of wrong answers
    samples: tuple[int, ...] = ()  # ids of the newest, of a group across problems
    estimated: bool = False  # the counts are scaled up from a random part


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTable:
    """All groups, the largest first, and how much of the store they were counted over."""

    groups: tuple[FailureGroup, ...] = ()
    total: int = 0
    scanned: float = 0.0
    behind: bool = True


@lru_cache(maxsize=8192)
def normalized(message: str) -> str:
    """Return a message without parts that differ between failures: names in quotes, numbers, addresses."""
    text = re.sub(r"0x[0-9a-fA-F]+", _HOLE, sanitize(message, 200))
    # It may be cut within quotes; the apostrophe of "doesn't" opens none.
    text = re.sub(r"(?<!\w)'[^']*(?:'|$)|\"[^\"]*(?:\"|$)|`[^`]*(?:`|$)", f"'{_HOLE}'", text)
    return re.sub(r"\d+(?:\.\d+)?", _HOLE, text).strip()


_NO_ERROR, _NO_MESSAGE = "-err:?*", "-msg:?*"  # nothing of at least one letter


def filter_of(group: FailureGroup, *, model: str | None = None, any_message: bool = False) -> str:
    """Return the filter that lists the samples of a group, or those of one model."""
    if group.samples:
        text = f"sample:{','.join(map(str, group.samples))}"
        return narrowed(text, "model", model) if model else text
    text = narrowed("", "verdict", group.verdict)
    text = narrowed(text, "err", group.error) if group.error else f"{text} {_NO_ERROR}"
    if group.message == OTHERS or any_message:
        pass
    elif group.message:
        text = narrowed(text, "msg", re.sub(rf"[^ -~]|{_HOLE}", "*", group.message)[:120], ":~")
    else:
        text = f"{text} {_NO_MESSAGE}"
    if group.problem and not any_message:
        text = narrowed(text, "problem", group.problem)
    return narrowed(text, "model", model) if model else text


def without_message(group: FailureGroup) -> str:
    """Return what is said of a group that has no message."""
    if group.verdict != Verdict.WRONG:
        return "—"
    return "an assertion failed" if group.error == "AssertionError" else "answers differ"


def merge_messages(table: GroupTable) -> GroupTable:
    """Return the groups by verdict and error only, each with its most frequent message."""
    found: dict[tuple[str, str], list[FailureGroup]] = {}
    for group in table.groups:
        found.setdefault((group.verdict, group.error), []).append(group)
    merged = [_merged(groups) for groups in found.values()]
    return replace(table, groups=tuple(sorted(merged, key=_rank)))


def _merged(groups: Sequence[FailureGroup]) -> FailureGroup:
    by_model: dict[int, int] = {}
    for group in groups:
        for model, count in group.by_model.items():
            by_model[model] = by_model.get(model, 0) + count
    first = groups[0]
    more = f" (+{len(groups) - 1} other groups)" if len(groups) > 1 else ""
    return FailureGroup(
        verdict=first.verdict,
        error=first.error,
        message=(first.message or without_message(first)) + more,
        count=sum(group.count for group in groups),
        newest=max(group.newest for group in groups),
        by_model=by_model,
    )


def _rank(group: FailureGroup) -> tuple[int, str, str, str, str]:
    return -group.count, group.verdict, group.error, group.message, group.problem


@dataclass(slots=True)
class _Count:
    newest: int = 0
    by_model: dict[int, int] = field(default_factory=dict)


class FailureCounter:
    """Counts the failures of one study and keeps the counts up to date; for one thread only."""

    def __init__(self, study: int, uid: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.study = study
        self.uid = uid  # which store's study that is
        self._clock = clock
        self._stride = FIRST
        self._top: int | None = None
        self._low = self._first = 0
        self._counts: dict[Key, _Count] = {}

    def step(self, reader: SampleReader) -> GroupTable:
        """Count another range."""
        top = reader.top()
        if self._top is None or top < self._top:
            self._begin(top)
        held = self._top or 0
        began = self._clock()
        if top > held:
            high = min(top, held + self._stride)
            if reader.judged_again((held, high)):
                self._begin(top)
            else:
                self._add(reader.groups(self.study, (held, high)))
                self._top = high
        elif self._low > 0:
            low = max(0, self._low - self._stride)
            self._add(reader.groups(self.study, (low, self._low)))
            self._low = low
        aim = self._stride * SLICE_SECONDS / max(self._clock() - began, 1e-4)
        self._stride = round(min(MOST_STRIDE, max(LEAST, min(aim, self._stride * 2))))
        return self._table(top)

    def _begin(self, top: int) -> None:
        self._top = self._low = self._first = top
        self._counts.clear()

    def _add(self, rows: Sequence[GroupRow]) -> None:
        for row in rows:
            key = row.verdict, row.error_type or "", normalized(row.message or ""), row.problem
            if key not in self._counts and len(self._counts) >= MOST:
                key = row.verdict, row.error_type or "", OTHERS, ""
            count = self._counts.setdefault(key, _Count())
            count.newest = max(count.newest, row.newest)
            count.by_model[row.model_id] = count.by_model.get(row.model_id, 0) + row.count

    def _table(self, top: int) -> GroupTable:
        groups = [
            FailureGroup(
                verdict=v,
                error=e,
                message=m,
                problem=p,
                count=sum(c.by_model.values()),
                newest=c.newest,
                by_model=dict(c.by_model),
            )
            for (v, e, m, p), c in self._counts.items()
        ]
        return GroupTable(
            groups=tuple(sorted(groups, key=_rank)),
            total=sum(group.count for group in groups),
            scanned=1.0 - self._low / self._first if self._first else 1.0,
            behind=self._low > 0 or (self._top or 0) < top,
        )


MOST_EXPLAINED = 2_000
MOST_IDS = 40  # that a filter lists


class DifferenceCounter:
    """Says what differs in the wrong answers of one study; for one thread only. What was found is kept."""

    def __init__(self, study: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._study = study
        self._clock = clock
        self._kinds: dict[int, str] = {}  # by the id of a verdict
        self._asked: list[tuple[int, int, int]] = []
        self._wrong = -1

    def step(self, reader: SampleReader, counted: GroupTable) -> GroupTable:
        """Look at further wrong answers; return the groups of `counted` with wrong ones by what differs."""
        wrong = [group for group in counted.groups if group.verdict == Verdict.WRONG]
        total = sum(group.count for group in wrong)
        if total != self._wrong:
            self._wrong, self._asked = total, reader.wrong(self._study, MOST_EXPLAINED)
        until = self._clock() + SLICE_SECONDS
        missing = [row for row in self._asked if row[0] not in self._kinds]
        done = 0
        for verdict, sample, _ in missing:
            detail = reader.detail(sample)
            self._kinds[verdict] = "" if detail is None else stored_difference_kind(detail)
            done += 1
            if self._clock() > until:
                break
        others = replace(counted, groups=tuple(group for group in counted.groups if group.verdict != Verdict.WRONG))
        groups = sorted([*merge_messages(others).groups, *self._groups(total)], key=_rank)
        return replace(counted, groups=tuple(groups), behind=counted.behind or done < len(missing))

    def _groups(self, total: int) -> list[FailureGroup]:
        found: dict[str, list[tuple[int, int, int]]] = {}
        for row in self._asked:
            if kind := self._kinds.get(row[0]):
                found.setdefault(kind, []).append(row)
        seen = sum(map(len, found.values()))
        scale = total / seen if seen else 1.0
        return [self._group(kind, sorted(rows, reverse=True), scale) for kind, rows in found.items()]

    @staticmethod
    def _group(kind: str, rows: Sequence[tuple[int, int, int]], scale: float) -> FailureGroup:
        models = [model for _, _, model in rows]
        return FailureGroup(
            verdict=Verdict.WRONG.value,
            error="",
            message=kind,
            count=round(len(rows) * scale),
            newest=rows[0][0],
            by_model={model: round(models.count(model) * scale) for model in set(models)},
            samples=tuple(sample for _, sample, _ in rows[:MOST_IDS]),
            estimated=scale > 1,
        )
