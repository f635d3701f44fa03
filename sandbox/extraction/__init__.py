"""Make the source to execute, without the tests, from what a model wrote. `extract` is the only entry point.

A text is one of these kinds (`given`):

* a **solution** is a complete program and is executed as it is;
* a **completion** continues the prompt (or is a complete program, if the set has such), and is executed as it is;
* a **raw** completion, from a file of uncut completions, still has to be cut where it begins something new;
* an **answer** is a chat's: reasoning, prose, fenced blocks, code without a fence, cut off or corrected.

How an answer is read, in this order (docs/extraction.md says the same to users, with each rule's reason):

1. `special_tokens`: a model's reasoning is not part of its answer; a special token ends the answer.
2. `blocks`: which text is fenced, and which is not. A fence within a Python literal is text.
3. `functions` or `programs`: which of the blocks is the code. For a function it is the last closed one that defines it
   with a body, for a whole program the last closed one that is complete. Missing imports and helpers come from the
   other blocks.
4. `bare`: if no block fits, the text that is not fenced: the whole text if all of it is Python, else its code without
   the prose.

Nothing is run here. The text is hostile: all work is linear in its length, `parsing` gives the parser only text of
limited size, and no text raises an exception. If an answer holds no code, the source raises an error that says so.
Every choice comes with a sentence that gives its reason.
"""

from __future__ import annotations

from sandbox.extraction.extracting import (
    PROGRAM_STOPS,
    STOPS,
    TEXT_KINDS,
    Extracted,
    TextKind,
    answered,
    continued,
    extract,
)

__all__ = ["PROGRAM_STOPS", "STOPS", "TEXT_KINDS", "Extracted", "TextKind", "answered", "continued", "extract"]
