"""Read a store as data frames: samples, verdicts, costs, curves, comparisons and the report, for notebooks.

    import sampler
    store = sampler.open("study.db")
    store.curves(unit="tokens")

Columns are made by numpy from statements that return numbers alone, so a million samples need neither a Python object
each nor a join: names and words travel as codes, and an unknown number as infinity, which no fact of a store is.
pandas (extra `frames`) is imported when the first frame is made. `sampler.open(path, kind="arrow")` gives tables of
pyarrow, `kind="polars"` frames of Polars, which share the memory of those.

`sampler.COLUMNS` says what each column of each frame means. A number that a store does not know is missing, never zero.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sampler.frame_columns import (
    COLUMNS,
    KINDS,
    Column,
    Frame,
    Numbers,
    Objects,
    Places,
    Values,
    Words,
    make_frame,
    numbers_column,
    small_frame,
    words_column,
)
from sampler.page.page_model import MOST_EXAMPLES, PageFacts, PageModel, make_page_model
from sampler.page.write import figure, page_html
from sampler.reporting.comparison import compare
from sampler.reporting.inputs import FactsSource, RequestedUnits, facts_and_request, load_paired, read_report
from sampler.reporting.metrics import MetricChoice, metric_choice
from sampler.reporting.render import Page, print_report
from sampler.reporting.report import Report, ReportRequest
from sampler.reporting.tree_report import UNITS as TREE_UNITS
from sampler.reporting.tree_report import TreeReport, read_trees
from sampler.stats.bootstrap import Interval
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.frame_reader import FINISHES, SAMPLE_NUMBERS, VERDICT_NUMBERS, VERDICT_WORDS, VERDICTS, FrameReader
from sampler.store.reader import Reader
from sampler.store.sample_readers import SampleReader
from sampler.store.writer import chosen_study, open_migrated
from sandbox.console import SanitizingConsole
from sandbox.values import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 110  # characters of a table in a notebook
_HTML = (  # the style of a notebook gives `pre` a font in which columns do not stand below one another
    '<pre style="white-space: pre; overflow-x: auto; line-height: normal; '
    "font-family: Menlo, 'DejaVu Sans Mono', Consolas, monospace\">{code}</pre>"
)


@dataclass(frozen=True, slots=True, repr=False)
class ReportView:
    """A study's report: two frames, the text that `sampler report` prints, a page, and figures.

    In a notebook it shows its tables; `print(report)` prints them as text.
    """

    page_model: PageModel
    kind: str

    @property
    def made(self) -> Report:
        """Return the report as values, for programs."""
        return self.page_model.report

    @property
    def models(self) -> Frame:
        """Return each model alone: a row of the columns `COLUMNS["models"]` each."""
        rows = [
            (
                one.name,
                one.problems,
                one.samples,
                one.sampled,
                one.scored,
                one.passed,
                *(None if point is None else point.rate for point in (one.first, one.most, one.greedy)),
                one.prompt_tokens,
                one.completion_tokens,
            )
            for one in self.made.models
        ]
        return small_frame("models", rows, self.kind)

    @property
    def budgets(self) -> Frame:
        """Return what each model reaches at each budget of the report: the columns `COLUMNS["budgets"]`."""
        rows = [
            (
                table.unit.value,
                row.budget,
                row.finding.value,
                row.model,
                cell.model,
                cell.k,
                None if cell.point is None else cell.point.rate,
                *_ends(None if cell.point is None else cell.point.interval),
            )
            for table in self.made.tables
            for row in table.rows
            for cell in row.cells
        ]
        return small_frame("budgets", rows, self.kind)

    @property
    def html(self) -> str:
        """Return the whole page, as `sampler report --html` writes it."""
        return page_html(self.page_model)

    def plot(self) -> Figure:
        """Return a figure of the curves, one below the other for each unit; needs the extra `plots`."""
        return figure(self.page_model)

    def __str__(self) -> str:
        out = io.StringIO()
        print_report(self.made, Page(file=out))
        return out.getvalue()

    def __repr__(self) -> str:
        return f"<report of {self.made.study!r}, {self.made.compared} problems compared>"

    def _repr_html_(self) -> str:
        console = SanitizingConsole(file=io.StringIO(), record=True, width=_WIDTH, highlight=False)
        print_report(self.made, console)
        return console.export_html(inline_styles=True, code_format=_HTML)


class StoreView:
    """A study of a store, as frames. It holds no connection between calls, so a run may go on writing."""

    def __init__(self, path: str | Path, study: str | None = None, *, kind: str = "pandas") -> None:
        """Open a study of a store, by its name or the newest; `kind` is one of KINDS. Raises StoreError."""
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r} is none of frames; choose {', '.join(KINDS)}")
        self.path = Path(path)
        self.kind = kind
        with open_migrated(self.path, FrameReader) as reader:
            self.study = chosen_study(reader.studies(), self.path, study).name

    def __repr__(self) -> str:
        return f"<study {self.study!r} of {str(self.path)!r}>"

    def samples(self, *, texts: bool = False) -> Frame:
        """Return a row for each sample: the columns `COLUMNS["samples"]`; greedy samples are left out.

        With `texts` come the seed, the completion and the program, which are hostile text.
        """
        with self._reader() as reader:
            names = _Names.of(reader, self._row(reader))
            found, judged = reader.samples()
            told = reader.sample_texts() if texts else None
        keep = names.of_study(found)
        latest = np.full(_size(found["id"], judged["sample_id"]), -1, dtype=np.int32)
        latest[judged["sample_id"].astype(np.int64)] = _places(judged["verdict"])  # later attempts have later rows
        verdicts = latest[found["id"][keep].astype(np.int64)]
        columns: dict[str, Column] = names.keys(found, keep)
        columns |= {name: numbers_column(name, found[name][keep]) for name in ("turn", "parent")}
        columns["finish"] = Words(_places(found["finish"][keep]), FINISHES)
        columns |= {name: numbers_column(name, found[name][keep]) for name in SAMPLE_NUMBERS}
        columns["prompt_shared"] = Values(found["prompt_shared"][keep], np.bool_)
        columns["verdict"] = Words(verdicts, VERDICTS)
        columns["passed"] = Values(np.where(verdicts < 0, np.inf, verdicts == VERDICTS.index(Verdict.PASSED)), np.bool_)
        if told is not None:
            rows = [told[at] for at in np.arange(len(told))[keep]]
            columns |= {
                name: Objects([row[at] for row in rows]) for at, name in enumerate(("seed", "completion", "program"), 1)
            }
        return make_frame(columns, self.kind)

    def verdicts(self) -> Frame:
        """Return a row for each verdict, oldest first: the columns `COLUMNS["verdicts"]`."""
        with self._reader() as reader:
            names = _Names.of(reader, self._row(reader))
            keys, numbers, (places, combinations) = reader.verdicts()
        samples = numbers["sample_id"].astype(np.int64)
        size = _size(keys["id"], numbers["sample_id"])
        rows = np.zeros(size, dtype=np.int64)
        rows[keys["id"].astype(np.int64)] = np.arange(len(keys["id"]))
        newest = np.zeros(size, dtype=np.int64)
        newest[samples] = np.arange(len(samples))
        latest = newest[samples] == np.arange(len(samples))
        of_sample = {name: values[rows[samples]] for name, values in keys.items()}
        keep = names.of_study(of_sample)
        columns: dict[str, Column] = names.keys(of_sample, keep)
        columns["attempt"] = numbers_column("attempt", numbers["attempt"][keep])
        columns["latest"] = Values(latest[keep].astype(np.float64), np.bool_)
        words = {name: [one[at] for one in combinations] for at, name in enumerate(VERDICT_WORDS)}
        coded = {name: _recoded(told, places[keep]) for name, told in words.items()}
        passed = np.array([one == Verdict.PASSED for one in words["verdict"]], dtype=np.float64)
        columns |= {"verdict": coded["verdict"], "passed": Values(passed[places[keep]], np.bool_)}
        columns |= {name: coded[name] for name in ("ending", "selection")}
        columns |= {name: numbers_column(name, numbers[name][keep]) for name in VERDICT_NUMBERS}
        columns |= {name: coded[name] for name in ("error_type", "error_message", "flags", "judge")}
        return make_frame(columns, self.kind)

    def costs(self) -> Frame:
        """Return a row for each model and problem that has a sample: the columns `COLUMNS["costs"]`."""
        with self._reader() as reader:
            study = self._row(reader)
            models = {model.id: model.name for model in reader.models(study)}
            tallies = [row for row in reader.tallies(study) if row.model_id in models]
        fields = list(COLUMNS["costs"])[1:]
        rows = [(models[row.model_id], *(getattr(row, field) for field in fields)) for row in tallies]
        return small_frame("costs", rows, self.kind)

    def curves(self, unit: str = "flops", *, prompt: str = "each") -> Frame:
        """Return each model's pass rate by budget, on the problems that all have: the columns `COLUMNS["curves"]`.

        `unit` and `prompt` are those of `sampler report`. Models whose cost is not known in the unit are left out.
        """
        made = read_report(self.path, self.study, units=(Unit(unit),), charge=PromptCharge(prompt))
        rows = [
            (one.model, unit, point.k, point.cost, point.rate, *_ends(point.interval), *_ends(point.band))
            for one in made.tables[0].curves
            for point in one.points
        ]
        return small_frame("curves", rows, self.kind)

    def compare(self, first: str, second: str, unit: str = "flops", *, prompt: str = "each") -> Frame:
        """Return two models, named by a part of their names, at every budget: the columns `COLUMNS["compare"]`.

        Raises NotComparable where they share no budget. Leads are claimed as in `sampler compare`.
        """
        sides = FactsSource(path=self.path, model=first), FactsSource(path=self.path, model=second)
        made = compare(load_paired(sides, {}, self.study), Unit(unit), PromptCharge(prompt))
        rows = [
            (
                step.budget,
                *step.ks,
                *step.rates,
                step.difference.mean,
                *_ends(step.difference.interval),
                *_ends(step.band),
                step.difference.p_corrected,
                step.difference.clear,
                step.row,
            )
            for step in made.steps
        ]
        return small_frame("compare", rows, self.kind)

    def report(self, *units: str, prompt: str = "each", metrics: str | Sequence[str] = ()) -> ReportView:
        """Return the report in these units, or in those of the study file; `metrics` are those of `sampler report`."""
        chosen = tuple(map(Unit, units))
        wanted = tuple(map(metric_choice, [metrics] if isinstance(metrics, str) else metrics))
        page_model = read_page_model(self.path, self.study, units=chosen, charge=PromptCharge(prompt), metrics=wanted)
        return ReportView(page_model, self.kind)

    def plot(self, unit: str = "flops", *, prompt: str = "each") -> Figure:
        """Return a figure of the curves in one unit; needs the extra `plots`."""
        return self.report(unit, prompt=prompt).plot()

    def _reader(self) -> FrameReader:
        return open_migrated(self.path, FrameReader)

    def _row(self, reader: FrameReader) -> int:
        return chosen_study(reader.studies(), self.path, self.study).id


Rows = npt.NDArray[np.bool_] | slice


@dataclass(frozen=True, slots=True)
class _Names:
    """Models and problems of a study, by their ids. Samples that a budget was allotted to are their model's."""

    models: Mapping[int, str]
    problems: Mapping[int, str]

    @classmethod
    def of(cls, reader: FrameReader, study: int) -> _Names:
        models = {model.id: model.name for model in reader.models(study)}
        further = {model.id: models[model.greedy_of] for model in reader.allotted(study) if model.greedy_of in models}
        return cls(models | further, reader.problem_ids(study))

    def of_study(self, keys: Mapping[str, Numbers]) -> Rows:
        """Return which rows are of the study's models; all of them as a slice, which copies nothing."""
        ours = np.isin(keys["model_id"], list(self.models))
        return slice(None) if ours.all() else ours

    def keys(self, keys: Mapping[str, Numbers], keep: Rows) -> dict[str, Column]:
        """Return the columns that name a sample."""
        return {
            "model": _named(self.models, keys["model_id"][keep]),
            "problem": _named(self.problems, keys["problem_id"][keep]),
            "index": numbers_column("index", keys["idx"][keep]),
        }


def _named(names: Mapping[int, str], ids: Numbers) -> Words:
    places = np.full(max(names, default=0) + 1, -1, dtype=np.int32)
    words = {name: at for at, name in enumerate(dict.fromkeys(names.values()))}
    places[list(names)] = [words[name] for name in names.values()]
    return Words(places[ids.astype(np.int64)], tuple(words))


def _recoded(told: Sequence[str | None], places: npt.NDArray[np.int64]) -> Words:
    """Return the column of the words `told[place]`, each different word once."""
    column = words_column(told)
    return Words(column.places[places], column.words)


def _places(values: Numbers) -> Places:
    return np.where(np.isfinite(values), values, -1).astype(np.int32)


def _size(*ids: Numbers) -> int:
    return int(max((values.max() for values in ids if len(values)), default=0)) + 1


def _ends(of: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if of is None else (of.low, of.high)


def _trees(path: Path, study: str, request: ReportRequest) -> tuple[TreeReport, ...]:
    """Return how the study's strategies compare with independent samples, in each of the report's units."""
    charge = PromptCharge.MEASURED if request.charge is PromptCharge.MEASURED else PromptCharge.EACH
    return tuple(read_trees(path, study, unit, charge) for unit in request.units if unit in TREE_UNITS)


def read_page_model(
    path: Path,
    name: str | None = None,
    *,
    units: RequestedUnits = (),
    charge: PromptCharge = PromptCharge.EACH,
    metrics: tuple[MetricChoice, ...] = (),
) -> PageModel:
    """Return the page model of a study; arguments and errors are those of `read_report`."""
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        facts, request = facts_and_request(reader, row, path, units, charge)
        page = PageFacts(facts=facts, failures=reader.failures(row.id), origin=reader.origin(row.id))
    with SampleReader(path) as samples:
        page = replace(page, failing=samples.failing(row.id, MOST_EXAMPLES))
    if any(model.strategy for model in facts.models):
        page = replace(page, trees=_trees(path, row.name, request))
    return make_page_model(page, replace(request, metrics=metrics))
