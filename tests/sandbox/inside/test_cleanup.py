"""The cleaner's part that needs no box: emptying a directory, whatever lies in it, a few names at a time."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.inside import cleanup


def test_a_directory_is_emptied_however_much_is_in_it_and_however_deep(tmp_path: Path) -> None:
    assert cleanup.is_empty(str(tmp_path))
    for number in range(3 * cleanup._AT_ONCE):
        (tmp_path / f"file {number}").touch()
        (tmp_path / "deep" / "er" / str(number)).mkdir(parents=True)
        (tmp_path / "deep" / f"link {number}").symlink_to("nowhere")
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff\n", os.O_CREAT | os.O_WRONLY))
    (tmp_path / "deep").chmod(0)
    assert not cleanup.is_empty(str(tmp_path))
    cleanup._empty(str(tmp_path))
    assert cleanup.is_empty(str(tmp_path))


def test_names_are_never_all_in_memory(tmp_path: Path) -> None:
    for number in range(2 * cleanup._AT_ONCE):
        (tmp_path / str(number)).touch()
    place = os.open(tmp_path, os.O_RDONLY)
    try:
        assert len(cleanup._some_names(place)) == cleanup._AT_ONCE
        assert cleanup._some_names(place) == cleanup._some_names(place), "it begins at the first one again"
    finally:
        os.close(place)
