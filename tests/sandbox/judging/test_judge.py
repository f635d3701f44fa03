from __future__ import annotations

import itertools

import pytest

from sandbox.judging.explaining import explain
from sandbox.judging.judge import judge, score
from sandbox.values import Ending, Flag, Limits, Program, Raised, Run, Stage, Verdict

TESTED = Program(source="", tests="assert True")
PLAIN = Program(source="")


def a_run(**facts: object) -> Run:
    usual = {
        "ending": Ending.EXITED,
        "exit_code": 0,
        "signal": None,
        "cpu_s": 0.1,
        "wall_s": 0.1,
        "memory_mb": 10.0,
        "stdout": b"",
        "stderr": b"",
        "proved": False,
    }
    return Run(**(usual | facts))  # type: ignore[arg-type]


def raised(stage: Stage, kind: str) -> Raised:
    return Raised(stage=stage, type=kind, message="")


@pytest.mark.parametrize(
    ("facts", "program", "verdict"),
    [
        ({"proved": True}, TESTED, Verdict.PASSED),
        ({"proved": True}, PLAIN, Verdict.PASSED),
        ({}, TESTED, Verdict.EARLY_EXIT),
        ({}, PLAIN, Verdict.EARLY_EXIT),
        ({"exit_code": 3}, TESTED, Verdict.EARLY_EXIT),
        ({"exit_code": 3}, PLAIN, Verdict.ERROR),
        ({"exit_code": 1, "raised": raised(Stage.TESTS, "AssertionError")}, TESTED, Verdict.WRONG),
        ({"exit_code": 1, "raised": raised(Stage.PROGRAM, "AssertionError")}, TESTED, Verdict.ERROR),
        ({"exit_code": 1, "raised": raised(Stage.TESTS, "KeyError")}, TESTED, Verdict.ERROR),
        ({"exit_code": 1, "raised": raised(Stage.COMPILE, "SyntaxError")}, TESTED, Verdict.SYNTAX),
        ({"exit_code": 1, "raised": raised(Stage.COMPILE, "MemoryError")}, TESTED, Verdict.SYNTAX),  # nested too deeply
        ({"exit_code": 1, "raised": raised(Stage.PROGRAM, "MemoryError")}, TESTED, Verdict.MEMORY),
        ({"ending": Ending.SIGNALLED, "exit_code": None, "signal": 11}, TESTED, Verdict.CRASHED),
        ({"ending": Ending.OUT_OF_CPU}, TESTED, Verdict.TIMEOUT),
        ({"ending": Ending.OUT_OF_WALL}, TESTED, Verdict.TIMEOUT),
        ({"ending": Ending.OUT_OF_MEMORY}, TESTED, Verdict.MEMORY),
        ({"ending": Ending.TOO_MUCH_OUTPUT}, TESTED, Verdict.OUTPUT),
    ],
)
def test_facts_become_a_verdict(facts: dict[str, object], program: Program, verdict: Verdict) -> None:
    assert judge(a_run(**facts), program) is verdict


def test_nothing_passes_without_proof_and_no_proof_outweighs_a_limit() -> None:
    stages = [None, *(raised(stage, kind) for stage in Stage for kind in ("AssertionError", "OSError"))]
    for ending, code, claim in itertools.product(Ending, (0, 1), stages):
        assert judge(a_run(ending=ending, exit_code=code, raised=claim), TESTED) is not Verdict.PASSED
        if ending is not Ending.EXITED:
            assert judge(a_run(ending=ending, exit_code=code, proved=True), TESTED) is not Verdict.PASSED


def test_a_run_close_to_its_limit_is_flagged() -> None:
    limits = Limits(cpu_s=1, wall_s=10)
    assert Flag.NEAR_LIMIT in score(a_run(cpu_s=0.95, proved=True), TESTED, limits).flags
    assert Flag.NEAR_LIMIT not in score(a_run(cpu_s=0.85, proved=True), TESTED, limits).flags


def test_every_ending_has_an_explanation() -> None:
    limits = Limits()
    for ending, program in itertools.product(Ending, (TESTED, PLAIN)):
        for facts in ({}, {"proved": True}, {"raised": raised(Stage.TESTS, "KeyError")}, {"exit_code": 2}):
            text = explain(score(a_run(**({"ending": ending} | facts)), program, limits), limits, program)
            assert text
            assert "None" not in text or ending is Ending.SIGNALLED
