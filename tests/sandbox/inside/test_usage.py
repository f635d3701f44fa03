"""The box's books, as the supervisor reads them."""

from __future__ import annotations

import pytest

from sandbox.inside import usage

MB = 1 << 20


def an_account(monkeypatch: pytest.MonkeyPatch, *charged_mb: int, cached_mb: int = 0) -> usage.MemoryBaseline:
    """Memory that was made at the first of these amounts and sees the others, the last one for ever.

    Of the last one, `cached_mb` is what was read of files.
    """
    amounts = [charged_mb[0], *charged_mb]  # it looks twice when it is made

    def read(path: str) -> str | None:
        if path == usage._MEMORY_V2:
            return str((amounts.pop(0) if len(amounts) > 1 else amounts[0]) * MB)
        cached = cached_mb if len(amounts) == 1 else 0
        return f"active_file {cached * MB}\ninactive_file 0\n" if path == usage._CACHED[1][0] else None

    monkeypatch.setattr(usage, "read", read)
    monkeypatch.setattr(usage, "_PATIENCE_S", 0.01)
    return usage.MemoryBaseline()


def test_memory_is_back_when_little_more_is_charged_than_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert an_account(monkeypatch, 20, 27).is_released()
    assert not an_account(monkeypatch, 20, 40).is_released()


def test_memory_that_comes_back_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert an_account(monkeypatch, 20, 200, 200, 21).is_released()


def test_files_that_were_read_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert an_account(monkeypatch, 20, 60, cached_mb=40).is_released()
    assert not an_account(monkeypatch, 20, 60, cached_mb=10).is_released()


def test_where_no_book_is_kept_nothing_is_held_against_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "read", lambda _: None)
    assert usage.MemoryBaseline().is_released()


def a_peak(monkeypatch: pytest.MonkeyPatch, *, held_mb: tuple[int, ...], marks_mb: tuple[int, int]) -> usage.PeakMemory:
    """A visit before which the box held the first amount, and then the others; with these marks before and after."""
    amounts, marks = list(held_mb), list(marks_mb)
    read = {usage._MEMORY_V1: amounts, usage._PEAK_V1: marks}
    monkeypatch.setattr(usage, "read", lambda path: str(read[path].pop(0) * MB) if path in read else None)
    return usage.PeakMemory()


def test_a_visit_that_moves_the_mark_has_held_exactly_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    assert a_peak(monkeypatch, held_mb=(20,), marks_mb=(30, 120)).result(17 << 10) == (100 << 10, "cgroup")


def test_a_visit_that_stays_below_the_mark_has_held_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    peak = a_peak(monkeypatch, held_mb=(20, 60, 40), marks_mb=(120, 120))
    peak.sample()
    peak.sample()
    assert peak.result(17 << 10) == (40 << 10, "sampled")


def test_the_largest_process_counts_where_it_is_more_or_nothing_else_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert a_peak(monkeypatch, held_mb=(20,), marks_mb=(30, 31)).result(17 << 10) == (17 << 10, "rusage")
    monkeypatch.setattr(usage, "read", lambda _: None)
    assert usage.PeakMemory().result(17 << 10) == (17 << 10, "rusage")


class Account:
    """A box with a wall of 100 MB, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, charged_mb: int, cached_mb: int = 0) -> None:
        self.charged_mb, self.cached_mb, self.kills, self.now = charged_mb, cached_mb, 0, 0.0
        monkeypatch.setattr(usage, "read", self._read)
        monkeypatch.setattr(usage.time, "monotonic", lambda: self.now)

    def _read(self, path: str) -> str | None:
        return {
            usage._LIMIT_V2: f"{100 * MB}\n",
            usage._MEMORY_V2: f"{self.charged_mb * MB}\n",
            usage._CACHED[1][0]: f"active_file {self.cached_mb * MB}\n",
            usage._OOM_V2: f"oom 9\noom_kill {self.kills}\n",
        }.get(path)


def test_memory_is_short_a_moment_after_a_box_is_full_and_after_each_killing(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(monkeypatch, charged_mb=60)
    shortage = usage.MemoryPressure()
    assert not shortage.is_high()
    account.charged_mb, account.now = 99, 1.0
    assert shortage.is_high()
    account.now = 2.0
    assert not shortage.is_high(), "a program may stay close to its limit"
    account.kills = 1
    assert shortage.is_high()
    assert shortage.has_oom_killed()
    account.charged_mb = 50
    assert not shortage.is_high()


def test_a_shortage_without_end_is_not_sat_out(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(monkeypatch, charged_mb=99)

    def one_more_is_killed(seconds: float) -> None:
        account.kills, account.now = account.kills + 1, account.now + seconds

    monkeypatch.setattr(usage.time, "sleep", one_more_is_killed)
    shortage = usage.MemoryPressure()
    shortage.wait_for_memory()
    assert shortage.is_high()
    assert account.now == pytest.approx(usage._PATIENCE_S, abs=0.01)


def test_a_box_that_is_full_of_files_is_not_short(monkeypatch: pytest.MonkeyPatch) -> None:
    Account(monkeypatch, charged_mb=99, cached_mb=40)
    assert not usage.MemoryPressure().is_high()


def test_where_no_book_is_kept_nothing_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "read", lambda _: None)
    shortage = usage.MemoryPressure()
    assert not shortage.is_high()
    assert not shortage.has_oom_killed()


def test_an_account_without_a_wall_is_never_short(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(monkeypatch, charged_mb=1 << 20)
    monkeypatch.setattr(usage, "read", lambda path: "max\n" if path == usage._LIMIT_V2 else account._read(path))
    assert not usage.MemoryPressure().is_high()
