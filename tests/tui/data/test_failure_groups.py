"""Wrong answers of many problems, grouped by what differs: from stored facts, as a run leaves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sampler.reporting.verdict_explanation import explanation
from sampler.running.scoring import unstored_reason
from sampler.store.sample_readers import SampleReader
from sampler.store.write_models import ModelRecord, SampleRecord, StudyRecord, VerdictRecord
from sampler.store.writer import Store
from sampler.values import Finish, Sample
from sandbox.inside import codec
from sandbox.judging.judge import score
from sandbox.judging.score_records import Facts, packed, rejudge
from sandbox.problems import Form, Problem
from sandbox.values import Answer, CallTests, Ending, Limits, Program, Run, StdinTest, StdinTests, Verdict
from tui.data.failure_groups import MOST_IDS, DifferenceCounter, FailureCounter, filter_of

ANSWERS: tuple[object, ...] = (None, [], 3, 3, [2, 1])
WANTED: tuple[object, ...] = ([1, 2], [1, 2], 2, 4, [1, 2])
KINDS = {
    "None where a list was expected": 2,
    "an empty list where items were expected": 2,
    "off by one": 4,
    "a list in another order": 2,
}


def ran(answer: object) -> Run:
    answers = (Answer(value=answer, data=codec.encode(answer)),)
    return Run(ending=Ending.EXITED, exit_code=0, proved=True, answers=answers)


def study(problems: Sequence[Problem], wanted: Mapping[str, int]) -> StudyRecord:
    """A study of models that want so many samples of each problem."""
    models = tuple(ModelRecord(name=name, backend="x", sampling="{}", wanted=count) for name, count in wanted.items())
    return StudyRecord(
        name="wrong",
        spec_toml="",
        problems_source="p",
        seed=0,
        limits="{}",
        models=models,
        problems=tuple(problems),
    )


@pytest.fixture
def wrong(store_path: Path) -> Path:
    """Two models that both answer wrongly on five problems, with the facts of each run.

    Those of the second were asked selection tests, too, which the store does not hold.
    """
    problems = tuple(
        Problem(
            name=f"P/{n}",
            prompt="def f(x):\n",
            entry_point="f",
            tests=f"def check(candidate):\n    assert candidate(1) == {wanted!r}\n",
            form=Form.CHECK,
        )
        for n, wanted in enumerate(WANTED)
    )
    with Store(store_path) as store:
        ids = store.open_study(study(problems, {"m0": 1, "m1": 1}))
        for model, selects in zip(ids.models.values(), (False, True), strict=True):
            for problem, answer in zip(problems, ANSWERS, strict=True):
                tests = problem.checked_by
                assert isinstance(tests, CallTests)
                made = replace(score(ran(answer), Program(source="", tests=tests), Limits()), tests=tests)
                assert made.verdict is Verdict.WRONG
                made = replace(made, selection=made) if selects else made
                where = {"model_id": model, "problem_id": ids.problems[problem.name]}
                sample = Sample(
                    problem=problem.name,
                    index=0,
                    seed=0,
                    text="x",
                    finish=Finish.STOP,
                    prompt_tokens=9,
                    completion_tokens=9,
                    prompt_seconds=None,
                    decode_seconds=None,
                    sum_logprob=None,
                    prompt_shared=False,
                )
                text = "def f(x):\n    return 0\n"
                store.add_sample(
                    SampleRecord(**where, sample=sample, source=text, prompt_flops=None, decode_flops=None)
                )
                store.add_verdict(
                    VerdictRecord(**where, index=0, score=made, facts=packed(made, Limits()), judge="test")
                )
        store.flush()
    return store_path


def counted(store: Path, clock: Callable[[], float] = lambda: 0.0) -> Any:
    with SampleReader(store) as reader:
        counter = FailureCounter(1)
        table = counter.step(reader)
        while table.behind:
            table = counter.step(reader)
        differences = DifferenceCounter(1, clock)
        found = differences.step(reader, table)
        while found.behind:
            found = differences.step(reader, table)
        return found, reader


def test_wrong_answers_are_grouped_by_what_differs_across_problems(wrong: Path) -> None:
    found, _ = counted(wrong)
    assert {group.message: group.count for group in found.groups} == KINDS
    assert all(set(group.by_model) == {1, 2} for group in found.groups)
    assert found.total == 10
    assert not any(group.estimated for group in found.groups)


def test_slices_find_what_one_look_finds(wrong: Path) -> None:
    ticks = iter(range(10_000))
    assert counted(wrong, lambda: float(next(ticks)))[0] == counted(wrong)[0]


def test_of_many_wrong_answers_a_part_is_looked_at_and_the_counts_are_scaled(
    wrong: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.data.failure_groups.MOST_EXPLAINED", 5)
    found, _ = counted(wrong)
    assert all(group.estimated for group in found.groups)
    assert sum(group.count for group in found.groups) == pytest.approx(10, abs=2)


async def test_the_screen_groups_by_what_differs_and_lists_a_groups_samples(wrong: Path, view: Any) -> None:
    async with view(wrong, (140, 40), screen="failures") as viewer:
        await viewer.until(lambda: viewer.app.screen.settled)
        await viewer.press("m")
        await viewer.sees("off by one", "None where a list was expected", "across problems", "●2 ■2")
        await viewer.press("enter")
        await viewer.until(lambda: viewer.app.current_mode == "samples" and viewer.app.screen.settled)
        await viewer.sees("Samples · 4 of 10")
        await viewer.press("escape")
        await viewer.until(lambda: viewer.app.current_mode == "failures")
        await viewer.press("escape")
        await viewer.sees("by verdict, error and message")


def test_a_groups_filter_names_at_most_so_many_samples(wrong: Path) -> None:
    found, _ = counted(wrong)
    text = filter_of(found.groups[0])
    assert text.startswith("sample:")
    assert len(text.split(",")) <= MOST_IDS


def test_wrong_answers_to_tests_that_the_store_does_not_hold_say_what_they_were(store_path: Path) -> None:
    """Whole programs: of their tests the store holds a digest, and of a verdict what was printed and expected."""
    cases = tuple(StdinTest(stdin=f"{n}\n".encode(), expected=f"{n + 1}\n".encode()) for n in range(3))
    problem = Problem(
        name="P/0", prompt="Add one.", entry_point="", tests="d" * 64, form=Form.DATA, given=StdinTests(cases=cases)
    )
    with Store(store_path) as store:
        ids = store.open_study(study((problem,), {"m": 3}))
        where = {"model_id": ids.models["m"], "problem_id": ids.problems["P/0"]}
        for index, printed in enumerate((b"2\n", b"0\n", b"")):
            run = replace(ran(None), answers=(), stdout=printed)
            made = rejudge(Facts(limits=Limits(), run=run, runs={0: run}), problem.checked_by)
            assert made.verdict is Verdict.WRONG
            cut = not printed  # the last one was still thinking at its limit
            sample = Sample(
                problem="P/0",
                index=index,
                seed=0,
                text="" if cut else "x",
                thought="Let me" if cut else None,
                thought_tokens=9 if cut else None,
                finish=Finish.THOUGHT if cut else Finish.STOP,
                prompt_tokens=9,
                completion_tokens=9,
                prompt_seconds=None,
                decode_seconds=None,
                sum_logprob=None,
                prompt_shared=False,
            )
            store.add_sample(
                SampleRecord(**where, sample=sample, source="print(0)\n", prompt_flops=None, decode_flops=None)
            )
            reason = unstored_reason(made, problem)
            facts = packed(made, Limits())
            store.add_verdict(VerdictRecord(**where, index=index, score=made, facts=facts, judge="test", reason=reason))
        store.flush()
    found, _ = counted(store_path)
    assert {group.message: group.count for group in found.groups} == {
        "off by one": 2,
        "no answer: cut while thinking": 1,
    }
    with SampleReader(store_path) as reader:
        (group,) = FailureCounter(1).step(reader).groups
        assert (group.verdict, group.problem, group.message, group.count) == ("WRONG", "P/0", "", 3)
        details = [reader.detail(sample) for _, sample, _ in sorted(reader.wrong(1, 9))]
    assert [explanation(detail)[0] for detail in details if detail] == [
        "WRONG: printed '2' where '1' was expected, line 1, test 1 of 3.",
        "WRONG: printed '0' where '1' was expected, line 1, test 1 of 3.",
        "WRONG: no answer: the model was cut while it was thinking, after 9 tokens.",
    ]
