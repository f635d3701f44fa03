"""Run checkers and interactors of a data set that are programs with the protocol of testlib, such as those in C++.

The program is compiled in the box of its language's compiler and run in boxes of its own, which never hold a candidate.
It is called with the names of three files (input, output, answer); the exit code is its result, and the first bytes
that it prints are the message:

    0 right · 1 wrong · 2, 4, 8 wrong in form · 3 the problem is at fault · 7 a part of the points, first in the message

Points up to 1 are a share, larger ones are of 100. Any other end is no result.

The outputs of one program are checked in one visit, each by a process of its own: a small program of ours starts the
checker for each and reports how it ended. testlib itself is no part of this package. Its header comes with the problem
or from the user (`--checker-files`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sandbox.boxes.pool import WorkerBoxes
from sandbox.languages import Language, find_language
from sandbox.languages.language import PROGRAM
from sandbox.problems.checkers import missing_header
from sandbox.scoring.compiler import Compiler, run_role
from sandbox.scoring.references import ReferenceFailed
from sandbox.values import Answer, CallTest, Checker, Command, Files, Job, Limits, Program, Raised, Stage

LIMITS = Limits(cpu_s=10.0, wall_s=20.0, memory_mb=1024, output_kb=2048, disk_mb=256, files=4096)
RIGHT, WRONG, PRESENTATION, FAULT, DIRT, POINTS, UNEXPECTED_END = 0, 1, 2, 3, 4, 7, 8
NOT_RIGHT = frozenset({WRONG, PRESENTATION, DIRT, UNEXPECTED_END})
FAULT_TYPE = "ProblemAtFault"  # of an answer that says so
NAMES = ("input", "output", "answer")
MAX_MESSAGE = 300
MAX_BATCH, MAX_BATCH_BYTES = 500, 32 << 20
PREFIX = "checker-"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PARTLY = "partially correct"  # testlib's older way, whose exit codes are numbers of points
# Starts the checker for each case in turn, with its own limit of CPU time, and writes a line for each: s and the signal
# or e and the exit code, then the message in hexadecimal.
_STARTER = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int count = atoi(argv[1]), message = open("/tmp/message", O_RDWR | O_CREAT, 0600);
    struct rlimit most = {atoi(argv[2]), atoi(argv[2])};
    if (argc != 4 || message < 0) return 1;
    for (int number = 0; number < count; number++) {
        char names[3][64];
        unsigned char said[300];
        int status;
        snprintf(names[0], 64, "/tmp/%d/input", number);
        snprintf(names[1], 64, "/tmp/%d/output", number);
        snprintf(names[2], 64, "/tmp/%d/answer", number);
        if (ftruncate(message, 0) || lseek(message, 0, SEEK_SET)) return 1;
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) {
            int nothing = open("/dev/null", O_RDONLY);
            setrlimit(RLIMIT_CPU, &most);
            dup2(nothing, 0);
            dup2(message, 1);
            dup2(message, 2);
            execl(argv[3], "checker", names[0], names[1], names[2], (char *)0);
            _exit(127);
        }
        if (waitpid(child, &status, 0) != child) return 1;
        ssize_t size = pread(message, said, sizeof said, 0);
        if (WIFSIGNALED(status)) printf("s %d ", WTERMSIG(status));
        else printf("e %d ", WEXITSTATUS(status));
        for (ssize_t place = 0; place < size; place++) printf("%02x", said[place]);
        printf("\n");
        fflush(stdout);
        for (int which = 0; which < 3; which++) unlink(names[which]);
        *strrchr(names[0], '/') = 0;
        rmdir(names[0]);
    }
    unlink("/tmp/message");
    return 0;
}
"""


class ProgramFailed(ReferenceFailed):
    """A checker or an interactor that cannot be used."""


@dataclass(frozen=True, slots=True)
class TestlibPrograms:
    """Runs the checkers of data sets that are programs."""

    compiler: Compiler

    def ask(self, checker: Checker, calls: Sequence[CallTest], boxes: WorkerBoxes) -> tuple[Answer, ...]:
        """Return the checker's answers to the first calls, as many as one visit has room and time for.

        The arguments of a call are the texts of the three files. Raises ProgramFailed if there is no such program.
        """
        language = native(checker)
        product = self.compiled(checker, boxes)
        starter = self.compiled(Checker(source=_STARTER, language="c"), boxes)
        installed: Files = (("starter", starter), ("checker", product))
        batch = calls[: _batch(calls)]
        files = tuple(
            (f"{number}/{name}", str(text).encode("utf-8", "surrogatepass"))
            for number, call in enumerate(batch)
            for name, text in zip(NAMES, call.arguments, strict=True)
        )
        words = (f"{PROGRAM}/starter", str(len(batch)), f"{LIMITS.cpu_s:.0f}", f"{PROGRAM}/checker")
        command = Command(words=words, environment=language.variables(), installed=installed, sources=files)
        job = Job(program=Program(source=""), limits=LIMITS, command=command)
        run = boxes.visit(run_role(self.compiler.pool, language, LIMITS, PREFIX), job)
        return tuple(_answers(run.stdout))

    def compiled(self, program: Checker, boxes: WorkerBoxes) -> bytes:
        """Return the executable that a program is compiled to, from memory if it is there; raises ProgramFailed."""
        if missing := missing_header(program):
            raise ProgramFailed(missing)
        language = native(program)
        how = language.compile
        if how is None:
            raise TypeError(f"{language.title} is not compiled")
        # The folder of the source is searched for <testlib.h>, too.
        how = replace(how, environment=(*how.environment, ("CPATH", "/tmp")), files=program.files)
        job = Job(program=Program(source=program.source), limits=how.limits)
        found = self.compiler.compile(language, how, job, boxes, PREFIX)
        made = dict(found.run.product or ())
        if "main" not in made:
            said = (found.run.stderr or found.run.stdout).decode("utf-8", "replace").strip()
            raise ProgramFailed(
                f"the problem's {language.title} program does not compile ({found.run.ending}): {said[:MAX_MESSAGE]}"
            )
        return made["main"]


def native(program: Checker) -> Language:
    """Return the language of a program, which has to be one of machine code; raises ValueError."""
    language = find_language(program.language)
    if language is None or not language.native:
        raise ValueError(f"a program in {program.language} is not compiled to machine code")
    return language


def _batch(calls: Sequence[CallTest]) -> int:
    """Return how many of the calls are asked in one visit: at least one, of whatever size."""
    size = 0
    for number, call in enumerate(calls[:MAX_BATCH]):
        size += sum(len(str(text)) for text in call.arguments)
        if size > MAX_BATCH_BYTES and number:
            return number
    return min(len(calls), MAX_BATCH)


def _answers(printed: bytes) -> Iterator[Answer]:
    for line in printed.splitlines():
        kind, code, message = (*line.decode("ascii", "replace").split(" ", 2), "")[:3]
        said = bytes.fromhex(message).decode("utf-8", "replace").strip()
        yield result(signal=int(code), message=said) if kind == "s" else result(code=int(code), message=said)


def result(code: int = 0, signal: int = 0, message: str = "") -> Answer:
    """Return the answer that an end of a checker or an interactor is: a share of the points, or why there is none."""
    if signal:
        return no_result("Signal", f"was ended by signal {signal}")
    if code == RIGHT or code in NOT_RIGHT:
        return Answer(value=float(code == RIGHT))
    if code == FAULT:
        return no_result(FAULT_TYPE, f"says that the problem is at fault: {message}")
    if message.startswith(_PARTLY):
        return Answer(value=0.0)
    if code == POINTS and (found := _NUMBER.search(message)):
        points = float(found[0])
        return Answer(value=min(points if points <= 1 else points / 100, 1.0))
    return no_result("ExitCode", f"left with exit code {code}: {message}")


def no_result(kind: str, message: str) -> Answer:
    """Return the answer of a program that has failed."""
    return Answer(raised=Raised(stage=Stage.TESTS, type=kind, message=message[:MAX_MESSAGE]))
