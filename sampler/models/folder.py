"""Where models are kept."""

from __future__ import annotations

import os
from pathlib import Path

from sampler.models.pull import default_cache


def models_dir() -> Path:
    """The folder that the variable CODEBUDGET_MODELS names, or else one in the user's cache."""
    named = os.environ.get("CODEBUDGET_MODELS")  # noqa: TID251 - asked by the commands of two programs
    return Path(named) if named else default_cache()
