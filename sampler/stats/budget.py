"""Read a budget as a person types it, and convert it to a number of samples and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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

    @classmethod
    def _missing_(cls, value: object) -> Unit:
        raise ValueError(f"{value!r:.40} is no unit; the units are {', '.join(cls)}")


class PromptCharge(StrEnum):
    """Who pays for reading the prompt."""

    EACH = "each"  # every sample, as if it were asked alone
    MEASURED = "measured"  # every sample, without what the engine had in its cache
    ONCE = "once"  # the first sample of a problem, as when one reading serves all of them

    @classmethod
    def _missing_(cls, value: object) -> PromptCharge:
        raise ValueError(f"{value!r:.40} pays for no prompt; choose {', '.join(cls)}")


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
        """Return the largest k with cost(k) <= budget; raises ValueError for a negative or infinite budget.

        It is floor(budget / unit cost): Hassid et al. 2024, equations 2 and 3.

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


FLOP_UNITS = (Unit.FLOPS, Unit.FLOPS_PARAMS, Unit.FLOPS_128, Unit.TABLE_FLOPS)
SECOND_UNITS = (Unit.SECONDS, Unit.TABLE_SECONDS, Unit.SANDBOX_SECONDS, Unit.TOTAL_SECONDS)
_SCALES = {
    "k": 1e3,
    "K": 1e3,
    "M": 1e6,
    "G": 1e9,
    "g": 1e9,
    "B": 1e9,
    "b": 1e9,
    "T": 1e12,
    "t": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Z": 1e21,
}
_SPELLED = {"kilo": "k", "mega": "M", "giga": "G", "tera": "T", "peta": "P", "exa": "E", "zetta": "Z", "milli": "m"}
_PARTS = {"m": 1e-3, "µ": 1e-6, "μ": 1e-6, "u": 1e-6, "n": 1e-9}
_DIVISIBLE = frozenset({Unit.SECONDS, Unit.JOULES, Unit.DOLLARS})  # whose thousandth is an amount
_WORDS: Mapping[str, tuple[float, tuple[Unit, ...]]] = {
    **dict.fromkeys(("flop", "flops"), (1.0, FLOP_UNITS)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), (1.0, SECOND_UNITS)),
    **dict.fromkeys(("min", "minute", "minutes"), (60.0, SECOND_UNITS)),
    **dict.fromkeys(("h", "hour", "hours"), (3600.0, SECOND_UNITS)),
    **dict.fromkeys(("d", "day", "days"), (86_400.0, SECOND_UNITS)),
    **dict.fromkeys(("j", "joule", "joules"), (1.0, (Unit.JOULES,))),
    "wh": (3600.0, (Unit.JOULES,)),
    **dict.fromkeys(("$", "usd", "dollar", "dollars"), (1.0, (Unit.DOLLARS,))),
    **dict.fromkeys(("tok", "token", "tokens"), (1.0, (Unit.TOKENS,))),
    **dict.fromkeys(("sample", "samples"), (1.0, (Unit.SAMPLES,))),
    **{unit.value: (1.0, (unit,)) for unit in Unit if "_" in unit.value},  # as reports call them
}
_NUMBER = r"(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_AMOUNT = re.compile(rf"(\$?)\s*({_NUMBER})\s*((?:[kKMGgBbTtPEZ] )?[a-zA-Zµμ$]*(?:_[a-z0-9]+)?)")
_SEPARATED = re.compile(r"[0-9][,'’\u00a0\u202f\u066b\u066c ][0-9]")
EXAMPLES = "1e12, 1T, 2 TFLOP, 30s, 500 tokens or $0.02"


class BudgetError(ValueError):
    """A text that is no budget, or one in another unit; the message says how to write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedBudget:
    """A budget as it was typed. `units` are those that its words fit, the usual one first; empty: any unit."""

    text: str
    amount: float
    units: tuple[Unit, ...] = ()

    def within(self, unit: Unit) -> float:
        """Return the amount in `unit`; raises BudgetError if the budget was typed in another one."""
        if self.units and unit not in self.units:
            raise BudgetError(f"{self.text!r} is a budget in {self.units[0].value}, and {unit.value} are counted here")
        return self.amount


def parse_budget(text: str) -> TypedBudget:
    """Return the budget in a text such as 1e12, 1T, "2 TFLOP", 30s, 5 min or $0.02; raises BudgetError.

    A size (k, M, G or B, T, P, E, Z, or kilo to zetta) may stand alone or before a unit. Units may be written in any
    case, and so may k, G, B and T. The other sizes may not: `m` alone is refused, because it could mean a million, a
    thousandth or a minute. A comma is refused, because it separates decimals for some people and thousands for others.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None and _SEPARATED.search(text):
        raise BudgetError(f"{text!r} is no budget; write a point before decimals, and nothing between thousands")
    if found is None:
        raise BudgetError(f"{text!r} is no budget; write a number above 0, as {EXAMPLES}")
    dollar, number, words = found[1], found[2], found[3].replace(" ", "")
    if dollar and words and words not in _SCALES:
        raise BudgetError(f"{text!r} names two units; write $0.02 or 30s")
    scale, units = _meaning(text, words) if words else (1.0, ())
    if dollar:
        units = (Unit.DOLLARS,)
    amount = float(number) * scale
    if not (isfinite(amount) and amount > 0):
        raise BudgetError(f"{text!r} is no budget; write a number above 0, as {EXAMPLES}")
    return TypedBudget(text=text, amount=amount, units=units)


def _meaning(text: str, words: str) -> tuple[float, tuple[Unit, ...]]:
    """Return the scale and the units of what stands behind a number."""
    if words in _SCALES:
        return _SCALES[words], ()
    found = next(_readings(words), None)
    if found is not None:
        return found
    if words in _PARTS:
        raise BudgetError(f"{text!r} could mean several things; write M for a million, min for minutes, ms with a unit")
    larger = words[:1].upper() + words[1:]
    if larger in _SCALES or next(_readings(larger), None) is not None:
        raise BudgetError(f"{text!r} has no size that is known: upper and lower case differ there; write {larger}")
    raise BudgetError(f"{text!r} has no unit that is known; write a number above 0, as {EXAMPLES}")


def _readings(words: str) -> Iterator[tuple[float, tuple[Unit, ...]]]:
    """Yield what words can mean: a unit alone first, then one behind a size."""
    if words.lower() in _WORDS:
        yield _WORDS[words.lower()]
    spelled = next((name for name in _SPELLED if words.lower().startswith(name)), "")
    size, rest = (_SPELLED[spelled], words[len(spelled) :].lower()) if spelled else (words[:1], words[1:].lower())
    if rest in _WORDS and "_" not in rest:
        scale, units = _WORDS[rest]
        if size in _SCALES:
            yield _SCALES[size] * scale, units
        elif size in _PARTS and units[0] in _DIVISIBLE:
            yield _PARTS[size] * scale, units


def unit_of(budgets: Sequence[TypedBudget], usual: Unit) -> Unit:
    """Return the unit that typed budgets are in, or the usual one if they fit it; raises BudgetError if they differ."""
    unit = next((budget.units[0] for budget in budgets if budget.units and usual not in budget.units), usual)
    for budget in budgets:
        budget.within(unit)
    return unit
