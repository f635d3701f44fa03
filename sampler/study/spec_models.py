"""Read the models of a study file.

They are [sampling] for all models, and [[models]] with tables of options, costs and architecture.

A model with `greedy = true` is followed by a companion: the same model asked once, at temperature 0, for each problem.
Its samples are its own; they never mix with the others, and a report shows them as a point beside the model's curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sampler.backends.open import REGISTRY as BACKENDS
from sampler.backends.open import UnknownBackend, backend_kind, type_name
from sampler.backends.openai.backend import HOSTED
from sampler.costs import prices_on
from sampler.study.prompts import CHAT_TEMPLATES, FIM_TEMPLATES, Template, family_of
from sampler.study.request_fields import LISTED, THOUGHTFUL, model_rows, read_omit, read_request
from sampler.study.strategies import Strategy, StrategyKind, read_strategy
from sampler.study.toml_table import MOST, SpecError, TomlTable
from sampler.values import Architecture, GivenCosts, PromptStyle, SamplingParams, canonical_json
from sandbox.problems import is_named

MOST_WEIGHTS = 2**53  # so that a product with a few layers and tokens still is a number that a store can hold
GREEDY = " (greedy)"  # behind the name of a model, it is the name of its companion
ALLOTTED = " (allotted)"
REPLICATED = frozenset({"llamacpp", "vllm"})  # backends with the option `replicas`

STOP_SELECTED = "selection-pass"  # instead of stop strings: sampling of a problem ends with a pass

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """Solved problems that are shown before the one that is asked.

    The fields are their names, and their source if they are not among the study's problems.
    """

    names: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a model is sampled; `stop` replaces the style's own stop strings (None: keeps them).

    `template` is a published form of prompt instead of the style's own. A hosted model is used in the dialect "hosted"
    of the openai backend: its answers are not begun. Neither are those of a `thinking` model, which gets no stop
    strings.
    """

    style: PromptStyle = PromptStyle.COMPLETION
    params: SamplingParams = SamplingParams()
    stop: tuple[str, ...] | None = None
    shots: Shots = Shots()
    template: Template | None = None
    hosted: bool = False
    thinking: bool = False
    strategy: Strategy | None = None
    until_pass: bool = False

    @property
    def begun(self) -> bool:
        """Return whether a chat's answer is begun for the model."""
        return not self.hosted and "prefill" not in self.params.omit

    @property
    def decides(self) -> str:
        """Return canonical JSON of what decides the samples, besides the model's bytes, the problems and the seed."""
        said: dict[str, object] = {"style": self.style.value, **self.params.decides}
        if self.stop is not None:
            said["stop"] = self.stop
        if self.shots.names:
            said["shots"] = self.shots.names
        if self.template is not None:
            said["template"] = self.template.value
        if self.hosted:
            said["dialect"] = HOSTED
        if self.strategy is not None:
            said["strategy"] = self.strategy.decides
        return canonical_json(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model: `model` is what the backend opens (a catalogue name or a path), `file` what a replay reads.

    For openai `model` is what the server calls it. `options` are how the engine runs, those that were given. They do
    not decide the samples (the dialect is one of `sampling`, too), and neither do `costs`. `architecture` takes the
    place of what the engine tells. `greedy_of` names the model whose companion this is: its greedy sample, or, where it
    is `allotted`, its further samples of problems that its first ones did not solve.
    """

    name: str
    backend: str
    samples: int
    model: str
    file: Path | None
    sampling: Sampling
    options: Mapping[str, object]
    costs: GivenCosts = GivenCosts()
    architecture: Architecture | None = None
    greedy_of: str | None = None
    allotted: bool = False

    @property
    def on_cluster(self) -> bool:
        """Return whether several engines on a cluster sample it."""
        return self.backend in REPLICATED and self.options.get("replicas", 1) != 1

    @property
    def place(self) -> str:
        """Return where the model is sampled; models of one place are sampled one after the other.

        That is a server's host and port, its own name if it has engines on a cluster, and empty on this machine.
        """
        if self.on_cluster:
            return f"cluster/{self.greedy_of or self.name}"
        return urlsplit(str(self.options.get("base_url", ""))).netloc if self.backend == "openai" else ""


def read_models(top: TomlTable, path: Path) -> tuple[ModelSpec, ...]:
    """Return the models of a study file, each with its companion behind it; raises SpecError."""
    given = top.take("sampling", {})
    common = TomlTable(path, "[sampling]", given)
    for key in LISTED:
        if isinstance(given.get(key), list):
            raise common.error(
                f"{key} = {given[key]!r} is a list; only in [[models]] does it make a model of each value"
            )
    default = _sampling(common, Sampling(), path.parent)
    common.done()
    tables = top.take("models", [])
    if isinstance(tables, dict):
        raise top.error("models is one table; write [[models]], with two brackets, once for each model")
    if not isinstance(tables, list) or not tables:
        raise top.error('no model is named; add a table [[models]] with name = "…", backend = "…" and samples = 8')
    models = tuple(
        model
        for number, table in enumerate(tables, 1)
        for row in model_rows(table, TomlTable(path, f"[[models]] no. {number}:", {}))
        for model in _model(TomlTable(path, f"[[models]] no. {number}:", row), default, path)
    )
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise top.error(f"two models are called {name!r}; give each its own name (and the same model = …)")
    return models


def _model(table: TomlTable, default: Sampling, path: Path) -> Iterator[ModelSpec]:
    name, backend = table.text("name"), table.choice("backend", BACKENDS.names)
    file = path.parent / table.text("file") if backend == "replay" else None
    options = _options(table.inner("options", "[models.options]"), backend)
    model, sampling = table.text("model", name), _sampling(table, default, path.parent)
    if sampling.template is Template.FIM:
        sampling = replace(sampling, template=_infilling(table, model))
    request = read_request(table.inner("request", "[models.request]"))
    sampling = replace(sampling, params=replace(sampling.params, request=request))
    if backend == "replay" and (request or sampling.params.effort):
        raise table.error("a replay has no engine that could be asked for something; take request and effort out")
    spec = ModelSpec(
        name=name,
        backend=backend,
        samples=table.whole("samples"),
        model=model if backend == "openai" else _opened(model, path.parent),
        file=file,
        sampling=replace(sampling, hosted=options.get("dialect") == HOSTED),
        options=options,
        costs=_costs(table.inner("costs", "[models.costs]")),
        architecture=_architecture(table),
    )
    if spec.sampling.until_pass:
        spec = _until_pass(spec)
    greedy = table.flag("greedy")
    table.done()
    if greedy and "temperature" in sampling.params.omit:
        raise table.error('greedy = true asks for temperature 0, which omit = ["temperature"] does not send')
    yield spec
    if greedy:
        if backend == "replay":
            raise table.error(
                "greedy = true asks an engine, and a replay has none; replay the greedy samples as a model"
            )
        yield _companion(spec)


def _infilling(table: TomlTable, model: str) -> Template:
    """Return the template of a model's family; raises SpecError if its name tells of none."""
    family = family_of(model)
    if family is None:
        named = ", ".join(one for one in FIM_TEMPLATES if one is not Template.FIM)
        raise table.error(f'the name {model!r} tells of no family for template = "fim"; write one of {named}')
    return Template(family.value)


def _until_pass(model: ModelSpec) -> ModelSpec:
    """Return the model with one run of each problem, of at most `samples` samples, instead of so many samples."""
    if model.samples == 1:
        return model
    strategy = Strategy(kind=StrategyKind.RESAMPLE, turns=model.samples - 1)
    return replace(model, samples=1, sampling=replace(model.sampling, strategy=strategy))


def allotted_companion(model: ModelSpec) -> ModelSpec:
    """Return the model that the further samples of a model belong to, where a budget is allotted."""
    return replace(model, name=model.name + ALLOTTED, greedy_of=model.name, samples=0, allotted=True)


def _companion(model: ModelSpec) -> ModelSpec:
    params = replace(model.sampling.params, temperature=0.0, top_p=1.0)
    greedy = replace(model.sampling, params=params, strategy=None)
    return replace(model, name=model.name + GREEDY, greedy_of=model.name, samples=1, sampling=greedy)


def _opened(model: str, folder: Path) -> str:
    """Return a path relative to the study file; a name of the catalogue, or of a hub (owner/model), is not changed."""
    local = model.endswith(".gguf") or model.startswith((".", "/"))
    with suppress(OSError):  # a name that is too long for a file is no file
        local = local or (folder / model).exists()
    return str(folder / model) if local else model


def _options(table: TomlTable, backend: str) -> dict[str, Any]:
    try:
        kind = backend_kind(backend).options
    except UnknownBackend as error:
        raise table.error(str(error)) from error
    if kind is not None:
        return given_fields(table, kind)
    table.done()
    return {}


def _costs(table: TomlTable) -> GivenCosts:
    """Return the costs of a model; its dollars may come from a table of prices, where the file does not say them."""
    if not table.has("prices_of"):
        if table.has("prices_on"):
            raise table.error("prices_on says the day of prices_of; write prices_of, too")
        return GivenCosts(**given_fields(table, GivenCosts, without=("prices",)))
    name = table.text("prices_of")
    if not table.has("prices_on"):
        raise table.error("prices_of needs the day whose prices hold; write for example prices_on = 2026-11-30")
    written = table.day("prices_on")
    try:
        day = date.fromisoformat(written)
    except ValueError as error:
        raise table.error(f"prices_on = {written!r} is no day; write for example prices_on = 2026-11-30") from error
    found = prices_on(name, day)
    dollars = {
        "prompt_dollars": found.prompt,
        "completion_dollars": found.completion,
        "cached_dollars": found.cached,
        "cache_write_dollars": found.cache_write,
    }
    own = given_fields(table, GivenCosts, without=("prices",), check=False)
    try:
        return GivenCosts(**dollars | own, prices=found.table)
    except ValueError as error:
        raise table.error(str(error)) from error


def _architecture(table: TomlTable) -> Architecture | None:
    if not table.has("architecture"):
        return None
    inner = table.inner("architecture", "[models.architecture]")
    return Architecture(**given_fields(inner, Architecture, most=MOST_WEIGHTS))


def given_fields(
    table: TomlTable, kind: type[Any], *, most: int = MOST, without: tuple[str, ...] = (), check: bool = True
) -> dict[str, Any]:
    """Return the fields of the dataclass `kind` that the table gives, with checked types and values.

    Fields that no file gives are left `without`; unless `check`, they need not fit together yet.
    """
    given: dict[str, Any] = {}
    for item in fields(kind):
        if item.name in without:
            continue
        required = item.default is MISSING and item.default_factory is MISSING
        if required or table.has(item.name):
            given[item.name] = _given(table, item.name, type_name(item), most)
    table.done()
    if not check:
        return given
    try:
        kind(**given)
    except ValueError as error:
        raise table.error(str(error)) from error
    return given


def _given(table: TomlTable, key: str, kind: str, most: int) -> Any:
    match kind.removesuffix(" | None"):
        case "int":
            return table.whole(key, least=0, most=most)
        case "float":
            return table.number(key)
        case "bool":
            return table.flag(key)
        case "str":
            return table.text(key)
        case "Mapping[str, object]":
            return table.table(key)
        case _:
            return table.texts(key)


def _sampling(table: TomlTable, default: Sampling, folder: Path) -> Sampling:
    style = PromptStyle(table.choice("style", tuple(PromptStyle), default.style.value))
    params = default.params
    limit = params.max_thinking_tokens
    omit = read_omit(table) if table.has("omit") else tuple(name for name in params.omit if name not in THOUGHTFUL)
    try:
        params = SamplingParams(
            temperature=table.number("temperature", params.temperature),
            top_p=table.number("top_p", params.top_p),
            max_tokens=table.whole("max_tokens", params.max_tokens),
            max_thinking_tokens=table.whole("max_thinking_tokens", least=0)
            if table.has("max_thinking_tokens")
            else limit,
            effort=table.text("effort") if table.has("effort") else params.effort,
            omit=omit,
        )
    except SpecError:
        raise
    except ValueError as error:
        raise table.error(str(error)) from error
    shots = _shots(table, default.shots, folder)
    if shots.names and style is PromptStyle.CHAT:
        raise table.error('shots are shown in style = "completion" alone; take one of the two out')
    until_pass = table.says("stop", STOP_SELECTED) or (default.until_pass and not table.has("stop"))
    stop = table.texts("stop") if table.has("stop") else default.stop
    if stop is not None and not all(stop):
        raise table.error(
            f"stop = {list(stop)!r} holds an empty text, at which every completion would stop; take it out"
        )
    template = Template(table.choice("template", tuple(Template))) if table.has("template") else default.template
    if template in CHAT_TEMPLATES and style is not PromptStyle.CHAT:
        raise table.error(f'template = "{template}" is the prompt of a chat; it needs style = "chat"')
    if template in FIM_TEMPLATES and (style is not PromptStyle.COMPLETION or shots.names):
        raise table.error(f'template = "{template}" asks for a gap alone; it needs style = "completion", and no shots')
    thinking = table.flag("thinking", default=default.thinking or _thinks(params))
    if thinking and style is not PromptStyle.CHAT:
        raise table.error('a model thinks before it answers a chat; thinking needs style = "chat"')
    if thinking:
        params = replace(params, omit=tuple(sorted({*params.omit, *THOUGHTFUL})))
    strategy = _strategy(table, default.strategy, style, until_pass=until_pass)
    return Sampling(
        style=style,
        params=params,
        stop=stop,
        shots=shots,
        template=template,
        thinking=thinking,
        strategy=strategy,
        until_pass=until_pass,
    )


def _strategy(table: TomlTable, default: Strategy | None, style: PromptStyle, *, until_pass: bool) -> Strategy | None:
    strategy = read_strategy(table, default)
    if strategy is not None and until_pass:
        raise table.error(f'stop = "{STOP_SELECTED}" is a strategy of its own; take it or strategy out')
    if strategy is not None and strategy.kind is not StrategyKind.RESAMPLE and style is not PromptStyle.CHAT:
        raise table.error(
            f'strategy = "{strategy.kind}" asks about an earlier answer in words; it needs style = "chat"'
        )
    return strategy


def _thinks(params: SamplingParams) -> bool:
    """Return whether thinking is spoken of: a row with no thought is then asked as its neighbours with one are."""
    return params.max_thinking_tokens is not None or bool(params.effort)


def _shots(table: TomlTable, default: Shots, folder: Path) -> Shots:
    names = tuple(dict.fromkeys(table.texts("shots"))) if table.has("shots") else default.names
    if not table.has("shots_from"):
        return Shots(names=names, source=default.source)
    return Shots(names=names, source=source_of(table.text("shots_from"), folder))


def source_of(source: str, folder: Path) -> str:
    """Return a built-in set of problems by its name, or a path relative to the study file."""
    return source if is_named(source) else str(folder / source)
