"""Programs that talk with an interactor of the data set: who is right, and who is at fault when it goes wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.boxes.docker_client import DockerClient
from sandbox.errors import TaskCancelled
from sandbox.judging import score_records
from sandbox.judging.explaining import explain
from sandbox.problems import Problem, ProblemsError, read_problem
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.testlib_programs import ProgramFailed
from sandbox.values import InteractiveTests, Limits, Score, Verdict

# Find a number below 1000: ask "? n", which is answered by "<" or ">=", then say "! n".
GUESS = """
ask = input

def interact(text, answer):
    hidden = int(text)
    for turn in range(20):
        word, number = ask().split()
        if word == "!":
            return int(number) == hidden, f"after {turn} questions"
        print("<" if hidden < int(number) else ">=")
    return False, "too many questions"
"""
FINDS = """
low, high = 0, 1000
while high - low > 1:
    middle = (low + high) // 2
    print("?", middle, flush=True)
    if input() == "<":
        high = middle
    else:
        low = middle
print("!", low)
"""
WAITING = "import threading\nthreading.Event().wait()\n"


@pytest.fixture(scope="module")
def short(engine: DockerClient) -> Iterator[Scorer]:
    assert engine.answers()
    with open_scorer(Limits(wall_s=3), boxes=1) as opened:
        yield opened


def problem(interactor: object = GUESS, hidden: tuple[int, ...] = (3, 500, 999), **more: Any) -> Problem:
    tests = [{"stdin": f"{number}\n"} for number in hidden]
    return read_problem({"task_id": "guess", "prompt": "Guess.", "tests": tests, "interactor": interactor, **more})


def score(scorer: Scorer, source: str, asked: Problem, *, every_case: bool = False) -> Score:
    return scorer.submit(asked.solve(source), every_case=every_case).result()


@pytest.mark.docker
def test_a_program_that_asks_and_answers_passes(scorer: Scorer) -> None:
    asked = problem()
    for source in (FINDS, FINDS.replace(", flush=True", ""), f"import sys\ninput = sys.stdin.readline\n{FINDS}"):
        scored = score(scorer, source.replace('input() == "<"', 'input().strip() == "<"'), asked)
        assert (scored.verdict, scored.passed_cases, scored.points) == (Verdict.PASSED, 3, 3.0)
    assert scored.runs is not None
    assert scored.runs[0].said == "after 10 questions"
    assert explain(scored, Limits(), asked.solve("")) == "the interactor accepts all 3 conversations"


@pytest.mark.docker
@pytest.mark.parametrize(
    ("source", "verdict", "said"),
    [
        ("print('! 3')", Verdict.WRONG, "after 0 questions"),
        ("print('! 3', flush=True)\n" + WAITING, Verdict.WRONG, "after 0 questions"),
        ("while True:\n    print('? 7', flush=True)\n    input()", Verdict.WRONG, "too many questions"),
        ("while True: print('? 7')", Verdict.WRONG, "too many questions"),
        ("print('x' * 100)", Verdict.WRONG, "ValueError"),
        ("import sys\nsys.stdout.buffer.write(b'\\xff 1\\n')", Verdict.WRONG, ""),
        ("pass", Verdict.WRONG, "EOFError"),
        ("print('? 5', flush=True)\ninput()\nraise KeyError(1)", Verdict.ERROR, None),
        (f"{FINDS}\n1 / 0", Verdict.ERROR, None),
        ("import os\nprint('! 5', flush=True)\nos.abort()", None, None),
        ("print(", Verdict.SYNTAX, None),
    ],
)
def test_what_a_program_does_wrong_is_its_verdict(
    scorer: Scorer, source: str, verdict: Verdict | None, said: str | None
) -> None:
    scored = score(scorer, source, problem(hidden=(999,)))
    assert scored.verdict is verdict or (verdict is None and scored.verdict in {Verdict.WRONG, Verdict.CRASHED})
    if said is not None:
        assert said in str(scored.run.said)


@pytest.mark.docker
@pytest.mark.parametrize(
    "source",
    [
        "input()",
        "while True: pass",
        "import os\nos.close(0)\nos.close(1)\n" + WAITING,
        FINDS + WAITING,
        "import os, sys\nif os.fork():\n    " + WAITING.replace("\n", "\n    ") + "\nsys.stdin.read()",
    ],
    ids=["waits for an answer", "loops", "closes its streams", "right, but does not end", "forks"],
)
def test_a_program_that_does_not_end_is_stopped_at_its_own_limit(short: Scorer, source: str) -> None:
    assert score(short, source, problem(hidden=(999,)).assuming({"cpu_s": 0.3})).verdict is Verdict.TIMEOUT


@pytest.mark.docker
def test_a_program_that_floods_a_patient_interactor_is_stopped_at_its_output_limit(scorer: Scorer) -> None:
    patient = "import sys\n\ndef interact(text, answer):\n    return len(sys.stdin.read()) == int(text)\n"
    assert score(scorer, "while True: print('x' * 1000)", problem(patient)).verdict is Verdict.OUTPUT
    large = score(scorer, "print('x' * 999_999, end='')", problem(patient, hidden=(999_999,)))
    assert large.verdict is Verdict.PASSED


@pytest.mark.docker
def test_an_interactor_may_send_more_than_any_pipe_holds(scorer: Scorer) -> None:
    talks = "def interact(text, answer):\n    print('y' * 3_000_000)\n    return input() == '3000000'\n"
    for source in ("print(len(input()))", "import sys\nprint(len(sys.stdin.readline()) - 1)"):
        assert score(scorer, source, problem(talks, hidden=(1,))).verdict is Verdict.PASSED
    neither = "def interact(text, answer):\n    print('y' * 3_000_000)\n    return True\n"
    assert score(scorer, "print('x' * 900_000)", problem(neither, hidden=(1,))).verdict is Verdict.PASSED


@pytest.mark.docker
@pytest.mark.parametrize(
    ("interactor", "why"),
    [
        ("def interact(text, answer):\n    return {}['x']\n", "raised KeyError"),
        ("def interact(text, answer):\n    return None\n", "neither a truth nor a share"),
        ("import nothing_of_that_name\n\ndef interact(text, answer):\n    return True\n", "ModuleNotFoundError"),
        ("import os\n\ndef interact(text, answer):\n    os._exit(0)\n", "left before its end"),
        ("import os\n\ndef interact(text, answer):\n    os.abort()\n", "signal 6"),
        ("def interact(text, answer):\n    while True: print('x' * 1000)\n", "too_much_output"),
        ("raise SystemExit(3)\n", "problem is at fault"),
        ("raise SystemExit(77)\n", "exit code 77"),
    ],
)
def test_an_interactor_that_fails_is_the_problems_fault(scorer: Scorer, interactor: str, why: str) -> None:
    for source in ("print('! 5')", "print('? 5', flush=True)\ninput()\n"):
        with pytest.raises(ProgramFailed, match=why):
            score(scorer, source, problem(interactor))


@pytest.mark.docker
def test_an_interactor_that_loops_is_at_fault_and_the_waiting_program_is_not(short: Scorer) -> None:
    looping = problem("def interact(text, answer):\n    while True: pass\n")
    with pytest.raises(ProgramFailed, match=r"was busy for|limit of its own"):
        score(short, "input()", looping)


@pytest.mark.docker
def test_parts_of_the_points_count_and_every_case_may(scorer: Scorer) -> None:
    parts = "def interact(text, answer):\n    return int(input()) / 4, 'a part'\n"
    for number, points, passed in ((1, 0.25, 0), (4, 1.0, 2), (0, 0.0, 0)):
        scored = score(scorer, f"print({number})", problem(parts, hidden=(1, 2)), every_case=True)
        assert (scored.share_of_tests, scored.passed_cases) == (points, passed)


@pytest.mark.docker
def test_a_score_can_be_judged_again_without_a_box(scorer: Scorer) -> None:
    asked = problem()
    assert isinstance(asked.given, InteractiveTests)
    for source in (FINDS, "print('! 3')", "print('? 5', flush=True)\n" + WAITING.replace("\n", "\n", 1)[:0] + "1 / 0"):
        scored = score(scorer, source, asked)
        data = score_records.packed(scored, Limits())
        assert data is not None
        again = score_records.rejudge(score_records.unpack(data), asked.given)
        assert (again.verdict, again.points, again.run.said) == (scored.verdict, scored.points, scored.run.said)
    told = explain(score(scorer, "print('! 3')", problem(hidden=(999,))), Limits(), asked.solve(""))
    assert told.startswith("the interactor does not accept what it did: 'after 0 questions', test 1 of ")


@pytest.mark.docker
def test_a_conversation_can_be_cancelled(short: Scorer) -> None:
    future = short.submit(problem(hidden=(1,)).assuming({"wall_s": 600}).solve("input()"), limits=Limits(wall_s=600))
    while not future.running():
        os.sched_yield()
    short.pool.cancel(future)
    with pytest.raises(TaskCancelled):
        future.result()
    assert score(short, FINDS, problem()).verdict is Verdict.PASSED


# A program as an interactor, with the protocol of testlib, and a checker of what it has written.
ADDS = """
#include <fstream>
#include <iostream>
int main(int, char **names) {
    std::ifstream input(names[1]);
    std::ofstream output(names[2]);
    for (long long a, b, said; input >> a >> b;) {
        std::cout << a << ' ' << b << std::endl;
        if (!(std::cin >> said)) return 2;
        output << said << '\\n';
    }
    return 0;
}
"""
COMPARES = "def check(input, output, answer):\n    return output.split() == answer.split()\n"
SUMS_CPP = "#include <iostream>\nint main() {\n    long long a, b;\n    while (std::cin >> a >> b) "
SUMS_CPP += "std::cout << a + b << std::endl;\n}\n"


@pytest.mark.docker
def test_a_program_in_cpp_may_talk_and_a_checker_reads_what_it_wrote(scorer: Scorer) -> None:
    asked = read_problem(
        {
            "task_id": "sums",
            "prompt": "Add.",
            "tests": [{"stdin": "1 2\n3 4\n", "stdout": "3\n7\n"}],
            "interactor": {"language": "cpp", "source": ADDS},
            "checker": COMPARES,
        }
    )
    adds = "import sys\nfor line in sys.stdin:\n    a, b = map(int, line.split())\n    print(a + b, flush=True)\n"
    tried = {
        adds: Verdict.PASSED,
        adds.replace("a + b", "a - b"): Verdict.WRONG,
        adds.replace("a + b", "'?'"): Verdict.WRONG,
    }
    assert {source: score(scorer, source, asked).verdict for source in tried} == tried
    in_cpp = asked.in_language("cpp")
    tried = {
        SUMS_CPP: Verdict.PASSED,
        SUMS_CPP.replace("a + b", "a * b"): Verdict.WRONG,
        SUMS_CPP.replace("a + b", "*(volatile int *)0"): Verdict.CRASHED,
        "int main() { return x; }": Verdict.SYNTAX,
    }
    assert {source: score(scorer, source, in_cpp).verdict for source in tried} == tried


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"interactor": "def interact(:"}, "no Python"),
        ({"interactor": {"source": "x"}}, "a language and a source"),
        ({"interactor": {"language": "javascript", "source": "x"}}, "Python or a language such as C"),
        ({"checker": COMPARES}, "a checker would have no effect"),
        ({"output_rule": "lines"}, "would have no effect"),
        ({"entry_point": "f"}, "what whole programs print"),
    ],
)
def test_an_interactor_that_could_not_work_is_refused_when_it_is_read(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ProblemsError, match=why):
        problem(**changed)


def test_the_interactor_is_part_of_the_digest_of_the_tests() -> None:
    assert problem().tests == problem().tests != problem(GUESS.replace("20", "30")).tests
