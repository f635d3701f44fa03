"""Several engines of a model on a cluster: every sample once, whatever happens; several models where there is room."""

import importlib
import json
import os
import select
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from ray_cluster import SETTINGS, RayNodes, installed

from sampler.backends.base import Backend, BackendError, CannotLoad, EngineLost
from sampler.backends.cost_attribution import CpuMeter, MeteredBackend
from sampler.backends.llamacpp.backend import ModelFile
from sampler.backends.open import BackendContext, _open_on_node, open_backend
from sampler.backends.replica_placement import ReplicaSpec
from sampler.backends.replicas import ReplicatedBackend
from sampler.models.pull import models_dir
from sampler.running.dependencies import real_dependencies
from sampler.running.progress import Notice
from sampler.running.run import RunEnd, StudyRun
from sampler.store.writer import Store
from sampler.study.spec import load_study
from sampler.values import Prompt, PromptStyle, Request, SamplingParams
from sandbox.cluster.ray_client import RayClient

PARAMS = SamplingParams(temperature=0.8, max_tokens=12)
OPTIONS = {"slots": 2, "context": 512, "threads": 1, "replicas": 2}


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayNodes]:
    if not installed():
        pytest.skip("Ray is not installed: pip install 'codebudget[ray]'")
    with RayNodes() as started:
        os.environ.update(SETTINGS, RAY_TMPDIR=started.folder)
        for _ in range(2):
            started.add(cpus=2)
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

        left = backend.sample(requests(10), PARAMS)
        next(left)
        left.close()  # what it has asked for belongs to no later call
        samples = list(backend.sample(requests(2), PARAMS))
        assert sorted((one.problem, one.index, one.seed) for one in samples) == wanted(2)

        drawn = backend.sample(requests(10), PARAMS)
        samples = [next(drawn)]
        first, *others = cluster.processes("ReplicaHost")
        assert len(others) == 1
        os.kill(first, signal.SIGKILL)
        samples += drawn
        assert sorted((one.problem, one.index, one.seed) for one in samples) == wanted(10)
        assert told[-1].endswith(" is lost: its process was killed, or its node with it")

        drawn = backend.sample(requests(10), PARAMS)
        next(drawn)
        os.kill(others[0], signal.SIGKILL)
        with pytest.raises(EngineLost, match="all replicas are lost"):
            list(drawn)


@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_a_replica_that_is_lost_between_two_calls_leaves_its_work_to_the_others(cluster, smallest_model) -> None:
    options = OPTIONS | {"cluster": cluster.address}
    with open_backend("llamacpp", str(smallest_model.path), options, BackendContext()) as backend:
        first, other = cluster.processes("ReplicaHost")
        ended = [os.pidfd_open(process) for process in (first, other)]
        os.kill(first, signal.SIGKILL)
        select.select(ended[:1], [], [], 60)
        samples = list(backend.sample(requests(3), PARAMS))
        assert sorted((one.problem, one.index, one.seed) for one in samples) == wanted(3)
        os.kill(other, signal.SIGKILL)
        select.select(ended[1:], [], [], 60)
        with pytest.raises(EngineLost, match="all replicas are lost"):
            list(backend.sample(requests(1), PARAMS))
        for descriptor in ended:
            os.close(descriptor)


class Brief(ReplicatedBackend):
    """Engines that end soon after the last word of their driver."""

    lease_s = 10.0


@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_engines_stay_while_nobody_takes_samples_for_longer_than_they_live_alone(cluster, smallest_model) -> None:
    told: list[str] = []
    options = {key: value for key, value in OPTIONS.items() if key != "replicas"}
    engine = partial(_open_on_node, "llamacpp", str(smallest_model.path), options, None)
    with Brief(engine, ReplicaSpec(replicas=2, cluster=cluster.address), told.append) as backend:
        drawn = backend.sample(requests(12), PARAMS)
        samples = [next(drawn)]
        assert not threading.Event().wait(Brief.lease_s * 1.3)  # such as for the verdicts of slow programs
        samples += drawn
    assert sorted((one.problem, one.index, one.seed) for one in samples) == wanted(12)
    assert not [message for message in told if "is lost" in message]


@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_a_replica_without_weights_is_named(cluster: RayNodes, tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF no")
    options = OPTIONS | {"cluster": cluster.address}
    with pytest.raises((CannotLoad, BackendError), match="the replica on "):
        open_backend("llamacpp", str(tmp_path / "broken.gguf"), options)


@pytest.mark.filterwarnings("ignore")
def test_a_connection_stays_until_its_last_client_is_done(cluster: RayNodes) -> None:
    ray = importlib.import_module("ray")
    first, last = RayClient(cluster.address), RayClient(cluster.address)
    first.close()
    first.close()
    assert [node.free_gpus for node in last.nodes()] == [0, 0]
    last.close()
    assert not ray.is_initialized()


MODEL = """
[[models]]
name = "{name}"
backend = "llamacpp"
model = "{model}"
style = "completion"
samples = {samples}
[models.options]
slots = 2
context = 512
threads = {threads}
replicas = {replicas}
cluster = "{cluster}"
"""


STUDY = """
name = "two"
[problems]
source = "problems.jsonl"
[sampling]
max_tokens = 8
[sandbox]
boxes = 1
"""


class Study:
    """A study of models on the cluster, with what its run tells."""

    def __init__(self, folder: Path, cluster: RayNodes, *models: dict[str, object], samples: int = 3) -> None:
        task = {
            "task_id": "T/0",
            "prompt": "def f(x):\n",
            "entry_point": "f",
            "test": "def check(f):\n    assert f(1) == 1\n",
        }
        (folder / "problems.jsonl").write_text(json.dumps(task))
        usual = {"samples": samples, "threads": 1, "replicas": 2, "cluster": cluster.address}
        tables = "".join(MODEL.format(**usual | given) for given in models)
        (folder / "study.toml").write_text(STUDY + tables)
        self.spec = load_study(folder / "study.toml")
        self.told: list[Notice] = []
        self.hear: Callable[[Notice], None] = lambda _: None

    def run(self) -> RunEnd:
        dependencies = real_dependencies(models_dir(), print)
        with Store(self.spec.store) as store:
            self.running = StudyRun(self.spec, store, dependencies, self._tell)
            return self.running()

    def _tell(self, event: object) -> None:
        if isinstance(event, Notice):
            self.told.append(event)
            self.hear(event)

    def events(self, kind: str) -> list[str]:
        return [event.message for event in self.told if event.kind == kind]

    def drawn(self) -> list[str]:
        """Return the models of the samples, in the order of their coming."""
        sql = "SELECT model.name FROM sample JOIN model ON model.id = model_id ORDER BY sample.id"
        with closing(sqlite3.connect(self.spec.store)) as connection:
            return [name for (name,) in connection.execute(sql)]


@pytest.mark.docker
@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_models_are_sampled_at_once_where_the_cluster_has_room_for_both(cluster, smallest_model, tmp_path) -> None:
    study = Study(
        tmp_path, cluster, {"name": "a", "model": smallest_model.path}, {"name": "b", "model": smallest_model.path}
    )
    both = threading.Barrier(2)

    def hear(event: Notice) -> None:  # each model's thread waits until the engines of the other one are open, too
        if event.kind == "sampling":
            both.wait(300)

    study.hear = hear
    assert study.run().complete
    assert sorted(study.drawn()) == ["a"] * 3 + ["b"] * 3


@pytest.mark.docker
@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_models_that_need_the_same_nodes_are_sampled_one_after_the_other(cluster, smallest_model, tmp_path) -> None:
    models = [{"name": name, "model": smallest_model.path, "threads": 2} for name in "ab"]
    study = Study(tmp_path, cluster, *models)
    waits = threading.Event()

    def hear(event: Notice) -> None:
        if "waits until the cluster has 2 × 2 cores free" in event.message:
            waits.set()
        if event.kind == "sampling":
            assert waits.wait(300)

    study.hear = hear
    assert study.run().complete
    assert study.drawn() in (["a"] * 3 + ["b"] * 3, ["b"] * 3 + ["a"] * 3)


@pytest.mark.docker
@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_a_model_that_cannot_be_opened_gives_its_nodes_to_the_next_one(cluster, smallest_model, tmp_path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF no")
    models = [{"name": "broken", "model": "broken.gguf"}, {"name": "whole", "model": smallest_model.path}]
    study = Study(tmp_path, cluster, *(model | {"threads": 0} for model in models))
    with pytest.raises(BackendError, match="the replica on "):
        study.run()
    assert study.drawn() == ["whole"] * 3
    assert [message.partition(":")[0] for message in study.events("model")] == ["broken"]


@pytest.mark.docker
@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_a_stop_ends_a_model_that_waits_for_nodes(cluster, smallest_model, tmp_path) -> None:
    models = [{"name": name, "model": smallest_model.path, "threads": 0} for name in "ab"]
    study = Study(tmp_path, cluster, *models, samples=50)
    waits = threading.Event()

    def hear(event: Notice) -> None:
        if "waits until the cluster has 2 × all cores of a node free" in event.message:
            study.running.stop()
            waits.set()
        if event.kind == "sampling":
            assert waits.wait(300)

    study.hear = hear
    end = study.run()
    assert end.interrupted
    assert len(set(study.drawn())) <= 1
    assert study.events("model") == []


@pytest.mark.docker
@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_models_that_never_fit_are_told_before_anything_is_loaded(cluster, smallest_model, tmp_path) -> None:
    models = [{"name": "a", "model": smallest_model.path}, {"name": "b", "model": smallest_model.path, "replicas": 5}]
    study = Study(tmp_path, cluster, *models)
    with pytest.raises(
        BackendError, match=r"model 'b': the cluster has room for 4 replicas of 1 cores each, and 5 are"
    ):
        study.run()
    assert study.events("sampling") == study.drawn() == []


@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
def test_joules_of_a_node_s_meter_come_with_its_samples(cluster, smallest_model, tmp_path) -> None:
    for name, text in (("name", "package-0"), ("energy_uj", "5"), ("max_energy_range_uj", "9")):
        (tmp_path / "intel-rapl:0").mkdir(exist_ok=True)
        (tmp_path / "intel-rapl:0" / name).write_text(text)
    ray_pickle = importlib.import_module("ray.cloudpickle")
    ray_pickle.register_pickle_by_value(sys.modules[__name__])  # the nodes do not import this file
    engine = partial(metered_engine, str(smallest_model.path), str(tmp_path))
    with ReplicatedBackend(engine, ReplicaSpec(replicas=2, cluster=cluster.address), print) as backend:
        samples = list(backend.sample(requests(2), PARAMS))
    assert len(samples) == 6
    assert {(one.prompt_joules, one.decode_joules) for one in samples} == {(0.0, 0.0)}


def metered_engine(path: str, folder: str, *, measured: bool) -> Backend:
    """An engine whose processors' counter is a file that stands still."""
    assert not measured  # the nodes are on one machine
    opened = open_backend("llamacpp", path, {"slots": 2, "context": 512, "threads": 1})
    return MeteredBackend(opened, CpuMeter(Path(folder)))
