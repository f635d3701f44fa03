"""Open the boxes of a node, after it has the image that all nodes have.

The first node that has the image decides which build of it counts; where none has, the first one fetches or builds it.
Every other node needs the same digest: it has it, fetches it from a registry, or gets it from a node that has it, in
pieces that Ray carries from node to node without the driver.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from sandbox.boxes.image import ImageSpec, image_tag
from sandbox.cluster.messages import Fault
from sandbox.cluster.node import NodeSpec, Survey
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import Limits


class Process(Protocol):
    """A process on a node: `ray_client.Actor`."""

    def call(self, method: str, *arguments: Any, **named: Any) -> Future[Any]:
        """Call a method there."""

    def hold(self, method: str, *arguments: Any) -> Any:
        """Call a method there, and leave the result there."""


class ImageSupply:
    """Gives nodes one and the same image. Safe to call from any thread."""

    def __init__(self, spec: ImageSpec, registry: str | None, say: Callable[[str], None]) -> None:
        self._spec, self._registry, self._say = spec, registry, say
        self._changed = threading.Condition()
        self._surveying = 0  # nodes that may yet say that they have the image
        self._building = False
        self._digest: str | None = None
        self._source: Process | None = None
        self._pieces: list[Any] = []

    def provide(self, node: Process) -> str | Fault:
        """Return the digest of the image once the node has it, or why it cannot."""
        with self._changed:
            self._surveying += 1
        try:
            found: Survey | Fault = node.call("survey", self._spec).result()
        finally:
            with self._changed:
                self._surveying -= 1
                self._changed.notify_all()
        if isinstance(found, Fault):
            return found
        if found.image != (mine := image_tag(self._spec)):
            return Fault("ImageMissing", f"its codebudget is another version ({found.image}, here {mine})")
        decided = self._decided(node, found)
        if isinstance(decided, Fault) or found.digest == decided or node is self._source:
            return decided
        return self._brought(node, decided)

    def _decided(self, node: Process, found: Survey) -> str | Fault:
        """Return the digest that counts; if there is none, this node makes the image."""
        with self._changed:
            if self._digest is None and found.digest is not None:
                self._decide(node, found.digest)
            self._changed.wait_for(lambda: self._digest is not None or not (self._surveying or self._building))
            if self._digest is not None:
                return self._digest
            self._building = True
        try:
            made: str | Fault | None = (
                node.call("pull", self._spec, self._registry).result() if self._registry else None
            )
            if made is None:
                self._say("no node has the box image; one builds it")
                made = node.call("build", self._spec).result()
            with self._changed:
                if isinstance(made, str):
                    self._decide(node, made)
        finally:
            with self._changed:
                self._building = False
                self._changed.notify_all()
        return made if made is not None else Fault("ImageMissing", "the box image was not built")

    def _decide(self, node: Process, digest: str) -> None:
        self._digest, self._source = digest, node
        self._changed.notify_all()

    def _brought(self, node: Process, digest: str) -> str | Fault:
        if self._registry and node.call("pull", self._spec, self._registry).result() == digest:
            return digest
        with self._changed:
            if not self._pieces:
                assert self._source is not None  # noqa: S101  (there is a digest)
                self._say("carrying the box image to other nodes (once)")
                names = self._source.call("send_image", self._spec).result()
                self._pieces = [self._source.hold("piece", name) for name in names]
            pieces = self._pieces
        came: str | Fault | None = None
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            came = node.call("receive_image", self._spec, number, piece, last=last).result()
            if isinstance(came, Fault):
                return came
        return came if came == digest else Fault("ImageMissing", "the image that arrived has another digest")


def open_node(
    node: Process, images: ImageSupply, limits: Limits, options: ScoringOptions, boxes: int
) -> Future[int | Fault]:
    """Open a node's boxes on a thread of its own; return a future of their number, or of why it cannot."""
    opened: Future[int | Fault] = Future()

    def opening() -> None:
        try:
            digest = images.provide(node)
            if isinstance(digest, Fault):
                opened.set_result(digest)
                return
            spec = NodeSpec(limits=limits, options=options, digest=digest, boxes=boxes)
            opened.set_result(node.call("open", spec).result())
        except BaseException as error:  # the node is lost, and the future says why
            opened.set_exception(error)

    threading.Thread(target=opening, name="cluster-opening", daemon=True).start()
    return opened
