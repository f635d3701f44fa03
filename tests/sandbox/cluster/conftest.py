"""A cluster on loopback for the tests of this folder, started once for each module."""

import os
from collections.abc import Iterator

import pytest
from ray_cluster import SETTINGS, RayNodes, installed


@pytest.fixture(scope="module")
def nodes(request: pytest.FixtureRequest) -> Iterator[RayNodes]:
    """A head without cores; the tests add nodes, which use this engine."""
    request.getfixturevalue("engine")
    if not installed():
        pytest.skip("Ray is not installed: pip install 'codebudget[ray]'")
    with RayNodes() as started:
        os.environ.update(SETTINGS, RAY_TMPDIR=started.folder)  # before Ray is imported here
        yield started
