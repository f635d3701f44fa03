"""Judging what a store holds again, from the facts it keeps: after a change of the judge or of the problems' tests.

No box.

A judgement that comes out as it was is left alone; another one becomes a new row beside the old one, and the sums move
over. Killed half-way, the same command does the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sampler.store.read_models import JudgedRow
from sampler.store.reader import Reader
from sampler.store.writer import Store
from sampler.study.spec import Study, choose_problems
from sandbox.judging.facts import FactsError, NotEnough, Unreadable, rejudge, unpack
from sandbox.judging.judge import JUDGE_VERSION
from sandbox.problems import Problem, Wanted
from sandbox.scoring.references import References
from sandbox.values import Score

_SHOWN = 5


@dataclass(slots=True)
class Rejudged:
    """How many verdicts were looked at, which changed (from, to), and which could not be made again."""

    looked_at: int = 0
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)
    without_facts: int = 0
    unreadable: list[str] = field(default_factory=list)  # the samples whose facts cannot be read

    @property
    def line(self) -> str:
        """A line for people."""
        moved = ", ".join(f"{n} from {old} to {new}" for (old, new), n in self.changed.most_common())
        kept = f"; {self.without_facts} carry too few facts and stay as they were" if self.without_facts else ""
        kept += f"; the facts of {_named(self.unreadable)} cannot be read: score them again" if self.unreadable else ""
        return (
            f"judge {JUDGE_VERSION}: {self.looked_at} verdicts looked at, {self.changed.total()} changed"
            f"{': ' if moved else ''}{moved}{kept}"
        )


def _named(samples: list[str]) -> str:
    """The first few by their names, and how many more."""
    more = len(samples) - _SHOWN
    return ", ".join(samples[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def rejudge_study(study: Study, store: Store, references: References) -> Rejudged:
    """Judge every sample of a study again.

    A row whose facts cannot be read stays as it is. Raises StoreError, ProblemsError, FactsError (facts of other tests)
    or ReferenceFailed (answers that are not kept here).
    """
    problems = choose_problems(study.problems)
    id_ = store.retest_study(study.record(problems))
    by_name = {problem.name: problem for problem in problems}
    done = Rejudged()
    with Reader(store.path) as reader:
        for row in _rows(reader, id_):
            done.looked_at += 1
            if row.facts is None:
                done.without_facts += 1
                continue
            try:
                score = _score(row, by_name, references)
            except Unreadable:
                done.unreadable.append(f"sample {row.index} of {row.problem}")
                continue
            except NotEnough:
                done.without_facts += 1
                continue
            selection = score.selection and score.selection.verdict.value
            if (score.verdict.value, selection) != (row.verdict, row.selection):
                store.add_judgement(row.id, score, JUDGE_VERSION)
                done.changed[row.verdict, score.verdict.value] += 1
    store.add_event(id_, "info", "rejudged", done.line)
    store.flush()
    return done


def _rows(reader: Reader, study: int) -> Iterator[JudgedRow]:
    """Every latest verdict that is there now; judgements that are added meanwhile are none of it."""
    cursor, last = 0, reader.last_verdict()
    while rows := reader.judged(study, after=cursor, last=last):
        yield from rows
        cursor = rows[-1].id


def _score(row: JudgedRow, problems: Mapping[str, Problem], references: References) -> Score:
    tests, selection = problems[row.problem].tests_for(Wanted.BOTH)
    try:
        facts = unpack(row.facts or b"")
        return rejudge(facts, references.without_box(tests), selection and references.without_box(selection))
    except (NotEnough, Unreadable):
        raise
    except FactsError as error:
        raise FactsError(f"sample {row.index} of {row.problem}: {error}") from error
