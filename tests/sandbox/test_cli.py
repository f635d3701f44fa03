"""The commands as a person types them: real processes, real exit codes."""

from __future__ import annotations

import bz2
import json
import lzma
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from lazy_commands import help_without_imports

from sandbox.cli import PLACES, cli
from sandbox.problems import load_problems

SANDBOX = str(Path(sys.executable).parent / "sandbox")


def sandbox(*words: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [SANDBOX, *words], input=stdin, capture_output=True, timeout=600, check=False, env=os.environ | environment
    )


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
class TestExec:
    def test_a_program_that_ran_shows_its_output_and_exits_zero(self) -> None:
        done = sandbox("exec", "-c", "import sys; print(6 * 7); print('aside', file=sys.stderr)")
        assert (done.returncode, done.stdout) == (0, b"42\n")
        assert b"aside" in done.stderr
        assert b"PASSED" in done.stderr

    def test_a_program_comes_from_a_file_or_from_standard_input(self, tmp_path: Path) -> None:
        (tmp_path / "p.py").write_text("print(input())")
        (tmp_path / "in.txt").write_text("from a file")
        assert sandbox("exec", str(tmp_path / "p.py"), "--stdin", str(tmp_path / "in.txt")).stdout == b"from a file\n"
        assert sandbox("exec", "-", stdin=b"print('piped')").stdout == b"piped\n"

    def test_a_folder_has_its_program_and_the_files_beside_it(self, tmp_path: Path) -> None:
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "six.py").write_text("SIX = 6\n")
        (tmp_path / "main.py").write_text("from parts.six import SIX\nprint(7 * SIX)\nopen('made.txt', 'w').write('x')")
        done = sandbox("exec", str(tmp_path), "--fetch", "made.txt", "--to", "/proc/none")
        assert (done.returncode, done.stdout) == (2, b"42\n")
        assert b"/proc/none/made.txt cannot be written" in done.stderr
        assert b"name another folder with --to" in done.stderr
        done = sandbox("exec", str(tmp_path), "--fetch", "made.txt", "--to", str(tmp_path / "out"))
        assert (done.returncode, (tmp_path / "out" / "made.txt").read_text()) == (0, "x")

    def test_a_folder_may_hold_a_program_of_another_language(self, tmp_path: Path) -> None:
        (tmp_path / "seven.h").write_text("int seven() { return 7; }")
        (tmp_path / "main.cpp").write_text('#include "seven.h"\nint main() { __builtin_printf("%d", seven()); }')
        assert sandbox("exec", str(tmp_path)).stdout == b"7"

    def test_one_json_object_tells_everything(self, tmp_path: Path) -> None:
        (tmp_path / "tests.py").write_text("assert double(2) == 5")
        done = sandbox(
            "exec",
            "-c",
            "def double(x):\n  print('called')\n  return 2 * x",
            "--tests",
            str(tmp_path / "tests.py"),
            "--json",
        )
        told = json.loads(done.stdout)
        assert done.returncode == 1
        assert (told["verdict"], told["ending"], told["exit_code"], told["signal"]) == ("WRONG", "exited", 1, None)
        assert told["stdout"] == "called\n"
        assert "AssertionError" in told["stderr"]
        assert told["flags"] == ["in_process"]
        assert min(told["cpu_s"], told["wall_s"], told["memory_mb"]) > 0

    @pytest.mark.parametrize(
        ("code", "verdict"),
        [
            ("while True: pass", "TIMEOUT"),
            ("x = bytearray(10**9)", "MEMORY"),
            ("while True: print('x' * 10000)", "OUTPUT"),
            ("import os; os.abort()", "CRASHED"),
            ("import os; os._exit(0)", "EARLY_EXIT"),
            ("1 +", "SYNTAX"),
            ("1 / 0", "ERROR"),
            ("import sys; sys.exit(7)", "ERROR"),
        ],
    )
    def test_the_programs_fault_has_exit_code_one(self, code: str, verdict: str) -> None:
        done = sandbox("exec", "-c", code, "--json", "--cpu", "0.5", "--memory", "128")
        assert (done.returncode, json.loads(done.stdout)["verdict"]) == (1, verdict)

    @pytest.mark.parametrize("leave", ["import sys; sys.exit(0)", "import os; os._exit(0)", "print('PASSED')"])
    def test_with_tests_an_early_exit_or_a_printed_verdict_has_not_passed(self, leave: str, tmp_path: Path) -> None:
        (tmp_path / "tests.py").write_text("assert answer() == 42")
        done = sandbox("exec", "-c", leave, "--tests", str(tmp_path / "tests.py"), "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["verdict"] in {"EARLY_EXIT", "ERROR"}

    def test_control_characters_do_not_reach_a_terminal(self) -> None:
        parent, child = pty.openpty()
        code = r"print('\x1b]52;c;ZXZpbA==\x07', '\x9b', '\u202e')"
        subprocess.run([SANDBOX, "exec", "-c", code], stdout=child, stderr=child, check=True, timeout=300)
        shown = os.read(parent, 10_000)
        os.close(parent)
        os.close(child)
        assert b"\\x1b]52" in shown
        assert b"\x1b]" not in shown
        assert "\u202e".encode() not in shown


@pytest.mark.parametrize(
    ("files", "options", "complaint"),
    [
        ((), (), "has no main.py, main.cpp or the like"),
        (("main.cpp", "main.go"), (), "has main.cpp and main.go; say with --language which"),
        (("main.py",), ("--language", "go"), "has no main in go"),
    ],
)
def test_a_folder_without_a_program_is_refused(
    tmp_path: Path, files: tuple[str, ...], options: tuple[str, ...], complaint: str
) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    done = sandbox("exec", str(tmp_path), *options)
    assert (done.returncode, complaint in done.stderr.decode()) == (2, True)


SAMPLE = '{"task_id": "HumanEval/0", "completion": "é"}\n'


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\x28\xb5\x2f\xfd\x04", "line 1: not JSON, but compressed by zstd; unpack it first: zstd -d FILE"),
        (lzma.compress(SAMPLE.encode()), "line 1: not JSON, but compressed by xz"),
        (bz2.compress(SAMPLE.encode()), "line 1: not JSON, but compressed by bzip2"),
        (b"PAR1\x15", "line 1: not JSON, but a Parquet file; `sampler import` reads it"),
        (SAMPLE.encode("utf-16"), "line 1: not JSON, but a text in UTF-16; write it again in UTF-8"),
        (SAMPLE.encode("latin-1"), "the text is not UTF-8: write it again in UTF-8"),
        (b"task_id,completion\nHumanEval/0,x\n", "samples are JSON lines: write one object a line"),
        (json.dumps([json.loads(SAMPLE)], indent=2).encode(), "or read the file with `sampler import`"),
        (SAMPLE.encode()[:-9], "the file ends within this line, as if its writing was interrupted: write it again"),
    ],
)
def test_a_file_that_is_no_json_lines_is_refused_with_what_it_is(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "samples"
    path.write_bytes(content)
    done = sandbox("score", "--problems", "humaneval", "--samples", str(path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert complaint in done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["exec"], "give a FILE"),
        (
            ["exec", "nosuch.cpp"],
            "there is no file 'nosuch.cpp'; give the path of one, - for standard input, or -c CODE",
        ),
        (["exec", "/"], "has no main.py"),
        (["exec", "--env", "x.py", "-c", "1"], "x.py"),
        (["exec", "-c", "1", "--memory", "1"], "--memory must lie between 64 and "),
        (["exec", "-c", "1", "--cpu", "-3"], "--cpu must lie between "),
        (
            ["score", "--problems", "humaneval", "--samples", __file__, "--out", "/no-such/x"],
            "there is no folder '/no-such'",
        ),
        (["score", "--problems", "no-such", "--samples", __file__], "cannot read problems"),
        (["score", "--problems", "humaneval", "--samples", __file__], "line 1: not JSON"),
    ],
)
def test_wrong_usage_has_exit_code_two_and_one_line(words: list[str], complaint: str) -> None:
    done = sandbox(*words)
    assert done.returncode == 2
    assert complaint.encode() in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff", b"t.py: invalid or missing encoding declaration"),
        (b"p\n\n\xff", b"t.py: not utf-8 (invalid start byte at byte 3)"),
        ("\ufeffpr".encode("utf-16-le"), b"t.py: invalid or missing encoding"),
        (b"# coding: no-such\n", b"t.py: unknown encoding: no-such"),
    ],
)
def test_which_file_is_no_python_text_is_told(tmp_path: Path, content: bytes, complaint: bytes) -> None:
    for name, data in (("p.py", b"print(1)"), ("t.py", content)):
        (tmp_path / name).write_bytes(data)
    done = sandbox("exec", str(tmp_path / "p.py"), "--tests", str(tmp_path / "t.py"))
    assert done.returncode == 2
    assert complaint in done.stderr
    assert b"save it as UTF-8" in done.stderr


@pytest.mark.docker
@pytest.mark.parametrize("content", [
    b"# coding: latin-1\nprint(len('\xe9'))\n", "\ufeffprint(1)".encode(), b"#!/usr/bin/env python3\r\nprint(1)\r\n",
])  # fmt: skip
def test_a_file_is_read_as_python_reads_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.py").write_bytes(content)
    done = sandbox("exec", str(tmp_path / "p.py"))
    assert (done.returncode, done.stdout) == (0, b"1\n")


def test_without_a_command_there_is_the_help_and_no_complaint_before_it() -> None:
    done = sandbox()
    assert (done.returncode, done.stderr[:6]) == (2, b"Usage:")


def test_the_help_of_all_commands_is_told_without_importing_them() -> None:
    printed = help_without_imports(cli, PLACES, "sandbox.cli", {"docker", "rich", "sandbox.values"})
    assert "  rejudge   Judge a scored FILE again" in printed
    assert cli.get_command(click.Context(cli), "execute") is None


def test_a_reader_that_leaves_is_not_the_program_s_fault() -> None:
    with subprocess.Popen([SANDBOX, "problems", "humaneval"], stdout=subprocess.PIPE) as listing:
        assert listing.stdout is not None
        listing.stdout.close()
        assert listing.wait(60) == 141


def test_no_engine_has_exit_code_three_and_says_what_to_do() -> None:
    for words in (["exec", "-c", "1"], ["build"], ["clean"]):
        done = sandbox(*words, DOCKER_HOST="unix:///nonexistent.sock")
        assert done.returncode == 3
        assert b"at unix:///nonexistent.sock (No such file or directory); start Docker" in done.stderr
        assert b"DOCKER_HOST" in done.stderr
        assert done.stderr.count(b"\n") == 1


def canonical(path: Path, count: int) -> Path:
    problems = load_problems("humaneval")[:count]
    lines = [json.dumps({"task_id": problem.name, "completion": problem.canonical_solution}) for problem in problems]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
class TestScore:
    def test_all_canonical_solutions_of_humaneval_pass(self, tmp_path: Path) -> None:
        out = tmp_path / "out.jsonl"
        done = sandbox(
            "score",
            "--problems",
            "humaneval",
            "--samples",
            str(canonical(tmp_path / "s.jsonl", 164)),
            "--out",
            str(out),
        )
        assert done.returncode == 0
        assert b"164 PASSED" in done.stdout
        assert b"pass@1 100.0" in done.stdout
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert sorted(row["line"] for row in rows) == list(range(1, 165))

    def test_whole_programs_are_taken_and_results_go_to_standard_output(self, tmp_path: Path) -> None:
        problem = load_problems("humaneval")[0]
        right = problem.prompt + (problem.canonical_solution or "")
        (tmp_path / "s.jsonl").write_text(
            "".join(
                json.dumps({"task_id": problem.name, "solution": text}) + "\n"
                for text in (right, "def no(): pass", right)
            )
        )
        done = sandbox("score", "--problems", "humaneval", "--samples", str(tmp_path / "s.jsonl"))
        rows = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda row: row["line"])
        assert [row["passed"] for row in rows] == [True, False, True]
        assert b"pass@1 66.7" in done.stderr

    def test_a_killed_command_continues_and_counts_nothing_twice(self, tmp_path: Path) -> None:
        samples, out = canonical(tmp_path / "s.jsonl", 60), tmp_path / "out.jsonl"
        words = [
            SANDBOX,
            "score",
            "--problems",
            "humaneval",
            "--samples",
            str(samples),
            "--out",
            str(out),
            "--boxes",
            "1",
        ]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while not (out.exists() and out.stat().st_size):
                time.sleep(0.002)
            process.kill()
        with out.open("a") as file:
            file.write('{"task_id": "Human')  # as if the kill had come in the middle of a write
        done = sandbox(*words[1:])
        assert done.returncode == 0
        assert b"60 PASSED" in done.stdout
        assert sorted(json.loads(line)["line"] for line in out.read_text().splitlines()) == list(range(1, 61))

    def test_an_output_of_other_samples_is_not_overwritten(self, tmp_path: Path) -> None:
        samples, out = canonical(tmp_path / "s.jsonl", 2), tmp_path / "out.jsonl"
        words = ["score", "--problems", "humaneval", "--samples", str(samples), "--out", str(out)]
        sandbox(*words)
        held = out.read_text()
        samples.write_text(samples.read_text().replace("return", "return not"))
        done = sandbox(*words)
        assert done.returncode == 2
        assert b"other samples" in done.stderr
        assert out.read_text() == held


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_what_pass_at_k_does_not_say_stands_beside_it(tmp_path: Path) -> None:
    call = {"prompt": "def f(x):\n", "entry_point": "f", "tests": [{"arguments": [1], "expected": 1}]}
    problems = [call | {"task_id": name} for name in ("a", "b", "c\x1b[31m")]
    rows = [("a", "return x"), ("a", "return 0"), ("b", "return x"), ("b", None), ("d", "return x")]
    samples = [{"task_id": name, "completion": body and f"    {body}\n"} for name, body in rows]
    for name, given in (("p", [*problems, call]), ("s", samples)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    words = [
        "score",
        "--problems",
        str(tmp_path / "p"),
        "--samples",
        str(tmp_path / "s"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert sandbox(*words).returncode == 2
    done = sandbox(*words, "--skip-bad", "--k", "2,1", "--boxes", "1")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "3 samples of 2 problems: 2 PASSED, 1 WRONG",
        "pass@1 75.0",
        "1 of 3 problems have no sample and do not count: c\\x1b[31m",
        "problems have between 1 and 2 samples",
        "no pass@k for k = 2: a problem has 1 samples",
    ]
    said = done.stderr.decode()
    assert "p, line 4: task_id is missing" in said
    assert "1 problem left out" in said
    assert "s, line 4: its text is null" in said
    assert "s, line 5: no problem is called 'd'" in said
    assert "2 samples left out" in said


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_a_check_of_problems_tells_which_tests_work_only_beside_the_program(tmp_path: Path) -> None:
    same = "def check(candidate):\n    x = [1]\n    for _ in range(2):\n        assert candidate(x) is x\n"
    loop = "def check(candidate):\n    for n in range(3):\n        assert candidate(n) == n\n"
    rows = [
        ("same", same, "    return x\n"),
        ("loop", loop, "    return x\n"),
        ("wrong", loop, "    return 1\n"),
        ("none", loop, None),
    ]
    told = [
        {"task_id": name, "prompt": "def f(x):\n", "entry_point": "f", "check": check}
        | ({"canonical_solution": body} if body else {})
        for name, check, body in rows
    ]
    (tmp_path / "p.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in told))
    done = sandbox("problems", str(tmp_path / "p.jsonl"), "--check", "--boxes", "1")
    said = done.stdout.decode()
    assert done.returncode == 1
    assert "same\tin_process\t" in said
    assert "wrong\tWRONG\t" in said
    assert "loop" not in said
    assert "1 tested by code without a canonical solution" in said
