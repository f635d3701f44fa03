"""Reading a store: one read-only connection, no open transaction between calls.

A reader is a guest. It may look while a study writes; `changed` is cheap enough to be asked ten times a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from sampler.rows import EventRow, ModelRow, StudyRow, TailRow, TallyRow


class StoreError(Exception):
    """The file is missing, is no store of ours, or comes from a newer version."""


class Reader:
    """Queries over one store file. Not for use from several threads at once."""

    def __init__(self, path: Path) -> None:
        """Open `path`; raises StoreError with the way out."""
        raise NotImplementedError

    def changed(self) -> bool:
        """Whether another connection has committed since the last call (True on the first call)."""
        raise NotImplementedError

    def studies(self) -> list[StudyRow]:
        """Every study of the store, newest first."""
        raise NotImplementedError

    def models(self, study: int) -> list[ModelRow]:
        """The models of a study, in the order of the study file."""
        raise NotImplementedError

    def tallies(self, study: int) -> list[TallyRow]:
        """One row for each model and problem that has a sample."""
        raise NotImplementedError

    def verdict_counts(self, study: int) -> Mapping[tuple[int, str], int]:
        """How often (model id, verdict) came up, counting each sample's latest verdict."""
        raise NotImplementedError

    def tail(self, study: int, *, after: int = 0, limit: int = 200) -> list[TailRow]:
        """Verdicts with an id above `after`, oldest first; with after=0 the newest `limit`, oldest first."""
        raise NotImplementedError

    def events(self, study: int, *, after: int = 0, limit: int = 200) -> list[EventRow]:
        """The log, by the same rule as `tail`."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
