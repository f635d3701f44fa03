"""Every number of an analysis that is measured has its interval: the one that its neighbours would give it."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from sampler.reporting.allocation_report import orders_of
from sampler.reporting.analyse import Analysis, AnalysisRequest, SampleEvidence, analyse
from sampler.reporting.paired_data import PairedData, paired_data
from sampler.reporting.render_analysis import print_analysis
from sampler.stats.bootstrap import Interval, draw_problems, intervals, rate_intervals
from sampler.stats.budget import PromptCharge, Unit, UnitCost
from sampler.stats.passk import pass_at_k
from sampler.stats.stopping import attempts_at_every_k, by_own_cost
from sampler.store.read_models import ModelRow, SpentRow, TallyRow
from sampler.values import GivenCosts

pytestmark = pytest.mark.slow

N = 6
SMALL = (6, 5, 4, 3, 3, 2, 2, 1, 1, 1, 0, 0, 0, 0)
LARGE = (6, 6, 6, 6, 5, 4, 5, 3, 3, 4, 2, 1, 1, 0)
WISH = AnalysisRequest(unit=Unit.TOKENS, budgets=(2.0, 6.0, 12.0, 24.0))


def tokens(model: int, at: int) -> int:
    """Of a sample: 2, 3 or 4 of the small model's, three times as many of the large one's."""
    return (1, 3)[model - 1] * (2 + at % 3)


def paired(small: Sequence[int] = SMALL, large: Sequence[int] = LARGE) -> PairedData:
    models = [
        ModelRow(
            id=number, name=name, backend="replay", engine=None, digest=None, architecture=None, params=None, wanted=N
        )
        for number, name in ((1, "small"), (2, "large"))
    ]
    tallies = [
        TallyRow(
            model_id=number,
            problem=f"P/{at}",
            sampled=N,
            scored=N,
            passed=passed,
            prompt_tokens=0,
            completion_tokens=N * tokens(number, at),
            prompt_seconds=None,
            decode_seconds=None,
            prompt_flops=None,
            decode_flops=None,
        )
        for number, counts in ((1, small), (2, large))
        for at, passed in enumerate(counts)
    ]
    return paired_data(models, tallies, 0)


def orders(under: PairedData) -> SampleEvidence:
    """The samples one by one, each at what the problem's samples cost on average."""
    found = {}
    for model in under.models:
        rows = [
            SpentRow(problem=tally.problem, reading=0.0, writing=tokens(model.id, at), passed=int(index < tally.passed))
            for at, tally in enumerate(under.tallies[model.id])
            for index in range(N)
        ]
        found[model.id] = orders_of(under, model, rows, PromptCharge.EACH)
    return SampleEvidence(orders={model: one for model, one in found.items() if one})


def analysed(under: PairedData | None = None, request: AnalysisRequest = WISH) -> Analysis:
    under = under or paired()
    return analyse("a", under, request, orders(under))


def drawn(values: Sequence[float], under: PairedData) -> object:
    """The interval of a mean of rates: its ends, to compare with `ends` but for a rounding."""
    assert under.draws is not None
    return pytest.approx(ends(rate_intervals(np.array(values)[:, None], under.draws)[0]))


def ends(of: Interval | None) -> tuple[float, float]:
    assert of is not None
    return of.low, of.high


def test_what_it_costs_to_solve_has_the_interval_of_a_mean_over_problems():
    under = paired()
    small = analysed(under).models[0]
    assert small.stopped is not None
    each = np.array([tokens(1, at) for at in range(len(SMALL))])
    costs = attempts_at_every_k([N] * len(SMALL), SMALL, N)[:, -1:] * each[:, None]
    assert under.draws is not None
    assert ends(small.stopped.cost_interval) == pytest.approx(ends(intervals(costs, under.draws)[0]))
    assert ends(small.stopped.rate_interval) == drawn([float(c > 0) for c in SMALL], under)
    assert small.cost_of_pass is not None
    assert ends(small.cost_of_pass.unsolved_interval) == drawn([float(c == 0) for c in SMALL], under)


def test_each_rule_of_spending_has_the_interval_of_what_it_solves():
    under = paired()
    small, large = analysed(under).models
    _, six, _, _ = small.spent
    # Six tokens buy two samples of 3 on average: 3, 2 or 1 by a problem's own cost.
    assert ends(six.intervals["by_mean"]) == drawn([pass_at_k(N, c, 2) for c in SMALL], under)
    own = [UnitCost(each=tokens(1, at)) for at in range(len(SMALL))]
    solved = by_own_cost([N] * len(SMALL), SMALL, own, 6.0)
    assert ends(six.intervals["by_own"]) == drawn(solved.tolist(), under)
    for rule in ("by_mean", "by_own", "by_sample", "in_rounds"):
        near, rate = six.intervals[rule], getattr(six, rule)
        assert near is not None
        assert near.low < rate < near.high
    two = large.spent[0]  # tokens buy no sample of the large model, and only the rounds begin: on some problems
    assert (two.by_mean, two.by_own, two.by_sample) == (0.0, 0.0, 0.0)
    assert [rule for rule, near in two.intervals.items() if near] == ["in_rounds"]


def test_what_is_undefined_has_no_interval():
    small, _ = analysed().models
    last = small.spent[-1]
    assert (last.by_mean, last.by_own, last.in_rounds) == (None, None, None)  # eight samples were not drawn
    assert not any(last.intervals.values())


def test_the_router_has_the_interval_of_the_better_model_of_each_problem():
    under = paired()
    made = analysed(under)
    assert made.allotment is not None
    two, six, twelve, more = made.allotment.rows
    assert ends(six.oracle_interval) == drawn([pass_at_k(N, c, 2) for c in SMALL], under)  # no sample of the large one
    better = [max(pass_at_k(N, a, 4), pass_at_k(N, b, 1)) for a, b in zip(SMALL, LARGE, strict=True)]
    assert twelve.oracle == pytest.approx(np.mean(better))
    assert ends(twelve.oracle_interval) == drawn(better, under)
    assert (two.oracle, two.oracle_interval) == (0.0, None)  # nothing is bought, so nothing is measured
    assert (more.oracle, more.oracle_interval) == (None, None)


def test_what_a_choice_costs_on_unseen_problems_has_its_interval():
    under = paired()
    made = analysed(under, replace(WISH, budgets=(3.0,)))
    assert made.allotment is not None
    held = made.allotment.rows[0].held["single"]  # one sample of the small model, whatever problems one looks at
    assert held is not None
    each = np.array([[float(tokens(1, at))] for at in range(len(SMALL))])
    assert under.draws is not None
    assert held.cost == pytest.approx(each.mean())
    assert ends(held.cost_interval) == pytest.approx(ends(intervals(each, under.draws)[0]))


def test_strata_have_intervals_unless_they_are_of_one_problem():
    for stratum in analysed().strata:
        assert stratum.reference_interval is not None
        for name, rates in stratum.rates.items():
            for rate, near, budget in zip(rates, stratum.intervals[name], WISH.budgets, strict=True):
                bought = rate is not None and budget >= (3 if name == "small" else 9)
                assert (near is not None) == bought
                if near is not None and rate is not None:
                    assert near.low - 1e-9 <= rate <= near.high + 1e-9
    one_each = analysed(paired(SMALL[:5], LARGE[:5])).strata
    assert [stratum.problems for stratum in one_each] == [1] * 5
    assert not any(near for stratum in one_each for name in stratum.rates for near in stratum.intervals[name])


def test_the_same_problems_many_times_over_are_surer():
    few, many = (analysed(paired(SMALL * times, LARGE * times)) for times in (1, 9))
    (a, _), (b, _) = few.models, many.models
    assert a.stopped is not None
    assert b.stopped is not None
    assert width(b.stopped.cost_interval) < width(a.stopped.cost_interval) / 2
    for rule in ("by_mean", "by_own", "by_sample", "in_rounds"):
        assert width(b.spent[1].intervals[rule]) < width(a.spent[1].intervals[rule]) / 2
    for one, other in zip(few.strata, many.strata, strict=True):
        assert width(other.reference_interval) < width(one.reference_interval)


def width(of: Interval | None) -> float:
    low, high = ends(of)
    return high - low


def test_one_problem_has_numbers_and_no_interval():
    made = analysed(paired(SMALL[:1], LARGE[1:2]))
    (small, _), (stratum,) = made.models, made.strata
    assert small.stopped is not None
    assert small.cost_of_pass is not None
    assert (small.stopped.cost_interval, small.stopped.rate_interval, small.cost_of_pass.unsolved_interval) == (
        None,
    ) * 3
    assert not any(near for at in small.spent for near in at.intervals.values())
    assert stratum.reference_interval is None
    assert made.allotment is not None
    assert not any(row.oracle_interval for row in made.allotment.rows)


@pytest.mark.parametrize("width", [80, 140])
def test_no_measured_rate_stands_alone_in_the_tables(width: int) -> None:
    """Rates of spending and strata: each with its interval, or undefined, or a 0.0 that bought nothing."""
    said = io.StringIO()
    print_analysis(analysed(), Console(file=said, width=width))
    tables = {"The same budget by four rules": "pass@k beyond", "Difficulty": "The greedy schedule"}
    for begin, end in tables.items():
        table = said.getvalue().partition(begin)[2].partition(end)[0]
        lines = [line for line in table.splitlines() if "small  " in line or "large  " in line]
        assert len(lines) >= 8
        assert all(len(line) <= width for line in lines)
        cells = [cell.strip() for line in lines for cell in line.split("  ")]
        rates = [cell for cell in cells if "." in cell and cell != "0.0"]
        assert rates
        assert table.count("[") >= len(rates)  # a narrow cell has its interval in the next line


def test_a_cost_stands_beside_its_interval_and_a_size_that_all_have_is_told_once() -> None:
    said = io.StringIO()
    print_analysis(analysed(), Console(file=said, width=200))
    (small,) = (line for line in said.getvalue().splitlines() if re.match(r" small +6 ", line))
    assert re.search(r" \d\.\d+ \[\d\.\d+, \d+(\.\d+)?\] ", small)
    many = io.StringIO()
    print_analysis(analysed(request=replace(WISH, unit=Unit.TABLE_FLOPS), under=dear()), Console(file=many, width=200))
    (large,) = (line for line in many.getvalue().splitlines() if re.match(r" large +6 ", line))
    assert re.search(r" \d+(\.\d+)? \[\d+(\.\d+)?, \d+(\.\d+)?\] TFLOP ", large)


def dear() -> PairedData:
    """Each sample at a table's cost, in units that have a size."""
    under = paired()
    models = tuple(replace(model, costs=GivenCosts(table_flops=1e13 * model.id)) for model in under.models)
    return replace(under, models=models)


def test_costs_of_an_analysis_do_not_depend_on_a_rounding_of_the_budget():
    """A budget of just what all rounds cost is within them, and has an interval."""
    made = analysed()
    (small, _) = made.models
    assert small.stopped is not None
    (again, _) = analysed(request=replace(WISH, budgets=(small.stopped.cost,))).models
    assert again.spent[0].in_rounds == pytest.approx(small.stopped.rate)
    assert again.spent[0].intervals["in_rounds"] is not None


def test_the_draws_are_the_ground_s():
    """All models see the same resamples, so that a number of one may be held against another's."""
    under = paired()
    assert under.draws is not None
    assert np.array_equal(under.draws, draw_problems(len(SMALL), np.random.default_rng(0)))
