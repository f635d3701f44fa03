"""A second store at the table: its newest study's models, to be compared with those of the store that is followed.

It is read as a guest, like the first. Its ids are turned round (-1, -2 …), so that they never meet those of the first
store; problems are matched by their names, and only where both studies were asked the same ones, which their digests
tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sampler.closeable import Closeable
from sampler.reporting.comparison import NotComparable
from sampler.reporting.inputs import refuse_other_problems
from sampler.store.read_models import ModelRow, StudyRow
from sampler.store.reader import Reader
from tui.view import Guests

__all__ = ["GuestReader", "NotComparable", "refuse_other_store"]


class GuestReader(Closeable):
    """Reads the second store whenever something was committed there. Not for use from several threads at once."""

    def __init__(self, path: Path) -> None:
        """Open the store; raises StoreError."""
        self._path = path
        self._reader = Reader(path)

    def changed(self) -> bool:
        """Whether there is something new (True on the first call)."""
        return self._reader.changed()

    def guests(self, host: StudyRow, store: Path) -> Guests:
        """The models of the newest study, for the study of another store; none where it was asked other problems."""
        studies = self._reader.studies()
        if not studies:
            return Guests(store=self._path.stem, why_not=f"{self._path} holds no study yet")
        study = studies[0]
        try:
            refuse_other_problems((store, self._path), (host.problems_digest, study.problems_digest))
        except NotComparable as error:
            return Guests(store=self._path.stem, why_not=str(error))
        return Guests(
            store=self._path.stem,
            models=_turned(model for model in self._reader.models(study.id) if model.wanted),
            greedy=_turned(self._reader.greedy(study.id)),
            tallies=tuple(replace(row, model_id=-row.model_id) for row in self._reader.tallies(study.id)),
        )

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()


def _turned(models: Iterable[ModelRow]) -> tuple[ModelRow, ...]:
    return tuple(
        replace(model, id=-model.id, greedy_of=None if model.greedy_of is None else -model.greedy_of)
        for model in models
    )


def refuse_other_store(store: Path, other: Path) -> None:
    """Raise NotComparable if the newest studies of two stores have different problems, StoreError for a broken one."""
    with Reader(store) as first, Reader(other) as second:
        newest = first.studies()[:1], second.studies()[:1]
    if all(newest):
        refuse_other_problems((store, other), (newest[0][0].problems_digest, newest[1][0].problems_digest))
