"""Every answer of a program, whatever becomes of the other calls."""

from __future__ import annotations

import pytest

from sandbox.problems.parse_tests import assert_tests
from sandbox.scoring.collect_answers import ProgramAnswers, collect_answers, matching_answers
from sandbox.scoring.scorer import Scorer
from sandbox.values import Assumptions, CallTests, Ending, Job, Limits, Program, Run

TESTS = assert_tests("\n".join(f"assert f({n}) == {n + 1}" for n in range(40)), "f")
assert TESTS is not None


def asked(scorer: Scorer, source: str, tests: CallTests = TESTS, patience: int = 3) -> ProgramAnswers:
    job = Job(program=Program(source=source, tests=tests), limits=Limits(cpu_s=0.3))
    return scorer.pool.submit_task(lambda boxes: collect_answers(job, tests, boxes.run, patience)).result(timeout=300)


@pytest.mark.docker
class TestAsking:
    def test_every_call_has_its_answer_though_some_fail(self, scorer: Scorer) -> None:
        answered = scorer.ask(Program(source="def f(x):\n    return 1 // x\n"), TESTS).result(timeout=300)
        assert answered.visits == 1
        assert answered.answers[0] is not None
        assert answered.answers[0].raised is not None
        assert [answer and answer.value for answer in answered.answers[1:]] == [1, *[0] * 38]
        assert matching_answers(answered, TESTS) == (False,) * 40

    @pytest.mark.parametrize(
        "death",
        ["while True: pass", "import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)"],
    )
    def test_a_call_that_is_not_survived_costs_no_other_its_answer(self, scorer: Scorer, death: str) -> None:
        answered = asked(scorer, f"def f(x):\n    if x == 17:\n        {death}\n    return x + 1\n")
        assert answered.answers[17] is None
        assert matching_answers(answered, TESTS) == tuple(n != 17 for n in range(40))
        assert answered.visits <= 3

    def test_a_program_that_dies_again_and_again_is_given_up(self, scorer: Scorer) -> None:
        answered = asked(scorer, "import os\ndef f(x):\n    os._exit(0)\n", patience=2)
        assert answered.answers == (None,) * 40
        assert answered.visits == 3

    @pytest.mark.parametrize("source", ["def f(x:\n", "1 / 0\n", "x = 1\n"])
    def test_a_program_that_cannot_begin_is_visited_once(self, scorer: Scorer, source: str) -> None:
        answered = asked(scorer, source)
        assert not any(matching_answers(answered, TESTS))
        assert answered.visits == 1

    def test_a_program_has_what_its_data_set_imports(self, scorer: Scorer) -> None:
        program = Program(
            source="def f(x):\n    return ceil(x)\n", assumptions=Assumptions(imports="from math import *")
        )
        answered = scorer.ask(program, TESTS).result(timeout=300)
        assert [answer and answer.value for answer in answered.answers] == list(range(40))

    def test_a_program_that_is_too_large_is_not_executed(self, scorer: Scorer) -> None:
        answered = scorer.ask(Program(source="#" * (5 << 20)), TESTS).result(timeout=300)
        assert (answered.visits, set(answered.answers)) == (0, {None})


def test_what_is_missing_is_asked_again_one_call_after_the_other() -> None:
    """A door that loses whatever was on its way out.

    Nothing of the first visit arrives, the later ones answer one by one.
    """
    seen: list[tuple[int, bool]] = []

    def visit(job: Job) -> Run:
        seen.append((job.program.tests.count, bool(job.program.tests.turns)))
        return _dead()

    answered = collect_answers(Job(program=Program(source="", tests=TESTS)), TESTS, visit, patience=2)
    assert seen == [(40, False), (40, True), (39, True)]
    assert answered.answers == (None,) * 40
    assert answered.cpu_s == pytest.approx(0.3)


@pytest.mark.docker
def test_each_call_can_have_a_process_of_its_own(scorer: Scorer) -> None:
    counts = "seen = []\ndef f(x):\n    seen.append(x)\n    if x == 2: raise SystemExit\n    return x + len(seen)\n"
    tests = assert_tests("\n".join(f"assert f({n}) == {n + 1}" for n in range(4)), "f")
    assert tests is not None
    job = Job(program=Program(source=counts, tests=tests), fresh=True)
    answered = scorer.pool.submit_task(lambda boxes: collect_answers(job, tests, boxes.run)).result(timeout=300)
    assert matching_answers(answered, tests) == (True, True, False, True)
    assert answered.visits == 4


def _dead() -> Run:
    return Run(
        ending=Ending.SIGNALLED,
        exit_code=None,
        signal=9,
        cpu_s=0.1,
        wall_s=0.1,
        memory_mb=1.0,
        stdout=b"",
        stderr=b"",
        proved=False,
    )
