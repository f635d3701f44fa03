"""Make a model's cost sheet.

It has the model's numbers, the cost of a token and a sample by each formula, and how many samples a budget buys.

Pure, except for reading model files. A sample's cost is computed by the same functions as in a report, for a given
number of tokens; seconds and joules, which only a run can measure, are unknown here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sampler.costs import arch_flops, cache_bytes, calflops128
from sampler.models.architecture import read_config, read_gguf
from sampler.models.catalogue import CATALOGUE, find
from sampler.reporting.unit_costs import unit_cost
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.store.read_models import ModelRow, TallyRow
from sampler.study.spec import Study
from sampler.study.spec_models import ModelSpec
from sampler.values import Architecture, GivenCosts

WEIGHT_BYTES = 2  # of a weight in memory: 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The sample whose cost is computed: tokens read and written, and who pays for reading."""

    prompt: int = 128
    completion: int = 128
    charge: PromptCharge = PromptCharge.EACH


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is known of a model without running it; `file_bytes` is the size of its quantised file."""

    name: str
    architecture: Architecture | None
    costs: GivenCosts = GivenCosts()
    file_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """How many samples an amount buys."""

    unit: Unit
    budget: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Numbers that follow from an architecture: FLOPs, and bytes if they are known."""

    params: int  # N: weights multiplied for a written token
    read_token: int  # of reading a token, without attention
    written_token: int  # of writing one, without attention
    attended_token: int  # and for each token that it attends to
    pass_128: int  # the paper's unit cost
    cache_token: int | None  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The cost sheet of one model; None for values that are not known."""

    name: str
    architecture: Architecture | None
    numbers: Numbers | None
    weights_bytes: int | None
    unit_costs: Mapping[Unit, UnitCost | None]
    bought: tuple[Bought, ...]


def make_sheet(subject: Subject, lengths: Lengths, budgets: Mapping[Unit, Sequence[float]]) -> Sheet:
    """Return the cost sheet of one model."""
    costs = {unit: _cost(subject, lengths, unit) for unit in Unit}
    return Sheet(
        name=subject.name,
        architecture=subject.architecture,
        numbers=None if subject.architecture is None else _numbers(subject.architecture),
        weights_bytes=subject.file_bytes or _memory(subject.architecture),
        unit_costs=costs,
        bought=tuple(_buy(costs, budgets)),
    )


def _numbers(architecture: Architecture) -> Numbers:
    return Numbers(
        params=architecture.params,
        read_token=2 * architecture.matmul_params,
        written_token=2 * architecture.params,
        attended_token=4 * architecture.layers * architecture.attention_width,
        pass_128=calflops128(architecture.params),
        cache_token=cache_bytes(architecture, 1),
    )


def _memory(architecture: Architecture | None) -> int | None:
    if architecture is None or architecture.weights is None:
        return None
    return WEIGHT_BYTES * architecture.weights


def _buy(costs: Mapping[Unit, UnitCost | None], budgets: Mapping[Unit, Sequence[float]]) -> Iterator[Bought]:
    for unit, amounts in budgets.items():
        cost = costs[unit]
        if cost is not None:
            for amount in amounts:
                yield Bought(unit=unit, budget=amount, samples=cost.affordable(amount))


def _cost(subject: Subject, lengths: Lengths, unit: Unit) -> UnitCost | None:
    """Return the cost as a report would compute it after one sample of these lengths."""
    architecture = subject.architecture
    flops = None if architecture is None else arch_flops(architecture, lengths.prompt, lengths.completion)
    model = ModelRow(
        id=0,
        name=subject.name,
        backend="",
        engine=None,
        digest=None,
        architecture=architecture,
        params=None if architecture is None else architecture.params,
        wanted=1,
        costs=subject.costs,
    )
    sample = TallyRow(
        model_id=0,
        problem="",
        sampled=1,
        scored=0,
        passed=0,
        prompt_tokens=lengths.prompt,
        completion_tokens=lengths.completion,
        prompt_seconds=None,
        decode_seconds=None,
        prompt_flops=None if flops is None else float(flops.prompt),
        decode_flops=None if flops is None else float(flops.decode),
    )
    return unit_cost(model, [sample], unit, lengths.charge)


def subject_of(name: str) -> Subject:
    """Return a model of the catalogue by its name, a .gguf file, a config.json or a folder with one.

    Raises UnknownModel, GgufError or ConfigError.
    """
    path = Path(name)
    if name.endswith(".gguf"):
        return Subject(name=path.stem, architecture=read_gguf(path), file_bytes=path.stat().st_size)
    if path.is_dir() or path.name.endswith(".json"):
        shown = path.resolve() if path.is_dir() else path.resolve().parent
        return Subject(name=shown.name, architecture=read_config(path))
    model = find(name)
    return Subject(name=model.name, architecture=model.architecture, file_bytes=model.size)


def subjects_of(study: Study) -> Iterator[Subject]:
    """Return the models of a study; without numbers in the study file or a model file, there is no architecture."""
    for model in study.models:
        if model.greedy_of is None:
            known = subject_of(model.model) if _is_here(model) else Subject(name=model.name, architecture=None)
            yield replace(
                known, name=model.name, architecture=model.architecture or known.architecture, costs=model.costs
            )


def _is_here(model: ModelSpec) -> bool:
    named = any(model.model in (one.name, *one.aliases) for one in CATALOGUE)
    path = Path(model.model)
    return named or (model.model.endswith(".gguf") and path.is_file()) or (path / "config.json").is_file()
