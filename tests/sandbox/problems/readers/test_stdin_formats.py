"""Whole-program problems as APPS, CodeContests and LiveCodeBench ship them, and the rules for what is printed."""

from __future__ import annotations

import base64
import json
import pickle
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.judging import output
from sandbox.judging.compare import matches
from sandbox.judging.explaining import explain
from sandbox.problems import ProblemsError, load_problems, read_problem
from sandbox.problems.readers.stdin_formats import unpacking_at_most, with_limits_of
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import (
    OUTPUT_RULES,
    Assumptions,
    CallTest,
    CallTests,
    Comparison,
    Limits,
    OutputRule,
    Program,
    StdinTest,
    StdinTests,
    Verdict,
)

DOUBLE = StdinTests(cases=tuple(StdinTest(stdin=b"%d\n" % n, expected=b"%d\n" % (2 * n)) for n in range(1, 6)))


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def livecodebench(private: str, **more: Any) -> dict[str, Any]:
    public = json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}])
    return {
        "question_id": "x",
        "question_content": "Double it.",
        "public_test_cases": public,
        "private_test_cases": private,
    } | more


@pytest.mark.parametrize(
    ("printed", "expected", "rule", "right"),
    [
        (b"1 2\n3", b"1 2 \r\n3\n\n", OutputRule.LINES, True),
        (b"1  2\n", b"1 2\n", OutputRule.LINES, False),
        (b"1  2\n", b"1\n2\n", OutputRule.TOKENS, True),
        (b"1.0", b"1", OutputRule.TOKENS, False),
        (b"1.0", b"1", OutputRule.NUMBERS, True),
        (b"0.3333333", b"0.33333334", OutputRule.NUMBERS, False),
        (b"0.3333333", b"0.33333334", OutputRule.CLOSE, True),
        (b"0.33", b"0.34", OutputRule.CLOSE, False),
        (b"nan", b"1", OutputRule.CLOSE, False),
        (b"1_0", b"10", OutputRule.CLOSE, False),
        ("\u0661".encode(), b"1", OutputRule.CLOSE, False),
        (b"b\na", b"a\nb", OutputRule.UNORDERED, True),
        (b"b\na", b"a\nb", OutputRule.CLOSE, False),
        (b"1 2 3", b"1 2", OutputRule.CLOSE, False),
        (b"1", b"1 2", OutputRule.CLOSE, False),
        (b"", b"1", OutputRule.CLOSE, False),
        (b"9" * 500, b"9" * 499 + b"8", OutputRule.CLOSE, False),
        (b"1e9999", b"2e9999", OutputRule.NUMBERS, False),
        (b"1e9999", b"9" * 350, OutputRule.CLOSE, False),
        (b"1" * 350, b"9" * 350, OutputRule.CLOSE, False),
        (b"9" * 350 + b".0", b"9" * 350, OutputRule.CLOSE, True),
        (b"0." + b"3" * 5000, b"0." + b"3" * 4999 + b"30", OutputRule.CLOSE, True),
        (b"1\n2\n3", b"1 2 3", OutputRule.CLOSE, True),
        (b"1000009.0", b"1000000.0", OutputRule.CLOSE, True),
        (b"0.500006", b"0.5", OUTPUT_RULES["absolute"], True),
        (b"0.50002", b"0.5", OUTPUT_RULES["absolute"], False),
        (b"3.000001", b"3", OUTPUT_RULES["absolute"], False),
        (b"1e5", b"100000.9", OUTPUT_RULES["relative"], True),
        (b"0.1", b"0.0", OUTPUT_RULES["relative"], False),
        (b"yes 0.500006", b"YES 0.5", OUTPUT_RULES["nocase"], True),
        (b"yes 0.5", b"YES 0.5", OUTPUT_RULES["absolute"], False),
        (b"3.000001", b"3", OutputRule.CODECONTESTS, True),
        (b"case 1: no", b"Case 1: NO", OutputRule.CODECONTESTS, True),
        (b"1000009.0", b"1000000.0", OutputRule.CODECONTESTS, False),
        (b"0.0000099", b"0", OutputRule.CODECONTESTS, True),
        (b"0.00001", b"0", OutputRule.CODECONTESTS, False),
        (b"0.00001", b"0.0", OUTPUT_RULES["absolute"], True),
        (b"1 2\n3", b"1\n2 3", OutputRule.LIVECODEBENCH, False),
        (b"  1  2.0\n  a b\n", b"\n1 2\na b", OutputRule.LIVECODEBENCH, True),
        (b"a  b", b"a b", OutputRule.LIVECODEBENCH, False),
        (b"0.3333333", b"0.33333334", OutputRule.LIVECODEBENCH, False),
        (b"1\n\n0.3333333", b"1\n0.33333334\n", OutputRule.APPS, True),
        (b"0.3333333 1", b"0.33333334 1", OutputRule.APPS, False),
        (b"1\n2", b"1 2", OutputRule.APPS, False),
        (b"1  2", b"1 2", OutputRule.APPS, True),
        (b"b a\na", b"a\na b\na", OutputRule.APPS, False),
        (b"b a\na", b"a\na b\na", OUTPUT_RULES["apps_lax"], True),
        (b"0.3333333 1", b"0.33333334 1", OUTPUT_RULES["apps_lax"], True),
        (b"100001", b"100000", OUTPUT_RULES["apps_lax"], True),
        (b"1e9999 1", b"2e9999 x", OUTPUT_RULES["apps_lax"], False),
    ],
)
def test_output_is_held_against_the_rule(printed: bytes, expected: bytes, rule: OutputRule, right: object) -> None:
    assert output.matches(printed, expected, rule) is right


@pytest.mark.parametrize("rule", [rule for rule in OUTPUT_RULES.values() if rule.name != "apps_lax"])
@pytest.mark.parametrize(
    ("printed", "expected"),
    [(b"1000001", b"1000000"), (b"-100001", b"-100000"), (b"1000000000", b"999999937"), (b"1010101011", b"1010101010"),
     (b"1000001.0", b"1000000"), (b"7 1000000006 1", b"7 1000000007 1"), (b"9" * 5000, b"9" * 4999 + b"8")],
)  # fmt: skip
def test_integers_that_differ_are_different_under_every_rule(printed: bytes, expected: bytes, rule: OutputRule) -> None:
    assert not output.matches(printed, expected, rule)


@pytest.mark.parametrize("rule", OUTPUT_RULES.values())
def test_what_is_expected_to_the_letter_is_right_under_every_rule(rule: OutputRule) -> None:
    for text in (b"", b"nan", b"Yes 1\r\n\r\n 0010 0.50", "\u00e9t\u00e9".encode(), b"9" * 5000):
        assert output.matches(text.replace(b"\r", b"") + b"\n\n", text, rule)


def test_a_digest_of_tests_follows_all_of_the_rule() -> None:
    absolute = OUTPUT_RULES["absolute"]
    rules = [*OUTPUT_RULES.values(), absolute.within(1e-3), absolute.within(1e-4)]
    assert len({StdinTests(cases=DOUBLE.cases, rule=rule).source for rule in rules}) == len(rules)


def test_the_line_that_is_shown_is_the_first_that_is_wrong_by_the_rule() -> None:
    tests = StdinTests(cases=(StdinTest(stdin=b"", expected=b"YES\n1.0\n7\n"),), rule=OutputRule.CODECONTESTS)
    assert output.first_difference(b"yes\n1\n8\n", tests.cases[0].expected, tests.rule) == (3, b"8", b"7")


@pytest.mark.parametrize(
    ("answer", "expected", "comparison", "right"),
    [
        ((1, (2,)), [1, [2]], Comparison.LISTS, True),
        ([1], 1, Comparison.LISTS, False),
        (1, [1], Comparison.ONLY_ITEM, True),
        (1, [1, 2], Comparison.ONLY_ITEM, False),
        ((1,), [1], Comparison.ONLY_ITEM, True),
    ],
)
def test_answers_of_json_sets(answer: object, expected: object, comparison: Comparison, right: object) -> None:
    assert matches(answer, CallTest(function="f", arguments=(), comparison=comparison, expected=expected)) is right


def test_livecodebench_reads_its_packed_private_tests(tmp_path: Path) -> None:
    tests = json.dumps([{"input": "3\n", "output": "6\n", "testtype": "stdin"}])
    packed = base64.b64encode(zlib.compress(pickle.dumps(tests))).decode()
    (problem,) = load_problems(written(tmp_path / "lcb.jsonl", livecodebench(packed)))
    assert isinstance(problem.given, StdinTests)
    assert [case.stdin for case in problem.given.cases] == [b"1\n", b"3\n"]


def test_livecodebench_calls_functions(tmp_path: Path) -> None:
    tests = json.dumps([{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}])
    row = livecodebench("[]", public_test_cases=tests, metadata=json.dumps({"func_name": "total"}))
    (problem,) = load_problems(written(tmp_path / "lcb.jsonl", row))
    assert isinstance(problem.given, CallTests)
    assert problem.given.cases[0].arguments == ([1, 2], 3)
    assert problem.given.cases[0].expected == 6


def test_a_pickle_that_names_anything_is_refused(tmp_path: Path) -> None:
    packed = base64.b64encode(zlib.compress(pickle.dumps(print))).decode()
    with pytest.raises(ProblemsError, match=r"line 1.*only text is read"):
        load_problems(written(tmp_path / "lcb.jsonl", livecodebench(packed)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("size", [1, 300, 70_000])
def test_the_text_of_a_pickle_is_read_without_an_unpickler(protocol: int, size: int, tmp_path: Path) -> None:
    tests = json.dumps([{"input": "é" * size, "output": "6\n", "testtype": "stdin"}], ensure_ascii=False)
    packed = base64.b64encode(zlib.compress(pickle.dumps(tests, protocol))).decode()
    (problem,) = load_problems(written(tmp_path / "lcb.jsonl", livecodebench(packed)))
    assert isinstance(problem.given, StdinTests)
    assert problem.given.cases[1].stdin == ("é" * size).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"\x80\x04.", b"\x80\x02Nr\x00\x00\x00\x80.", b"X\xff\xff\xff\xff[].", b"X\x02\x00",
        b"X\x02\x00\x00\x00[]",
        b"\x8d" + b"\xff" * 8, b"V[]", b"p1", b"X\x02\0\0\0[]X\x02\0\0\0[].", b"I" + b"9" * 100_000 + b"\n.",
        b"N" * (1 << 20),
    ],
)  # fmt: skip
def test_a_pickle_of_anything_else_is_refused_at_once(data: bytes, tmp_path: Path) -> None:
    packed = base64.b64encode(zlib.compress(data)).decode()
    with pytest.raises(ProblemsError, match="line 1: private_test_cases holds a"):
        load_problems(written(tmp_path / "lcb.jsonl", livecodebench(packed)))


def test_what_a_client_sends_unpacks_within_a_bound() -> None:
    tests = json.dumps([{"input": "1" * (3 << 20), "output": "6\n", "testtype": "stdin"}])
    row = livecodebench(base64.b64encode(zlib.compress(pickle.dumps(tests))).decode())
    assert read_problem(row).given is not None
    with unpacking_at_most(1 << 20), pytest.raises(ProblemsError, match="more than the 1 MB that are taken"):
        read_problem(row)


def test_codecontests_in_both_its_shapes(tmp_path: Path) -> None:
    tests = {"input": ["1\n"], "output": ["2\n"]}
    row = {
        "name": "a",
        "description": "Double.",
        "public_tests": tests,
        "private_tests": {"input": [], "output": []},
        "generated_tests": [{"input": "2\n", "output": "4\n"}],
        "solutions": {"language": [2, 3], "solution": ["int main(){}", "print(2*int(input()))"]},
    }
    (problem,) = load_problems(written(tmp_path / "cc.jsonl", row))
    assert isinstance(problem.given, StdinTests)
    assert [case.expected for case in problem.given.cases] == [b"2\n", b"4\n"]
    assert problem.canonical_solution == "print(2*int(input()))"


def test_a_test_without_its_other_half_is_named(tmp_path: Path) -> None:
    row = {"problem_id": 1, "question": "?", "input_output": json.dumps({"inputs": ["1"], "outputs": []})}
    with pytest.raises(ProblemsError, match=r"line 1.*1 inputs and 0 outputs"):
        load_problems(written(tmp_path / "apps.jsonl", row))


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    with open_scorer(Limits(cpu_s=1, wall_s=5), boxes=1) as opened:
        yield opened


@pytest.mark.docker
def test_the_solutions_of_apps_pass_and_its_generations_are_told_apart(
    shared_data: Path, tmp_path: Path, scorer: Scorer
) -> None:
    with tarfile.open(shared_data / "apps_fixture.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    problems = load_problems(tmp_path / "APPS")
    assert len(problems) == 5
    for problem in problems:
        assert problem.canonical_solution is not None
        program = problem.complete(problem.canonical_solution)
        scored = scorer.submit(program).result(timeout=300)
        assert scored.verdict is Verdict.PASSED, explain(scored, scorer.limits, program)
        wrong = scorer.submit(problem.complete("print(0)\n")).result(timeout=300)
        assert wrong.verdict in {Verdict.WRONG, Verdict.ERROR}


@pytest.mark.docker
@pytest.mark.parametrize(
    ("source", "verdict", "said"),
    [
        ("print(2 * int(input()))", Verdict.PASSED, "all 5 outputs are right"),
        ("print(2 * int(input())); import sys; sys.exit(0)", Verdict.PASSED, "all 5"),
        ("print(2 * int(input())); import sys; sys.exit(1)", Verdict.ERROR, "exit code 1"),
        (
            ("n = int(input()); print(2 * n if n != 4 else 0)"),
            Verdict.WRONG,
            ("printed '0' where '8' was expected, line 1"),
        ),
        ("n = int(input()); print(2 * n)\nwhile n == 3: pass", Verdict.TIMEOUT, "test 3 of 5"),
        ("n = int(input())\nassert n != 5\nprint(2 * n)", Verdict.ERROR, "AssertionError"),
        ("print(", Verdict.SYNTAX, "SyntaxError"),
        (
            ("open('/tmp/n', 'a').write('x'); print(2 * int(input()) * len(open('/tmp/n').read()))"),
            Verdict.PASSED,
            "all 5",
        ),
    ],
)
def test_a_whole_program_is_tested_by_what_it_prints(source: str, verdict: Verdict, said: str, scorer: Scorer) -> None:
    program = Program(source=source, tests=DOUBLE)
    scored = scorer.submit(program).result(timeout=300)
    assert scored.verdict is verdict
    assert said in explain(scored, scorer.limits, program)


@pytest.mark.docker
def test_every_case_counts_where_partial_credit_is_wanted(scorer: Scorer) -> None:
    thorough = Scorer(scorer.pool, ScoringOptions(every_case=True))
    program = Program(source="n = int(input()); print(2 * n if n % 2 else 0)", tests=DOUBLE)
    scored = thorough.submit(program).result(timeout=300)
    assert (scored.verdict, scored.passed_cases, scored.cases) == (Verdict.WRONG, 3, 5)
    assert scorer.submit(program).result(timeout=300).passed_cases in {0, 1, 2, 3}


@pytest.mark.docker
def test_room_for_output_follows_what_is_expected(scorer: Scorer) -> None:
    long, short = "".join(f"{n}\n" for n in range(250_000)).encode(), b"0\n1\n"
    tests = StdinTests(cases=(StdinTest(stdin=b"250000", expected=long), StdinTest(stdin=b"2", expected=short)))
    right = "print('\\n'.join(map(str, range(int(input())))))\n"
    assert scorer.score(Program(source=right, tests=tests)).verdict is Verdict.PASSED
    assert scorer.score(Program(source=right.replace("(int", "(1, 1 + int"), tests=tests)).verdict is Verdict.WRONG
    endless = Program(source="while True: print('0' * 9999)\n", tests=StdinTests(cases=tests.cases[:1]))
    scored = scorer.score(endless)
    assert scored.verdict is Verdict.OUTPUT
    assert explain(scored, scorer.limits, endless) == "wrote more than 3201 kB and was killed, test 1 of 1"


def test_a_test_that_expects_more_than_any_program_may_print_is_refused() -> None:
    with pytest.raises(ValueError, match="expects more output than the"):
        StdinTests(cases=(StdinTest(stdin=b"", expected=b"1" * (25 << 20)),))


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (
            {"time_limit": {"seconds": 2, "nanos": 500_000_000}, "memory_limit_bytes": 256_000_000},
            "5 s cpu, 10 s wall, 256 MB",
        ),
        ({"time_limit": "2.0 seconds", "memory_limit": "256.0 megabytes"}, "4 s cpu, 10 s wall, 256 MB"),
        ({"time_limit": 10.0, "memory_limit": 512.0}, "20 s cpu, 40 s wall, 512 MB"),
        ({"time_limit": "0.5 seconds", "memory_limit": "16 megabytes"}, "3 s cpu, 10 s wall, 64 MB"),
        ({"time_limit": 1e9, "memory_limit": 1e9}, "60 s cpu, 120 s wall, 4096 MB"),
        ({"time_limit": None, "memory_limit": "Unknown"}, ""),
        ({"time_limit": {"seconds": "x"}, "memory_limit_bytes": -1}, ""),
    ],
)
def test_limits_of_a_row_are_read_as_each_set_writes_them(row: dict[str, Any], text: str) -> None:
    assert with_limits_of(row, Assumptions()).text == text
