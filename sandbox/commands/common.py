"""What the commands share: the options for limits and for how programs are tested."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click
from click.core import ParameterSource

from sandbox.boxes.image import Outfit
from sandbox.commands.exit_codes import USAGE, stop
from sandbox.scoring.scorer import Manner
from sandbox.values import Isolation, Limits

LIMIT_OPTIONS = {  # of every limit the option, its unit, and what it is
    "cpu_s": ("--cpu", "S", "CPU seconds that a program may use."),
    "wall_s": ("--wall", "S", "Seconds that a program may take."),
    "memory_mb": ("--memory", "MB", "Memory of a program."),
    "processes": ("--processes", "N", "Processes that a program may have."),
    "output_kb": ("--output", "KB", "What a program may write to its output."),
    "disk_mb": ("--disk", "MB", "What a program may write to files."),
    "files": ("--files", "N", "Files that a program may make."),
}


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
    @click.option(
        "--isolation",
        type=click.Choice([kind.value for kind in Isolation]),
        default=Isolation.FORK.value,
        show_default=True,
        help="A fork of a warm interpreter, an interpreter or a box a program.",
    )
    @click.option("--runtime", metavar="NAME", help="The engine's runtime for the boxes, like runsc or kata.")
    @functools.wraps(command)
    def mannered(*args: Any, outfit: Outfit, isolation: str, runtime: str | None, **options: Any) -> Any:
        manner = Manner(outfit=outfit, isolation=Isolation(isolation), runtime=runtime, chosen=chosen_limits())
        return command(*args, manner=manner, **options)

    return mannered


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
