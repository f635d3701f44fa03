"""Define the commands of `sampler`: one module each, imported when it runs, because all take half a second.

`run_command` runs one as a process: a wrong call prints one line, ctrl-C no traceback, and a closed pipe is no error.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from sampler.exit_codes import Exit, allow_closed_pipe
from sandbox.commands.command_line import Commands, Place, usage_line
from sandbox.sanitize import guard

COMMANDS = {
    "init": Place("sampler.commands.init", "init", "Write a study file to start from, with every key explained."),
    "run": Place("sampler.commands.run", "run", "Run or continue a study, and print its report."),
    "solve": Place("sampler.commands.solve", "solve", "Answer a PROBLEM: sample, test, stop at the first pass."),
    "report": Place("sampler.commands.report", "report", "Print what every model of a STORE reaches at equal budget."),
    "compare": Place("sampler.commands.report", "compare", "Compare two models at every budget."),
    "analyse": Place(
        "sampler.commands.report", "analyse", "Print what a solution costs and what more samples would bring."
    ),
    "trees": Place("sampler.commands.report", "trees", "Compare repairs with independent samples at equal cost."),
    "gate": Place("sampler.commands.gate", "gate", "Check that no model of a STORE is worse than before."),
    "rank": Place("sampler.commands.rank", "rank", "Rank samples, and print how often the best-ranked one is right."),
    "import": Place("sampler.commands.import_export", "import_", "Add the samples of FILES to a STORE."),
    "score": Place("sampler.commands.run", "score", "Execute every sample of a STORE that has no verdict."),
    "claims": Place("sampler.commands.run", "claims", "Compare the verdicts of imported files with ours."),
    "rejudge": Place("sampler.commands.run", "rejudge", "Judge the stored samples of a study again; no program runs."),
    "models": Place("sampler.commands.models", "models", "List, fetch and remove models, and show what they cost."),
    "export": Place("sampler.commands.import_export", "export_", "Write the samples of a STORE to files or a tracker."),
    "plugins": Place("sampler.commands.plugins", "plugins", "List plugins, built in and of installed packages."),
}


@click.group(cls=Commands, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="codebudget")
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
@click.pass_context
def cli(context: click.Context, *, traceback: bool) -> None:
    """Sample code from language models, score it, compare models at equal budget."""
    context.obj = traceback


def run_command(command: click.Command, name: str) -> NoReturn:
    """Run `command` as the program called `name`, and exit."""
    guard()
    try:
        with allow_closed_pipe(sys.stdout):
            code = command.main(prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"{name}: {usage_line(error)}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(Exit.INTERRUPTED)
    sys.exit(code or Exit.OK)
