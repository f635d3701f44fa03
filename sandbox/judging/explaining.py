"""Explain a score in one sentence for a person.

Pure; the text that it quotes from a program is cut to a maximal length. Values come from the codec and have exact
types, so showing and comparing them runs no code of a candidate.
"""

from __future__ import annotations

import ast
import re
import reprlib
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from sandbox.inside import codec
from sandbox.judging import output
from sandbox.judging.judge import answer_to, first_failure
from sandbox.values import (
    CallTest,
    CallTests,
    Comparison,
    Ending,
    Flag,
    InteractiveTests,
    Limits,
    Program,
    Raised,
    Run,
    Score,
    StdinTests,
    Tests,
    Verdict,
)

MAX_TEXT = 80
MAX_REASON = 400  # characters of what a wrong answer was
CUT = ("...", "…")  # what stands in a shown value where something was left out
CONTEXT = 20  # characters of a text before the place where it differs
_COMPARED_INSIDE = frozenset({Comparison.EQUAL, Comparison.LISTS, Comparison.APPROXIMATE})


def explain(scored: Score, limits: Limits, program: Program) -> str:
    """Return one sentence that explains the verdict."""
    if scored.tests is not None:
        program = replace(program, tests=scored.tests)
    if scored.case is not None and isinstance(program.tests, StdinTests):
        return _explain_printed(scored, scored.case, limits, program.tests)
    run = scored.run
    match run.ending:
        case Ending.OUT_OF_CPU | Ending.OUT_OF_WALL:
            return _out_of_time(scored, limits, program)
        case Ending.OUT_OF_MEMORY:
            return f"wanted more than {limits.memory_mb} MB and was killed"
        case Ending.TOO_MUCH_OUTPUT:
            return f"{_flooded(run, limits)} and was killed"
        case Ending.SIGNALLED:
            return f"was ended by signal {run.signal}"
        case Ending.EXITED if run.proved and scored.graded is not None:
            return _explain_graded(scored, scored.graded)
        case Ending.EXITED:
            return _explain_exit(run, program)


def wrong_answer(scored: Score, tests: Tests | None) -> str | None:
    """Return what a wrong answer was and what was expected; None where that is not why the program failed."""
    if scored.verdict is not Verdict.WRONG or scored.raised is not None:
        return None
    words = explain(scored, Limits(), Program(source="", tests=tests))
    return words if len(words) <= MAX_REASON else words[: MAX_REASON - 1] + "…"


def result_fields(scored: Score, limits: Limits, program: Program) -> dict[str, object]:
    """Return a score as an object of JSON: the verdict, why, how the program ended, its costs and its output."""
    run = scored.run
    return {
        "verdict": scored.verdict,
        "explanation": explain(scored, limits, program),
        "ending": run.ending,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "cpu_s": round(run.cpu_s, 6),
        "wall_s": round(run.wall_s, 6),
        "memory_mb": round(run.memory_mb, 2),
        "memory_source": run.memory_source,
        "stdout": run.stdout.decode("utf-8", "replace"),
        "stderr": run.stderr.decode("utf-8", "replace"),
        "flags": sorted(scored.flags),
    }


def _out_of_time(scored: Score, limits: Limits, program: Program) -> str:
    run = scored.run
    if program.assumptions.time_per_test and run.answers:
        most = f"{limits.cpu_s:g} s CPU" if run.ending is Ending.OUT_OF_CPU else f"{limits.wall_s:g} s wall time"
        used = f"{run.cpu_s:.2f} s CPU and {run.wall_s:.2f} s wall time in all visits"
        return f"gave {len(run.answers)} answers, used more than {most} for the next and was killed ({used})"
    if run.ending is Ending.OUT_OF_CPU:
        return f"used {run.cpu_s:.2f} s of {limits.cpu_s:g} s CPU and was killed"
    return _out_of_wall(run, limits, kept_waiting=Flag.KEPT_WAITING in scored.flags)


def _out_of_wall(run: Run, limits: Limits, *, kept_waiting: bool) -> str:
    ran_s = run.wall_s - (run.waited_s if kept_waiting else 0.0)
    if ran_s > 2 * limits.wall_s:
        return f"its visits took {ran_s:.2f} s of the {limits.sample_wall_s:g} s wall time that they have together"
    waited = f" and {run.waited_s:.2f} s waiting for a core" if kept_waiting else ""
    return f"ran for {ran_s:.2f} s of {limits.wall_s:g} s wall time ({run.cpu_s:.2f} s CPU{waited}) and was killed"


def _flooded(run: Run, limits: Limits) -> str:
    """Explain an output limit: printed output if a stream is at its limit, else answers."""
    if max(len(run.stdout), len(run.stderr)) < limits.output_kb << 10:
        return "gave answers of more bytes than there is room for"
    return f"wrote more than {limits.output_kb} kB"


def _explain_printed(scored: Score, case: int, limits: Limits, tests: StdinTests) -> str:
    if scored.verdict is Verdict.PASSED:
        if isinstance(tests, InteractiveTests):
            return f"the interactor accepts all {len(tests.cases)} conversations"
        outputs = f"all {len(tests.cases)} outputs"
        return f"the checker accepts {outputs}" if tests.by_points else f"{outputs} are right"
    where = f"test {case + 1} of {len(tests.cases)}"
    if scored.verdict is Verdict.WRONG and isinstance(tests, InteractiveTests):
        said = f": {short_value(scored.run.said)}" if scored.run.said else ""
        return f"the interactor does not accept what it did{said}, {where}"
    if scored.verdict is Verdict.WRONG and tests.checker is not None:
        share = f" for more than {scored.run.points:.0%} of the points" if scored.run.points else ""
        printed = scored.run.stdout.strip().split(b"\n")[0]
        return f"printed {_text(printed)}, which the checker does not accept{share}, {where}"
    if scored.verdict is Verdict.WRONG:
        line, printed, wanted = output.first_difference(scored.run.stdout, tests.cases[case].expected, tests.rule)
        return f"printed {_text(printed)} where {_text(wanted)} was expected, line {line}, {where}"
    allowed = limits.with_room_for(tests.cases[case].expected)
    return f"{explain(replace(scored, case=None), allowed, Program(source=''))}, {where}"


def _text(line: bytes) -> str:
    return repr(line[:60].decode("utf-8", "replace")) + ("…" if len(line) > 60 else "") if line else "nothing"


def _explain_graded(scored: Score, graded: Run) -> str:
    if scored.verdict is Verdict.PASSED:
        return f"the tests accept all {len(scored.run.answers)} answers"
    if scored.raised is not None:
        return f"{_exception_text(scored.raised)}, {len(scored.run.answers)} answers given"
    return f"the tests did not come to their end over the {len(scored.run.answers)} answers ({graded.ending})"


def _explain_exit(run: Run, program: Program) -> str:
    if run.proved:
        return _explain_answers(run, program.tests) if isinstance(program.tests, CallTests) else "ran to its end"
    if run.raised is not None:
        return _exception_text(run.raised)
    if run.exit_code and program.tests is None:
        return f"ended with exit code {run.exit_code}"
    return f"left with exit code {run.exit_code} before its end was reached"


def _explain_answers(run: Run, tests: CallTests) -> str:
    failure = first_failure(run, tests)
    if failure is None:
        return f"all {len(tests.cases)} answers are right"
    test, where = tests.cases[failure], f"call {failure + 1} of {len(tests.cases)}"
    arguments = _arguments(test)
    answer = answer_to(failure, run, tests)
    if answer is None:
        return f"gave no answer to {where}, arguments ({arguments})"
    if answer.raised is not None:
        return f"{_exception_text(answer.raised)}, {where}, arguments ({arguments})"
    mine = answer.value.name if isinstance(answer.value, codec.Oversized) else short_value(answer.value)
    wanted = _wanted(test)
    explanation = f"answered {mine} where {wanted} was expected, {where}, arguments ({arguments})"
    shown_whole = not any(mark in mine + wanted for mark in CUT)
    inside = (
        None
        if shown_whole or test.comparison not in _COMPARED_INSIDE
        else first_difference(answer.value, test.expected)
    )
    return f"{explanation}; they first differ {inside}" if inside else explanation


def _arguments(test: CallTest) -> str:
    named = (f"{name}={short_value(value)}" for name, value in test.keywords.items())
    return ", ".join([*map(short_value, test.arguments), *named])


def _wanted(test: CallTest) -> str:
    match test.comparison:
        case Comparison.EQUAL | Comparison.IS | Comparison.LISTS | Comparison.ONLY_ITEM:
            return short_value(test.expected)
        case Comparison.TRUE:
            return "something true"
        case Comparison.FALSE:
            return "something false"
        case Comparison.CLOSE:
            return f"{short_value(test.expected)} within {test.tolerance:g}"
        case Comparison.ROOT:
            return f"a root within {test.tolerance:g}"
        case Comparison.NOT_NONE:
            return "something" if test.expected else "None"
        case Comparison.APPROXIMATE | Comparison.SET | Comparison.ANYTHING:
            return short_value(test.expected)


def _exception_text(raised: Raised) -> str:
    place = f" in line {raised.line}" if raised.line else ""
    message = f": {raised.message}" if raised.message else ""
    return f"{raised.type}{message} ({raised.stage}{place})"


# Where two values first differ.


def short_value(value: object) -> str:
    """Return a value as text of at most MAX_TEXT characters."""
    try:
        text = reprlib.repr(value)
    except (ValueError, RecursionError):  # an int longer than Python prints, a value nested more deeply
        text = f"a {type(value).__name__}"
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def first_difference(answer: object, expected: object) -> str | None:
    """Return the place of the first difference within two containers or texts, and both values there.

    For example: "at [2]['a']: 5 where 6 was expected". None for values that have no items.
    """
    place = ""
    while (step := _step(answer, expected)) is not None:
        where, answer, expected = step
        place += where
    if not place:
        return None
    return f"at {place}: {_shown(answer)} where {_shown(expected)} was expected"


class _Nothing:
    """Stands for the side that has already ended."""


def _shown(value: object) -> str:
    return "nothing" if isinstance(value, _Nothing) else short_value(value)


def _step(answer: object, expected: object) -> tuple[str, object, object] | None:
    """Return one step towards the first difference: its place, and the values of both sides there."""
    if type(answer) is not type(expected):
        return None
    if isinstance(answer, list | tuple) and isinstance(expected, list | tuple):
        return _into_items(list(answer), list(expected))
    if isinstance(answer, dict) and isinstance(expected, dict):
        return _into_keys(answer, expected)
    if isinstance(answer, str) and isinstance(expected, str) and max(len(answer), len(expected)) > CONTEXT:
        return _into_text(answer, expected)
    return None


def _into_items(answer: list[object], expected: list[object]) -> tuple[str, object, object] | None:
    for number in range(max(len(answer), len(expected))):
        mine = answer[number] if number < len(answer) else _Nothing()
        wanted = expected[number] if number < len(expected) else _Nothing()
        if not _same(mine, wanted):
            return f"[{number}]", mine, wanted
    return None


def _into_keys(answer: dict[object, object], expected: dict[object, object]) -> tuple[str, object, object] | None:
    for key in [*expected, *(key for key in answer if key not in expected)]:
        mine, wanted = answer.get(key, _Nothing()), expected.get(key, _Nothing())
        if not _same(mine, wanted):
            return f"[{short_value(key)}]", mine, wanted
    return None


def _into_text(answer: str, expected: str) -> tuple[str, object, object] | None:
    """Cut both texts around the first difference, with a little of their common text."""
    parted = next((n for n, (a, b) in enumerate(zip(answer, expected, strict=False)) if a != b), None)
    if parted is None:
        parted = min(len(answer), len(expected))
    if len(answer) == len(expected) == parted:
        return None
    start = max(0, parted - CONTEXT // 4)
    end = parted + CONTEXT - CONTEXT // 4 - 1
    return f"[{start}:]", answer[start:end], expected[start:end]


def _same(mine: object, wanted: object) -> bool:
    try:
        return bool(mine == wanted)
    except (RecursionError, ArithmeticError):
        return False


# What kind of difference a wrong answer shows, in words that are the same for all problems.


def difference_kind(scored: Score, tests: Tests) -> str | None:
    """Return the kind of difference of a wrong answer, such as "off by one" or "None where a list was expected".

    Only of tests that are calls. None if the facts do not hold the answer: the program raised, was killed, or a test
    that is code refused it.
    """
    tests = scored.tests if scored.tests is not None else tests
    run = scored.run
    if not isinstance(tests, CallTests) or not run.proved or run.ending is not Ending.EXITED:
        return None
    failure = first_failure(run, tests)
    answer = None if failure is None else answer_to(failure, run, tests)
    if failure is None or answer is None or answer.raised is not None:
        return None
    test = tests.cases[failure]
    if test.comparison in {Comparison.TRUE, Comparison.FALSE}:
        wanted = "something true" if test.comparison is Comparison.TRUE else "something false"
        return f"answered nothing where {wanted} was expected" if answer.value is None else f"not {wanted}"
    if test.comparison is Comparison.NOT_NONE:
        return "answered nothing" if test.expected else "something where None was expected"
    return value_kind(answer.value, test.expected)


_ANSWER = re.compile(r"(answered|printed) (.+?) where (.+?) was expected[,;]", re.DOTALL)


def kind_of_words(reason: str) -> str | None:
    """Return the kind of difference that the words of `wrong_answer` tell of; None if they do not show it."""
    found = _ANSWER.match(reason)
    if found is None:
        return None
    how, *shown = found.groups()
    if how == "printed":
        return _printed_kind(*shown)
    if any(mark in text for text in shown for mark in CUT):
        return None
    try:
        return value_kind(*map(ast.literal_eval, shown))
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # words such as "something true"
        return None


def _printed_kind(mine: str, wanted: str) -> str:
    """Return the kind of difference between two printed lines, as they are quoted."""
    if mine == "nothing":
        return "nothing where a line was expected"
    if wanted == "nothing":
        return "a line where nothing was expected"
    try:
        said, hoped = ast.literal_eval(mine), ast.literal_eval(wanted)
    except (ValueError, SyntaxError):  # a line cut short
        return "another line"
    try:
        return _number_kind(float(said), float(hoped))
    except ValueError:
        return _text_kind(said, hoped)


def value_kind(mine: object, wanted: object) -> str:
    """Return the kind of difference between an answer and the value that was expected."""
    if mine is None:
        return f"None where {_type_words(wanted)} was expected"
    if isinstance(mine, codec.Oversized | codec.Digest):
        return "another value, too large to be kept"
    truth = isinstance(mine, bool), isinstance(wanted, bool)
    if all(truth):
        return f"{mine} where {wanted} was expected"
    if isinstance(mine, int | float) and isinstance(wanted, int | float) and not any(truth):
        return _number_kind(mine, wanted)
    if type(mine) is not type(wanted):
        return f"{_type_words(mine)} where {_type_words(wanted)} was expected"
    if isinstance(mine, str) and isinstance(wanted, str):
        return _text_kind(mine, wanted)
    if isinstance(mine, _ITEMS) and isinstance(wanted, _ITEMS):
        return _items_kind(mine, wanted)
    return f"another {_type_words(wanted).partition(' ')[2]}"


def _number_kind(mine: float, wanted: float) -> str:
    try:
        if abs(mine - wanted) == 1:
            return "off by one"
        if mine == -wanted and mine:
            return "the sign of a number"
        if abs(mine - wanted) <= _NEARLY * abs(wanted):
            return "a number that is nearly right"
    except (OverflowError, ArithmeticError):
        pass
    return "0 where another number was expected" if not mine else "another number"


_NEARLY = 1e-3  # a relative difference that may come from rounding


def _text_kind(mine: str, wanted: str) -> str:
    if not mine.strip():
        return "an empty text"
    if "".join(mine.split()) == "".join(wanted.split()):
        return "only blanks differ"
    if mine.casefold() == wanted.casefold():
        return "only upper and lower case differ"
    if sorted(mine) == sorted(wanted):
        return "the right characters in another order"
    return "part of the text" if mine in wanted else "more than the text" if wanted in mine else "another text"


_ITEMS = (list, tuple, set, frozenset, dict)


def _items_kind(mine: Collection[object], wanted: Collection[object]) -> str:
    what = _type_words(wanted)
    if not mine:
        return f"{what.replace(' ', ' empty ', 1).replace('a empty', 'an empty')} where items were expected"
    if len(mine) != len(wanted):
        return f"{what} with too {'few' if len(mine) < len(wanted) else 'many'} items"
    if isinstance(mine, list | tuple) and isinstance(wanted, list | tuple):
        return f"{what} {'in another order' if _same_items(mine, wanted) else 'with another item'}"
    if isinstance(mine, dict) and isinstance(wanted, dict):
        return f"{what} with another {'value' if all(key in wanted for key in mine) else 'key'}"
    return f"{what} with another item"


def _same_items(mine: Collection[object], wanted: Collection[object]) -> bool:
    """Return whether two lists hold the same items in any order, by their texts: linear, however large they are."""
    try:
        return Counter(map(repr, mine)) == Counter(map(repr, wanted))
    except (ValueError, RecursionError):  # an int longer than Python prints, a value nested more deeply
        return False


def _type_words(value: object) -> str:
    match value:
        case None:
            return "None"
        case bool():
            return "True or False"
        case int() | float() | complex():
            return "a number"
        case str():
            return "a text"
        case bytes():
            return "a bytes"
        case set() | frozenset():
            return "a set"
        case list() | tuple() | dict():
            return f"a {type(value).__name__}"
        case _:
            return "a value of another type"
