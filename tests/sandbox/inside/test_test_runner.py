"""Tests that nobody calls run all the same, and tests that ran nothing have not passed."""

from __future__ import annotations

import pytest

from sandbox.inside.test_runner import NoTestRan, run, runs_as_written
from sandbox.judging.explaining import explain
from sandbox.problems import Problem
from sandbox.scoring.scorer import Scorer
from sandbox.values import CheckTests, Flag, Program, Verdict

ADD = "def add(x, y):\n    return x + y\n"
CASE = (
    "import unittest\nclass Sums(unittest.TestCase):\n    def test_sum(self):\n        self.assertEqual(add(1, 2), "
    "{})\n"
)
FORMS = {  # each with 3, which is right, and with 4
    "an assert": "assert add(1, 2) == {}\n",
    "behind a guard": "if __name__ == '__main__':\n    assert add(1, 2) == {}\n",
    "a class of unittest": CASE,
    "a class of unittest and its runner": CASE + "unittest.main()\n",
    "a class of unittest and a guarded runner": CASE + "if __name__ == '__main__':\n    unittest.main(verbosity=2)\n",
    "a runner that raises nothing": CASE
    + "unittest.TextTestRunner().run(unittest.TestLoader().loadTestsFromTestCase(Sums))\n",
    "a class within a check": "import unittest\ndef check(f):\n    class T(unittest.TestCase):\n        def "
    "test(self):\n"
    "            self.assertEqual(f(1, 2), {})\ncheck(add)\n",
    "a subtest": "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        with self.subTest(n=1):\n"
    "            self.assertEqual(add(1, 2), {})\n",
    "a function": "def test_sum():\n    assert add(1, 2) == {}\n",
    "a coroutine": "async def test_sum():\n    assert add(1, 2) == {}\n",
    ("functions that the guard calls"): (
        "def sums():\n    assert add(1, 2) == {}\nif __name__ == '__main__':\n    sums()\n"
    ),
    "a class of functions": "class TestSums:\n    def test_sum(self):\n        assert add(1, 2) == {}\n",
    "functions between others": "n = 0\ndef setup_module():\n    global n\n    n = 1\n"
    "def setup_function(test):\n    global n\n    n += 1\ndef test_sum():\n    assert add(1, n) == {}\n",
    "a class of functions between others": "class TestSums:\n    def setup_class(cls):\n        cls.m = 1\n"
    "    def setup_method(self):\n        self.n = self.m + 1\n    def test_sum(self):\n        assert add(1, "
    "self.n) == {}\n",
    "a class that inherits its tests": "class Sums:\n    def test_sum(self):\n        assert add(1, 2) == {}\n"
    "class TestSums(Sums):\n    pass\n",
    "functions in a branch": "try:\n    import nowhere\nexcept ImportError:\n    def test_sum():\n"
    "        assert add(1, 2) == {}\n",
    "a check that nobody calls": "def check(candidate):\n    assert candidate(1, 2) == {}\n",
    "the program as a module": "from solution import add as plus\nassert plus(1, 2) == {}\n",
    "no assert at all": "if add(1, 2) != {}:\n    raise AssertionError\n",
}
NOTHING = {
    "an empty file": "",
    "words": '"""Tests of add."""\nLIMIT = 3\n',
    "a function of another name": "def sums():\n    assert add(1, 2) == 4\n",
    "a check that does nothing": "def check(candidate):\n    pass\ncheck(add)\n",
    "a check that keeps its asserts": "def check(f):\n    def inner():\n        assert f(1, 2) == 4\ncheck(add)\n",
    "a class without tests": "import unittest\nclass T(unittest.TestCase):\n    pass\n",
    "a class of skipped tests": "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('later')\n"
    "    def test(self):\n        assert False\n",
    "a generator": "def test_sum():\n    yield\n    assert add(1, 2) == 4\n",
    "no cases": "for x, y in []:\n    assert add(x, y) == 4\n",
}


MARKED = (
    "class Mark:\n    name = 'parametrize'\ndef mark(test):\n    test.pytestmark = [Mark]\n    return test\n@mark\n"
)


def ran(tests: str, program: str = ADD) -> None:
    space: dict[str, object] = {"__name__": "solution", "__builtins__": __builtins__}
    exec(program, space)
    run(tests, space)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "the program as a module"])
def test_every_form_of_tests_runs(form: str) -> None:
    ran(FORMS[form].format(3))
    with pytest.raises(AssertionError):
        ran(FORMS[form].format(4))


@pytest.mark.parametrize("form", [*FORMS, *NOTHING])
def test_tests_run_as_written_where_something_is_sure_to_run(form: str) -> None:
    assert runs_as_written({**FORMS, **NOTHING}[form], graded=False) == (
        form in {"an assert", "the program as a module"}
    )


def test_a_check_that_is_called_and_asserts_runs_as_written() -> None:
    assert runs_as_written("def check(candidate):\n    assert candidate(1) == 2\ncheck(f)\n", graded=False)
    assert runs_as_written(
        "def check(candidate):\n    for x in []:\n        assert candidate(x)\ncheck(f)\n", graded=True
    )
    assert not runs_as_written(
        "def check(candidate):\n    for x in []:\n        assert candidate(x)\ncheck(f)\n", graded=False
    )


@pytest.mark.parametrize("form", NOTHING)
def test_what_ran_nothing_says_so(form: str) -> None:
    with pytest.raises(NoTestRan, match="no test ran"):
        ran(NOTHING[form])


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("def test_a(tmp_path):\n    assert add(1, 2) == 3\n", "test_a needs the fixtures tmp_path"),
        (f"{MARKED}def test_a():\n    assert add(1, 2) == 3\n", "test_a needs its mark parametrize"),
        (
            "def check(candidate):\n    assert candidate(1, 2) == 3\n",
            r"the program defines add, half; end them with check\(NAME\)",
        ),
    ],
)
def test_what_cannot_be_called_is_told(tests: str, said: str) -> None:
    with pytest.raises(NoTestRan, match=said):
        ran(tests, ADD + "def half(x):\n    return x / 2\n")


def test_a_test_that_expects_an_exception_has_run() -> None:
    ran("try:\n    add(1, 'x')\nexcept TypeError:\n    pass\nelse:\n    assert False\n")


def test_match_and_nested_names_are_left_alone() -> None:
    ran(
        "def test():\n    match Point(1):\n        case Point(x=1):\n            return\n    assert False\n",
        "class Point:\n    def __init__(self, x):\n        self.x = x\n",
    )


@pytest.mark.docker
class TestInBoxes:
    @pytest.mark.parametrize("form", ["a class of unittest and its runner", "a function", "the program as a module"])
    def test_tests_beside_the_program_run(self, scorer: Scorer, form: str) -> None:
        for number, verdict in ((3, Verdict.PASSED), (4, Verdict.WRONG)):
            found = scorer.score(Program(source=ADD, tests=FORMS[form].format(number)))
            assert (found.verdict, Flag.IN_PROCESS in found.flags) == (verdict, True)

    def test_an_error_in_a_test_of_unittest_is_an_error(self, scorer: Scorer) -> None:
        found = scorer.score(Program(source="def add(x, y):\n    return x.nope\n", tests=CASE.format(3)))
        assert found.verdict is Verdict.ERROR
        assert found.raised is not None
        assert found.raised.type == "AttributeError"

    @pytest.mark.parametrize("form", ["a class of unittest and its runner", "a function"])
    def test_what_calls_the_tests_is_not_in_the_traceback(self, scorer: Scorer, form: str) -> None:
        told = scorer.score(Program(source=ADD, tests=FORMS[form].format(4))).run.stderr.decode()
        assert 'File "tests.py"' in told
        assert "sandbox/inside" not in told

    def test_tests_that_ran_nothing_never_pass(self, scorer: Scorer) -> None:
        program = Program(source=ADD, tests="def sums(): assert add(1, 2) == 3\n")
        found = scorer.score(program)
        assert found.verdict is Verdict.ERROR
        assert "no test ran" in explain(found, scorer.limits, program)

    @pytest.mark.parametrize("solution", [None, "    return x\n"])
    def test_a_check_that_tests_nothing_is_no_pass(self, scorer: Scorer, solution: str | None) -> None:
        problem = Problem(
            name="t",
            prompt="def f(x):\n",
            entry_point="f",
            tests="def check(candidate):\n    candidate\n",
            canonical_solution=solution,
        )
        assert isinstance(problem.checked_by, CheckTests)
        assert scorer.score(problem.complete("    return x\n")).verdict is Verdict.ERROR

    def test_a_class_of_unittest_runs_over_answers(self, scorer: Scorer) -> None:
        tests = CheckTests(source=CASE.format(3), functions=("add",), solution=ADD)
        assert scorer.score(Program(source=ADD, tests=tests)).verdict is Verdict.PASSED
        assert scorer.score(Program(source="def add(x, y): return 4\n", tests=tests)).verdict is Verdict.WRONG
