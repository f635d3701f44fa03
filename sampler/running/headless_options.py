"""Define the options that `sampler run` and `budget-tui --headless` have in common.

This module is separate from `headless` and imports little, because a viewer needs no engine. The display is chosen
before anything is drawn: the requested one, else a bar on a terminal, else plain lines.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from sampler.running.ci import Places
from sampler.running.run_limits import RunLimits

_FILE = click.Path(dir_okay=False, path_type=Path)


class Display(StrEnum):
    """What is shown of a run."""

    AUTO = "auto"
    RICH = "rich"
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


def choose(asked: Display, *, terminal: bool, environment: Mapping[str, str]) -> Display:
    """Return the display for a standard error that is, or is not, a terminal."""
    if asked is not Display.AUTO:
        return asked
    watched = terminal and environment.get("TERM") != "dumb" and not environment.get("CI")
    return Display.RICH if watched else Display.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlessOptions:
    """The display of a run without a screen, its limits, and where it reports to continuous integration."""

    display: Display = Display.PLAIN
    limits: RunLimits = RunLimits()
    places: Places = Places()
    store: Path | None = None  # instead of the study file's
    boxes: int | None = None  # the same
    fetch: bool = False
    traceback: bool = False
    program: str = "sampler"  # whose name is put before a complaint


def headless_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add options for store, boxes, displays, limits and files; the command gets them as `manner`."""

    @click.option("--store", type=_FILE, help="Where samples and verdicts go; default: beside the study file.")
    @click.option("--boxes", type=click.IntRange(min=1), help="How many sandboxes work at once.")
    @click.option("--pull", "fetch", is_flag=True, help="Fetch the models that are not here yet.")
    @click.option(
        "--display",
        type=click.Choice([one.value for one in Display]),
        default=Display.AUTO.value,
        envvar="BUDGET_TUI_DISPLAY",
        show_default=True,
        help="Of progress, on stderr; json goes to stdout, a line each, with the report.",
    )
    @click.option("--max-seconds", type=float, metavar="S", help="Stop asking for samples after so long.")
    @click.option("--max-flops", type=float, metavar="FLOPS", help="Stop once this run's samples have cost so many.")
    @click.option("--max-infra-rate", type=float, metavar="RATE", help="Stop once a larger share fails by our fault.")
    @click.option("--junit", type=_FILE, metavar="FILE", help="Write the run's gates as test cases.")
    @click.option("--github-summary", type=_FILE, metavar="FILE", envvar="GITHUB_STEP_SUMMARY", help="Append a table.")
    @click.option(
        "--annotate/--no-annotate", envvar="GITHUB_ACTIONS", default=False, help="Say failures as GitHub has it."
    )
    @click.option("--in-ci", "ci", envvar="CI", default="", hidden=True)
    @click.option("--term", envvar="TERM", default="", hidden=True)
    @functools.wraps(command)
    def asked(*args: Any, **options: Any) -> Any:
        names = (
            "store",
            "boxes",
            "fetch",
            "display",
            "max_seconds",
            "max_flops",
            "max_infra_rate",
            "junit",
            "github_summary",
            "annotate",
            "ci",
            "term",
        )
        return command(*args, manner=_manner({name: options.pop(name) for name in names}), **options)

    return asked


def _manner(said: dict[str, Any]) -> HeadlessOptions:
    environment = {"CI": said["ci"], "TERM": said["term"]}
    try:
        limits = RunLimits(seconds=said["max_seconds"], flops=said["max_flops"], infra_rate=said["max_infra_rate"])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return HeadlessOptions(
        display=choose(Display(said["display"]), terminal=sys.stderr.isatty(), environment=environment),
        limits=limits,
        places=Places(junit=said["junit"], summary=said["github_summary"], annotate=said["annotate"]),
        store=said["store"],
        boxes=said["boxes"],
        fetch=said["fetch"],
    )
