"""What a sample costs, unit by unit, from the sums of a store: known exactly, or not known at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sampler.costs import params_flops
from sampler.reporting.unit_costs import unit_cost
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.store.read_models import ModelRow, TallyRow
from sampler.values import Architecture, GivenCosts

SMALL = Architecture(layers=1, hidden=1, attention_width=1, matmul_params=5, unembed_params=2)

MODEL = ModelRow(id=1, name="m", backend="replay", engine="e", digest="d", architecture=None, params=None, wanted=2)
ROWS = [
    TallyRow(
        model_id=1,
        problem=f"P/{n}",
        sampled=2,
        scored=2,
        passed=1,
        prompt_tokens=2 * 100,
        completion_tokens=2 * 50,
        prompt_seconds=2 * 1.0,
        decode_seconds=2 * 3.0,
        prompt_flops=0.0,
        decode_flops=0.0,
        prompt_joules=2 * 10.0,
        decode_joules=2 * 30.0,
        cpu_s=2 * 0.5,
    )
    for n in range(3)
]


def cost(unit: Unit, model: ModelRow = MODEL, rows=ROWS, charge: PromptCharge = PromptCharge.EACH) -> UnitCost | None:
    return unit_cost(model, rows, unit, charge)


def given(**costs: float) -> ModelRow:
    return replace(MODEL, costs=GivenCosts(**costs))


def test_measured_units_are_means_of_what_was_measured():
    assert cost(Unit.SECONDS) == UnitCost(each=4.0)
    assert cost(Unit.SANDBOX_SECONDS) == UnitCost(each=0.5)
    assert cost(Unit.TOTAL_SECONDS) == UnitCost(each=4.5)
    assert cost(Unit.JOULES) == UnitCost(each=40.0)
    assert cost(Unit.JOULES, charge=PromptCharge.ONCE) == UnitCost(once=10.0, each=30.0)
    assert cost(Unit.TOTAL_SECONDS, charge=PromptCharge.ONCE) == UnitCost(once=1.0, each=3.5)


def test_given_units_are_what_the_study_file_says():
    table = given(table_flops=1.69e12, table_seconds=0.395)
    for charge in PromptCharge:
        assert cost(Unit.TABLE_FLOPS, table, charge=charge) == UnitCost(each=1.69e12)
        assert cost(Unit.TABLE_SECONDS, table, charge=charge) == UnitCost(each=0.395)
    priced = given(prompt_dollars=0.5, completion_dollars=1.5)
    assert cost(Unit.DOLLARS, priced).each == pytest.approx((100 * 0.5 + 50 * 1.5) / 1e6)
    shared = cost(Unit.DOLLARS, priced, charge=PromptCharge.ONCE)
    assert (shared.once, shared.each) == (pytest.approx(50e-6), pytest.approx(75e-6))


def test_one_pass_over_128_tokens_is_a_sample_of_any_length():
    assert cost(Unit.FLOPS_128, replace(MODEL, params=7)) == UnitCost(each=params_flops(7, 128))


@pytest.mark.parametrize(
    "unit",
    [Unit.FLOPS, Unit.FLOPS_PARAMS, Unit.FLOPS_128, Unit.TABLE_FLOPS, Unit.TABLE_SECONDS, Unit.DOLLARS],
)
def test_a_cost_that_nobody_told_is_unknown_and_not_zero(unit):
    assert cost(unit) is None


def test_energy_is_known_only_if_it_was_measured_of_every_sample():
    assert cost(Unit.JOULES, rows=[*ROWS[:2], replace(ROWS[2], decode_joules=None)]) is None


def test_sandbox_time_is_the_mean_of_what_was_executed_so_far():
    half = [replace(row, scored=1, cpu_s=0.5) for row in ROWS]
    assert cost(Unit.SANDBOX_SECONDS, rows=half) == UnitCost(each=0.5)
    assert cost(Unit.SANDBOX_SECONDS, rows=[*half[:2], replace(ROWS[2], scored=0, cpu_s=0.0)]) is None


def test_the_total_needs_both_clocks():
    silent = [replace(row, prompt_seconds=None, decode_seconds=None) for row in ROWS]
    assert cost(Unit.TOTAL_SECONDS, rows=silent) is None
    assert cost(Unit.SECONDS, rows=silent) is None


def test_costs_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="table_flops must be a number from 0 to 1e\\+100, not -1"):
        GivenCosts(table_flops=-1)
    with pytest.raises(ValueError, match="belong together; where reading is free, write 0"):
        GivenCosts(completion_dollars=1.0)


def thinking(**changed: object) -> list[TallyRow]:
    """Two samples of one problem: each reads 1000 tokens, 800 of them cached, thinks 3000 and answers with 400."""
    values = {
        "prompt_tokens": 2000,
        "completion_tokens": 6800,
        "thought_tokens": 6000,
        "cached_tokens": 1600,
        "prompt_flops": 50.0,
        "decode_flops": 70.0,
        "cached_flops": 30.0,
    }
    return [replace(ROWS[0], **{**values, **changed})]


def test_cached_tokens_and_thoughts_have_prices_of_their_own():
    measured = PromptCharge.MEASURED
    prices = {"prompt_dollars": 1.25, "completion_dollars": 10.0}
    cached = given(**prices, cached_dollars=0.125)
    assert cost(Unit.DOLLARS, cached, thinking(), measured).each == pytest.approx(0.03435)
    assert cost(Unit.DOLLARS, cached, thinking()).each == pytest.approx((1000 * 1.25 + 3400 * 10) / 1e6)
    plain = given(**prices)
    assert cost(Unit.DOLLARS, plain, thinking(), measured) == cost(Unit.DOLLARS, plain, thinking())
    thought = given(**prices, thought_dollars=2.0)
    assert cost(Unit.DOLLARS, thought, thinking()).each == pytest.approx((1000 * 1.25 + 3000 * 2 + 400 * 10) / 1e6)


def test_tokens_that_are_written_into_a_cache_have_their_price_in_place_of_the_prompts():
    prices = {"prompt_dollars": 1.25, "completion_dollars": 10.0, "cached_dollars": 0.125}
    written = given(**prices, cache_write_dollars=1.5625)
    rows = thinking(cache_write_tokens=200)  # of two samples: 100 each
    by_hand = (100 * 1.25 + 800 * 0.125 + 100 * 1.5625 + 3400 * 10) / 1e6
    assert cost(Unit.DOLLARS, written, rows, PromptCharge.MEASURED).each == pytest.approx(by_hand)
    assert cost(Unit.DOLLARS, written, thinking(), PromptCharge.MEASURED) is None  # the server did not say
    assert cost(Unit.DOLLARS, written, rows) == cost(Unit.DOLLARS, given(**prices), rows)  # as if asked alone
    dearer = given(prompt_dollars=1.0, completion_dollars=1.0, cache_write_dollars=2.0)
    assert cost(Unit.DOLLARS, dearer, rows, PromptCharge.MEASURED).each == pytest.approx((900 + 100 * 2 + 3400) / 1e6)


def test_what_a_cache_saved_is_left_out_where_that_is_measured():
    sized = replace(MODEL, architecture=SMALL, params=7)
    measured = PromptCharge.MEASURED
    assert cost(Unit.TOKENS, sized, thinking(), measured) == UnitCost(each=4400.0 - 800.0)
    assert cost(Unit.FLOPS, sized, thinking(), measured) == UnitCost(each=60.0 - 15.0)
    assert cost(Unit.FLOPS_PARAMS, sized, thinking(), measured) == UnitCost(each=2.0 * 7 * (4400 - 800))
    assert cost(Unit.SECONDS, sized, thinking(), measured) == cost(Unit.SECONDS, sized, thinking())
    unknown = thinking(cached_tokens=None, cached_flops=None)
    for unit in (Unit.TOKENS, Unit.FLOPS, Unit.FLOPS_PARAMS):
        assert cost(unit, sized, unknown, measured) is None, "an unknown part makes an unknown sum"
        assert cost(unit, sized, unknown) is not None


def test_a_price_that_needs_an_unknown_count_makes_the_cost_unknown():
    prices = {"prompt_dollars": 1.0, "completion_dollars": 1.0}
    assert cost(Unit.DOLLARS, given(**prices, thought_dollars=2.0), thinking(thought_tokens=None)) is None
    assert cost(Unit.DOLLARS, given(**prices, thought_dollars=1.0), thinking(thought_tokens=None)) is not None
    cached = given(**prices, cached_dollars=0.1)
    assert cost(Unit.DOLLARS, cached, thinking(cached_tokens=None), PromptCharge.MEASURED) is None
    with pytest.raises(ValueError, match="need prompt_dollars"):
        GivenCosts(thought_dollars=1.0)
