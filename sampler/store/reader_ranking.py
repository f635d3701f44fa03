"""Queries for ranking: the samples of one model on one problem at a time, however many there are in all."""

from __future__ import annotations

from collections.abc import Mapping

from sampler.store.ranking_rows import ProblemRow, RankableRow, RankedRow
from sampler.store.reader import Reader

_PROBLEMS = "SELECT id, name, prompt, entry_point FROM problem WHERE study_id = ? ORDER BY position"
_SAMPLING = "SELECT id, sampling_json FROM model WHERE study_id = ?"
_RANKABLE = """
SELECT s.id AS id, s.idx AS "index", completion.body AS completion, program.body AS program,
  s.completion_tokens AS completion_tokens, s.sum_logprob AS sum_logprob, v.verdict AS verdict,
  v.selection AS selection,
  v.cpu_s AS cpu_s,
  CASE WHEN ? THEN v.facts END AS facts
FROM sample s CROSS JOIN verdict v ON v.sample_id = s.id
    AND v.attempt = (SELECT max(attempt) FROM verdict w WHERE w.sample_id = s.id)
  CROSS JOIN text program ON program.sha256 = s.program_sha
  CROSS JOIN text completion ON completion.sha256 = s.completion_sha
WHERE s.model_id = ? AND s.problem_id = ? ORDER BY s.idx"""
_CORRECT = """
SELECT program.body AS program, count(*) AS samples
FROM sample s CROSS JOIN verdict v ON v.sample_id = s.id
    AND v.attempt = (SELECT max(attempt) FROM verdict w WHERE w.sample_id = s.id)
  CROSS JOIN text program ON program.sha256 = s.program_sha
WHERE s.model_id = ? AND s.problem_id = ? AND v.verdict = 'PASSED' GROUP BY program.sha256 ORDER BY min(s.idx)"""
_DIGEST = "SELECT digest FROM ranker WHERE study_id = ? AND name = ?"
_RANKED = """
SELECT sample_id, value, seconds, ranking.prompt_flops AS prompt_flops, flops FROM ranking
  JOIN ranker ON ranker.id = ranker_id JOIN sample ON sample.id = sample_id
WHERE study_id = ? AND ranker.name = ? AND model_id = ? AND problem_id = ?"""


class RankingReader(Reader):
    """What rankers ask of a store. Not for use from several threads at once."""

    def problems(self, study: int) -> list[ProblemRow]:
        """The problems of a study, in their order."""
        return [ProblemRow(**row) for row in self._rows(_PROBLEMS, study)]

    def sampling(self, study: int) -> Mapping[int, str]:
        """What decides each model's samples, as canonical JSON, by the model's id."""
        return {row["id"]: row["sampling_json"] for row in self._rows(_SAMPLING, study)}

    def rankable(self, model: int, problem: int, *, facts: bool = False) -> list[RankableRow]:
        """The samples of a model on a problem that have a verdict, by their index."""
        return [RankableRow(**row) for row in self._rows(_RANKABLE, facts, model, problem)]

    def correct(self, model: int, problem: int) -> list[tuple[str, int]]:
        """The different programs of a model that passed on a problem, and how many samples hold each."""
        return [(row["program"], row["samples"]) for row in self._rows(_CORRECT, model, problem)]

    def ranker_digest(self, study: int, name: str) -> str | None:
        """The digest under which a ranker's values are stored; None if there are none."""
        found = self._rows(_DIGEST, study, name)
        return str(found[0]["digest"]) if found else None

    def ranked(self, study: int, name: str, model: int, problem: int) -> Mapping[int, RankedRow]:
        """What a ranker thinks of a model's samples on a problem, as far as that is stored, by the sample's id."""
        return {row["sample_id"]: RankedRow(**row) for row in self._rows(_RANKED, study, name, model, problem)}
