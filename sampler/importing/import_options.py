"""Define what to import, how each file is read, and the result.

A file is read by its own format, by a format that the user names, or by columns that the user names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sampler.importing.files import Samples, format_of
from sampler.importing.imported_sample import (
    Claim,
    Imported,
    ImportFault,
    NoText,
    Reading,
    count_of,
    finish_of,
    number_of,
    seconds_of,
    text_of,
)
from sampler.study.spec import ProblemsSpec
from sampler.values import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is imported, and how it is read.

    `model` is the name for files that give none; `reading` overrides the format's kind of text; with `skip_bad`,
    malformed rows of samples and of problems are left out; `output_rule` and `assumed` replace those of the problems'
    data set; `columns` is {field: column} for lines of no known format. A model that is in no catalogue has FLOPs only
    with an `architecture`, or by the rule "2N" with `params`.
    """

    files: tuple[Path, ...]
    study: str
    problems: str = "humaneval"
    sampled_only: bool = False
    skip_bad: bool = False
    output_rule: str | None = None
    assumed: Mapping[str, object] = field(default_factory=dict)
    format: str | None = None
    model: str | None = None
    reading: Reading | None = None
    columns: tuple[tuple[str, str], ...] = ()
    architecture: Architecture | None = None
    params: int | None = None

    @property
    def chosen(self) -> ProblemsSpec:
        """Return which problems are wanted, and how they are read."""
        return ProblemsSpec(
            source=self.problems, skip_bad=self.skip_bad, output_rule=self.output_rule, assumed=self.assumed
        )


@dataclass(slots=True)
class ImportEnd:
    """Counts of samples in the files, added, and held before; and of problems with samples, for each model."""

    read: int = 0
    added: Counter[str] = field(default_factory=Counter)
    wanted: dict[str, int] = field(default_factory=dict)
    sampled: dict[str, int] = field(default_factory=dict)
    problems: int = 0
    claims: int = 0
    formats: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # samples, with their place and the reason
    problems_left_out: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Return a message, with a line for each model."""
        return [
            f"{name}: {self.added[name]} samples added, {self.wanted[name]} of each of {self.sampled[name]} problems"
            + ("" if self.sampled[name] == self.problems else f" ({self.problems - self.sampled[name]} have none)")
            for name in self.wanted
        ]


SUFFIXES = (".gz", ".jsonl", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """How one file is read: its format's name, the kind of its texts, and their model if the file does not name it."""

    format: str
    reading: Reading
    model: str


def options_of(path: Path, request: ImportRequest) -> tuple[Samples, FileOptions]:
    """Return the function that makes samples of a file's values, and how the file is read; raises ImportFault."""
    model = request.model or _stem(path)
    if request.columns:
        columns = dict(request.columns)
        reading = request.reading or (Reading.PROGRAM if "program" in columns else Reading.RAW)
        return column_reader(columns), FileOptions(format="map", reading=reading, model=model)
    found = format_of(path, request.format, skip_bad=request.skip_bad)
    return found.samples, FileOptions(format=found.name, reading=request.reading or found.reading, model=model)


def _stem(path: Path) -> str:
    """Return a file's name without its endings."""
    name = path.name
    while suffix := next((one for one in SUFFIXES if name.endswith(one) and name != one), ""):
        name = name.removesuffix(suffix)
    return name


# Plain JSON lines whose columns the user names: `--map answer=text --map info.id=problem`.
#
# A dot goes into an object, or to a place in a list: `--map response.body.choices.0.message.content=text`.

EXAMPLE = '{"id": "HumanEval/0", "answer": "    return 1", "tokens": 5}'


def column_reader(columns: Mapping[str, str]) -> Callable[[Any], Iterator[Imported]]:
    """Return a reader of lines by columns, {field: column}; raises ImportFault for an unknown field."""
    for name in columns:
        if name not in FIELDS:
            near = get_close_matches(name, FIELDS, n=1)
            raise ImportFault(
                f"--map: {name!r} is no field of a sample; "
                + (f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(FIELDS)}")
            )
    if not {"text", "program"} & columns.keys() or not {"problem", "prompt"} & columns.keys():
        raise ImportFault("--map must name the columns of problem (or prompt) and of text (or program)")

    texts = [column for name, column in columns.items() if name in {"text", "program"}]
    plan = tuple((_PLACES.get(name, name), column, _CONVERTERS[name]) for name, column in columns.items())

    def samples(row: Any) -> Iterator[Imported]:
        for column in texts:
            if _absent(row, column):
                raise NoText(f"there is no {column!r}: an answer without a text")
        told = {name: convert(row if column in row else _inside(row, column), column) for name, column, convert in plan}
        yield Imported(**{"text": told.get("program"), **told})

    return samples


def _absent(row: Any, column: str) -> bool:
    """Return whether a line lacks a column of texts, as an error in a batch of answers does."""
    if column in row:
        return row[column] is None
    try:
        return _inside(row, column)[column] is None
    except KeyError:
        return "." in column


def _as_it_is(row: Mapping[str, Any], name: str) -> Any:
    return row[name]


def _claim(row: Mapping[str, Any], name: str) -> Claim | None:
    passed = row[name]
    return Claim(passed=bool(passed)) if isinstance(passed, bool | int | float) else None


_PLACES: Mapping[str, str] = {"passed": "claim"}
_CONVERTERS: Mapping[str, Callable[[Mapping[str, Any], str], Any]] = {
    "problem": _as_it_is, "prompt": text_of, "text": text_of, "program": text_of, "model": text_of, "index": count_of,
    "seed": count_of, "finish": finish_of, "prompt_tokens": count_of, "completion_tokens": count_of,
    "prompt_seconds": seconds_of, "decode_seconds": seconds_of, "sum_logprob": number_of, "passed": _claim,
}  # fmt: skip
FIELDS = tuple(_CONVERTERS)


def _inside(row: Any, column: str) -> dict[str, Any]:
    """Return the value of a column whose name has dots, within nested objects; raises KeyError, which names it."""
    value = row
    for part in column.split("."):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            raise KeyError(column)
    return {column: value}
