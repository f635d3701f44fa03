"""Read what reports and comparisons are made from: a study in a store, or a file of counts.

The arguments of `sampler compare` are `FILE` or `FILE:MODEL`.

A file of counts has the numbers of passed samples without the samples, which is enough for every curve and comparison.
It is JSON, plain or `.gz`: `{model: {"n": 100, "correct": {problem: passed}}}`, as EvalPerf publishes it. A model may
say what its samples cost: `"params": 8e9` (FLOPs by the rule 2N × 128 a sample, so that budgets compare as parameters
do), `"flops": …`, `"seconds": …` for one sample. The result are the same facts as from a store, so that reports and
comparisons work for both.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sampler.exit_codes import CommandError, Exit
from sampler.reporting.comparison import NotComparable
from sampler.reporting.metrics import MetricChoice
from sampler.reporting.paired_data import PairedData, paired_data
from sampler.reporting.report import WITHOUT_COSTS, Report, ReportRequest, StudyFacts, make_report
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.lock import with_real_status
from sampler.store.read_models import ModelRow, StudyRow, TallyRow
from sampler.store.reader import Reader
from sampler.store.writer import chosen_study, open_migrated
from sampler.study.spec import stored_budgets
from sampler.values import GivenCosts, NoSuchName, matching_name

LARGEST = 256 * 1024 * 1024
_MOST_PARAMS = 1e18
_SQLITE = b"SQLite format 3\x00"


class CountsError(CommandError):
    """The file is no counts file; the message names the place."""

    exit_code = Exit.USAGE


def read_counts(path: Path, params: Mapping[str, float] | None = None) -> StudyFacts:
    """Return the facts of a counts file; `params` are numbers of parameters by a unique part of a model's name."""
    told = _parsed(path)
    given = {_chosen(told, part): value for part, value in (params or {}).items()}
    models, tallies = [], []
    for number, (name, entry) in enumerate(told.items(), 1):
        n, correct = _checked(path, name, entry)
        models.append(_model(number, name, entry, given.get(name)))
        tallies += [_tally(number, problem, n, passed) for problem, passed in correct.items()]
    problems = sorted({row.problem for row in tallies})
    return StudyFacts(study=_study(path, problems, tallies), models=models, tallies=tallies, verdicts={})


RequestedUnits = Sequence[Unit] | Mapping[Unit, tuple[float, ...]]  # perhaps with the budgets to show in each


def report_counts(
    path: Path,
    params: Mapping[str, float],
    units: RequestedUnits,
    metrics: tuple[MetricChoice, ...] = (),
) -> Report:
    """Return the report of a counts file; the default unit is FLOPs of one pass over 128 tokens."""
    request = ReportRequest(budgets=_given(units), units=tuple(units) or (Unit.FLOPS_128,), metrics=metrics)
    return make_report(read_counts(path, params), request)


def _chosen(names: Mapping[str, Any], part: str) -> str:
    try:
        return matching_name(names, part)
    except NoSuchName as error:
        raise CountsError(str(error)) from error


def choose(models: Sequence[ModelRow], part: str) -> ModelRow:
    """Return the only model whose name is or contains `part`."""
    named = {model.name: model for model in models}
    return named[_chosen(named, part)]


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, LARGEST)
        told = json.loads(raw)
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        way_out = "a file of counts is one JSON object; a file of samples is read by `sampler import`"
        raise CountsError(f"cannot read the counts of {str(path)!r}: {error}; {way_out}") from error
    if not isinstance(told, dict) or not told:
        raise CountsError(f"{str(path)!r} is not an object of models; see `sampler compare --help`")
    return told


def _checked(path: Path, name: str, entry: Any) -> tuple[int, Mapping[str, int]]:
    correct = entry.get("correct") if isinstance(entry, dict) else None
    n = entry.get("n") if isinstance(entry, dict) else None
    if type(n) is not int or n < 1 or not isinstance(correct, dict) or not correct:
        raise CountsError(f'{str(path)!r}: {name!r} needs "n", samples of each problem, and "correct", passed ones')
    for problem, passed in correct.items():
        if type(passed) is not int or not 0 <= passed <= n:
            raise CountsError(f"{str(path)!r}: {name!r} has {passed!r} correct of {n} samples on {problem!r}")
    return n, correct


def _model(number: int, name: str, entry: Mapping[str, Any], params: float | None) -> ModelRow:
    size = params if params is not None else entry.get("params")
    if size is not None and (
        isinstance(size, bool) or not isinstance(size, int | float) or not 1 <= size <= _MOST_PARAMS
    ):
        raise CountsError(f"{name!r}: params is {size!r:.40}, not a number from 1 to {_MOST_PARAMS:g}; write 8e9")
    try:
        costs = GivenCosts(table_flops=entry.get("flops"), table_seconds=entry.get("seconds"))
    except (TypeError, ValueError) as error:
        raise CountsError(f"{name!r}: {error}") from error
    return ModelRow(
        id=number,
        name=name,
        backend="counts",
        engine=None,
        digest=None,
        architecture=None,
        params=None if size is None else int(size),
        wanted=int(entry["n"]),
        costs=costs,
    )


def _tally(model: int, problem: str, n: int, passed: int) -> TallyRow:
    return TallyRow(
        model_id=model,
        problem=problem,
        sampled=n,
        scored=n,
        passed=passed,
        prompt_tokens=None,
        completion_tokens=None,
        prompt_seconds=None,
        decode_seconds=None,
        prompt_flops=None,
        decode_flops=None,
    )


def _study(path: Path, problems: Sequence[str], tallies: Sequence[TallyRow]) -> StudyRow:
    whole = sum(row.sampled for row in tallies)
    return StudyRow(
        id=0,
        uid="",
        name=path.name.split(".")[0],
        problems_source=path.name,
        problems_digest=hashlib.sha256("\n".join(problems).encode()).hexdigest(),
        seed=0,
        status="done",
        host=None,
        pid=None,
        created_at=0.0,
        started_at=None,
        heartbeat_at=None,
        ended_at=None,
        exit_reason=None,
        problems=len(problems),
        wanted=whole,
        sampled=whole,
        scored=whole,
    )


def read_facts(path: Path, name: str | None = None) -> StudyFacts:
    """Return a store's facts about the study called `name` (or with that id), or the newest one; raises StoreError."""
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        return _facts(reader, row)


def read_budgets(path: Path, name: str | None, unit: Unit) -> tuple[float, ...]:
    """Return the budgets in a unit that the study file of a store's study names; raises StoreError."""
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        return stored_budgets(reader.spec(row.id), path).get(unit, ())


def read_report(
    path: Path,
    name: str | None = None,
    *,
    units: RequestedUnits = (),
    charge: PromptCharge = PromptCharge.EACH,
    metrics: tuple[MetricChoice, ...] = (),
) -> Report:
    """Return the report of the study called `name`, or of the newest one, in a store; raises StoreError.

    Units may come with budgets, which replace those of the study file. A store of an older version is migrated first.
    """
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        facts, request = facts_and_request(reader, row, path, units, charge)
    return make_report(facts, replace(request, metrics=metrics))


def facts_and_request(
    reader: Reader, row: StudyRow, path: Path, units: RequestedUnits, charge: PromptCharge
) -> tuple[StudyFacts, ReportRequest]:
    """Return the facts of a study, and the request for its report.

    The units are the requested ones, or else those of the study file; without costs in those, one that is known.
    """
    facts = _facts(reader, row)
    budgets = {**stored_budgets(reader.spec(row.id), path), **_given(units)}
    request = ReportRequest(budgets=budgets, charge=charge, seed=row.seed)
    if units:
        return facts, replace(request, units=tuple(units))
    return facts, replace(request, units=tuple(dict.fromkeys([*request.units, *budgets])), instead=WITHOUT_COSTS)


def _given(units: RequestedUnits) -> dict[Unit, tuple[float, ...]]:
    """Return the budgets that came with units."""
    return {unit: chosen for unit, chosen in units.items() if chosen} if isinstance(units, Mapping) else {}


def _facts(reader: Reader, row: StudyRow) -> StudyFacts:
    tallies, models = reader.tallies(row.id), reader.models(row.id)
    thought = {tally.model_id for tally in tallies if tally.thought_tokens}  # only these models' samples are read
    return StudyFacts(
        study=with_real_status(row),
        models=models,
        greedy=reader.greedy(row.id),
        tallies=tallies,
        verdicts=reader.verdict_counts(row.id),
        lengths={model.id: reader.lengths(model.id) for model in models if model.id in thought},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsSource:
    """One side of a comparison."""

    path: Path
    model: str | None


def source(text: str) -> FactsSource:
    """Split `FILE:MODEL`; an existing file with a colon in its name has precedence."""
    if Path(text).is_file() or ":" not in text:
        return FactsSource(path=Path(text), model=None)
    path, _, model = text.partition(":")
    return FactsSource(path=Path(path), model=model or None)


def begins_as_counts(path: Path) -> bool:
    """Return whether a file begins like a counts file, plain or compressed; any other file is read as a store."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        begin = file.read(len(_SQLITE)).lstrip()
    return begin.startswith((b"{", b"\x1f\x8b"))


def refuse_params_of_a_store(path: Path, params: Mapping[str, float]) -> None:
    """Raise an error for `--params` with a store: it knows its models' sizes, so they would have no effect."""
    if params and not begins_as_counts(path):
        raise CountsError(
            f"--params is for counts files, and {str(path)!r} is none; a store learns a model's size by "
            "`sampler import --params` or from the study file"
        )


def facts_of(path: Path, params: Mapping[str, float], study: str | None = None) -> StudyFacts:
    """Return the facts of a study of a store, or of a counts file."""
    return read_counts(path, params) if begins_as_counts(path) else read_facts(path, study)


def load_paired(
    sides: tuple[FactsSource, FactsSource], params: Mapping[str, float], study: str | None = None
) -> PairedData:
    """Load two models on the problems that are complete for both; of one file, from the study called `study`.

    Sides with different problems are refused. Claims are corrected for all models of a study if both are from one
    study, else only for the two models.
    """
    if sides[0].path == sides[1].path:
        return _within(sides, facts_of(sides[0].path, params, study))
    facts = [facts_of(side.path, params) for side in sides]
    first, second = facts
    refuse_other_problems((sides[0].path, sides[1].path), (first.study.problems_digest, second.study.problems_digest))
    models = [_only(side, one) for side, one in zip(sides, facts, strict=True)]
    if models[0].name == models[1].name:
        stems = [side.path.stem for side in sides]
        told = stems if stems[0] != stems[1] else [str(side.path) for side in sides]
        models = [replace(model, name=f"{model.name} ({where})") for model, where in zip(models, told, strict=True)]
    tallies = [*_renumbered(models[0], first, 1), *_renumbered(models[1], second, 2)]
    return paired_data([replace(models[0], id=1), replace(models[1], id=2)], tallies, first.study.seed)


def _within(sides: tuple[FactsSource, FactsSource], facts: StudyFacts) -> PairedData:
    models = [_only(side, facts) for side in sides]
    if models[0].id == models[1].id:
        raise NotComparable(f"{models[0].name} on both sides; name two models as FILE:MODEL")
    paired = paired_data(models, facts.tallies, facts.study.seed)
    return paired.corrected_for([model for model in facts.models if model.wanted], facts.tallies)


def refuse_other_problems(paths: tuple[Path, Path], digests: tuple[str, str]) -> None:
    """Raise NotComparable for two files whose problems have different digests."""
    if digests[0] != digests[1]:
        raise NotComparable(
            f"{paths[0]} and {paths[1]} hold different problems (digests {digests[0][:12]} and {digests[1][:12]}); "
            "compare runs of one problem set"
        )


def _only(side: FactsSource, facts: StudyFacts) -> ModelRow:
    models = [model for model in facts.models if model.wanted]
    if side.model is not None:
        return choose(models, side.model)
    if len(models) != 1:
        held = ", ".join(model.name for model in models) or "none"
        raise NotComparable(f"{side.path} holds {len(models)} models; name one as {side.path}:MODEL ({held})")
    return models[0]


def _renumbered(model: ModelRow, facts: StudyFacts, number: int) -> list[TallyRow]:
    return [replace(row, model_id=number) for row in facts.tallies if row.model_id == model.id]
