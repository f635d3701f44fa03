"""Outputs of LiveCodeBench's runner, and what its custom evaluator takes: a list of problems, each with its programs.

`code_list` is what was executed, `output_list` the answers that it was taken from, `graded_list` whether each passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from sampler.importing.imported import Claim, Imported, NoText, Reading, list_of, texts_of

EXAMPLE = '{"question_id": "abc301_a", "code_list": ["print(1)", "print(2)"], "graded_list": [true, false]}'


def recognises(row: object) -> bool:
    """Whether a problem with its programs is of this format."""
    return isinstance(row, dict) and "question_id" in row and bool({"code_list", "output_list"} & row.keys())


def samples(row: Any) -> Iterator[Imported | NoText]:
    """The samples of a problem."""
    field, reading = ("code_list", None) if "code_list" in row else ("output_list", Reading.ANSWER)
    texts = list_of(row[field], field)
    grades = list_of(row.get("graded_list") or [], "graded_list")
    if grades and len(grades) != len(texts):
        raise ValueError(f"graded_list has {len(grades)} grades for the {len(texts)} texts of {field}")
    for text, grade in zip_longest(texts_of(texts, field), grades):
        if isinstance(text, NoText):
            yield text
            continue
        claim = Claim(passed=grade) if isinstance(grade, bool) else None
        yield Imported(problem=row["question_id"], text=text, reading=reading, claim=claim)
