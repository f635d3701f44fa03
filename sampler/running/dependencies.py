"""Open what a run needs from outside: engines and the sandbox."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from sampler.backends.base import Backend, BackendError, WaitPolicy
from sampler.backends.cost_attribution import metered
from sampler.backends.llamacpp.backend import NO_MARKS
from sampler.backends.open import METERS, BackendContext, open_backend, open_scorer, replica_spec
from sampler.backends.open import REGISTRY as BACKENDS
from sampler.models.architecture import GgufError, read_gguf_texts
from sampler.models.catalogue import Model, find
from sampler.models.pull import Progress, PullError, absence, cached, pull
from sampler.ranking.evaluation import RankDependencies, TextModel
from sampler.ranking.generated_tests import Asker
from sampler.running.run import Dependencies
from sampler.running.scoring import Executor
from sampler.study.spec import Study, StudySandbox
from sampler.study.spec_models import ModelSpec
from sandbox.extraction.thoughts import template_mark
from sandbox.scoring.references import usual_directory
from sandbox.values import Limits

PACKAGES = {"llamacpp": "xllamacpp", "vllm": "vllm"}  # what an engine is, under the name of its extra
STEP_S = 10.0  # a download tells no more often than this how far it is


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEngine:
    """Which engine opens the model that scores texts, and how."""

    backend: str = "llamacpp"
    options: Mapping[str, object] = field(default_factory=dict)


def real_dependencies(
    models_dir: Path, say: Callable[[str], None], *, fetch: bool = False, waits: bool = True
) -> Dependencies:
    """Return the real dependencies: backends by their names, the sandbox by Docker; `say` gets progress messages.

    With `fetch`, a missing model of the catalogue is pulled; without it, the error says how to pull it. With `waits`, a
    model waits until models that were opened before it are closed, where both want the same nodes of a cluster.
    """
    ending = threading.Event()
    shared = _ClusterModels(WaitPolicy(allowed=waits, stopping=ending.is_set))

    def fetched(model: Model, tell: Callable[[str], None]) -> None:
        tell(f"fetching {model.name}, {model.size / 1e6:.0f} MB")
        try:
            pull(model, models_dir, progress=in_steps(model.name, tell))
        except PullError as error:
            raise BackendError(str(error)) from error

    def refused(model: Model) -> None:
        raise BackendError(f"{absence(model, models_dir)}, or the study with --pull")

    def backend(model: ModelSpec, tell: Callable[[str], None]) -> Backend:
        around = BackendContext(models_dir=models_dir, secret=secret, tell=tell, waiting=shared.waiting)
        opened = partial(open_backend, model.backend, str(model.file or model.model), model.options, around)
        if model.on_cluster or model.backend not in METERS:
            return opened()
        return shared.open_here(lambda: metered(opened(), METERS[model.backend]), tell)

    @contextmanager
    def executor(study: Study) -> Iterator[Executor]:
        from sandbox.boxes.profiles import image_spec_of  # Docker's client is heavy
        from sandbox.cluster.pool import PoolPlace, open_anywhere
        from sandbox.scoring.strategy import ScoringOptions

        image_spec = image_spec_of(study.python, study.packages, study.profile)
        options = ScoringOptions(fresh=study.fresh, image_spec=image_spec, kept=usual_directory())
        languages = () if study.problems.language is None else (study.problems.language,)
        place = PoolPlace(study.cluster, study.boxes, study.registry, languages)
        working: list[Executor] = []

        def say_of_boxes(message: str) -> None:
            if not working or study.cluster is None:  # what nodes do later the run notes itself (`NodeWatch`)
                say(message)

        with shared.connections.pop_all(), open_anywhere(place, study.limits, options, say_of_boxes) as opened:
            working.append(opened)
            yield opened

    def check(model: ModelSpec, tell: Callable[[str], None]) -> None:
        check_model(model, models_dir, (lambda absent: fetched(absent, tell)) if fetch else refused)
        shared.connect(model)

    return Dependencies(check=check, backend=backend, executor=executor, ending=ending)


class _ClusterModels:
    """What the models of a run share on clusters: connections, from the models' checks to the end of the sandbox.

    A connection is made on the main thread, because Ray changes how signals are handled.
    """

    def __init__(self, waiting: WaitPolicy) -> None:
        self.waiting = waiting
        self.connections = ExitStack()
        self._any = False

    def connect(self, model: ModelSpec) -> None:
        """Connect to the cluster of a model, if it has one; raises BackendError if its engines would not fit there."""
        if (spec := replica_spec(model.backend, model.options)) is None:
            return
        from sampler.backends.replica_placement import connected  # brings Docker's client, which is heavy

        try:
            self.connections.enter_context(connected(model.name, spec))
        except BaseException:
            self.connections.close()
            raise
        self._any = True

    def open_here(self, open_engine: Callable[[], Backend], tell: Callable[[str], None]) -> Backend:
        """Open an engine on this machine, beside none of the cluster's where models of this run have some."""
        if not self._any or not self.waiting.allowed:
            return open_engine()
        from sampler.backends.replica_placement import LocalBackend

        return LocalBackend(open_engine, self.waiting, tell)


def in_steps(name: str, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> Progress:
    """Return a function that reports a slow download in tenths, at limited intervals."""
    said_at, said = clock(), 0

    def progress(done: int, total: int) -> None:
        nonlocal said_at, said
        tenths = 10 * done // total
        if said < tenths < 10 and clock() - said_at >= STEP_S:
            said_at, said = clock(), tenths
            tell(f"fetching {name}: {10 * tenths}% is here")

    return progress


def real_executor(limits: Limits, boxes: int | None, say: Callable[[str], None]) -> AbstractContextManager[Executor]:
    """Open the usual sandbox, by Docker; `say` gets progress messages."""
    from sandbox.scoring.scorer import open_scorer  # Docker's client is heavy
    from sandbox.scoring.strategy import ScoringOptions

    return open_scorer(limits, boxes=boxes, options=ScoringOptions(kept=usual_directory()), say=say)


def _refuse_unbounded(model: ModelSpec, path: Path) -> None:
    """Raise BackendError for a bound of thoughts where the model's chat template knows none."""
    if model.sampling.params.max_thinking_tokens is None:
        return
    try:
        template = model.options.get("chat_template") or read_gguf_texts(path).get("tokenizer.chat_template", "")
    except GgufError as error:
        raise BackendError(f"model {model.name!r}: {error}") from error
    if not template_mark(str(template)):
        raise BackendError(f"model {model.name!r}: {NO_MARKS}")


def check_model(model: ModelSpec, models_dir: Path, absent: Callable[[Model], None]) -> None:
    """Raise BackendError or UnknownModel for a model that cannot be opened, before other models are sampled.

    `absent` is called for a model of the catalogue that is not here.
    """
    if model.on_cluster:
        return  # the nodes of a cluster have the engine and the weights, and say so where they have not
    package = PACKAGES.get(model.backend)
    if package is not None and find_spec(package) is None:
        raise BackendError(
            f"model {model.name!r}: {package} is not installed; pip install 'codebudget[{model.backend}]'"
        )
    if model.backend == "vllm" or model.backend not in BACKENDS.built_in:
        return  # the engine itself says what it lacks
    if model.backend == "openai":
        for name, holds in _variables(model.options):
            if not secret(name):
                raise BackendError(
                    f"model {model.name!r}: the environment has no variable {name}, which is to hold {holds}"
                )
        return
    path = _own_file(model)
    if path is None:
        pinned = find(model.model)
        if cached(pinned, models_dir) is None:
            absent(pinned)
        path = cached(pinned, models_dir)
    if path is not None and model.backend == "llamacpp":
        _refuse_unbounded(model, path)


def _own_file(model: ModelSpec) -> Path | None:
    """Return the recording or the user's own weights; None for a model of the catalogue. Raises BackendError."""
    if model.backend != "replay" and not model.model.endswith(".gguf"):
        return None
    path = model.file or Path(model.model)
    if not path.is_file():
        raise BackendError(f"model {model.name!r}: there is no file {str(path)!r}; correct the path in the study file")
    return path


def _variables(options: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the environment's variables that a server's options name, and what each holds."""
    if name := str(options.get("api_key_env", "")):
        yield name, "its key"
    headers = options.get("headers")
    for header, value in headers.items() if isinstance(headers, Mapping) else ():
        if isinstance(value, str) and value.startswith("$"):
            yield value[1:], f"its header {header}"


def rank_dependencies(
    models_dir: Path, boxes: int | None, say: Callable[[str], None], engine: TextEngine
) -> RankDependencies:
    """Return what ranking may open: a sandbox, and a model that scores texts."""

    def asker(of: StudySandbox) -> AbstractContextManager[Asker]:
        from sandbox.boxes.profiles import image_spec_of  # Docker's client is heavy
        from sandbox.scoring.scorer import open_scorer as open_sandbox
        from sandbox.scoring.strategy import ScoringOptions

        options = ScoringOptions(fresh=of.fresh, image_spec=image_spec_of(of.python, of.packages, of.profile))
        return open_sandbox(of.limits, boxes=boxes, options=options, say=say)

    @contextmanager
    def text_model(name: str) -> Iterator[TextModel]:
        around = BackendContext(models_dir=models_dir, secret=secret, tell=say)
        with open_scorer(engine.backend, name, engine.options, around) as (card, scorer):
            yield TextModel(name=name, digest=card.digest, architecture=card.architecture, scorer=scorer)

    return RankDependencies(asker=asker, text_model=text_model, say=say)


def secret(name: str) -> str | None:
    """Return the value of an environment variable that holds a key or a header."""
    return os.environ.get(name)  # noqa: TID251 - the one place that reads a key; it goes to the backend and nowhere else
