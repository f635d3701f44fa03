"""Open a store of any version to read it, and choose one of its studies."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from sampler.store.read_models import StudyRow
from sampler.store.reader import Reader, StoreError, StoreOld
from sampler.store.writer import Store

AnyReader = TypeVar("AnyReader", bound=Reader)


def open_migrated(path: Path, kind: type[AnyReader]) -> AnyReader:
    """Open a reader of this kind; a store of an older version is migrated first. Raises StoreError."""
    try:
        return kind(path)
    except StoreOld:
        Store(path).close()
        return kind(path)


def remove(path: Path) -> None:
    """Remove a store and the files that a reader leaves beside it."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def chosen_study(studies: list[StudyRow], path: Path, name: str | None) -> StudyRow:
    """Return the study called `name`, or the newest one; raises StoreError."""
    chosen = [row for row in studies if name in (None, row.name, row.uid)]
    if not chosen:
        held = ", ".join(repr(row.name) for row in studies) or "none"
        raise StoreError(
            f"{str(path)!r} holds no study {name!r} (it holds: {held})" if name else f"{str(path)!r} is empty"
        )
    return chosen[0]
