"""Define the error for a request that is not served."""

from __future__ import annotations


class Refused(Exception):
    """A request that is refused.

    It has an HTTP status, a message and, if useful, the seconds after which to retry.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after
