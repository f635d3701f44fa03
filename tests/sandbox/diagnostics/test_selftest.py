"""Every program of tests/escapes, on a real box: its verdict, the invariants, then the next program on the same box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec, ensure_image
from sandbox.diagnostics.selftest import (
    GROUPS,
    AttackCase,
    AttackRunner,
    SuiteError,
    escapes_directory,
    excused,
    read_cases,
)
from sandbox.errors import BoxLost, SandboxError
from sandbox.values import Run

pytestmark = pytest.mark.docker
CASES = read_cases(escapes_directory())
NOT_APPLICABLE = excused(escapes_directory())
LISTED = {
    "T": 20, "M": 13, "P": 14, "O": 18, "F": 21, "N": 12, "K": 22, "L": 12, "S": 13, "X": 12, "C": 55, "V": 20,
}  # fmt: skip


@pytest.fixture(scope="module", params=[None, "3.13"], ids=["usual", "python-3.13"])
def boxes(engine: DockerClient, request: pytest.FixtureRequest) -> Iterator[AttackRunner]:
    """A box of the usual Python, and one where a frame's locals can be written through (PEP 667)."""
    try:
        image = ensure_image(engine, ImageSpec(python=request.param), say=print)
    except SandboxError as error:
        if request.param is None:
            raise
        pytest.skip(f"no image with Python {request.param} here: {error}")
    with closing(AttackRunner(engine, image)) as opened:
        yield opened


def test_every_excuse_gives_a_reason() -> None:
    assert all(reason.strip() for reason in NOT_APPLICABLE.values())


@pytest.mark.parametrize(("letter", "last"), LISTED.items())
def test_every_listed_attack_is_a_file_or_says_why_not(letter: str, last: int) -> None:
    files = {case.name.partition("_")[0] for case in CASES if case.group == GROUPS[letter]}
    reasons = {name for name in NOT_APPLICABLE if name.startswith(letter)}
    assert files | reasons >= {f"{letter}{number:02}" for number in range(1, last + 1)}
    assert not files & reasons


def test_every_cheat_meets_tests_that_are_data() -> None:
    cheats = {case.name for case in CASES if case.group == "cheating"}
    assert cheats == {case.name for case in CASES if case.group == "cheating" and case.kind == "data"}


def test_a_group_that_is_not_there_is_named() -> None:
    with pytest.raises(SuiteError, match="no case in quoting; the groups are cheating, files"):
        read_cases(escapes_directory(), ["honest", "quoting"])


@pytest.mark.parametrize("letter", GROUPS)
def test_a_group_is_named_in_full_or_by_the_letter_of_its_cases(letter: str) -> None:
    cases = read_cases(escapes_directory(), [letter])
    assert {case.name[0] for case in cases} == {letter}
    assert [case.name for case in cases] == [case.name for case in CASES if case.group == GROUPS[letter]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.kind}")
def test_a_program_gets_its_verdict_and_leaves_nothing(case: AttackCase, boxes: AttackRunner) -> None:
    outcome = boxes.run(case)
    assert not outcome.broken, (
        outcome.broken,
        outcome.score and (outcome.score.run.stdout[:2000], outcome.score.run.stderr),
    )


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.group in {"files", "kernel", "processes", "residue"} and case.kind == "code"],
    ids=lambda case: case.name,
)
def test_a_program_that_comes_again_leaves_nothing_either(case: AttackCase, boxes: AttackRunner) -> None:
    assert not list(boxes.run_again(case))


class Dying:
    """A box that is lost so many times before it runs anything."""

    def __init__(self, deaths: int) -> None:
        self.deaths, self.clean = deaths, True

    def run(self, _: object) -> Run:
        self.deaths -= 1
        if self.deaths >= 0:
            raise BoxLost("it has ended")
        raise NotImplementedError


@pytest.mark.parametrize(("tries", "deaths"), [(1, 1), (2, 2)])
def test_a_case_that_takes_all_its_boxes_with_it_does_not_hold(
    boxes: AttackRunner, monkeypatch: pytest.MonkeyPatch, tries: int, deaths: int
) -> None:
    dying = Dying(deaths)
    monkeypatch.setattr(boxes, "_fresh", lambda: dying)
    assert boxes.run(replace(CASES[0], tries=tries)).broken == ("the box was lost: it has ended",)
    assert dying.deaths == 0


def test_a_case_that_may_lose_a_box_has_another(boxes: AttackRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = Dying(1)
    monkeypatch.setattr(boxes, "_fresh", lambda: dying)
    with pytest.raises(NotImplementedError):
        boxes.run(replace(CASES[0], tries=2))


def test_on_a_slower_machine_only_the_times_are_others() -> None:
    case = CASES[0]
    slowed = case.slowed(3)
    assert (slowed.limits.cpu_s, slowed.limits.wall_s) == (case.limits.cpu_s * 3, case.limits.wall_s * 3)
    assert replace(slowed, limits=case.limits) == case
