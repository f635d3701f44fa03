from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sampler.plotting import ELLIPSIS, fit, fit_middle
from tui.text import percent_done, sanitize, without_marks

ANY = st.text(st.characters(codec=None), max_size=60)


@given(ANY)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    for char in sanitize(text):
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(ANY)
def test_harmless_text_can_be_written_as_utf_8(text: str) -> None:
    sanitize(text).encode("utf-8")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J\x1b]52;c;aGk=\x07", "␛[2J␛]52;c;aGk=␇"),
        ("one\rtwo\nthree\tfour", "one␍two␊three four"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("a\x00b\x7f", "a␀b␡"),
        ("[red]not markup[/red]", "[red]not markup[/red]"),
        ("e" + "\u0301" * 50, "e\u0301\u0301"),
    ],
)
def test_what_hostile_text_becomes(hostile: str, shown: str) -> None:
    assert sanitize(hostile) == shown


def test_a_line_of_a_megabyte_is_cut_before_it_is_looked_at() -> None:
    assert sanitize("x" * 1_000_000, 100) == "x" * 100 + ELLIPSIS


@given(ANY, st.integers(0, 40))
def test_fitted_text_has_exactly_the_width(text: str, width: int) -> None:
    assert cell_len(fit(sanitize(text), width)) == width
    assert cell_len(fit_middle(sanitize(text), width)) == width


@given(ANY)
def test_without_marks_each_character_has_one_or_two_cells(text: str) -> None:
    assert all(cell_len(char) in {1, 2} for char in without_marks(text))


@pytest.mark.parametrize(("part", "words"), [(0, "0%"), (199, "99%"), (200, "100%"), (201, "100%")])
def test_all_is_done_only_when_nothing_is_left(part: int, words: str) -> None:
    assert percent_done(part, 200) == words
