"""Read what single commands need: `rank`, `claims`, `export` and `analyse`.

Samples are read for one model and one problem at a time, however many there are in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sampler.stats.budget import Unit
from sampler.store.read_models import AcceptedRow, ClaimCount, DisputedRow, ExportRow, ProblemRow, RankableRow, SpentRow
from sampler.store.reader import LATEST, Reader
from sampler.store.write_models import RankedRow

_PROBLEMS = "SELECT id, name, prompt, entry_point FROM problem WHERE study_id = ? ORDER BY position"
_SAMPLING = "SELECT id, sampling_json FROM model WHERE study_id = ?"
_RANKABLE = f"""
SELECT s.id AS id, s.idx AS "index", completion.body AS completion, program.body AS program,
  s.completion_tokens AS completion_tokens, s.sum_logprob AS sum_logprob, v.verdict AS verdict,
  v.selection AS selection,
  v.cpu_s AS cpu_s,
  CASE WHEN ? THEN v.facts END AS facts
FROM sample s CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN text program ON program.sha256 = s.program_sha
  CROSS JOIN text completion ON completion.sha256 = s.completion_sha
WHERE s.model_id = ? AND s.problem_id = ? ORDER BY s.idx"""
_CORRECT = f"""
SELECT program.body AS program, count(*) AS samples
FROM sample s CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN text program ON program.sha256 = s.program_sha
WHERE s.model_id = ? AND s.problem_id = ? AND v.verdict = 'PASSED' GROUP BY program.sha256 ORDER BY min(s.idx)"""
_RANKED = """
SELECT sample_id, value, seconds, ranking.prompt_flops AS prompt_flops, flops FROM ranking
  JOIN ranker ON ranker.id = ranker_id JOIN sample ON sample.id = sample_id
WHERE study_id = ? AND ranker.name = ? AND model_id = ? AND problem_id = ?"""


class RankingReader(Reader):
    """Queries for rankers; not for use from several threads at once."""

    def problems(self, study: int) -> list[ProblemRow]:
        """Return the problems of a study, in their order."""
        return [ProblemRow(**row) for row in self._rows(_PROBLEMS, study)]

    def sampling(self, study: int) -> Mapping[int, str]:
        """Return what decides each model's samples, as canonical JSON, by the model's id."""
        return {row["id"]: row["sampling_json"] for row in self._rows(_SAMPLING, study)}

    def rankable(self, model: int, problem: int, *, facts: bool = False) -> list[RankableRow]:
        """Return the samples of a model on a problem that have a verdict, by their index."""
        return [RankableRow(**row) for row in self._rows(_RANKABLE, facts, model, problem)]

    def correct(self, model: int, problem: int) -> list[tuple[str, int]]:
        """Return the different programs of a model that passed on a problem, and how many samples hold each."""
        return [(row["program"], row["samples"]) for row in self._rows(_CORRECT, model, problem)]

    def ranked(self, study: int, name: str, model: int, problem: int) -> Mapping[int, RankedRow]:
        """Return a ranker's stored scores of a model's samples on a problem, by the sample's id."""
        return {row["sample_id"]: RankedRow(**row) for row in self._rows(_RANKED, study, name, model, problem)}


_CLAIM_COUNTS = f"""
SELECT model.name AS model, claim.passed AS claimed, v.verdict = 'PASSED' AS passed, count(*) AS count
FROM claim CROSS JOIN sample s ON s.id = claim.sample_id CROSS JOIN model ON model.id = model_id
  LEFT JOIN verdict v ON {LATEST}
WHERE study_id = ? GROUP BY model.id, 2, 3 ORDER BY position, model.id"""

_DISPUTED = f"""
SELECT s.id AS id, model.name AS model, problem.name AS problem, idx AS "index", claim.passed AS claimed, said,
  v.verdict AS verdict, error_type, error_message
FROM claim CROSS JOIN sample s ON s.id = claim.sample_id CROSS JOIN model ON model.id = model_id
  CROSS JOIN problem ON problem.id = problem_id LEFT JOIN verdict v ON {LATEST}
WHERE s.id > ? AND model.study_id = ? AND v.verdict IS NOT NULL
  AND claim.passed <> (v.verdict = 'PASSED')
ORDER BY s.id LIMIT ?"""


class ClaimReader(Reader):
    """Queries for `sampler claims`."""

    def claim_counts(self, study: int) -> list[ClaimCount]:
        """Claims against our verdicts, counted."""
        return [
            ClaimCount(
                model=row["model"],
                claimed=bool(row["claimed"]),
                passed=None if row["passed"] is None else bool(row["passed"]),
                count=row["count"],
            )
            for row in self._rows(_CLAIM_COUNTS, study)
        ]

    def disputed(self, study: int, *, after: int = 0, limit: int = 1000) -> list[DisputedRow]:
        """Return samples whose claim differs from our verdict, by rising ids above `after`."""
        rows = self._rows(_DISPUTED, after, study, limit)
        return [DisputedRow(**{**row, "claimed": bool(row["claimed"])}) for row in rows]


_EXPORTED = """
SELECT model.name AS model, problem.name AS problem, problem.prompt AS prompt, idx AS "index", sample.seed AS seed,
  (SELECT body FROM text WHERE sha256 = completion_sha) AS completion,
  (SELECT body FROM text WHERE sha256 = program_sha) AS program, extraction, prompt_form,
  finish, prompt_tokens, completion_tokens, prompt_seconds, decode_seconds, prompt_joules, decode_joules, prompt_flops,
  decode_flops, sum_logprob,
  prompt_shared,
  (SELECT verdict FROM verdict WHERE sample_id = sample.id ORDER BY attempt DESC LIMIT 1) AS verdict,
  claim.passed AS claimed, said
FROM sample CROSS JOIN model ON model.id = model_id CROSS JOIN problem ON problem.id = problem_id
  LEFT JOIN claim ON claim.sample_id = sample.id
WHERE model_id = ? AND problem_id = ? ORDER BY idx"""
_PROBLEM_IDS = "SELECT id FROM problem WHERE study_id = ? ORDER BY position"


class ExportReader(Reader):
    """Queries for `sampler export`."""

    def problem_ids(self, study: int) -> list[int]:
        """Return the problems of a study, in its order."""
        return [row["id"] for row in self._rows(_PROBLEM_IDS, study)]

    def samples(self, model: int, problem: int) -> list[ExportRow]:
        """Return the samples of a model and a problem, by their numbers."""
        return [
            ExportRow(
                **{
                    **row,
                    "prompt_shared": bool(row["prompt_shared"]),
                    "claimed": None if row["claimed"] is None else bool(row["claimed"]),
                }
            )
            for row in self._rows(_EXPORTED, model, problem)
        ]

    def copy_to(self, path: Path) -> None:
        """Copy the whole store to one compact file without a log; raises StoreError."""
        with self._errors():
            self._connection.execute("PRAGMA query_only=OFF")  # the file is open read-only all the same
            try:
                self._connection.execute("VACUUM INTO ?", (str(path),))
            finally:
                self._connection.execute("PRAGMA query_only=ON")


SAMPLE_COSTS: Mapping[Unit, tuple[str, str]] = {  # units that a sample itself has: reading the prompt, and writing
    Unit.FLOPS: ("prompt_flops", "decode_flops"),
    Unit.SECONDS: ("prompt_seconds", "decode_seconds"),
    Unit.TOKENS: ("prompt_tokens", "completion_tokens"),
}
_SPENT = f"""
SELECT problem.name AS problem, {{reading}} AS reading, {{writing}} AS writing, v.verdict = 'PASSED' AS passed
FROM sample s CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN problem ON problem.id = s.problem_id
WHERE s.model_id = ? AND {{reading}} IS NOT NULL AND {{writing}} IS NOT NULL ORDER BY s.id"""

_ACCEPTED = f"""
SELECT problem.name AS problem, sum(v.selection IS 'PASSED') AS accepted,
  sum(v.selection IS 'PASSED' AND v.verdict = 'PASSED') AS "right", sum(v.selection IS NULL) AS untested
FROM sample s CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN problem ON problem.id = s.problem_id
WHERE s.model_id = ? GROUP BY problem.id"""


class SpentReader(Reader):
    """Queries for the costs of samples; not for use from several threads at once."""

    def spent(self, model: int, unit: Unit) -> list[SpentRow]:
        """Return the scored samples of a model that have a cost in a unit of `SAMPLE_COSTS`."""
        reading, writing = SAMPLE_COSTS[unit]
        return [SpentRow(**row) for row in self._rows(_SPENT.format(reading=reading, writing=writing), model)]

    def accepted(self, model: int) -> list[AcceptedRow]:
        """Return how many of a model's scored samples passed the selection tests, for each problem."""
        return [AcceptedRow(**row) for row in self._rows(_ACCEPTED, model)]
