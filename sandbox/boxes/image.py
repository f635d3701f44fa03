"""Build the box image when it is missing or stale.

The image's tag is a digest of what it is made from (the files of `images/` and of `sandbox/inside/`, and the usual
bases), so an image is stale exactly when no image of the present tag exists. A base given by hand replaces the image of
that tag. The base comes from a registry where one can be reached, and is made from Debian packages where not; the steps
after that are the same. Programs run on the Python of the base; an `ImageSpec` asks for another Python, for Python
packages, or for the compiler or runtime of another language, and each `ImageSpec` is another image.

A toolchain is a base of its own, made in the same two ways, always of one release of Debian: packages are installed,
what no program needs is removed, files are prepared (such as a precompiled header), and the rest becomes one layer. It
depends on nothing that runs in a box, so a change of that builds no toolchain again. Packages are a base of their own
for the same reason.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.packages import Platform, fetch, is_requirement
from sandbox.errors import EngineUnavailable, ImageBuildFailed, ImageMissing
from sandbox.languages.language import Toolchain

REGISTRY_BASE = "python:3.12-slim-bookworm"
DEBIAN_BASE = "codebudget-base"
DEBIAN_SUITES = {"3.11": "bookworm", "3.13": "trixie"}  # which release of Debian has which Python
TOOLCHAIN_SUITE = "trixie"  # what models write today needs its compilers
REGISTRY_DEBIAN = f"debian:{TOOLCHAIN_SUITE}-slim"
REPOSITORY = "codebudget-box"
LABEL_CONTENT = "codebudget.content"
LABEL_BASE = "codebudget.base"
LABEL_MODULES = "codebudget.modules"  # of the packages that were asked for, in an image with packages
_CONTEXT_FILES = ("Dockerfile", "start.py", "prune.py")
_TOOLCHAIN_FILES = ("Dockerfile.toolchain", "prune.py")
_MOST_NAMED = 5  # packages in one line
_WHEELS = "/opt/toolchain"  # where a toolchain's wheels are

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFiles:
    """Data in a package: the files in one of its folders, which an image has below `/usr/share`, and nothing else."""

    requirement: str
    folder: str
    place: str

    def __post_init__(self) -> None:
        if not is_requirement(self.requirement) or {"", ".", ".."} & {*self.folder.split("/"), *self.place.split("/")}:
            raise ValueError(f"{self.requirement} {self.folder} {self.place} is not PACKAGE==VERSION FOLDER PLACE")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """What an image has beyond the usual.

    It names a version of Python (None: the base's own), and packages such as numpy or numpy==2.1.3. The modules of
    `preload` (None: those of the packages) are imported before the first program, so that a program's own import of
    them costs nothing. `shared` is data that packages would download. `toolchain` is what another language needs.
    """

    python: str | None = None
    packages: tuple[str, ...] = ()
    preload: tuple[str, ...] | None = None
    shared: tuple[SharedFiles, ...] = ()
    toolchain: Toolchain | None = None

    def __post_init__(self) -> None:
        if self.toolchain is not None and (self.python or self.packages):
            raise ValueError("an image has the toolchain of another language, or a Python of its own with packages")
        if self.python is not None and not re.fullmatch(r"3\.\d{1,2}", self.python):
            raise ValueError(f"{self.python!r} is no version of Python such as 3.13")
        for package in self.packages:
            if not is_requirement(package):
                raise ValueError(f"{package!r} is no package such as numpy or numpy==2.1.3")
        for module in self.preload or ():
            if not all(part.isidentifier() for part in module.split(".")):
                raise ValueError(f"{module!r} is no module such as numpy or matplotlib.pyplot")


USUAL = ImageSpec()


def images_directory() -> Path:
    """Return the directory of the image's files: beside the packages in a checkout, within `sandbox` in a wheel."""
    package = Path(__file__).parents[1]
    for directory in (package / "_images", package.parent / "images"):
        if (directory / "Dockerfile").is_file():
            return directory
    raise ImageBuildFailed(f"the files of the box image are missing beside {package}; install codebudget again")


def _context() -> dict[str, bytes]:
    directory = images_directory()
    files = {name: (directory / name).read_bytes() for name in _CONTEXT_FILES}
    inside = Path(__file__).parents[1] / "inside"
    files |= {f"inside/{path.relative_to(inside)}": path.read_bytes() for path in sorted(inside.rglob("*.py"))}
    return files


def content_digest(spec: ImageSpec = USUAL) -> str:
    """Return the SHA-256 of the build context (names and contents), and of what decides the base and the packages."""
    total = hashlib.sha256()
    base = f"{registry_reference(spec.python)} {debian_reference(spec.python)}"
    if spec.toolchain is not None:
        base = toolchain_reference(spec.toolchain)
    parts = _context() | {"base": base.encode(), "packages": " ".join(sorted(spec.packages)).encode()}
    if spec.packages:
        parts["Dockerfile.packages"] = (images_directory() / "Dockerfile.packages").read_bytes()
    if spec.shared:
        parts["shared"] = repr(spec.shared).encode()
    if spec.preload is not None:
        parts["imported"] = " ".join(spec.preload).encode()
    for name, content in sorted(parts.items()):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def image_tag(spec: ImageSpec = USUAL) -> str:
    """Return the reference of the image that fits the present files."""
    return f"{REPOSITORY}:{content_digest(spec)[:16]}"


def ensure_image(engine: DockerClient, spec: ImageSpec = USUAL, *, say: Say) -> str:
    """Return the present image's reference; build the image first if it is missing or stale."""
    tag = image_tag(spec)
    if engine.image_labels(tag) is None:
        say(f"building the box image {tag} (once)")
        build_image(engine, spec, say=say)
    return tag


def build_image(engine: DockerClient, spec: ImageSpec = USUAL, *, base: str | None = None, say: Say) -> str:
    """Build the image on `base` (None: find one); returns its reference."""
    tag, chosen = image_tag(spec), base or _base_of(engine, spec, say)
    if base is not None and engine.image_labels(base) is None:
        say(f"pulling {base}")
        engine.pull(base)
    labels = {LABEL_CONTENT: content_digest(spec), LABEL_BASE: chosen}
    modules = spec.preload or ()
    if spec.packages:
        chosen, found = _with_packages(engine, chosen, spec.packages, say)
        modules = found if spec.preload is None else spec.preload
    if spec.shared:
        chosen = _with_shared(engine, chosen, spec.shared, say)
    say(f"building {tag} on {chosen}")
    preload = "".join(f"{name}\n" for name in modules).encode()
    with _archive(_context() | {"preload": preload, "toolchain.json": _as_json(_finished(spec.toolchain))}) as archive:
        engine.build(archive, tag, {"BASE": chosen}, labels)
    return tag


def _with_packages(engine: DockerClient, base: str, packages: tuple[str, ...], say: Say) -> tuple[str, tuple[str, ...]]:
    """Return an image of this base with the packages, and the modules of these; make it where it is missing."""
    dockerfile = (images_directory() / "Dockerfile.packages").read_bytes()
    parts = b"\0".join((dockerfile, base.encode(), " ".join(sorted(packages)).encode()))
    reference = f"{DEBIAN_BASE}:packages-{hashlib.sha256(parts).hexdigest()[:16]}"
    labels = engine.image_labels(reference)
    if labels is not None:
        return reference, tuple(labels[LABEL_MODULES].split())
    platform = _platform(engine, base)
    with tempfile.TemporaryDirectory(prefix="codebudget-packages-") as directory:
        say(f"fetching {_named(packages)} for Python {platform.python}")
        fetched = fetch(packages, platform, Path(directory))
        say(f"building {reference} on {base}")
        files: dict[str, bytes | Path] = {f"packages/{path}": file for path, file in fetched.files.items()}
        with _archive(files | {"Dockerfile": dockerfile}) as archive:
            labels = {LABEL_BASE: base, LABEL_MODULES: " ".join(fetched.modules)}
            engine.build(archive, reference, {"BASE": base}, labels)
    return reference, fetched.modules


def _with_shared(engine: DockerClient, base: str, shared: tuple[SharedFiles, ...], say: Say) -> str:
    """Return an image of this base with data of packages; make it where it is missing."""
    dockerfile = b"ARG BASE\nFROM ${BASE}\nCOPY shared /usr/share/\n"
    digest = hashlib.sha256(b"\0".join((dockerfile, base.encode(), repr(shared).encode()))).hexdigest()
    reference = f"{DEBIAN_BASE}:shared-{digest[:16]}"
    if engine.image_labels(reference) is not None:
        return reference
    requirements = tuple(dict.fromkeys(one.requirement for one in shared))
    with tempfile.TemporaryDirectory(prefix="codebudget-packages-") as directory:
        say(f"fetching data of {_named(requirements)}")
        fetched = fetch(requirements, _platform(engine, base), Path(directory), alone=True)
        files: dict[str, bytes | Path] = {
            f"shared/{one.place}/{path.removeprefix(f'{one.folder}/')}": file
            for path, file in fetched.files.items()
            for one in shared
            if path.startswith(f"{one.folder}/")
        }
        if not files:
            raise ImageBuildFailed(f"{', '.join(requirements)} hold none of the folders that a profile names")
        with _archive(files | {"Dockerfile": dockerfile}) as archive:
            engine.build(archive, reference, {"BASE": base}, {LABEL_BASE: base})
    return reference


def _named(packages: Sequence[str]) -> str:
    """Return the packages' names, of a long list the first and how many others there are."""
    shown = packages if len(packages) <= _MOST_NAMED + 1 else packages[:_MOST_NAMED]
    others = len(packages) - len(shown)
    return ", ".join(shown) + (f" and {others} other packages" if others else "")


def _platform(engine: DockerClient, base: str) -> Platform:
    version = engine.output(base, ["python3", "-c", "import platform as p; print(p.python_version(), p.machine())"])
    python, machine = version.split()
    return Platform(python=python.rpartition(".")[0], machine=machine)


def _base_of(engine: DockerClient, spec: ImageSpec, say: Say) -> str:
    if spec.toolchain is None:
        return _find_base(engine, spec.python, say)
    reference = toolchain_reference(spec.toolchain)
    if engine.image_labels(reference) is None:
        _build_toolchain(engine, spec.toolchain, reference, say)
    return reference


def toolchain_reference(toolchain: Toolchain) -> str:
    """Return the name of the base that a toolchain is; it changes with all that it is made from."""
    directory = images_directory()
    files = b"".join((directory / name).read_bytes() for name in (*_TOOLCHAIN_FILES, "debian-base.sh"))
    return f"{DEBIAN_BASE}:toolchain-{hashlib.sha256(files + _as_json(toolchain)).hexdigest()[:16]}"


def _build_toolchain(engine: DockerClient, toolchain: Toolchain, reference: str, say: Say) -> None:
    """Make the base that a toolchain is: packages and wheels, pruned and prepared, in one layer."""
    base = _debian_with(engine, toolchain.packages, say) if toolchain.packages else _find_base(engine, None, say)
    say(f"building {reference} on {base}")
    files = {name: (images_directory() / name).read_bytes() for name in _TOOLCHAIN_FILES}
    context: dict[str, bytes | Path] = {"Dockerfile": files["Dockerfile.toolchain"], "prune.py": files["prune.py"]}
    unpacked = f"{reference}-layers"
    with tempfile.TemporaryDirectory(prefix="codebudget-packages-") as directory:
        context |= {"toolchain.json": _as_json(toolchain)} | _wheels(engine, base, toolchain, Path(directory), say)
        with _archive(context) as archive:
            engine.build(archive, unpacked, {"BASE": base}, {LABEL_BASE: base})
    try:
        engine.flatten(unpacked, reference, {LABEL_BASE: base})
    finally:
        engine.remove_image(unpacked)


def _wheels(
    engine: DockerClient, base: str, toolchain: Toolchain, directory: Path, say: Say
) -> dict[str, bytes | Path]:
    """Return the wanted files of a toolchain's wheels."""
    if not toolchain.wheels:
        return {}
    say(f"fetching {', '.join(toolchain.wheels)}")
    wanted = [path.removeprefix(f"{_WHEELS}/") for path in toolchain.keep]
    fetched = fetch(
        toolchain.wheels, _platform(engine, base), directory, lambda path: any(fnmatchcase(path, one) for one in wanted)
    )
    return {f"toolchain/{path}": content for path, content in fetched.files.items()}


def _as_json(toolchain: Toolchain) -> bytes:
    return json.dumps(asdict(toolchain), sort_keys=True).encode()


def _finished(toolchain: Toolchain | None) -> Toolchain:
    """Return what must stay when an image is made of a toolchain that is ready."""
    if toolchain is None:
        return Toolchain()
    return replace(toolchain, files=(), links=(), prepare=(), remove_last=())


def _debian_with(engine: DockerClient, packages: tuple[str, ...], say: Say) -> str:
    """Return an image of Debian with Python and these packages, from a registry or from mirrors."""
    reference = _debian_reference([TOOLCHAIN_SUITE, *packages])
    if engine.image_labels(reference) is not None:
        return reference
    try:
        if engine.image_labels(REGISTRY_DEBIAN) is None:
            say(f"pulling {REGISTRY_DEBIAN}")
            engine.pull(REGISTRY_DEBIAN)
    except (ImageMissing, EngineUnavailable) as error:
        say(f"no registry within reach ({str(error)[:120]}); making a base from Debian packages")
        _import_debian(engine, reference, [TOOLCHAIN_SUITE, *packages], say)
        return reference
    say(f"installing {', '.join(packages)} into {REGISTRY_DEBIAN}")
    packages_line = " ".join(("python3", "tzdata", "libstdc++6", *packages))
    lines = (
        f"FROM {REGISTRY_DEBIAN}\nRUN apt-get update && apt-get install -y --no-install-recommends {packages_line}\n"
    )
    with _archive({"Dockerfile": lines.encode()}) as archive:
        engine.build(archive, reference, {}, {LABEL_BASE: REGISTRY_DEBIAN}, network=True)
    return reference


def registry_reference(python: str | None) -> str:
    """Return the official image's name."""
    return REGISTRY_BASE if python is None else f"python:{python}-slim"


def _find_base(engine: DockerClient, python: str | None, say: Say) -> str:
    official = registry_reference(python)
    for reference in (official, debian_reference(python)):
        if engine.image_labels(reference) is not None:
            return reference
    try:
        say(f"pulling {official}")
        engine.pull(official)
    except (ImageMissing, EngineUnavailable) as error:
        say(f"no registry within reach ({str(error)[:120]}); making a base from Debian packages")
        return debian_base(engine, python=python, say=say)
    return official


def debian_base(engine: DockerClient, *, python: str | None = None, say: Say) -> str:
    """Make a base image from the package sources of this Debian or Ubuntu machine; needs root."""
    if python is not None and python not in DEBIAN_SUITES:
        raise ImageBuildFailed(
            f"no registry is within reach, and no Debian has Python {python}; choose one of {', '.join(DEBIAN_SUITES)}"
        )
    reference = debian_reference(python)
    if engine.image_labels(reference) is None:
        _import_debian(engine, reference, [] if python is None else [DEBIAN_SUITES[python]], say)
    return reference


def _import_debian(engine: DockerClient, reference: str, words: list[str], say: Say) -> None:
    """Make a base from packages; `words` are its suite and the packages beyond the usual ones."""
    with tempfile.TemporaryDirectory(prefix="codebudget-base-") as directory:
        archive = Path(directory) / "base.tar"
        _run_script(images_directory() / "debian-base.sh", [str(archive), *words])
        say(f"importing {archive.stat().st_size >> 20} MB as {reference}")
        engine.import_image(str(archive), reference, {LABEL_BASE: "debian packages"})


def debian_reference(python: str | None) -> str:
    """Return the name of the base made from packages; it changes with the script that makes it."""
    return _debian_reference([] if python is None else [python])


def _debian_reference(words: list[str]) -> str:
    script = (images_directory() / "debian-base.sh").read_bytes()
    return f"{DEBIAN_BASE}:{hashlib.sha256(script + ' '.join(words).encode()).hexdigest()[:16]}"


def _run_script(script: Path, words: list[str]) -> None:
    try:
        done = subprocess.run(["sh", str(script), *words], capture_output=True, text=True, timeout=900, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageBuildFailed(f"{script.name}: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ImageBuildFailed(
            f"no base image: no registry is within reach and {script.name} failed ({last[:200]}); run `sandbox build` "
            "as root on Debian or Ubuntu, or load the official slim image of Python into the engine by hand"
        )


@contextmanager
def _archive(files: Mapping[str, bytes | Path]) -> Iterator[BinaryIO]:
    """Open a tar of a build context, which is a file without a name."""
    with tempfile.TemporaryFile(prefix="codebudget-context-") as out:
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name in ("packages", "toolchain"):  # there even if nothing is in them
                directory = tarfile.TarInfo(name)
                directory.type, directory.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(directory)
            for name, content in sorted(files.items()):
                _add(archive, name, content)
        out.seek(0)
        yield out


def _add(archive: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        entry.size = file.seek(0, io.SEEK_END)
        file.seek(0)
        archive.addfile(entry, file)


def remove_images(engine: DockerClient) -> list[str]:
    """Remove every box image and every base made from packages; returns their references."""
    tags = [*engine.images(LABEL_CONTENT), *(tag for tag in engine.images(LABEL_BASE) if tag.startswith(DEBIAN_BASE))]
    for tag in tags:
        engine.remove_image(tag)
    return tags
