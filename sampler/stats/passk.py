"""Compute pass@k: the chance that k samples of a problem hold a correct one, averaged over problems."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Return the chance that k of `samples`, drawn without replacement, hold one of the `correct`.

    The unbiased estimator 1 - C(n-c, k) / C(n, k) of Chen et al. 2021 (arXiv 2107.03374, equation 1), in whole numbers
    up to the last division. Undefined for k > n, where other code answers 1.0.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} is undefined for {samples} samples")
    if not 0 <= correct <= samples:
        raise ValueError(f"{correct} correct of {samples} samples")
    chosen = comb(samples, k)
    return (chosen - comb(samples - correct, k)) / chosen


def pass_at_every_k(samples: Sequence[int], correct: Sequence[int], ks: int) -> NDArray[np.float64]:
    """pass@1 … pass@ks of every problem, as a table of problems x ks; undefined unless every problem has ks samples.

    The same estimator, by the ratio C(n-c, k) / C(n, k) = product over i < k of (n-c-i) / (n-i).
    """
    n = np.asarray(samples, dtype=np.int64)
    c = np.asarray(correct, dtype=np.int64)
    if n.shape != c.shape or n.ndim != 1 or not n.size:
        raise ValueError(
            f"{n.size} counts of samples and {c.size} of correct ones; one of each is needed for every problem"
        )
    if not 1 <= ks <= n.min():
        raise ValueError(f"pass@{ks} is undefined for {n.min()} samples")
    if (c < 0).any() or (c > n).any():
        raise ValueError("a problem has more correct samples than samples, or fewer than none")
    drawn = np.arange(ks)
    wrong_left = np.maximum(n[:, None] - c[:, None] - drawn, 0)
    none_correct = np.cumprod(wrong_left / (n[:, None] - drawn), axis=1)
    return np.asarray(1.0 - none_correct, dtype=np.float64)
