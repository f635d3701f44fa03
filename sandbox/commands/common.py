"""What the commands share: exit codes, how they stop, the options for limits, a progress bar."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NoReturn

import click
from click.core import ParameterSource
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sandbox.boxes.image import Outfit
from sandbox.problems import Problem, ProblemFile, read_problems
from sandbox.scoring.scorer import Manner
from sandbox.show import harmless, named
from sandbox.terminal import HarmlessConsole
from sandbox.values import OUTPUT_RULES, Isolation, Limits

PASSED, PROGRAM_FAULT, USAGE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


LIMIT_OPTIONS = {  # of every limit the option, its unit, and what it is
    "cpu_s": ("--cpu", "S", "CPU seconds that a program may use."),
    "wall_s": ("--wall", "S", "Seconds that a program may take."),
    "memory_mb": ("--memory", "MB", "Memory of a program."),
    "processes": ("--processes", "N", "Processes that a program may have."),
    "output_kb": ("--output", "KB", "What a program may write to its output."),
    "disk_mb": ("--disk", "MB", "What a program may write to files."),
    "files": ("--files", "N", "Files that a program may make."),
}


def say(message: str) -> None:
    """A line on standard error, also where a bar of Rich's stands in the stream's place."""
    click.echo(harmless(message), err=True)


def stop(message: str, code: int) -> NoReturn:
    """End the command with one line and an exit code."""
    say(f"sandbox: {message}")
    sys.exit(code)


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each limit, with the one default that `Limits` has."""
    for item in reversed(fields(Limits)):
        kind = float if isinstance(item.default, float) else int
        option, unit, words = LIMIT_OPTIONS[item.name]
        command = click.option(
            option, item.name, type=kind, default=item.default, show_default=True, metavar=unit, help=words
        )(command)
    return command


def outfit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--python` and `--packages`, handed to the command as the `outfit` of its boxes."""

    @click.option("--python", metavar="VERSION", help="The Python that programs run on, like 3.13.")
    @click.option("--packages", metavar="NAMES", help="Packages that programs may import, like numpy,pandas==2.2.3.")
    @functools.wraps(command)
    def outfitted(*args: Any, python: str | None, packages: str | None, **options: Any) -> Any:
        try:
            outfit = Outfit(python=python, packages=tuple(packages.split(",")) if packages else ())
        except ValueError as error:
            stop(str(error), USAGE)
        return command(*args, outfit=outfit, **options)

    return outfitted


def manner_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--isolation`, `--runtime` and what `outfit_options` has, handed to the command as the `manner` of its boxes."""

    @outfit_options
    @click.option("--isolation", type=click.Choice([kind.value for kind in Isolation]), default=Isolation.FORK.value,
                  show_default=True, help="A fork of a warm interpreter, an interpreter or a box a program.")  # fmt: skip
    @click.option("--runtime", metavar="NAME", help="The engine's runtime for the boxes, like runsc or kata.")
    @functools.wraps(command)
    def mannered(*args: Any, outfit: Outfit, isolation: str, runtime: str | None, **options: Any) -> Any:
        manner = Manner(outfit=outfit, isolation=Isolation(isolation), runtime=runtime, chosen=chosen_limits())
        return command(*args, manner=manner, **options)

    return mannered


def problem_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--skip-bad` and `--output-rule`, handed to the command as `reading`: how a file of problems is read."""

    @click.option(
        "--skip-bad", is_flag=True, help="Leave out rows that are malformed, and say which, in the place of stopping."
    )
    @click.option(
        "--output-rule", type=click.Choice(list(OUTPUT_RULES)), help="Compare what programs print by this rule."
    )
    @functools.wraps(command)
    def reading(*args: Any, skip_bad: bool, output_rule: str | None, **options: Any) -> Any:
        return command(*args, reading=Reading(skip_bad=skip_bad, output_rule=output_rule), **options)

    return reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file of problems is read: whether rows that are malformed are left out, and which rule its output has."""

    skip_bad: bool = False
    output_rule: str | None = None

    def problems(self, source: str) -> list[Problem]:
        """The problems of a file; says on standard error what was left out. Raises ProblemsError."""
        return list(self.file(source).problems)

    def file(self, source: str) -> ProblemFile:
        """The same, with what was left out."""
        found = read_problems(source, skip_bad=self.skip_bad)
        say_left_out(found.left_out, "problem")
        if self.output_rule is None:
            return found
        rule = OUTPUT_RULES[self.output_rule]
        return replace(found, problems=tuple(one.with_output_rule(rule) for one in found.problems))


def say_left_out(left_out: Sequence[str], what: str) -> None:
    """Name the first rows that were left out, and count the others."""
    for told in named(left_out):
        say(f"left out: {told}")
    if left_out:
        say(f"{len(left_out)} {what}{'s' * (len(left_out) != 1)} left out")


def limits_of(options: dict[str, Any]) -> Limits:
    """The limits that the options ask for; ends the command where they cannot be."""
    try:
        return Limits(**options)
    except ValueError as error:
        name, _, rest = str(error).partition(" ")
        stop(f"{LIMIT_OPTIONS[name][0]} {rest}" if name in LIMIT_OPTIONS else str(error), USAGE)


def chosen_limits() -> frozenset[str]:
    """The names of the limits that were given on the command line; a data set's own do not take their place."""
    context = click.get_current_context()
    return frozenset(
        name for name in LIMIT_OPTIONS if context.get_parameter_source(name) not in {ParameterSource.DEFAULT, None}
    )


class progress:  # noqa: N801  (used as a function)
    """A bar on standard error; plain silence where that is no terminal."""

    def __init__(self, what: str, total: int, done: int) -> None:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=HarmlessConsole(stderr=True), disable=not sys.stderr.isatty())
        self._row = self._bar.add_task("", total=total, completed=done)

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        return lambda: self._bar.advance(self._row)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
