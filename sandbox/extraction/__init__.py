"""From what a model wrote to the source that is executed, without the tests. `extract` is the one way in.

Three things are handed over as `given`, and a fourth one is for files of uncut completions:

* a **solution** stands alone and is executed as it is, not a byte removed;
* a **completion** goes on where the prompt stops (where programs stand alone, it is one), and is executed as it is,
  too;
* a **raw** completion is the same, still to be cut where it begins something new;
* an **answer** is a chat's: reasoning, prose, fenced blocks, code without a fence, cut off or corrected.

How an answer is read, in this order (docs/extraction.md says the same to users, with each rule's reason):

1. `special_tokens`: the reasoning of a model is no part of its answer; a special token ends it.
2. `blocks`: what is fenced, and what is not. A fence within a Python literal is text.
3. `functions` or `programs`: which of the blocks is the code. Of a function the last closed one that defines it with a
   body, of a whole program the last closed one that is complete; imports and helpers that it lacks come from the other
   blocks.
4. `bare`: where no block serves, the text that is not fenced: as a whole if it is Python as a whole, else without its
   prose.

Nothing is run here. The text is hostile: all work is linear in its length, `parsing` gives the parser bounded text
only, and nothing raises. Where an answer holds no code, none is made up: the source raises an error that says so. Every
choice comes with a sentence that says why it was made.
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
