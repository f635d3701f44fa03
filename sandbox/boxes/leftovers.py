"""Containers of ours that nobody owns any more, and how they are removed."""

from __future__ import annotations

from sandbox.boxes.engine import Engine
from sandbox.boxes.owner import Owner
from sandbox.boxes.walls import LABEL, LABEL_OWNER


def reap(engine: Engine) -> int:
    """Remove the boxes of processes that are gone; returns how many."""
    removed = 0
    for found in engine.containers(LABEL):
        owner = Owner.parse(found.labels.get(LABEL_OWNER, ""))
        if owner is not None and owner.is_gone():
            engine.remove(found.id)
            removed += 1
    return removed


def remove_all(engine: Engine) -> int:
    """Remove every box on this engine, whoever owns it; returns how many."""
    found = engine.containers(LABEL)
    for container in found:
        engine.remove(container.id)
    return len(found)
