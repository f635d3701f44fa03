"""Convert a budget to a number of samples, and back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import floor, isfinite

_COUNTABLE = 2**53  # beyond, neighbouring whole numbers are one float


class Unit(StrEnum):
    """What a budget is counted in."""

    FLOPS = "flops"  # by the architecture: matrix products and attention at every position
    FLOPS_PARAMS = "flops_params"  # by the rule "2 FLOPs per parameter and token"
    FLOPS_128 = "flops_128"  # one pass over 128 tokens, whatever the sample's length, as the paper counts
    TABLE_FLOPS = "table_flops"  # one sample's, as the study file says
    SECONDS = "seconds"  # measured engine time
    TABLE_SECONDS = "table_seconds"  # one sample's, as the study file says
    SANDBOX_SECONDS = "sandbox_seconds"  # CPU time of executing the program
    TOTAL_SECONDS = "total_seconds"  # engine time and sandbox time together
    JOULES = "joules"  # measured energy of the engine's devices
    DOLLARS = "dollars"  # by the study file's prices of tokens
    TOKENS = "tokens"  # read and written
    SAMPLES = "samples"


class PromptCharge(StrEnum):
    """Who pays for reading the prompt."""

    EACH = "each"  # every sample, as if it were asked alone
    MEASURED = "measured"  # every sample, without what the engine had in its cache
    ONCE = "once"  # the first sample of a problem, as when one reading serves all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCost:
    """What k samples of a model cost on a problem: once + k x each.

    Linear in k with one unit cost for all problems, as in Hassid et al. 2024 (arXiv 2404.00725, section 3); `once` is
    the shared reading of the prompt, as in Brown et al. 2024 (arXiv 2407.21787), and 0 where every sample pays for
    itself.
    """

    each: float
    once: float = 0.0

    def __post_init__(self) -> None:
        if not (isfinite(self.each) and self.each > 0):
            raise ValueError(f"a sample must cost something, not {self.each}")
        if not (isfinite(self.once) and self.once >= 0):
            raise ValueError(f"the shared cost must not be negative, not {self.once}")

    def of(self, k: int) -> float:
        """Return the cost of k samples."""
        return self.once + k * self.each if k else 0.0

    def affordable(self, budget: float) -> int:
        """The largest k with cost(k) <= budget: floor(budget / unit cost), Hassid et al. 2024, equations 2 and 3.

        A division of floats may be just below or above a whole number, so the cost itself decides. Above 2^53 floats
        cannot represent all whole numbers, so this is the result for every larger budget.
        """
        if not (isfinite(budget) and budget >= 0):
            raise ValueError(f"a budget must be a number that is not negative, not {budget}")
        quotient = (budget - self.once) / self.each
        if quotient > _COUNTABLE:
            return _COUNTABLE
        k = max(0, floor(quotient))
        return next((guess for guess in (k + 1, k) if self.of(guess) <= budget), max(0, k - 1))
