"""Read a study file (TOML): what to sample, from which models, on which problems, under which limits.

`docs/study.md` lists every key, `sampler init` writes a file to start from, and editors check with `study.schema.json`.
In short:

    name = "humaneval-qwen"            # the store is <study file>.db beside it, unless store = "x.db" says otherwise
    seed = 0
    [problems]
    source = "humaneval"               # or a JSON-lines file; paths are relative to the study file
    every = 8                          # also split, numbers, limit, names, skip_bad, output_rule, language
    [problems.assume]                  # what programs may assume, where the data set's own is not wanted
    [sampling]                         # for all models; a model may say otherwise
    temperature = 0.8                  # also style, top_p, max_tokens, stop, shots
    [[models]]
    name = "qwen2.5-coder-0.5b-instruct"
    backend = "llamacpp"               # or "openai", a server; or "replay" with file = "samples.jsonl.gz"
    samples = 8
    greedy = true                      # and one more at temperature 0, kept apart
    [models.options]                   # how the engine of the model above runs
    [models.costs]                     # what it costs, where that is not measured
    [models.architecture]              # its numbers, where no engine tells them
    [sandbox]
    boxes = 2                          # default: one per core; also limits, python, packages, fresh
    [report.budgets]
    flops = [6e11, 1.2e12]             # default: chosen from what the models' samples cost

Every `Study` of this module is valid and needs no further checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sampler.stats.budget import Unit
from sampler.store.write_models import ModelRecord, StudyRecord
from sampler.study.problem_choice import SELECTIONS, SPLIT_NAMES, ProblemsSpec, ranges_of
from sampler.study.spec_models import (
    ALLOTTED,
    ModelSpec,
    allotted_companion,
    given_fields,
    read_models,
    source_of,
)
from sampler.study.spending import SpendingLimits, read_spending
from sampler.study.toml_table import SpecError, TomlTable, parse_toml, read_text
from sampler.values import canonical_json
from sandbox.boxes.packages import is_requirement
from sandbox.languages import names as language_names
from sandbox.problems import Filters, Problem
from sandbox.problems.readers.codebudget_format import read_assumptions
from sandbox.problems.readers.training_rows import USUAL
from sandbox.values import OUTPUT_RULES, Limits, changed

PYTHON = r"3\.[0-9]{1,2}"
_KEYS = ("name", "seed", "store", "problems", "sampling", "models", "sandbox", "report", "budget")
MOST_SEED = 2**63 - 1  # what a column of a store holds


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
    python: str | None
    packages: tuple[str, ...]
    profile: str | None
    fresh: bool
    budgets: Mapping[Unit, tuple[float, ...]]
    cluster: str | None = None
    registry: str | None = None
    spending: SpendingLimits = SpendingLimits()
    log: str = ""  # the tracker that a run logs to, and its project, as in trackio:mine
    sandbox_keys: frozenset[str] = frozenset()  # those of [sandbox] that the file sets

    @property
    def looks(self) -> tuple[int, ...]:
        """Return how many samples of each problem there are at each look; one look where nothing stops early."""
        return self.spending.looks(max(model.samples for model in self.models))

    @property
    def allotted(self) -> tuple[ModelSpec, ...]:
        """Return the companions that further samples belong to, one for each model, where a budget is allotted."""
        models = self.models if self.spending.allot else ()
        return tuple(allotted_companion(model) for model in models if model.greedy_of is None)

    def record(self, problems: tuple[Problem, ...]) -> StudyRecord:
        """Return the study's record for a store."""
        looks = len(self.looks) if self.spending.precise else 1
        return StudyRecord(
            name=self.name,
            spec_toml=self.toml,
            problems_source=", ".join(self.problems.sources),
            seed=self.seed,
            limits=canonical_json(self._judged_under),
            models=tuple(
                replace(_model_record(model), looks=looks, wanted=min(model.samples, self.looks[-1]))
                for model in (*self.models, *self.allotted)
            ),
            problems=problems,
            unset=frozenset(self.sandbox_values) - self.sandbox_keys,
        )

    def as_stored(self, held: str) -> tuple[Study, str]:
        """Return the study with the sandbox that its store holds (`StudyIds.limits`), and a line on what that changes.

        The line is empty where the store holds what the file and the defaults of this version say.
        """
        sandbox = stored_sandbox(held)
        study = replace(
            self, limits=sandbox.limits, python=sandbox.python, packages=sandbox.packages, fresh=sandbox.fresh
        )
        asked, kept = self.sandbox_values, study.sandbox_values
        other = [f"{key} = {kept[key]!r} (now {asked[key]!r})" for key in asked if kept[key] != asked[key]]
        told = f"[sandbox] stays as in the store where the study file does not set it: {', '.join(other)}"
        return study, told if other else ""

    @property
    def chosen_limits(self) -> frozenset[str]:
        """Return the names of the limits that the file has changed; a data set's own do not replace them."""
        return changed(self.limits) & self.sandbox_keys

    @property
    def _judged_under(self) -> dict[str, object]:
        """Return what decides the verdicts besides the problems: the limits, and other values that are set."""
        unusual = ("python", "packages", "fresh", "profile")
        values = self.sandbox_values.items()
        return {key: value for key, value in values if value or key not in unusual} | self.problems.decides

    @property
    def sandbox_values(self) -> dict[str, object]:
        """Return the values of `[sandbox]` that decide verdicts, by their keys."""
        programs = {"python": self.python, "packages": self.packages, "fresh": self.fresh, "profile": self.profile}
        return asdict(self.limits) | programs


def _model_record(model: ModelSpec) -> ModelRecord:
    costs = {name: value for name, value in asdict(model.costs).items() if value is not None}
    return ModelRecord(
        name=model.name,
        backend=model.backend,
        sampling=model.sampling.decides,
        wanted=model.samples,
        costs=canonical_json(costs),
        greedy_of=model.greedy_of,
        allotted=model.allotted,
        strategy=None if model.sampling.strategy is None else canonical_json(model.sampling.strategy.decides),
    )


def load_study(path: Path) -> Study:
    """Read a study file; raises SpecError, which names file, key, value and what to do."""
    return read_study(read_text(path), path)


def read_study(text: str, path: Path) -> Study:
    """Read the text of a study file that is, or would be, at `path`; raises SpecError."""
    top = TomlTable(path, "", parse_toml(text, path))
    top.only(_KEYS)
    folder = path.parent
    report = TomlTable(path, "[report]", top.take("report", {}))
    study = Study(
        path=path,
        toml=text,
        name=top.text("name", path.stem),
        seed=top.whole("seed", 0, least=0, most=MOST_SEED),
        store=folder / top.text("store", f"{path.stem}.db"),
        problems=_problems(TomlTable(path, "[problems]", top.take("problems", {})), folder),
        models=read_models(top, path),
        **_sandbox(TomlTable(path, "[sandbox]", top.take("sandbox", {}))),
        log=report.text("log") if report.has("log") else "",
        budgets=_report(report, path),
        spending=read_spending(TomlTable(path, "[budget]", top.take("budget", {}))),
    )
    top.done()
    _refuse_allotting(study, top)
    return study


def _refuse_allotting(study: Study, top: TomlTable) -> None:
    """Raise SpecError if the budget is allotted to models whose samples cannot be counted one by one."""
    if not study.spending.allot:
        return
    names = {model.name for model in study.models}
    for model in study.models:
        if model.sampling.strategy is not None:
            raise top.error(
                f'{model.name!r} has strategy = "{model.sampling.strategy.kind}", and [budget] allot = "gain" counts '
                "independent samples; take one of the two out"
            )
        if model.name + ALLOTTED in names:
            raise top.error(f"{model.name + ALLOTTED!r} is the name of {model.name!r}'s allotted samples; take another")


def stored_budgets(text: str, path: Path) -> Mapping[Unit, tuple[float, ...]]:
    """Return the budgets that the study file kept in the store at `path` asks a report for."""
    return _report(TomlTable(path, "[report]", parse_toml(text, path).get("report", {})), path)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySandbox:
    """The limits, the Python and the packages of a study's programs; `fresh`: a process for each call.

    `output_rule`, `language` and `assumed` take the place of what the problems' data set says. `columns` and `task` say
    how its rows are read.
    """

    limits: Limits
    python: str | None
    packages: tuple[str, ...]
    fresh: bool
    profile: str | None = None
    output_rule: str | None = None
    language: str | None = None
    assumed: Mapping[str, object] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    task: str = ""
    checker_files: tuple[str, ...] = ()

    def problems_of(self, *sources: str, names: tuple[str, ...] = ()) -> ProblemsSpec:
        """Return how the study's problems are read from their sources again: all of these, or those of these names."""
        return ProblemsSpec(
            source=sources[0],
            more=sources[1:],
            names=names,
            filters=Filters(keep_failing=True),
            skip_bad=True,
            output_rule=self.output_rule,
            language=self.language,
            assumed=self.assumed,
            columns=self.columns,
            task=self.task,
            checker_files=self.checker_files,
        )


def stored_sandbox(said: str) -> StudySandbox:
    """Return a study's sandbox as its store keeps it: JSON of the limits, and of the rest that is not the default."""
    told: dict[str, Any] = json.loads(said)
    return StudySandbox(
        python=told.pop("python", None),
        packages=tuple(told.pop("packages", ())),
        fresh=told.pop("fresh", False),
        profile=told.pop("profile", None),
        output_rule=told.pop("output_rule", None),
        language=told.pop("language", None),
        assumed=told.pop("assume", {}),
        columns=told.pop("map", {}),
        task=told.pop("task", ""),
        checker_files=tuple(told.pop("checker_files", ())),
        limits=Limits(**told),
    )


def _problems(table: TomlTable, folder: Path) -> ProblemsSpec:
    sources = [source_of(source, folder) for source in table.text_or_texts("source")]
    given = [key for key in ("split", "numbers", "every", "limit", "names") if table.has(key)]
    if "names" in given and len(given) > 1:
        raise table.error(f"{' and '.join(given)} are given together; name the problems or count them")
    names = table.texts("names")
    if "names" in given and not names:
        raise table.error("names = [] names no problem; name some, or take names out for all problems")
    try:
        numbers = ranges_of(table.text("numbers")) if "numbers" in given else ()
    except SpecError:
        raise
    except ValueError as error:
        raise table.error(f"numbers = {error}") from error
    spec = ProblemsSpec(
        source=sources[0],
        more=tuple(sources[1:]),
        split=table.choice("split", SPLIT_NAMES) if "split" in given else None,
        numbers=numbers,
        every=table.whole("every") if "every" in given else None,
        limit=table.whole("limit") if "limit" in given else None,
        names=names,
        filters=_filters(table),
        columns=TomlTable(table.path, "[problems.map]", table.take("map", {})).texts_by_key(USUAL),
        task=table.text("task") if table.has("task") else "",
        checker_files=tuple(str(folder / path) for path in table.texts("checker_files")),
        skip_bad=table.flag("skip_bad"),
        output_rule=table.choice("output_rule", tuple(OUTPUT_RULES)) if table.has("output_rule") else None,
        language=table.choice("language", tuple(language_names())) if table.has("language") else None,
        selection=table.choice("selection", SELECTIONS, SELECTIONS[0]),
        assumed=_assumed(TomlTable(table.path, "[problems.assume]", table.take("assume", {}))),
    )
    table.done()
    return spec


def _filters(table: TomlTable) -> Filters:
    told: dict[str, Any] = {key: table.day(key) for key in ("since", "until") if table.has(key)}
    told |= {key: table.texts(key) for key in ("difficulty", "platform", "tags")}
    try:
        return Filters(**told, keep_failing=table.flag("keep_failing"))
    except ValueError as error:
        raise table.error(str(error)) from error


def _assumed(table: TomlTable) -> dict[str, object]:
    try:
        return read_assumptions({key: table.take(key) for key in table.keys})
    except ValueError as error:
        raise table.error(str(error)) from error


def _sandbox(table: TomlTable) -> dict[str, Any]:
    keys = frozenset(table.keys)
    boxes = table.whole("boxes") if table.has("boxes") else None
    python = table.text("python") if table.has("python") else None
    if python is not None and not re.fullmatch(PYTHON, python):
        raise table.error(f'python = {python!r} is no version of Python; write for example python = "3.13"')
    packages, fresh = table.texts("packages"), table.flag("fresh")
    profile = None
    if table.has("profile"):
        from sandbox.boxes.profiles import profile_names  # Docker's client is heavy

        profile = table.choice("profile", tuple(profile_names()))
    for package in packages:
        if not is_requirement(package):
            raise table.error(f"packages: {package!r} is no package; write for example numpy or numpy==2.1.3")
    where = {key: table.text(key) for key in ("cluster", "registry") if table.has(key)}
    limits = Limits(**given_fields(table, Limits))
    programs = {"python": python, "packages": packages, "profile": profile, "fresh": fresh}
    return where | programs | {"boxes": boxes, "limits": limits, "sandbox_keys": keys}


def _report(table: TomlTable, path: Path) -> dict[Unit, tuple[float, ...]]:
    budgets = TomlTable(path, "[report.budgets]", table.take("budgets", {}))
    table.take("log")  # of the run; no report depends on it
    table.done()
    chosen = {unit: tuple(sorted(set(budgets.numbers(unit.value)))) for unit in Unit if budgets.has(unit.value)}
    for unit in Unit:
        budgets.has(unit.value)
    budgets.done()
    return chosen
