"""`sandbox build`, `clean` and `selftest`: the image, the boxes, their walls."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table

from sandbox.boxes import image, ownership
from sandbox.boxes.box import Box
from sandbox.boxes.container_config import BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.isolation_check import WALLS, IsolationCache, WallFinding, probe, usual_directory
from sandbox.boxes.ownership import Owner
from sandbox.commands.command_line import OUR_FAULT, PASSED, PROGRAM_FAULT, USAGE, say, stop
from sandbox.commands.scoring_options import image_spec_options, limit_options, limits_of
from sandbox.console import SanitizingConsole, progress
from sandbox.diagnostics import language_attacks
from sandbox.diagnostics.doctor import Level, Remark, examine, seen_inside
from sandbox.diagnostics.language_attacks import read_attacks, try_attacks
from sandbox.diagnostics.selftest import AttackOutcome, AttackRunner, SuiteError, escapes_directory, read_cases
from sandbox.errors import SandboxError
from sandbox.languages import Language, chosen_languages, languages, named
from sandbox.sanitize import sanitize
from sandbox.scoring.scorer import open_scorer
from sandbox.scoring.strategy import ScoringOptions

_MARKS = {Level.OK: "✓", Level.WARNING: "!", Level.BAD: "✗"}


@click.command()
@click.option(
    "--group", "groups", multiple=True, metavar="NAME", help="Run only this group, such as cheating; may be repeated."
)
@click.option("--runtime", metavar="NAME", help="The container runtime to test, like runsc.")
@click.option(
    "--slower",
    type=click.FloatRange(min=1, max=100),
    default=1.0,
    metavar="TIMES",
    help="Multiply the time limits of every program: for a small board, or an emulated machine.",
)
@click.option(
    "--language",
    metavar="NAME",
    help="Try the attacks of another language instead: cpp, go, java, javascript, perl, rust, and others.",
)
@image_spec_options
def selftest(
    groups: tuple[str, ...], runtime: str | None, slower: float, language: str | None, image_spec: image.ImageSpec
) -> None:
    """Run the attack suite on this machine and show what holds."""
    if language is not None:
        _try_language(language, ScoringOptions(runtime=runtime))
    try:
        cases = [case.slowed(slower) for case in read_cases(escapes_directory(), groups)]
        with closing(DockerClient()) as engine:
            tag = image.ensure_image(engine, image_spec, say=say)
            with (
                closing(AttackRunner(engine, tag, runtime, slower=slower)) as boxes,
                progress("testing", len(cases), 0) as advance,
            ):
                outcomes = [(boxes.run(case), advance())[0] for case in cases]
    except SuiteError as error:
        stop(str(error), USAGE)
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    _print_outcomes(outcomes, SanitizingConsole())
    sys.exit(PROGRAM_FAULT if any(outcome.broken for outcome in outcomes) else PASSED)


def _try_language(name: str, options: ScoringOptions) -> NoReturn:
    """Try the attacks of a language, print what did not hold, and end the command."""
    try:
        language, tried, failures = named(name), 0, 0
        cases = len(read_attacks(language))
        limits = language_attacks.LIMITS
        with open_scorer(limits, boxes=1, options=options, say=say) as scorer, progress("testing", cases, 0) as advance:
            for attack, score, after in try_attacks(scorer.score, language):
                tried += 1
                if failure := attack.failure(score, after):
                    failures += 1
                    click.echo(sanitize(failure))
                advance()
    except (SuiteError, ValueError) as error:
        stop(str(error), USAGE)
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    click.echo(f"{tried - failures} of {tried} cases hold")
    sys.exit(PROGRAM_FAULT if failures else PASSED)


@click.command()
@click.option("--runtime", metavar="NAME", help="The container runtime to examine, like runsc.")
@image_spec_options
@limit_options
def doctor(runtime: str | None, image_spec: image.ImageSpec, **options: Any) -> None:
    """Examine this machine, and test the isolation of a box.

    A program of ours tries from within a box what must be impossible there. Each rule that must hold against it is
    called a wall. The exit code is 1 if a wall does not hold, or if something on this machine is bad.
    """
    limits, remarks = limits_of(options), list[Remark]()
    try:
        with closing(DockerClient()) as engine:
            remarks += examine(engine.facts(), runtime)
            remarks.append(_built_languages(engine))
            engine.require_runtime(runtime)
            tag = image.ensure_image(engine, image_spec, say=say)
            spec = BoxSpec(image=tag, limits=limits, owner=Owner.this().label(), runtime=runtime)
            with closing(Box(engine, spec)) as box:
                python, source = (str(box.greeting[name]) for name in ("python", "cpu_source"))
                kept, landlock = (box.greeting[name] is True for name in ("code_kept", "landlock"))
                remarks += seen_inside(python, source, landlock=landlock, code_kept=kept)
                findings = list(probe(box, limits))
    except SandboxError as error:
        _print_examination(remarks, [], SanitizingConsole())  # among them may be why
        stop(str(error), OUR_FAULT)
    _print_examination(remarks, findings, SanitizingConsole())
    if open_walls := any(finding.through for finding in findings):
        IsolationCache(usual_directory()).clear()
    bad = open_walls or any(remark.level is Level.BAD for remark in remarks)
    sys.exit(PROGRAM_FAULT if bad else PASSED)


@click.command()
@click.option("--base", metavar="IMAGE", help="Build on this image instead of the usual base.")
@click.option("--force", is_flag=True, help="Build even if the present image fits.")
@click.option("--languages", metavar="NAMES", help="Build the images of these languages, like cpp,java, or all.")
@image_spec_options
def build(base: str | None, force: bool, languages: str | None, image_spec: image.ImageSpec) -> None:
    """Build the images of boxes that are missing.

    Without --languages it is the image for Python. An image that is there and fits is not built again.
    """
    try:
        wanted = [image_spec] if languages is None else _images_of(chosen_languages(languages))
        with closing(DockerClient()) as engine:
            for spec in wanted:
                built = image.build_image(engine, spec, base=base, say=say) if base or force else None
                click.echo(built or image.ensure_image(engine, spec, say=say))
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    except ValueError as error:
        stop(str(error), USAGE)


def _built_languages(engine: DockerClient) -> Remark:
    """Return which languages have their images here; the others are built when they are first needed."""

    def built(language: Language) -> bool:
        return all(engine.image_labels(image.image_tag(spec)) is not None for spec in _images_of([language]))

    found = [language.name for language in languages() if built(language)]
    return Remark("languages", ", ".join(("python", *found)), advice="`sandbox build --languages all` builds others")


def _images_of(languages: Sequence[Language]) -> list[image.ImageSpec]:
    needed = [toolchain for language in languages for toolchain in (language.toolchain, language.image)]
    return [image.ImageSpec(toolchain=toolchain) for toolchain in dict.fromkeys(needed) if toolchain is not None]


@click.command()
@click.option("--images", is_flag=True, help="Remove the box images, too.")
def clean(images: bool) -> None:
    """Remove all boxes from the Docker engine, running ones too."""
    try:
        with closing(DockerClient()) as engine:
            click.echo(f"{ownership.remove_all(engine)} boxes removed")
            if images:
                click.echo(f"{len(image.remove_images(engine))} images removed")
    except SandboxError as error:
        stop(str(error), OUR_FAULT)


def _print_outcomes(outcomes: Sequence[AttackOutcome], console: Console) -> None:
    """Print a row for each group of the attack suite, then every case with a failed expectation."""
    table = Table()
    for heading in ("group", "cases", "hold", "slowest", "verdicts"):
        table.add_column(heading, justify="left" if heading in {"group", "verdicts"} else "right")
    for group in sorted({outcome.case.group for outcome in outcomes}):
        those = [outcome for outcome in outcomes if outcome.case.group == group]
        verdicts = Counter(outcome.score.verdict for outcome in those if outcome.score)
        table.add_row(
            group,
            str(len(those)),
            str(sum(not outcome.broken for outcome in those)),
            f"{max(outcome.seconds for outcome in those):.2f} s",
            ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common()),
        )
    console.print(table)
    for outcome in outcomes:
        for what in outcome.broken:
            console.print(f"{outcome.case.name} ({outcome.case.kind}): {sanitize(what)}", markup=False, highlight=False)
    held = sum(not outcome.broken for outcome in outcomes)
    console.print(f"{held} of {len(outcomes)} cases hold", highlight=False)


def _print_examination(remarks: Sequence[Remark], findings: Sequence[WallFinding], console: Console) -> None:
    """Print the facts of the machine, then each wall and whether it holds."""
    for remark in remarks:
        advice = f": {remark.advice}" if remark.advice else ""
        line = f"{_MARKS[remark.level]} {remark.what:<16} {sanitize(remark.found)}{advice}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for finding in findings:
        level = Level.BAD if finding.through else Level.OK
        outcome = f"does not hold: {sanitize(finding.through)}" if finding.through else "holds"
        line = f"{_MARKS[level]} {finding.wall:<16} {WALLS[finding.wall]}: {outcome}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    held = sum(not finding.through for finding in findings)
    summary = f"{held} of {len(findings)} walls hold" if findings else "no wall was tried"
    console.print(summary, highlight=False)
