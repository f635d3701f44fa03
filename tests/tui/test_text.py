from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.text import ELLIPSIS, fit, fit_middle, sanitize, shorten_names, without_marks

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


NAMES = st.lists(st.text("abc-5.", min_size=1, max_size=30), min_size=1, max_size=6, unique=True)


@given(NAMES, st.integers(4, 30))
def test_short_names_fit_and_stay_different(names: list[str], width: int) -> None:
    short = shorten_names(names, width)
    assert all(cell_len(name) <= width for name in short)
    assert len(set(short)) == len(names)


def test_names_of_one_family_keep_what_tells_them_apart() -> None:
    names = ["qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"]
    assert shorten_names(names, 30) == names
    assert shorten_names(names, 20) == ["qwen2.5-coder-0.5b…", "qwen2.5-coder-1.5b…"]
    assert shorten_names(names, 10) == ["…0.5b…", "…1.5b…"]


def test_owners_and_tuning_go_before_sizes_do() -> None:
    names = ["meta-llama/Llama-3.1-8B-Instruct", "google/gemma-2-27b-it", "Qwen/Qwen2.5-14B-Instruct"]
    assert shorten_names(names, 16) == ["Llama-3.1-8B…", "gemma-2-27b…", "Qwen2.5-14B…"]


def test_what_only_looks_like_an_owner_stays() -> None:
    names = ["e [bold]x[/]", "<script>alert(1)</script>&", "Qwen/Qwen2.5-Coder-14B-of-somebody"]
    short = shorten_names(names, 16)
    assert short[0] == names[0]
    assert short[1].startswith("<scri")
    assert short[2].startswith("Qwen2")
