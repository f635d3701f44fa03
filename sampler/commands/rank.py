"""`sampler rank`: choose a sample without the judge's tests, and measure what the choice is worth."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sampler.backends.open import REGISTRY as BACKENDS
from sampler.cli_errors import error_boundary
from sampler.commands.common import FILE, STORE, boxes_option, json_option, print_result, prompt_option, study_option
from sampler.exit_codes import Exit
from sampler.models.pull import models_dir
from sampler.plotting import format_interval
from sampler.ranking.evaluation import (
    Best,
    Inputs,
    RankDependencies,
    RankedModel,
    RankLine,
    RankPoint,
    RankReport,
    RankRequest,
)
from sampler.ranking.rank_study import rank_study
from sampler.ranking.rankers import BY_TEXT, Need, known
from sampler.ranking.rankers import REGISTRY as RANKERS
from sampler.ranking.rankers import rankers as every_ranker
from sampler.reporting.render import NAMES, amount, collapse, grid, in_lines
from sampler.reporting.report_files import plain
from sampler.running.dependencies import TextEngine, rank_dependencies
from sampler.stats.bootstrap import Interval
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.ranking import DRAWS
from sampler.store.read_models import StudyRow
from sampler.store.reader import Reader
from sampler.store.writer import Store, chosen_study, open_migrated
from sampler.study.spec import load_study

JSON_SCHEMA = 1
_NARROW = 16  # characters of a line of a name
_CHARGES = {
    PromptCharge.EACH: "each pays for reading its prompt",
    PromptCharge.MEASURED: "each pays for reading what its engine did not have in the cache",
    PromptCharge.ONCE: "the prompt is read once",
}
_SELECTED = {
    "coverage": "coverage: a correct one is among the k",
    "answered": "an answer is handed out",
    "correct": "a correct answer is handed out",
    "false_positive": "false positives among the answers",
}


def ranks_json(report: RankReport) -> str:
    """Return the ranking as JSON with sorted keys."""
    return json.dumps({"schema": JSON_SCHEMA, **plain(report)}, sort_keys=True, indent=2)


def print_ranks(report: RankReport, console: Console) -> None:
    """Print the tables, a model after the other."""
    for model in report.models:
        console.print(_values(model, report))
        for line in model.lines:
            if line.selected:
                console.print(_selection(line))
    for unit, best in report.frontiers.items():
        console.print(_frontier(unit, best, report))
    for note in _closing(report):
        console.print(Text(note))


def _values(model: RankedModel, report: RankReport) -> Table:
    name = collapse(model.model)
    shown = grid(
        f"{name}, {model.oracle.problems} problems: how often the one answer handed out of k samples is correct, in %"
    )
    shown.add_column("chosen by", overflow="fold")
    for point in model.oracle.points:
        thin = "~" if 2 * point.k > model.samples else ""
        shown.add_column(f"k={point.k}{thin}", justify="right", overflow="fold")
    shown.add_row("oracle (pass@k)", *map(_point, model.oracle.points))
    if model.greedy is not None:
        others = [""] * (len(model.oracle.points) - 1)
        shown.add_row("greedy, one sample", _percent(model.greedy, model.greedy_interval), *others)
    for line in model.lines:
        shown.add_row(_label(line, model), *map(_point, line.points))
        if report.charged:
            for unit in (Unit.FLOPS, Unit.SECONDS):
                shown.add_row(Text(f"  its {unit.value}", style="dim"), *_costs(line, unit))
    if not report.charged:
        for unit in (Unit.FLOPS, Unit.SECONDS):
            shown.add_row(Text(f"{unit.value} of k samples", style="dim"), *_costs(model.oracle, unit))
    return shown


def _label(line: RankLine, model: RankedModel) -> str:
    fewer = "" if line.problems == model.oracle.problems else f" ({line.problems} problems)"
    return f"{collapse(line.ranker)}{fewer}"


def _costs(line: RankLine, unit: Unit) -> Iterator[Text]:
    for point in line.points:
        cost = point.costs[unit]
        yield Text("unknown" if cost is None else amount(cost, unit), style="dim")


def _point(point: RankPoint | Best) -> str:
    return _percent(point.rate, point.interval)


def _percent(rate: float | None, interval: Interval | None = None) -> str:
    if rate is None:
        return "–"
    return f"{100 * rate:.1f}" + (f" {format_interval(interval.low, interval.high)}" if interval else "")


def _frontier(unit: Unit, best: Sequence[Best], report: RankReport) -> Table:
    charged = "sampling and ranking" if report.charged else "sampling"
    shown = grid(
        f"Frontier in {NAMES[unit]} of {charged}: the (model, k, chosen by) that no other beats for its cost, none of "
        "them with the judge's tests; found among the problems that it is shown for"
    )
    for head in ("model", "chosen by"):
        shown.add_column(head, overflow="fold")
    for head in ("k", "cost", "correct, in %"):
        shown.add_column(head, justify="right", no_wrap=True)
    for one in best:
        chosen = one.ranker if one.k > 1 else "the only one"
        shown.add_row(in_lines(one.model, _NARROW), collapse(chosen), str(one.k), amount(one.cost, unit), _point(one))
    return shown


def _selection(line: RankLine) -> Table:
    shown = grid("Handing out one that passes the selection tests, or else nothing, in %")
    shown.add_column("", overflow="fold")
    for point in line.selected:
        shown.add_column(f"k={point.k}", justify="right", overflow="fold")
    for name, label in _SELECTED.items():
        shown.add_row(label, *(_percent(getattr(point, name), point.intervals[name]) for point in line.selected))
    return shown


def _closing(report: RankReport) -> Iterator[str]:
    yield (f"Brackets hold the {report.level:.0%} interval from {report.resamples:,} resamplings of the problems.")
    yield "~ marks k above half of the samples drawn: an estimate from few subsets."
    errors = [point.error for model in report.models for line in model.lines for point in line.points]
    if any(errors):
        yield (
            f"Where samples vote for each other, values are means over {report.draws} drawn subsets a problem; their "
            f"largest standard error is {100 * max(errors):.2f}."
        )
    if report.charged:
        yield (
            f"Costs are a problem's, of sampling ({_CHARGES[report.prompt]}) and of ranking. Executing is counted in "
            "CPU seconds of the sandbox, and what came with a verdict as all that the verdict took; what it cost a "
            "model to write tests is not in them."
        )
    yield from map(collapse, report.notes)


class _Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers of at least 1, separated by commas."""

    name = "1,2,10"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if not all(word.strip().isascii() and word.strip().isdecimal() and int(word) for word in words):
            self.fail(f"{value!r} is not a list such as 1,2,10", param, ctx)
        return tuple(map(int, words))


class _Option(click.ParamType[str]):
    """A line of TOML, given as KEY=VALUE; a value that is not TOML is a text, so that no double quotes are needed."""

    name = "KEY=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        key, equals, said = (part.strip() for part in str(value).partition("="))
        lines = (f"{key} = {said}", f"{key} = {json.dumps(said)}")
        found = next((line for line in lines if equals and _is_toml(line)), None)
        if found is None:
            self.fail(f"{value!r} is not an option such as base_url=http://127.0.0.1:8000/v1", param, ctx)
        return found


def _is_toml(line: str) -> bool:
    with suppress(tomllib.TOMLDecodeError):
        return "\n" not in line and bool(tomllib.loads(line))
    return False


@click.command()
@click.argument("store", type=STORE)
@study_option
@click.option(
    "--ranker",
    "rankers",
    multiple=True,
    metavar="NAME",
    help=f"Rank by this ranker; may be repeated: {', '.join(RANKERS.built_in)}, or a plugin's. Default: "
    f"all that need nothing but the samples.",
)
@click.option(
    "--k",
    "ks",
    type=_Numbers(),
    default=(),
    help="From how many samples one is chosen; default: chosen by the number of samples.",
)
@click.option(
    "--with",
    "model",
    metavar="MODEL",
    help="Ask this model for the log-probabilities of the texts: a name of the catalogue, a .gguf file, "
    "or what --backend calls it.",
)
@click.option(
    "--backend",
    type=click.Choice(BACKENDS.names),
    default="llamacpp",
    show_default=True,
    help="The engine of --with. openai is a server that returns log-probabilities of a prompt (vLLM, SGLang).",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    type=_Option(),
    help="An option of that engine, as in [models.options] of a study; may be repeated.",
)
@click.option("--tests", type=FILE, help='Generated tests: lines of {"task_id": …, "tests": ["assert …", …]}.')
@click.option("--scores", type=FILE, help='Scores for "external": lines of {"task_id": …, "index": …, "score": …}.')
@click.option(
    "--inputs",
    type=click.Choice([one.value for one in Inputs]),
    default=Inputs.JUDGE.value,
    help="The tests whose inputs majority and mbr-exec run programs on, if there is no --tests.",
)
@click.option("--charge", is_flag=True, help="Add the cost of ranking to the costs of k samples.")
@prompt_option
@click.option(
    "--draws",
    type=click.IntRange(min=2),
    default=DRAWS,
    show_default=True,
    help="Random subsets that are drawn for rankers in which samples vote.",
)
@boxes_option
@json_option
@click.pass_obj
def rank(
    traceback: bool,
    /,
    *,
    store: Path,
    study: str | None,
    rankers: tuple[str, ...],
    ks: tuple[int, ...],
    model: str | None,
    backend: str,
    options: tuple[str, ...],
    tests: Path | None,
    scores: Path | None,
    inputs: str,
    charge: bool,
    prompt: str,
    draws: int,
    boxes: int | None,
    as_json: bool,
) -> None:
    """Rank samples, and print how often the best-ranked one is right.

    Each ranker chooses one of k samples. Printed is how often the chosen one is correct. STORE is a store or a study
    file. The scores that rankers give are kept in the store.

    \b
    sampler rank results.db
    sampler rank results.db --ranker mean-logprob --with qwen2.5-coder-1.5b-instruct --charge
    sampler rank results.db --with coder --backend openai --option base_url=http://127.0.0.1:8000/v1
    sampler rank results.db --ranker codet --ranker majority --tests generated.jsonl --k 1,2,10
    """
    engine = TextEngine(backend=backend, options=_engine_options(options, model))
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        request = RankRequest(
            rankers=known(rankers) or _usual(model),
            explicit=bool(rankers or model),
            ks=ks,
            model=model,
            tests=tests,
            scores=scores,
            inputs=Inputs(inputs),
            charge=charge,
            prompt=PromptCharge(prompt),
            draws=draws,
        )
        made = _ranked(store, study, request, rank_dependencies(models_dir(), boxes, _say, engine))
        print_result(made, as_json=as_json, json=ranks_json, text=print_ranks)
        sys.exit(Exit.OK if made.models else Exit.EMPTY)
    sys.exit(failed[0])


def _usual(model: str | None) -> tuple[str, ...]:
    if model is not None:
        return BY_TEXT
    return tuple(name for name, one in every_ranker().items() if one.need in {Need.SAMPLES, Need.LOGPROBS})


def _say(message: str) -> None:
    click.echo(message, err=True)


def _engine_options(lines: Sequence[str], model: str | None) -> Mapping[str, object]:
    """Return the lines as one table; a dotted key is a table in it, as in a study file."""
    if lines and model is None:
        raise click.UsageError("--option is for the engine of --with; name a model with it")
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise click.UsageError(f"--option: the options do not go together: {error}") from error


def _ranked(path: Path, name: str | None, request: RankRequest, dependencies: RankDependencies) -> RankReport:
    """Rank a study of a store, or the one that a study file runs."""
    if path.suffix == ".toml" and path.is_file():
        study_file = load_study(path)
        path, name = study_file.store, name or study_file.name
    with open_migrated(path, Reader) as reader:
        study: StudyRow = chosen_study(reader.studies(), path, name)
    with Store(path) as opened:
        return rank_study(opened, study, request, dependencies)
