"""Read counts of passed samples without the samples: enough for every curve and comparison.

The file is JSON, plain or `.gz`: `{model: {"n": 100, "correct": {problem: passed}}}`, as EvalPerf publishes it. A model
may say what its samples cost: `"params": 8e9` (FLOPs by the rule 2N × 128 a sample, so that budgets compare as
parameters do), `"flops": …`, `"seconds": …` for one sample. The result are the same facts as from a store, so that
reports and comparisons work for both.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sampler.exit_codes import CommandError, Exit
from sampler.reporting.metrics import MetricChoice
from sampler.reporting.report import Facts, Report, ReportRequest, make_report
from sampler.stats.budget import Unit
from sampler.store.read_models import ModelRow, StudyRow, TallyRow
from sampler.values import GivenCosts

LARGEST = 256 * 1024 * 1024


class CountsError(CommandError):
    """The file is no counts file; the message names the place."""

    exit_code = Exit.USAGE


def read_counts(path: Path, params: Mapping[str, float] | None = None) -> Facts:
    """Return the facts of a counts file; `params` are numbers of parameters by a unique part of a model's name."""
    told = _parsed(path)
    given = {_chosen(told, part): value for part, value in (params or {}).items()}
    models, tallies = [], []
    for number, (name, entry) in enumerate(told.items(), 1):
        n, correct = _checked(path, name, entry)
        models.append(_model(number, name, entry, given.get(name)))
        tallies += [_tally(number, problem, n, passed) for problem, passed in correct.items()]
    problems = sorted({row.problem for row in tallies})
    return Facts(study=_study(path, problems, tallies), models=models, tallies=tallies, verdicts={})


def report_counts(
    path: Path, params: Mapping[str, float], units: tuple[Unit, ...], metrics: tuple[MetricChoice, ...] = ()
) -> Report:
    """Return the report of a counts file; the default unit is FLOPs of one pass over 128 tokens."""
    request = ReportRequest(budgets={}, units=units or (Unit.FLOPS_128,), metrics=metrics)
    return make_report(read_counts(path, params), request)


def _chosen(names: Mapping[str, Any], part: str) -> str:
    found = [part] if part in names else [name for name in names if part in name]
    if len(found) != 1:
        meant = f"{part!r} is part of {len(found)} models' names" if found else f"no model is called {part!r}"
        raise CountsError(f"{meant}; name one of: {', '.join(found or names)}")
    return found[0]


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
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CountsError(f"cannot read the counts of {str(path)!r}: {error}") from error
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
