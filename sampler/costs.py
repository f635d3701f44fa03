"""Compute what a sample costs in FLOPs and the memory of its cache, and look up what a host charges for tokens.

FLOPs are counted by three formulas, in whole numbers.

`params` is the rule of thumb of Kaplan et al. (2020), used by nearly every comparison of models at equal compute: 2N
FLOPs per token (a multiplication and an addition per weight), for prompt and completion alike. Of a mixture of experts
N is the active part.

`calflops128` is what Hassid et al. (2024, Table 1) report: one pass of the `calflops` library over 128 tokens, which is
2·(W + U)·128, the products of attention scores left out. It stands for a sample of any length.

`arch` adds what the rule leaves out, after Brown et al. (2024, "Large Language Monkeys") but summed exactly over
positions. With W the weights of the layers, U those of the unembedding, L the layers and d the attention width:

* a position passes the layers: 2W;
* it attends to itself and everything before it: at position t (counted from 1) the products Q·K and A·V take 2·d·t
  each in every layer, so 4·L·d·t. In a layer with a sliding window of w positions it is min(t, w) instead of t
  (Jiang et al. 2023, "Mistral 7B"). Grouped key-value heads save memory, not these FLOPs (Ainslie et al. 2023);
* a position from which a token is predicted passes the unembedding: 2U.

Of a prompt whose first H tokens are in the engine's cache, H at most P - 1, the positions 1 … H are not computed again:
that saves 2W·H and the attention of these positions.

A prompt of P tokens is read once: positions 1 … P, and only its last one needs the unembedding. A completion of T
tokens is charged T whole passes, at the positions P+1 … P+T. An engine with a key-value cache may skip the pass of the
very last token, since nothing is predicted from it; it is charged all the same, as in 2N·T, so that a token costs one
pass wherever a sample happens to be cut. Embedding look-up, norms, rotary angles, softmax and sampling are left out
(below 1 %).

Prices (`prices_on`) are those of the package genai-prices, which needs no network: as they were known when the version
that is installed was released, with the days on which some changed. Only this module uses it. Prices that rise with the
length of a prompt are taken at their lowest step. A day after the table's release has its last known price.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Any

from sampler.exit_codes import CommandError, Exit
from sampler.values import Architecture, Sample

CALFLOPS_TOKENS = 128
CACHE_BYTES = 2  # of a number in the cache: 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Flops:
    """FLOPs of reading the prompt (once, however many samples share it) and of writing one completion.

    `cached` are those of `prompt` that the engine's cache has saved; None where that is not known.
    """

    prompt: int
    decode: int
    cached: int | None = None


def params_flops(params: int, tokens: int) -> int:
    """Return 2N FLOPs for each of `tokens`, read or written; for a mixture of experts, N is the active part."""
    _check(params=params, tokens=tokens)
    return 2 * params * tokens


def calflops128(params: int) -> int:
    """Return the FLOPs of one pass over 128 tokens, the unit cost of Hassid et al. 2024, Table 1."""
    return params_flops(params, CALFLOPS_TOKENS)


def arch_flops(
    architecture: Architecture, prompt_tokens: int, completion_tokens: int, cached_tokens: int | None = None
) -> Flops:
    """Return the FLOPs of one sample by the architecture; the module's docstring gives the formula."""
    _check(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    layers, unembedding = 2 * architecture.matmul_params, 2 * architecture.unembed_params
    whole = prompt_tokens + completion_tokens
    return Flops(
        prompt=layers * prompt_tokens + (unembedding if prompt_tokens else 0) + _attention(architecture, prompt_tokens),
        decode=(layers + unembedding) * completion_tokens
        + _attention(architecture, whole)
        - _attention(architecture, prompt_tokens),
        cached=None if cached_tokens is None else cached_flops(architecture, prompt_tokens, cached_tokens),
    )


def sample_flops(architecture: Architecture | None, sample: Sample) -> Flops | None:
    """Return the FLOPs of one sample; None if the architecture or a number of tokens is not known."""
    if architecture is None or sample.prompt_tokens is None or sample.completion_tokens is None:
        return None
    return arch_flops(architecture, sample.prompt_tokens, sample.completion_tokens, sample.cached_tokens)


def cached_flops(architecture: Architecture, prompt_tokens: int, cached_tokens: int) -> int:
    """Return the FLOPs that a cached prefix saves; the last position of a prompt is always computed."""
    _check(prompt_tokens=prompt_tokens, cached_tokens=cached_tokens)
    held = min(cached_tokens, max(0, prompt_tokens - 1))
    return 2 * architecture.matmul_params * held + _attention(architecture, held)


def cache_bytes(architecture: Architecture, tokens: int) -> int | None:
    """Return the bytes of a cache for `tokens`: a key and a value for each position and layer, in 16 bits.

    A layer with a sliding window keeps its window. None where the width of keys and values is not known.
    """
    _check(tokens=tokens)
    if architecture.kv_width is None:
        return None
    whole = architecture.layers - architecture.windowed_layers
    kept = whole * tokens + architecture.windowed_layers * min(tokens, architecture.window or 0)
    return 2 * CACHE_BYTES * architecture.kv_width * kept


def _attention(architecture: Architecture, tokens: int) -> int:
    """Return the attention FLOPs of positions 1 … tokens: 4·d times, in each layer, the positions that each sees."""
    near = min(tokens, architecture.window or 0)
    seen = tokens * (tokens + 1) // 2
    seen_in_window = near * (near + 1) // 2 + (tokens - near) * near
    whole = architecture.layers - architecture.windowed_layers
    return 4 * architecture.attention_width * (whole * seen + architecture.windowed_layers * seen_in_window)


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"{name} must not be negative, not {count}")


class PriceError(CommandError, ValueError):
    """The table has no such model, or is not installed."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Dollars for a million tokens: read, written, read from a cache, and written into one (None: as others).

    `table` says where they are from.
    """

    prompt: float
    completion: float
    cached: float | None
    cache_write: float | None
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
    provider, model = _find_model(table, name)
    told = model.get_prices(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    prompt, completion = _dollars(told, "input_mtok"), _dollars(told, "output_mtok")
    if prompt is None or completion is None:
        raise PriceError(f"the table has no price of {provider.id}/{model.id} for text; write the dollars yourself")
    return Prices(
        prompt=prompt,
        completion=completion,
        cached=_dollars(told, "cache_read_mtok"),
        cache_write=_dollars(told, "cache_write_mtok"),
        table=f"{provider.id}/{model.id} on {day.isoformat()}, genai-prices {version('genai-prices')}",
    )


def _find_model(table: Any, name: str) -> tuple[Any, Any]:
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
