"""What the peers need.

A Python with them in it, and an image with a shell, and with the same Python and numpy as ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from sandbox.boxes import image
from sandbox.boxes.docker_client import DockerClient

PACKAGES = ("llm-sandbox[docker]==0.3.46", "epicbox==1.1.0", "urllib3<2")  # epicbox calls what urllib3 2 has not
_OURS = "the peers of the benchmark"
SHELL = ("dash", "coreutils", "python-is-python3")
DOCKERFILE = """
FROM {base}
COPY --from={box} /usr/lib/packages /usr/lib/packages
ENV PYTHONPATH=/usr/lib/packages OPENBLAS_NUM_THREADS=1
RUN ["python3", "-c", "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('stdlib'), quiet=2)"]
RUN ["python3", "-c", "print('root:x:0:0:root:/root:/bin/sh', file=open('/etc/passwd', 'a'))"]
CMD ["python3"]
"""


@contextlib.contextmanager
def peers_python(given: str | None) -> Iterator[str]:
    """A Python that has the peers: the given one, or one made for this run."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="codebudget-peers-") as directory:
        print(f"installing {', '.join(PACKAGES)}", file=sys.stderr)
        venv.create(directory, with_pip=True)
        python = f"{directory}/bin/python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        yield python


def forget_peers(engine: DockerClient) -> None:
    """Remove what a peer has made and left: one that cannot start its container lets it lie."""
    for found in engine.containers(f"{image.LABEL_CONTENT}={_OURS}"):
        engine.remove(found.id)


def peers_image(engine: DockerClient, box: str) -> str:
    """The box image's base, with its packages, compiled as in the box.

    No side is to pay for what is no property of it.
    """
    base = (engine.image_labels(box) or {})[image.LABEL_BASE]
    if base.startswith(image.DEBIAN_BASE):
        base = _with_a_shell(engine, base)
    text = DOCKERFILE.format(base=base, box=box).encode()
    tag = f"codebudget-bench:{hashlib.sha256(text).hexdigest()[:16]}"
    if engine.image_labels(tag) is None:
        print(f"building {tag}", file=sys.stderr)
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as archive:
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        context.seek(0)
        engine.build(context, tag, {}, {image.LABEL_CONTENT: _OURS})
    return tag


def _with_a_shell(engine: DockerClient, base: str) -> str:
    reference = f"{base}-shell"
    if engine.image_labels(reference) is None:
        with tempfile.TemporaryDirectory(prefix="codebudget-peers-") as directory:
            archive = Path(directory) / "base.tar"
            image._run_script(image.images_directory() / "debian-base.sh", [str(archive), "", *SHELL])
            engine.import_image(str(archive), reference, {image.LABEL_BASE: "debian packages"})
    return reference
