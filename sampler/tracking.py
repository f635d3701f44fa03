"""Send results to experiment trackers, and to a repository of data sets: the destinations that are built in.

    sampler export results.db --to trackio:PROJECT
    sampler export results.db --to wandb:PROJECT
    sampler export results.db --to hf:./folder        or hf:ORG/NAME

A tracker gets one run for each model, grouped by the study. Its steps are the numbers of samples k, and each step holds
the model's point in every unit of the report: what k samples cost, pass@k, its interval and its band. A data set is a
folder in the form of the Hugging Face Hub: Parquet files of samples and curves, and a card that describes them.

Trackers read their own variables of the environment: WANDB_MODE=offline writes a run folder under WANDB_DIR, and
trackio writes to TRACKIO_DIR on this machine alone. With `[report] log` a study's progress is logged while it runs.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sampler.exporting import COLUMNS, Exporter, ExportFault, PyarrowMissing, Source, recording, write_parquet
from sampler.frame_columns import COLUMNS as FRAMES
from sampler.reporting.inputs import read_report
from sampler.reporting.render import Page, collapse, print_report
from sampler.reporting.report import ModelLine, Report
from sandbox.problems import ProblemsError
from sandbox.problems.sources.hub import publish

LOG_SECONDS = 10.0
CARD_ROWS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
CURVE_COLUMNS = tuple(FRAMES["curves"])


class TrackedRun(Protocol):
    """One run of a tracker."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log values of a step; steps rise."""

    def finish(self) -> None:
        """Write all that was logged, and end the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunName:
    """What a run is called: its project, its name in it, the study that it belongs to, and facts about it."""

    project: str
    name: str
    group: str
    config: Mapping[str, Any]


Open = Callable[[RunName], TrackedRun]


class _Trackio:
    """A run of trackio, which prints to standard output; that is ours."""

    def __init__(self, name: RunName) -> None:
        try:
            import trackio  # an extra
        except ImportError as error:
            raise ExportFault("trackio is not installed; run `pip install 'codebudget[trackio]'`") from error
        options = {"embed": False, "auto_log_gpu": False, "auto_log_cpu": False}
        with redirect_stdout(sys.stderr):
            self._run = trackio.init(
                project=name.project, name=name.name, group=name.group, config=dict(name.config), **options
            )

    def log(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step)

    def finish(self) -> None:
        with redirect_stdout(sys.stderr):
            self._run.finish()


class _Wandb:
    """A run of Weights & Biases; nothing about this machine or the user's code is sent."""

    def __init__(self, name: RunName) -> None:
        try:
            import wandb  # an extra
        except ImportError as error:
            raise ExportFault("wandb is not installed; run `pip install 'codebudget[wandb]'`") from error
        silent: dict[str, Any] = {"console": "off", "silent": True}
        private: dict[str, Any] = {"disable_git": True, "disable_code": True, "disable_job_creation": True}
        private |= {"x_disable_stats": True, "x_disable_meta": True}
        entity, project = wandb_project(name)
        try:
            self._run = wandb.init(
                entity=entity,
                project=project,
                name=name.name,
                group=name.group,
                config=dict(name.config),
                reinit="create_new",
                settings=wandb.Settings(**silent, **private),
            )
        except wandb.errors.Error as error:
            raise ExportFault(
                f"wandb: {collapse(str(error))}; log in (`wandb login`), or set WANDB_MODE=offline"
            ) from error

    def log(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step)

    def finish(self) -> None:
        self._run.finish()


def wandb_project(name: RunName) -> tuple[str | None, str]:
    """Return the entity (None: the user's own) and the project of a run.

    ENTITY/PROJECT may be asked for. A study's own name gives a project, in which wandb allows less than we do.
    """
    if name.project == name.group:
        return None, re.sub(r"[/\\#?%:]", "-", name.project)[:128]
    entity, _, project = name.project.rpartition("/")
    return entity or None, project


def curve_steps(report: Report, model: str) -> Mapping[int, Mapping[str, float]]:
    """Return a model's points, by the number of samples: in each unit the cost, pass@k, its interval and its band."""
    steps: dict[int, dict[str, float]] = {}
    for table in report.tables:
        for curve in table.curves:
            for point in curve.points if curve.model == model else ():
                values = {"cost": point.cost, "pass_rate": point.rate}
                for name, interval in (("interval", point.interval), ("band", point.band)):
                    if interval is not None:
                        values |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
                into = steps.setdefault(point.k, {"k": float(point.k)})
                into.update({f"{table.unit.value}/{name}": value for name, value in values.items()})
    return dict(sorted(steps.items()))


def _send_curves(open_run: Open, target: str, source: Source) -> Iterator[str]:
    report = report_of(source)
    chosen = {model.name for model in source.models}
    for line in report.models:
        steps = curve_steps(report, line.name)
        if line.name not in chosen or not steps:
            continue
        run = open_run(
            RunName(project=target or report.study, name=line.name, group=report.study, config=_config(report, line))
        )
        try:
            for step, values in steps.items():
                run.log(values, step)
        finally:
            run.finish()
        yield f"logged {len(steps)} points of {collapse(line.name)} to project {target or report.study}"


def report_of(source: Source) -> Report:
    """Return the report of the study that is exported."""
    (name,) = [study.name for study in source.reader.studies() if study.id == source.study]
    return read_report(source.store, name)


def _config(report: Report, line: ModelLine) -> dict[str, Any]:
    return {
        "study": report.study,
        "problems": report.problems,
        "compared_problems": report.compared,
        "engine": line.engine,
        "params": line.params,
        "samples_of_each_problem": line.samples,
        "scored": line.scored,
        "passed": line.passed,
        **{f"verdict_{name}": count for name, count in line.verdicts.items()},
    }


class LiveLog:
    """Logs a study's progress to a tracker while it runs: what is sampled, scored and passed, for each model.

    A tracker that fails is told once, and the study goes on without it. Values are logged at most every
    `LOG_SECONDS`, and once more at the end.
    """

    def __init__(self, open_run: Callable[[], TrackedRun], complain: Callable[[str], None]) -> None:
        self._open, self._complain = open_run, complain
        self._run: TrackedRun | None = None
        self._lock = threading.Lock()
        self._at, self._step, self._broken = float("-inf"), -1, False
        self._last: tuple[int, Mapping[str, float]] | None = None

    def begin(self) -> None:
        """Open the run; raises ExportFault if the tracker is not installed."""
        try:
            self._run = self._open()
        except ExportFault:
            raise
        except Exception as error:
            self._fail(error)

    def see(self, step: int, values: Mapping[str, float]) -> None:
        """Log the values of a step; a step that is not later than the last one is left out."""
        with self._lock:
            self._last = step, values
            if time.monotonic() - self._at >= LOG_SECONDS:
                self._write()

    def close(self) -> None:
        """Log what was seen last, and end the run."""
        with self._lock:
            self._write()
            if self._run is not None:
                self._guarded(self._run.finish)

    def _write(self) -> None:
        if self._last is None or self._last[0] <= self._step or self._broken:
            return
        (step, values), self._at = self._last, time.monotonic()
        self._step = step
        run = self._run
        if run is not None:
            self._guarded(lambda: run.log(values, step))

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            if not self._broken:
                act()
        except Exception as error:  # a tracker may fail in any way, and no sample is lost for it
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._broken = True
        self._complain(f"the tracker failed, and nothing more is logged: {type(error).__name__}: {error}")


# A data set: files and a card, in the layout that the Hugging Face Hub shows and `datasets.load_dataset` reads.


def write_data_set(folder: Path, source: Source) -> None:
    """Write the samples and curves of a study as a data set into an empty or new folder; raises ExportFault."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportFault(f"{str(folder)!r} is there already; choose another name, or remove it")
    report = report_of(source)
    data = folder / "data"
    write_parquet(data / "samples.parquet", ([recording(row) for row in group] for group in source.groups()))
    rows = [
        (curve.model, table.unit.value, point.k, point.cost, point.rate, *_ends(point.interval), *_ends(point.band))
        for table in report.tables
        for curve in table.curves
        for point in curve.points
    ]
    _write_curves(data / "curves.parquet", rows)
    (folder / "README.md").write_text(data_set_card(report, source), encoding="utf-8")


def _ends(of: Any) -> tuple[float | None, float | None]:
    return (None, None) if of is None else (of.low, of.high)


def _write_curves(path: Path, rows: list[tuple[Any, ...]]) -> None:
    try:
        import pyarrow as pa  # heavy, and an extra
        import pyarrow.parquet as pq
    except ImportError as error:
        raise PyarrowMissing("a data set needs pyarrow; run `pip install 'codebudget[hub]'`") from error
    kinds = [pa.string(), pa.string(), pa.int64(), *[pa.float64()] * (len(CURVE_COLUMNS) - 3)]
    columns = [pa.array([row[at] for row in rows], kind) for at, kind in enumerate(kinds)]
    pq.write_table(pa.table(columns, names=list(CURVE_COLUMNS)), path)


_CARD = """---
pretty_name: {quoted_title}
task_categories: [text-generation]
tags: [code, code-generation, codebudget]
size_categories: [{size}]
configs:
- config_name: samples
  data_files: data/samples.parquet
  default: true
- config_name: curves
  data_files: data/curves.parquet
---

# Samples of the study {title}

What language models wrote for {problems} programming problems, and whether each program passed
the problems' tests.

- Problems: {source} (SHA-256 of their content: `{digest}`)
- Seed of the study: {seed}

{names}

The texts were written by models: run none of them outside a sandbox. Verdicts were made by running each program in a
hardened container; `PASSED` takes evidence that every test was answered. A column that is missing in a row is not
known. Models and problems have licences of their own, which hold for what is here.

## Results

{fence}text
{printed}
{fence}

## `samples`: a row for each sample

| column | kind |
|---|---|
{columns}

## `curves`: what each model reaches by budget

| column | meaning |
|---|---|
{curves}
"""


def data_set_card(report: Report, source: Source) -> str:
    """Return the card of a study's samples: what they are, how they were judged, and what each column means."""
    size = _size_category(sum(line.sampled for line in report.models))
    (study,) = [row for row in source.reader.studies() if row.id == source.study]
    out = io.StringIO()
    print_report(report, Page(file=out))
    printed = out.getvalue().rstrip()
    fence = "`" * max(3, 1 + max((len(run) for run in _runs_of(printed)), default=0))
    names = "\n".join(f"- `{collapse(line.name)}`: {line.sampled} samples" for line in report.models)
    columns = "\n".join(f"| `{name}` | {kind} |" for name, kind in COLUMNS.items())
    curves = "\n".join(f"| `{name}` | {FRAMES['curves'][name]} |" for name in CURVE_COLUMNS)
    title = collapse(report.study)
    return _CARD.format(
        quoted_title=json.dumps(title),
        title=title,
        size=size,
        problems=report.problems,
        source=collapse(study.problems_source),
        digest=study.problems_digest,
        seed=study.seed,
        names=names,
        fence=fence,
        printed=printed,
        columns=columns,
        curves=curves,
    )


def _size_category(count: int) -> str:
    """Return the hub's name for a number of rows, such as 1K<n<10K."""
    above = next((most for most in CARD_ROWS if count < most), None)
    if above is None:
        return f"n>{_short(CARD_ROWS[-1])}"
    below = f"n<{_short(above)}"
    return below if above == CARD_ROWS[0] else f"{_short(above // 10)}<{below}"


def _short(count: int) -> str:
    return f"{count // 1_000_000}M" if count >= 1_000_000 else f"{count // 1000}K"


def _runs_of(text: str) -> list[str]:
    """Return the runs of backquotes in a text."""
    return [run for run in "".join(letter if letter == "`" else " " for letter in text).split() if run]


def _send_data_set(target: str, source: Source) -> Iterator[str]:
    if not target:
        raise ExportFault("name a folder (hf:./folder) or a repository of the hub (hf:ORG/NAME)")
    if target.startswith((".", "/", "~")):
        folder = Path(target).expanduser()
        write_data_set(folder, source)
        yield f"wrote the data set {folder}"
        return
    with tempfile.TemporaryDirectory() as made:
        write_data_set(Path(made), source)
        try:
            yield f"published {publish(Path(made), target)}"
        except ProblemsError as error:
            raise ExportFault(f"{error}; hf:./folder writes the same to this machine") from error


def _tracker(open_run: Open) -> Exporter:
    return Exporter(send=lambda target, source: _send_curves(open_run, target, source), track=open_run)


TRACKIO = _tracker(_Trackio)
WANDB = _tracker(_Wandb)
HF = Exporter(send=_send_data_set)
