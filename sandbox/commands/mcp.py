"""`sandbox mcp`: boxes for agents, by the Model Context Protocol."""

from __future__ import annotations

import shlex
from importlib.metadata import version
from typing import Any

import click

from sandbox.commands.command_line import OUR_FAULT, USAGE, say, stop
from sandbox.commands.scoring_options import limit_options, limits_of, scoring_options
from sandbox.errors import SandboxError
from sandbox.scoring.scorer import open_scorer
from sandbox.scoring.strategy import ScoringOptions


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
    """Serve run_code and run_tests to an agent on standard input and output (Model Context Protocol).

    \b
      claude mcp add sandbox -- sandbox mcp
    """
    try:
        from sandbox.plugin.mcp_server import make_server  # an extra
    except ImportError as error:
        stop(f"this needs {error.name}; run `pip install 'codebudget[mcp]'`", USAGE)
    try:
        with open_scorer(limits_of(options), boxes=boxes, options=scoring, say=say) as scorer:
            make_server(scorer, version("codebudget"), shlex.split(solve)).run("stdio")
    except SandboxError as error:
        stop(str(error), OUR_FAULT)
    except ValueError as error:
        stop(str(error), USAGE)
