from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from sampler.backends.llamacpp.backend import ModelFile
from sampler.models.catalogue import find
from sampler.models.pull import PullError, cached, models_dir, pull
from sampler.study.spec import Study, load_study

SUPPORT = Path(__file__).parent / "support.py"


@pytest.fixture(scope="session")
def support() -> ModuleType:
    """The module `support.py`, beside this file."""
    return _beside("support")


@pytest.fixture(scope="session")
def echoing() -> ModuleType:
    """The module `echo_server.py`, beside this file."""
    return _beside("echo_server")


def _beside(module: str) -> ModuleType:
    name = f"sampler_test_{module}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{module}.py")
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        sys.modules[name] = made
        spec.loader.exec_module(made)
    return sys.modules[name]


@pytest.fixture(scope="session")
def support_script() -> Path:
    return SUPPORT


@pytest.fixture(scope="session")
def smallest_model() -> ModelFile:
    """The smallest model of the catalogue, fetched once."""
    pinned = find("smollm2-135m")
    try:
        path = cached(pinned, models_dir()) or pull(pinned, models_dir())
    except PullError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no model: {error}")
    return ModelFile(path=path, name=pinned.name, digest=pinned.sha256, architecture=pinned.architecture)


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Study]:
    """A study from its text."""

    def loading(text: str) -> Study:
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return load_study(path)

    return loading
