"""Several engines of one model on a cluster: every sample once, whatever happens to a replica."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray_cluster import SETTINGS, RayNodes, installed

from sampler.backends.base import BackendError, CannotLoad, EngineLost
from sampler.backends.llamacpp.backend import ModelFile
from sampler.backends.open import BackendContext, open_backend
from sampler.backends.replicas import Place, placed
from sampler.values import Prompt, PromptStyle, Request, SamplingParams
from sandbox.cluster.ray_client import RayNode

PARAMS = SamplingParams(temperature=0.8, max_tokens=12)
OPTIONS = {"slots": 2, "context": 512, "threads": 1, "replicas": 2}


def node(name: str, cores: int = 4, gpus: int = 0) -> RayNode:
    return RayNode(id=name, name=name, cores=cores, boxes=None, gpus=gpus)


def names(found: tuple[list[RayNode], int]) -> str:
    return " ".join(one.name for one in found[0]) + f" × {found[1]}"


def test_replicas_are_spread_over_nodes_by_their_gpus_and_else_by_turns() -> None:
    cpus = [node("a"), node("b"), node("head", cores=0)]
    assert names(placed(cpus, Place(replicas=3, gpus=2))) == "a b a × 0"
    gpus = [node("a", gpus=4), node("b", gpus=8), node("c")]
    assert names(placed(gpus, Place(replicas=5, gpus=2))) == "a b a b b × 2"


@pytest.mark.parametrize(
    ("nodes", "gpus", "said"),
    [([node("a", gpus=3)], 2, "room for 1 replicas of 2"), ([node("a", cores=0)], 0, "no node")],
)
def test_a_cluster_without_room_is_told_before_any_engine_starts(nodes: list[RayNode], gpus: int, said: str) -> None:
    with pytest.raises(BackendError, match=said):
        placed(nodes, Place(replicas=2, gpus=gpus))


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayNodes]:
    if not installed():
        pytest.skip("Ray is not installed: pip install 'codebudget[ray]'")
    with RayNodes() as started:
        os.environ.update(SETTINGS, RAY_TMPDIR=started.folder)
        for _ in range(2):
            started.add(cpus=1)
        yield started


def requests(count: int, each: int = 3) -> list[Request]:
    prompt = Prompt(style=PromptStyle.COMPLETION, text="Once upon a time there was a little")
    return [Request(problem=f"T/{n}", prompt=prompt, first=2, count=each, seed=100 * n) for n in range(count)]


def wanted(count: int, each: int = 3) -> list[tuple[str, int, int]]:
    return sorted((f"T/{n}", 2 + k, 100 * n + k) for n in range(count) for k in range(each))


@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_two_engines_draw_every_sample_once_and_one_alone_goes_on(cluster: RayNodes, smallest_model: ModelFile) -> None:
    told: list[str] = []
    options = OPTIONS | {"cluster": cluster.address}
    context = BackendContext(tell=told.append)
    with open_backend("llamacpp", str(smallest_model.path), options, context) as backend:
        assert backend.card.digest == smallest_model.digest
        assert told == [message for message in told if message.startswith("2 replicas: ")] != []
        samples = list(backend.sample(requests(4), PARAMS))
        assert sorted((one.problem, one.index, one.seed) for one in samples) == wanted(4)
        assert all(one.decode_seconds and one.completion_tokens for one in samples)
        assert list(backend.sample([], PARAMS)) == []

        drawn = backend.sample(requests(10), PARAMS)
        samples = [next(drawn)]
        first, *others = cluster.processes("ReplicaHost")
        assert len(others) == 1
        os.kill(first, signal.SIGKILL)
        samples += drawn
        assert sorted((one.problem, one.index, one.seed) for one in samples) == wanted(10)
        assert " is lost: " in told[-1]

        drawn = backend.sample(requests(10), PARAMS)
        next(drawn)
        os.kill(others[0], signal.SIGKILL)
        with pytest.raises(EngineLost, match="all replicas are lost"):
            list(drawn)


@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_a_replica_without_weights_is_named(cluster: RayNodes, tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF no")
    options = OPTIONS | {"cluster": cluster.address}
    with pytest.raises((CannotLoad, BackendError), match="the replica on "):
        open_backend("llamacpp", str(tmp_path / "broken.gguf"), options)
