"""The first difference, as a person reads it, and the kind of a difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.judging.explaining import first_difference, kind_of_words, value_kind

LONG = "a" * 500
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("answer", "expected", "said"),
    [
        (1, 2, None),
        ([1], (1,), None),
        ([1, 2, 3], [1, 2, 4], "at [2]: 3 where 4 was expected"),
        ([1, 2], [1, 2, 3], "at [2]: nothing where 3 was expected"),
        ([1, {"a": [5]}], [1, {"a": [6]}], "at [1]['a'][0]: 5 where 6 was expected"),
        ({"a": 1, "b": 2}, {"a": 1}, "at ['b']: 2 where nothing was expected"),
        (
            LONG + "x" + LONG,
            LONG + "y" + LONG,
            "at [495:]: 'aaaaaxaaaaaaaaaaaaa' where 'aaaaayaaaaaaaaaaaaa' was expected",
        ),
        (LONG, LONG + "b", "at [495:]: 'aaaaa' where 'aaaaab' was expected"),
    ],
)
def test_the_first_difference_is_named_by_its_place(answer: object, expected: object, said: str | None) -> None:
    assert first_difference(answer, expected) == said


@given(VALUES, VALUES)
def test_any_two_values_can_be_compared_for_a_person(answer: object, expected: object) -> None:
    said = first_difference(answer, expected)
    assert said is None or answer != expected


@pytest.mark.parametrize(
    ("answer", "expected", "kind"),
    [
        (None, [1], "None where a list was expected"),
        (None, 3, "None where a number was expected"),
        (None, "x", "None where a text was expected"),
        (4, 3, "off by one"),
        (2.0, 3, "off by one"),
        (-7, 7, "the sign of a number"),
        (0, 9, "0 where another number was expected"),
        (3.14159, 3.1415, "a number that is nearly right"),
        (15, 9, "another number"),
        (10**400, 1.5, "another number"),
        (True, False, "True where False was expected"),
        (True, 1, "True or False where a number was expected"),
        ("3", 3, "a text where a number was expected"),
        ((1, 2), [1, 2], "a tuple where a list was expected"),
        ("", "ab", "an empty text"),
        ("a b", "ab", "only blanks differ"),
        ("AB", "ab", "only upper and lower case differ"),
        ("ba", "ab", "the right characters in another order"),
        ("a", "ab", "part of the text"),
        ("abc", "ab", "more than the text"),
        ("xy", "ab", "another text"),
        ([], [1], "an empty list where items were expected"),
        ([1], [1, 2], "a list with too few items"),
        ([1, 2, 3], [1, 2], "a list with too many items"),
        ([2, 1], [1, 2], "a list in another order"),
        ([3, 1], [1, 2], "a list with another item"),
        ([10**5000, 1], [1, 2], "a list with another item"),
        ([[9] * 1000] * 1000, [[9] * 999 + [8]] * 1000, "a list with another item"),
        ({"a": 1}, {"a": 2}, "a dict with another value"),
        ({"b": 2}, {"a": 2}, "a dict with another key"),
        ({1}, {2}, "a set with another item"),
    ],
)
def test_a_wrong_answer_has_a_kind_that_is_the_same_for_all_problems(
    answer: object, expected: object, kind: str
) -> None:
    assert value_kind(answer, expected) == kind


@given(VALUES, VALUES)
def test_any_wrong_answer_has_a_kind_without_its_value(answer: object, expected: object) -> None:
    kind = value_kind(answer, expected)
    assert 0 < len(kind) < 60
    assert kind.isascii()


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("answered 15 where 9 was expected, call 1 of 2, arguments (3)", "another number"),
        ("answered [2, 1] where [1, 2] was expected, call 1 of 2, arguments ()", "a list in another order"),
        ("answered None where 'a' was expected, call 2 of 2, arguments ()", "None where a text was expected"),
        ("answered 3 where something true was expected, call 1 of 2, arguments ()", None),
        ("answered [1, 2, ...] where [1, 3, ...] was expected, call 1 of 2; they first differ at [1]", None),
        ("printed '10' where '9' was expected, line 1, test 2 of 60", "off by one"),
        ("printed '-9' where '9' was expected, line 1, test 2 of 60", "the sign of a number"),
        ("printed 'yes' where 'YES' was expected, line 1, test 1 of 1", "only upper and lower case differ"),
        ("printed 'Sum: 9' where '9' was expected, line 1, test 1 of 1", "more than the text"),
        ("printed nothing where '9' was expected, line 1, test 1 of 1", "nothing where a line was expected"),
        ("printed '9' where nothing was expected, line 2, test 1 of 1", "a line where nothing was expected"),
        ("printed 'aaaa'… where 'aaab'… was expected, line 1, test 1 of 1", "another line"),
        ("printed 'it was expected, or' where 'b' was expected, line 1, test 1 of 1", "another text"),
        ("the interactor does not accept what it did, test 1 of 2", None),
        ("", None),
    ],
)
def test_words_of_a_wrong_answer_tell_the_kind_of_difference(reason: str, kind: str | None) -> None:
    assert kind_of_words(reason) == kind
