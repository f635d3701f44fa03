"""Queries for exports: the samples of one model and problem at a time, and the whole store as one compact file."""

from __future__ import annotations

from pathlib import Path

from sampler.store.export_rows import ExportRow
from sampler.store.reader import Reader

_SAMPLES = """
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
_PROBLEMS = "SELECT id FROM problem WHERE study_id = ? ORDER BY position"


class ExportReader(Reader):
    """What `sampler export` asks of a store."""

    def problem_ids(self, study: int) -> list[int]:
        """The problems of a study, in its order."""
        return [row["id"] for row in self._rows(_PROBLEMS, study)]

    def samples(self, model: int, problem: int) -> list[ExportRow]:
        """The samples of a model and a problem, by their numbers."""
        return [
            ExportRow(
                **{
                    **row,
                    "prompt_shared": bool(row["prompt_shared"]),
                    "claimed": None if row["claimed"] is None else bool(row["claimed"]),
                }
            )
            for row in self._rows(_SAMPLES, model, problem)
        ]

    def copy_to(self, path: Path) -> None:
        """The whole store as one compact file without a log; raises StoreError."""
        with self._errors():
            self._connection.execute("PRAGMA query_only=OFF")  # the file is open read-only all the same
            try:
                self._connection.execute("VACUUM INTO ?", (str(path),))
            finally:
                self._connection.execute("PRAGMA query_only=ON")
