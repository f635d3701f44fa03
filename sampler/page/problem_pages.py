"""Write a page for each failing problem, beside the page of a study: how samples of each model failed, with their code.

A page holds the prompt, how often each model passed, of each way of failing the newest sample, and the shortest program
that passed, to compare. Pages lie in one folder, link back to the study's page, and need neither a server nor a
network. Their number, the samples on each, and the length of each text are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sampler.page.page_model import HeatCell, PageModel, cut
from sampler.page.write import render
from sampler.reporting.verdict_explanation import explanation, stored_difference_kind
from sampler.store.read_models import SampleDetail
from sampler.store.sample_readers import SampleReader
from sampler.store.writer import chosen_study
from sampler.values import sample_number
from sandbox.values import Verdict

MOST_PAGES = 200
MOST_SAMPLES = 12  # on a page, each of another way of failing
_SLUG = 40  # characters of a problem's name in the name of its file


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSample:
    """A way in which samples of a problem failed: how many of one model did so, and the newest of them."""

    count: int
    model: str
    number: str
    verdict: str
    kind: str  # what differs, of a wrong answer
    reason: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPage:
    """What is known of one failing problem; texts are cut and without control characters.

    `passed_by` names the model and the index of the sample whose program `passing` is; both are empty if none passed.
    """

    problem: str
    file: str
    prompt: str
    tests: str
    rates: Mapping[str, HeatCell]
    samples: tuple[FailedSample, ...]
    passed_by: str
    passing: str


def write_problem_pages(page_model: PageModel, store: Path, page: Path) -> Mapping[str, str]:
    """Write the pages into a folder beside `page`, the study's; return the links to them by the problems' names.

    Problems come in the order of the number of their failures. Raises OSError or StoreError.
    """
    folder = page.with_name(f"{page.stem}-problems")
    folder.mkdir(exist_ok=True)
    links = {}
    for one in problem_pages(page_model, store):
        text = render("problem.html.jinja", page=one, study=page_model.report.study, back=f"../{page.name}")
        (folder / one.file).write_text(text, encoding="utf-8")
        links[one.problem] = f"{folder.name}/{one.file}"
    return links


def problem_pages(page_model: PageModel, store: Path) -> Iterator[ProblemPage]:
    """Yield the pages of the problems with the most failures, at most MOST_PAGES."""
    rates = {row.problem: dict(zip(page_model.heat.models, row.cells, strict=True)) for row in page_model.heat.rows}
    with SampleReader(store) as reader:
        study = chosen_study(reader.studies(), store, page_model.report.study).id
        for number, (_, newest) in enumerate(reader.failing(study, MOST_PAGES), 1):
            problem = newest.row.problem
            failed = reader.failed_of(study, problem, MOST_SAMPLES)
            row = reader.passing(newest.row.sample_id)
            passing = reader.detail(row.sample_id) if row else None
            yield ProblemPage(
                problem=problem,
                file=f"{number:03}-{_slug(problem)}.html",
                prompt=cut(newest.prompt),
                tests=cut(newest.shown_tests),
                rates=rates.get(problem, {}),
                samples=tuple(_samples(failed)),
                passed_by=f"{passing.row.model}, sample {sample_number(passing.row.index)}" if passing else "",
                passing=cut(passing.program) if passing else "",
            )


def _samples(failed: Sequence[tuple[int, SampleDetail]]) -> Iterator[FailedSample]:
    for count, detail in failed:
        row = detail.row
        yield FailedSample(
            count=count,
            model=row.model,
            number=sample_number(row.index),
            verdict=row.verdict or "",
            kind=stored_difference_kind(detail) if row.verdict == Verdict.WRONG else "",
            reason=explanation(detail)[0],
            code=cut(detail.program),
        )


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:_SLUG] or "problem"
