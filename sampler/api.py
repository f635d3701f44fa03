"""Make and run a study from Python, and open its store: what `import sampler` offers to notebooks.

    import sampler
    study = sampler.Study("examples/replay.db", problems={...}, models=[...])
    store = sampler.run(study)

A study from code is the study file that says the same: it is written as TOML and read by the one reader of study files,
so every key of `docs/study.md` and every error is that of the file, and the store keeps a file that can be run again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from sampler.data_frames import StoreView
from sampler.exit_codes import CommandError, Exit
from sampler.models.pull import models_dir
from sampler.running.dependencies import real_dependencies
from sampler.running.displays import PlainLines
from sampler.running.headless import run_limited, saying
from sampler.running.progress import Subscriber
from sampler.running.run import Dependencies
from sampler.running.run_options import RunLimits
from sampler.study.spec import Study as StudySpec
from sampler.study.spec import load_study, read_study
from sampler.study.toml_table import SpecError
from sampler.values import valid_text


class RunIncomplete(CommandError):
    """A run ended before all samples were drawn and scored; the store keeps what there is."""

    exit_code = Exit.INCOMPLETE


@dataclass(frozen=True, slots=True)
class Study:
    """A study, as its file says it: every table is a mapping with the keys of the study file.

    `store` is where the samples are kept. `problems` is a source, a list of them, or the table [problems]; each of
    `models` (or the only one) a table [[models]]; `sampling`, `sandbox`, `report` and `budget` are the tables of these
    names. Paths are relative to `folder`.
    """

    store: str | Path
    problems: str | Sequence[str] | Mapping[str, object]
    models: Sequence[Mapping[str, object]] | Mapping[str, object]
    name: str | None = None
    seed: int = 0
    sampling: Mapping[str, object] = field(default_factory=dict)
    sandbox: Mapping[str, object] = field(default_factory=dict)
    report: Mapping[str, object] = field(default_factory=dict)
    folder: str | Path = "."
    budget: Mapping[str, object] = field(default_factory=dict)

    @property
    def toml(self) -> str:
        """Return the study file."""
        source = self.problems if isinstance(self.problems, Mapping) else {"source": self.problems}
        top: dict[str, object] = {"name": self.name or Path(self.store).stem, "seed": self.seed, "problems": source}
        tables = {"sampling": self.sampling, "sandbox": self.sandbox, "report": self.report, "budget": self.budget}
        top |= {key: table for key, table in tables.items() if table}
        top["models"] = [self.models] if isinstance(self.models, Mapping) else self.models
        return "".join(f"{key} = {_toml(value)}\n" for key, value in top.items())

    def checked(self) -> StudySpec:
        """Return the study, checked by the reader of study files; raises SpecError."""
        if not Path(self.store).name:
            raise SpecError(f"store = {str(self.store)!r} names no file; write for example store = 'mine.db'")
        path = Path(self.folder) / f"{self.name or Path(self.store).stem}.toml"
        return replace(read_study(self.toml, path), store=Path(self.folder) / self.store)


def _toml(value: object) -> str:
    """Return a value in TOML: JSON's texts and numbers are TOML's, too; tables are inline.

    Numbers of numpy are written as numbers. Raises TypeError for a value without a form in TOML, and ValueError for a
    text with an unpaired surrogate.
    """
    match value:
        case Mapping():
            return "{" + ", ".join(f"{_toml(str(key))} = {_toml(each)}" for key, each in value.items()) + "}"
        case str():
            if value != valid_text(value):
                raise ValueError(f"{value!r} holds half of a surrogate pair, which no text of a study may; take it out")
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Path():
            return _toml(str(value))
        case date():
            return value.isoformat()
        case bool() | np.bool_():
            return json.dumps(bool(value))
        case Integral():
            return str(int(value))
        case Real():
            number = float(str(value) if isinstance(value, np.floating) else value)  # 0.1 of 32 bits is meant as 0.1
            return json.dumps(number) if isfinite(number) else str(number)
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            raise TypeError(f"{value!r} has no form in a study file; leave the key out, or give text, number or table")


def open(path: str | Path, study: str | None = None, *, kind: str = "pandas") -> StoreView:
    """Open a study of a store (the newest, or the one of this name), as data frames; raises StoreError.

    `kind` is "pandas" (extra `frames`), "arrow" (extra `parquet`) or "polars" (extra `polars`). Nothing is read before
    it is asked for.
    """
    return StoreView(path, study, kind=kind)


def run(
    study: Study | str | Path,
    *,
    log: TextIO | None = None,
    dependencies: Dependencies | None = None,
    fetch: bool = False,
) -> StoreView:
    """Run a study, or the study of a file, into its store; return the store. A study that is complete runs nothing.

    Progress lines go to `log`, by default standard error. With `fetch`, missing models of the catalogue are pulled.
    Raises what broke the run, SpecError, or RunIncomplete.
    """
    asked: Any = study.checked() if isinstance(study, Study) else load_study(Path(study))
    tell: Subscriber = PlainLines(log or sys.stderr)
    opened = dependencies or real_dependencies(models_dir(), saying(tell), fetch=fetch)
    ended = run_limited(asked, opened, tell, RunLimits())
    if ended.code is not Exit.OK:
        raise RunIncomplete(f"{asked.name}: {ended.reason}")
    return StoreView(asked.store, asked.name)
