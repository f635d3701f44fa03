"""How a file is understood: by its own format, by the one asked for, or by columns that the user names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sampler.importing.files import Samples, format_of
from sampler.importing.imported import Reading
from sampler.importing.mapped import reader
from sampler.importing.request import ImportRequest

SUFFIXES = (".gz", ".jsonl", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How one file is understood: its format's name, what its texts are, and whose they are if it does not say."""

    format: str
    reading: Reading
    model: str


def understood(path: Path, request: ImportRequest) -> tuple[Samples, Manner]:
    """What makes samples of a value of a file, and how the file is understood; raises ImportFault."""
    model = request.model or _stem(path)
    if request.columns:
        columns = dict(request.columns)
        reading = request.reading or (Reading.PROGRAM if "program" in columns else Reading.RAW)
        return reader(columns), Manner(format="map", reading=reading, model=model)
    found = format_of(path, request.format, skip_bad=request.skip_bad)
    return found.samples, Manner(format=found.name, reading=request.reading or found.reading, model=model)


def _stem(path: Path) -> str:
    """A file's name without what says how it is written."""
    name = path.name
    while suffix := next((one for one in SUFFIXES if name.endswith(one) and name != one), ""):
        name = name.removesuffix(suffix)
    return name
