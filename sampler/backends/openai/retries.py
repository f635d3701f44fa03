"""How an outage of a server is borne: growing waits, the server's own wish if it has one, and an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from sampler.backends.openai.http_client import Outage

LONGEST_BACKOFF_S = 60.0
QUIET_S = 10.0  # thirty calls that fail together are one outage, and worth one line
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLimits:
    """Waits double from `first_wait_s` up to a minute.

    `longest_wait_s` is how long a server may ask us to stay away.
    """

    attempts: int
    first_wait_s: float
    longest_wait_s: float


class Policy:
    """Tries again after an Outage. `tell` hears of outages, on whatever thread they happen."""

    def __init__(
        self, patience: RetryLimits, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._tell = tell
        self._clock = clock
        self._told_at = float("-inf")
        self._lock = threading.Lock()

    def attempt(self, do: Callable[[], T], called_off: threading.Event) -> T:
        """What `do` returns.

        Raises the last Outage when patience ends, at once when called off, and all other errors.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Outage),
            wait=self._wait,
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self._patience.attempts),
                _AskedTooMuch(self._patience.longest_wait_s),
                tenacity.stop_when_event_set(called_off),
            ),
            sleep=tenacity.sleep_using_event(called_off),
            before_sleep=self._say,
            reraise=True,
        )
        return retrying(do)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        first = self._patience.first_wait_s
        growing = tenacity.wait_exponential(multiplier=first, max=LONGEST_BACKOFF_S) + tenacity.wait_random(0, first)
        return max(growing(state), _asked(state))

    def _say(self, state: tenacity.RetryCallState) -> None:
        with self._lock:
            quiet = self._clock() - self._told_at < QUIET_S
            if not quiet:
                self._told_at = self._clock()
        if not quiet and state.outcome is not None:
            self._tell(
                f"{state.outcome.exception()}; attempt {state.attempt_number} of {self._patience.attempts},"
                f" the next in {state.upcoming_sleep:.1f} s"
            )


def _asked(state: tenacity.RetryCallState) -> float:
    """How long the server asked to be left alone."""
    error = state.outcome.exception() if state.outcome is not None else None
    return (error.retry_after_s or 0.0) if isinstance(error, Outage) else 0.0


class _AskedTooMuch(tenacity.stop.stop_base):
    """Stops when the server asks for a longer wait than this: it has gone away, and the user should know now."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        return _asked(state) > self._longest_s
