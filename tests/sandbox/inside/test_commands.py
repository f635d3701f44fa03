"""What process 1 takes of what a compiler leaves: plain files below one directory, and not too many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.inside import commands


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "out"
    directory.mkdir()
    monkeypatch.setattr(commands, "OUTPUT", str(directory))
    return directory


def test_files_are_taken_with_their_directories(output: Path) -> None:
    (output / "a").mkdir()
    (output / "a" / "B.class").write_bytes(b"1")
    (output / "main").write_bytes(b"2")
    assert sorted(commands.collect()) == [["a/B.class", b"1"], ["main", b"2"]]


def test_what_is_no_plain_file_is_passed_over(output: Path) -> None:
    (output / "link").symlink_to("/etc/hostname")
    (output / "linked").symlink_to("/etc")
    os.mkfifo(output / "pipe")
    (output / "main").write_bytes(b"x")
    assert commands.collect() == [["main", b"x"]]


def test_a_directory_that_is_a_link_is_not_followed(output: Path, tmp_path: Path) -> None:
    output.rmdir()
    output.symlink_to(tmp_path)
    (tmp_path / "secret").write_bytes(b"x")
    assert commands.collect() is None


def test_nothing_made_is_an_empty_product(output: Path) -> None:
    output.rmdir()
    assert commands.collect() == []


def test_too_many_too_large_and_too_deep_are_no_product(output: Path) -> None:
    with (output / "large").open("wb") as file:
        file.truncate(commands.MAX_PRODUCT_BYTES + 1)
    assert commands.collect() is None
    (output / "large").unlink()
    deep = output.joinpath(*["d"] * (commands.MAX_PRODUCT_DEPTH + 1))
    deep.mkdir(parents=True)
    (deep / "x").write_bytes(b"")
    assert commands.collect() is None


def test_a_program_that_replaces_another_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "PROGRAM", str(tmp_path))
    installed = commands.Installed()
    installed.replace([["a/b", b"123"], ["main", b"4"]])
    assert installed.size == 4
    assert (tmp_path / "main").stat().st_mode & 0o777 & ~0o022 == 0o755
    installed.replace([["other", b"5"]])
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
