"""Define options that several commands share: limits, and how programs are tested."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click
from click.core import ParameterSource

from sandbox.boxes.image import ImageSpec
from sandbox.boxes.profiles import image_spec_of
from sandbox.commands.command_line import USAGE, stop
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import Isolation, Limits

LIMIT_OPTIONS = {  # of every limit the option, its unit, and what it is
    "cpu_s": ("--cpu", "S", "CPU seconds that a program may use."),
    "wall_s": ("--wall", "S", "Wall-clock seconds that a program may take."),
    "memory_mb": ("--memory", "MB", "Memory that a program may use."),
    "processes": ("--processes", "N", "Processes that a program may have."),
    "output_kb": ("--output", "KB", "What a program may print."),
    "disk_mb": ("--disk", "MB", "What a program may write to files."),
    "files": ("--files", "N", "Files that a program may make."),
}


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option for each limit, with the default of `Limits`."""
    for item in reversed(fields(Limits)):
        kind = float if isinstance(item.default, float) else int
        option, unit, words = LIMIT_OPTIONS[item.name]
        command = click.option(
            option, item.name, type=kind, default=item.default, show_default=True, metavar=unit, help=words
        )(command)
    return command


def image_spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--python`, `--packages` and `--profile`; the command gets them as the `image_spec` of its boxes."""

    @click.option("--python", metavar="VERSION", help="The Python that programs run on, like 3.13.")
    @click.option("--packages", metavar="NAMES", help="Packages that programs may import, like numpy,pandas==2.2.3.")
    @click.option(
        "--profile",
        metavar="NAME",
        help="The packages of a benchmark, pinned: bigcodebench, classeval, ds-1000 or scientific.",
    )
    @functools.wraps(command)
    def with_image_spec(
        *args: Any, python: str | None, packages: str | None, profile: str | None, **options: Any
    ) -> Any:
        more = tuple(packages.split(",")) if packages else ()
        try:
            image_spec = image_spec_of(python, more, profile)
        except ValueError as error:
            stop(str(error), USAGE)
        return command(*args, image_spec=image_spec, **options)

    return with_image_spec


def scoring_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--isolation`, `--runtime` and `image_spec_options`; the command gets them as `scoring`."""

    @image_spec_options
    @click.option(
        "--isolation",
        type=click.Choice([kind.value for kind in Isolation]),
        default=Isolation.FORK.value,
        show_default=True,
        help="What each program gets: a fork of a warm interpreter, an interpreter of its own, or a box of its own.",
    )
    @click.option("--runtime", metavar="NAME", help="Docker's runtime for the boxes, like runsc or kata.")
    @functools.wraps(command)
    def with_scoring(*args: Any, image_spec: ImageSpec, isolation: str, runtime: str | None, **options: Any) -> Any:
        scoring = ScoringOptions(
            image_spec=image_spec, isolation=Isolation(isolation), runtime=runtime, chosen=chosen_limits()
        )
        return command(*args, scoring=scoring, **options)

    return with_scoring


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--cluster` and `--registry`: programs run on the nodes of a Ray cluster instead of this machine."""
    address = click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Run on the nodes of a Ray cluster: auto, ray://HOST:PORT or HOST:PORT. --boxes then counts for "
        "each node.",
    )
    registry = click.option(
        "--registry",
        metavar="HOST/PATH",
        help="A registry from which nodes fetch the box image; without one, nodes copy it from each other.",
    )
    return address(registry(command))


def limits_of(options: dict[str, Any]) -> Limits:
    """Return the limits that the options ask for; end the command if they are not possible."""
    try:
        return Limits(**options)
    except ValueError as error:
        name, _, rest = str(error).partition(" ")
        stop(f"{LIMIT_OPTIONS[name][0]} {rest}" if name in LIMIT_OPTIONS else str(error), USAGE)


def chosen_limits() -> frozenset[str]:
    """Return the names of the limits on the command line, which a data set's own limits do not replace."""
    context = click.get_current_context()
    return frozenset(
        name for name in LIMIT_OPTIONS if context.get_parameter_source(name) not in {ParameterSource.DEFAULT, None}
    )
