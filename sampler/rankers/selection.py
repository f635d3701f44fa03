"""By selection tests: those of a problem that whoever picks an answer may see. What passes comes before what does not.

As a ranking it always hands out something: where nothing passes, any sample. `selected_at_k` says what becomes of it
where one would rather hand out nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampler.rankers.values import Scores


def selection(passed: Sequence[bool]) -> Scores:
    """1 for what passes the selection tests, 0 for what does not."""
    return np.array(passed, dtype=np.float64)
