"""What each scored sample of a model cost and whether it passed, and how many passed the tests that a user has.

For whoever spends samples one by one, and for whoever stops at the first that the selection tests let through.
"""

from __future__ import annotations

from collections.abc import Mapping

from sampler.stats.budget import Unit
from sampler.store.reader import Reader
from sampler.store.rows import AcceptedRow, SpentRow

COLUMNS: Mapping[Unit, tuple[str, str]] = {  # units that a sample itself has: reading the prompt, and writing
    Unit.FLOPS: ("prompt_flops", "decode_flops"),
    Unit.SECONDS: ("prompt_seconds", "decode_seconds"),
    Unit.TOKENS: ("prompt_tokens", "completion_tokens"),
}
_SPENT = """
SELECT problem.name AS problem, {reading} AS reading, {writing} AS writing, v.verdict = 'PASSED' AS passed
FROM sample s CROSS JOIN verdict v ON v.sample_id = s.id
    AND v.attempt = (SELECT max(attempt) FROM verdict w WHERE w.sample_id = s.id)
  CROSS JOIN problem ON problem.id = s.problem_id
WHERE s.model_id = ? AND {reading} IS NOT NULL AND {writing} IS NOT NULL ORDER BY s.id"""

_ACCEPTED = """
SELECT problem.name AS problem, sum(v.selection IS 'PASSED') AS accepted,
  sum(v.selection IS 'PASSED' AND v.verdict = 'PASSED') AS "right", sum(v.selection IS NULL) AS untested
FROM sample s CROSS JOIN verdict v ON v.sample_id = s.id
    AND v.attempt = (SELECT max(attempt) FROM verdict w WHERE w.sample_id = s.id)
  CROSS JOIN problem ON problem.id = s.problem_id
WHERE s.model_id = ? GROUP BY problem.id"""


class SpentReader(Reader):
    """Not for use from several threads at once."""

    def spent(self, model: int, unit: Unit) -> list[SpentRow]:
        """The scored samples of a model that have a cost in a unit of `COLUMNS`."""
        reading, writing = COLUMNS[unit]
        return [SpentRow(**row) for row in self._rows(_SPENT.format(reading=reading, writing=writing), model)]

    def accepted(self, model: int) -> list[AcceptedRow]:
        """What the selection tests made of a model's scored samples, of each problem."""
        return [AcceptedRow(**row) for row in self._rows(_ACCEPTED, model)]
