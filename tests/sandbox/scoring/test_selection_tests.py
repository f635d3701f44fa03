"""Selection tests and judge tests: asked in one visit, judged apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.problems import ChosenTests, Problem, ProblemsError, load_problems
from sandbox.scoring.scorer import Scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import CallTests, Flag, Limits, Program, StdinTest, StdinTests, Verdict

PROBLEM = Problem(
    name="T/0",
    prompt="def f(x):\n",
    entry_point="f",
    tests=(
        "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 3\n    assert candidate(5) "
        "== 6\n"
    ),
    public_tests="def check(candidate):\n    assert candidate(1) == 2\n",
)


def both(scorer: Scorer, body: str, problem: Problem = PROBLEM) -> tuple[Verdict, Verdict | None]:
    scored = scorer.submit(problem.complete(body, ChosenTests.BOTH)).result(timeout=300)
    return scored.verdict, scored.selection and scored.selection.verdict


@pytest.mark.docker
class TestBothAtOnce:
    def test_each_set_has_its_own_verdict(self, scorer: Scorer) -> None:
        assert both(scorer, "    return x + 1\n") == (Verdict.PASSED, Verdict.PASSED)
        assert both(scorer, "    return 2\n") == (Verdict.WRONG, Verdict.PASSED)
        assert both(scorer, "    return 0\n") == (Verdict.WRONG, Verdict.WRONG)
        assert both(scorer, "    return (\n") == (Verdict.SYNTAX, Verdict.SYNTAX)

    def test_a_call_of_both_sets_is_made_once(self, scorer: Scorer) -> None:
        scored = scorer.submit(PROBLEM.complete("    print(x)\n    return x + 1\n", ChosenTests.BOTH)).result(
            timeout=300
        )
        assert sorted(scored.run.stdout.split()) == [b"1", b"2", b"5"]
        assert len(scored.run.answers) == 3

    def test_what_happens_after_the_selection_is_not_its_concern(self, scorer: Scorer) -> None:
        assert both(scorer, "    while x > 1: pass\n    return x + 1\n") == (Verdict.TIMEOUT, Verdict.PASSED)
        leaves = "    import os\n    return x + 1 if x == 1 else os._exit(0)\n"
        assert both(scorer, leaves) == (Verdict.EARLY_EXIT, Verdict.PASSED)

    def test_a_selection_that_was_never_answered_has_not_passed(self, scorer: Scorer) -> None:
        assert both(scorer, "    while True: pass\n") == (Verdict.TIMEOUT, Verdict.TIMEOUT)
        assert both(scorer, "    import os; os._exit(0)\n") == (Verdict.EARLY_EXIT, Verdict.EARLY_EXIT)

    def test_sets_of_different_kinds_are_judged_one_after_the_other(self, scorer: Scorer) -> None:
        loops = "def check(candidate):\n    for n in range(3):\n        assert candidate(n) == n + 1\n"
        problem = Problem(
            name="T/1", prompt="def f(x):\n", entry_point="f", tests=loops, public_tests=PROBLEM.public_tests
        )
        assert both(scorer, "    return x + 1\n", problem) == (Verdict.PASSED, Verdict.PASSED)
        assert both(scorer, "    return 2\n", problem) == (Verdict.WRONG, Verdict.PASSED)

    def test_whole_programs_have_two_sets_too(self, scorer: Scorer) -> None:
        shown, hidden = (StdinTests(cases=(StdinTest(stdin=n, expected=n),)) for n in (b"1", b"2"))
        scored = scorer.submit(Program(source="input(); print(1)", tests=hidden, selection=shown)).result(timeout=300)
        assert scored.selection is not None
        assert (scored.verdict, scored.selection.verdict) == (Verdict.WRONG, Verdict.PASSED)


def test_a_problem_without_selection_tests_says_so() -> None:
    plain = Problem(name="T/2", prompt="def f(x):\n", entry_point="f", tests=PROBLEM.tests)
    assert plain.complete("    return 1\n", ChosenTests.BOTH).selection is None
    with pytest.raises(ProblemsError, match="T/2 has no selection tests"):
        plain.complete("    return 1\n", ChosenTests.SELECTION)


def test_the_sets_of_real_files(shared_data: Path) -> None:
    pack = load_problems(shared_data / "humanevalpack_python.jsonl.gz")
    assert sum(problem.selected_by is not None for problem in pack) == 157  # six have none, one is no Python
    plus = load_problems(shared_data / "HumanEvalPlus-NoExtreme.jsonl.gz")
    assert all(problem.selected_by is not None for problem in plus)


COUNTS = "calls = 0\ndef f(x):\n    global calls\n    calls += 1\n    return [2, 3, 6][calls - 1] if calls < 4 else 0\n"


@pytest.mark.docker
class TestOrder:
    def test_a_program_that_counts_its_calls_meets_them_in_another_order(self, scorer: Scorer) -> None:
        assert isinstance(PROBLEM.checked_by, CallTests)
        assert PROBLEM.checked_by.order != (0, 1, 2)
        assert scorer.submit(PROBLEM.solve(COUNTS)).result(timeout=300).verdict is Verdict.WRONG

    def test_every_call_can_have_a_fresh_process(self, scorer: Scorer) -> None:
        fresh = Scorer(scorer.pool, ScoringOptions(fresh=True))
        once = "seen = []\ndef f(x):\n    seen.append(x)\n    return x + len(seen)\n"
        assert scorer.submit(PROBLEM.solve(once)).result(timeout=300).verdict is Verdict.WRONG
        assert fresh.submit(PROBLEM.solve(once)).result(timeout=300).verdict is Verdict.PASSED

    @pytest.mark.parametrize(
        "source",
        [
            "import os\ndef f(x):\n    n = len(os.listdir())\n    open(str(n), 'w').close()\n    return [3, 2, 6][n]\n",
            "import mmap\nm = mmap.mmap(-1, 4096)\ndef f(x):\n    m[0] += 1\n    return [3, 2, 6][m[0] - 1]\n",
            (
                "import os\nr, w = os.pipe()\ndef f(x):\n    os.write(w, b'x')\n    return [3, 2, 6][len(os.read(r, "
                "9)) - 1]\n"
            ),
            "import os\np = os.getpid()\ndef f(x):\n    return [3, 2, 6][os.getpid() - p - 1]\n",
        ],
    )
    def test_nothing_counts_fresh_calls(self, scorer: Scorer, source: str) -> None:
        fresh = Scorer(scorer.pool, ScoringOptions(fresh=True))
        assert fresh.submit(PROBLEM.solve(source)).result(timeout=300).verdict in {Verdict.WRONG, Verdict.ERROR}

    @pytest.mark.parametrize(
        "source",
        [
            (
                "from concurrent.futures import *\nex = ThreadPoolExecutor(2)\ndef f(x): return ex.submit(int, x + "
                "1).result()\n"
            ),
            "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\ndef f(x):\n    return x + 1\n",
        ],
    )
    def test_threads_and_signals_of_the_loaded_program_are_in_every_fresh_process(
        self, scorer: Scorer, source: str
    ) -> None:
        fresh = Scorer(scorer.pool, ScoringOptions(fresh=True))
        assert fresh.submit(PROBLEM.solve(source)).result(timeout=300).verdict is Verdict.PASSED

    @pytest.mark.parametrize(
        ("body", "verdict"),
        [
            ("    return x + 1\n", Verdict.PASSED),
            ("    return x\n", Verdict.WRONG),
            ("    raise KeyError(x)\n", Verdict.ERROR),
            ("    import os; os._exit(0)\n", Verdict.EARLY_EXIT),
            ("    import os; os._exit(77)\n", Verdict.EARLY_EXIT),
            ("    import os; os.kill(os.getpid(), 11)\n", Verdict.CRASHED),
            ("    import os; os.kill(os.getppid(), 9)\n    return x + 1\n", Verdict.ERROR),
            ("    while True: pass\n", Verdict.TIMEOUT),
            ("    raise SystemExit\n", Verdict.EARLY_EXIT),
            ("    return bytearray(1 << 40)\n", Verdict.MEMORY),
        ],
    )
    def test_a_fresh_process_ends_as_the_program_would(self, scorer: Scorer, body: str, verdict: Verdict) -> None:
        fresh = Scorer(scorer.pool, ScoringOptions(fresh=True))
        scored = fresh.submit(PROBLEM.complete(body)).result(timeout=300)
        assert scored.verdict is verdict
        assert Flag.IN_PROCESS not in scored.flags
        assert scorer.submit(PROBLEM.complete("    return x + 1\n")).result(timeout=300).verdict is Verdict.PASSED
        assert scorer.limits == Limits()
