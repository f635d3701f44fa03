"""The judgement over a run: the one place where facts become a verdict. Pure; a stored run can be judged again.

Passing needs evidence: the proof that only a finished program (or, with tests, a finished test) sends. Not having failed
is not evidence.
"""

from __future__ import annotations

from sandbox.values import Ending, Flag, Limits, Program, Raised, Run, Score, Stage, Verdict

JUDGE_VERSION = "1"
_NEAR = 0.9


def judge(run: Run, program: Program) -> Verdict:
    """What the run of a program is worth."""
    match run.ending:
        case Ending.OUT_OF_CPU | Ending.OUT_OF_WALL:
            return Verdict.TIMEOUT
        case Ending.OUT_OF_MEMORY:
            return Verdict.MEMORY
        case Ending.TOO_MUCH_OUTPUT:
            return Verdict.OUTPUT
        case Ending.SIGNALLED:
            return Verdict.CRASHED
        case Ending.EXITED:
            return Verdict.PASSED if run.proved else _judge_exit(run, program)


def _judge_exit(run: Run, program: Program) -> Verdict:
    """A process that ended by itself and proved nothing."""
    if run.raised is not None:
        return _judge_raised(run.raised)
    if program.tests is None and run.exit_code:
        return Verdict.ERROR
    return Verdict.EARLY_EXIT


def _judge_raised(raised: Raised) -> Verdict:
    if raised.type == "MemoryError":
        return Verdict.MEMORY
    match raised.stage:
        case Stage.COMPILE:
            return Verdict.SYNTAX
        case Stage.PROGRAM:
            return Verdict.ERROR
        case Stage.TESTS:
            return Verdict.WRONG if raised.type == "AssertionError" else Verdict.ERROR


def score(run: Run, program: Program, limits: Limits) -> Score:
    """The verdict with its run, and the flags that the host can tell."""
    flags = {Flag.NO_TESTS if program.tests is None else Flag.IN_PROCESS}
    if run.cpu_s > _NEAR * limits.cpu_s or run.wall_s > _NEAR * limits.wall_s:
        flags.add(Flag.NEAR_LIMIT)
    return Score(verdict=judge(run, program), run=run, flags=run.flags | flags)


def explain(scored: Score, limits: Limits) -> str:
    """One sentence for a person: why this verdict."""
    run = scored.run
    match run.ending:
        case Ending.OUT_OF_CPU:
            return f"used {run.cpu_s:.2f} s of {limits.cpu_s:g} s CPU and was killed"
        case Ending.OUT_OF_WALL:
            return f"ran for {run.wall_s:.2f} s of {limits.wall_s:g} s wall time ({run.cpu_s:.2f} s CPU) and was killed"
        case Ending.OUT_OF_MEMORY:
            return f"wanted more than {limits.memory_mb} MB and was killed"
        case Ending.TOO_MUCH_OUTPUT:
            return f"wrote more than {limits.output_kb} kB and was killed"
        case Ending.SIGNALLED:
            return f"was ended by signal {run.signal}"
        case Ending.EXITED:
            return _explain_exit(run, tested=Flag.NO_TESTS not in scored.flags)


def _explain_exit(run: Run, *, tested: bool) -> str:
    if run.proved:
        return "all tests returned" if tested else "ran to its end"
    if run.raised is not None:
        place = f" in line {run.raised.line}" if run.raised.line else ""
        said = f": {run.raised.message}" if run.raised.message else ""
        return f"{run.raised.type}{said} ({run.raised.stage}{place})"
    if run.exit_code and not tested:
        return f"ended with exit code {run.exit_code}"
    return f"left with exit code {run.exit_code} before its end was reached"
