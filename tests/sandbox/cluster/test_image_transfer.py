"""One and the same image on every node: who decides, who builds, and what is carried."""

import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import USUAL, image_tag
from sandbox.cluster.image_transfer import (
    ImageSupply,
    WrongImage,
    export,
    load,
    pull,
    require,
    take_piece,
    write_piece,
)
from sandbox.cluster.messages import Fault, Survey, this_program
from sandbox.cluster.ray_client import ActorLost
from sandbox.errors import ImageMissing, SandboxError

TAG = "codebudget-test-transfer:one"


@pytest.fixture
def image(engine: DockerClient, tmp_path: Path) -> Iterator[str]:
    """A tiny image; its digest is returned by the engine."""
    content = io.BytesIO(b"x" * 100_000)
    with tarfile.open(tmp_path / "root.tar", "w") as archive:
        member = tarfile.TarInfo("file")
        member.size = 100_000
        archive.addfile(member, content)
    engine.import_image(str(tmp_path / "root.tar"), TAG, {"codebudget.test": "1"})
    yield TAG
    engine.remove_image(TAG)


@pytest.mark.docker
def test_an_image_is_carried_in_pieces_and_known_by_its_digest(engine: DockerClient, image: str) -> None:
    digest = engine.image_digest(image)
    names = export(engine, image)
    pieces = [take_piece(name) for name in names]
    assert not Path(names[0]).parent.exists()
    engine.remove_image(image)
    with pytest.raises(ImageMissing, match="sandbox build"):
        require(engine, image, str(digest))
    file = None
    for piece in pieces:
        file = write_piece(file, piece)
    assert load(engine, file, image) == digest
    assert not file.exists()
    require(engine, image, str(digest))
    with pytest.raises(WrongImage, match="on other nodes"):
        require(engine, image, "another")


@pytest.mark.docker
def test_a_damaged_archive_is_refused(engine: DockerClient, image: str, tmp_path: Path) -> None:
    (tmp_path / "damaged.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(SandboxError):
        load(engine, tmp_path / "damaged.tar", image)


@pytest.mark.docker
def test_a_registry_that_does_not_answer_has_no_image(engine: DockerClient) -> None:
    assert pull(engine, TAG, "127.0.0.1:9/nothing") is None


def test_nothing_but_a_piece_of_an_image_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    with pytest.raises(ValueError, match="no piece"):
        take_piece(str(tmp_path / "secret"))


class Machine:
    """A node's answers, and what it was asked."""

    def __init__(
        self, digest: str | None, tag: str = image_tag(USUAL), registry: str | None = None, name: str = ""
    ) -> None:
        self.digest, self.tag, self._registry, self.name = digest, tag, registry, name
        self.asked: list[str] = []
        self.lost = False
        self._pieces: list[str] = []
        self.while_building: Callable[[], None] = lambda: None

    def call(self, method: str, *arguments: Any, **named: Any) -> Future[Any]:
        self.asked.append(method)
        future: Future[Any] = Future()
        if self.lost:
            future.set_exception(ActorLost("it is gone"))
            return future
        try:
            future.set_result(getattr(self, f"_{method}")(*arguments, **named))
        except ActorLost as error:
            future.set_exception(error)
        return future

    def hold(self, method: str, name: str) -> tuple["Machine", str]:
        return self, f"{method} {name}"

    def _heartbeat(self) -> None:
        """Be there."""

    def _survey(self, _image: object) -> Survey:
        return Survey(program=this_program(), image=self.tag, digest=self.digest)

    def _build(self, _image: object) -> str:
        self.while_building()
        self.digest = f"built on {id(self)}"
        return self.digest

    def _pull(self, _image: object, _registry: str) -> str | None:
        self.digest = self._registry or self.digest
        return self._registry

    def _send_image(self, _image: object) -> list[str]:
        return ["one", "two"]

    def _receive_image(self, _image: object, number: int, held: tuple["Machine", str], *, last: bool) -> str | None:
        source, piece = held
        if source.lost:
            raise ActorLost("its piece is gone")
        self._pieces = [*self._pieces[:number], piece]
        if last:
            assert self._pieces == ["piece one", "piece two"]
            self.digest = "carried"
        return self.digest if last else None


def supply(registry: str | None = None) -> ImageSupply:
    return ImageSupply(USUAL, registry, lambda _: None)


def test_the_first_node_that_has_the_image_decides_and_others_get_it_from_there() -> None:
    first, same, other, none = Machine("carried"), Machine("carried"), Machine("older"), Machine(None)
    images = supply()
    assert [images.provide(machine) for machine in (first, same, other, none)] == ["carried"] * 4
    assert (first.asked, same.asked) == (["survey", "send_image"], ["survey"])
    assert other.asked == none.asked == ["survey", "receive_image", "receive_image"]


def test_where_no_node_has_the_image_one_builds_it_and_the_others_wait_for_it() -> None:
    machines = [Machine(None) for _ in range(4)]
    images, came = supply(), []
    threads = [threading.Thread(target=lambda one=one: came.append(images.provide(one))) for one in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("build" in machine.asked for machine in machines) == 1


def test_a_node_that_comes_with_the_image_while_another_one_builds_it_decides() -> None:
    images, slow, early = supply(), Machine(None), Machine("carried")
    slow.while_building = lambda: came.append(images.provide(early))
    came: list[str | Fault] = []
    came.append(images.provide(slow))
    assert came == ["carried"] * 2
    assert images.provide(Machine(None)) == "carried"


def test_a_registry_comes_before_building_and_carrying() -> None:
    images = supply("registry:5000/team")
    machines = [Machine(None, registry="pulled"), Machine(None, registry="pulled")]
    assert [images.provide(machine) for machine in machines] == ["pulled", "pulled"]
    assert [machine.asked for machine in machines] == [["survey", "pull"], ["survey", "pull"]]


def test_a_node_with_another_version_of_the_program_is_left_out() -> None:
    found = supply().provide(Machine("x", tag="codebudget-box:another"))
    assert isinstance(found, Fault)
    assert "another version" in found.message


def test_what_arrives_with_another_digest_is_not_taken() -> None:
    images = supply()
    images.provide(Machine("decided"))
    found = images.provide(Machine(None))
    assert isinstance(found, Fault)
    assert "another digest" in found.message


def test_if_the_node_with_the_image_is_lost_the_next_one_that_has_it_sends_it() -> None:
    images = supply()
    first, second, third, last = Machine("carried"), Machine("carried"), Machine(None), Machine(None)
    assert [images.provide(machine) for machine in (first, second, third)] == ["carried"] * 3
    first.lost = True
    assert images.provide(Machine(None)) == "carried"
    assert "send_image" in second.asked
    second.lost = third.lost = True
    assert images.provide(last) == "carried", "the node that came in between has it, too"


def test_where_nobody_can_send_the_image_a_node_says_so_and_gets_it_once_the_other_is_back() -> None:
    images = supply()
    first, late = Machine("carried", name="first"), Machine(None)
    assert images.provide(first) == "carried"
    first.lost = True
    told = "first, the one node that has the box image, cannot send it: it is gone"
    assert images.provide(late) == Fault("ImageNotSent", told)
    assert images.provide(Machine("carried")) == "carried"
    assert images.provide(late) == "carried"
    late.lost = True
    with pytest.raises(ActorLost):
        images.provide(late)
