"""Prices of a day from a table that needs no network, and a study that takes its dollars from there."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from sampler.models.prices import PriceError, prices_on
from sampler.study.spec import load_study
from sampler.study.toml_table import SpecError
from sampler.values import GivenCosts

DAY = date(2026, 11, 1)
STUDY = """
[problems]
source = "humaneval"
[[models]]
name = "m"
backend = "openai"
samples = 1
[models.options]
base_url = "http://127.0.0.1:1/v1"
[models.costs]
{costs}
"""


def costs(folder: Path, text: str) -> GivenCosts:
    path = folder / "study.toml"
    path.write_text(STUDY.format(costs=text))
    return load_study(path).models[0].costs


@pytest.fixture
def table() -> None:
    pytest.importorskip("genai_prices")


@pytest.mark.usefixtures("table")
def test_a_model_is_found_by_provider_and_name_or_by_its_name_alone():
    found = prices_on("openai/gpt-5", DAY)
    assert (found.prompt, found.completion, found.cached) == (1.25, 10.0, 0.125)
    assert found.table.startswith("openai/gpt-5 on 2026-11-01, genai-prices ")
    assert prices_on("gpt-5", DAY) == found


@pytest.mark.usefixtures("table")
def test_prices_are_those_of_the_day():
    """OpenAI made o3 five times cheaper on 10 June 2025."""
    assert prices_on("openai/o3", date(2025, 6, 1)).prompt == 10.0
    assert prices_on("openai/o3", date(2025, 7, 1)).prompt == 2.0


@pytest.mark.usefixtures("table")
def test_a_model_that_the_table_does_not_have_is_told_with_what_is_near():
    with pytest.raises(PriceError, match=r"no model 'openai/gtp-5'.* is .*gpt-5.* meant\?"):
        prices_on("openai/gtp-5", DAY)
    with pytest.raises(PriceError, match=r"providers are .*openai"):
        prices_on("?", DAY)


@pytest.mark.usefixtures("table")
def test_a_study_takes_what_it_does_not_say_from_the_table(tmp_path):
    taken = costs(tmp_path, 'prices_of = "openai/gpt-5"\nprices_on = 2026-11-01\ncached_dollars = 0.5')
    assert (taken.prompt_dollars, taken.completion_dollars, taken.cached_dollars) == (1.25, 10.0, 0.5)
    assert "openai/gpt-5 on 2026-11-01" in (taken.prices or "")
    assert costs(tmp_path, 'prices_of = "openai/gpt-5"\nprices_on = "2026-11-01"').prompt_dollars == 1.25


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('prices_of = "openai/gpt-5"', "write for example prices_on = 2026-11-30"),
        ('prices_of = "openai/gpt-5"\nprices_on = 3', "needs the day"),
        ('prices_of = "openai/gpt-5"\nprices_on = "soon"', "needs the day"),
        ('prices_of = "openai/gpt-5"\nprices_on = 2026-11-01T10:00:00', "needs the day"),
        ("prices_on = 2026-11-01", "write prices_of, too"),
        ('prices = "mine"', "is no key here"),
    ],
)
def test_a_price_without_its_day_is_none(tmp_path, text, said):
    with pytest.raises(SpecError, match=said):
        costs(tmp_path, text)


def test_without_the_table_the_message_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(PriceError, match=r"pip install 'codebudget\[prices\]'"):
        prices_on("openai/gpt-5", DAY)
