"""Which of a source's problems a study takes.

A published split, numbers, names, every so many-th, no more than a limit.

The splits of MBPP are those of Austin et al. (2021, "Program Synthesis with Large Language Models"): tasks 1 to 10 are
for few-shot prompts, 11 to 510 for testing. The sanitized set and MBPP+ keep the numbers, so they split alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

SPLITS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "mbpp": {"prompt": (1, 10), "test": (11, 510), "validation": (511, 600), "train": (601, 974)},
}
SPLIT_NAMES = tuple(dict.fromkeys(name for splits in SPLITS.values() for name in splits))
NUMBERS = r"[0-9]+(-[0-9]+)?(, *[0-9]+(-[0-9]+)?)*"  # as in the study's schema
_MOST_DIGITS = 12


def ranges_of(text: str) -> tuple[tuple[int, int], ...]:
    """A text such as "11-510, 601" as ranges, ends included; raises ValueError."""
    if not re.fullmatch(NUMBERS, text) or any(len(digits) > _MOST_DIGITS for digits in re.findall("[0-9]+", text)):
        raise ValueError(f'{text!r} names no numbers; write for example "11-510" or "2, 3, 4"')
    ranges = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        ranges.append((int(first), int(last or first)))
        if ranges[-1][0] > ranges[-1][1]:
            raise ValueError(f"{part.strip()!r} ends before it begins; write {last}-{first}")
    return tuple(ranges)


def in_split(names: Sequence[str], split: str) -> list[str]:
    """Those of the names that a published split holds; raises ValueError for a data set without it."""
    for name in names:
        set_name = name.partition("/")[0].casefold()
        if split not in SPLITS.get(set_name, {}):
            known = ", ".join(SPLITS)
            raise ValueError(
                f"{name!r} is of no data set with a split {split!r} (known: {known}); give numbers or names"
            )
    return [name for name in names if _within(name, [SPLITS[name.partition("/")[0].casefold()][split]])]


def in_ranges(names: Iterable[str], ranges: Iterable[tuple[int, int]]) -> list[str]:
    """Those of the names whose number, their last digits, lies in one of the ranges."""
    ranges = tuple(ranges)
    return [name for name in names if _within(name, ranges)]


def _within(name: str, ranges: Iterable[tuple[int, int]]) -> bool:
    found = re.search(r"[0-9]+$", name)
    return found is not None and any(first <= int(found[0][-_MOST_DIGITS:]) <= last for first, last in ranges)
