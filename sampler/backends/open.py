"""Open the backend that a study names: the only module that knows all engines."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sampler.backends.base import Backend, BackendError, CannotLoad, TextScorer
from sampler.backends.llamacpp.backend import LlamaCppBackend, LlamaOptions, ModelFile
from sampler.backends.llamacpp.scorer import LlamaCppScorer, LlamaScoringOptions
from sampler.backends.openai.backend import OpenAIBackend, OpenAIOptions
from sampler.backends.openai.http_client import HEADER_FORM, KEY_FORM, is_key
from sampler.backends.openai.scorer import OpenAIScorer
from sampler.backends.replay import ReplayBackend
from sampler.backends.replicas import Place, ReplicatedBackend
from sampler.backends.vllm import VllmBackend, VllmOptions
from sampler.exit_codes import CommandError, Exit
from sampler.models.architecture import GgufError, read_gguf
from sampler.models.catalogue import UnknownModel, find
from sampler.models.pull import absence, cached, default_cache
from sampler.values import ModelCard

KINDS = ("llamacpp", "openai", "vllm", "replay")
SCORING_KINDS = ("llamacpp", "openai", "vllm")
AnyOptions = TypeVar("AnyOptions", LlamaOptions, LlamaScoringOptions, OpenAIOptions, VllmOptions)
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "bool": ("true or false", (bool,)),
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "str": ("a text", (str,)),
    "Mapping[str, object]": ("a table", (Mapping,)),
}


class UnknownBackend(CommandError, ValueError):
    """A backend, an option or a model that does not exist: a mistake in the study, not the engine's fault."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendContext:
    """What backends need from outside: the models' folder, secrets by their variables' names, a hook for outages."""

    models_dir: Path = field(default_factory=default_cache)
    secret: Callable[[str], str | None] = lambda _name: None
    tell: Callable[[str], None] = lambda _words: None


def open_backend(
    kind: str, model: str, options: Mapping[str, object] | None = None, context: BackendContext | None = None
) -> Backend:
    """Open the backend called `kind`, ready to sample from `model`.

    For "llamacpp" the model is a name of the catalogue, already pulled, or the path of a .gguf file. For "openai" it is
    the server's name for it, for "vllm" a name of the model hub or a folder. The options are the fields of the kind's
    dataclass. For "replay" the model is the path of a recording, without options. Raises UnknownBackend or
    BackendError.
    """
    context = context or BackendContext()
    if kind == "llamacpp":
        llama = _options(LlamaOptions, options or {})
        if llama.replicas > 1:
            return _replicated(
                kind, model, options or {}, Place(replicas=llama.replicas, cluster=llama.cluster), context
            )
        return _llama(model, context.models_dir, llama)
    if kind == "openai":
        server = _with_headers(_options(OpenAIOptions, options or {}), context)
        return OpenAIBackend(model, server, key=_key(server, context), tell=context.tell)
    if kind == "vllm":
        vllm = _options(VllmOptions, options or {})
        if vllm.replicas > 1:
            place = Place(replicas=vllm.replicas, cluster=vllm.cluster, gpus=vllm.gpus)
            return _replicated(kind, model, options or {}, place, context)
        return VllmBackend(model, vllm)
    if kind == "replay":
        _only(options or {}, ())
        return ReplayBackend(Path(model))
    raise UnknownBackend(f"no backend {kind!r}; {_hint(kind, KINDS)}")


@contextmanager
def open_scorer(
    kind: str, model: str, options: Mapping[str, object] | None = None, context: BackendContext | None = None
) -> Iterator[tuple[ModelCard, TextScorer]]:
    """Open a model that scores how probable a text is.

    Model and options are as for `open_backend`; llamacpp has its own options for scoring.
    """
    context = context or BackendContext()
    if kind == "llamacpp":
        file = model_file(model, context.models_dir)
        with LlamaCppScorer(file, _options(LlamaScoringOptions, options or {})) as llama:
            card = ModelCard(
                name=file.name,
                digest=file.digest,
                architecture=file.architecture,
                engine=f"xllamacpp {llama.version}",
            )
            yield card, llama
    elif kind == "openai":
        server = _with_headers(_options(OpenAIOptions, options or {}), context)
        with OpenAIScorer(model, server, key=_key(server, context), tell=context.tell) as asked:
            yield asked.card, asked
    elif kind == "vllm":
        with VllmBackend(model, _options(VllmOptions, options or {})) as engine:
            yield engine.card, engine
    else:
        raise UnknownBackend(f"no backend {kind!r} scores texts; {_hint(kind, SCORING_KINDS)}")


def _replicated(
    kind: str, model: str, options: Mapping[str, object], place: Place, context: BackendContext
) -> ReplicatedBackend:
    own = {key: value for key, value in options.items() if key not in {"replicas", "cluster"}}
    models_dir = None if context.models_dir == default_cache() else context.models_dir
    return ReplicatedBackend(partial(_open_on_node, kind, model, own, models_dir), place, context.tell)


def _open_on_node(kind: str, model: str, options: Mapping[str, object], models_dir: Path | None) -> Backend:
    """Open a backend on a node of a cluster, with the node's usual folder of models if `models_dir` is None."""
    context = BackendContext() if models_dir is None else BackendContext(models_dir=models_dir)
    return open_backend(kind, model, options, context)


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
                    f"the environment has no variable {value[1:]}, which is to hold the header {name};"
                    f" export {value[1:]}=…"
                )
            told[name] = found
        elif name.lower() == "authorization":
            raise UnknownBackend(
                'headers: a key stands in no study file; write api_key_env = "NAME", or Authorization = "$NAME"'
            )
    try:
        return replace(options, headers=told)
    except ValueError as error:
        raise BackendError(f"a variable that headers name holds what cannot be sent: {HEADER_FORM}") from error


def _options(kind: type[AnyOptions], options: Mapping[str, object]) -> AnyOptions:
    known = fields(kind)
    _only(options, [item.name for item in known])
    for item in known:
        if item.default is MISSING and item.default_factory is MISSING and item.name not in options:
            raise UnknownBackend(f"the option {item.name} is missing")
        if item.name in options:
            _check_type(item, options[item.name])
    try:
        return kind(**options)  # type: ignore[arg-type]  # checked just above
    except ValueError as error:
        raise UnknownBackend(str(error)) from error


def _check_type(item: Field[Any], value: object) -> None:
    words, wanted = _TYPES[str(item.type)]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise UnknownBackend(f"the option {item.name} must be {words}, not {value!r}")


def _only(options: Mapping[str, object], known: Iterable[str]) -> None:
    known = tuple(known)
    for name in options:
        if name not in known:
            raise UnknownBackend(f"no option {name!r} for this backend; {_hint(name, known)}")


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
    known = tuple(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known are {', '.join(known)}" if known else "it takes none"
