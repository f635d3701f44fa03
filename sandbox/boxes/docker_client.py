"""Connect to Docker: no other module imports `docker` or knows its names.

Life-cycle calls go through docker-py's low-level client. The data path does not: see `docker_stream`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import docker
import docker.errors
import docker.types
import docker.utils
import requests
import tenacity

from sandbox.boxes.docker_stream import DockerStream
from sandbox.errors import (
    LACKING,
    BoxLost,
    EngineUnavailable,
    ImageBuildFailed,
    ImageMissing,
    OutOfResources,
    RuntimeUnknown,
    SandboxError,
)

API_TIMEOUT_S = 60
CONNECTIONS = 32  # that are kept open, for as many threads at a time
PASSING = {  # what an engine counts and measures
    "Containers", "ContainersPaused", "ContainersRunning", "ContainersStopped", "Images", "NEventsListener", "NFd",
    "NGoroutines", "SystemTime",
}  # fmt: skip
OF_THIS_ONE = {"Cmd", "Image", "Labels"}  # what differs between containers that are made alike, or is only a name
START_HINT = "start Docker (`make engine` does it on Debian and Ubuntu) or point DOCKER_HOST at a running engine"
NO_CGROUPS_HINT = (
    "an engine without cgroups cannot limit a box's memory and processes; a rootless one has none on cgroups version 1 "
    "or without systemd (as in a container): start it as the user's systemd service, on a system with version 2 that "
    "delegates cpu, memory and pids to the user"
)
PODMAN_HINT = (
    "this is Podman's Docker-compatible API, which refuses settings that a box must have (4.3 takes no system-call "
    "filter as text and no limit on the files of a tmpfs); use Docker's own engine"
)


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """Translate Docker's exceptions into ours; no other module knows their names."""
    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise ImageMissing(f"{_text(error)}; run `sandbox build`") from error
    except docker.errors.NotFound as error:
        raise BoxLost(_text(error)) from error
    except docker.errors.BuildError as error:
        raise ImageBuildFailed(_text(error)) from error
    except docker.errors.APIError as error:
        raise EngineUnavailable(f"the Docker engine refused: {_text(error)}") from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        if lacking := _lacking(error):
            raise OutOfResources(f"the Docker engine could not be asked: {lacking}; try again later") from error
        where = docker.utils.kwargs_from_env().get("base_url", "/var/run/docker.sock")
        raise EngineUnavailable(f"no Docker engine answers at {where} ({_cause(error)}); {START_HINT}") from error


def _half_removed(error: BaseException) -> bool:
    """Return whether another process was removing the same container."""
    return isinstance(error, docker.errors.APIError) and "unable to remove filesystem" in _text(error)


def _lacking(error: BaseException | None) -> str:
    """Return which resource this machine lacks, if that made a call fail; else ""."""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in LACKING):
            return getattr(error, "strerror", None) or "no memory is left"
        error = error.__cause__ or error.__context__
    return ""


def _cause(error: BaseException) -> str:
    """Return the innermost error message, without the layers that quote it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return getattr(error, "strerror", None) or _text(error)


def _text(error: BaseException) -> str:
    message = getattr(error, "explanation", None) or str(error) or type(error).__name__
    return textwrap.shorten(str(message), 300, placeholder=" …")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What the engine reports about itself."""

    version: str
    api: str
    runtime: str
    runtimes: tuple[str, ...] = ()
    cgroups: str
    cgroup_driver: str = ""  # "none": limits are not enforced
    cores: int
    architecture: str
    kernel: str = ""
    system: str = ""
    options: tuple[str, ...] = ()  # of security: seccomp, apparmor, rootless, userns …
    components: Mapping[str, str] = field(default_factory=dict)  # versions of containerd, runc, …
    identity: str = ""  # all that it says of itself and that does not change from one moment to the next

    @property
    def is_podman(self) -> bool:
        """Return whether it is Podman, which answers to Docker's API."""
        return "podman" in " ".join([self.version, self.system, *self.components]).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerInfo:
    """A container of ours, as the engine lists it."""

    id: str
    labels: Mapping[str, str]
    running: bool


class DockerClient:
    """A connected Docker engine. Usable from many threads."""

    def __init__(self) -> None:
        """Connect as the Docker tools do (DOCKER_HOST or the local socket); raises EngineUnavailable."""
        self._unremoved: set[str] = set()
        with engine_errors():
            self._api = docker.APIClient(
                version="auto", timeout=API_TIMEOUT_S, max_pool_size=CONNECTIONS, **docker.utils.kwargs_from_env()
            )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def answers(self) -> bool:
        """Return whether the engine answers now."""
        try:
            with engine_errors():
                return bool(self._api.ping())
        except SandboxError:
            return False

    def facts(self) -> EngineFacts:
        """Return the engine's version and limits."""
        with engine_errors():
            info, version = self._api.info(), self._api.version()
        return EngineFacts(
            version=str(version["Version"]),
            api=str(version["ApiVersion"]),
            runtime=str(info.get("DefaultRuntime", "")),
            runtimes=tuple(sorted(info.get("Runtimes") or {})),
            cgroups=str(info.get("CgroupVersion", "1")),
            cgroup_driver=str(info.get("CgroupDriver", "")),
            cores=int(info["NCPU"]),
            architecture=str(info.get("Architecture", "")),
            kernel=str(info.get("KernelVersion", "")),
            system=str(info.get("OperatingSystem", "")),
            options=tuple(
                str(option).partition("name=")[2].partition(",")[0] for option in info.get("SecurityOptions") or []
            ),
            components={str(part["Name"]): str(part["Version"]) for part in version.get("Components") or []},
            identity=json.dumps(
                [{key: value for key, value in info.items() if key not in PASSING}, version], sort_keys=True
            ),
        )

    def require_runtime(self, name: str | None) -> None:
        """Raise RuntimeUnknown for a runtime that the engine does not know.

        The engine need not list containerd's shims, whose names have dots.
        """
        if name is None or "." in name:
            return
        if name not in (known := self.facts().runtimes):
            raise RuntimeUnknown(
                f"the engine has no runtime {name!r}; it has {', '.join(known)} (others are listed in its daemon.json)"
            )

    # images

    def image_labels(self, reference: str) -> Mapping[str, str] | None:
        """Return the labels of a local image; None if there is no such image."""
        try:
            with engine_errors():
                return dict(self._api.inspect_image(reference)["Config"].get("Labels") or {})
        except ImageMissing:
            return None

    def image_digest(self, reference: str) -> str | None:
        """Return a digest of a local image's layers and settings; None if there is no such image.

        Unlike the engine's own id, it does not depend on how the engine stores images.
        """
        try:
            with engine_errors():
                found = self._api.inspect_image(reference)
        except ImageMissing:
            return None
        config = {name: found["Config"].get(name) for name in ("Cmd", "Entrypoint", "Env", "Labels", "User")}
        content = json.dumps([found["RootFS"].get("Layers"), config], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def tag(self, reference: str, as_: str) -> None:
        """Tag a local image with another name."""
        name, _, tag = as_.rpartition(":")
        with engine_errors():
            self._api.tag(reference, name, tag)

    def save_image(self, reference: str) -> Iterator[bytes]:
        """Yield a local image as an archive."""
        with engine_errors():
            yield from self._api.get_image(reference)

    def load_image(self, archive: Path) -> None:
        """Load an image from its archive; raises EngineUnavailable for one that is damaged."""
        with archive.open("rb") as file, engine_errors():
            for event in self._api.load_image(file):
                if "error" in event:
                    raise EngineUnavailable(f"the engine did not load {archive.name}: {event['error'][:300]}")

    def pull(self, reference: str) -> None:
        """Fetch an image from its registry; raises ImageMissing or EngineUnavailable."""
        name, _, tag = reference.rpartition(":") if ":" in reference.rpartition("/")[2] else (reference, "", "")
        with engine_errors():
            self._api.pull(name, tag=tag or "latest")

    def import_image(self, archive: str, reference: str, labels: Mapping[str, str]) -> None:
        """Make an image from a tar file of a root directory."""
        name, _, tag = reference.partition(":")
        changes = [f"LABEL {key}={json.dumps(value)}" for key, value in labels.items()]
        with engine_errors():
            answer = self._api.import_image_from_file(archive, repository=name, tag=tag, changes=changes)
        if "error" in answer:
            raise ImageBuildFailed(f"importing {archive} as {reference}: {answer[:300]}")

    def build(
        self,
        context: BinaryIO,
        tag: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        *,
        network: bool = False,
    ) -> None:
        """Build an image from a tar of its context; raises ImageBuildFailed with the last lines."""
        messages: list[str] = []
        with engine_errors():
            events = self._api.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs=dict(arguments),
                labels=dict(labels),
                network_mode="default" if network else "none",
                rm=True,
                forcerm=True,
                decode=True,
            )
            for event in events:
                if "error" in event:
                    raise ImageBuildFailed(f"building {tag}: {event['error']} {' '.join(messages[-5:])}".strip())
                messages += str(event.get("stream", "")).split("\n")

    def flatten(self, image: str, reference: str, labels: Mapping[str, str]) -> None:
        """Make an image of one layer from another one: what a later layer has removed takes no room in it."""
        container = self.create({"Image": image, "Cmd": ["/none"]})
        try:
            with tempfile.NamedTemporaryFile(prefix="codebudget-layer-", suffix=".tar") as archive:
                with engine_errors():
                    for part in self._api.export(container):
                        archive.write(part)
                archive.flush()
                self.import_image(archive.name, reference, labels)
        finally:
            self.remove(container)

    def output(self, image: str, command: Sequence[str]) -> str:
        """Run a command in an image and return what it prints; raises ImageBuildFailed if it fails."""
        body = {
            "Image": image,
            "Cmd": list(command),
            "NetworkDisabled": True,
            "HostConfig": {"LogConfig": {"Type": "json-file"}},
        }
        container = self.create(body)
        try:
            self.start(container)
            with engine_errors():
                status = self._api.wait(container)["StatusCode"]
                logs = self._api.logs(container, stdout=True, stderr=status != 0).decode("utf-8", "replace")
        finally:
            self.remove(container)
        if status:
            raise ImageBuildFailed(f"{command[0]} in {image} ended with {status}: {logs[-300:]}")
        return logs

    def images(self, label: str) -> list[str]:
        """Return every tag of the images that carry a label."""
        with engine_errors():
            found = self._api.images(filters={"label": label})
        return [tag for image in found for tag in image.get("RepoTags") or []]

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is gone or still in use is left as it is."""
        with contextlib.suppress(ImageMissing, BoxLost, EngineUnavailable, OutOfResources), engine_errors():
            self._api.remove_image(reference)

    # containers

    def create(self, body: Mapping[str, Any]) -> str:
        """Create a container from the body of the API's own request; returns its id."""
        try:
            with engine_errors():
                answer = self._api.create_container_from_config(dict(body), name=None)
        except EngineUnavailable as error:
            if self.facts().is_podman:
                raise EngineUnavailable(f"{error}; {PODMAN_HINT}") from error
            raise
        return str(answer["Id"])

    def attach(self, container: str) -> DockerStream:
        """Attach to the standard streams of a container before it is started."""
        with engine_errors():
            holder = self._api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        return DockerStream(holder, container)

    def start(self, container: str) -> None:
        """Start a container."""
        with engine_errors():
            self._api.start(container)

    def pin(self, container: str, core: int) -> None:
        """Pin a container to one core."""
        with engine_errors():
            self._api.update_container(container, cpuset_cpus=str(core))

    def limit(self, container: str, megabytes: int, processes: int) -> None:
        """Limit a container to this much memory, without swap, and to so many processes; raises BoxLost."""
        memory = megabytes << 20
        url = f"{self._api.base_url}/v{self._api.api_version}/containers/{container}/update"
        body = {"Memory": memory, "MemorySwap": memory, "PidsLimit": processes}
        with engine_errors():  # the library's own method for this knows no limit on processes
            response = self._api.post(url, json=body, timeout=self._api.timeout)
        if not response.ok:
            hint = f"; {NO_CGROUPS_HINT}" if "cgroup" in response.text else ""
            raise BoxLost(f"the engine does not change a box's limits: {textwrap.shorten(response.text, 300)}{hint}")

    def settings(self, container: str) -> Mapping[str, object]:
        """Return how a container was made: its image's digest and all settings of the engine; raises BoxLost."""
        with engine_errors():
            found = self._api.inspect_container(container)
        config = {key: value for key, value in found["Config"].items() if key not in OF_THIS_ONE}
        return {
            "image": found["Image"],
            "apparmor": found.get("AppArmorProfile"),
            "host": found["HostConfig"],
            "config": config,
        }

    def state(self, container: str) -> Mapping[str, Any] | None:
        """Return the state of a container that runs or has ended; None if the engine no longer knows it."""
        try:
            with engine_errors():
                return dict(self._api.inspect_container(container)["State"])
        except BoxLost:
            return None

    def remove(self, container: str) -> None:
        """Kill and remove a container; one that is gone already is fine.

        If two processes remove the same container at the same time, the engine reports an error. A second try then
        finds it gone, or removes what is left. Containers that could not be removed are remembered for `sweep`.
        """
        self._unremoved.add(container)
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_half_removed),
            wait=tenacity.wait_exponential(multiplier=0.05, max=1),
            stop=tenacity.stop_after_attempt(8),
            reraise=True,
        )
        with contextlib.suppress(BoxLost), engine_errors():
            for attempt in tries:
                with attempt:
                    self._remove_once(container)
        self._unremoved.discard(container)

    def sweep(self) -> None:
        """Try again to remove the containers that `remove` could not remove."""
        for container in list(self._unremoved):
            self.remove(container)

    def _remove_once(self, container: str) -> None:
        try:
            self._api.remove_container(container, force=True, v=True)
        except docker.errors.APIError as error:
            if "already in progress" not in _text(error):
                raise

    def containers(self, label: str) -> list[ContainerInfo]:
        """Return every container that carries a label, running or not."""
        with engine_errors():
            found = self._api.containers(all=True, filters={"label": label})
        return [
            ContainerInfo(
                id=str(item["Id"]), labels=dict(item.get("Labels") or {}), running=item.get("State") == "running"
            )
            for item in found
        ]


def inline_seccomp(profile: str) -> str:
    """Return the security option for a profile; the API expects the text itself, not a path."""
    return f"seccomp={json.dumps(json.loads(profile), separators=(',', ':'))}"
