"""`budget-tui`: look at a study, run one without a screen, or take a picture of one.

Whether there is a terminal is decided here, before Textual is imported: it does not look, and would fill a pipe
with escape codes.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NoReturn

import click

from sampler.entry import enter
from sampler.exits import Exit
from sampler.manner import Headless, headless_options
from sampler.reader import Reader, StoreError, StoreUnmade

SMALLEST = (40, 12)


class Size(click.ParamType[tuple[int, int]]):
    """Columns x rows, as in 140x40."""

    name = "COLUMNSxROWS"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Two whole numbers, or a complaint."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d{1,3})[xX](\d{1,3})", value)
        if not match:
            self.fail(f"{value!r} is no size; write columns x rows, for instance 140x40", param, ctx)
        columns, rows = int(match[1]), int(match[2])
        if columns < SMALLEST[0] or rows < SMALLEST[1]:
            self.fail(f"{value!r} is too small; at least {SMALLEST[0]}x{SMALLEST[1]} is needed", param, ctx)
        return columns, rows


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("what", metavar="[STORE_OR_STUDY]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--headless",
    is_flag=True,
    help="Run the study STUDY.toml without a screen; the options from --display on are for it.",
)
@click.option(
    "--screenshot",
    metavar="FILE.svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the Live screen into a file and leave; needs no terminal.",
)
@click.option("--size", type=Size(), default="140x40", show_default=True, help="Size of the picture.")
@headless_options
@click.version_option(package_name="codebudget")
def cli(what: Path | None, *, headless: bool, manner: Headless, screenshot: Path | None, size: tuple[int, int]) -> None:
    """Watch a study: STORE_OR_STUDY is the store that a run writes (study.db) or the study file (study.toml).

    The store need not exist yet: the screen waits for the run to begin. Without an argument the newest *.db of this
    folder is shown. Quitting the viewer (q) never stops a run.

    \b
    budget-tui study.db                          watch
    budget-tui --headless study.toml             run without a screen, for scripts and CI
    budget-tui --screenshot out.svg study.db     draw a picture
    """  # noqa: D301  (click's mark for lines that stay as they are)
    if headless:
        sys.exit(_run_headless(what, manner))
    what = what or _newest(Path())
    store = _store_of(what)
    if screenshot is not None:
        _picture(store, screenshot, size)
    else:
        _watch(store, what)


def main() -> None:
    """The console script."""
    enter(cli, "budget-tui")


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob("*.db"), key=lambda file: file.stat().st_mtime)
    if not found:
        _fail(Exit.USAGE, "there is no store (*.db) in this folder; name one, or the study file: budget-tui STUDY.toml")
    return found[-1]


def _run_headless(study: Path | None, manner: Headless) -> int:
    """The same run as `sampler run`; Textual is never imported."""
    if study is None or study.suffix != ".toml":
        named = f"{str(study)!r} does not end in .toml" if study else "none is named"
        _fail(Exit.USAGE, f"--headless runs a study file, and {named}; write `budget-tui --headless STUDY.toml`")
    from sampler.headless import run_headless  # noqa: PLC0415 - a viewer needs no engine

    return run_headless(study, out=sys.stdout, log=sys.stderr, manner=manner)


def _store_of(what: Path) -> Path:
    """The store to look at; a study file names it."""
    if what.suffix != ".toml":
        return what
    from sampler.spec import load_study  # noqa: PLC0415 - only a study file needs it
    from sampler.toml_table import SpecError  # noqa: PLC0415

    try:
        return load_study(what).store
    except SpecError as error:
        _fail(Exit.USAGE, str(error))


def _picture(store: Path, file: Path, size: tuple[int, int]) -> None:
    _refuse_unreadable(store, missing_too=True)
    from tui.picture import NoPicture, take_picture  # noqa: PLC0415 - Textual is slow to import

    try:
        svg = take_picture(store, size)
    except NoPicture as error:
        _fail(Exit.STORE, str(error))
    try:
        file.write_text(svg, encoding="utf-8")
    except OSError as error:
        _fail(
            Exit.USAGE, f"cannot write {str(file)!r}: {error.strerror}; name a file in a folder that you may write to"
        )


def _watch(store: Path, what: Path) -> None:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # it draws on stderr
        _fail(
            Exit.USAGE,
            "this is no terminal; run a study with `budget-tui --headless STUDY.toml`, "
            "print a store with `sampler report STORE`, or draw it with `budget-tui --screenshot out.svg STORE`",
        )
    _refuse_unreadable(store, missing_too=False)
    if os.environ.get("TERM") == "dumb":
        os.environ["NO_COLOR"] = "1"  # Textual looks here
    from tui.app import BudgetApp  # noqa: PLC0415 - Textual is slow to import, and there is a terminal only from here on
    from tui.follow import Follower  # noqa: PLC0415

    follower = Follower(path=store, hint=f"sampler run {what if what.suffix == '.toml' else 'STUDY.toml'}")
    try:
        BudgetApp(follower).run()
    finally:
        follower.stop()


def _refuse_unreadable(store: Path, *, missing_too: bool) -> None:
    """A file that is there but no store of ours is an error at once; one that is not there yet may be waited for."""
    if not missing_too and not store.exists():
        return
    try:
        Reader(store).close()
    except StoreUnmade as error:
        if missing_too:
            _fail(Exit.STORE, str(error))
    except StoreError as error:
        _fail(Exit.STORE, str(error))


def _fail(code: Exit, message: str) -> NoReturn:
    click.echo(f"budget-tui: {message}", err=True)
    sys.exit(code)
