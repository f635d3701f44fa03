"""What an import writes: values that the store turns into rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from sampler.store.records import ModelRecord
from sampler.values import ModelCard


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedModel:
    """A model whose samples are imported. `params` is its size where only that is known."""

    record: ModelRecord
    card: ModelCard
    params: int | None


@dataclass(slots=True)
class Batch:
    """Samples that the store does not hold, with their texts and claims.

    A claim names its sample by its place in `rows`.

    A row is: model, problem, index, seed, completion, program (both by digest), finish, prompt tokens, completion
    tokens, prompt seconds, decode seconds, prompt FLOPs, decode FLOPs, summed log-probability, whether the prompt was
    shared, why the program is that.
    """

    rows: list[tuple[object, ...]] = field(default_factory=list)
    texts: dict[bytes, str] = field(default_factory=dict)
    claims: list[tuple[int, bool, str | None]] = field(default_factory=list)
