"""`sandbox serve` and `sandbox mcp`: boxes for programs elsewhere, over HTTP, and for agents."""

from __future__ import annotations

import ipaddress
import shlex
import shutil
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.metadata import version
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from sandbox.boxes.image import ImageSpec
from sandbox.boxes.pool import Pool
from sandbox.cluster.pool import ClusterPool, PoolPlace
from sandbox.commands.command_line import OUR_FAULT, PASSED, USAGE, say, stop
from sandbox.commands.problem_options import ProblemReader, assume_option, filter_options, problem_options
from sandbox.commands.scoring_options import (
    chosen_limits,
    cluster_options,
    image_spec_options,
    limit_options,
    limits_of,
    scoring_options,
)
from sandbox.errors import SandboxError
from sandbox.languages import chosen_languages, languages
from sandbox.problems import ProblemsError
from sandbox.scoring.references import usual_directory
from sandbox.scoring.scorer import open_pool, open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import Limits

ROOM = 4096
OUTPUT_KB = 6 << 10  # unless another limit is asked for: clients of other servers expect whole outputs


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; any other than loopback needs a token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 takes any free one.",
)
@click.option("--boxes", type=click.IntRange(min=1), help="How many boxes [default: one per core].")
@click.option(
    "--token-env",
    metavar="NAME",
    default="SANDBOX_TOKEN",
    show_default=True,
    show_envvar=False,
    help="The environment variable with the bearer token; where it is set, every client needs it.",
)
@click.option(
    "--problems",
    "source",
    metavar="NAME|FILE",
    help="Problems that clients may ask for by their names; --skip-bad, --output-rule and --assume are about these.",
)
@click.option(
    "--room", type=click.IntRange(min=1), default=ROOM, show_default=True, help="How many programs may wait for a box."
)
@click.option(
    "--longest",
    type=float,
    default=60.0,
    show_default=True,
    metavar="S",
    help="The longest time limit that a client may set for a program.",
)
@click.option(
    "--languages",
    metavar="NAMES",
    help="Serve only these languages besides Python, like cpp,javascript, and build their images before; all builds "
    "every image [default: every language; an image is built when a client first needs it].",
)
@problem_options
@filter_options
@assume_option
@image_spec_options
@cluster_options
@limit_options
@click.pass_context
def serve(
    context: click.Context, /, host: str, port: int, boxes: int | None, reader: ProblemReader, **options: Any
) -> None:
    """Serve boxes over HTTP.

    The routes are /v1/score, SandboxFusion's /run_code and Piston's /api/v2/execute; / describes them.

    \b
      sandbox serve --port 8080 --problems humaneval
      SANDBOX_TOKEN=… sandbox serve --host 0.0.0.0
    """
    image_spec, room, longest, source, name, asked = (
        options.pop(option) for option in ("image_spec", "room", "longest", "source", "token_env", "languages")
    )
    token = _token(context, host, name)
    options_of_cluster = {option: options.pop(option) for option in ("cluster", "registry")}
    limits = limits_of(options)
    if context.get_parameter_source("output_kb") is ParameterSource.DEFAULT:
        limits = replace(limits, output_kb=OUTPUT_KB)
    try:
        from sandbox.serving import app, server  # an extra
    except ImportError as error:
        _not_installed(error)
    scoring = _scoring_options(image_spec, longest)
    try:
        problems = reader.problems(source) if source else []
        served = languages() if asked is None else chosen_languages(asked)
        prepared = tuple(one.name for one in served) if asked else ()
        place = PoolPlace(boxes=boxes, languages=prepared, **options_of_cluster)
        with server.listen(host, port) as listener, _opened(place, limits, scoring) as pool:
            service = app.Service(
                options=scoring,
                problems=problems,
                token=token,
                room=room,
                longest_s=longest,
                versions=server.versions(pool, served, build=asked is not None),
            )
            say(f"serving {pool.boxes} box{'es' * (pool.boxes != 1)} at http://{_shown(listener.getsockname())}/")
            broken = server.serve(pool, service, listener)
    except (ProblemsError, ValueError) as error:
        stop(str(error), USAGE)
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    except OSError as error:
        stop(f"cannot listen at {host}, port {port}: {error.strerror}", USAGE)
    if broken is not None:
        stop(str(broken), OUR_FAULT)
    say("stopped; no box is left")
    sys.exit(PASSED)


def _token(context: click.Context, host: str, name: str) -> str | None:
    """Return the token that clients have to send; without one, end the command unless only this machine can ask."""
    token: str | None = (context.obj or {}).get(name)
    if token is None and not _is_loopback(host):
        stop(f"{host} is not loopback, so clients need a token: put one into the environment as {name}", USAGE)
    return token


def _opened(place: PoolPlace, limits: Limits, options: ScoringOptions) -> AbstractContextManager[Pool | ClusterPool]:
    if place.cluster is None:
        return open_pool(limits, boxes=place.boxes, image_spec=options.image_spec, say=say)
    return ClusterPool.of(place.spec(limits, options), say)


def _scoring_options(image_spec: ImageSpec, longest_s: float) -> ScoringOptions:
    return ScoringOptions(image_spec=image_spec, kept=usual_directory(), chosen=chosen_limits(), longest_s=longest_s)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(address: tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _not_installed(error: ImportError) -> NoReturn:
    stop(f"serving needs {error.name}; run `pip install 'codebudget[serve]'`", USAGE)


@click.command()
@click.option("--boxes", type=click.IntRange(min=1), help="How many calls run at once [default: one per core].")
@click.option(
    "--solve",
    metavar="COMMAND",
    default="",
    help="Offer the tool solve_problem, which runs this command with the problem as JSON on its standard input and "
    "returns the JSON that it prints, such as 'sampler solve - --json …'.",
)
@scoring_options
@limit_options
def mcp(boxes: int | None, solve: str, scoring: ScoringOptions, **options: Any) -> None:
    """Serve boxes as tools of an agent (Model Context Protocol).

    The tools are run_code and run_tests. The protocol runs over standard input and output.

    \b
      claude mcp add sandbox -- sandbox mcp
    """
    try:
        from sandbox.plugin.mcp_server import make_server  # an extra
    except ImportError as error:
        stop(f"this needs {error.name}; run `pip install 'codebudget[mcp]'`", USAGE)
    try:
        command = shlex.split(solve)
    except ValueError as error:
        stop(f"--solve {solve!r}: {error}", USAGE)
    if command and shutil.which(command[0]) is None:
        stop(f"--solve: there is no program {command[0]!r}; give its path, or put it on PATH", USAGE)
    try:
        with open_scorer(limits_of(options), boxes=boxes, options=scoring, say=say) as scorer:
            make_server(scorer, version("codebudget"), command).run("stdio")
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    except ValueError as error:
        stop(str(error), USAGE)
