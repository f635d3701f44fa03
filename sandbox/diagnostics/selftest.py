"""Run the attack suite.

Its programs try to escape, to cheat or to break things in a real box.

A case is a file of `tests/escapes/<group>/` and the expectation beside it. After every case these invariants are
checked: the host process is alive, and its memory has not grown; the box was proved clean; an honest program passes in
it next, in normal time; nothing is left on the host; the answer came in time; no attack was taken for a fault of ours,
and none passed.
"""

from __future__ import annotations

import os
import random
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import LABEL, LABEL_OWNER, BoxSpec
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.ownership import Owner
from sandbox.errors import BoxLost
from sandbox.judging import judge
from sandbox.judging.explaining import explain
from sandbox.problems.parse_tests import assert_tests
from sandbox.values import Ending, Flag, Job, Limits, Program, Score, Tests, Verdict

GROUPS = {
    "T": "time", "M": "memory", "P": "processes", "O": "output", "F": "files", "N": "network", "K": "kernel",
    "L": "leaks", "S": "supervisor", "X": "residue", "C": "cheating", "V": "honest",
}  # fmt: skip
HONEST = "honest"  # the one group whose programs must pass
LIMITS = Limits(cpu_s=1, wall_s=5, memory_mb=256)
GRACE_S = 8.0  # how long after its wall limit a case may take to be answered
NORMAL_S = 1.0  # the honest program takes milliseconds
MAX_GROWTH_MB = 64.0
MAX_OPENED = 8  # connections that the engine's client keeps for later
TESTS = "assert answer() == 42\n"
GOOD = Program(source="import os\nopen('mine', 'w').close()\ndef answer():\n    return 42\n", tests=TESTS)
_KEYS = {
    "tests", "asserts", "function", "stdin", "stdin_times", "limits", "verdicts", "ending", "flags", "stdout",
    "stdout_times", "tries",
}  # fmt: skip


class SuiteError(ValueError):
    """A case without an expectation, or with an impossible one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackCase:
    """One attack (or honest program), tested in one way.

    `tries` is more than 1 if the kernel may kill either the program or one of our processes. That is rare but cannot be
    excluded. A pool, too, runs such a program again, and judges it if a second box dies of it.
    """

    name: str
    group: str
    kind: str
    program: Program
    limits: Limits
    stdin: bytes = b""
    verdicts: frozenset[Verdict]
    ending: Ending | None = None
    flags: frozenset[Flag] = frozenset()
    stdout: bytes | None = None
    tries: int = 1

    def slowed(self, times: float) -> AttackCase:
        """Return the case with so many times its CPU and wall seconds."""
        limits = replace(self.limits, cpu_s=self.limits.cpu_s * times, wall_s=self.limits.wall_s * times)
        return replace(self, limits=limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackOutcome:
    """The result of a case: `broken` names each expectation and invariant that did not hold."""

    case: AttackCase
    score: Score | None
    seconds: float
    broken: tuple[str, ...]


def escapes_directory() -> Path:
    """Return the directory of the cases: within `sandbox` in an installed wheel, beside the packages in a checkout."""
    package = Path(__file__).parents[1]
    for directory in (package / "_escapes", package.parent / "tests" / "escapes"):
        if directory.is_dir():
            return directory
    raise SuiteError(f"the attack files are missing beside {package}; install codebudget again")


def excused(directory: Path) -> dict[str, str]:
    """Return the attacks that cannot be a file, each with the reason."""
    return {name: reason for group in _groups(directory) for name, reason in _expected(group)[1].items()}


def read_cases(directory: Path, groups: Sequence[str] = ()) -> list[AttackCase]:
    """Read the cases of these groups (all if none is named); raises SuiteError for one without an expectation.

    A group is named as its folder, or by the letter with which its cases begin.
    """
    folders = {folder.name: folder for folder in _groups(directory)}
    if unknown := [group for group in groups if GROUPS.get(group, group) not in folders]:
        raise SuiteError(f"no case in {', '.join(unknown)}; the groups are {', '.join(folders)}")
    names = {GROUPS.get(group, group) for group in groups} or folders.keys()
    return [case for name, folder in folders.items() if name in names for case in _cases(folder)]


def _groups(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if (path / "expected.toml").is_file())


def _expected(group: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    table = tomllib.loads((group / "expected.toml").read_text(encoding="utf-8"))
    reasons = table.pop("not_applicable", {})
    return table, reasons


def _cases(group: Path) -> Iterator[AttackCase]:
    expected, _ = _expected(group)
    files = {path.stem: path for path in sorted(group.glob("*.py"))}
    if files.keys() != expected.keys():
        raise SuiteError(
            f"{group.name}: file without expectation, or the reverse: {sorted(files.keys() ^ expected.keys())}"
        )
    for name, path in files.items():
        for kind in expected[name].get("tests", ["code"]):
            yield _case(path, kind, expected[name])


def _case(file: Path, kind: str, expected: dict[str, Any]) -> AttackCase:
    name, group = file.stem, file.parent.name
    if unknown := expected.keys() - _KEYS:
        raise SuiteError(f"{name}: unknown keys {sorted(unknown)}")
    verdicts = frozenset(map(Verdict, expected.get("verdicts", [Verdict.PASSED])))
    if (verdicts == {Verdict.PASSED}) != (group == HONEST) or (Verdict.PASSED in verdicts and len(verdicts) > 1):
        raise SuiteError(f"{name}: honest programs pass and no other does")
    return AttackCase(
        name=name,
        group=group,
        kind=kind,
        program=Program(source=file.read_text(encoding="utf-8"), tests=_tests(name, kind, expected)),
        limits=replace(LIMITS, **expected.get("limits", {})),
        stdin=expected.get("stdin", "").encode() * expected.get("stdin_times", 1),
        verdicts=verdicts,
        ending=Ending(expected["ending"]) if "ending" in expected else None,
        flags=frozenset(map(Flag, expected.get("flags", []))),
        stdout=expected["stdout"].encode() * expected.get("stdout_times", 1) if "stdout" in expected else None,
        tries=expected.get("tries", 1),
    )


def _tests(name: str, kind: str, expected: dict[str, Any]) -> Tests | None:
    asserts, function = str(expected.get("asserts", TESTS)), expected.get("function", "answer")
    match kind:
        case "code":
            return asserts
        case "data":
            if (tests := assert_tests(asserts, function)) is None:
                raise SuiteError(f"{name}: its asserts are not plain data")
            return tests
        case "script":
            return None
        case _:
            raise SuiteError(f"{name}: tests of no known kind: {kind!r}")


class AttackRunner:
    """Runs case after case in one box, which is replaced when it is no longer clean, as in a pool."""

    def __init__(self, engine: DockerClient, image: str, runtime: str | None = None, *, slower: float = 1) -> None:
        """Open a box; an honest program may take `slower` times as long as on a usual machine."""
        engine.require_runtime(runtime)
        self._engine = engine
        self._spec = BoxSpec(image=image, limits=LIMITS, owner=Owner.this().label(), runtime=runtime)
        self._core = random.randrange(engine.facts().cores)  # no secret
        self._box = self._opened()
        self._normal_s = NORMAL_S * slower
        self._rss_mb = _rss_mb()
        self._fds = _open_files()

    def run(self, case: AttackCase) -> AttackOutcome:
        """Run a case and check everything that must hold."""
        began = time.monotonic()
        for tried in range(1, case.tries + 1):
            began = time.monotonic()
            try:
                run = self._fresh().run(Job(program=case.program, stdin=case.stdin, limits=case.limits))
                break
            except BoxLost as error:
                self._box.clean = False
                if tried == case.tries:
                    lost = f"the box was lost: {error}"
                    return AttackOutcome(case=case, score=None, seconds=time.monotonic() - began, broken=(lost,))
        seconds = time.monotonic() - began
        scored = judge.score(run, case.program, case.limits)
        broken = [*_against(case, scored), *self._invariants(case, seconds - run.waited_s)]
        return AttackOutcome(case=case, score=scored, seconds=seconds, broken=tuple(broken))

    def run_again(self, case: AttackCase) -> Iterator[str]:
        """Run a case's program twice, as a script that runs again; return what does not hold."""
        again = Job(program=Program(source=case.program.source), limits=LIMITS, repeat=True)
        box = self._fresh()
        for _ in range(2):
            box.run(again)
            if not box.accepts(again):
                yield "the box could not be cleaned between two visits"
                return
        box.release_program()
        yield from self._invariants(case, 0.0)

    def _fresh(self) -> Box:
        if not self._box.clean:
            self._box.close()
            self._box = self._opened()
        return self._box

    def _opened(self) -> Box:
        """Open a box on one core, as in a pool."""
        box = Box(self._engine, self._spec)
        box.pin(self._core)
        return box

    def _invariants(self, case: AttackCase, seconds: float) -> Iterator[str]:
        if seconds > case.limits.wall_s + GRACE_S:
            yield f"the answer took {seconds:.1f} s of {case.limits.wall_s + GRACE_S:g} s"
        if not self._box.clean:
            yield "the box could not be cleaned"
        after = self._fresh().run(Job(program=GOOD, limits=LIMITS))
        if judge.judge(after, GOOD) is not Verdict.PASSED:
            yield f"an honest program did not pass next: {after.stderr[-500:].decode('utf-8', 'replace')}"
        if (took := after.wall_s - after.waited_s) > self._normal_s:
            yield f"an honest program took {took:.2f} s next"
        yield from self._on_the_host()

    def _on_the_host(self) -> Iterator[str]:
        if (grown := _rss_mb() - self._rss_mb) > MAX_GROWTH_MB:
            yield f"the host process has grown by {grown:.0f} MB"
        if (more := _open_files() - self._fds) > MAX_OPENED:
            yield f"{more} files of the host process stay open"
        ours = [box.id for box in self._engine.containers(LABEL) if box.labels.get(LABEL_OWNER) == self._spec.owner]
        if ours.count(self._box.id) != 1:
            yield "the box is gone"

    def close(self) -> None:
        """Remove the box."""
        self._box.close()


def _against(case: AttackCase, scored: Score) -> Iterator[str]:
    """Return how the score differs from what is expected."""
    run = scored.run
    if scored.verdict not in case.verdicts:
        wanted = " or ".join(sorted(case.verdicts))
        yield f"{scored.verdict} where {wanted} is due ({explain(scored, case.limits, case.program)})"
    if case.ending is not None and run.ending is not case.ending:
        yield f"it ended {run.ending}, not {case.ending}"
    if missing := case.flags - scored.flags:
        yield f"flags are missing: {', '.join(sorted(missing))}"
    if case.stdout is not None and run.stdout != case.stdout:
        yield f"it printed {run.stdout[:200]!r}"


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (names are all that is wanted)
