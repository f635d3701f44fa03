"""A request that is not served, and why."""

from __future__ import annotations


class Refused(Exception):
    """What is told instead of an answer.

    An HTTP status, a message and, where it helps, when to come again, in seconds.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after
