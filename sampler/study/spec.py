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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sampler.stats.budget import Unit
from sampler.store.write_models import ModelRecord, StudyRecord
from sampler.study.spec_models import (
    ALLOTTED,
    ModelSpec,
    Shots,
    allotted_companion,
    given_fields,
    read_models,
    source_of,
)
from sampler.study.spending import Spending, read_spending
from sampler.study.toml_table import SpecError, TomlTable, parse_toml, read_text
from sampler.values import canonical_json, valid_text
from sandbox.boxes.packages import is_requirement
from sandbox.languages import names as language_names
from sandbox.problems import Filters, LeftOut, Problem, ProblemsError, read_problems, with_examples
from sandbox.problems.readers.codebudget_format import read_assumptions
from sandbox.problems.readers.training_rows import USUAL
from sandbox.values import OUTPUT_RULES, Limits, changed

# Which of a source's problems a study takes: a published split, numbers, names, every so many-th, up to a limit.
#
# The splits of MBPP are those of Austin et al. (2021, "Program Synthesis with Large Language Models"): tasks 1 to 10
# are for few-shot prompts, 11 to 510 for testing. The sanitized set and MBPP+ keep the numbers, so they split alike.

SPLITS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "mbpp": {"prompt": (1, 10), "test": (11, 510), "validation": (511, 600), "train": (601, 974)},
}
SPLIT_NAMES = tuple(dict.fromkeys(name for splits in SPLITS.values() for name in splits))
NUMBERS = r"[0-9]+(-[0-9]+)?(, *[0-9]+(-[0-9]+)?)*"  # as in the study's schema
_MOST_DIGITS = 12


def ranges_of(text: str) -> tuple[tuple[int, int], ...]:
    """Return a text such as "11-510, 601" as ranges, ends included; raises ValueError."""
    if not re.fullmatch(NUMBERS, text) or any(len(digits) > _MOST_DIGITS for digits in re.findall("[0-9]+", text)):
        raise ValueError(f'{text!r} names no numbers; write for example "11-510" or "2, 3, 4"')
    ranges = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        ranges.append((int(first), int(last or first)))
        if ranges[-1][0] > ranges[-1][1]:
            raise ValueError(f"{part.strip()!r} ends before it begins; write {last}-{first}")
    return tuple(ranges)


def in_split(names: Sequence[str], split: str) -> list[str]:
    """Return those of the names that a published split holds; raises ValueError for a data set without it."""
    for name in names:
        set_name = name.partition("/")[0].casefold()
        if split not in SPLITS.get(set_name, {}):
            known = ", ".join(SPLITS)
            raise ValueError(f"{name!r} is of no set with a split {split!r} (known: {known}); give numbers or names")
    return [name for name in names if _within(name, [SPLITS[name.partition("/")[0].casefold()][split]])]


def in_ranges(names: Iterable[str], ranges: Iterable[tuple[int, int]]) -> list[str]:
    """Return those of the names whose number, their last digits, lies in one of the ranges."""
    ranges = tuple(ranges)
    return [name for name in names if _within(name, ranges)]


def _within(name: str, ranges: Iterable[tuple[int, int]]) -> bool:
    found = re.search(r"[0-9]+$", name)
    return found is not None and any(first <= int(found[0][-_MOST_DIGITS:]) <= last for first, last in ranges)


PYTHON = r"3\.[0-9]{1,2}"
SELECTIONS = ("given", "examples")
_KEYS = ("name", "seed", "store", "problems", "sampling", "models", "sandbox", "report", "budget")
MOST_SEED = 2**63 - 1  # what a column of a store holds


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemsSpec:
    """Which problems: those of these names; or of a split, or of these numbers, every so many-th up to a limit.

    `more` are further sources, whose problems follow those of the first. `filters` choose by date, difficulty, platform
    and tags. The rule for what is printed, and what programs may assume, take the place of the data set's own.
    `language` is what whole programs are written in; of a set of functions in many languages it chooses those in this
    one. With `selection` "examples", problems without selection tests get those of the examples in their statements.
    `columns` says where rows of one's own keep their parts, `task` which is asked where rows hold several. Problems
    whose canonical solution is known to fail here are taken only by their names, or if `filters` say so.
    """

    source: str
    more: tuple[str, ...] = ()
    split: str | None = None
    numbers: tuple[tuple[int, int], ...] = ()
    every: int | None = None
    limit: int | None = None
    names: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    columns: Mapping[str, str] = field(default_factory=dict)
    task: str = ""
    checker_files: tuple[str, ...] = ()
    skip_bad: bool = False
    output_rule: str | None = None
    language: str | None = None
    assumed: Mapping[str, object] = field(default_factory=dict)
    selection: str = SELECTIONS[0]

    @property
    def decides(self) -> dict[str, object]:
        """Return how the problems are read and what decides the verdicts besides their texts, if not the default."""
        said: dict[str, object] = {"output_rule": self.output_rule, "language": self.language, "task": self.task}
        said |= {"assume": dict(self.assumed), "map": dict(self.columns), "checker_files": list(self.checker_files)}
        return {key: value for key, value in said.items() if value}

    @property
    def sources(self) -> tuple[str, ...]:
        """Return all the sources, in their order."""
        return (self.source, *self.more)


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
    spending: Spending = Spending()
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


def choose_problems(spec: ProblemsSpec, left_out: Callable[[LeftOut], None] = lambda _: None) -> tuple[Problem, ...]:
    """Return the problems that the study asks for; raises ProblemsError.

    `left_out` is called with each row that was left out: those without tests and, with `skip_bad`, those that are no
    problems.
    """
    loaded = _load(spec, left_out)
    problems = {problem.name: problem.assuming(spec.assumed) for problem in loaded}
    if spec.selection == "examples":
        problems = {name: with_examples(problem) for name, problem in problems.items()}
    if spec.output_rule is not None:
        rule = OUTPUT_RULES[spec.output_rule]
        problems = {name: problem.with_output_rule(rule) for name, problem in problems.items()}
    if spec.language is not None:
        problems = _in_language(problems, spec.language)
    if spec.names:
        return find_named(spec.names, problems, ", ".join(spec.sources))
    try:
        names = in_split(list(problems), spec.split) if spec.split else list(problems)
    except ValueError as error:
        raise ProblemsError(f"{', '.join(spec.sources)}: {error}") from error
    if spec.numbers:
        names = in_ranges(names, spec.numbers)
    if not names:
        raise ProblemsError(f"{', '.join(spec.sources)} holds no problem of that split or those numbers")
    return tuple(problems[name] for name in names[:: spec.every or 1][: spec.limit])


def _in_language(problems: Mapping[str, Problem], language: str) -> dict[str, Problem]:
    """Return the problems that programs of a language can solve; of a set in many languages those of this one."""
    own = {name: problem for name, problem in problems.items() if problem.language == language}
    return own or {name: problem.in_language(language) for name, problem in problems.items()}


def choose_shots(shots: Shots, problems: ProblemsSpec) -> tuple[Problem, ...]:
    """Return the solved problems that a model is shown, from their own source or the study's; raises ProblemsError."""
    if not shots.names:
        return ()
    spec = problems if shots.source is None else ProblemsSpec(source=shots.source)
    spec, sources = replace(spec, filters=Filters(), skip_bad=False, names=shots.names), spec.sources
    found = find_named(shots.names, {problem.name: problem for problem in _load(spec)}, ", ".join(sources))
    for problem in found:
        if problem.canonical_solution is None:
            raise ProblemsError(f"{', '.join(sources)}: {problem.name!r} has no solution to show; choose other shots")
    return found


def find_named(names: Iterable[str], known: Mapping[str, Problem], where: str) -> tuple[Problem, ...]:
    """Return the problems of these names, each once; raises ProblemsError."""
    for name in names:
        if name not in known:
            raise ProblemsError(f"{where} has no problem {name!r}; its first is {next(iter(known))!r}")
    return tuple(known[name] for name in dict.fromkeys(names))


def _load(spec: ProblemsSpec, left_out: Callable[[LeftOut], None] = lambda _: None) -> list[Problem]:
    """Return the problems of every source in turn; raises ProblemsError."""
    found: dict[str, Problem] = {}
    for source in spec.sources:
        held = read_problems(
            source,
            skip_bad=spec.skip_bad,
            filters=replace(spec.filters, keep_failing=spec.filters.keep_failing or bool(spec.names)),
            columns=spec.columns,
            task=spec.task,
            checker_files=spec.checker_files,
        )
        for told in held.left_out:
            left_out(told)
        for problem in held.problems:
            text = problem.name + problem.prompt + problem.tests
            if valid_text(text) != text:
                raise ProblemsError(f"{source}: {problem.name!a} holds what UTF-8 cannot encode; correct the file")
            if problem.name in found:
                raise ProblemsError(f"{source}: {problem.name!r} stands in an earlier source, too; leave one out")
            found[problem.name] = problem
    return list(found.values())


def _problems(table: TomlTable, folder: Path) -> ProblemsSpec:
    sources = [source_of(source, folder) for source in table.text_or_texts("source")]
    given = [key for key in ("split", "numbers", "every", "limit", "names") if table.has(key)]
    if "names" in given and len(given) > 1:
        raise table.error(f"{' and '.join(given)} are given together; name the problems or count them")
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
        names=table.texts("names"),
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
