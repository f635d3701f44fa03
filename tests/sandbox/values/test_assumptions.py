"""What programs may assume: of their data set, and of the interpreter that seems to have been started for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sandbox.cli import cli
from sandbox.inside.environment import prepend_imports
from sandbox.judging.explaining import explain
from sandbox.problems import ChosenTests, Problem, read_problem
from sandbox.problems.readers.codebudget_format import assumption_words, read_assumption_words
from sandbox.scoring.call_tests import ask_with_own_limits
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.stdin_tests import without_outer_returns
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import (
    Answer,
    Assumptions,
    CallList,
    CallTest,
    Comparison,
    Ending,
    Flag,
    Job,
    Limits,
    Program,
    Run,
    StdinTest,
    StdinTests,
    Verdict,
    changed,
)
from sandbox.values.limits import MAX_SAMPLE_WALL_S


def livecodebench(name: str, stdin: str, stdout: str, **more: object) -> Problem:
    tests = json.dumps([{"input": stdin, "output": stdout, "testtype": "functional" if more else "stdin"}])
    row = {"question_id": name, "question_content": "Any.", "public_test_cases": tests, "starter_code": ""}
    return read_problem(row | {"metadata": json.dumps(more)})


def apps(stdin: object, stdout: object, **more: object) -> Problem:
    tests = json.dumps({"inputs": [stdin], "outputs": [stdout]} | more)
    return read_problem({"problem_id": 1, "question": "Any.", "input_output": tests})


def codecontests(stdin: str, stdout: str) -> Problem:
    tests = [{"input": stdin, "output": stdout}]
    return read_problem({"name": "c", "description": "Any.", "private_tests": tests, "generated_tests": []})


def humaneval(test: str) -> Problem:
    return read_problem({"task_id": "h", "prompt": "def f(n):\n", "entry_point": "f", "test": test})


def mbpp(test: str) -> Problem:
    code = "def f(n):\n    return str(10 ** n)\n"
    return read_problem({"task_id": 1, "text": "Any.", "code": code, "test_list": [test]})


def deepseek(tests: str) -> Problem:
    prompt = "from typing import List\n\nclass Solution:\n    def f(self, a: List[int]) -> List[int]:\n"
    return read_problem(
        {
            "task_id": "d",
            "prompt": prompt,
            "prompt_sft": "x",
            "test": f"my_solution = Solution()\n{tests}\n",
        }
    )


def verdict(scorer: Scorer, problem: Problem, solution: str) -> Verdict:
    return scorer.submit(problem.solve(solution)).result(timeout=120).verdict


def printed(
    scorer: Scorer, source: str, stdin: str = "", expected: str = "ok\n", cases: int = 1
) -> tuple[Verdict, str]:
    tests = StdinTests(cases=(StdinTest(stdin=stdin.encode(), expected=expected.encode()),) * cases)
    scored = scorer.submit(Program(source=source, tests=tests)).result(timeout=120)
    return scored.verdict, (scored.run.stdout + scored.run.stderr).decode()


class TestTheValue:
    def test_a_sets_times_hold_unless_the_user_chose_others(self) -> None:
        ours = Assumptions(cpu_s=6, wall_s=12)
        assert ours.limits(Limits(), frozenset()) == Limits(cpu_s=6, wall_s=12)
        assert ours.limits(Limits(cpu_s=1), frozenset({"cpu_s"})) == Limits(cpu_s=1, wall_s=12)
        assert ours.limits(Limits(), frozenset(), 10) == Limits(cpu_s=6, wall_s=10)
        assert ours.limits(Limits(wall_s=11), frozenset(), 5) == Limits(cpu_s=5, wall_s=11), (
            "no less than is usual there"
        )
        assert changed(Limits(cpu_s=1, files=9)) == {"cpu_s", "files"}

    @pytest.mark.parametrize(
        "odd", [{"recursion_limit": 1}, {"recursion_limit": 10**9}, {"cpu_s": 0.0}, {"wall_s": 1e9}]
    )
    def test_what_cannot_be_is_refused(self, odd: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="must lie between"):
            Assumptions(**odd)  # type: ignore[arg-type]

    def test_each_reader_says_what_its_set_assumes(self) -> None:
        assert (
            livecodebench("a", "", "").assumptions.text
            == "19 lines of imports, recursion limit 50000, top-level return, 6 s cpu, 12 s wall, time for each test"
        )
        assert "long integers" in apps("", "").assumptions.text
        older = codecontests("", ""), humaneval("def check(candidate):\n    assert candidate(1)\n"), mbpp("assert f(1)")
        assert {one.assumptions for one in older} == {Assumptions(long_integers=True)}

    def test_our_own_format_can_say_it(self) -> None:
        row = {"task_id": "a", "prompt": "Any.", "tests": [{"stdin": "", "stdout": ""}]}
        given = {"recursion_limit": 5000, "long_integers": True, "cpu_s": 1, "wall_s": 2.5}
        given |= {"imports": "import math", "time_per_test": True}
        assert read_problem(row | given).assumptions == Assumptions(**given | {"imports": "import math\n"})  # type: ignore[arg-type]
        for key, odd in (
            ("recursion_limit", 9),
            ("recursion_limit", 5.5),
            ("long_integers", 1),
            ("cpu_s", -1),
            ("wall_s", 10**9),
        ):
            with pytest.raises(ValueError, match=key):
                read_problem(row | {key: odd})

    def test_a_command_can_say_it(self, tmp_path: Path) -> None:
        (tmp_path / "p.jsonl").write_text(
            json.dumps({"task_id": "a", "prompt": "p", "tests": [{"stdin": "", "stdout": ""}], "cpu_s": 7})
        )
        words = ["cpu_s=4", "imports=import math", "recursion_limit=5000", "long_integers=true"]
        given = [part for word in words for part in ("--assume", word)]
        told = CliRunner().invoke(cli, ["problems", str(tmp_path / "p.jsonl"), *given])
        assert "1 line of imports, recursion limit 5000, long integers, 4 s cpu" in told.output
        assert read_assumption_words(assumption_words(read_assumption_words(words))) == read_assumption_words(words)
        for odd, why in (
            ("cpu=4", "there is no key 'cpu' (did you mean 'cpu_s'?)"),
            ("long_integers=yes", "must be true or false"),
            ("recursion_limit=5", "must lie between 100 and"),
            ("cpu_s", "'cpu_s' has no value"),
        ):
            told = CliRunner().invoke(cli, ["problems", "humaneval", "--assume", odd])
            assert (told.exit_code, why in told.output) == (2, True), told.output

    @pytest.mark.parametrize(("source", "whole"), [
        ("x = 1\n", "import m\nx = 1\n"),
        ('"""Doc."""\nx = 1\n', '"""Doc."""\nimport m\n\nx = 1\n'),
        ("from __future__ import annotations\nx = 1\n", "from __future__ import annotations\nimport m\n\nx = 1\n"),
        ("from __future__ import annotations; x = 1\n", "from __future__ import annotations\nimport m\nx = 1\n"),
        ("# from __future__ import annotations\nx = 1\n", "import m\n# from __future__ import annotations\nx = 1\n"),
        ("x = (\n", "import m\nx = (\n"),
        ("", "import m\n"),
    ])  # fmt: skip
    def test_imports_stand_behind_what_must_be_first(self, source: str, whole: str) -> None:
        assert prepend_imports("import m\n", source) == whole
        assert prepend_imports("", source) == source


@pytest.mark.docker
class TestADataSet:
    @pytest.mark.parametrize("use", [
        "json.dumps(1)", "itemgetter(0)([1])", "deepcopy(1)", "datetime.timedelta(1)", "StringIO('1')", "mean([1])",
        "reduce(add, [1])", "List[int]", "inf", "pow(2, 5, 7) == 4 or 1 / 0", "type(pow(2, 3)) is int or 1 / 0",
        "type(open) is type(len) or 1 / 0",
    ])  # fmt: skip
    def test_livecodebenchs_names_are_there_and_builtins_are_pythons(self, scorer: Scorer, use: str) -> None:
        assert verdict(scorer, livecodebench("a", "3\n", "3\n"), f"{use}\nprint(input())\n") is Verdict.PASSED
        method = f"class Solution:\n    def f(self, a):\n        {use}\n        return a\n"
        assert verdict(scorer, livecodebench("b", "3", "3", func_name="f"), method) is Verdict.PASSED

    def test_apps_and_leetcode_have_the_names_of_their_runners(self, scorer: Scorer) -> None:
        program = (
            "print(int(sqrt(pow(int(input()), 2, 100))) + len(Counter([accumulate, heappush, fractions, List])) - 4)\n"
        )
        assert verdict(scorer, apps("3\n", "3\n"), program) is Verdict.PASSED
        right = "class Solution:\n    def f(self, a: List[int]):\n        return list(deque(a))[:: pow(2, -1, 3) - 3]\n"
        assert verdict(scorer, deepseek("assert my_solution.f(a=[1, 2]) == [2, 1]"), right) is Verdict.PASSED

    def test_apps_undoes_what_json_makes_of_whole_keys(self, scorer: Scorer) -> None:
        problem = apps([{"1": 5, "2": 7}, "x"], {"1": 5}, fn_name="f")
        assert (
            verdict(scorer, problem, "def f(d, x):\n    assert set(d) == {1, 2}\n    return {1: 5}\n") is Verdict.PASSED
        )
        assert verdict(scorer, problem, "def f(d, x):\n    return {'1': 5}\n") is Verdict.WRONG
        named = apps([{"a": 1}], {"a": 1}, fn_name="f")
        assert verdict(scorer, named, "def f(d):\n    return d\n") is Verdict.PASSED

    @pytest.mark.parametrize("first", [
        "from __future__ import annotations\n", '"""Doc."""\nfrom __future__ import annotations\n',
        "# from __future__ import annotations\n", "TEXT = 'from __future__ import annotations'\n",
    ])  # fmt: skip
    def test_the_future_takes_no_import_away(self, scorer: Scorer, first: str) -> None:
        assert (
            verdict(scorer, livecodebench("a", "3\n", "3\n"), f"{first}print(int(sqrt(int(input()) ** 2)))\n")
            is Verdict.PASSED
        )

    def test_a_programs_lines_are_its_own(self, scorer: Scorer) -> None:
        scored = scorer.submit(livecodebench("a", "3\n", "3\n").solve("x = 1\n1 / 0\n")).result(timeout=60)
        assert scored.raised is not None
        assert scored.raised.line == 2
        assert b'File "main.py", line 2' in scored.run.stderr

    @pytest.mark.parametrize("how", [
        "f(n - 1)", "max(map(f, [n - 1]))", "functools.reduce(lambda _, k: f(k), [n - 1], 0)",
        "sum(f(k) for k in [n - 1])",
    ])  # fmt: skip
    @pytest.mark.parametrize(
        ("depth", "expected"), [(5_000, {Verdict.PASSED}), (60_000, {Verdict.PASSED, Verdict.ERROR})]
    )
    def test_deep_recursion_ends_well_or_by_its_limit(
        self, scorer: Scorer, depth: int, expected: set[Verdict], how: str
    ) -> None:
        program = f"def f(n):\n    return 0 if n == 0 else 1 + {how}\n\nf(int(input()))\nprint('ok')\n"
        assert verdict(scorer, livecodebench("a", f"{depth}\n", "ok\n"), program) in expected

    def test_integers_of_any_length_where_the_set_is_older_than_the_limit(self, scorer: Scorer) -> None:
        digits = "123456789" * 600
        for problem in (apps(digits, digits), codecontests(digits, digits)):
            assert verdict(scorer, problem, "print(int(input()))\n") is Verdict.PASSED
        assert verdict(scorer, livecodebench("a", digits, digits), "print(int(input()))\n") is Verdict.ERROR

    @pytest.mark.parametrize(
        "test",
        [
            "assert {}(5000) == '1' + '0' * 5000",
            "assert any(len({}(n)) == n + 1 == len(str(10 ** n)) for n in [5000])",
        ],
    )
    def test_functions_of_older_sets_write_long_integers_and_so_do_their_tests(self, scorer: Scorer, test: str) -> None:
        source = "def f(n):\n    return str(10 ** n)\n"
        check = f"def check(candidate):\n    {test.format('candidate')}\n"
        for problem in (humaneval(check), mbpp(test.format("f"))):
            assert verdict(scorer, problem, source) is Verdict.PASSED

    def test_a_sets_own_solution_may_assume_what_programs_may(self, scorer: Scorer) -> None:
        solution = "def f(n):\n    return 0 if n == 0 else len(str(10 ** 5000)) - 5000 + f(n - 1)\n"
        row = {
            "task_id": "a",
            "prompt": "Any.",
            "entry_point": "f",
            "canonical_solution": solution,
            "recursion_limit": 9000,
            "long_integers": True,
            "reference": True,
            "tests": [{"arguments": [5000]}],
        }
        assert verdict(scorer, read_problem(row), solution) is Verdict.PASSED

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("n = int(input())\nif n > 2:\n    print('é'); return\nprint('few')\n", Verdict.PASSED),
            ("for n in range(9):\n    if n == 4:\n        return print('é')\n", Verdict.PASSED),
            (
                "def f():\n    return 'é'\nprint(f())\ntry:\n    return (\n        0,\n    )\nfinally:\n    x = 1\n",
                Verdict.PASSED,
            ),
            ("'é'; return\nprint('é')\n", Verdict.WRONG),
            ("print('é')\nclass A:\n    return\n", Verdict.SYNTAX),
            ("print('é')\nreturn\nif\n", Verdict.SYNTAX),
            ("print('é')\nreturn 1 / 0\n", Verdict.ERROR),
        ],
    )
    def test_a_return_ends_a_program_where_the_sets_runner_makes_a_function_of_it(
        self, scorer: Scorer, source: str, expected: Verdict
    ) -> None:
        for problem in (apps("3\n", "é\n"), livecodebench("r", "3\n", "é\n")):
            assert verdict(scorer, problem, source) is expected
        assert verdict(scorer, codecontests("3\n", "é\n"), source) is Verdict.SYNTAX

    def test_a_return_is_replaced_where_it_stands(self) -> None:
        chain = "if x:\n    return\n" + "elif y:\n    return x or y\n" * 400
        assert without_outer_returns(chain).count("raise SystemExit") == 401
        assert (
            without_outer_returns("'é'; return\r\nreturn(1)")
            == "'é'; raise SystemExit\r\nraise SystemExit((((1)), None)[1])"
        )
        for unchanged in ("def f():\n    return 1\n", "lambda: 0\n", "return return", "x = '\udc80'; return"):
            assert without_outer_returns(unchanged) == unchanged

    def test_times_are_the_sets(self, scorer: Scorer) -> None:
        row = {"task_id": "a", "prompt": "Any.", "tests": [{"stdin": "", "stdout": "ok"}], "wall_s": 0.5}
        scored = scorer.submit(read_problem(row).solve("import time\ntime.sleep(5)\nprint('ok')\n")).result(timeout=60)
        assert scored.verdict is Verdict.TIMEOUT
        assert scored.run.wall_s < 5
        chosen = Scorer(scorer.pool, ScoringOptions(chosen=frozenset({"wall_s"})))
        assert verdict(chosen, read_problem(row), "import time\ntime.sleep(1)\nprint('ok')\n") is Verdict.PASSED


BURN = (
    "import time\ndef f(x):\n    began = time.process_time()\n"
    "    while time.process_time() - began < x / 10: pass\n    return x + {more}\n"
)


def burning(tenths: list[int], **more: object) -> Problem:
    """Calls that take so many tenths of a CPU second."""
    tests = [{"arguments": [x], "expected": x} for x in tenths]
    row = {"task_id": "a", "prompt": "Any.", "entry_point": "f", "tests": tests, "cpu_s": 1, "wall_s": 60}
    return read_problem(row | more)


@pytest.mark.docker
class TestTimeForEachTest:
    RIGHT = BURN.format(more=0)

    def test_calls_that_take_their_time_together_pass_where_each_has_it_for_itself(self, scorer: Scorer) -> None:
        tenths = [4, 4, 3, 4, 3, 0]
        assert verdict(scorer, burning(tenths), self.RIGHT) is Verdict.TIMEOUT
        assert verdict(scorer, burning(tenths, time_per_test=True), self.RIGHT) is Verdict.PASSED
        public = [{"arguments": [x], "expected": x} for x in (3, 4)]
        both = burning(tenths, time_per_test=True, public_tests=public)
        scored = scorer.submit(both.solve(self.RIGHT, ChosenTests.BOTH)).result(timeout=120)
        assert scored.selection is not None
        assert (scored.verdict, scored.selection.verdict) == (Verdict.PASSED, Verdict.PASSED)

    def test_a_call_beyond_its_limit_is_out_of_time_wherever_it_stands(self, scorer: Scorer) -> None:
        for tenths in ([13], [4, 4, 4, 13], [0, 13, 0]):
            problem = burning(tenths, time_per_test=True)
            program = problem.solve(self.RIGHT)
            scored = scorer.submit(program).result(timeout=120)
            assert scored.verdict is Verdict.TIMEOUT
            assert "1 s CPU" in explain(scored, scorer.limits_for(program.assumptions), program)

    def test_a_wrong_answer_stays_wrong_however_long_all_take(self, scorer: Scorer) -> None:
        problem = burning([4, 4, 4, 4], time_per_test=True)
        assert verdict(scorer, problem, BURN.format(more=1)) is Verdict.WRONG

    def test_an_answer_does_not_buy_time_for_another_one(self, scorer: Scorer) -> None:
        """A program that writes to the pipe of answers by itself has given these answers for good."""
        forging = "import os\nos.write(3, b'\\0\\0\\0\\x01N' * 50)\n"
        assert verdict(scorer, burning([13, 0], time_per_test=True), forging + self.RIGHT) is not Verdict.PASSED

    def test_all_together_have_an_end(self) -> None:
        limits = Limits(wall_s=12)
        assert [limits.tests_wall_s(tests) for tests in (1, 10, 1000)] == [12, 120, MAX_SAMPLE_WALL_S]
        assert Limits(wall_s=1000).tests_wall_s(3) == 1000
        calls = CallList(
            [CallTest(function="f", arguments=(n,), comparison=Comparison.EQUAL, expected=n) for n in range(100)]
        )
        taken: list[float] = []

        def visit(job: Job) -> Run:
            taken.append(job.limits.wall_s)
            return Run(
                ending=Ending.OUT_OF_WALL,
                exit_code=None,
                signal=9,
                cpu_s=1.0,
                wall_s=job.limits.wall_s,
                memory_mb=1.0,
                stdout=b"",
                stderr=b"",
                proved=False,
                answers=(Answer(value=0),),
            )

        run = ask_with_own_limits(Job(program=Program(source=""), limits=limits), calls, 100, visit, 30.0)
        assert (taken, len(run.answers), run.ending) == ([12, 12, 6], 3, Ending.OUT_OF_WALL)


SUM = "print(sum(map(int, {}.split()[1:])))\n"


@pytest.mark.docker
class TestStandardInput:
    @pytest.mark.parametrize(
        "source",
        [
            "import os\n" + SUM.format("os.read(0, os.fstat(0).st_size)"),
            "import mmap\n" + SUM.format("mmap.mmap(0, 0, access=mmap.ACCESS_READ).read()"),
            "import sys\nsys.stdin.read()\nsys.stdin.seek(0)\n" + SUM.format("sys.stdin.read()"),
            "import sys\nsys.stdin.buffer.seek(0, 2)\nsys.stdin.buffer.seek(0)\n"
            + SUM.format("sys.stdin.buffer.read()"),
            "import os\nos.lseek(0, 0, 2)\n" + SUM.format("open('/dev/stdin').read()"),
            "import io, os\n" + SUM.format("io.BytesIO(os.read(0, os.fstat(0).st_size)).read()"),
            "import fileinput\n" + SUM.format("''.join(fileinput.input())"),
            "import select, sys\nselect.select([sys.stdin], [], [])\n" + SUM.format("sys.stdin.read()"),
            (
                "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(sum(map(int, "
                "open(0).read().split()[1:])))'])\n"
            ),
            "n = int(input())\n" + SUM.format("('0 ' + input())"),
        ],
    )
    @pytest.mark.parametrize("cases", [1, 5])
    def test_is_a_file_like_any_other(self, scorer: Scorer, source: str, cases: int) -> None:
        assert printed(scorer, source, "3\n1 2 3\n", "6\n", cases) == (Verdict.PASSED, "6\n")

    def test_each_visit_begins_at_its_beginning(self, scorer: Scorer) -> None:
        source = "import os\nprint(os.lseek(0, 0, 1))\nos.lseek(0, 2, 0)\nos.close(0)\n"
        assert printed(scorer, source, "123", "0\n", 6) == (Verdict.PASSED, "0\n")

    def test_of_the_largest_size_takes_no_room_from_files_and_little_from_memory(self, scorer: Scorer) -> None:
        source = "import os\nopen('a', 'wb').write(bytes(50 << 20))\nprint(len(os.read(0, 1 << 24)))\n"
        assert printed(scorer, source, "x" * (16 << 20), f"{16 << 20}\n") == (Verdict.PASSED, f"{16 << 20}\n")


@pytest.mark.docker
class TestAnInterpreterOfItsOwn:
    @pytest.mark.parametrize(
        "source",
        [
            (
                "assert open(__file__).read()[:6] == 'assert'\nimport os, sys\nassert __file__ == "
                "os.path.abspath(sys.argv[0])"
            ),
            "open('helper.py', 'w').write('x = 1')\nimport helper",
            "\ufeffassert 1",
            "import resource as r\nr.setrlimit(r.RLIMIT_STACK, (r.RLIM_INFINITY, r.RLIM_INFINITY))",
            "import resource as r\nr.setrlimit(3, [400 << 20, -1])\nassert r.getrlimit(r.RLIMIT_STACK)[0] == 400 << 20",
            (
                "import resource as r\nr.setrlimit(r.RLIMIT_NOFILE, (1 << 20, 1 << 20))\nr.setrlimit(r.RLIMIT_CPU, "
                "(-1, -1))"
            ),
            (
                "import resource as r\nr.setrlimit(r.RLIMIT_NOFILE, (10, 20))\nassert r.getrlimit(r.RLIMIT_NOFILE) == "
                "(10, 20)"
            ),
            "import resource as r\ntry: r.setrlimit(r.RLIMIT_NOFILE, (20, 10))\nexcept ValueError: pass\nelse: 1 / 0",
            (
                "import os, resource as r\nr.prlimit(os.getpid(), r.RLIMIT_STACK, (-1, -1))\n"
                "assert r.prlimit(0, 3) == r.getrlimit(3)"
            ),
            (
                "import locale\nlocale.setlocale(locale.LC_ALL, '')\nassert "
                "locale.getpreferredencoding(False).upper() == 'UTF-8'"
            ),
            "import getpass, os, pwd\nassert pwd.getpwuid(os.getuid()).pw_name == getpass.getuser() == 'box'",
            "import grp, os\nassert grp.getgrgid(os.getgid()).gr_name == 'box'",
            (
                "import multiprocessing as m, os\nassert os.cpu_count() == m.cpu_count() == "
                "len(os.sched_getaffinity(0)) == 1"
            ),
            (
                "import concurrent.futures as c, time\nwith c.ThreadPoolExecutor(40) as t: list(t.map(time.sleep, "
                "[0.1] * 40))"
            ),
        ],
    )
    def test_is_what_a_program_finds(self, scorer: Scorer, source: str) -> None:
        assert printed(scorer, f"{source}\nprint('ok')\n") == (Verdict.PASSED, "ok\n")

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    @pytest.mark.parametrize("imports", ["", "from math import *\n"])
    def test_processes_find_the_programs_functions(self, scorer: Scorer, method: str, imports: str) -> None:
        source = (
            "import multiprocessing as m\n"
            f"def f(x): return x * x + {'floor(0.5)' if imports else 0}\n"
            f"if __name__ == '__main__':\n    with m.get_context('{method}').Pool(2) as p:\n"
            "        print(sum(p.map(f, [1, 2])))\n"
        )
        tests = StdinTests(cases=(StdinTest(stdin=b"", expected=b"5"),))
        program = Program(source=source, tests=tests, assumptions=Assumptions(imports=imports, wall_s=60, cpu_s=20))
        assert scorer.submit(program).result(timeout=120).verdict is Verdict.PASSED

    def test_a_function_may_start_processes_too(self, scorer: Scorer) -> None:
        row = {
            "task_id": "a",
            "prompt": "Any.",
            "entry_point": "f",
            "tests": [{"arguments": [3], "expected": 9}],
            "cpu_s": 20,
            "wall_s": 60,
        }
        source = (
            "import multiprocessing as m\ndef g(x): return x * x\n"
            "def f(x):\n    with m.get_context('spawn').Pool(1) as p:\n        return p.map(g, [x])[0]\n"
        )
        assert verdict(scorer, read_problem(row), source) is Verdict.PASSED

    def test_the_programs_file_is_no_litter_even_where_it_is_stopped(self, scorer: Scorer) -> None:
        for ending in ("", "import os; os.kill(os.getpid(), 9)\n"):
            scored = scorer.submit(Program(source=ending, tests=None)).result(timeout=60)
            assert Flag.LEFTOVER_FILES not in scored.flags

    def test_no_limit_of_another_process_can_be_set(self, scorer: Scorer) -> None:
        source = (
            "import os, resource as r\nfor pid in (1, os.getppid()):\n    try:\n"
            "        r.prlimit(pid, r.RLIMIT_NOFILE, (9, 9))\n    except PermissionError: continue\n    1 / "
            "0\nprint('ok')\n"
        )
        assert printed(scorer, source, cases=5) == (Verdict.PASSED, "ok\n")

    def test_process_ids_tell_nothing_of_an_earlier_program(self) -> None:
        writes = "import os\nif not (pid := os.fork()): os._exit(0)\nos.waitpid(pid, 0)\nprint(pid)\n"
        steps = set()
        with open_scorer(Limits(), boxes=1) as alone:
            for _ in range(8):
                left, read = (
                    alone.score(Program(source=text)).run.stdout for text in (writes, "import os\nprint(os.getpid())\n")
                )
                steps.add(int(read) - int(left))
        assert len(steps) > 2
