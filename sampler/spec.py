"""The study file: what is to be sampled, from which models, on which problems, under which limits. TOML.

    name = "humaneval-qwen"            # the store is <study file>.db beside it, unless store = "x.db" says otherwise
    seed = 0
    [problems]
    source = "humaneval"               # or a JSON-lines file; paths are relative to the study file
    every = 8                          # optional: every 8th problem
    limit = 20                         # optional: no more than 20; instead of both: names = ["HumanEval/0"]
    [sampling]                         # for all models; a model may say otherwise
    style = "completion"               # or "chat"
    temperature = 0.8
    top_p = 0.95
    max_tokens = 256
    [[models]]
    name = "qwen2.5-coder-0.5b-instruct"
    backend = "llamacpp"               # or "replay" with file = "samples.jsonl.gz"
    samples = 8
    [models.options]                   # how the engine of the model above runs; llamacpp alone has any
    context = 16384                    # tokens over everything in flight; also slots, threads, and in seconds
    answer_timeout_s = 900.0           # start_timeout_s and answer_timeout_s
    [sandbox]
    boxes = 2                          # default: one per core
    cpu_s = 5.0
    [report.budgets]
    flops = [6e11, 1.2e12]             # default: chosen from what the models' samples cost

A value of this module is a study that could run: whoever holds one need not check it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sampler.backends.llamacpp import LlamaOptions
from sampler.records import ModelRecord, StudyRecord, canonical_json, valid_text
from sampler.stats.budget import Unit
from sampler.toml_table import SpecError, TomlTable, parse_toml, read_text
from sampler.values import PromptStyle, SamplingParams
from sandbox.problems import BUILT_IN, Problem, ProblemsError, load_problems
from sandbox.values import Limits

BACKENDS = ("llamacpp", "replay")
MOST_SEED = 2**63 - 1  # what a column of a store holds


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemsSpec:
    """Which problems: those of these names, or every so many-th of the source up to a limit."""

    source: str
    every: int | None = None
    limit: int | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a model is asked."""

    style: PromptStyle = PromptStyle.COMPLETION
    params: SamplingParams = SamplingParams()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model: `model` is what the backend opens (a catalogue name or a path), `file` what a replay reads.

    `options` are how the engine runs, those that were given. They do not decide the samples.
    """

    name: str
    backend: str
    samples: int
    model: str
    file: Path | None
    sampling: Sampling
    options: Mapping[str, object]

    @property
    def decides(self) -> str:
        """Canonical JSON of what decides the samples, besides the model's bytes, the problems and the seed."""
        return canonical_json({"style": self.sampling.style.value, **asdict(self.sampling.params)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study file, read and checked."""

    path: Path
    toml: str
    name: str
    seed: int
    store: Path
    problems: ProblemsSpec
    models: tuple[ModelSpec, ...]
    boxes: int | None
    limits: Limits
    budgets: Mapping[Unit, tuple[float, ...]]

    def record(self, problems: tuple[Problem, ...]) -> StudyRecord:
        """What a store keeps of the study."""
        return StudyRecord(
            name=self.name,
            spec_toml=self.toml,
            problems_source=self.problems.source,
            seed=self.seed,
            limits=canonical_json(asdict(self.limits)),
            models=tuple(
                ModelRecord(name=model.name, backend=model.backend, sampling=model.decides, wanted=model.samples)
                for model in self.models
            ),
            problems=problems,
        )


def load_study(path: Path) -> Study:
    """Read a study file; raises SpecError naming file, key, value and way out."""
    text = read_text(path)
    top = TomlTable(path, "", parse_toml(text, path))
    folder = path.parent
    study = Study(
        path=path,
        toml=text,
        name=top.text("name", path.stem),
        seed=top.whole("seed", 0, least=0, most=MOST_SEED),
        store=folder / top.text("store", f"{path.stem}.db"),
        problems=_problems(TomlTable(path, "[problems]", top.take("problems", {})), folder),
        models=_models(top, path),
        **_sandbox(TomlTable(path, "[sandbox]", top.take("sandbox", {}))),
        budgets=_report(TomlTable(path, "[report]", top.take("report", {})), path),
    )
    top.done()
    return study


def stored_budgets(text: str, path: Path) -> Mapping[Unit, tuple[float, ...]]:
    """The budgets that the study file kept in the store at `path` asks a report for."""
    return _report(TomlTable(path, "[report]", parse_toml(text, path).get("report", {})), path)


def choose_problems(spec: ProblemsSpec) -> tuple[Problem, ...]:
    """The problems that the study asks for; raises ProblemsError."""
    problems = load_problems(spec.source)
    for problem in problems:
        if valid_text(problem.name + problem.prompt + problem.tests) != problem.name + problem.prompt + problem.tests:
            raise ProblemsError(
                f"{spec.source}: {problem.name!a} holds characters that no UTF-8 can say; mend the file"
            )
    if spec.names:
        known = {problem.name: problem for problem in problems}
        if missing := [name for name in spec.names if name not in known]:
            raise ProblemsError(f"{spec.source} has no problem {missing[0]!r}; its first is {problems[0].name!r}")
        return tuple(known[name] for name in dict.fromkeys(spec.names))
    return tuple(problems[:: spec.every or 1][: spec.limit])


def _problems(table: TomlTable, folder: Path) -> ProblemsSpec:
    source = table.text("source")
    if source not in BUILT_IN:
        source = str(folder / source)
    given = [key for key in ("every", "limit", "names") if table.has(key)]
    if "names" in given and len(given) > 1:
        raise table.error(f"{' and '.join(given)} are given together; name the problems or count them")
    spec = ProblemsSpec(
        source=source,
        every=table.whole("every") if "every" in given else None,
        limit=table.whole("limit") if "limit" in given else None,
        names=table.texts("names"),
    )
    table.done()
    return spec


def _models(top: TomlTable, path: Path) -> tuple[ModelSpec, ...]:
    common = TomlTable(path, "[sampling]", top.take("sampling", {}))
    default = _sampling(common, Sampling())
    common.done()
    tables = top.take("models", [])
    if not isinstance(tables, list) or not tables:
        raise top.error('no model is named; add a table [[models]] with name = "…", backend = "…" and samples = 8')
    models = tuple(
        _model(TomlTable(path, f"[[models]] no. {number}:", table), default, path)
        for number, table in enumerate(tables, 1)
    )
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise top.error(f"two models are called {name!r}; give each its own name (and the same model = …)")
    return models


def _model(table: TomlTable, default: Sampling, path: Path) -> ModelSpec:
    folder = path.parent
    name = table.text("name")
    backend = table.choice("backend", BACKENDS)
    file = None
    if backend == "replay":
        file = folder / table.text("file")
    model = table.text("model", name)
    if "/" in model or model.endswith(".gguf"):
        model = str(folder / model)
    spec = ModelSpec(
        name=name,
        backend=backend,
        samples=table.whole("samples"),
        model=model,
        file=file,
        sampling=_sampling(table, default),
        options=_options(TomlTable(path, "[models.options]", table.take("options", {})), backend),
    )
    table.done()
    return spec


def _options(table: TomlTable, backend: str) -> dict[str, Any]:
    if backend == "llamacpp":
        return _given(table, LlamaOptions)
    table.done()
    return {}


def _given(table: TomlTable, kind: type[Limits | LlamaOptions]) -> dict[str, Any]:
    """Those fields of `kind` that the table gives, of the type of their defaults; together they make a valid value."""
    given: dict[str, Any] = {}
    for item in fields(kind):
        if table.has(item.name):
            whole = isinstance(item.default, int)
            given[item.name] = table.whole(item.name, least=0) if whole else table.number(item.name)
    table.done()
    try:
        kind(**given)
    except ValueError as error:
        raise table.error(str(error)) from error
    return given


def _sampling(table: TomlTable, default: Sampling) -> Sampling:
    style = table.choice("style", tuple(PromptStyle), default.style.value)
    params = default.params
    try:
        return Sampling(
            style=PromptStyle(style),
            params=SamplingParams(
                temperature=table.number("temperature", params.temperature),
                top_p=table.number("top_p", params.top_p),
                max_tokens=table.whole("max_tokens", params.max_tokens),
            ),
        )
    except SpecError:
        raise
    except ValueError as error:
        raise table.error(str(error)) from error


def _sandbox(table: TomlTable) -> dict[str, Any]:
    boxes = table.whole("boxes") if table.has("boxes") else None
    return {"boxes": boxes, "limits": Limits(**_given(table, Limits))}


def _report(table: TomlTable, path: Path) -> dict[Unit, tuple[float, ...]]:
    budgets = TomlTable(path, "[report.budgets]", table.take("budgets", {}))
    table.done()
    chosen = {unit: tuple(sorted(set(budgets.numbers(unit.value)))) for unit in Unit if budgets.has(unit.value)}
    for unit in Unit:
        budgets.has(unit.value)
    budgets.done()
    return chosen
