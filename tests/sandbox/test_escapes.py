"""Every program of tests/escapes, on a real box: its verdict, then the next program on the same box."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox import judge
from sandbox.box import Box, BoxSpec
from sandbox.checks import assert_tests
from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.image import ensure_image
from sandbox.owner import Owner
from sandbox.values import CallTests, Job, Limits, Program, Verdict

pytestmark = pytest.mark.docker
ESCAPES = Path(__file__).parent.parent / "escapes"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((ESCAPES / "expected.toml").read_text(encoding="utf-8"))
NOT_APPLICABLE: dict[str, str] = EXPECTED.pop("not_applicable")
KNOWN_KEYS = {"tests", "asserts", "function", "stdin", "stdin_times", "limits", "verdicts", "ending", "flags", "stdout"}
CASES = {path.stem: path for path in sorted(ESCAPES.glob("*/*.py"))}
VISITS = [(name, kind) for name in CASES for kind in EXPECTED.get(name, {}).get("tests", ["code"])]
LIMITS = Limits(cpu_s=1, wall_s=5, memory_mb=256)
TESTS = "assert answer() == 42\n"
GOOD = Program(source="import os\nopen('mine', 'w').close()\ndef answer():\n    return 42\n", tests=TESTS)


class Slot:
    """One box, replaced when it is no longer clean, as a pool does."""

    def __init__(self, engine: Engine, spec: BoxSpec) -> None:
        self.engine, self.spec = engine, spec
        self.box = Box(engine, spec)

    def fresh(self) -> Box:
        if not self.box.clean:
            self.box.close()
            self.box = Box(self.engine, self.spec)
        return self.box

    def close(self) -> None:
        self.box.close()


@pytest.fixture(scope="module", params=[None, "3.13"], ids=["usual", "python-3.13"])
def slot(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Slot]:
    """A box of the usual Python, and one where a frame's locals can be written through (PEP 667)."""
    try:
        image = ensure_image(engine, python=request.param, say=print)
    except SandboxError as error:
        if request.param is None:
            raise
        pytest.skip(f"no image with Python {request.param} here: {error}")
    spec = BoxSpec(image=image, limits=LIMITS, owner=Owner.this().label())
    with closing(Slot(engine, spec)) as opened:
        yield opened


def as_tests(kind: str, expected: dict[str, Any]) -> CallTests | str | None:
    asserts, function = expected.get("asserts", TESTS), expected.get("function", "answer")
    match kind:
        case "code":
            return str(asserts)
        case "data":
            tests = assert_tests(asserts, function)
            assert tests is not None, "these asserts are not plain data"
            return tests
        case "script":
            return None
    raise ValueError(f"tests of no known kind: {kind!r}")


def test_every_case_says_what_is_expected() -> None:
    assert set(CASES) == set(EXPECTED)
    for name, expected in EXPECTED.items():
        assert set(expected) <= KNOWN_KEYS, name
        assert ("verdicts" in expected) == (not name.startswith("V")), name
        assert Verdict.PASSED not in expected.get("verdicts", []), name
    assert all(reason.strip() for reason in NOT_APPLICABLE.values())


@pytest.mark.parametrize(("group", "last"), [("C", 54), ("V", 20)])
def test_every_cheat_and_every_honest_case_is_a_file_or_says_why_not(group: str, last: int) -> None:
    files = {name.partition("_")[0] for name in CASES if name.startswith(group)}
    excused = {name for name in NOT_APPLICABLE if name.startswith(group)}
    assert files | excused == {f"{group}{number:02}" for number in range(1, last + 1)}
    assert not files & excused


def test_every_cheat_meets_tests_that_are_data() -> None:
    kinds = {name: EXPECTED[name].get("tests", ["code"]) for name in CASES if name.startswith("C")}
    assert not [name for name in kinds if "data" not in kinds[name]]


@pytest.mark.parametrize(("name", "kind"), VISITS)
def test_a_program_gets_its_verdict_and_leaves_nothing(name: str, kind: str, slot: Slot) -> None:
    box, expected = slot.fresh(), EXPECTED[name]
    program = Program(source=CASES[name].read_text(encoding="utf-8"), tests=as_tests(kind, expected))
    limits = replace(LIMITS, **expected.get("limits", {}))
    stdin = expected.get("stdin", "").encode() * expected.get("stdin_times", 1)
    run = box.run(Job(program=program, stdin=stdin, limits=limits))
    scored = judge.score(run, program, limits)
    assert scored.verdict in expected.get("verdicts", [Verdict.PASSED]), (
        scored.verdict,
        judge.explain(scored, limits, program),
        run.stdout[:2000],
        run.stderr[:2000],
    )
    assert (scored.verdict is Verdict.PASSED) == name.startswith("V")
    assert run.ending == expected.get("ending", run.ending)
    assert "stdout" not in expected or run.stdout == expected["stdout"].encode()
    assert set(expected.get("flags", [])) <= scored.flags
    assert run.wall_s <= limits.wall_s + 2
    assert box.clean, "the box could not be cleaned"
    after = slot.fresh().run(Job(program=GOOD, limits=LIMITS))
    assert judge.judge(after, GOOD) is Verdict.PASSED, after.stderr
