"""Score a function of another language than Python by its tests, with the drivers of `sandbox.languages.test_drivers`.

The candidate's program answers the calls, and the host compares the answers with those that are expected. What is
expected is written by a program of the data set's expressions, which is compiled and run in boxes of its own, once for
each set of tests. If it cannot be written so, or if the tests are more than calls, the tests run beside the function,
and a token proves that they came to their end.
"""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import replace

from sandbox.errors import SandboxError
from sandbox.inside import codec
from sandbox.judging import judge
from sandbox.languages.test_drivers import DRIVERS, Driver, FunctionCalls
from sandbox.scoring.compiler import MAX_MESSAGE, Compiler, Translated
from sandbox.scoring.strategy import Visits, tests_of
from sandbox.values import Answer, Ending, Job, LanguageTests, Program, Raised, Run, Score, Stage

_END = b"end"
_TOKEN_BYTES = 16
_ASSERTION = re.compile(r"assert", re.IGNORECASE)
_SAID = re.compile(r"error|exception|panic|assert|fault|fatal", re.IGNORECASE)
Expected = tuple[str, ...] | None


class LanguageStrategy:
    """Scores by `LanguageTests`; keeps what each set of tests expects."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._known: dict[str, Expected] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __call__(self, job: Job, visits: Visits) -> Score:
        """Score by the answers to the calls; by the tests beside the program where there are no such calls."""
        tests = tests_of(job, LanguageTests)
        driver = DRIVERS[tests.language]
        expected = self._expected(tests, driver, job, visits) if tests.pairs else None
        if expected is None:
            return self._beside(job, tests, driver, visits)
        called = tests.expecting(expected)
        tested = replace(_function_calls(tests), pairs=tuple(tests.pairs[number] for number in tests.order))
        room = job.limits.with_room_for("\n".join(expected).encode("utf-8", "surrogatepass") * 2)
        run = _visit(replace(job, limits=room), driver.answering(job.program.source, tested), visits)
        scored = judge.score(run, replace(job.program, tests=called, selection=None), job.limits)
        scored = replace(scored, tests=called)
        if not visits.options.every_case:
            return scored
        return replace(scored, passed_cases=judge.right_answers(run, called), cases=len(called.cases))

    def _beside(self, job: Job, tests: LanguageTests, driver: Driver, visits: Visits) -> Score:
        run = _visit(job, driver.testing(job.program.source, tests.text), visits)
        return judge.score(run, replace(job.program, tests=tests.text, selection=None), job.limits)

    def _expected(self, tests: LanguageTests, driver: Driver, job: Job, visits: Visits) -> Expected:
        """Return what the tests expect, in the order of the calls; None if it cannot be written."""
        with self._lock:
            own = self._locks.setdefault(tests.source, threading.Lock())
        with own:
            if tests.source not in self._known:
                self._known[tests.source] = self._ask(tests, driver, job, visits)
            return self._known[tests.source]

    def _ask(self, tests: LanguageTests, driver: Driver, job: Job, visits: Visits) -> Expected:
        tested = replace(_function_calls(tests), pairs=tuple(tests.pairs[number] for number in tests.order))
        program = Program(source=driver.expecting(tested), language=tests.language)
        limits = replace(visits.grader_limits, output_kb=max(job.limits.output_kb, visits.limits.output_kb))
        token = secrets.token_hex(_TOKEN_BYTES)
        asked = Job(program=program, stdin=f"{token}\n".encode(), limits=limits)
        translated = Translated(self._compiler, program, prefix="expected-")
        run = _read(translated.run(asked, visits.boxes), token)
        if run.ending in {Ending.OUT_OF_WALL, Ending.OUT_OF_CPU}:
            raise SandboxError(f"the tests of {tests.function} did not say in time what they expect ({run.ending})")
        answers = tuple(str(answer.value) for answer in run.answers)
        return answers if run.proved and len(answers) == len(tests.pairs) else None


def _function_calls(tests: LanguageTests) -> FunctionCalls:
    return FunctionCalls(function=tests.function, declaration=tests.declaration, pairs=tests.pairs)


def _visit(job: Job, source: str, visits: Visits) -> Run:
    """Return the run of a driver's program, which is proved if it has written that it came to its end."""
    token = secrets.token_hex(_TOKEN_BYTES)
    program = replace(job.program, source=source, tests=None, selection=None)
    run = _read(visits.candidate(replace(job, program=program, stdin=f"{token}\n".encode())), token)
    return run if run.proved or run.raised is not None else replace(run, raised=_raised(run))


def _read(run: Run, token: str) -> Run:
    """Return the run with its answers; what the program itself has printed stays in `stdout`."""
    mark = f"{token} ".encode()
    printed: list[bytes] = []
    answers: list[Answer] = []
    ended = False
    for line in run.stdout.split(b"\n"):
        if not line.startswith(mark):
            printed.append(line)
        elif line[len(mark) :] == _END:
            ended = True
        elif not ended:
            answers.append(_answer(line[len(mark) :]))
    return replace(run, stdout=b"\n".join(printed).strip(b"\n"), answers=tuple(answers), proved=run.proved and ended)


def _answer(line: bytes) -> Answer:
    value = line.decode("utf-8", "backslashreplace")
    return Answer(value=value, data=codec.encode_answer(value, whole=True))


def _raised(run: Run) -> Raised | None:
    """Return why a program that was not proved has failed, as it said it itself."""
    if run.ending is not Ending.EXITED or not run.exit_code:
        return None
    lines = [line.strip() for line in run.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    message = next(filter(_SAID.search, lines), lines[0] if lines else f"exit code {run.exit_code}")
    kind = "AssertionError" if _ASSERTION.search(message) else "ExitCode"
    return Raised(stage=Stage.TESTS, type=kind, message=message[:MAX_MESSAGE])
