"""The commands of `sampler`, a module each, imported when they are run: all of them take half a second."""

from __future__ import annotations

import importlib
from typing import NamedTuple, cast

import click


class Place(NamedTuple):
    """Where a command is, and how its help begins."""

    module: str
    name: str
    help: str


COMMANDS = {
    "init": Place("init", "init", "Write a study to start from to FILE (study.toml), every key explained."),
    "run": Place("run", "run", "Run the study of a STUDY.toml, or continue it, and print its report."),
    "report": Place(
        "report", "report", "Print what every model of a STORE, or of a counts file, reaches at equal budget."
    ),
    "compare": Place("compare", "compare", "Compare two models at every budget."),
    "analyse": Place(
        "analyse",
        "analyse",
        "Print what a solution costs, what more samples would bring, and whom to ask at each budget.",
    ),
    "gate": Place(
        "gate", "gate", "Compare a STORE with its baseline at equal budget; exit code 1 where a model got worse."
    ),
    "rank": Place(
        "rank",
        "rank",
        "Rank the samples of a STORE, or of a study file's; keep what rankers think of each, print what their choice is worth.",
    ),
    "import": Place(
        "importing",
        "import_",
        "Add the samples of FILES to a STORE; `sampler score` executes them, `sampler report` compares them.",
    ),
    "score": Place("scoring", "score", "Execute every sample of a STORE that has no verdict."),
    "claims": Place(
        "scoring", "claims", "Compare the verdicts that came with the imported samples of a STORE with ours."
    ),
    "rejudge": Place(
        "run",
        "rejudge",
        "Judge what the store of a STUDY.toml holds again, from the facts it keeps. No program runs.",
    ),
    "models": Place(
        "models",
        "models",
        "Models for the built-in engine: list them, fetch them, remove them; and what any model costs.",
    ),
    "export": Place(
        "exporting",
        "export_",
        "Write the samples of a STORE to a file or folder; `sampler import` reads all formats but sqlite, which is a store.",
    ),
}


class Commands(click.Group):
    """A group that knows the names of its commands, and imports one when it is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None where there is none."""
        if (place := COMMANDS.get(cmd_name)) is None:
            return None
        return cast("click.Command", getattr(importlib.import_module(f"sampler.commands.{place.module}"), place.name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command, without importing it."""
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        helps = {name: click.Command(name, help=place.help) for name, place in COMMANDS.items()}
        rows = [(name, helps[name].get_short_help_str(limit)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codebudget")
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
@click.pass_context
def cli(context: click.Context, *, traceback: bool) -> None:
    """Sample code from language models, score it, compare models at equal budget."""
    context.obj = traceback
