"""Every attack of tests/escapes, on a real box: its verdict, then the next program on the same box."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox import judge
from sandbox.box import Box, BoxSpec
from sandbox.engine import Engine
from sandbox.image import ensure_image
from sandbox.owner import Owner
from sandbox.values import Job, Limits, Program, Verdict

pytestmark = pytest.mark.docker
ESCAPES = Path(__file__).parent.parent / "escapes"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((ESCAPES / "expected.toml").read_text(encoding="utf-8"))
CASES = {path.stem: path for path in sorted(ESCAPES.glob("*/*.py"))}
LIMITS = Limits(cpu_s=1, wall_s=5, memory_mb=256)
TESTS = "assert answer() == 42\n"
GOOD = Program(source="import os\nopen('mine', 'w').close()\ndef answer():\n    return 42\n", tests=TESTS)


@pytest.fixture(scope="module")
def spec(engine: Engine) -> BoxSpec:
    return BoxSpec(image=ensure_image(engine, say=print), limits=LIMITS, owner=Owner.this().label())


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


@pytest.fixture(scope="module")
def slot(engine: Engine, spec: BoxSpec) -> Iterator[Slot]:
    with closing(Slot(engine, spec)) as opened:
        yield opened


def test_every_case_says_what_is_expected() -> None:
    assert set(CASES) == set(EXPECTED)


@pytest.mark.parametrize("name", CASES)
def test_an_attack_gets_its_verdict_and_leaves_nothing(name: str, slot: Slot) -> None:
    program = Program(source=CASES[name].read_text(encoding="utf-8"), tests=TESTS)
    box, expected = slot.fresh(), EXPECTED[name]
    run = box.run(Job(program=program, limits=LIMITS))
    scored = judge.score(run, program, LIMITS)
    assert scored.verdict in expected["verdicts"], (
        scored.verdict,
        judge.explain(scored, LIMITS, program),
        run.stdout,
        run.stderr,
    )
    assert scored.verdict is not Verdict.PASSED
    assert run.ending == expected.get("ending", run.ending)
    assert set(expected.get("flags", [])) <= scored.flags
    assert run.wall_s <= LIMITS.wall_s + 2
    assert box.clean, "the box could not be cleaned"
    after = slot.fresh().run(Job(program=GOOD, limits=LIMITS))
    assert judge.judge(after, GOOD) is Verdict.PASSED, after.stderr
