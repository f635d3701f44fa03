"""What the score of a text is made of."""

from __future__ import annotations

import math

import pytest

from sampler.backends.base import TextScore


def test_the_sum_and_the_mean_are_over_the_completions_tokens():
    score = TextScore(token_nlls=(0.5, 1.5, 0.0))
    assert (score.tokens, score.sum_nll) == (3, 2.0)
    assert score.mean_nll == pytest.approx(2 / 3)


def test_a_completion_without_tokens_has_no_mean():
    score = TextScore(token_nlls=())
    assert (score.sum_nll, score.mean_nll) == (0.0, None)


@pytest.mark.parametrize("nll", [-0.1, math.nan, math.inf])
def test_a_score_that_is_no_negative_log_probability_is_refused(nll):
    with pytest.raises(ValueError, match="NLL must be"):
        TextScore(token_nlls=(1.0, nll))
