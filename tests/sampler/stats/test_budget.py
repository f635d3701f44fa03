"""A budget as a person types it, on every command line and on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sampler.commands import cli
from sampler.stats.budget import BudgetError, Unit, parse_budget, unit_of


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("1e12", 1e12, None),
        ("1T", 1e12, None),
        ("1.5 M", 1.5e6, None),
        ("2000", 2000.0, None),
        (".5", 0.5, None),
        ("1TFLOP", 1e12, Unit.FLOPS),
        ("2 TFLOPs", 2e12, Unit.FLOPS),
        ("3 pflop", None, None),
        ("30s", 30.0, Unit.SECONDS),
        ("250 ms", 0.25, Unit.SECONDS),
        ("2 min", 120.0, Unit.SECONDS),
        ("1.5h", 5400.0, Unit.SECONDS),
        ("$0.02", 0.02, Unit.DOLLARS),
        ("$2k", 2000.0, Unit.DOLLARS),
        ("0.02 USD", 0.02, Unit.DOLLARS),
        ("5 m$", 0.005, Unit.DOLLARS),
        ("500 tokens", 500.0, Unit.TOKENS),
        ("2ktok", 2000.0, Unit.TOKENS),
        ("8 samples", 8.0, Unit.SAMPLES),
        ("40 kJ", 40_000.0, Unit.JOULES),
        ("1 Wh", 3600.0, Unit.JOULES),
        ("10k tokens", 10_000.0, Unit.TOKENS),
        ("1.5 M tok", 1.5e6, Unit.TOKENS),
        ("1_000_000", 1e6, None),
        ("2 petaflops", 2e15, Unit.FLOPS),
        ("3 milliseconds", 0.003, Unit.SECONDS),
        ("1 day", 86_400.0, Unit.SECONDS),
        ("1e12 flops_128", 1e12, Unit.FLOPS_128),
        ("2 total_seconds", 2.0, Unit.TOTAL_SECONDS),
        ("5 m s", None, None),
        ("3 t", 3e12, None),
        ("2 tflop", 2e12, Unit.FLOPS),
        ("300gflops", 3e11, Unit.FLOPS),
        ("7b tokens", 7e9, Unit.TOKENS),
        ("1_", None, None),
        ("kilo", None, None),
        ("", None, None),
        ("0", None, None),
        ("-1", None, None),
        ("inf", None, None),
        ("1e999", None, None),
        ("5m", None, None),
        ("1,5", None, None),
        ("2 mFLOP", None, None),
        ("$3 s", None, None),
        ("a lot", None, None),
    ],
)
def test_a_budget_is_read_with_its_size_and_unit(text: str, amount: float | None, unit: Unit | None) -> None:
    if amount is None:
        with pytest.raises(BudgetError, match="write"):
            parse_budget(text)
    else:
        found = parse_budget(text)
        assert found.amount == pytest.approx(amount)
        assert found.units[:1] == (() if unit is None else (unit,))


@given(st.text(max_size=12))
def test_any_text_is_a_budget_above_zero_or_refused(text: str) -> None:
    try:
        assert 0 < parse_budget(text).amount < float("inf")
    except BudgetError as error:
        assert repr(text) in str(error)


def test_budgets_decide_the_unit_where_none_was_chosen() -> None:
    assert unit_of([parse_budget("30s"), parse_budget("2")], Unit.FLOPS) is Unit.SECONDS
    assert unit_of([parse_budget("1TFLOP")], Unit.FLOPS_128) is Unit.FLOPS_128
    with pytest.raises(BudgetError, match="'30s'"):
        unit_of([parse_budget("1TFLOP"), parse_budget("30s")], Unit.TOKENS)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("compare", "a.db", "b.db", "--unit", "seconds", "--at", "1TFLOP"), "budget in flops"),
        (("analyse", "a.db", "--budget", "1TFLOP", "--budget", "30s"), "in one unit"),
        (("report", "a.db", "--at", "1e12"), "as 1TFLOP or 30s"),
        (("report", "a.db", "--unit", "tokens", "--at", "30s"), "none of the units tokens"),
        (("gate", "a.db", "--at", "5m"), "min for minutes"),
        (("models", "show", "qwen2.5-coder-0.5b", "--budget", "1T,soon"), "comma"),
        (("solve", "-", "--study", "s.toml", "--budget", "3 parsecs"), "no unit that is known"),
    ],
)
def test_every_command_says_what_is_wrong_with_a_budget(command: tuple[str, ...], words: str, tmp_path: Path) -> None:
    for name in ("a.db", "b.db", "s.toml"):
        (tmp_path / name).touch()
    found = CliRunner().invoke(cli, [str(tmp_path / part) if part[1:2] == "." else part for part in command])
    assert found.exit_code == 2, found.output
    assert words in " ".join(found.output.split())


def test_a_size_of_a_model_is_shown_for_budgets_in_any_unit() -> None:
    shown = CliRunner().invoke(cli, ["models", "show", "qwen2.5-coder-0.5b", "--budget", "1TFLOP,10T"])
    assert shown.exit_code == 0, shown.output
    assert "FLOPs" in shown.output


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("1,5e12", "a point before decimals"),
        ("1,000,000", "nothing between thousands"),
        ("1.000,5", "a point before decimals"),
        ("2 000 tokens", "nothing between thousands"),
        ("2 pflop", "write Pflop"),
        ("2 mFLOP", "write MFLOP"),
    ],
)
def test_a_budget_in_another_countrys_or_anothers_way_is_refused_with_the_right_one(text: str, way_out: str) -> None:
    with pytest.raises(BudgetError, match=way_out):
        parse_budget(text)
