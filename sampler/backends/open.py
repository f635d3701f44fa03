"""Open the backend that a study names: the only module that knows all engines.

They are the entry points of `codebudget.backends`, so that another package can add one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sampler.backends.base import Backend, BackendError, CannotLoad, TextScorer, WaitPolicy
from sampler.backends.cost_attribution import CpuMeter, GpuMeter, Meter, metered
from sampler.backends.llamacpp.backend import LlamaCppBackend, LlamaOptions, ModelFile
from sampler.backends.llamacpp.scorer import LlamaCppScorer, LlamaScoringOptions
from sampler.backends.openai.backend import OpenAIBackend, OpenAIOptions
from sampler.backends.openai.http_client import HEADER_FORM, KEY_FORM, SECRET_HEADERS, is_key
from sampler.backends.openai.scorer import OpenAIScorer
from sampler.backends.replay import ReplayBackend
from sampler.backends.vllm import VllmBackend, VllmOptions
from sampler.exit_codes import CommandError, Exit
from sampler.models.architecture import GgufError, read_gguf
from sampler.models.catalogue import UnknownModel, find
from sampler.models.pull import absence, cached, default_cache
from sampler.values import Closeable, ModelCard, Request, Sample, SamplingParams
from sandbox.registry import PluginError, Registry
from sandbox.sanitize import nearest_or_all

if TYPE_CHECKING:
    from sampler.backends.replica_placement import ReplicaSpec
    from sampler.backends.replicas import ReplicatedBackend

AnyOptions = TypeVar("AnyOptions")
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "bool": ("true or false", (bool,)),
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "str": ("a text", (str,)),
    "Mapping[str, object]": ("a table", (Mapping,)),
}


# Of backends whose engine runs here, what counts its devices' energy. That of a server is not seen from here.
METERS: Mapping[str, Callable[[], Meter]] = {"vllm": GpuMeter, "llamacpp": CpuMeter}


class UnknownBackend(CommandError, ValueError):
    """A backend, an option or a model that does not exist: a mistake in the study, not the engine's fault."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendContext:
    """What backends need from outside: the models' folder, secrets by their variables' names, a hook for outages."""

    models_dir: Path = field(default_factory=default_cache)
    secret: Callable[[str], str | None] = lambda _name: None
    tell: Callable[[str], None] = lambda _words: None
    waiting: WaitPolicy = WaitPolicy(allowed=False)


Scorers = AbstractContextManager[tuple[ModelCard, TextScorer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendKind:
    """A kind of engine: what an entry point of `codebudget.backends` is.

    `open` opens a model with options: an instance of the dataclass `options`, whose fields are the keys of
    [models.options], or None if the engine takes none. `scorer` opens a model that scores texts, with
    `scorer_options`; without it, the kind cannot.
    """

    open: Callable[[str, Any, BackendContext], Backend]
    options: type[Any] | None = None
    scorer: Callable[[str, Any, BackendContext], Scorers] | None = None
    scorer_options: type[Any] | None = None

    def __post_init__(self) -> None:
        for options in (self.options, self.scorer_options):
            if options is not None and not (isinstance(options, type) and is_dataclass(options)):
                raise ValueError(f"options is {options!r}; it must be a dataclass whose fields are the options")


REGISTRY = Registry("backends", BackendKind)


def open_backend(
    kind: str, model: str, options: Mapping[str, object] | None = None, context: BackendContext | None = None
) -> Backend:
    """Open the backend called `kind`, ready to sample from `model`.

    For "llamacpp" the model is a name of the catalogue, already pulled, or the path of a .gguf file. For "openai" it is
    the server's name for it, for "vllm" a name of the model hub or a folder. The options are the fields of the kind's
    dataclass. For "replay" the model is the path of a recording, without options. Raises UnknownBackend or
    BackendError.
    """
    found, context = backend_kind(kind), context or BackendContext()
    if kind in REGISTRY.built_in:
        return found.open(model, _options(found.options, options or {}), context)
    title = REGISTRY.plugins[kind].title
    with REGISTRY.naming(kind, BackendError, (CommandError,)):
        opened = found.open(model, _options(found.options, options or {}), context)
        if not (isinstance(getattr(opened, "card", None), ModelCard) and callable(getattr(opened, "sample", None))):
            raise BackendError(f"{title} has opened {opened!r:.60}, which has no `card` or cannot `sample`")
    return _PluginBackend(opened, kind)


class _PluginBackend(Closeable):
    """A backend of a plugin, whose errors name it."""

    def __init__(self, backend: Backend, kind: str) -> None:
        self._backend, self._kind, self.card = backend, kind, backend.card

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        with REGISTRY.naming(self._kind, BackendError, (CommandError,)):
            for sample in self._backend.sample(requests, params):
                if not isinstance(sample, Sample):
                    raise TypeError(f"it yields {sample!r:.60}, which is no Sample")
                yield sample

    def close(self) -> None:
        with REGISTRY.naming(self._kind, BackendError, (CommandError,)):
            self._backend.close()


@contextmanager
def open_scorer(
    kind: str, model: str, options: Mapping[str, object] | None = None, context: BackendContext | None = None
) -> Iterator[tuple[ModelCard, TextScorer]]:
    """Open a model that scores how probable a text is.

    Model and options are as for `open_backend`; llamacpp has its own options for scoring.
    """
    found, context = backend_kind(kind), context or BackendContext()
    if found.scorer is None:
        raise UnknownBackend(f"no backend {kind!r} scores texts{_hint(kind, scoring_kinds())}")
    with found.scorer(model, _options(found.scorer_options or found.options, options or {}), context) as opened:
        yield opened


def backend_kind(name: str) -> BackendKind:
    """Return the kind of engine of this name; raises UnknownBackend, also for a plugin that cannot be loaded."""
    if name not in REGISTRY.names:
        raise UnknownBackend(f"no backend {name!r}{_hint(name, REGISTRY.names)}")
    try:
        return REGISTRY.load(name)
    except PluginError as error:
        raise UnknownBackend(str(error)) from error


def scoring_kinds() -> tuple[str, ...]:
    """Return the names of the kinds that score texts."""
    return tuple(name for name, kind in REGISTRY.values().items() if kind.scorer is not None)


def _open_llama(model: str, options: LlamaOptions, context: BackendContext) -> Backend:
    if options.replicas > 1:
        return _replicated("llamacpp", model, options, context)
    return _llama(model, context.models_dir, options)


@contextmanager
def _score_by_llama(
    model: str, options: LlamaScoringOptions, context: BackendContext
) -> Iterator[tuple[ModelCard, TextScorer]]:
    file = model_file(model, context.models_dir)
    with LlamaCppScorer(file, options) as llama:
        engine = f"xllamacpp {llama.version}"
        yield ModelCard(name=file.name, digest=file.digest, architecture=file.architecture, engine=engine), llama


def _open_server(model: str, options: OpenAIOptions, context: BackendContext) -> Backend:
    server = _with_headers(options, context)
    return OpenAIBackend(model, server, key=_key(server, context), tell=context.tell)


@contextmanager
def _score_by_server(
    model: str, options: OpenAIOptions, context: BackendContext
) -> Iterator[tuple[ModelCard, TextScorer]]:
    server = _with_headers(options, context)
    with OpenAIScorer(model, server, key=_key(server, context), tell=context.tell) as asked:
        yield asked.card, asked


def _open_vllm(model: str, options: VllmOptions, context: BackendContext) -> Backend:
    if options.replicas > 1:
        return _replicated("vllm", model, options, context)
    return VllmBackend(model, options)


@contextmanager
def _score_by_vllm(
    model: str, options: VllmOptions, _context: BackendContext
) -> Iterator[tuple[ModelCard, TextScorer]]:
    with VllmBackend(model, options) as engine:
        yield engine.card, engine


LLAMACPP = BackendKind(
    options=LlamaOptions, open=_open_llama, scorer=_score_by_llama, scorer_options=LlamaScoringOptions
)
OPENAI = BackendKind(options=OpenAIOptions, open=_open_server, scorer=_score_by_server)
VLLM = BackendKind(options=VllmOptions, open=_open_vllm, scorer=_score_by_vllm)
REPLAY = BackendKind(open=lambda model, _options, _context: ReplayBackend(Path(model)))


def replica_spec(kind: str, options: Mapping[str, object]) -> ReplicaSpec | None:
    """Return what a model's engines need if they run on a cluster, else None; raises UnknownBackend."""
    if kind not in METERS:
        return None
    given = _options(backend_kind(kind).options, options)
    return _replica_spec(given) if isinstance(given, LlamaOptions | VllmOptions) and given.replicas > 1 else None


def _replica_spec(options: LlamaOptions | VllmOptions) -> ReplicaSpec:
    from sampler.backends.replica_placement import ReplicaSpec  # brings Docker's client, which is heavy

    size = {"cores": options.threads} if isinstance(options, LlamaOptions) else {"gpus": options.gpus, "cores": 0}
    return ReplicaSpec(replicas=options.replicas, cluster=options.cluster, **size)


def _replicated(
    kind: str, model: str, options: LlamaOptions | VllmOptions, context: BackendContext
) -> ReplicatedBackend:
    from sampler.backends.replicas import ReplicatedBackend

    own = {key: value for key, value in _given(options).items() if key not in {"replicas", "cluster"}}
    models_dir = None if context.models_dir == default_cache() else context.models_dir
    engine = partial(_open_on_node, kind, model, own, models_dir)
    return ReplicatedBackend(engine, _replica_spec(options), context.tell, context.waiting)


def _open_on_node(
    kind: str, model: str, options: Mapping[str, object], models_dir: Path | None, *, measured: bool
) -> Backend:
    """Open a backend on a node of a cluster, with the node's usual folder of models if `models_dir` is None.

    If it is `measured`, its energy is, where the node has a meter: of its own GPUs, or of the processors.
    """
    from sandbox.cluster.ray_client import own_gpus

    context = BackendContext() if models_dir is None else BackendContext(models_dir=models_dir)
    opened = open_backend(kind, model, options, context)
    if not measured:
        return opened
    return metered(opened, partial(GpuMeter, own_gpus()) if METERS[kind] is GpuMeter else METERS[kind])


def _llama(model: str, models_dir: Path, options: LlamaOptions) -> LlamaCppBackend:
    file = model_file(model, models_dir)
    try:
        return LlamaCppBackend(file, options)
    except CannotLoad as error:
        if file.path.parent != models_dir:
            raise
        anew = f"`sampler models remove {file.name}`, then `sampler models pull {file.name}`"
        raise CannotLoad(
            f"{error} (the file was whole when it was fetched; if it was damaged since: {anew})"
        ) from error


def _key(options: OpenAIOptions, context: BackendContext) -> str | None:
    if not options.api_key_env:
        return None
    key = (context.secret(options.api_key_env) or "").strip()  # a line break from a file is not part of it
    if not key:
        raise BackendError(
            f"the environment has no variable {options.api_key_env}, which is to hold the key of {options.base_url};"
            f" export {options.api_key_env}=…"
        )
    if not is_key(key):
        raise BackendError(f"the variable {options.api_key_env} holds no key: {KEY_FORM}; export it anew")
    return key


def _with_headers(options: OpenAIOptions, around: BackendContext) -> OpenAIOptions:
    """Return the options with the values of headers that stand in the environment."""
    told: dict[str, object] = {}
    for name, value in options.headers.items():
        told[name] = value
        if isinstance(value, str) and value.startswith("$"):
            found = (around.secret(value[1:]) or "").strip()
            if not found:
                raise BackendError(
                    f"the environment has no variable {value[1:]}, which is to hold the header {name}; export "
                    f"{value[1:]}=…"
                )
            told[name] = found
        elif name.lower() in SECRET_HEADERS:
            raise UnknownBackend(
                f'headers: a key stands in no study file; write api_key_env = "NAME", or {name} = "$NAME"'
            )
    try:
        return replace(options, headers=told)
    except ValueError as error:
        raise BackendError(f"a variable that headers name holds what cannot be sent: {HEADER_FORM}") from error


def _given(options: LlamaOptions | VllmOptions) -> dict[str, object]:
    """Return the options that differ from their defaults, by name."""
    pairs = ((item, getattr(options, item.name)) for item in fields(options))
    return {item.name: value for item, value in pairs if value != item.default}


def _options(kind: type[AnyOptions] | None, options: Mapping[str, object]) -> AnyOptions | None:
    known = [] if kind is None else fields(kind)  # type: ignore[arg-type]  # a dataclass, by its declaration
    _only(options, [item.name for item in known])
    for item in known:
        if item.default is MISSING and item.default_factory is MISSING and item.name not in options:
            raise UnknownBackend(f"the option {item.name} is missing")
        if item.name in options:
            _check_type(item, options[item.name])
    try:
        return None if kind is None else kind(**options)
    except ValueError as error:
        raise UnknownBackend(str(error)) from error


def _check_type(item: Field[Any], value: object) -> None:
    words, wanted = _TYPES.get(type_name(item), ("", (object,)))  # of another type, the dataclass checks it itself
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise UnknownBackend(f"the option {item.name} must be {words}, not {value!r}")


def type_name(item: Field[Any]) -> str:
    """Return how the type of a field is written, also where annotations are evaluated."""
    return item.type.__name__ if isinstance(item.type, type) else str(item.type)


def _only(options: Mapping[str, object], known: Iterable[str]) -> None:
    known = tuple(known)
    for name in options:
        if name not in known:
            raise UnknownBackend(f"no option {name!r} for this backend{_hint(name, known)}")


def model_file(model: str, models_dir: Path) -> ModelFile:
    """Return the file of a model of the catalogue, or of the user's own; raises UnknownBackend or BackendError."""
    if model.endswith(".gguf"):
        return _own_file(Path(model))
    try:
        pinned = find(model)
    except UnknownModel as error:
        raise UnknownBackend(f"{error}; a file of your own is given by its path ending in .gguf") from error
    path = cached(pinned, models_dir)
    if path is None:
        raise BackendError(absence(pinned, models_dir))
    return ModelFile(path=path, name=pinned.name, digest=pinned.sha256, architecture=pinned.architecture)


def _own_file(path: Path) -> ModelFile:
    try:
        architecture = read_gguf(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (GgufError, OSError) as error:
        raise BackendError(str(error)) from error
    return ModelFile(path=path, name=path.stem, digest=digest, architecture=architecture)


def _hint(name: str, known: Iterable[str]) -> str:
    named = tuple(known)
    return nearest_or_all(name, named) if named else "; it takes none"
