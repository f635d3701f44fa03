"""Query samples: lists with any filter and order for screens, and what `rank`, `claims`, `export` and `analyse` need.

All statements are short. A list is made by scanning verdicts from the newest to the oldest in ranges of ids (`scan`).
Each range is one statement, so that a reader never blocks the writer and can stop after any range. A scan yields only
ids; the visible rows are read by their ids (`page`). Both use only the tables' own indexes: a million verdicts are
scanned in about a second, and the first range is there at once.

Commands read samples of one model and one problem at a time, however many there are in all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sampler.stats.budget import Unit
from sampler.store.filters import Filter
from sampler.store.read_models import (
    AcceptedRow,
    AttemptRow,
    ClaimCount,
    DisputedRow,
    ExportRow,
    GroupRow,
    ParentRow,
    ProblemRow,
    RankableRow,
    SampleDetail,
    SampleRow,
    SettingsRow,
    SpentRow,
    TreeRow,
    TurnRow,
    UsageRow,
)
from sampler.store.reader import LATEST, Reader
from sampler.store.write_models import RankedRow
from sampler.values import STRIDE
from sandbox.values import Verdict

LONGEST_TEXT = 1_000_000
MESSAGE = 80  # characters by which error messages are told apart

SORTS: Mapping[str, str] = {  # what a list may be sorted by, as a number
    "newest": "0",
    "model": "(SELECT position FROM model WHERE id = s.model_id)",
    "problem": "(SELECT position FROM problem WHERE id = s.problem_id)",
    "verdict": "CASE v.verdict " + " ".join(f"WHEN '{v}' THEN {n}" for n, v in enumerate(Verdict)) + " ELSE 99 END",
    "tok": "coalesce(s.completion_tokens, -1)",
    "thought": "coalesce(s.thought_tokens, -1)",
    "sec": "coalesce(s.prompt_seconds + s.decode_seconds, -1)",
    "flops": "coalesce(s.prompt_flops + s.decode_flops, -1)",
    "cpu": "coalesce(v.cpu_s, -1)",
    "mem": "coalesce(v.memory_mb, -1)",
}

_NO_LATER = "NOT EXISTS (SELECT 1 FROM verdict w WHERE w.sample_id = v.sample_id AND w.attempt > v.attempt)"
_OF_STUDY = "s.model_id IN (SELECT id FROM model WHERE study_id = ?)"

# CROSS JOIN keeps SQLite's planner to the order written here.
_SCAN = f"""
SELECT v.id AS id, {{key}} AS key FROM verdict v CROSS JOIN sample s ON s.id = v.sample_id
WHERE v.id > ? AND v.id <= ? AND {_NO_LATER} AND {_OF_STUDY} AND {{where}} ORDER BY v.id DESC"""
_SCAN_VERDICTS = f"""
SELECT v.id AS id, 0 AS key FROM verdict v
WHERE v.id > ? AND v.id <= ? AND {_NO_LATER} AND {{where}} ORDER BY v.id DESC"""
_SCAN_PENDING = f"""
SELECT s.id AS id, {{key}} AS key FROM sample s LEFT JOIN verdict v ON v.sample_id = s.id
WHERE s.id > ? AND s.id <= ? AND {_OF_STUDY} AND {{where}} ORDER BY s.id DESC"""

_COLUMNS = """
SELECT s.id AS sample_id, v.id AS verdict_id, coalesce(v.created_at, s.created_at) AS at, s.model_id AS model_id,
  model.name AS model, problem.name AS problem, s.idx AS "index", v.verdict AS verdict,
  s.prompt_tokens AS prompt_tokens,
  s.completion_tokens AS completion_tokens, s.thought_tokens AS thought_tokens,
  s.prompt_seconds + s.decode_seconds AS seconds,
  s.prompt_flops + s.decode_flops AS flops, s.finish AS finish, v.cpu_s AS cpu_s, v.wall_s AS wall_s,
  v.memory_mb AS memory_mb, v.error_type AS error_type, v.error_message AS error_message,
  coalesce(v.flags, '') AS flags,
  coalesce(v.attempt, 0) AS attempt, s.turn AS turn,
  (SELECT before.idx FROM sample before WHERE before.id = s.parent_id) AS parent"""
_JOINED = f"""
FROM sample s LEFT JOIN verdict v ON {LATEST}
  CROSS JOIN model ON model.id = s.model_id CROSS JOIN problem ON problem.id = s.problem_id"""
_BY_VERDICT = "WHERE s.id IN (SELECT sample_id FROM verdict WHERE id IN ({marks}))"
_BY_SAMPLE = "WHERE s.id IN ({marks})"

_DETAIL = f"""{_COLUMNS}, s.seed AS seed, s.sum_logprob AS sum_logprob, s.extraction AS extraction,
  s.prompt_form AS prompt_form,
  problem.entry_point AS entry_point, problem.prompt AS prompt, problem.tests AS tests,
  (SELECT substr(body, 1, {LONGEST_TEXT}) FROM text WHERE sha256 = s.completion_sha) AS completion,
  (SELECT substr(body, 1, {LONGEST_TEXT}) FROM text WHERE sha256 = s.thought_sha) AS thought,
  s.cached_tokens AS cached_tokens, s.cache_write_tokens AS cache_write_tokens,
  (SELECT substr(body, 1, {LONGEST_TEXT}) FROM text WHERE sha256 = s.program_sha) AS program,
  (SELECT substr(body, 1, {LONGEST_TEXT}) FROM text WHERE sha256 = v.stdout_sha) AS stdout,
  (SELECT substr(body, 1, {LONGEST_TEXT}) FROM text WHERE sha256 = v.stderr_sha) AS stderr,
  v.ending AS ending, v.exit_code AS exit_code, v.signal AS signal, v.selection AS selection, v.facts AS facts,
  study.limits_json AS limits_json
{_JOINED} CROSS JOIN study ON study.id = model.study_id WHERE s.id = ?"""
_ATTEMPTS = "SELECT attempt, verdict, judge, created_at AS at FROM verdict WHERE sample_id = ? ORDER BY attempt"
_PASSING = f"""{_COLUMNS} {_JOINED}
WHERE s.problem_id = (SELECT problem_id FROM sample WHERE id = ?1) AND v.verdict = 'PASSED' AND s.id <> ?1
  AND s.model_id IN (SELECT id FROM model WHERE study_id = (SELECT study_id FROM problem WHERE id = s.problem_id))
ORDER BY s.model_id = (SELECT model_id FROM sample WHERE id = ?1) DESC, s.completion_tokens LIMIT 1"""

_GROUPS = f"""
SELECT v.verdict AS verdict, v.error_type AS error_type,
  CASE WHEN v.verdict <> 'WRONG' OR v.error_type IS NOT NULL THEN substr(v.error_message, 1, {MESSAGE}) END AS message,
  CASE WHEN v.verdict = 'WRONG' AND v.error_type IS NULL THEN p.name ELSE '' END AS problem,
  s.model_id AS model_id, count(*) AS count, max(v.id) AS newest
FROM verdict v CROSS JOIN sample s ON s.id = v.sample_id CROSS JOIN problem p ON p.id = s.problem_id
WHERE v.id > ? AND v.id <= ? AND v.verdict <> 'PASSED' AND {_NO_LATER} AND {_OF_STUDY} GROUP BY 1, 2, 3, 4, 5"""
# A sample of the wrong answers that stays the same while a study grows: those whose ids are first in a mixed order.
_WRONG = f"""
SELECT v.id AS verdict_id, s.id AS sample_id, s.model_id AS model_id
FROM verdict v CROSS JOIN sample s ON s.id = v.sample_id
WHERE v.verdict = 'WRONG' AND {_NO_LATER} AND {_OF_STUDY} ORDER BY v.id * 2654435761 % 4294967296 LIMIT ?"""
# Of each problem the newest failure, those with the most failures first.
_FAILING = f"""
SELECT p.name AS problem, count(*) AS failures, max(v.id) AS newest
FROM verdict v CROSS JOIN sample s ON s.id = v.sample_id CROSS JOIN problem p ON p.id = s.problem_id
WHERE v.verdict <> 'PASSED' AND {_NO_LATER} AND {_OF_STUDY} GROUP BY p.id ORDER BY failures DESC, p.position LIMIT ?"""
# Of one problem's failures the newest of each model and ending, the most frequent first; an index finds the samples.
_FAILED_OF = """
SELECT max(v.id) AS newest, count(*) AS failures
FROM model m CROSS JOIN problem p ON p.study_id = m.study_id AND p.name = ?2
  CROSS JOIN sample s ON s.model_id = m.id AND s.problem_id = p.id CROSS JOIN verdict v ON v.sample_id = s.id
WHERE m.study_id = ?1 AND v.verdict <> 'PASSED'
  AND NOT EXISTS (SELECT 1 FROM verdict w WHERE w.sample_id = v.sample_id AND w.attempt > v.attempt)
GROUP BY m.id, v.verdict, v.error_type, v.error_message ORDER BY failures DESC, newest DESC LIMIT ?3"""
_USAGE = """
SELECT v.created_at AS at, v.verdict AS verdict, v.cpu_s AS cpu_s, v.wall_s AS wall_s, v.memory_mb AS memory_mb,
  v.flags AS flags
FROM verdict v CROSS JOIN sample s ON s.id = v.sample_id
WHERE s.model_id IN (SELECT id FROM model WHERE study_id = ?) ORDER BY v.id DESC LIMIT ?"""
_SETTINGS = "SELECT image, limits_json, versions_json, spec_toml FROM study WHERE id = ?"
_ONE_STUDY = "SELECT count(*) = 1 AS one FROM (SELECT 1 FROM study LIMIT 2)"
_PROBLEMS = "SELECT id, name, prompt, entry_point FROM problem WHERE study_id = ? ORDER BY position"
_SAMPLING = "SELECT id, sampling_json FROM model WHERE study_id = ?"
# Of a model with a strategy the answers of its trees stand for samples; for others, every sample is one.
_ANSWERS = (
    "(NOT EXISTS (SELECT 1 FROM model m WHERE m.id = s.model_id AND m.strategy_json IS NOT NULL)"
    " OR s.id IN (SELECT answer_id FROM tree t WHERE t.model_id = s.model_id AND t.problem_id = s.problem_id))"
)
_RANKABLE = f"""
SELECT s.id AS id, s.idx AS "index", completion.body AS completion, program.body AS program,
  s.completion_tokens AS completion_tokens, s.thought_tokens AS thought_tokens, s.finish AS finish,
  s.sum_logprob AS sum_logprob, v.verdict AS verdict,
  v.selection AS selection,
  v.cpu_s AS cpu_s,
  CASE WHEN ? THEN v.facts END AS facts
FROM sample s CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN text program ON program.sha256 = s.program_sha
  CROSS JOIN text completion ON completion.sha256 = s.completion_sha
WHERE s.model_id = ? AND s.problem_id = ? AND {_ANSWERS} ORDER BY s.idx"""
_CORRECT = f"""
SELECT program.body AS program, count(*) AS samples
FROM sample s CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN text program ON program.sha256 = s.program_sha
WHERE s.model_id = ? AND s.problem_id = ? AND v.verdict = 'PASSED' GROUP BY program.sha256 ORDER BY min(s.idx)"""
_RANKED = """
SELECT sample_id, value, seconds, ranking.prompt_flops AS prompt_flops, flops FROM ranking
  JOIN ranker ON ranker.id = ranker_id JOIN sample ON sample.id = sample_id
WHERE study_id = ? AND ranker.name = ? AND model_id = ? AND problem_id = ?"""
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
_EXPORTED = """
SELECT model.name AS model, problem.name AS problem, problem.prompt AS prompt, idx AS "index", sample.seed AS seed,
  turn, (SELECT before.idx FROM sample before WHERE before.id = sample.parent_id) AS parent,
  (SELECT body FROM text WHERE sha256 = completion_sha) AS completion,
  (SELECT body FROM text WHERE sha256 = thought_sha) AS thought,
  (SELECT body FROM text WHERE sha256 = program_sha) AS program, extraction, prompt_form,
  finish, prompt_tokens, completion_tokens, thought_tokens, cached_tokens, cache_write_tokens, prompt_seconds,
  decode_seconds, prompt_joules, decode_joules, prompt_flops,
  decode_flops, sum_logprob,
  prompt_shared,
  (SELECT verdict FROM verdict WHERE sample_id = sample.id ORDER BY attempt DESC LIMIT 1) AS verdict,
  claim.passed AS claimed, said
FROM sample CROSS JOIN model ON model.id = model_id CROSS JOIN problem ON problem.id = problem_id
  LEFT JOIN claim ON claim.sample_id = sample.id
WHERE model_id = ? AND problem_id = ? ORDER BY idx"""
_PROBLEM_IDS = "SELECT id FROM problem WHERE study_id = ? ORDER BY position"
_SPENT = f"""
SELECT problem.name AS problem, {{reading}} AS reading, {{writing}} AS writing, v.verdict = 'PASSED' AS passed
FROM sample s CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN problem ON problem.id = s.problem_id
WHERE s.model_id = ?1 AND {{reading}} IS NOT NULL AND {{writing}} IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM model m WHERE m.id = ?1 AND m.strategy_json IS NOT NULL)
UNION ALL
SELECT problem.name AS problem, sum(CASE WHEN turn = 0 THEN {{reading}} ELSE 0 END) AS reading,
  sum({{writing}} + CASE WHEN turn = 0 THEN 0 ELSE {{reading}} END) AS writing,
  (SELECT v.verdict = 'PASSED' FROM verdict v WHERE v.sample_id = answer_id ORDER BY attempt DESC LIMIT 1) AS passed
FROM tree CROSS JOIN sample s ON s.model_id = tree.model_id AND s.problem_id = tree.problem_id
    AND s.idx % {STRIDE} = tree.tree
  CROSS JOIN problem ON problem.id = tree.problem_id
WHERE tree.model_id = ?1 GROUP BY tree.problem_id, tree.tree
HAVING count({{reading}} + {{writing}}) = count(*)"""
_ACCEPTED = f"""
SELECT problem.name AS problem, sum(v.selection IS 'PASSED') AS accepted,
  sum(v.selection IS 'PASSED' AND v.verdict = 'PASSED') AS "right", sum(v.selection IS NULL) AS untested
FROM sample s CROSS JOIN verdict v ON {LATEST}
  CROSS JOIN problem ON problem.id = s.problem_id
WHERE s.model_id = ? AND {_ANSWERS} GROUP BY problem.id"""
_TURNS = f"""
SELECT s.id AS id, problem.name AS problem, s.idx AS "index", turn, v.id IS NOT NULL AS scored,
  v.selection AS selection, v.verdict = 'PASSED' AS passed,
  prompt_tokens, completion_tokens, thought_tokens, cached_tokens, cache_write_tokens, prompt_seconds,
  decode_seconds, prompt_flops, decode_flops, cached_flops, v.cpu_s AS cpu_s
FROM sample s LEFT JOIN verdict v ON {LATEST} CROSS JOIN problem ON problem.id = s.problem_id
WHERE s.model_id = ? ORDER BY problem.position, s.idx"""
_PARENT = f"""
SELECT program.body AS program, v.facts AS facts FROM sample s LEFT JOIN verdict v ON {LATEST}
  CROSS JOIN text program ON program.sha256 = s.program_sha WHERE s.id = ?"""
_TREES = """
SELECT problem.name AS problem, tree, s.idx AS answer, samples FROM tree CROSS JOIN sample s ON s.id = answer_id
  CROSS JOIN problem ON problem.id = tree.problem_id
WHERE tree.model_id = ? ORDER BY problem.position, tree"""


class SampleReader(Reader):
    """Queries of screens beyond a store's sums; not for use from several threads at once."""

    def top(self, *, pending: bool = False) -> int:
        """Return the highest id for the begin of a scan: of a verdict, or of a sample if pending ones are scanned."""
        if not pending:
            return self.last_verdict()
        return self.last_sample()

    def scan(
        self, study: int, asked: Filter, stretch: tuple[int, int], sort: str = "newest"
    ) -> list[tuple[int, float]]:
        """Return ids in (low, high] that match the filter, newest first, each with its sort key.

        Only latest verdicts count. Where the filter asks for pending samples, ids are of samples.
        """
        low, high = stretch
        if asked.pending:
            sql, values = _SCAN_PENDING, (low, high, study, *asked.params)
        elif asked.samples or sort != "newest" or not self._only_study():
            sql, values = _SCAN, (low, high, study, *asked.params)
        else:
            sql, values = _SCAN_VERDICTS, (low, high, *asked.params)
        return self._pairs(sql.format(key=SORTS[sort], where=asked.where), values)

    def judged_again(self, stretch: tuple[int, int]) -> bool:
        """Return whether a verdict with an id in (low, high] replaced an earlier one."""
        return bool(self._rows("SELECT 1 FROM verdict WHERE id > ? AND id <= ? AND attempt > 1 LIMIT 1", *stretch))

    def judged_samples(self, stretch: tuple[int, int]) -> list[int]:
        """Return the samples whose verdicts have ids in (low, high]."""
        sql = "SELECT sample_id, 0 FROM verdict WHERE id > ? AND id <= ?"
        return [sample for sample, _ in self._pairs(sql, stretch)]

    def page(self, ids: Sequence[int], *, pending: bool = False) -> list[SampleRow]:
        """Return the existing samples with these ids (of verdicts, or of samples if `pending`), in their order."""
        chosen = _BY_SAMPLE if pending else _BY_VERDICT
        sql = f"{_COLUMNS} {_JOINED} {chosen.format(marks=','.join('?' * len(ids)))}"
        rows = [SampleRow(**row) for row in self._rows(sql, *ids)]
        by_id = {row.sample_id if pending else row.verdict_id: row for row in rows}
        return [by_id[id_] for id_ in ids if id_ in by_id]

    def detail(self, sample: int) -> SampleDetail | None:
        """Return all that is known of one sample, by its id."""
        found = self._rows(_DETAIL, sample)
        if not found:
            return None
        told = found[0]
        row = {name: told.pop(name) for name in SampleRow.__dataclass_fields__}
        texts: dict[str, Any] = {
            name: told.pop(name) or ""
            for name in ("prompt", "tests", "completion", "thought", "program", "stdout", "stderr")
        }
        attempts = tuple(AttemptRow(**one) for one in self._rows(_ATTEMPTS, sample))
        return SampleDetail(row=SampleRow(**row), attempts=attempts, **texts, **told)

    def passing(self, sample: int) -> SampleRow | None:
        """Return a sample of the same problem that passed: of the same model if there is one, the shortest of those."""
        found = self._rows(_PASSING, sample)
        return SampleRow(**found[0]) if found else None

    def groups(self, study: int, stretch: tuple[int, int]) -> list[GroupRow]:
        """Return the failures among the verdicts in (low, high], counted by how they ended and by model."""
        return [GroupRow(**row) for row in self._rows(_GROUPS, *stretch, study)]

    def wrong(self, study: int, limit: int) -> list[tuple[int, int, int]]:
        """Return a random, repeatable choice of wrong answers: the ids of verdict, sample and model."""
        rows = self._rows(_WRONG, study, limit)
        return [(row["verdict_id"], row["sample_id"], row["model_id"]) for row in rows]

    def failing(self, study: int, limit: int) -> list[tuple[int, SampleDetail]]:
        """Return the problems with failures, most failures first: how many, and the newest failed sample."""
        return self._newest_of(self._rows(_FAILING, study, limit))

    def failed_of(self, study: int, problem: str, limit: int) -> list[tuple[int, SampleDetail]]:
        """Return how samples of one problem failed, most frequent first: how many so, and the newest of them."""
        return self._newest_of(self._rows(_FAILED_OF, study, problem, limit))

    def _newest_of(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, SampleDetail]]:
        found = []
        for row in rows:
            (sample,) = self.page([row["newest"]])
            detail = self.detail(sample.sample_id)
            if detail is not None:
                found.append((row["failures"], detail))
        return found

    def usage(self, study: int, *, limit: int = 500) -> list[UsageRow]:
        """Return what the newest runs used, newest first."""
        return [UsageRow(**row) for row in self._rows(_USAGE, study, limit)]

    def settings(self, study: int) -> SettingsRow:
        """Return what the study's programs run in and under."""
        return SettingsRow(**self._rows(_SETTINGS, study)[0])

    def _only_study(self) -> bool:
        return bool(self._rows(_ONE_STUDY)[0]["one"])

    def _pairs(self, sql: str, values: Sequence[Any]) -> list[tuple[int, float]]:
        with self._errors():
            return [(row[0], row[1]) for row in self._connection.execute(sql, values).fetchall()]


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


class ClaimReader(Reader):
    """Queries for `sampler claims`."""

    def claim_counts(self, study: int) -> list[ClaimCount]:
        """Return claims against our verdicts, counted."""
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


class ExportReader(Reader):
    """Queries for `sampler export`."""

    @property
    def path(self) -> Path:
        """Return where the store is."""
        return self._path

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

SAVED_COSTS: Mapping[Unit, str] = {Unit.FLOPS: "cached_flops", Unit.TOKENS: "cached_tokens"}  # by an engine's cache


class SpentReader(Reader):
    """Queries for the costs of samples; not for use from several threads at once."""

    def spent(self, model: int, unit: Unit, *, cached: bool = False) -> list[SpentRow]:
        """Return the scored samples of a model that have a cost in a unit of `SAMPLE_COSTS`.

        With `cached`, what the engine had in its cache costs nothing.
        """
        reading, writing = SAMPLE_COSTS[unit]
        if cached and unit in SAVED_COSTS:
            reading = f"({reading} - {SAVED_COSTS[unit]})"
        return [SpentRow(**row) for row in self._rows(_SPENT.format(reading=reading, writing=writing), model)]

    def accepted(self, model: int) -> list[AcceptedRow]:
        """Return how many of a model's scored samples passed the selection tests, for each problem."""
        return [AcceptedRow(**row) for row in self._rows(_ACCEPTED, model)]


class TurnReader(Reader):
    """Queries for trees of turns; not for use from several threads at once."""

    def turns(self, model: int) -> list[TurnRow]:
        """Return every sample of a model, by problem and index; independent samples are trees of one."""
        return [
            TurnRow(
                **{
                    **row,
                    "scored": bool(row["scored"]),
                    "passed": None if row["passed"] is None else bool(row["passed"]),
                }
            )
            for row in self._rows(_TURNS, model)
        ]

    def trees(self, model: int) -> list[TreeRow]:
        """Return the trees of a model that have ended."""
        return [TreeRow(**row) for row in self._rows(_TREES, model)]

    def parent(self, sample: int) -> ParentRow:
        """Return the program of a sample, and the facts of its latest verdict."""
        return ParentRow(**self._rows(_PARENT, sample)[0])
