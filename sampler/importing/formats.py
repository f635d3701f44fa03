"""Which formats there are, and how a file's is told from its first value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sampler.importing import (
    bigcode,
    codet,
    evalplus,
    humaneval,
    lists,
    livecodebench,
    lm_eval,
    ollama,
    paper,
    recording,
)
from sampler.importing.imported import Imported, ImportFault, NoText, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format: how it is told, how a value of it becomes samples, and what their text is."""

    name: str
    recognises: Callable[[object], bool]
    samples: Callable[[Any], Iterator[Imported | NoText]]
    reading: Reading
    example: str


# The first that recognises a file's first value takes it, so what demands more fields stands first.
FORMATS = (
    Format(
        name="jsonl",
        recognises=recording.recognises,
        samples=recording.samples,
        reading=Reading.RAW,
        example=recording.EXAMPLE,
    ),
    Format(
        name="ollama-lines",
        recognises=ollama.recognises_line,
        samples=ollama.samples_of_line,
        reading=Reading.ANSWER,
        example=ollama.LINE_EXAMPLE,
    ),
    Format(
        name="humaneval",
        recognises=humaneval.recognises,
        samples=humaneval.samples,
        reading=Reading.COMPLETION,
        example=humaneval.EXAMPLE,
    ),
    Format(
        name="evalplus",
        recognises=evalplus.recognises,
        samples=evalplus.samples,
        reading=Reading.PROGRAM,
        example=evalplus.EXAMPLE,
    ),
    Format(
        name="evalplus-results",
        recognises=evalplus.recognises_results,
        samples=evalplus.samples_of_results,
        reading=Reading.PROGRAM,
        example=evalplus.RESULTS_EXAMPLE,
    ),
    Format(
        name="lm-eval",
        recognises=lm_eval.recognises,
        samples=lm_eval.samples,
        reading=Reading.PROGRAM,
        example=lm_eval.EXAMPLE,
    ),
    Format(
        name="codet",
        recognises=codet.recognises,
        samples=codet.samples,
        reading=Reading.RAW,
        example=codet.EXAMPLE,
    ),
    Format(
        name="ollama",
        recognises=ollama.recognises,
        samples=ollama.samples,
        reading=Reading.ANSWER,
        example=ollama.EXAMPLE,
    ),
    Format(
        name="paper",
        recognises=paper.recognises,
        samples=paper.samples,
        reading=Reading.RAW,
        example=paper.EXAMPLE,
    ),
    Format(
        name="bigcode",
        recognises=bigcode.recognises,
        samples=bigcode.samples,
        reading=Reading.PROGRAM,
        example=bigcode.EXAMPLE,
    ),
    Format(
        name="livecodebench",
        recognises=livecodebench.recognises,
        samples=livecodebench.samples,
        reading=Reading.PROGRAM,
        example=livecodebench.EXAMPLE,
    ),
    Format(
        name="lists",
        recognises=lists.recognises,
        samples=lists.samples,
        reading=Reading.PROGRAM,
        example=lists.EXAMPLE,
    ),
)
NAMES = tuple(one.name for one in FORMATS)


def named(name: str) -> Format:
    """The format of this name; raises ImportFault."""
    for one in FORMATS:
        if one.name == name:
            return one
    near = get_close_matches(name, NAMES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(NAMES)}"
    raise ImportFault(f"there is no format {name!r}; {hint}")


def recognised(first: object, where: str) -> Format:
    """The format of a file that begins with this value; raises ImportFault."""
    for one in FORMATS:
        if one.recognises(first):
            return one
    fields = (
        f"the fields {', '.join(sorted(map(str, first))[:8])}"
        if first and isinstance(first, dict)
        else f"{first!r:.60}"
    )
    raise ImportFault(
        f"{where}: no known format begins with {fields}; known are {', '.join(NAMES)} (docs/importing.md shows a "
        "line of "
        "each), or name the columns with --map COLUMN=FIELD"
    )
