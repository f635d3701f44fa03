"""A format of problems, and a data set in it: `sandbox problems --problems sums`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.problems.problem_formats import ProblemFormat
from sandbox.problems.readers.stdin_formats import Given
from sandbox.values import StdinTest, StdinTests


def knows(row: dict[str, Any]) -> bool:
    """Return whether a row has this format; ask for fields that no other format has."""
    return "sum_of" in row


def read(row: dict[str, Any], place: int) -> Given:
    """Return the problem of a row; raise ValueError for what is wrong with it."""
    many = row["sum_of"]
    if not isinstance(many, int) or many < 1:
        raise ValueError(f"sum_of is {many!r}, not a whole number of at least 1")
    numbers = range(1, many + 1)
    case = StdinTest(stdin=" ".join(map(str, numbers)).encode(), expected=str(sum(numbers)).encode())
    return Given(
        name=f"sums/{row.get('id', place)}",
        question=f"Read {many} numbers from one line of standard input and print their sum.",
        tests=StdinTests(cases=(case,)),
        public=StdinTests(cases=(case,)),
        solution="print(sum(map(int, input().split())))",
    )


def rows() -> Iterator[dict[str, Any]]:
    """Return the rows of the data set; they may come from files of the package, or from anywhere."""
    return ({"id": many, "sum_of": many} for many in (2, 3, 5))


SUMS = ProblemFormat(knows=knows, read=read, rows=rows)
