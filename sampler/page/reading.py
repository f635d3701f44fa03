"""From a store's file to what its page says."""

from __future__ import annotations

from pathlib import Path

from sampler.page.sheet import PageFacts, Sheet, make_sheet
from sampler.reporting.inputs import facts_and_request
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.open_store import chosen_study, open_migrated
from sampler.store.reader import Reader


def read_sheet(
    path: Path, name: str | None = None, *, units: tuple[Unit, ...] = (), charge: PromptCharge = PromptCharge.EACH
) -> Sheet:
    """What the page of a study says; as `read_report`."""
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        facts, wish = facts_and_request(reader, row, path, units, charge)
        page = PageFacts(facts=facts, failures=reader.failures(row.id), origin=reader.origin(row.id))
    return make_sheet(page, wish)
