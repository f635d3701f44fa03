"""Text from files and models reaches a terminal as text: whatever command writes it, on standard output or error."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.progress import Progress
from rich.table import Table

from sandbox.console import SanitizingConsole
from sandbox.sanitize import SanitizingStream, one_line, sanitize

HOSTILE = "\x1b]0;title\x07\x1b[31mred\ud800\r\u202e\x9b2J"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
CALL = {"prompt": "p", "entry_point": "f", "tests": [{"arguments": [1], "expected": 1}]}
FILES = {
    "named.jsonl": [CALL | {"task_id": HOSTILE}],
    "columns.jsonl": [CALL | {"task_id": "a\tb\n2 problems: 2 tested by data"}],
    "twice.jsonl": [CALL | {"task_id": HOSTILE}] * 2,
    "key.jsonl": [CALL | {"task_id": "a", HOSTILE: 1}],
    "value.jsonl": [CALL | {"task_id": "a", "comparison": HOSTILE}],
    "no\x1b[31m.jsonl": [{"task_id": HOSTILE}],
    "samples.jsonl": [{"task_id": HOSTILE, "completion": "x"}],
    "import.jsonl": [{"task_id": HOSTILE, "completion": "x", "model": HOSTILE, HOSTILE: 1}],
}
COMMANDS = [
    ["sandbox", "problems", "named.jsonl"],
    ["sandbox", "problems", "twice.jsonl"],
    ["sandbox", "problems", "twice.jsonl", "--skip-bad"],
    ["sandbox", "problems", "key.jsonl"],
    ["sandbox", "problems", "value.jsonl"],
    ["sandbox", "problems", "no\x1b[31m.jsonl"],
    ["sandbox", "problems", HOSTILE.replace("\ud800", "")],
    ["sandbox", "score", "--problems", "columns.jsonl", "--samples", "samples.jsonl"],
    ["sandbox", HOSTILE.replace("\ud800", "")],
    ["sampler", "import", "store.db", "import.jsonl", "--model", "m"],
    ["sampler", "import", "store.db", "import.jsonl", "--model", "m", "--problems", "named.jsonl"],
    ["sampler", "report", HOSTILE.replace("\ud800", "")],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("hostile")
    for name, rows in FILES.items():
        (place / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return place


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: ascii(" ".join(words)))
def test_no_command_lets_a_name_act_on_the_terminal(words: list[str], folder: Path) -> None:
    program = f"from {words[0]}.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program, *words[1:]], cwd=folder, capture_output=True, check=False)
    for stream in (done.stdout, done.stderr):
        assert not OBEYED.search(stream.decode("utf-8"))
        assert b"Traceback" not in stream
    assert done.returncode in {0, 2, 3, 4, 6}


def test_a_name_takes_one_line_and_one_column(folder: Path) -> None:
    words = [sys.executable, "-c", "from sandbox.cli import main; main()", "problems", "columns.jsonl"]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=True, text=True)
    assert done.stdout == "a\\tb\\n2 problems: 2 tested by data\tf\tdata\n1 problems: 1 tested by data\n"


def test_what_is_written_to_a_guarded_stream_is_harmless() -> None:
    raw = io.BytesIO()
    stream = SanitizingStream(io.TextIOWrapper(raw, encoding="utf-8", newline="\n"))
    stream.writelines([HOSTILE, "é\n"])
    print("\x1b[2J", "fine\tas it is", file=stream)
    assert not OBEYED.search(raw.getvalue().decode())
    assert raw.getvalue().decode().endswith("é\n\\x1b[2J fine\tas it is\n")


def test_a_console_keeps_its_own_colours_and_no_other() -> None:
    raw = io.BytesIO()
    stream = SanitizingStream(io.TextIOWrapper(raw, encoding="utf-8"))
    console = SanitizingConsole(file=stream, force_terminal=True, width=200)
    table = Table()
    table.add_column(f"[bold]{HOSTILE}")
    table.add_row(HOSTILE)
    with Progress(console=console) as progress:
        progress.add_task(HOSTILE, total=1)
        console.print(table)
    said = raw.getvalue().decode("utf-8", "replace")
    assert "\x1b[1m" in said
    own = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|\r", "", said)
    assert not OBEYED.search(own)
    assert "\x1b[31mred" not in said


def test_every_console_is_a_harmless_one() -> None:
    folders = [Path(__file__).parents[2] / name for name in ("sandbox", "sampler")]
    made = [
        path.name
        for root in folders
        for path in root.rglob("*.py")
        if re.search(r"(?<!Harmless)\bConsole\(", path.read_text())
    ]
    assert made == []


def test_plain_text_is_left_as_it_is() -> None:
    assert sanitize("a\tb\n~") == "a\tb\n~"
    assert one_line("a\tb\nc\x1b") == "a\\tb\\nc\\x1b"
