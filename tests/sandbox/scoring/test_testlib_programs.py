"""Checkers in C++ with the protocol of testlib: compiled, run over files, and what their exit codes mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checked_problems import checker_of, stdin_tests
from click.testing import CliRunner

from sandbox.commands.problems import problems_
from sandbox.judging import score_records
from sandbox.problems import Problem, ProblemsError, load_problems, read_problem
from sandbox.scoring.ask_checker import CheckerFailed
from sandbox.scoring.scorer import Scorer
from sandbox.scoring.testlib_programs import FAULT_TYPE, ProgramFailed, result
from sandbox.values import Limits, Verdict

# A header of our own with the protocol of testlib, and as much of its form as the checker below needs.
HEADER = """
#include <cstdio>
#include <cstdlib>
#include <fstream>
enum Result { _ok = 0, _wa = 1, _pe = 2, _fail = 3, _points = 7 };
static std::ifstream inf, ouf, ans;
static void quit(int result, const char *said) { fprintf(stderr, "%s", said); exit(result); }
static void open_files(char **names) { inf.open(names[1]); ouf.open(names[2]); ans.open(names[3]); }
static long long number(std::ifstream &file, int otherwise) {
    long long value;
    if (!(file >> value)) quit(otherwise, "a number is expected");
    return value;
}
"""
# Print two numbers whose sum is the one that is given; every such pair is right. Some first numbers are special.
PAIR = """
#include "testlib.h"
int main(int, char **names) {
    open_files(names);
    long long sum = number(inf, _fail), a = number(ouf, _pe), b = number(ouf, _pe);
    number(ans, _fail);
    if (a == 1001) quit(_fail, "better than the jury's");
    if (a == 1002) abort();
    if (a == 1003) quit(42, "?");
    if (a + b != sum) quit(_wa, "not the sum");
    if (a == 1004) quit(_points, "points 0.25 for the effort");
    if (a == 1005) quit(_points, "40");
    if (a == 1006) for (volatile int n = 0;;) n = n + 1;
    quit(_ok, "fine");
}
"""


def problem(cases: int = 4, **more: Any) -> Problem:
    row = {
        "task_id": "pair",
        "prompt": "Print a pair.",
        "tests": [{"stdin": f"{n}\n", "stdout": f"0 {n}\n"} for n in range(1, cases + 1)],
        "checker": {"language": "cpp", "source": PAIR},
        "checker_files": {"testlib.h": HEADER},
    }
    return read_problem(row | more)


def first(number: object) -> str:
    return f"n = int(input())\nprint({number}, n - {number})"


@pytest.mark.docker
@pytest.mark.parametrize("cases", [1, 6])
def test_every_right_output_passes_and_everything_else_is_wrong(scorer: Scorer, cases: int) -> None:
    asked = problem(cases)
    for source in (first(0), first(8), first(-3), "n = int(input())\nprint(); print(n); print(0)"):
        assert scorer.score(asked.solve(source)).verdict is Verdict.PASSED, source
    for source in ("print(9, 9)", "print()", "print('x')", "print(0)", "print('\\0' * 99)", "print('9' * 99, 1)"):
        assert scorer.score(asked.solve(source)).verdict is Verdict.WRONG, source


@pytest.mark.docker
def test_only_some_of_the_cases_may_be_wrong(scorer: Scorer) -> None:
    asked = problem(6)
    scored = scorer.submit(asked.solve("n = int(input())\nprint(7, n - 7 + (n == 5))"), every_case=True).result()
    assert (scored.verdict, scored.passed_cases, scored.case) == (Verdict.WRONG, 5, 4)


@pytest.mark.docker
def test_parts_of_the_points_count(scorer: Scorer) -> None:
    for number, points in ((1004, 0.25), (1005, 0.4), (8, 1.0)):
        scored = scorer.submit(problem().solve(first(number)), every_case=True).result()
        assert scored.share_of_tests == points
        data = score_records.packed(scored, Limits())
        assert data is not None
        again = score_records.rejudge(score_records.unpack(data), stdin_tests(problem()))
        assert (again.verdict, again.share_of_tests) == (scored.verdict, points)


@pytest.mark.docker
def test_a_checker_may_say_that_the_problem_is_at_fault(scorer: Scorer) -> None:
    with pytest.raises(CheckerFailed, match=r"the problem is at fault.*better than the jury's"):
        scorer.score(problem().solve(first(1001)))


@pytest.mark.docker
@pytest.mark.parametrize("number", [1002, 1003, 1006], ids=["abort", "exit code", "endless loop"])
def test_an_output_that_breaks_a_working_checker_is_wrong(scorer: Scorer, number: int) -> None:
    assert scorer.score(problem(1).solve(first(number))).verdict is Verdict.WRONG


@pytest.mark.docker
@pytest.mark.parametrize(
    ("source", "error", "why"),
    [
        ("#include <cstdlib>\nint main() { abort(); }", CheckerFailed, "signal 6"),
        ("int main() { return 99; }", CheckerFailed, "exit code 99"),
        ("int main() { return 3; }", CheckerFailed, "at fault"),
        ("int main() { return 1; }", None, ""),
        ("int main() { return x; }", ProgramFailed, r"does not compile.*.x. was not declared"),
        ('#include "other.h"\nint main() { return 0; }', ProgramFailed, r"does not compile.*other\.h"),
    ],
)
def test_a_checker_that_fails_is_the_problems_fault(
    scorer: Scorer, source: str, error: type[Exception] | None, why: str
) -> None:
    asked = problem(1, checker={"language": "c++", "source": source})
    if error is None:
        assert scorer.score(asked.solve(first(5))).verdict is Verdict.WRONG
        return
    with pytest.raises(error, match=f"(?s){why}"):
        scorer.score(asked.solve(first(5)))


@pytest.mark.docker
def test_rows_of_codecontests_plus_are_checked_by_their_checker(scorer: Scorer) -> None:
    row = {
        "id": "1_A",
        "title": "Pair",
        "description": "Print a pair.",
        "generator": "…",
        "checker": PAIR,
        "time_limit": 1000,
        "test_cases": [{"input": "5\n", "output": "0 5\n"}, {"input": "8\n", "output": "0 8\n"}],
    }
    asked = Problem.from_row(row | {"checker_files": {"testlib.h": HEADER}})
    verdicts = [scorer.score(asked.solve(source)).verdict for source in (first(7), "print(9, 9)")]
    assert verdicts == [Verdict.PASSED, Verdict.WRONG]
    missing = Problem.from_row(row)
    with pytest.raises(ProgramFailed, match=r"--checker-files testlib\.h"):
        scorer.score(missing.solve(first(7)))
    given = missing.with_checker_files((("testlib.h", HEADER.encode()),))
    assert scorer.score(given.solve(first(7))).verdict is Verdict.PASSED


def write(folder: Path, **more: Any) -> Path:
    row = {"task_id": "pair", "prompt": "Print.", "tests": [{"stdin": "1\n", "stdout": "0 1\n"}]}
    path = folder / "pairs.jsonl"
    path.write_text(json.dumps(row | {"checker": {"language": "cpp", "source": PAIR}} | more) + "\n")
    return path


def test_a_missing_header_is_an_error_that_names_the_way_out(tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(ProblemsError, match=r"pairs.jsonl, line 1: pair: .*testlib\.h.*--checker-files"):
        load_problems(path)
    header = tmp_path / "testlib.h"
    header.write_text(HEADER)
    for given in (header, str(header), tmp_path):
        (asked,) = load_problems(path, checker_files=[given])
        assert checker_of(asked).files == (("testlib.h", HEADER.encode()),)
    (tmp_path / "empty").mkdir()
    for wrong, why in ((tmp_path / "none.h", "cannot be read"), (tmp_path / "empty", "holds no header")):
        with pytest.raises(ProblemsError, match=why):
            load_problems(path, checker_files=[wrong])


def test_the_problems_own_header_wins_and_decides_the_digest(tmp_path: Path) -> None:
    header = tmp_path / "testlib.h"
    header.write_text("another one")
    (own,) = load_problems(write(tmp_path, checker_files={"testlib.h": HEADER}), checker_files=[header])
    (other,) = load_problems(write(tmp_path), checker_files=[header])
    assert checker_of(own).files == (("testlib.h", HEADER.encode()),)
    assert own.tests != other.tests


def test_the_command_says_what_is_missing_and_takes_the_header(tmp_path: Path) -> None:
    path, header = write(tmp_path), tmp_path / "testlib.h"
    header.write_text(HEADER)
    refused = CliRunner().invoke(problems_, [str(path)])
    assert (refused.exit_code, "--checker-files testlib.h" in refused.output) == (2, True)
    left_out = CliRunner().invoke(problems_, [str(path), "--skip-bad"])
    assert (left_out.exit_code, "holds no problem" in left_out.output) == (2, True)
    assert "line 1: pair: its checker or interactor includes testlib.h" in left_out.output
    listed = CliRunner().invoke(problems_, [str(path), "--checker-files", str(header)])
    assert (listed.exit_code, listed.output.split("\n")[-2]) == (0, "1 problems: 1 tested by stdin")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"checker": {"language": "cpp"}}, "a language and a source"),
        ({"checker": {"source": PAIR}}, "a language and a source"),
        ({"checker": {"language": "klingon", "source": "x"}}, "'klingon' is not known"),
        ({"checker": {"language": "javascript", "source": "x"}}, "Python or a language such as C"),
        ({"checker": {"language": "cpp", "source": PAIR, "flags": "-O3"}}, "no key 'flags'"),
        ({"checker": "def check(a, b, c):\n    return True\n"}, "checker_files are headers"),
        ({"checker_files": {"../testlib.h": ""}}, "names of headers"),
        ({"checker_files": {"testlib.h": 1}}, "names of headers"),
    ],
)
def test_a_checker_that_could_not_work_is_refused_when_it_is_read(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ProblemsError, match=why):
        problem(**changed)


def test_a_checker_of_an_object_may_be_python() -> None:
    source = "def check(input, output, answer):\n    return True\n"
    checker = checker_of(problem(checker={"language": "python", "source": source}))
    assert (checker.language, checker.source, checker.stateless) == ("python", source, True)


@pytest.mark.parametrize(
    ("code", "message", "points"),
    [
        (0, "", 1.0),
        *((code, "", 0.0) for code in (1, 2, 4, 8)),
        *((7, "points 0.5", 0.5), (7, "1", 1.0), (7, "points 37.5 of 100", 0.375), (7, "120", 1.0)),
        (13, "partially correct (13) x", 0.0),
    ],
)
def test_exit_codes_are_points(code: int, message: str, points: float) -> None:
    assert result(code=code, message=message).value == points


@pytest.mark.parametrize(("code", "signal", "kind"), [(3, 0, FAULT_TYPE), (9, 0, "ExitCode"), (7, 0, "ExitCode")])
def test_other_ends_are_no_points(code: int, signal: int, kind: str) -> None:
    raised = result(code=code, signal=signal, message="no").raised
    assert raised is not None
    assert raised.type == kind
