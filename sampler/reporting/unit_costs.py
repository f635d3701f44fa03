"""Compute what a sample costs in each unit, and make a model's cost sheet.

The rows of a store become the values of the statistics: which problems count, and what a sample costs.

A cost sheet has a model's numbers, the cost of a token and of a sample by each formula, and how many samples a budget
buys. It uses the same functions as a report, for a given number of tokens; seconds and joules, which only a run can
measure, are unknown there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sampler.costs import arch_flops, cache_bytes, calflops128, params_flops
from sampler.models.architecture import read_config, read_gguf
from sampler.models.catalogue import CATALOGUE, find
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.passk import Counts
from sampler.store.read_models import ModelRow, TallyRow
from sampler.study.spec import Study
from sampler.study.spec_models import ModelSpec
from sampler.values import Architecture, GivenCosts

TOKENS_PRICED = 1e6  # prices are for a million tokens
MOST_NAMED = 3  # problems
WEIGHT_BYTES = 2  # of a weight in memory: 16 bits


def complete_problems(model: ModelRow, tallies: Iterable[TallyRow]) -> list[str]:
    """Return the problems on which every wanted sample of a model has a verdict, in the order of the rows."""
    return [row.problem for row in tallies if row.model_id == model.id and row.scored >= max(1, model.wanted)]


def shared_problems(models: Sequence[ModelRow], tallies: Sequence[TallyRow]) -> list[str]:
    """Return the problems that are complete for all these models; they may be compared only on these."""
    if not models:
        return []
    first, *others = (complete_problems(model, tallies) for model in models)
    return [name for name in first if all(name in other for other in map(frozenset, others))]


def counts_of(model: ModelRow, tallies: Iterable[TallyRow], problems: Sequence[str]) -> Counts:
    """Return a model's counts on `problems`, in that order; each must have a tally."""
    rows = {row.problem: row for row in tallies if row.model_id == model.id}
    chosen = [rows[name] for name in problems]
    return Counts(
        model=model.name,
        problems=tuple(problems),
        scored=tuple(row.scored for row in chosen),
        passed=tuple(row.passed for row in chosen),
        looks=model.looks,
        tries=tuple(row.tries for row in chosen),
        solved_at=tuple(row.solved_at for row in chosen),
    )


def uneven_samples(model: ModelRow, tallies: Iterable[TallyRow], problems: Sequence[str]) -> str | None:
    """Return a message if a model's problems have unequal numbers of samples, as pass@k ends with the fewest.

    Return None otherwise.
    """
    held = frozenset(problems)
    rows = [row for row in tallies if row.model_id == model.id and row.problem in held]
    fewest, most = (of((row.scored for row in rows), default=0) for of in (min, max))
    if fewest == most:
        return None
    short = [row.problem for row in rows if row.scored == fewest]
    named = ", ".join(short[:MOST_NAMED]) + (f" and {len(short) - MOST_NAMED} more" if len(short) > MOST_NAMED else "")
    return (
        f"{model.name}: pass@k ends at k = {fewest}, because {len(short)} of {len(rows)} problems ({named}) have no "
        f"more samples; others have up to {most}. Add samples of these problems, or leave them out of the study."
    )


def unit_cost(model: ModelRow, tallies: Iterable[TallyRow], unit: Unit, charge: PromptCharge) -> UnitCost | None:
    """Return what a sample of a model costs: the mean over problems of the mean over their samples.

    None if the unit was not measured for every sample or cannot be computed: FLOPs without an architecture, seconds
    without a clock, dollars without a price, and what a cache saved (the charge "measured") if the engine does not say.
    None, too, of samples that cost nothing: any budget buys any number of those.
    """
    parts = cost_parts(model, tallies, unit, charge)
    return UnitCost(once=parts[0], each=parts[1]) if parts is not None and parts[1] > 0 else None


def cost_parts(
    model: ModelRow, tallies: Iterable[TallyRow], unit: Unit, charge: PromptCharge
) -> tuple[float, float] | None:
    """Return what is paid once and what each sample costs, which may be nothing; None where it is not known."""
    rows = [row for row in tallies if row.model_id == model.id and row.sampled]
    prices = _PRICES[unit](model)
    if not rows or prices is None:
        return None
    reading, writing = prices
    read, written = _mean(rows, reading), _mean(rows, writing)
    if read is None or written is None:
        return None
    if charge is PromptCharge.MEASURED:
        saved = _mean(rows, _saved(model, unit))
        if saved is None:
            return None
        read -= saved
    return (read, written) if charge is PromptCharge.ONCE else (0.0, read + written)


def _mean(rows: Sequence[TallyRow], amount: _Amount) -> float | None:
    """Return the mean over problems of the mean over their samples; None if one problem's mean is not known."""
    amounts = [(amount(row), row.sampled) for row in rows]
    known = [total / sampled for total, sampled in amounts if total is not None]
    return sum(known) / len(known) if len(known) == len(amounts) else None


_Amount = Callable[[TallyRow], float | None]
_Price = Callable[[ModelRow], tuple[_Amount, _Amount] | None]


def _split(reading: _Amount, rereading: _Amount, writing: _Amount) -> tuple[_Amount, _Amount]:
    """Return what the first prompt costs, and the rest of a sample: no other tree can share a later turn's prompt."""

    def first(row: TallyRow) -> float | None:
        read, again = reading(row), rereading(row)
        return None if read is None or again is None else read - again

    def rest(row: TallyRow) -> float | None:
        written, again = writing(row), rereading(row)
        return None if written is None or again is None else written + again

    return first, rest


def _by_architecture(model: ModelRow) -> tuple[_Amount, _Amount] | None:
    if model.architecture is None:
        return None
    return _split(lambda row: row.prompt_flops, lambda row: row.reread_flops, lambda row: row.decode_flops)


def _by_params(model: ModelRow) -> tuple[_Amount, _Amount] | None:
    params = model.params
    if params is None:
        return None

    def flops(tokens: int | None) -> float | None:
        return None if tokens is None else params_flops(params, tokens)

    return _split(
        lambda row: flops(row.prompt_tokens),
        lambda row: flops(row.reread_tokens),
        lambda row: flops(row.completion_tokens),
    )


def _by_one_pass(model: ModelRow) -> tuple[_Amount, _Amount] | None:
    return None if model.params is None else _of_each(float(calflops128(model.params)))


def _of_each(cost: float | None) -> tuple[_Amount, _Amount] | None:
    """Return costs that are the same for every sample."""
    return None if cost is None else ((lambda _row: 0.0), (lambda row: cost * row.sampled))


def _by_prices(model: ModelRow) -> tuple[_Amount, _Amount] | None:
    reading, writing = model.costs.prompt_dollars, model.costs.completion_dollars
    if reading is None or writing is None:
        return None

    thinking = model.costs.thought_dollars

    def written(row: TallyRow) -> float | None:
        if thinking is None or thinking == writing:
            return _dollars(writing, row.completion_tokens)
        if row.completion_tokens is None or row.thought_tokens is None:
            return None
        answers = row.completion_tokens - row.thought_tokens
        return (writing * answers + thinking * row.thought_tokens) / TOKENS_PRICED

    return _split(
        lambda row: _dollars(reading, row.prompt_tokens), lambda row: _dollars(reading, row.reread_tokens), written
    )


def _dollars(price: float, tokens: int | None) -> float | None:
    return None if tokens is None else price * tokens / TOKENS_PRICED


def _saved(model: ModelRow, unit: Unit) -> _Amount:
    """Return what an engine's cache saves of reading the prompt; nothing in units that are measured as they are."""
    match unit:
        case Unit.FLOPS:
            return lambda row: row.cached_flops
        case Unit.FLOPS_PARAMS:
            params = model.params or 0
            return lambda row: None if row.cached_tokens is None else params_flops(params, row.cached_tokens)
        case Unit.TOKENS:
            return lambda row: row.cached_tokens
        case Unit.DOLLARS:
            reading = model.costs.prompt_dollars or 0.0
            cheaper = 0.0 if model.costs.cached_dollars is None else reading - model.costs.cached_dollars
            dearer = 0.0 if model.costs.cache_write_dollars is None else model.costs.cache_write_dollars - reading
            return lambda row: _saved_dollars(row, cheaper, dearer)
        case _:
            return lambda _row: 0.0


def _saved_dollars(row: TallyRow, cheaper: float, dearer: float) -> float | None:
    """Return what a cache saves: less for what was read from it, more for what was written into it."""
    saved = _dollars(cheaper, row.cached_tokens) if cheaper else 0.0
    paid = _dollars(dearer, row.cache_write_tokens) if dearer else 0.0
    return None if saved is None or paid is None else saved - paid


def _sandbox(row: TallyRow) -> float | None:
    """Return the CPU seconds of executing a problem's samples, from those that were executed; None before the first."""
    return row.cpu_s / row.scored * row.sampled if row.scored else None


def _writing_and_sandbox(row: TallyRow) -> float | None:
    executing = _sandbox(row)
    return None if executing is None or row.decode_seconds is None else row.decode_seconds + executing


_PRICES: Mapping[Unit, _Price] = {
    Unit.FLOPS: _by_architecture,
    Unit.FLOPS_PARAMS: _by_params,
    Unit.FLOPS_128: _by_one_pass,
    Unit.TABLE_FLOPS: lambda model: _of_each(model.costs.table_flops),
    Unit.SECONDS: lambda _: _split(
        lambda row: row.prompt_seconds, lambda row: row.reread_seconds, lambda row: row.decode_seconds
    ),
    Unit.TABLE_SECONDS: lambda model: _of_each(model.costs.table_seconds),
    Unit.SANDBOX_SECONDS: lambda _: ((lambda _row: 0.0), _sandbox),
    Unit.TOTAL_SECONDS: lambda _: _split(
        lambda row: row.prompt_seconds, lambda row: row.reread_seconds, _writing_and_sandbox
    ),
    Unit.JOULES: lambda _: _split(
        lambda row: row.prompt_joules, lambda row: row.reread_joules, lambda row: row.decode_joules
    ),
    Unit.DOLLARS: _by_prices,
    Unit.TOKENS: lambda _: _split(
        lambda row: row.prompt_tokens, lambda row: row.reread_tokens, lambda row: row.completion_tokens
    ),
    Unit.SAMPLES: lambda _: ((lambda _row: 0.0), (lambda row: float(row.sampled))),
}


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
class ModelNumbers:
    """Numbers that follow from an architecture: FLOPs, and bytes if they are known."""

    params: int  # N: weights multiplied for a written token
    read_token: int  # of reading a token, without attention
    written_token: int  # of writing one, without attention
    attended_token: int  # and for each token that it attends to
    pass_128: int  # the paper's unit cost
    cache_token: int | None  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSheet:
    """The cost sheet of one model; None for values that are not known."""

    name: str
    architecture: Architecture | None
    numbers: ModelNumbers | None
    weights_bytes: int | None
    unit_costs: Mapping[Unit, UnitCost | None]
    bought: tuple[Bought, ...]


def make_cost_sheet(subject: Subject, lengths: Lengths, budgets: Mapping[Unit, Sequence[float]]) -> CostSheet:
    """Return the cost sheet of one model."""
    costs = {unit: _cost(subject, lengths, unit) for unit in Unit}
    return CostSheet(
        name=subject.name,
        architecture=subject.architecture,
        numbers=None if subject.architecture is None else _numbers(subject.architecture),
        weights_bytes=subject.file_bytes or _memory(subject.architecture),
        unit_costs=costs,
        bought=tuple(_buy(costs, budgets)),
    )


def _numbers(architecture: Architecture) -> ModelNumbers:
    return ModelNumbers(
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
        thought_tokens=0,
        cached_tokens=0,
        cached_flops=None if flops is None else 0.0,
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
