"""Provide a base class of context managers that end with `close`."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closeable:
    """A context manager that calls `close` at its end; subclasses define a `close` that may be called twice."""

    def close(self) -> None:
        """Release all resources."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
