"""The box's books, as the supervisor reads them."""

from __future__ import annotations

import pytest

from sandbox.inside import usage

MB = 1 << 20


def an_account(monkeypatch: pytest.MonkeyPatch, *charged_mb: int, cached_mb: int = 0) -> usage.Memory:
    """Memory that was made at the first of these amounts and sees the others, the last one for ever.

    Of the last one, `cached_mb` is what was read of files.
    """
    amounts = [charged_mb[0], *charged_mb]  # it looks twice when it is made

    def read(path: str) -> str | None:
        if path == usage._MEMORY_V2:
            return str((amounts.pop(0) if len(amounts) > 1 else amounts[0]) * MB)
        cached = cached_mb if len(amounts) == 1 else 0
        return f"active_file {cached * MB}\ninactive_file 0\n" if path == usage._CACHED[1][0] else None

    monkeypatch.setattr(usage, "_read", read)
    monkeypatch.setattr(usage, "_PATIENCE_S", 0.01)
    return usage.Memory()


def test_memory_is_back_when_little_more_is_charged_than_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert an_account(monkeypatch, 20, 27).is_back()
    assert not an_account(monkeypatch, 20, 40).is_back()


def test_memory_that_comes_back_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert an_account(monkeypatch, 20, 200, 200, 21).is_back()


def test_files_that_were_read_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert an_account(monkeypatch, 20, 60, cached_mb=40).is_back()
    assert not an_account(monkeypatch, 20, 60, cached_mb=10).is_back()


def test_where_no_book_is_kept_nothing_is_held_against_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_read", lambda _: None)
    assert usage.Memory().is_back()
