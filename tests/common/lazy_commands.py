"""What holds of both programs' commands: their help is printed without importing them. `pythonpath` finds it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import click

from sandbox.commands.command_line import Commands, Place


def help_without_imports(program: Commands, places: Mapping[str, Place], module: str, heavy: set[str]) -> str:
    """Assert that each command's help begins as its place says, and that --help imports nothing heavy and cuts no line.

    Return that help.
    """
    context = click.Context(program)
    for name, place in places.items():
        command = program.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert " ".join((command.help or "").split()).startswith(place.help), name
    source = f"import sys\nfrom {module} import main\nsys.argv[1:] = ['--help']\n"
    source += f"try: main()\nfinally: print({heavy!r} & sys.modules.keys())"
    narrow = {**os.environ, "COLUMNS": "80"}
    printed = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True, env=narrow
    ).stdout
    assert printed.endswith("set()\n")
    assert "..." not in printed.partition("Commands:")[2]
    return printed
