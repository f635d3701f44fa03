"""Command lines of python, as programs for a box."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugin.python_command import HOME, ExecRequest, NoSuchFile, NotPython, place, program_of
from sandbox.scoring.scorer import Scorer
from sandbox.values import Program

SHOW = "import os, sys\nprint(sys.argv, os.getcwd(), os.environ.get('WHO'), repr(sys.stdin.read()), __name__)"
FILES = {"main.py": SHOW.encode(), "more/data.txt": b"data"}


@pytest.mark.docker
class TestInABox:
    @pytest.mark.parametrize(
        ("command", "told"),
        [
            (["python", "-c", SHOW, "a"], "['-c', 'a'] /tmp None 'in' __main__"),
            (["python3", "main.py", "é"], "['main.py', 'é'] /tmp None 'in' __main__"),
            (["/usr/bin/python3.11", f"{HOME}/main.py"], "['/tmp/main.py'] /tmp None 'in' __main__"),
        ],
    )
    def test_a_command_finds_its_arguments_and_its_input(self, scorer: Scorer, command, told) -> None:
        source, stdin = program_of(ExecRequest(command=command, stdin=b"in", files=FILES))
        assert scorer.score(Program(source=source), stdin).run.stdout.decode() == f"{told}\n"

    def test_files_environment_and_directory_are_there(self, scorer: Scorer) -> None:
        code = "import os\nprint(open('data.txt').read(), os.getcwd(), os.environ['WHO'])"
        asked = ExecRequest(
            command=["python", "-"], stdin=code.encode(), cwd="more", environment={"WHO": "\U0001f600"}, files=FILES
        )
        source, stdin = program_of(asked)
        assert scorer.score(Program(source=source), stdin).run.stdout.decode() == "data /tmp/more \U0001f600\n"

    def test_large_files_come_whole_and_the_input_after_them(self, scorer: Scorer) -> None:
        big = bytes(range(256)) * 20_000
        code = "import hashlib, sys\nprint(hashlib.sha256(open('big', 'rb').read()).hexdigest(), input())"
        source, stdin = program_of(ExecRequest(command=["python", "-c", code], stdin=b"next", files={"big": big}))
        told = scorer.score(Program(source=source), stdin).run.stdout.decode()
        assert told == f"{hashlib.sha256(big).hexdigest()} next\n"


@pytest.mark.parametrize("command", [["bash", "-c", "ls"], ["python", "-m", "http"], ["./python"], ["pythonx"]])
def test_what_is_not_python_is_refused(command) -> None:
    with pytest.raises(NotPython):
        program_of(ExecRequest(command=command))


def test_a_file_that_was_not_written_is_not_found() -> None:
    with pytest.raises(NoSuchFile, match=r"can't open file 'gone\.py'"):
        program_of(ExecRequest(command=["python", "gone.py"], files=FILES))


@given(st.text(), st.text())
def test_a_place_is_in_the_scratch_directory_or_begins_at_the_root(path: str, cwd: str) -> None:
    found = place(path, cwd)
    assert found.startswith("/") or not found.startswith("../")
