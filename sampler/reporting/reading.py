"""From a store's file to its report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sampler.reporting.report import Facts, Report, Wish, make_report
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.lock import as_it_stands
from sampler.store.open_store import chosen_study, open_migrated
from sampler.store.read_models import StudyRow
from sampler.store.reader import Reader
from sampler.study.spec import stored_budgets


def read_facts(path: Path, name: str | None = None) -> Facts:
    """What a store says about the study called `name` (or with that id), or about the newest one; raises StoreError."""
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        return _facts(reader, row)


def read_budgets(path: Path, name: str | None, unit: Unit) -> tuple[float, ...]:
    """The budgets in a unit that the study file of a store's study names; raises StoreError."""
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        return stored_budgets(reader.spec(row.id), path).get(unit, ())


def read_report(
    path: Path, name: str | None = None, *, units: tuple[Unit, ...] = (), charge: PromptCharge = PromptCharge.EACH
) -> Report:
    """The report of the study called `name`, or of the newest one, in a store; raises StoreError.

    A store of an older version is brought up to date first.
    """
    with open_migrated(path, Reader) as reader:
        row = chosen_study(reader.studies(), path, name)
        facts, wish = asked(reader, row, path, units, charge)
    return make_report(facts, wish)


def asked(
    reader: Reader, row: StudyRow, path: Path, units: tuple[Unit, ...], charge: PromptCharge
) -> tuple[Facts, Wish]:
    """The facts of a study, and what is wanted of them: the units that were asked for, or else the study file's."""
    facts = _facts(reader, row)
    wish = Wish(budgets=stored_budgets(reader.spec(row.id), path), charge=charge, seed=row.seed)
    return facts, replace(wish, units=units or tuple(dict.fromkeys([*wish.units, *wish.budgets])))


def _facts(reader: Reader, row: StudyRow) -> Facts:
    return Facts(
        study=as_it_stands(row),
        models=reader.models(row.id),
        greedy=reader.greedy(row.id),
        tallies=reader.tallies(row.id),
        verdicts=reader.verdict_counts(row.id),
    )
