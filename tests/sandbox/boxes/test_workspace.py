"""Files, arguments and an environment beside a program, files that come back, limits that differ by visit."""

from __future__ import annotations

import pytest

from sandbox.problems import Problem
from sandbox.scoring.scorer import Scorer
from sandbox.values import (
    Assumptions,
    CallTest,
    CallTests,
    Comparison,
    Flag,
    Limits,
    Program,
    StdinTest,
    StdinTests,
    Verdict,
    Workspace,
)

FILES = (("data/in.txt", b"hello"), ("helper.py", b"five = 5\n"))


@pytest.mark.docker
def test_a_whole_program_finds_its_files_arguments_and_environment(scorer: Scorer) -> None:
    source = (
        "import os, sys, helper\nprint(open('data/in.txt').read(), sys.argv[1:], os.environ['COLOUR'], helper.five)"
    )
    workspace = Workspace(files=FILES, arguments=("a", "-b"), environment=(("COLOUR", "red"),))
    scored = scorer.score(Program(source=source, workspace=workspace))
    assert scored.run.stdout == b"hello ['a', '-b'] red 5\n"
    assert not scored.flags & {Flag.LEFTOVER_FILES}
    after = scorer.score(Program(source="import os, sys\nprint(os.listdir(), sys.argv, 'COLOUR' in os.environ)"))
    assert after.run.stdout == b"['main.py'] ['main.py'] False\n"


@pytest.mark.docker
def test_functions_and_every_case_of_a_program_find_the_files_anew(scorer: Scorer) -> None:
    case = CallTest(function="f", arguments=("!",), comparison=Comparison.EQUAL, expected="hello!5")
    source = "import helper\n\ndef f(x):\n    return open('data/in.txt').read() + x + str(helper.five)\n"
    called = Program(source=source, tests=CallTests(cases=(case,), source="f"), workspace=Workspace(files=FILES))
    assert scorer.score(called).verdict is Verdict.PASSED
    cases = tuple(StdinTest(stdin=b"%d" % n, expected=b"hello%d" % n) for n in range(6))
    source = "text = open('data/in.txt').read()\nopen('data/in.txt', 'w').write('other')\nprint(text + input())"
    printed = Program(source=source, tests=StdinTests(cases=cases), workspace=Workspace(files=FILES))
    assert scorer.score(printed).verdict is Verdict.PASSED


@pytest.mark.docker
def test_only_plain_files_of_its_own_directory_come_back(scorer: Scorer) -> None:
    source = """
import os
open("out.txt", "w").write("result")
os.makedirs("deep/er")
open("deep/er/x", "wb").write(bytes(1000))
open("large", "wb").write(bytes(9 << 20))
os.symlink("/etc/hostname", "link")
os.symlink("deep", "door")
os.mkdir("folder")
open("secret", "w").write("x")
os.chmod("secret", 0)
"""
    asked = ("out.txt", "deep/er/x", "large", "link", "door/er/x", "folder", "nothing", "secret")
    scored = scorer.score(Program(source=source, workspace=Workspace(fetch=asked)))
    assert dict(scored.run.fetched) == {"out.txt": b"result", "deep/er/x": bytes(1000)}
    assert scorer.score(Program(source="print(1)")).verdict is Verdict.PASSED


@pytest.mark.docker
def test_a_program_that_reaches_a_limit_still_gives_back_what_it_wrote(scorer: Scorer) -> None:
    source = "open('out.txt', 'w').write('half')\nwhile True: pass"
    program = Program(source=source, assumptions=Assumptions(cpu_s=0.3), workspace=Workspace(fetch=("out.txt",)))
    scored = scorer.score(program)
    assert (scored.verdict, scored.run.fetched) == (Verdict.TIMEOUT, (("out.txt", b"half"),))


@pytest.mark.docker
def test_memory_and_processes_differ_from_problem_to_problem_in_one_pool(scorer: Scorer) -> None:
    fills = "x = bytearray(300 << 20)\nfor at in range(0, len(x), 4096): x[at] = 1\nprint(len(x))"
    found = [
        scorer.score(Program(source=fills, assumptions=Assumptions(memory_mb=memory_mb))).verdict
        for memory_mb in (None, 128, None, 1024)
    ]
    assert found == [Verdict.PASSED, Verdict.MEMORY, Verdict.PASSED, Verdict.PASSED]
    forks = """
import os, time
made = 0
try:
    for _ in range(12):
        if os.fork() == 0:
            time.sleep(60)
        made += 1
except BlockingIOError:
    pass
print(made)
"""
    made = [
        int(scorer.score(Program(source=forks, assumptions=Assumptions(processes=processes))).run.stdout)
        for processes in (5, None)
    ]
    assert made[0] < 6
    assert made[1] == 12
    few = Limits(cpu_s=0.2, memory_mb=100)
    assert scorer.submit(Program(source="while True: pass"), limits=few).result().verdict is Verdict.TIMEOUT


@pytest.mark.docker
def test_a_problem_of_our_format_has_files_and_limits(scorer: Scorer) -> None:
    row = {
        "task_id": "words",
        "prompt": "Count the words of words.txt.",
        "memory_mb": 100,
        "processes": 4,
        "files": {"words.txt": "a b c", "raw.bin": {"base64": "AAE="}},
        "argv": ["-v"],
        "environment": {"LANG": "C"},
        "tests": [{"stdin": "", "stdout": "3"}],
    }
    problem = Problem.from_row(row)
    assert problem.assumptions.text == "100 MB, 4 processes"
    assert dict(problem.workspace.files) == {"words.txt": b"a b c", "raw.bin": b"\0\1"}
    assert scorer.score(problem.solve("print(len(open('words.txt').read().split()))")).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "fields",
    [
        {"files": (("../x", b""),)},
        {"files": (("/tmp/x", b""),)},
        {"files": (("a//b", b""),)},
        {"files": (("", b""),)},
        {"files": (("main.py", b""),)},
        {"files": (("a", b""), ("a", b""))},
        {"files": (("a", bytes(33 << 20)),)},
        {"fetch": ("../x",)},
        {"fetch": tuple(map(str, range(300)))},
        {"arguments": ("a\0",)},
        {"environment": (("A=B", ""),)},
        {"environment": (("", "x"),)},
        {"files": (("x" * 300, b""),)},
    ],
)
def test_what_does_not_fit_into_a_programs_directory_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Workspace(**fields)  # type: ignore[arg-type]
