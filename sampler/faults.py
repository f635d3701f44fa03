"""Whose fault an exception is, as an exit code. Kept apart from the codes, because it has to know every door."""

from __future__ import annotations

from sampler.backends.base import BackendError
from sampler.backends.open import UnknownBackend
from sampler.exits import Exit
from sampler.exporting.files import ExportFault
from sampler.importing.imported_sample import ImportFault
from sampler.models.catalogue import UnknownModel
from sampler.page.plots import PlotError
from sampler.ranking.rankers import RankingError
from sampler.reporting.comparison import NotComparable
from sampler.reporting.counts import CountsError
from sampler.store.lock import StoreBusy
from sampler.store.reader import StoreError
from sampler.store.writer import WriteFailed
from sampler.study.toml_table import SpecError
from sandbox.errors import SandboxError
from sandbox.judging.facts import FactsError
from sandbox.problems import ProblemsError


def exit_for(error: BaseException) -> Exit:
    """The exit code for what a command raised."""
    match error:
        case (
            SpecError()
            | ImportFault()
            | ExportFault()
            | RankingError()
            | ProblemsError()
            | UnknownModel()
            | UnknownBackend()
            | PlotError()
            | NotComparable()
            | CountsError()
        ):
            return Exit.USAGE
        case SandboxError() | BackendError() | WriteFailed() | StoreBusy():
            return Exit.INFRASTRUCTURE
        case StoreError() | FactsError():
            return Exit.STORE
        case OSError():  # a file that cannot be written; every other door has an error of its own
            return Exit.INFRASTRUCTURE
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        case _:
            return Exit.BUG
