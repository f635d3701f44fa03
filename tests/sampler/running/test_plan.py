from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sampler.running.planning import first_seed, missing, requests
from sampler.study.spec_models import ModelSpec, Sampling


def model(samples: int) -> ModelSpec:
    return ModelSpec(name="m", backend="replay", samples=samples, model="m", file=None, sampling=Sampling(), options={})


@given(wanted=st.integers(0, 40), held=st.sets(st.integers(0, 60)))
def test_what_is_missing_is_the_set_difference_in_unbroken_stretches(wanted, held):
    stretches = list(missing(wanted, held))
    indices = [index for first, count in stretches for index in range(first, first + count)]
    assert indices == [index for index in range(wanted) if index not in held]
    ends = [first + count for first, count in stretches]
    assert all(end < following for end, (following, _) in zip(ends, stretches[1:], strict=False))


@given(
    samples=st.integers(1, 12),
    held=st.dictionaries(st.sampled_from(["P/0", "P/1", "P/2"]), st.sets(st.integers(0, 15))),
    seed=st.integers(0, 2**40),
)
def test_a_sample_has_the_same_seed_however_often_the_study_was_interrupted(support, samples, held, seed):
    problems = support.problems(3)
    fresh = seeds(requests(model(samples), problems, {}, seed))
    resumed = seeds(requests(model(samples), problems, held, seed))
    assert len(fresh) == 3 * samples
    assert resumed == {key: fresh[key] for key in fresh if key[1] not in held.get(key[0], set())}
    assert all(0 <= value < 2**31 for value in fresh.values())


def seeds(asked) -> dict[tuple[str, int], int]:
    return {(r.problem, r.first + n): r.seed + n for r in asked for n in range(r.count)}


def test_seeds_depend_on_the_study_and_on_the_problem():
    assert len({first_seed(seed, name) for seed in range(20) for name in ("P/0", "P/1", "P/2")}) == 60
    assert first_seed(0, "HumanEval/0") == first_seed(0, "HumanEval/0")


def test_a_model_that_has_everything_is_asked_nothing(support):
    held = {f"P/{n}": set(range(4)) for n in range(2)}
    assert requests(model(4), support.problems(2), held, 0) == []
