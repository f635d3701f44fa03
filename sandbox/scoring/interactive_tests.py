"""Score a whole program by conversations with an interactor of the data set, one for each case.

The interactor runs in a box of its own, which never holds a candidate, and gets the case's input and answer as files.
The host carries what the two programs print from one box to the other (`sandbox.boxes.conversation`). How the
interactor ends says what it thinks (`testlib_programs` has the exit codes); its points and its message become facts of
the candidate's run, and the judge decides. If the problem has a checker, too, it is asked about what the interactor has
written into its output file.

Who is at fault: a candidate that ends badly is judged by that, without the interactor. One that waits for ever, or is
silent while the interactor waits, reaches its limit of wall time. An interactor that crashes, that says so itself, that
reaches a limit of its own, that does not end with its candidate, or that was busy for more than half of the time in
which a candidate waited in vain, is the problem's fault: ProgramFailed is raised, and there is no verdict. An
interactor that sleeps without end cannot be told from one that waits for the candidate; `sandbox problems --check`
shows it with the problem's own solution.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from sandbox.boxes.box import longest_s
from sandbox.boxes.box_supply import BoxRole
from sandbox.boxes.conversation import Partner
from sandbox.inside.commands import PROGRAM
from sandbox.judging import judge
from sandbox.scoring import ask_checker
from sandbox.scoring.compiler import run_role
from sandbox.scoring.strategy import Visits, tests_of
from sandbox.scoring.testlib_programs import (
    LIMITS,
    PREFIX,
    ProgramFailed,
    TestlibPrograms,
    native,
    no_result,
    result,
)
from sandbox.values import (
    PYTHON,
    Answer,
    Command,
    Ending,
    InteractiveTests,
    Interactor,
    Job,
    Limits,
    Program,
    Run,
    Score,
    StdinTest,
    Verdict,
    Workspace,
)

FILES = ("input.txt", "output.txt", "answer.txt")
ADDED_WALL_S = 10.0  # that an interactor may live longer than the candidate
MOST_OUTPUT_KB = 16 << 10
BUSY = 0.5  # an interactor that computed for this share of the candidate's wall time is why the candidate waited
MAX_SAID = 300


@dataclass(frozen=True, slots=True)
class InteractiveStrategy:
    """Scores by `InteractiveTests`."""

    programs: TestlibPrograms

    def __call__(self, job: Job, visits: Visits) -> Score:
        """Score by a conversation for each case; stop at the first failure, unless every case counts."""
        tests = tests_of(job, InteractiveTests)
        order = list(range(len(tests.cases)))
        random.Random(f"{tests.source}{job.program.source}").shuffle(order)  # repeatable, no secret
        runs: dict[int, Run] = {}
        for number in order:
            run = runs[number] = self._run(job, tests, tests.cases[number], visits)
            late = run.ending in {Ending.OUT_OF_CPU, Ending.OUT_OF_WALL} and run.points is None
            if late if visits.options.every_case else not judge.printed_right(run, tests, number):
                break
        return judge.score_printed(runs, tests, job.limits)

    def _run(self, job: Job, tests: InteractiveTests, case: StdinTest, visits: Visits) -> Run:
        """Return the candidate's run of one case, with the interactor's points and message; raises ProgramFailed."""
        partner = self._partner(tests.interactor, case, longest_s(job), visits)
        run = visits.talking(replace(job, program=replace(job.program, tests=None, selection=None)), partner)
        ended_well = judge.judge_script(run) is Verdict.PASSED
        if partner.run is None or not (ended_well or partner.ended_first):
            _refuse_busy(partner.run, run, case)
            return run
        answer = _result(partner.run) if not partner.overdue else no_result("Overdue", "did not end with the program")
        if answer.raised is not None:
            raise ProgramFailed(f"the problem's interactor {answer.raised.message}, for the input {case.stdin[:60]!r}")
        points = answer.value if isinstance(answer.value, float) else 0.0
        said = partner.run.stderr[:MAX_SAID].decode("utf-8", "replace").strip()
        if points == 1.0 and ended_well and tests.checker is not None:
            written = replace(run, stdout=dict(partner.run.fetched).get(FILES[1], b""))
            points = _checked(written, replace(tests, cases=(case,)), job, visits)
            said = said if points == 1.0 else "the checker does not accept what it has written"
        return replace(run, points=points, said=said)

    def _partner(self, interactor: Interactor, case: StdinTest, candidate_s: float, visits: Visits) -> Partner:
        own = replace(LIMITS, wall_s=candidate_s + ADDED_WALL_S, output_kb=MOST_OUTPUT_KB)
        files = ((FILES[0], case.stdin), (FILES[2], case.expected))
        if interactor.language == PYTHON:
            workspace = Workspace(files=files, arguments=FILES, fetch=FILES[1:2])
            role = BoxRole("interactor", limits=Limits(disk_mb=own.disk_mb, files=own.files))
            job = Job(program=Program(source=interactor.source, workspace=workspace), limits=own)
            return Partner(role=role, job=job, agrees=_agrees)
        language = native(interactor)
        command = Command(
            words=(f"{PROGRAM}/interactor", *FILES),
            environment=language.variables(),
            installed=(("interactor", self.programs.compiled(interactor, visits.boxes)),),
            sources=files,
        )
        program = Program(source="", workspace=Workspace(fetch=FILES[1:2]))
        role = run_role(self.programs.compiler.pool, language, own, PREFIX)
        return Partner(role=role, job=Job(program=program, limits=own, command=command), agrees=_agrees)


def _agrees(run: Run) -> bool:
    """Return whether an interactor gives all points, so that the candidate may go on to its own end."""
    return _result(run).value == 1.0


def _result(run: Run) -> Answer:
    """Return what an interactor's end says: the share of the points, or why there is none."""
    if run.ending is Ending.SIGNALLED:
        return result(signal=run.signal or 0)
    if run.ending is not Ending.EXITED:
        return no_result(str(run.ending), f"reached a limit of its own ({run.ending})")
    if run.raised is not None:
        return no_result(run.raised.type, f"raised {run.raised.type}: {run.raised.message}")
    if not run.exit_code and not run.proved:
        return no_result("EarlyExit", "left before its end")
    return result(code=run.exit_code or 0, message=run.stderr.decode("utf-8", "replace").strip())


def _refuse_busy(interactor: Run | None, run: Run, case: StdinTest) -> None:
    """Raise ProgramFailed if a candidate waited in vain for an interactor that computed, or waited for its core."""
    if interactor is None or run.ending is not Ending.OUT_OF_WALL:
        return
    busy_s = interactor.cpu_s + interactor.waited_s
    if busy_s > BUSY * run.wall_s:
        raise ProgramFailed(
            f"the problem's interactor was busy for {busy_s:.1f} s while the program waited for it, for the "
            f"input {case.stdin[:60]!r}"
        )


def _checked(run: Run, tests: InteractiveTests, job: Job, visits: Visits) -> float:
    """Return the points that the checker gives to what an interactor has written; raises CheckerFailed."""
    request = ask_checker.request_for({0: run}, tests, job, visits)
    return ask_checker.check_printed(request, {0: run}, tests)[0].points or 0.0
