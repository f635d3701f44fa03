"""The box image: staleness by content, both ways to a base."""

from __future__ import annotations

import pytest

from sandbox.boxes import image
from sandbox.boxes.docker_client import DockerClient
from sandbox.errors import EngineUnavailable, ImageMissing

pytestmark = pytest.mark.docker


def test_the_image_carries_the_digest_of_what_it_was_made_from(engine: DockerClient) -> None:
    tag = image.ensure_image(engine, say=print)
    labels = engine.image_labels(tag)
    assert labels is not None
    assert labels[image.LABEL_CONTENT] == image.content_digest()
    assert tag.endswith(image.content_digest()[:16])


def test_a_present_image_is_not_built_again(engine: DockerClient) -> None:
    image.ensure_image(engine, say=print)
    said: list[str] = []
    image.ensure_image(engine, say=said.append)
    assert said == []


def test_another_content_has_another_tag(engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = image.image_tag()
    real = image._context
    monkeypatch.setattr(image, "_context", lambda: real() | {"inside/new.py": b""})
    assert image.image_tag() != tag
    assert engine.image_labels(image.image_tag()) is None


def test_the_same_steps_build_on_a_base_that_is_given(engine: DockerClient) -> None:
    """On a machine with a registry this is the official slim image, elsewhere the one made from packages."""
    base = (engine.image_labels(image.ensure_image(engine, say=print)) or {})[image.LABEL_BASE]
    assert image.build_image(engine, base=base, say=print) == image.image_tag()


def test_the_base_made_from_packages_works_where_packages_are(engine: DockerClient) -> None:
    try:
        reference = image.debian_base(engine, say=print)
    except image.ImageBuildFailed as error:
        pytest.skip(f"no base from packages here: {error}")
    assert engine.image_labels(reference) is not None
    assert image.build_image(engine, base=reference, say=print) == image.image_tag()


def test_the_official_base_works_where_a_registry_is(engine: DockerClient) -> None:
    try:
        if engine.image_labels(image.REGISTRY_BASE) is None:
            engine.pull(image.REGISTRY_BASE)
    except (ImageMissing, EngineUnavailable) as error:
        pytest.skip(f"no registry within reach: {error}")
    assert image.build_image(engine, base=image.REGISTRY_BASE, say=print) == image.image_tag()
