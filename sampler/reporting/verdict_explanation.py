"""Explain a sample's verdict in sentences, from the store alone: no box and no data set are needed.

The sentence is the judge's own, made from the stored facts and tests. If these are not enough (facts that were not
kept, tests of another form), it is made from the columns of the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sampler.store.read_models import SampleDetail
from sandbox.judging.explaining import difference_kind, explain, kind_of_words
from sandbox.judging.score_records import FactsError, rejudge, unpack
from sandbox.problems import Form, Problem, ProblemsError
from sandbox.values import LIMIT_BOUNDS, Flag, Limits, Program, Score, Tests

MOST_FACTS = 1 << 20  # bytes; to judge more anew takes longer than a person wants to wait

MEANINGS: Mapping[str, str] = {
    "PASSED": "every test accepted it, and there is proof that the tests came to their end",
    "WRONG": "it ran, and an answer or a test was not right",
    "ERROR": "it raised an error of its own",
    "SYNTAX": "Python could not compile it",
    "TIMEOUT": "it used up its time",
    "MEMORY": "it wanted more memory than its box gives",
    "OUTPUT": "it wrote more than its box takes",
    "CRASHED": "a signal ended its process",
    "EARLY_EXIT": "it left before its tests had come to their end, which proves nothing",
}
REMARKS: Mapping[str, str] = {
    Flag.IN_PROCESS: "the tests ran in the program's own process, because they use names that it defines",
    Flag.NO_TESTS: "there were no tests",
    Flag.LEFTOVER_PROCESSES: "it left processes behind, which were killed",
    Flag.LEFTOVER_FILES: "it left files behind, which were removed",
    Flag.OUTPUT_TRUNCATED: "only the beginning of its output was kept",
    Flag.NEAR_LIMIT: "it came close to a limit",
    Flag.LOST_TWICE: "its box died twice from within",
    Flag.TYPE_SPOOF: "it answered with a type that only looks like the expected one",
    Flag.IDLE: "it slept instead of working",
    Flag.KEPT_WAITING: "the machine was busy: the time that its box waited for a core was not counted",
    Flag.REJUDGED: "it was run once more with all other boxes at rest, because the machine was busy",
}


def explanation(detail: SampleDetail) -> list[str]:
    """Return sentences about the verdict of a sample, the reason first."""
    return list(_sentences(detail))


def _sentences(detail: SampleDetail) -> Iterator[str]:
    row = detail.row
    if row.verdict is None:
        yield "It waits for its verdict. A fault of ours leaves a sample unscored; the next run scores it."
        return
    yield f"{row.verdict}: {_reason(detail)}."
    if row.verdict in MEANINGS:
        yield f"{row.verdict} means: {MEANINGS[row.verdict]}."
    for flag in filter(None, row.flags.split(",")):
        yield f"{flag}: {REMARKS.get(flag, 'a remark of the sandbox')}."
    if detail.selection is not None:
        yield f"The selection tests say {detail.selection}."
    if row.finish == "length":
        yield (
            f"The model was stopped at its token limit, after {row.completion_tokens} tokens; the program may be cut "
            "short."
        )
    if len(detail.attempts) > 1:
        told = ", ".join(f"{one.verdict} by judge {one.judge}" for one in detail.attempts)
        yield f"It was judged {len(detail.attempts)} times: {told}."


def _is_cut_thought(detail: SampleDetail) -> bool:
    """Return whether there is no answer because the model was still thinking: what its program did explains nothing."""
    return detail.row.finish == "thought" and detail.row.verdict != "PASSED"


def stored_difference_kind(detail: SampleDetail) -> str:
    """Return what kind of difference a wrong answer shows, in words that are the same for all problems."""
    if _is_cut_thought(detail):
        return "no answer: cut while thinking"
    if found := _by_facts(detail, lambda score, _, tests: difference_kind(score, tests)):
        return found
    if detail.row.error_type == "AssertionError":
        return "an assertion failed"
    if detail.row.error_type is None and (kind := kind_of_words(detail.row.error_message or "")):
        return kind
    return "it is not known what differs"


def _reason(detail: SampleDetail) -> str:
    if _is_cut_thought(detail):
        tokens = detail.row.completion_tokens
        after = f", after {tokens:,} tokens" if tokens is not None else ""
        return f"no answer: the model was cut while it was thinking{after}"
    by_facts = _by_facts(detail, lambda score, limits, tests: explain(score, limits, Program(source="", tests=tests)))
    return by_facts or _by_columns(detail)


def _by_facts(detail: SampleDetail, words: Callable[[Score, Limits, Tests], str | None]) -> str | None:
    """Return what `words` makes of the stored facts.

    None without facts, and with those of other tests than the store's: what the columns say is still true. The facts
    of the selection tests are left aside: they do not decide the verdict, and the store does not hold these tests.
    """
    if detail.facts is None or len(detail.facts) > MOST_FACTS:
        return None
    try:
        facts = replace(unpack(detail.facts), selection=None)
        tests = _problem(detail).checked_by
        return words(rejudge(facts, tests), facts.limits, tests)
    except (FactsError, ProblemsError, ValueError):
        return None


def _problem(detail: SampleDetail) -> Problem:
    form = Form.CHECK if "def check" in detail.tests else Form.ASSERTS
    return Problem(
        name=detail.row.problem,
        prompt=detail.prompt,
        entry_point=detail.entry_point or "",
        tests=detail.tests,
        form=form,
    )


def _by_columns(detail: SampleDetail) -> str:
    """Return what the columns of the verdict say."""
    row, ending = detail.row, detail.ending
    limits = _limits(detail.limits_json)
    used = f"{row.cpu_s or 0:.2f} s CPU, {row.wall_s or 0:.2f} s wall time"
    match ending:
        case "out_of_cpu":
            return f"used {row.cpu_s or 0:.2f} s{f' of {limits.cpu_s:g} s' if limits else ''} CPU and was killed"
        case "out_of_wall":
            return f"ran for {row.wall_s or 0:.2f} s{f' of {limits.wall_s:g} s' if limits else ''} and was killed"
        case "out_of_memory":
            return f"wanted more than {f'{limits.memory_mb} MB' if limits else 'its memory'} and was killed"
        case "too_much_output":
            most = f" ({limits.output_kb} kB, or what its test allows)" if limits else ""
            return f"wrote more than its output may be{most} and was killed"
        case "signalled":
            return f"was ended by signal {detail.signal}"
        case _:
            error = ": ".join(part for part in (row.error_type, row.error_message) if part)
            return error or f"ended with exit code {detail.exit_code} after {used}"


def _limits(text: str) -> Limits | None:
    try:
        return Limits(**{key: value for key, value in json.loads(text).items() if key in LIMIT_BOUNDS})
    except (ValueError, TypeError):
        return None
