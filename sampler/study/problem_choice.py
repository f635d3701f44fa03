"""Choose which of a data set's problems a study takes: a published split, numbers, names, every n-th, a limit.

The splits of MBPP are those of Austin et al. (2021, "Program Synthesis with Large Language Models"): tasks 1 to 10
are for few-shot prompts, 11 to 510 for testing. The sanitized set and MBPP+ keep the numbers, so they split alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sampler.study.spec_models import Shots
from sampler.values import valid_text
from sandbox.problems import Filters, LeftOut, Problem, ProblemsError, read_problems, with_examples
from sandbox.values import OUTPUT_RULES

SPLITS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "mbpp": {"prompt": (1, 10), "test": (11, 510), "validation": (511, 600), "train": (601, 974)},
}
SPLIT_NAMES = tuple(dict.fromkeys(name for splits in SPLITS.values() for name in splits))
NUMBERS = r"[0-9]+(-[0-9]+)?(, *[0-9]+(-[0-9]+)?)*"  # as in the study's schema
_MOST_DIGITS = 12
SELECTIONS = ("given", "examples")


def ranges_of(text: str) -> tuple[tuple[int, int], ...]:
    """Return a text such as "11-510, 601" as ranges, ends included; raises ValueError."""
    if not re.fullmatch(NUMBERS, text) or any(len(digits) > _MOST_DIGITS for digits in re.findall("[0-9]+", text)):
        raise ValueError(f'{text!r} names no numbers; write for example "11-510" or "2, 3, 4"')
    ranges = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        ranges.append((int(first), int(last or first)))
        if ranges[-1][0] > ranges[-1][1]:
            raise ValueError(f"{part.strip()!r} ends before it begins; write {last}-{first}")
    return tuple(ranges)


def in_split(names: Sequence[str], split: str) -> list[str]:
    """Return those of the names that a published split holds; raises ValueError for a data set without it."""
    for name in names:
        set_name = name.partition("/")[0].casefold()
        if split not in SPLITS.get(set_name, {}):
            known = ", ".join(SPLITS)
            raise ValueError(f"{name!r} is of no set with a split {split!r} (known: {known}); give numbers or names")
    return [name for name in names if _within(name, [SPLITS[name.partition("/")[0].casefold()][split]])]


def in_ranges(names: Iterable[str], ranges: Iterable[tuple[int, int]]) -> list[str]:
    """Return those of the names whose number, their last digits, lies in one of the ranges."""
    ranges = tuple(ranges)
    return [name for name in names if _within(name, ranges)]


def _within(name: str, ranges: Iterable[tuple[int, int]]) -> bool:
    found = re.search(r"[0-9]+$", name)
    return found is not None and any(first <= int(found[0][-_MOST_DIGITS:]) <= last for first, last in ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemsSpec:
    """Which problems: those of these names; or of a split, or of these numbers, every n-th up to a limit.

    `more` are further sources, whose problems follow those of the first. `filters` choose by date, difficulty, platform
    and tags. The rule for what is printed, and what programs may assume, take the place of the data set's own.
    `language` is what whole programs are written in; of a set of functions in many languages it chooses those in this
    one. With `selection` "examples", problems without selection tests get those of the examples in their statements.
    `columns` says where rows of one's own keep their parts, `task` which is asked where rows hold several. Problems
    whose canonical solution is known to fail here are taken only by their names, or if `filters` say so.
    """

    source: str
    more: tuple[str, ...] = ()
    split: str | None = None
    numbers: tuple[tuple[int, int], ...] = ()
    every: int | None = None
    limit: int | None = None
    names: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    columns: Mapping[str, str] = field(default_factory=dict)
    task: str = ""
    checker_files: tuple[str, ...] = ()
    skip_bad: bool = False
    output_rule: str | None = None
    language: str | None = None
    assumed: Mapping[str, object] = field(default_factory=dict)
    selection: str = SELECTIONS[0]

    @property
    def decides(self) -> dict[str, object]:
        """Return how the problems are read and what decides the verdicts besides their texts, if not the default."""
        said: dict[str, object] = {"output_rule": self.output_rule, "language": self.language, "task": self.task}
        said |= {"assume": dict(self.assumed), "map": dict(self.columns), "checker_files": list(self.checker_files)}
        return {key: value for key, value in said.items() if value}

    @property
    def sources(self) -> tuple[str, ...]:
        """Return all the sources, in their order."""
        return (self.source, *self.more)


def choose_problems(spec: ProblemsSpec, left_out: Callable[[LeftOut], None] = lambda _: None) -> tuple[Problem, ...]:
    """Return the problems that the study asks for; raises ProblemsError.

    `left_out` is called with each row that was left out: those without tests and, with `skip_bad`, those that are no
    problems.
    """
    loaded = _load(spec, left_out)
    problems = {problem.name: problem.assuming(spec.assumed) for problem in loaded}
    if spec.selection == "examples":
        problems = {name: with_examples(problem) for name, problem in problems.items()}
    if spec.output_rule is not None:
        rule = OUTPUT_RULES[spec.output_rule]
        problems = {name: problem.with_output_rule(rule) for name, problem in problems.items()}
    if spec.language is not None:
        problems = _in_language(problems, spec.language)
    if spec.names:
        return find_named(spec.names, problems, ", ".join(spec.sources))
    try:
        names = in_split(list(problems), spec.split) if spec.split else list(problems)
    except ValueError as error:
        raise ProblemsError(f"{', '.join(spec.sources)}: {error}") from error
    if spec.numbers:
        names = in_ranges(names, spec.numbers)
    if not names:
        raise ProblemsError(f"{', '.join(spec.sources)} holds no problem of that split or those numbers")
    return tuple(problems[name] for name in names[:: spec.every or 1][: spec.limit])


def _in_language(problems: Mapping[str, Problem], language: str) -> dict[str, Problem]:
    """Return the problems that programs of a language can solve; of a set in many languages those of this one."""
    own = {name: problem for name, problem in problems.items() if problem.language == language}
    return own or {name: problem.in_language(language) for name, problem in problems.items()}


def choose_shots(shots: Shots, problems: ProblemsSpec) -> tuple[Problem, ...]:
    """Return the solved problems that a model is shown, from their own source or the study's; raises ProblemsError."""
    if not shots.names:
        return ()
    spec = problems if shots.source is None else ProblemsSpec(source=shots.source)
    spec, sources = replace(spec, filters=Filters(), skip_bad=False, names=shots.names), spec.sources
    found = find_named(shots.names, {problem.name: problem for problem in _load(spec)}, ", ".join(sources))
    for problem in found:
        if problem.canonical_solution is None:
            raise ProblemsError(f"{', '.join(sources)}: {problem.name!r} has no solution to show; choose other shots")
    return found


def find_named(names: Iterable[str], known: Mapping[str, Problem], where: str) -> tuple[Problem, ...]:
    """Return the problems of these names, each once; raises ProblemsError."""
    for name in names:
        if name not in known:
            raise ProblemsError(f"{where} has no problem {name!r}; its first is {next(iter(known))!r}")
    return tuple(known[name] for name in dict.fromkeys(names))


def _load(spec: ProblemsSpec, left_out: Callable[[LeftOut], None] = lambda _: None) -> list[Problem]:
    """Return the problems of every source in turn; raises ProblemsError."""
    found: dict[str, Problem] = {}
    for source in spec.sources:
        held = read_problems(
            source,
            skip_bad=spec.skip_bad,
            filters=replace(spec.filters, keep_failing=spec.filters.keep_failing or bool(spec.names)),
            columns=spec.columns,
            task=spec.task,
            checker_files=spec.checker_files,
        )
        for told in held.left_out:
            left_out(told)
        for problem in held.problems:
            text = problem.name + problem.prompt + problem.tests
            if valid_text(text) != text:
                raise ProblemsError(f"{source}: {problem.name!a} holds what UTF-8 cannot encode; correct the file")
            if problem.name in found:
                raise ProblemsError(f"{source}: {problem.name!r} stands in an earlier source, too; leave one out")
            found[problem.name] = problem
    return list(found.values())
