"""Define options for reading a file of problems, and report rows that are left out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from sandbox.commands.command_line import say
from sandbox.problems import Filters, Problem, ProblemFile, read_problems
from sandbox.problems.readers.codebudget_format import ASSUMPTION_KEYS, read_assumption_words
from sandbox.problems.readers.training_rows import USUAL
from sandbox.sanitize import first_few
from sandbox.values import OUTPUT_RULES


def problem_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--skip-bad`, `--output-rule` and `--checker-files`; the command gets them as `reader`, a ProblemReader."""

    @click.option("--skip-bad", is_flag=True, help="Leave out malformed rows, and say which, instead of stopping.")
    @click.option(
        "--output-rule",
        type=click.Choice(list(OUTPUT_RULES)),
        help="Compare what programs print by this rule, instead of the data set's own.",
    )
    @click.option(
        "--checker-files",
        multiple=True,
        type=click.Path(exists=True, path_type=Path),
        metavar="PATH",
        help="A header that checkers in C++ include, such as testlib.h, or a folder of them; may be repeated.",
    )
    @functools.wraps(command)
    def with_reader(
        *args: Any, skip_bad: bool, output_rule: str | None, checker_files: tuple[Path, ...], **options: Any
    ) -> Any:
        reader = ProblemReader(skip_bad=skip_bad, output_rule=output_rule, checker_files=checker_files)
        return command(*args, reader=reader, **options)

    return with_reader


def _names_in(path: Path | None) -> Mapping[str, str]:
    """Return the names that a file has at the beginning of its lines, each with what stands behind a tab."""
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} cannot be read: {error}") from error
    split = (line.partition("\t") for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): why.strip().replace("\t", ": ") or f"{path} names it" for name, _, why in split}


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add options that choose problems, for the `reader` of `problem_options`; use it below that decorator."""

    @click.option(
        "--map",
        "columns",
        multiple=True,
        metavar="PART=FIELD",
        callback=_columns,
        help=f"Where rows of your own keep a part ({', '.join(USUAL)}), as tests=reward_model.ground_truth; may "
        "be repeated.",
    )
    @click.option(
        "--since", default="", metavar="DATE", help="Keep problems of this date or later, such as 2024-08-31."
    )
    @click.option(
        "--until", default="", metavar="DATE", help="Keep problems of this date or earlier; 2024-08 is the whole month."
    )
    @click.option(
        "--difficulty",
        metavar="NAME,…",
        help="Keep problems of these difficulties: names, or ratings such as 1200-1600.",
    )
    @click.option("--platform", metavar="NAME,…", help="Keep problems from these platforms, such as codeforces.")
    @click.option("--tags", metavar="NAME,…", help="Keep problems that have one of these tags.")
    @click.option(
        "--task",
        default="",
        metavar="NAME",
        help="Which task to ask where rows hold several: complete or instruct of BigCodeBench, output or input of "
        "CRUXEval.",
    )
    @click.option(
        "--keep-failing",
        is_flag=True,
        help="Keep also problems whose canonical solution is known to fail here (docs/datasets.md).",
    )
    @click.option(
        "--leave-out",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Leave out the problems that this file names, one in each line, as `problems --check --write-failing` "
        "writes it.",
    )
    @functools.wraps(command)
    def filtering(*args: Any, reader: ProblemReader, **options: Any) -> Any:
        named: dict[str, Any] = {name: options.pop(name) for name in ("since", "until", "keep_failing")}
        named |= {name: _words(options.pop(name)) for name in ("difficulty", "platform", "tags")}
        try:
            chosen = Filters(**named, leave_out=_names_in(options.pop("leave_out")))
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        reader = replace(reader, filters=chosen, columns=options.pop("columns"), task=options.pop("task"))
        return command(*args, reader=reader, **options)

    return filtering


def _columns(_context: click.Context, _option: click.Parameter, words: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for word in words:
        part, _, field_name = word.partition("=")
        if part not in USUAL or not field_name:
            raise click.BadParameter(f"{word!r} is not of the form PART=FIELD with a part of {', '.join(USUAL)}")
        found[part] = field_name
    return found


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def assume_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--assume`, which goes into the `reader` of `problem_options`; use it below that decorator."""

    @click.option(
        "--assume",
        "assumed",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_assumed,
        help=f"What programs may assume, instead of what their data set says: {', '.join(ASSUMPTION_KEYS)} "
        "(docs/problems.md); may be repeated.",
    )
    @functools.wraps(command)
    def assuming(*args: Any, reader: ProblemReader, assumed: Mapping[str, Any], **options: Any) -> Any:
        return command(*args, reader=replace(reader, assumed=assumed), **options)

    return assuming


def _assumed(_context: click.Context, _option: click.Parameter, words: Sequence[str]) -> Mapping[str, Any]:
    try:
        return read_assumption_words(words)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemReader:
    """Reads files of problems; with `skip_bad`, malformed rows are left out.

    `filters` choose among the rows; `columns` says where they keep their parts, `task` which of a
    row's tasks is asked. `output_rule` and `assumed` (what programs may assume) replace those of the data set.
    `checker_files` are headers for checkers in C++.
    """

    skip_bad: bool = False
    output_rule: str | None = None
    assumed: Mapping[str, Any] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)
    columns: Mapping[str, str] = field(default_factory=dict)
    task: str = ""
    checker_files: tuple[Path, ...] = ()

    def problems(self, source: str) -> list[Problem]:
        """Return the problems of a file; print to standard error what was left out. Raises ProblemsError."""
        return list(self.file(source).problems)

    def file(self, source: str) -> ProblemFile:
        """Return the same, with the rows that were left out."""
        found = read_problems(
            source,
            skip_bad=self.skip_bad,
            filters=self.filters,
            columns=self.columns,
            task=self.task,
            checker_files=self.checker_files,
        )
        for note in found.notes:
            say(note)
        say_left_out(found.left_out, "problem")
        problems = [one.assuming(self.assumed) for one in found.problems]
        if self.output_rule is not None:
            problems = [one.with_output_rule(OUTPUT_RULES[self.output_rule]) for one in problems]
        return replace(found, problems=tuple(problems))


def say_left_out(left_out: Sequence[str], what: str) -> None:
    """Print the first rows that were left out, and how many there are."""
    for told in first_few(left_out):
        say(f"left out: {told}")
    if left_out:
        say(f"{len(left_out)} {what}{'s' * (len(left_out) != 1)} left out")
