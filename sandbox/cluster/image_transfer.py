"""Give every node the same box image: present, from a registry, or carried from another node by Ray.

An image is known by a digest over its layers and its settings. Two builds of the same files on two machines may differ
(another day, another version of a package), and then the same program could get two verdicts: so what a node has under
the right name counts only with the right digest.
"""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path

from sandbox.boxes.docker_client import DockerClient
from sandbox.errors import ImageMissing, SandboxError

PIECE_BYTES = 16 << 20
_FOLDER = "codebudget-image-"


class WrongImage(SandboxError):
    """A node's image is not the one that the others have."""


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

    for chunk in engine.save_image(reference):
        buffer += chunk
        if len(buffer) >= PIECE_BYTES:
            flush()
    flush()
    return names


def read_piece(name: str) -> bytes:
    """Return a piece that `export` has written."""
    path = Path(name)
    if not path.parent.name.startswith(_FOLDER):
        raise ValueError(f"{name} is no piece of an image")
    return path.read_bytes()


def remove_pieces(names: list[str]) -> None:
    """Remove the files of an export."""
    for name in names:
        Path(name).unlink(missing_ok=True)
    if names:
        Path(names[0]).parent.rmdir()


def write_piece(owner: int, number: int, piece: bytes) -> Path:
    """Append a piece to the archive that this process receives; piece 0 begins it."""
    path = Path(tempfile.gettempdir()) / f"{_FOLDER}{owner}.tar"
    with path.open("ab" if number else "wb") as file:
        file.write(zlib.decompress(piece))
    return path


def load(engine: DockerClient, archive: Path, reference: str) -> str:
    """Load an image from its archive, which is removed; return its digest."""
    try:
        engine.load_image(archive)
    finally:
        archive.unlink(missing_ok=True)
    return digest_of(engine, reference)
