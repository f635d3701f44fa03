"""What is to be imported, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sampler.importing.imported import Reading
from sampler.study.spec import ProblemsSpec
from sampler.values import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is imported, and how it is understood.

    `model` is the name where files give none, else the file's own; `reading` overrides what the format says of its
    texts; with `skip_bad`, malformed rows of samples and of problems are left out; `output_rule` and `assumed` take the
    place of what the problems' data set says; `columns` is {field: column} for lines of no known format. A model that
    is in no catalogue has FLOPs only with an `architecture`, or by the rule "2N" with `params`.
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
        """The problems that are wanted, and how they are read."""
        return ProblemsSpec(
            source=self.problems, skip_bad=self.skip_bad, output_rule=self.output_rule, assumed=self.assumed
        )


@dataclass(slots=True)
class ImportEnd:
    """How many samples the files hold, were added and were held before; of how many problems each model has samples."""

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
        """What to tell, a line for each model."""
        return [
            f"{name}: {self.added[name]} samples added, {self.wanted[name]} of each of {self.sampled[name]} problems"
            + ("" if self.sampled[name] == self.problems else f" ({self.problems - self.sampled[name]} have none)")
            for name in self.wanted
        ]
