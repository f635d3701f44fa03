"""How tests in other languages are told apart into calls and what is expected of them."""

from __future__ import annotations

import pytest
from language_functions import examples

from sandbox.languages.test_drivers import DRIVERS, FunctionCalls, preamble
from sandbox.languages.test_drivers.driver import Assertion, closing, cut
from sandbox.values import LanguageTests

EXAMPLES = examples()
CPP = Assertion(opening="assert(", between=" == ")


@pytest.mark.parametrize("language", sorted(DRIVERS))
def test_every_language_has_an_example_whose_tests_are_calls(language: str) -> None:
    given = EXAMPLES[language].problem.given
    assert isinstance(given, LanguageTests)
    assert given.function == EXAMPLES[language].problem.entry_point == "lengths"
    assert len(given.pairs) == (2 if language == "bash" else 3)
    assert all("lengths" in call or "candidate" in call for call, _ in given.pairs)
    assert "b)b" in given.pairs[1][0]


@pytest.mark.parametrize("language", sorted(DRIVERS))
def test_a_candidates_program_holds_nothing_that_is_expected(language: str) -> None:
    given = EXAMPLES[language].problem.given
    assert isinstance(given, LanguageTests)
    marked = tuple((call, f"SECRET{number}") for number, (call, _) in enumerate(given.pairs))
    told = FunctionCalls(function="lengths", declaration=given.declaration, pairs=marked)
    source = DRIVERS[language].answering("THE PROGRAM", told)
    assert "SECRET" not in source
    assert "THE PROGRAM" in source
    assert all(f"SECRET{number}" in DRIVERS[language].expecting(told) for number in range(len(marked)))


@pytest.mark.parametrize(
    "text",
    [
        "assert(f(1) == 2); assert(g(1) == 2);",
        "assert(f(1) == 2); auto x = f(3);",
        "assert(f(1) < 2);",
        "assert(abs(f(1) - 2.0) < 0.1);",
        "assert(f(1) == 2 && f(2) == 3);",
        "assert(f(1) == ",
        "int main() {}",
    ],
)
def test_tests_that_are_more_than_calls_with_answers_are_not_cut(text: str) -> None:
    assert cut(text, CPP) == ()


def test_brackets_in_texts_do_not_count() -> None:
    assert cut('assert(f(")(", g(1)) == (")"));', CPP) == (('f(")(", g(1))', '(")")'),)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("int f() {", 1),
        ("class A { int f() { if (x) { y(); }", 2),
        ("int f() { return 1; }", 0),
        ("f() { s = \"{{\"; // {\n /* { */ c = '{';", 1),
        ("fn f<'a>(x: &'a str) -> char { let y = '\\u{7b}'; if x == \"}\" {", 2),
    ],
)
def test_open_blocks_are_closed(text: str, missing: int) -> None:
    assert closing(text) == "\n}" * missing


def test_the_text_before_a_function_has_no_comments_of_it() -> None:
    prompt = (
        "#include <map>\nint helper() { return 1; }\n\n// Calls lengths(x).\n// >>> lengths(x)\nint lengths(int x) {\n"
    )
    assert preamble(prompt, "lengths") == "#include <map>\nint helper() { return 1; }\n"
