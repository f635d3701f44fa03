"""What every test may use. A missing engine or data file is a reason to skip, printed; in CI a missing engine fails."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.detection import is_hypothesis_test
from script import ROOT, load_script

from sandbox.boxes.docker_client import DockerClient
from sandbox.errors import EngineUnavailable
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits

# A busy machine is no counterexample. Where CI decides about a change, the same examples are drawn every time, so that
# what fails is the change; `--hypothesis-profile patient` draws others there, too, and `make fuzz` fifty times as many.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("patient"), derandomize=True, database=None)
settings.register_profile("fuzz", settings.get_profile("patient"), max_examples=5000)
settings.load_profile("ci" if os.environ.get("CI") else "patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a run of the tests may be told."""
    parser.addoption("--renew-snapshots", action="store_true", help="Write the screens' snapshots anew.")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `quick` what needs values and files alone: no engine, server, screen, thread or other program."""
    for item in items:
        if _is_quick(item):
            item.add_marker("quick")


def _is_quick(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or inspect.iscoroutinefunction(item.function):
        return False
    if is_hypothesis_test(item.function) or any(
        mark.name in {"docker", "model", "gpu", "slow"} for mark in item.iter_markers()
    ):
        return False
    given = set(item.callspec.params) if hasattr(item, "callspec") else set()
    fixtures = set(item.fixturenames) - given - {"event_loop_policy", "request", "tmp_path", "capsys", "monkeypatch"}
    return not fixtures and not {"subprocess", "socket", "threading", "multiprocessing", "sqlite3"} & set(
        vars(item.module)
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data sets and generations that lie beside a checkout, where they do."""
    directory = ROOT.parent / "shared" / "data"
    if not directory.is_dir():
        pytest.skip(f"{directory} is not there")
    return directory


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    try:
        connected = DockerClient()
    except EngineUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Docker engine: {error}")
    with closing(connected):
        yield connected


@pytest.fixture(scope="session")
def scorer(engine: DockerClient) -> Iterator[Scorer]:
    """Two boxes with the ordinary limits."""
    assert engine is not None
    with open_scorer(Limits(), boxes=2) as opened:
        yield opened


@pytest.fixture(scope="session")
def million() -> ModuleType:
    """The module `bench/million.py`, which makes stores of many samples."""
    return load_script("tests/bench/million.py")
