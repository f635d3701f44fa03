"""Group failures by verdict, error, and message without names and numbers.

`FailureCounter` belongs to the reading thread. Each `step` counts one range of the store, newest first or new rows, and
returns a `GroupTable`. Quoted text and numbers in a message are removed; there are at most `MOST` groups.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sampler.store.filters import narrowed
from sampler.store.read_models import GroupRow
from sampler.store.reader_samples import SampleReader
from tui.text import sanitize

SLICE_SECONDS = 0.025
FIRST = 4_000
LEAST, MOST_STRIDE = 500, 100_000
MOST = 2_000
OTHERS = "(other messages)"
_HOLE = "…"

Key = tuple[str, str, str]  # verdict, error type, message made alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Failures that ended in the same way; `by_model` counts them by model id, `newest` is a verdict's id."""

    verdict: str
    error: str
    message: str
    count: int
    newest: int
    by_model: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTable:
    """All groups, the largest first, and how much of the store they were counted over."""

    groups: tuple[Group, ...] = ()
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


def filter_of(group: Group, *, model: str | None = None, any_message: bool = False) -> str:
    """Return the filter that lists the samples of a group, or those of one model."""
    text = narrowed("", "verdict", group.verdict)
    text = narrowed(text, "err", group.error) if group.error else f"{text} {_NO_ERROR}"
    if group.message == OTHERS or any_message:
        pass
    elif group.message:
        text = narrowed(text, "msg", re.sub(rf"[^ -~]|{_HOLE}", "*", group.message)[:120], ":~")
    else:
        text = f"{text} {_NO_MESSAGE}"
    return narrowed(text, "model", model) if model else text


def merge_messages(table: GroupTable) -> GroupTable:
    """Return the groups by verdict and error only, each with its most frequent message."""
    found: dict[tuple[str, str], list[Group]] = {}
    for group in table.groups:
        found.setdefault((group.verdict, group.error), []).append(group)
    merged = [_merged(groups) for groups in found.values()]
    return GroupTable(
        groups=tuple(sorted(merged, key=_rank)), total=table.total, scanned=table.scanned, behind=table.behind
    )


def _merged(groups: Sequence[Group]) -> Group:
    by_model: dict[int, int] = {}
    for group in groups:
        for model, count in group.by_model.items():
            by_model[model] = by_model.get(model, 0) + count
    first = groups[0]
    more = f" (+{len(groups) - 1} other messages)" if len(groups) > 1 else ""
    return Group(
        verdict=first.verdict,
        error=first.error,
        message=first.message + more,
        count=sum(group.count for group in groups),
        newest=max(group.newest for group in groups),
        by_model=by_model,
    )


def _rank(group: Group) -> tuple[int, str, str, str]:
    return -group.count, group.verdict, group.error, group.message


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
            key = row.verdict, row.error_type or "", normalized(row.message or "")
            if key not in self._counts and len(self._counts) >= MOST:
                key = row.verdict, row.error_type or "", OTHERS
            count = self._counts.setdefault(key, _Count())
            count.newest = max(count.newest, row.newest)
            count.by_model[row.model_id] = count.by_model.get(row.model_id, 0) + row.count

    def _table(self, top: int) -> GroupTable:
        groups = [
            Group(
                verdict=v,
                error=e,
                message=m,
                count=sum(c.by_model.values()),
                newest=c.newest,
                by_model=dict(c.by_model),
            )
            for (v, e, m), c in self._counts.items()
        ]
        return GroupTable(
            groups=tuple(sorted(groups, key=_rank)),
            total=sum(group.count for group in groups),
            scanned=1.0 - self._low / self._first if self._first else 1.0,
            behind=self._low > 0 or (self._top or 0) < top,
        )
