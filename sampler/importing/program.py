"""From an imported text to the source that is executed, and why it is that."""

from __future__ import annotations

from collections.abc import Mapping

from sampler.importing.imported import Reading
from sandbox.extraction import Extracted, Given, extract
from sandbox.problems import Problem

_GIVEN: Mapping[Reading, Given] = {
    Reading.COMPLETION: "completion",
    Reading.RAW: "raw",
    Reading.PROGRAM: "solution",
    Reading.ANSWER: "answer",
}


def program_of(problem: Problem, text: str, reading: Reading) -> Extracted:
    """Return the source of a text. A completion that is still to be cut, and repeats the prompt, has it once."""
    return extract(text, problem, given=_GIVEN[reading])
