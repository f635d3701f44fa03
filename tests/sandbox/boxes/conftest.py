"""What tests of boxes wait for."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from sandbox.boxes.docker_client import DockerClient

UntilInside = Callable[[DockerClient, Iterable[str], Future[Any]], None]
PATIENCE_S = 120.0


@pytest.fixture
def until_inside() -> UntilInside:
    """Wait until a program runs in one of these boxes, or has ended."""

    def wait(engine: DockerClient, boxes: Iterable[str], program: Future[Any]) -> None:
        supervisors = [int((engine.state(box) or {}).get("Pid", 0)) for box in boxes]
        deadline = time.monotonic() + PATIENCE_S
        while not (program.done() or any(_has_candidate(pid) for pid in supervisors)):
            assert time.monotonic() < deadline, "no program has begun"
            time.sleep(0.01)

    return wait


def _has_candidate(supervisor: int) -> bool:
    """Return whether the zygote has a second child: the first is its cleaner, the second a candidate."""
    return any(len(_children(zygote)) > 1 for zygote in _children(supervisor))


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except OSError:
        return []
