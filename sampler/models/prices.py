"""Look up what a host charges for a model's tokens on a day, in a table of prices that needs no network.

The table is that of the package genai-prices, with the prices that were known when the version that is installed was
released, and the days on which some changed. Only this module uses it. Prices that rise with the length of a prompt are
taken at their lowest step. A day after the table's release has its last known price.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Any

from sampler.exit_codes import CommandError, Exit


class PriceError(CommandError, ValueError):
    """The table has no such model, or is not installed."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Dollars for a million tokens: read, written, read from a cache (None: as others). `table` says where from."""

    prompt: float
    completion: float
    cached: float | None
    table: str


def prices_on(name: str, day: date) -> Prices:
    """Return a model's prices on a day; raises PriceError.

    The name is "provider/model", or a model's own name where the table can tell whose it is.
    """
    try:
        from genai_prices import data_snapshot  # an optional package, and a second of work
    except ImportError as error:
        raise PriceError(
            f"prices_of needs the package genai-prices ({error}): pip install 'codebudget[prices]', or write dollars"
        ) from error
    table = data_snapshot.get_snapshot()
    provider, model = _found(table, name)
    told = model.get_prices(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    prompt, completion = _dollars(told, "input_mtok"), _dollars(told, "output_mtok")
    if prompt is None or completion is None:
        raise PriceError(f"the table has no price of {provider.id}/{model.id} for text; write the dollars yourself")
    return Prices(
        prompt=prompt,
        completion=completion,
        cached=_dollars(told, "cache_read_mtok"),
        table=f"{provider.id}/{model.id} on {day.isoformat()}, genai-prices {version('genai-prices')}",
    )


def _found(table: Any, name: str) -> tuple[Any, Any]:
    """Return provider and model; of a name with a slash, the part before it may be the provider or part of the name."""
    providers = {provider.id: provider for provider in table.providers}
    first, slash, rest = name.partition("/")
    ways = [(rest, first)] * bool(slash and first in providers) + [(name, None)]
    for reference, provider in ways:
        try:
            found: tuple[Any, Any] = table.find_provider_model(reference, None, provider, None)
        except LookupError:
            continue
        return found
    known = [f"{one.id}/{model.id}" for one in table.providers for model in one.models]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"is {' or '.join(near)} meant?" if near else f"providers are {', '.join(sorted(providers))}"
    raise PriceError(f"the table of prices has no model {name!r}; {hint}")


def _dollars(prices: Any, key: str) -> float | None:
    value = getattr(prices, key, None)
    base = getattr(value, "base", value)  # of a price in steps, the first
    return None if base is None else float(base)
