"""Judge scored samples again from the facts in their rows, after a change of the judge or of the expected answers.

No box is needed.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from sandbox.judging.score_records import Facts, FactsError, NotEnough, Unreadable, rejudge, unpack
from sandbox.problems import Problem, ProblemsError, Wanted, find_problem
from sandbox.scoring.references import References
from sandbox.scoring.samples import SamplesError
from sandbox.scoring.scorefile import Row, score_fields
from sandbox.values import Program

Rejudged = tuple[Row, Row, str]  # a row as it was and as it is, and why its facts cannot be read ("" if they can)


class Changes:
    """Counts how verdicts have changed."""

    def __init__(self) -> None:
        self.moved: Counter[tuple[str, str]] = Counter()
        self.without_facts = 0
        self.unreadable: list[str] = []  # rows whose facts cannot be read, and why

    def counted(self, rows: Iterable[Rejudged]) -> Iterator[Row]:
        """Yield the new rows and count their changes."""
        for old, new, unreadable in rows:
            self.without_facts += not old.get("facts") and "same_as" not in old
            if unreadable:
                self.unreadable.append(f"line {old['line']} ({old['task_id']}): {unreadable}")
            if old["verdict"] != new["verdict"]:
                self.moved[str(old["verdict"]), str(new["verdict"])] += 1
            yield new


def rejudged(rows: Iterable[Row], problems: Mapping[str, Problem], references: References) -> Iterator[Rejudged]:
    """Yield each row together with the row that today's judge makes from its facts.

    A row without facts, or with facts that cannot be read, stays as it is. A row whose facts are not enough has no
    verdict afterwards. Raises SamplesError naming the line and what is wrong, or ReferenceFailed.
    """
    anew: dict[int, Row] = {}
    for row in rows:
        try:
            fresh = _anew(row, problems, references) if row.get("facts") else anew.get(row.get("same_as", 0))
        except Unreadable as error:
            yield row, row, str(error)
            continue
        except NotEnough as error:
            fresh = {"verdict": None, "passed": None, "unscored": str(error)}
        except (FactsError, ProblemsError) as error:
            raise SamplesError(f"the row of line {row['line']}: {error}") from error
        if row.get("facts") and fresh is not None:
            anew[row["line"]] = fresh
        yield row, (row if fresh is None else row | fresh), ""


def _anew(row: Row, problems: Mapping[str, Problem], references: References) -> Row:
    problem = find_problem(problems, row["task_id"])
    if problem is None:
        raise SamplesError(f"no problem is called {row['task_id']!r}; do --problems and the file belong together?")
    facts, wanted = _kept(row)
    tests, selection = problem.tests_for(wanted)
    tests, selection = references.without_box(tests), selection and references.without_box(selection)
    program = Program(source="", tests=tests, selection=selection)
    return score_fields(rejudge(facts, tests, selection), program, facts.limits)


def _kept(row: Row) -> tuple[Facts, Wanted]:
    """Return the facts of a row, and which tests it was asked; raises Unreadable."""
    try:
        return unpack(base64.b64decode(row["facts"], validate=True)), Wanted(row["tests"])
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"no facts of ours: {error}") from error
