"""Samples completions from models, accounts for every cost, keeps all of it, and compares models at equal budget.

A *study* is models x problems x samples. Running one is always a resume: what the study wants minus what the store
holds is sampled, what has no verdict is scored, each fact is written once, and a kill at any moment costs at most the
work in flight. The sandbox is known through one protocol (`Executor`), engines through another (`backends.base`);
statistics (`stats`) are plain arithmetic on counts, so that a reader can check the science in one sitting.

For other programs: `extract(answer, problem)` returns the source to execute for what a model wrote, and why it is that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.extraction import Extracted, extract

__all__ = ["Extracted", "extract"]


def __getattr__(name: str) -> object:
    """The names of `__all__`, when first asked for: a command that prints its help needs none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("sandbox.extraction"), name)
