"""Make verdicts: `sampler run`, `sampler score`, `sampler rejudge`, and `sampler claims`, which compares them.

`run` samples and scores a study file, `score` executes what a store holds without a verdict, `rejudge` decides anew
from stored facts, and `claims` compares our verdicts with those that came with imported files.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sampler.cli_errors import error_boundary
from sampler.commands.common import FILE, STORE, boxes_option, study_option
from sampler.exit_codes import Exit, allow_closed_pipe
from sampler.reporting.render import Page, collapse
from sampler.running.dependencies import real_executor
from sampler.running.displays import PlainLines
from sampler.running.headless import interrupts, run_headless, saying
from sampler.running.progress import Subscriber
from sampler.running.run_options import HeadlessOptions, headless_options
from sampler.running.stored import StoredScoring, rejudge_study, score_stored
from sampler.store.read_models import ClaimCount, DisputedRow
from sampler.store.reader import Reader, StoreError
from sampler.store.sample_readers import ClaimReader
from sampler.store.writer import Store, chosen_study, open_migrated
from sampler.study.spec import load_study
from sandbox.scoring.references import References, usual_directory

_SHOWN = 5  # disputed samples


@click.command()
@click.argument("study", type=FILE)
@headless_options
@click.pass_obj
def run(traceback: bool, /, *, study: Path, run_options: HeadlessOptions) -> None:
    """Run or continue a study, and print its report.

    STUDY is a study file.

    \b
    sampler run examples/demo.toml
    sampler run study.toml --store results.db --display none
    """
    sys.exit(run_headless(study, out=sys.stdout, log=sys.stderr, run_options=replace(run_options, traceback=traceback)))


@click.command()
@click.argument("study", type=FILE)
@click.option("--store", type=FILE, help="Where the verdicts are; default: beside the study file.")
@click.pass_obj
def rejudge(traceback: bool, /, *, study: Path, store: Path | None) -> None:
    """Judge the stored samples of a study again; no program runs.

    Use it when the judge or the problems' tests have changed. STUDY is a study file. Earlier verdicts stay beside the
    new ones.
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        asked = load_study(study)
        path = store or asked.store
        if not path.is_file():
            raise StoreError(f"there is no store at {str(path)!r}; `sampler run {study}` makes one")
        with Store(path) as opened:
            click.echo(rejudge_study(asked, opened, References(usual_directory())).line)
        sys.exit(Exit.OK)
    sys.exit(failed[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """For one model: how often claims and our verdicts agreed, and how they differed."""

    model: str
    both_passed: int
    both_failed: int
    claimed_only: int  # the file says passed, we say not
    ours_only: int  # we say passed, the file says not
    unscored: int  # claims of samples that have no verdict of ours yet

    @property
    def compared(self) -> int:
        """Return the number of samples with both."""
        return self.both_passed + self.both_failed + self.claimed_only + self.ours_only

    @property
    def share(self) -> float | None:
        """Return the share that agrees; None if nothing can be compared."""
        return (self.both_passed + self.both_failed) / self.compared if self.compared else None


def agreements(counts: Iterable[ClaimCount]) -> list[Agreement]:
    """Return one for each model that has claims, in the order of the counts."""
    models: dict[str, dict[tuple[bool, bool | None], int]] = {}
    for count in counts:
        models.setdefault(count.model, {})[count.claimed, count.passed] = count.count
    return [
        Agreement(
            model=model,
            both_passed=cells.get((True, True), 0),
            both_failed=cells.get((False, False), 0),
            claimed_only=cells.get((True, False), 0),
            ours_only=cells.get((False, True), 0),
            unscored=cells.get((True, None), 0) + cells.get((False, None), 0),
        )
        for model, cells in models.items()
    ]


def as_json(rows: Sequence[Agreement]) -> list[dict[str, Any]]:
    """Return the table as plain values."""
    return [
        {
            "model": row.model,
            "compared": row.compared,
            "agree": row.share,
            "both_passed": row.both_passed,
            "both_failed": row.both_failed,
            "claimed_only": row.claimed_only,
            "ours_only": row.ours_only,
            "unscored": row.unscored,
        }
        for row in rows
    ]


@click.command()
@click.argument("store", type=STORE)
@study_option
@click.option("--problems", help="Where the problems are now, if they were moved after the import.")
@boxes_option
@click.option(
    "--display", type=click.Choice(["plain", "none"]), default="plain", help="Progress lines on stderr, or none."
)
@click.option("--explain", is_flag=True, help="Say for each sample that did not pass why, with the first difference.")
@click.pass_obj
def score(traceback: bool, /, *, store: Path, study: str | None, display: str, explain: bool, **wanted: Any) -> None:
    """Execute every sample of a STORE that has no verdict.

    The same command again continues where this one stopped.

    \b
    sampler score published.db
    sampler report published.db
    """
    tell: Subscriber = PlainLines(sys.stderr) if display == "plain" else lambda _event: None
    stop = threading.Event()
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        with open_migrated(store, Reader) as reader:
            row = chosen_study(reader.studies(), store, study)
        with Store(store) as opened, interrupts(stop.set, tell) as caught:
            request = StoredScoring(
                study=row,
                problems=wanted["problems"],
                executor=lambda limits: real_executor(limits, wanted["boxes"], saying(tell)),
                boxes=wanted["boxes"],
                explain=(lambda line: click.echo(collapse(line), err=True)) if explain else None,
            )
            end = score_stored(request, opened, tell, stop)
        click.echo(f"{row.name}: {end.reason}")
        sys.exit(Exit.OK if not end.unscored else Exit.INTERRUPTED if caught else Exit.INCOMPLETE)
    sys.exit(failed[0])


@click.command()
@click.argument("store", type=STORE)
@study_option
@click.option("--json", "as_lines", is_flag=True, help="Print JSON, with every sample that is disputed.")
@click.pass_obj
def claims(traceback: bool, /, *, store: Path, study: str | None, as_lines: bool) -> None:
    """Compare the verdicts of imported files with ours."""
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        with open_migrated(store, ClaimReader) as reader:
            row = chosen_study(reader.studies(), store, study)
            rows = agreements(reader.claim_counts(row.id))
            if not rows:
                nothing = f"no sample of study {row.name!r} came with a verdict; there is nothing to compare"
                click.echo(f"sampler: {nothing}", err=True)
                sys.exit(Exit.EMPTY)
            with allow_closed_pipe(sys.stdout):
                if as_lines:
                    disputed = [asdict(one) for one in _disputed(reader, row.id)]
                    click.echo(json.dumps({"models": as_json(rows), "disputed": disputed}, indent=2))
                else:
                    _print(rows, list(reader.disputed(row.id, limit=_SHOWN)))
        sys.exit(Exit.OK)
    sys.exit(failed[0])


def _disputed(reader: ClaimReader, study: int) -> Iterator[DisputedRow]:
    cursor = 0
    while rows := reader.disputed(study, after=cursor):
        yield from rows
        cursor = rows[-1].id


def _print(rows: list[Agreement], disputed: list[DisputedRow]) -> None:
    page = Page(file=sys.stdout)
    heads = ("model", "both", "agree", "P/P", "F/F", "P/F", "F/P", "unscored")
    title = "The file's verdict / ours: P passed, F failed"
    table = Table(*heads, title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        counts = (row.both_passed, row.both_failed, row.claimed_only, row.ours_only, row.unscored)
        share = "–" if row.share is None else f"{100 * row.share:.1f} %"
        table.add_row(collapse(row.model), str(row.compared), share, *map(str, counts))
    page.print(table)
    for one in disputed:
        theirs = "passed" if one.claimed else collapse(one.said or "failed")[:60]
        page.print(
            f"{collapse(one.model)} {collapse(one.problem)} #{one.index}: theirs {theirs}, ours {one.verdict}",
            markup=False,
        )
    more = sum(row.claimed_only + row.ours_only for row in rows) - len(disputed)
    if more:
        page.print(f"… and {more} more on which the two differ: --json lists every one")
