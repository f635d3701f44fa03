"""Sample completions from models, store them with every cost, and compare models at equal budget.

A *study* is models x problems x samples. Running a study always resumes it: samples that the store lacks are drawn, and
samples without a verdict are scored. Each fact is written once, and a killed process loses at most the work in flight.
The sandbox is used through one protocol (`Executor`), engines through another (`backends.base`). Statistics (`stats`)
are plain arithmetic on counts, so that they are easy to check.

For other programs and notebooks: `open(path)` reads a store as data frames, `run(study)` runs a `Study` from code or a
file. `extract(answer, problem)` returns the source to execute for what a model wrote, and the reason for the choice.
Nothing is imported before it is used, so `import sampler` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sampler.api import RunIncomplete, Study, open, run
    from sampler.data_frames import ReportView, StoreView
    from sampler.frame_columns import COLUMNS
    from sandbox.extraction import Extracted, extract

__all__ = ["COLUMNS", "Extracted", "ReportView", "RunIncomplete", "StoreView", "Study", "extract", "open", "run"]
_PLACES = {
    **dict.fromkeys(("Extracted", "extract"), "sandbox.extraction"),
    **dict.fromkeys(("ReportView", "StoreView"), "sampler.data_frames"),
    "COLUMNS": "sampler.frame_columns",
}


def __getattr__(name: str) -> object:
    """Import a name of `__all__` when it is first used: a command that prints its help needs none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES.get(name, "sampler.api")), name)
