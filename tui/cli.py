"""`budget-tui`: look at a study, run one without a screen, or take a picture of one.

This module checks for a terminal before Textual is imported: Textual does not check, and would write escape codes into
a pipe.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click
import platformdirs

from sampler.commands import run_command
from sampler.exit_codes import Exit
from sampler.running.run_options import HeadlessOptions, headless_options
from sampler.store.reader import Reader, StoreError, StoreUnmade
from tui.screens import SCREENS
from tui.settings import FILE, Settings, SettingsError, read_settings, refuse_unknown

SMALLEST = (40, 12)
EDITORS = ("VISUAL", "EDITOR", "PAGER")


class Size(click.ParamType[tuple[int, int]]):
    """Columns x rows, as in 140x40."""

    name = "COLUMNSxROWS"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Parse two whole numbers; fail with a message otherwise."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d{1,3})[xX](\d{1,3})", value)
        if not match:
            self.fail(f"{value!r} is no size; write columns x rows, for instance 140x40", param, ctx)
        columns, rows = int(match[1]), int(match[2])
        if columns < SMALLEST[0] or rows < SMALLEST[1]:
            self.fail(f"{value!r} is too small; at least {SMALLEST[0]}x{SMALLEST[1]} is needed", param, ctx)
        return columns, rows


class Viewer(click.Group):
    """A group with the default command `watch`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Pass arguments without a command to `watch`."""
        if not args or (args[0] not in self.commands and args[0] not in {"-h", "--help", "--version"}):
            args = ["watch", *args]
        return super().parse_args(ctx, args)


_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(cls=Viewer, context_settings=_HELP)
@click.version_option(package_name="codebudget")
def cli() -> None:
    """Watch studies in the terminal. `watch` need not be written: budget-tui study.db watches.

    \b
    budget-tui study.db                          watch
    budget-tui study.db --against other.db       and compare with a second store
    budget-tui --headless study.toml             run without a screen, for scripts and CI
    budget-tui --screenshot out.svg study.db     draw a picture
    budget-tui --replay study.db --speed 20      play a finished study as if it ran
    budget-tui serve study.db                    watch in the browser, on this machine
    budget-tui watch --help                      all options
    """


@cli.command(context_settings=_HELP)
@click.argument("what", metavar="[STORE_OR_STUDY]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--headless",
    is_flag=True,
    help="Run the study STUDY.toml without a screen, as `sampler run` does; the options from --store on are for it.",
)
@click.option(
    "--screenshot",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw a screen into a .svg or .png file (extra `png`) and end; needs no terminal.",
)
@click.option(
    "--screen", type=click.Choice(SCREENS), default="live", show_default=True, help="The screen to begin with."
)
@click.option(
    "--against",
    metavar="OTHER",
    type=click.Path(path_type=Path),
    help="A second store, whose models stand beside those of STORE in Compare and Curves.",
)
@click.option("--size", type=Size(), default="140x40", show_default=True, help="Size of the picture, in characters.")
@click.option("--keys", default="", help="Keys to press before the picture is taken, e.g. 'x down z'.")
@click.option("--theme", default="", help="A theme by its name, e.g. nord.")
@click.option("--replay", is_flag=True, help="Play the finished study of STORE as if it ran, from a copy.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.01),
    default=10.0,
    show_default=True,
    help="With --replay: how many times as fast as the run was.",
)
@click.option("--readonly", is_flag=True, help="Read-only: no key runs, pauses or cancels a study.")
@click.option("--no-mouse", is_flag=True, help="Do not use the mouse, so that the terminal can select text.")
@headless_options
def watch(
    what: Path | None,
    *,
    headless: bool,
    run_options: HeadlessOptions,
    screenshot: Path | None,
    replay: bool,
    speed: float,
    **options: Any,
) -> None:
    """Watch a study in the terminal (the default command).

    STORE_OR_STUDY is the store that a run writes (study.db) or the study file (study.toml). The store need not exist
    yet: the screen waits for the run to begin. Without an argument the newest *.db of this folder is shown. Quitting
    the viewer (q) never stops a run.

    A file budget-tui.toml of this folder, or config.toml of the user's configuration folder for budget-tui, may set a
    theme and a [keymap]; `?` on the screen lists what every key is called.
    """
    if headless:
        sys.exit(_run_headless(what, run_options))
    what = what or _newest(Path())
    store = _store_of(what)
    _refuse_against(store, options["against"])
    if screenshot is not None:
        _screenshot(store, screenshot, options)
    elif replay:
        _replay(store, speed, options)
    else:
        _watch(store, what, options)


@cli.command(context_settings=_HELP)
@click.argument("what", metavar="STORE_OR_STUDY", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(1024, 65535), default=8000, show_default=True, help="Port to listen on.")
def serve(what: Path, *, port: int) -> None:
    """Watch a study in the browser on this machine, read-only.

    The page is reachable from this machine alone; anyone who can log in here can open it. Needs the extra `web`: pip
    install 'codebudget[web]'.
    """
    _refuse_unreadable(_store_of(what), missing_too=False)
    from tui.web_server import NoServer, serve_page  # an extra

    try:
        serve_page(what, port)
    except NoServer as error:
        _fail(Exit.USAGE, str(error))


def main() -> None:
    """Run the console script."""
    run_command(cli, "budget-tui")


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob("*.db"), key=lambda file: file.stat().st_mtime)
    if not found:
        _fail(Exit.USAGE, "there is no store (*.db) in this folder; name one, or the study file: budget-tui STUDY.toml")
    return found[-1]


def _run_headless(study: Path | None, run_options: HeadlessOptions) -> int:
    """Run a study as `sampler run` does, without importing Textual."""
    if study is None or study.suffix != ".toml":
        named = f"{str(study)!r} does not end in .toml" if study else "none is named"
        _fail(Exit.USAGE, f"--headless runs a study file, and {named}; write `budget-tui --headless STUDY.toml`")
    from sampler.running.headless import run_headless  # a viewer needs no engine

    return run_headless(study, out=sys.stdout, log=sys.stderr, run_options=replace(run_options, program="budget-tui"))


def _store_of(what: Path) -> Path:
    """Return the store to show; a study file names its store."""
    if what.suffix != ".toml":
        return what
    from sampler.study.spec import load_study  # only a study file needs it
    from sampler.study.toml_table import SpecError

    try:
        return load_study(what).store
    except SpecError as error:
        _fail(Exit.USAGE, str(error))


def _screenshot(store: Path, file: Path, options: Mapping[str, Any]) -> None:
    _refuse_unreadable(store, missing_too=True)
    from tui.app import ScreenshotError, ScreenshotSpec, UnknownKey, take_screenshot  # Textual is slow to import
    from tui.data.export import PICTURES, PictureError, picture_of

    if file.suffix not in PICTURES:
        _fail(Exit.USAGE, f"a picture is SVG or PNG; name it so, as in {str(file.with_suffix('.svg'))!r}")
    settings = _settings(options["theme"])
    spec = ScreenshotSpec(
        screen=options["screen"], size=options["size"], keys=options["keys"].split(), theme=settings.theme
    )
    try:
        picture = picture_of(take_screenshot(store, spec, against=options["against"]), file)
    except UnknownKey as error:
        _fail(Exit.USAGE, f"--keys: {error}")
    except PictureError as error:
        _fail(Exit.USAGE, str(error))
    except ScreenshotError as error:
        _fail(Exit.STORE, str(error))
    try:
        file.write_bytes(picture)
    except OSError as error:
        _fail(
            Exit.USAGE, f"cannot write {str(file)!r}: {error.strerror}; name a file in a folder that you may write to"
        )


def _settings(theme: str) -> Settings:
    """Return the user's settings; options of the command line have precedence."""
    from textual.app import App  # Textual is slow to import

    from tui.app import known_ids

    try:
        settings = read_settings([Path(FILE), platformdirs.user_config_path("budget-tui") / "config.toml"])
        settings = replace(settings, theme=theme or settings.theme)
        refuse_unknown(settings, App[None]().available_themes, known_ids())
    except SettingsError as error:
        _fail(Exit.USAGE, str(error))
    return settings


def _replay(store: Path, speed: float, options: Mapping[str, Any]) -> None:
    """Replay a copy of the store; the store itself is only read."""
    _refuse_unreadable(store, missing_too=True)
    from sampler.store.playback import Player  # only a replay writes

    with tempfile.TemporaryDirectory(prefix="budget-tui-") as folder:
        copy = Path(folder) / store.name
        with Player(store, copy, speed):
            _watch(copy, copy, {**options, "readonly": True, "replay": True})


def _watch(store: Path, what: Path, options: Mapping[str, Any]) -> None:
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)) and not _in_browser():
        _fail(
            Exit.USAGE,
            "this is no terminal; run a study with `budget-tui --headless STUDY.toml`, print a store with `sampler "
            "report STORE`, or draw it with `budget-tui --screenshot out.svg STORE`",
        )
    _refuse_unreadable(store, missing_too=False)
    if os.environ.get("TERM") == "dumb":
        os.environ["NO_COLOR"] = "1"  # Textual looks here
    from tui.app import BudgetApp  # Textual is slow, and there is a terminal only from here on
    from tui.data.store_watcher import StoreWatcher
    from tui.data.system_info import Machine
    from tui.screens.base import Rights

    study = what if what.suffix == ".toml" else None
    editor = "" if _in_browser() else next(filter(None, map(os.environ.get, EDITORS)), "less")
    watcher = StoreWatcher(path=store, hint=f"sampler run {study or 'STUDY.toml'}", against=options["against"])
    rights = Rights(act=not options["readonly"], replay=options.get("replay", False), study_file=study)
    try:
        app = BudgetApp(
            watcher,
            rights=rights,
            settings=_settings(options["theme"]),
            start=options["screen"],
            machine=Machine(editor=editor),
        )
        app.run(mouse=not options["no_mouse"])
    finally:
        watcher.stop()


def _in_browser() -> bool:
    """Return whether textual-serve has started this process, so that its pipe is the screen."""
    return "TEXTUAL_DRIVER" in os.environ


def _refuse_unreadable(store: Path, *, missing_too: bool) -> None:
    """Raise an error for an existing file that is no store; a missing file may still be created by a run."""
    if not missing_too and not store.exists():
        return
    try:
        Reader(store).close()
    except StoreUnmade as error:
        if missing_too:
            _fail(Exit.STORE, str(error))
    except StoreError as error:
        _fail(Exit.STORE, str(error))


def _refuse_against(store: Path, other: Path | None) -> None:
    """Raise an error for a second store that cannot be read or has other problems."""
    if other is None:
        return
    _refuse_unreadable(other, missing_too=True)
    if not store.exists():
        return
    from sampler.reporting.comparison import NotComparable  # it needs the statistics, slow to import
    from tui.data.store_watcher import refuse_other_store  # it needs the statistics, slow to import

    try:
        refuse_other_store(store, other)
    except StoreUnmade:
        return  # it is about to be made
    except StoreError as error:
        _fail(Exit.STORE, str(error))
    except NotComparable as error:
        _fail(Exit.USAGE, str(error))


def _fail(code: Exit, message: str) -> NoReturn:
    click.echo(f"budget-tui: {message}", err=True)
    sys.exit(code)
