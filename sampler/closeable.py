"""A context manager whose end is `close`."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closeable:
    """Give it a `close` that may be called twice."""

    def close(self) -> None:
        """Give back what is held."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
