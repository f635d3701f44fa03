"""Queries over the verdicts that came with imported samples."""

from __future__ import annotations

from sampler.store.reader import Reader
from sampler.store.rows import ClaimCount, DisputedRow

_LATEST = """LEFT JOIN verdict ON verdict.sample_id = claim.sample_id
  AND attempt = (SELECT max(attempt) FROM verdict AS other WHERE other.sample_id = claim.sample_id)"""

_COUNTS = f"""
SELECT model.name AS model, claim.passed AS claimed, verdict.verdict = 'PASSED' AS passed, count(*) AS count
FROM claim CROSS JOIN sample ON sample.id = claim.sample_id CROSS JOIN model ON model.id = model_id {_LATEST}
WHERE study_id = ? GROUP BY model.id, 2, 3 ORDER BY position, model.id"""

_DISPUTED = f"""
SELECT sample.id AS id, model.name AS model, problem.name AS problem, idx AS "index", claim.passed AS claimed, said,
  verdict.verdict AS verdict, error_type, error_message
FROM claim CROSS JOIN sample ON sample.id = claim.sample_id CROSS JOIN model ON model.id = model_id
  CROSS JOIN problem ON problem.id = problem_id {_LATEST}
WHERE sample.id > ? AND model.study_id = ? AND verdict.verdict IS NOT NULL
  AND claim.passed <> (verdict.verdict = 'PASSED')
ORDER BY sample.id LIMIT ?"""


class ClaimReader(Reader):
    """What `sampler claims` asks of a store."""

    def claim_counts(self, study: int) -> list[ClaimCount]:
        """Claims against our verdicts, counted."""
        return [
            ClaimCount(
                model=row["model"],
                claimed=bool(row["claimed"]),
                passed=None if row["passed"] is None else bool(row["passed"]),
                count=row["count"],
            )
            for row in self._rows(_COUNTS, study)
        ]

    def disputed(self, study: int, *, after: int = 0, limit: int = 1000) -> list[DisputedRow]:
        """Samples whose claim our verdict does not share, by rising ids above `after`."""
        rows = self._rows(_DISPUTED, after, study, limit)
        return [DisputedRow(**{**row, "claimed": bool(row["claimed"])}) for row in rows]
