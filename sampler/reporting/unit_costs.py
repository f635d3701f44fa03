"""Convert the rows of a store to the values of the statistics: which problems count, and what a sample costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sampler.costs import calflops128, params_flops
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.curves import Counts
from sampler.store.read_models import ModelRow, TallyRow

TOKENS_PRICED = 1e6  # prices are for a million tokens
MOST_NAMED = 3  # problems


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
        f"{model.name}: pass@k ends at k = {fewest}, because {len(short)} of {len(rows)} problems ({named}) have "
        "no more "
        f"samples; others have up to {most}. Add samples of these problems, or leave them out of the study."
    )


def unit_cost(model: ModelRow, tallies: Iterable[TallyRow], unit: Unit, charge: PromptCharge) -> UnitCost | None:
    """Return what a sample of a model costs: the mean over problems of the mean over their samples.

    None if the unit was not measured for every sample or cannot be computed: FLOPs without an architecture, seconds
    without a clock, dollars without a price.
    """
    rows = [row for row in tallies if row.model_id == model.id and row.sampled]
    prices = _PRICES[unit](model)
    if not rows or prices is None:
        return None
    reading, writing = prices
    read, written = _mean(rows, reading), _mean(rows, writing)
    if read is None or written is None:
        return None
    once, each = (read, written) if charge is PromptCharge.ONCE else (0.0, read + written)
    return UnitCost(once=once, each=each) if each > 0 else None


def _mean(rows: Sequence[TallyRow], amount: _Amount) -> float | None:
    """Return the mean over problems of the mean over their samples; None if one problem's mean is not known."""
    amounts = [(amount(row), row.sampled) for row in rows]
    known = [total / sampled for total, sampled in amounts if total is not None]
    return sum(known) / len(known) if len(known) == len(amounts) else None


_Amount = Callable[[TallyRow], float | None]
_Price = Callable[[ModelRow], tuple[_Amount, _Amount] | None]


def _by_architecture(model: ModelRow) -> tuple[_Amount, _Amount] | None:
    if model.architecture is None:
        return None
    return (lambda row: row.prompt_flops), (lambda row: row.decode_flops)


def _by_params(model: ModelRow) -> tuple[_Amount, _Amount] | None:
    params = model.params
    if params is None:
        return None

    def flops(tokens: int | None) -> float | None:
        return None if tokens is None else params_flops(params, tokens)

    return (lambda row: flops(row.prompt_tokens)), (lambda row: flops(row.completion_tokens))


def _by_one_pass(model: ModelRow) -> tuple[_Amount, _Amount] | None:
    return None if model.params is None else _of_each(float(calflops128(model.params)))


def _of_each(cost: float | None) -> tuple[_Amount, _Amount] | None:
    """Return costs that are the same for every sample."""
    return None if cost is None else ((lambda _row: 0.0), (lambda row: cost * row.sampled))


def _by_prices(model: ModelRow) -> tuple[_Amount, _Amount] | None:
    reading, writing = model.costs.prompt_dollars, model.costs.completion_dollars
    if reading is None or writing is None:
        return None

    def dollars(price: float, tokens: int | None) -> float | None:
        return None if tokens is None else price * tokens / TOKENS_PRICED

    return (lambda row: dollars(reading, row.prompt_tokens)), (lambda row: dollars(writing, row.completion_tokens))


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
    Unit.SECONDS: lambda _: ((lambda row: row.prompt_seconds), (lambda row: row.decode_seconds)),
    Unit.TABLE_SECONDS: lambda model: _of_each(model.costs.table_seconds),
    Unit.SANDBOX_SECONDS: lambda _: ((lambda _row: 0.0), _sandbox),
    Unit.TOTAL_SECONDS: lambda _: ((lambda row: row.prompt_seconds), _writing_and_sandbox),
    Unit.JOULES: lambda _: (
        (lambda row: row.prompt_joules),
        (lambda row: row.decode_joules),
    ),
    Unit.DOLLARS: _by_prices,
    Unit.TOKENS: lambda _: ((lambda row: row.prompt_tokens), (lambda row: row.completion_tokens)),
    Unit.SAMPLES: lambda _: ((lambda _row: 0.0), (lambda row: float(row.sampled))),
}
