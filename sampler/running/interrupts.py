"""Ctrl-C and SIGTERM while a run is under way: once to stop, twice to break off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from sampler.running.progress import Notice, Subscriber


@contextmanager
def interrupts(stop: Callable[[], None], tell: Subscriber) -> Iterator[list[int]]:
    """The first SIGINT or SIGTERM asks the run to stop, the second breaks it off. Which ones came is in the list.

    Outside the main thread there are no signals to catch, and nothing is changed.
    """
    caught: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 1:
            raise KeyboardInterrupt
        stop()
        message = "stopping: what is under way finishes, everything is kept; once more to break off"
        threading.Thread(target=tell, args=(Notice(level="warning", kind="stop", message=message),)).start()

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
