from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampler.commands.run import run as sampler_run
from tui.app import refuse_unknown_keys
from tui.cli import cli, watch
from tui.web_server import LOOPBACK, page_command

COMMAND = [sys.executable, "-c", "from tui.cli import main; main()"]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=300, check=False, env=env, stdin=subprocess.DEVNULL
    )


def test_without_a_terminal_there_is_one_line_and_no_escape_code(finished: Path) -> None:
    ended = run(str(finished))
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "--headless" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_the_decision_about_a_terminal_needs_no_textual(finished: Path) -> None:
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom tui.cli import cli\n"
        f"assert CliRunner().invoke(cli, [{str(finished)!r}]).exit_code == 2\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('textual', 'docker', 'vllm')]\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=300, check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["x.svg", "--keys", "x donw"], "--keys: 'donw' is no key (did you mean down?)"),
        (["x.txt"], "a picture is SVG or PNG; name it so, as in 'x.svg'"),
    ],
)
def test_a_picture_that_cannot_be_as_asked_is_not_taken(
    finished: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(finished.parent)
    ended = CliRunner().invoke(cli, ["--screenshot", *words, str(finished)])
    assert (ended.exit_code, told in ended.output) == (2, True), ended.output
    assert not Path(words[0]).exists()


def test_the_names_of_keys_are_known() -> None:
    refuse_unknown_keys(
        ["x", "?", "+", "down", "ctrl+p", "shift+left", "question_mark", "minus", "f1", "pageup", "enter"]
    )


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["--screenshot", "x.svg", str(tmp_path)])
    assert ended.exit_code == 6
    assert "is a folder; name the store" in ended.output


def test_headless_never_imports_textual(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text('[problems]\nsource = "nothing.jsonl"\n', encoding="utf-8")
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom tui.cli import cli\n"
        f"ended = CliRunner().invoke(cli, ['--headless', {str(study)!r}])\n"
        "assert ended.exit_code == 2, (ended.exit_code, ended.output, ended.exception)\n"
        "assert ended.output.count('\\n') == 1, ended.output\n"
        "assert 'sampler.running.headless' in sys.modules\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'textual']\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_file_that_is_no_store_is_refused_with_a_way_out(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("no database at all\n" * 50, encoding="utf-8")
    ended = CliRunner().invoke(cli, ["--screenshot", str(tmp_path / "out.svg"), str(file)])
    assert ended.exit_code == 6
    assert ended.output.count("\n") == 1
    assert "notes.db" in ended.output
    assert not (tmp_path / "out.svg").exists()


def test_a_picture_of_a_missing_store_names_the_command_that_makes_one(tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["--screenshot", str(tmp_path / "out.svg"), str(tmp_path / "none.db")])
    assert ended.exit_code == 6
    assert "sampler run" in ended.output


def test_without_an_argument_the_newest_store_of_the_folder_is_shown(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    older = tmp_path / "older.db"
    older.write_text("no database at all\n" * 50, encoding="utf-8")
    os.utime(older, (1, 1))
    assert CliRunner().invoke(cli, ["--screenshot", "out.svg"]).exit_code == 0
    assert "http://www.w3.org" in (tmp_path / "out.svg").read_text(encoding="utf-8")
    assert "cdn" not in (tmp_path / "out.svg").read_text(encoding="utf-8"), "a picture fetches nothing"
    assert "toy-study" in (tmp_path / "out.svg").read_text(encoding="utf-8")
    older.unlink()
    finished.unlink()
    ended = CliRunner().invoke(cli, ["--screenshot", "out.svg"])
    assert ended.exit_code == 2
    assert "STUDY.toml" in ended.output


def test_headless_takes_every_option_of_sampler_run() -> None:
    of_run = {option for parameter in sampler_run.params for option in parameter.opts if option.startswith("--")}
    assert {"--store", "--boxes", "--pull", "--max-flops"} <= of_run
    assert of_run <= {option for parameter in watch.params for option in parameter.opts}


@pytest.mark.parametrize("words", [["--headless"], ["--headless", "study.db"]])
def test_headless_asks_for_a_study_file(words: list[str]) -> None:
    ended = CliRunner().invoke(cli, words)
    assert ended.exit_code == 2
    assert "--headless STUDY.toml" in ended.output


@pytest.mark.parametrize("size", ["banana", "10x5", "140"])
def test_a_size_that_is_none_is_explained(tmp_path: Path, size: str) -> None:
    ended = CliRunner().invoke(cli, ["--screenshot", str(tmp_path / "out.svg"), "--size", size, "study.db"])
    assert ended.exit_code == 2
    assert size in ended.output


def test_a_picture_is_drawn_without_a_terminal(finished: Path, tmp_path: Path) -> None:
    picture = tmp_path / "out.svg"
    ended = run("--screenshot", str(picture), "--size", "100x30", str(finished))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    svg = picture.read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    words = re.sub(r"<[^>]+>", " ", svg).replace("&#160;", " ")
    for expected in ("toy-study", "PASSED", "Models"):
        assert expected in words


PNG = b"\x89PNG\r\n\x1a\n"


def test_a_picture_can_be_png(finished: Path, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="resvg-py is not installed (the extra png)")
    picture = tmp_path / "out.png"
    ended = run("--screenshot", str(picture), "--size", "100x30", str(finished))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    drawn = picture.read_bytes()
    assert drawn.startswith(PNG)
    assert len(drawn) > 20_000, "an empty screen takes 10 kB: the text is missing"


def test_without_the_extra_png_the_way_out_is_told(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    ended = CliRunner().invoke(cli, ["--screenshot", str(tmp_path / "out.png"), str(finished)])
    assert ended.exit_code == 2
    assert "pip install 'codebudget[png]'" in ended.output
    assert not (tmp_path / "out.png").exists()


def test_a_study_file_leads_to_its_store(finished: Path, tmp_path: Path) -> None:
    study = tmp_path / "toy.toml"
    problems = tmp_path / "problems.jsonl"
    problems.write_text("", encoding="utf-8")
    study.write_text(
        f'store = "{finished.name}"\n[problems]\nsource = "problems.jsonl"\n'
        '[[models]]\nname = "toy"\nbackend = "replay"\nfile = "x.jsonl"\nsamples = 1\n',
        encoding="utf-8",
    )
    picture = tmp_path / "out.svg"
    ended = CliRunner().invoke(cli, ["--screenshot", str(picture), str(study)])
    assert ended.exit_code == 0, ended.output
    assert picture.exists()


@contextmanager
def in_terminal(*words: str, **environment: str) -> Iterator[int]:
    """The screen in a terminal of its own, whose other end this is; at the end q is pressed, and it has to quit."""
    terminal, other_side = pty.openpty()
    termios.tcsetwinsize(terminal, (30, 100))
    env = {**os.environ, "TERM": "xterm-256color", **environment}
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), other_side)
    with subprocess.Popen([*COMMAND, *words], env=env, **streams, start_new_session=True) as process:
        os.close(other_side)
        try:
            yield terminal
            os.write(terminal, b"q")
            _read_until(terminal, None)
            assert process.wait(timeout=300) == 0
        finally:
            process.kill()
            os.close(terminal)


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_in_a_real_terminal_it_draws_and_q_quits(finished: Path, environment: dict[str, str]) -> None:
    with in_terminal(str(finished), **environment) as terminal:
        drawn = _read_until(terminal, "✓ PASSED".encode())
    assert b"\x1b[?1049h" in drawn
    assert all(map(_is_grey, _colours(drawn))) is bool(environment)


def test_a_page_of_a_sample_is_opened_in_the_persons_own_program_and_the_screen_comes_back(
    finished: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    with in_terminal("--screen", "samples", str(finished), VISUAL=f"cp -t {shlex.quote(str(taken))}") as terminal:
        _read_until(terminal, b"Toy/7")
        os.write(terminal, b"\r")
        _read_until(terminal, b"Answer")
        os.write(terminal, b"o")
        _read_until(terminal, b"\x1b[?1049l")
        _read_until(terminal, b"\x1b[?1049h")
    (file,) = taken.iterdir()
    assert file.suffix == ".py"
    assert file.read_text(encoding="utf-8").strip()


def _colours(drawn: bytes) -> list[tuple[int, ...]]:
    """Every colour that was set: a number of the palette, or red, green and blue."""
    found = re.findall(rb"[34]8;(?:5;(\d+)|2;(\d+);(\d+);(\d+))[;m]", drawn)
    return [tuple(int(part) for part in parts if part) for parts in found]


def _is_grey(colour: tuple[int, ...]) -> bool:
    if len(colour) == 3:
        return len(set(colour)) == 1
    return colour[0] >= 231 or colour[0] in {0, 7, 8, 15, 16, 59, 102, 145, 188}


def _read_until(terminal: int, wanted: bytes | None) -> bytes:
    """What a terminal was told, until it holds `wanted`; None waits for its end."""
    seen = b""
    until = time.monotonic() + 300
    while wanted is None or wanted not in seen:
        assert time.monotonic() < until, seen[-2000:]
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            seen += os.read(terminal, 65536)
        except OSError:  # the other side is closed
            assert wanted is None, seen[-2000:]
            break
    return seen


@pytest.mark.parametrize("words", [["--sizes"], ["--size", "banana", "study.db"]])
def test_a_wrong_call_is_one_line(words: list[str]) -> None:
    ended = run(*words)
    assert ended.returncode == 2
    assert ended.stderr.startswith("budget-tui: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("screen", "expected"), [("failures", "by verdict, error and message"), ("compare", "Flips at the rule")]
)
def test_a_picture_can_be_of_any_screen(finished: Path, tmp_path: Path, screen: str, expected: str) -> None:
    picture = tmp_path / "out.svg"
    ended = run("--screenshot", str(picture), "--screen", screen, "--size", "120x36", str(finished))
    assert (ended.returncode, ended.stderr) == (0, "")
    words = re.sub(r"<[^>]+>", " ", picture.read_text(encoding="utf-8")).replace("&#160;", " ")
    assert expected in words


def test_a_picture_can_be_taken_after_some_keys(finished: Path, tmp_path: Path) -> None:
    picture = tmp_path / "out.svg"
    ended = run("--screenshot", str(picture), "--screen", "samples", "--keys", "! s", "--theme", "nord", str(finished))
    assert (ended.returncode, ended.stderr) == (0, "")
    words = re.sub(r"<[^>]+>", " ", picture.read_text(encoding="utf-8")).replace("&#160;", " ")
    assert "· failed" in words
    assert "sorted by problem" in words


@pytest.mark.parametrize(
    ("text", "told"),
    [('theme = "nrod"', "did you mean 'nord'"), ('[keymap]\n"app.qiut" = "x"', "did you mean 'app.quit'")],
)
def test_settings_that_mean_nothing_are_refused_in_one_line(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "budget-tui.toml").write_text(text, encoding="utf-8")
    ended = run("--screenshot", "out.svg", str(finished))
    assert ended.returncode == 2
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_page_in_the_browser_only_looks_and_stays_on_this_machine() -> None:
    words = shlex.split(page_command(Path("my study.db")))
    assert words[-3:] == ["watch", "--readonly", "my study.db"]
    assert LOOPBACK == "127.0.0.1"


def test_a_replay_of_a_missing_store_is_one_line(tmp_path: Path) -> None:
    ended = run("--replay", str(tmp_path / "none.db"))
    assert ended.returncode == 6
    assert ended.stderr.count("\n") == 1


def test_in_a_real_terminal_a_study_is_replayed_and_the_store_is_only_read(finished: Path) -> None:
    before = finished.read_bytes()
    with in_terminal("--replay", "--speed", "1000", str(finished)) as terminal:
        _read_until(terminal, b"120/120")
    assert finished.read_bytes() == before
