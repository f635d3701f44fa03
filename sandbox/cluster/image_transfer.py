"""Give every node the same box image: present, from a registry, or carried from another node by Ray.

The first node that has the image decides which build of it counts; where none has, the first one fetches or builds it.
Every other node needs the same digest: it has it, fetches it from a registry, or gets it from a node that has it, in
pieces that Ray carries from node to node without the driver; if that node is lost, from the next one that has it.

An image is known by a digest over its layers and its settings. Two builds of the same files on two machines may differ
(another day, another version of a package), and then the same program could get two verdicts: so what a node has under
the right name counts only with the right digest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec, image_tag
from sandbox.cluster.messages import Fault, Survey, this_program
from sandbox.errors import ImageMissing, SandboxError

PIECE_BYTES = 16 << 20
_FOLDER = "codebudget-image-"


class WrongImage(SandboxError):
    """A node's image is not the one that the others have."""


class ImageNotSent(SandboxError):
    """The node that has the image cannot send it now, or this node has no room for it."""


def digest_of(engine: DockerClient, reference: str) -> str:
    """Return an image's digest; raises ImageMissing."""
    digest = engine.image_digest(reference)
    if digest is None:
        raise ImageMissing(f"no image {reference}; run `sandbox build`")
    return digest


def require(engine: DockerClient, reference: str, digest: str) -> None:
    """Raise WrongImage or ImageMissing unless the image is here, with this digest."""
    if (found := digest_of(engine, reference)) != digest:
        raise WrongImage(f"the image {reference} has the digest {found[:16]} here, and {digest[:16]} on other nodes")


def pull(engine: DockerClient, reference: str, registry: str) -> str | None:
    """Fetch an image from `registry` (a host, and a path if it has one); return its digest, None if it is not there."""
    remote = f"{registry.rstrip('/')}/{reference}"
    try:
        engine.pull(remote)
        engine.tag(remote, reference)
    except SandboxError:
        return None
    return engine.image_digest(reference)


def export(engine: DockerClient, reference: str) -> list[str]:
    """Write an image into compressed pieces of files; return their names."""
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    names: list[str] = []
    buffer = bytearray()

    def flush() -> None:
        path = folder / f"{len(names):05d}"
        path.write_bytes(zlib.compress(buffer, 1))
        names.append(str(path))
        buffer.clear()

    try:
        for chunk in engine.save_image(reference):
            buffer += chunk
            if len(buffer) >= PIECE_BYTES:
                flush()
        flush()
    except BaseException:  # such as a full disk
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return names


def take_piece(name: str) -> bytes:
    """Return a piece that `export` has written, and remove its file; the last one's folder, too."""
    path = Path(name)
    if not path.parent.name.startswith(_FOLDER):
        raise ValueError(f"{name} is no piece of an image")
    piece = path.read_bytes()
    path.unlink()
    with contextlib.suppress(OSError):  # there are more
        path.parent.rmdir()
    return piece


def write_piece(archive: Path | None, piece: bytes) -> Path:
    """Append a piece to the archive of an image that arrives, or begin one; return its path."""
    if archive is None:
        descriptor, name = tempfile.mkstemp(prefix=_FOLDER, suffix=".tar")
        os.close(descriptor)
        archive = Path(name)
    try:
        with archive.open("ab") as file:
            file.write(zlib.decompress(piece))
    except BaseException:  # a full disk
        archive.unlink(missing_ok=True)
        raise
    return archive


def load(engine: DockerClient, archive: Path, reference: str) -> str:
    """Load an image from its archive, which is removed; return its digest."""
    try:
        engine.load_image(archive)
    finally:
        archive.unlink(missing_ok=True)
    return digest_of(engine, reference)


class Process(Protocol):
    """A process on a node: `ray_client.Actor`."""

    @property
    def name(self) -> str:
        """Return the node's name."""

    def call(self, method: str, *arguments: Any, **named: Any) -> Future[Any]:
        """Call a method there."""

    def hold(self, method: str, *arguments: Any) -> Any:
        """Call a method there, and leave the result there."""


class ImageSupply:
    """Gives nodes one and the same image. Safe to call from any thread."""

    def __init__(self, spec: ImageSpec, registry: str | None, say: Callable[[str], None]) -> None:
        self.image = spec
        self._registry, self._say = registry, say
        self._changed = threading.Condition()
        self._surveying = 0  # nodes that may yet say that they have the image
        self._building = False
        self._digest: str | None = None
        self._holders: list[Process] = []  # nodes that have it; others get it from the first one
        self._pieces: tuple[Process, list[Any]] | None = None  # who holds them

    def provide(self, node: Process) -> str | Fault:
        """Return the digest of the image once the node has it, or why it cannot."""
        with self._changed:
            self._surveying += 1
        try:
            found: Survey | Fault = node.call("survey", self.image).result()
        finally:
            with self._changed:
                self._surveying -= 1
                self._changed.notify_all()
        if isinstance(found, Fault):
            return found
        mine, its = f"{this_program()} with {image_tag(self.image)}", f"{found.program} with {found.image}"
        if its != mine:
            return Fault("ImageMissing", f"it has another version of this program: {its}, and here is {mine}")
        decided = self._decided(node, found)
        if isinstance(decided, Fault):
            return decided
        came = decided if found.digest == decided or node in self._holders else self._brought(node, decided)
        with self._changed:
            if came == decided and node not in self._holders:
                self._holders.append(node)
        return came

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
                node.call("pull", self.image, self._registry).result() if self._registry else None
            )
            if made is None:
                self._say("no node has the box image; one builds it")
                made = node.call("build", self.image).result()
            with self._changed:
                if self._digest is not None:  # a node that has the image has come meanwhile
                    return self._digest
                if isinstance(made, str):
                    self._decide(node, made)
        finally:
            with self._changed:
                self._building = False
                self._changed.notify_all()
        return made if made is not None else Fault("ImageMissing", "the box image was not built")

    def _decide(self, node: Process, digest: str) -> None:
        self._digest = digest
        self._holders.append(node)
        self._changed.notify_all()

    def _brought(self, node: Process, digest: str) -> str | Fault:
        if self._registry and node.call("pull", self.image, self._registry).result() == digest:
            return digest
        while True:
            with self._changed:
                source = self._holders[0]
            try:
                came = _carried(self.image, self._pieces_of(source), node)
            except Exception as error:
                node.call("heartbeat").result()  # raises if it is this node that is lost
                with self._changed:
                    self._pieces = None
                    if self._holders == [source]:
                        told = f"{source.name}, the one node that has the box image, cannot send it: {error}"
                        return Fault(ImageNotSent.__name__, told)
                    if source in self._holders:
                        self._holders.remove(source)
                continue
            if isinstance(came, Fault) or came == digest:
                return came
            return Fault("ImageMissing", "the image that arrived has another digest")

    def _pieces_of(self, source: Process) -> list[Any]:
        """Return the pieces of the image, which a node holds."""
        with self._changed:
            if self._pieces is None or self._pieces[0] is not source:
                self._say("carrying the box image to other nodes (once)")
                names = source.call("send_image", self.image).result()
                self._pieces = source, [source.hold("piece", name) for name in names]
            return self._pieces[1]


def _carried(image: ImageSpec, pieces: list[Any], node: Process) -> str | Fault | None:
    """Send a node an image piece by piece; return the digest of the image that it then has."""
    came: str | Fault | None = None
    for number, piece in enumerate(pieces):
        came = node.call("receive_image", image, number, piece, last=number == len(pieces) - 1).result()
        if isinstance(came, Fault):
            break
    return came
