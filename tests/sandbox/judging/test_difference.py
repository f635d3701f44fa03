"""The first difference, as a person reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.judging.explaining import first_difference

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
