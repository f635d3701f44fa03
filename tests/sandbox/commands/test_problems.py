"""`sandbox problems --check`: canonical solutions that fail, in a file that leaves their problems out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sandbox.cli import cli
from sandbox.commands.command_line import PASSED, PROGRAM_FAULT

ROWS = [
    {"task_id": "right", "canonical_solution": "print(int(input()) * 2)"},
    {"task_id": "wrong", "canonical_solution": "print(int(input()) * 3)"},
    {"task_id": "raises", "canonical_solution": "raise KeyError(input())"},
    {"task_id": "broken", "canonical_solution": "print()", "checker": "def check(a, b, c):\n    return 1 / 0\n"},
    {"task_id": "without"},
]


@pytest.mark.docker
def test_what_fails_is_written_and_left_out_by_what_was_written(tmp_path: Path) -> None:
    file, failing = tmp_path / "problems.jsonl", tmp_path / "failing.tsv"
    test = {"prompt": "Double it.", "tests": [{"stdin": "2\n", "stdout": "4\n"}]}
    file.write_text("".join(json.dumps(test | row) + "\n" for row in ROWS))
    arguments = ["problems", str(file), "--check", "--boxes", "1"]
    done = CliRunner().invoke(cli, [*arguments, "--write-failing", str(failing)])
    assert done.exit_code == PROGRAM_FAULT
    assert done.output.splitlines()[-1] == "4 canonical solutions: 1 passed (1 problems have none)"
    written = [line.split("\t") for line in failing.read_text().splitlines()]
    assert [(name, verdict) for name, verdict, _ in written] == [
        ("wrong", "WRONG"),
        ("raises", "ERROR"),
        ("broken", "not scored"),
    ]
    assert "printed '6' where '4' was expected" in written[0][2]
    assert "the problem's checker raised ZeroDivisionError" in written[2][2]
    again = CliRunner().invoke(cli, [*arguments, "--leave-out", str(failing), "--write-failing", str(failing)])
    assert (again.exit_code, again.output.splitlines()[-1]) == (
        PASSED,
        "1 canonical solutions: 1 passed (1 problems have none)",
    )
    assert "wrong is left out: WRONG: printed '6'" in again.output
    assert failing.read_text() == ""
