"""What a compiler says, how its result is kept, and samples of whole programs in another language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.problems import load_problems
from sandbox.scoring.compiler import raised_by
from sandbox.scoring.samples import ReadOptions, read_samples
from sandbox.values import Ending, Limits, Run, Stage


@pytest.mark.parametrize(
    ("said", "message", "line"),
    [
        ("main.cpp: In function 'int main()':\nmain.cpp:2:21: error: no x\n  2 | x\n", "main.cpp:2:21: error: no x", 2),
        ("error[E0425]: cannot find value `x`\n --> main.rs:7:13\n", "error[E0425]: cannot find value `x`", 7),
        ("./main.go:3:2: undefined: x\n", "./main.go:3:2: undefined: x", 3),
        ("Main.java:5: error: cannot find symbol\n", "Main.java:5: error: cannot find symbol", 5),
        ("main.cs(4,9): error CS0103: no x\n", "main.cs(4,9): error CS0103: no x", 4),
        ("main.cpp:2:5: warning: odd\nmain.cpp:3:5: error: no x\n", "main.cpp:3:5: error: no x", 3),
        (
            "/run/main.js:4\nlet error = ;\n ^\n\nSyntaxError: Unexpected token ';'\n",
            "SyntaxError: Unexpected token ';'",
            4,
        ),
        ("something else\n", "something else", None),
        ("", "the compiler said nothing", None),
    ],
)
def test_the_first_message_of_a_compiler_and_its_line_are_told(said: str, message: str, line: int | None) -> None:
    raised = raised_by(Run(ending=Ending.EXITED, exit_code=1, stderr=said.encode()))
    assert (raised.stage, raised.message, raised.line) == (Stage.COMPILE, message, line)


def test_code_of_another_language_is_found_in_answers(tmp_path: Path) -> None:
    problems, samples = tmp_path / "problems.jsonl", tmp_path / "samples.jsonl"
    problems.write_text(json.dumps({"task_id": "w", "prompt": "Print 7.", "tests": [{"stdin": "", "stdout": "7\n"}]}))
    code = '#include <cstdio>\nint main() { puts("7"); }'
    answer = f"Sure.\n```cpp\n{code}\n```\nIt prints:\n```\n7\n```\n"
    samples.write_text(json.dumps({"task_id": "w", "completion": answer}))
    known = {problem.name: problem for problem in load_problems(str(problems))}
    (found,) = read_samples(samples, known, Limits(), options=ReadOptions(language="cpp", given="answer"))
    assert (found.program.language, found.program.source) == ("cpp", code)


def test_samples_of_whole_programs_may_be_in_another_language(tmp_path: Path) -> None:
    problems, samples = tmp_path / "problems.jsonl", tmp_path / "samples.jsonl"
    rows = [
        {"task_id": "whole", "prompt": "Print 7.", "tests": [{"stdin": "", "stdout": "7\n"}]},
        {"task_id": "part", "prompt": "def f():\n", "entry_point": "f", "tests": [{"arguments": [], "expected": 7}]},
    ]
    problems.write_text("".join(json.dumps(row) + "\n" for row in rows))
    samples.write_text("".join(json.dumps({"task_id": row["task_id"], "solution": "x"}) + "\n" for row in rows))
    known = {problem.name: problem for problem in load_problems(str(problems))}

    def read(language: str) -> list[tuple[str, str]]:
        found = read_samples(samples, known, Limits(), options=ReadOptions(language=language))
        return [(sample.program.language, sample.digest) for sample in found]

    cpp, python = read("cpp"), read("python")
    assert [language for language, _ in cpp] == ["cpp", "python"]
    assert cpp[0][1] != python[0][1], "an equal text in another language is another program"
    assert cpp[1] == python[1]
