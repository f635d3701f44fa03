"""Write studies, models, runs, samples, verdicts and rankings.

Each function records one thing within the open transaction.

Those of imports are in `import_statements`. A sample and a verdict are facts that are only added; the sums over them
are written in the same transaction.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import asdict

from sampler.store.reader import StoreError
from sampler.store.write_models import (
    JudgementRecord,
    ModelRecord,
    OpenedModel,
    RankedRow,
    RankerRecord,
    SampleRecord,
    StudyIds,
    StudyRecord,
    TreeRecord,
    VerdictRecord,
    problems_digest,
)
from sampler.values import STRIDE, canonical_json, valid_text
from sandbox.values import Score, Verdict

COSTS = (
    "prompt_tokens", "completion_tokens", "prompt_seconds", "decode_seconds", "prompt_flops", "decode_flops",
    "prompt_joules", "decode_joules", "thought_tokens", "cached_tokens", "cached_flops",
    "cache_write_tokens",
)  # fmt: skip
# Of both, a cost that is not known (NULL) makes the sum unknown: anything plus NULL is NULL.
ADD_COSTS = "sampled = sampled + excluded.sampled, " + ", ".join(f"{cost} = {cost} + excluded.{cost}" for cost in COSTS)


class StudyChanged(StoreError):
    """The study file asks for other samples than those that the store holds under the study's name."""


def open_study(connection: sqlite3.Connection, record: StudyRecord, now: float) -> StudyIds:
    """Make or update the study named by `record`; return its ids."""
    found = connection.execute("SELECT * FROM study WHERE name = ?", (record.name,)).fetchone()
    study = _new_study(connection, record, now) if found is None else known_study(connection, record)
    problems = connection.execute("SELECT name, id FROM problem WHERE study_id = ?", (study,)).fetchall()
    models = _place_models(connection, study, record)
    return StudyIds(study=study, models=models, problems=dict(problems), limits=stored_limits(connection, study))


def stored_limits(connection: sqlite3.Connection, study: int) -> str:
    """Return the canonical JSON of what decides the verdicts of a study."""
    return str(connection.execute("SELECT limits_json FROM study WHERE id = ?", (study,)).fetchone()[0])


def _new_study(connection: sqlite3.Connection, record: StudyRecord, now: float) -> int:
    study = connection.execute(
        "INSERT INTO study(uid, name, spec_toml, spec_digest, problems_source, problems_digest, seed, "
        "limits_json, status,"
        " created_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, 'created', ?) RETURNING id",
        (
            uuid.uuid4().hex,
            valid_text(record.name),
            valid_text(record.spec_toml),
            record.digest,
            valid_text(record.problems_source),
            problems_digest(record.problems),
            record.seed,
            record.limits,
            now,
        ),
    ).fetchone()[0]
    connection.executemany(
        "INSERT INTO problem(study_id, name, prompt, tests, entry_point, position) VALUES(?, ?, ?, ?, ?, ?)",
        [
            (study, valid_text(p.name), valid_text(p.prompt), valid_text(p.tests), p.entry_point, position)
            for position, p in enumerate(record.problems)
        ],
    )
    return int(study)


def known_study(connection: sqlite3.Connection, record: StudyRecord) -> int:
    """Return the id of a study that is there; raises StudyChanged if its samples are not those of `record`.

    A limit that the study file does not set stays as it is in the store, so that a new default refuses no old store.
    """
    study, digest, seed, limits = connection.execute(
        "SELECT id, problems_digest, seed, limits_json FROM study WHERE name = ?", (record.name,)
    ).fetchone()
    asked = problems_digest(record.problems)
    held = {
        "the problems": (digest[:12], asked[:12]),
        "seed": (str(seed), str(record.seed)),
        "[sandbox]": (limits, _with_held(record, limits)),
    }
    for what, (stored, wanted) in held.items():
        if stored != wanted:
            raise StudyChanged(_changed(f"study {record.name!r}", what, stored, wanted))
    connection.execute("UPDATE study SET spec_toml = ? WHERE id = ?", (valid_text(record.spec_toml), study))
    return int(study)


def _with_held(record: StudyRecord, stored: str) -> str:
    """Return the limits that the study file sets, and the store's values of those that it leaves unset."""
    held, asked = json.loads(stored), json.loads(record.limits)
    joined = {key: value for key, value in asked.items() if key not in record.unset}
    joined |= {key: held[key] for key in record.unset & held.keys()}
    return stored if joined == held else canonical_json(joined)


def _place_models(connection: sqlite3.Connection, study: int, record: StudyRecord) -> dict[str, int]:
    """Store the places of the models; models that the file no longer names keep their samples, but want none."""
    connection.execute("UPDATE model SET wanted = 0, position = 1000000 WHERE study_id = ?", (study,))
    ids: dict[str, int] = {}
    for position, model in enumerate(record.models):
        row = connection.execute(
            "INSERT INTO model(study_id, name, backend, sampling_json, wanted, position, costs_json, greedy_of,"
            " strategy_json, looks, allotted) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT(study_id, name) DO UPDATE SET"
            " wanted = excluded.wanted,"
            " position = excluded.position, costs_json = excluded.costs_json, greedy_of = excluded.greedy_of,"
            " looks = max(looks, excluded.looks)"
            " RETURNING id, backend, sampling_json",
            (
                study,
                valid_text(model.name),
                model.backend,
                model.sampling,
                model.wanted,
                position,
                model.costs,
                ids.get(model.greedy_of or ""),
                model.strategy,
                model.looks,
                model.allotted,
            ),
        ).fetchone()
        _refuse_other(model, row[1], row[2])
        ids[model.name] = row[0]
    return ids


def limit_wanted(connection: sqlite3.Connection, study: int, samples: int) -> None:
    """Lower the number of wanted samples of each model of a study to at most `samples` of each problem."""
    connection.execute("UPDATE model SET wanted = min(wanted, ?) WHERE study_id = ?", (samples, study))


def add_model(connection: sqlite3.Connection, study: int, model: ModelRecord) -> int:
    """Return the id of one more model of a study, behind the others; one that is there already stays as it is."""
    row = connection.execute(
        "INSERT INTO model(study_id, name, backend, sampling_json, wanted, position) SELECT ?, ?, ?, ?, ?, count(*)"
        " FROM model WHERE study_id = ?"
        " ON CONFLICT(study_id, name) DO UPDATE SET wanted = wanted RETURNING id, backend, sampling_json",
        (study, valid_text(model.name), model.backend, model.sampling, model.wanted, study),
    ).fetchone()
    _refuse_other(model, row[1], row[2])
    return int(row[0])


def _refuse_other(model: ModelRecord, backend: str, sampling: str) -> None:
    for what, stored, wanted in (("backend", backend, model.backend), ("sampling", sampling, model.sampling)):
        if stored != wanted:
            raise StudyChanged(_changed(f"model {model.name!r}", what, stored, wanted))


def _changed(of: str, what: str, stored: str, wanted: str) -> str:
    return (
        f"{of}: the store holds samples made with {what} {stored}, and now it is {wanted}; "
        "change it back, give the study another name, or choose a new file with --store"
    )


def begin_run(connection: sqlite3.Connection, study: int, host: tuple[str, int], versions: str, now: float) -> None:
    """Record who runs the study: the machine's name and the process."""
    connection.execute(
        "UPDATE study SET status = 'running', host = ?, pid = ?, started_at = ?, heartbeat_at = ?, ended_at = NULL,"
        " exit_reason = NULL, versions_json = ? WHERE id = ?",
        (*host, now, now, versions, study),
    )


def heartbeat(connection: sqlite3.Connection, study: int, now: float) -> None:
    """Record that the run is alive."""
    connection.execute("UPDATE study SET heartbeat_at = ? WHERE id = ?", (now, study))


def end_run(connection: sqlite3.Connection, study: int, status: str, reason: str, now: float) -> None:
    """Record how the run ended; a run that found nothing to do does not change the earlier end."""
    connection.execute(
        "UPDATE study SET status = ?, exit_reason = ?, heartbeat_at = ?, ended_at = ?"
        " WHERE id = ? AND NOT (status = 'done' AND ? = 'done')",
        (status, valid_text(reason), now, now, study, status),
    )


def opened_executor(connection: sqlite3.Connection, study: int, image: str) -> None:
    """Record the image in which the programs run."""
    connection.execute("UPDATE study SET image = ? WHERE id = ?", (valid_text(image), study))


def model_opened(connection: sqlite3.Connection, opened: OpenedModel) -> None:
    """Record the model's card; refuse a model whose stored samples have another digest."""
    card = opened.card
    name, digest = connection.execute("SELECT name, digest FROM model WHERE id = ?", (opened.model_id,)).fetchone()
    held = connection.execute("SELECT 1 FROM sample WHERE model_id = ? LIMIT 1", (opened.model_id,)).fetchone()
    if held is not None and digest is not None and digest != card.digest:
        raise StudyChanged(_changed(f"model {name!r}", "digest", digest, card.digest))
    architecture = card.architecture
    connection.execute(
        "UPDATE model SET engine = ?, digest = ?, architecture_json = ?, params = ? WHERE id = ?",
        (
            valid_text(card.engine),
            card.digest,
            None if architecture is None else json.dumps(asdict(architecture), sort_keys=True),
            None if architecture is None else architecture.params,
            opened.model_id,
        ),
    )


def retest_study(connection: sqlite3.Connection, record: StudyRecord) -> int:
    """Replace the tests of a stored study by those of `record`, and return its id.

    Raises StoreError if there is no such study, StudyChanged if more than its tests has changed.
    """
    found = connection.execute("SELECT id, seed FROM study WHERE name = ?", (record.name,)).fetchone()
    if found is None:
        raise StoreError(f"the store holds no study {record.name!r}; `sampler run` makes it")
    study = int(found[0])
    held = connection.execute(
        "SELECT name, prompt FROM problem WHERE study_id = ? ORDER BY position", (study,)
    ).fetchall()
    if [tuple(row) for row in held] != [(valid_text(p.name), valid_text(p.prompt)) for p in record.problems]:
        raise StudyChanged(f"study {record.name!r}: its problems have other names or prompts than those in the store")
    connection.executemany(
        "UPDATE problem SET tests = ? WHERE study_id = ? AND name = ?",
        [(valid_text(p.tests), study, valid_text(p.name)) for p in record.problems],
    )
    connection.execute(
        "UPDATE study SET problems_digest = ?, spec_digest = ? WHERE id = ?",
        (problems_digest(record.problems), record.digest, study),
    )
    return study


def add_event(connection: sqlite3.Connection, row: tuple[int, str, str, str, float]) -> None:
    """Add a line to the log: study, level, kind, message, time."""
    connection.execute("INSERT INTO event(study_id, level, kind, message, created_at) VALUES(?, ?, ?, ?, ?)", row)


_SAMPLE = (
    "INSERT OR IGNORE INTO sample(model_id, problem_id, idx, seed, completion_sha, thought_sha, program_sha, finish,"
    f" sum_logprob, prompt_shared, extraction, prompt_form, created_at, {', '.join(COSTS)}, turn,"
    " prompt_sha, parent_id)"
    f" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?{', ?' * len(COSTS)}, ?, ?,"
    " (SELECT id FROM sample WHERE model_id = ? AND problem_id = ? AND idx = ?))"
)
_TALLY = (
    f"INSERT INTO tally(model_id, problem_id, sampled, {', '.join(COSTS)}) VALUES(?, ?, 1{', ?' * len(COSTS)})"
    f" ON CONFLICT DO UPDATE SET {ADD_COSTS}"
)
OUTPUT_KEPT = 16 << 10  # bytes of a program's output that a store keeps


def add_sample(connection: sqlite3.Connection, record: SampleRecord, now: float) -> None:
    """Add a sample, its texts and its share of the tally; nothing if it is held already."""
    sample, costs = record.sample, _costs(record)
    completion, program = valid_text(sample.text), valid_text(record.source)
    thought = None if sample.thought is None else valid_text(sample.thought)
    texts = (_digest(completion), None if thought is None else _digest(thought), _digest(program))
    place = (record.model_id, record.problem_id, sample.index, sample.seed, *texts)
    how = (sample.finish and sample.finish.value, sample.sum_logprob, int(sample.prompt_shared))
    made = (record.extraction, record.prompt_form, now)
    prompt = None if record.prompt is None else valid_text(record.prompt)
    turn = (record.turn, None if prompt is None else _digest(prompt))
    parent = (record.model_id, record.problem_id, record.parent)
    if connection.execute(_SAMPLE, (*place, *how, *made, *costs, *turn, *parent)).rowcount:
        for text in (completion, program, thought, prompt):
            if text is not None:
                _keep_text(connection, text)
        if not _is_sequential(connection, record.model_id):
            connection.execute(_TALLY, (record.model_id, record.problem_id, *costs))


# A model with a strategy is counted in whole trees, because independent trees are what its estimators rest on: a tree
# is one sample of the tally, with all that its turns cost, and it passes if its answer does. Reading the prompts of
# later turns stands apart, too: no other tree can share it.

_REREAD = {
    "reread_tokens": "prompt_tokens",
    "reread_seconds": "prompt_seconds",
    "reread_flops": "prompt_flops",
    "reread_joules": "prompt_joules",
}
_ALL_OR_NONE = "CASE WHEN count({0}) = count(*) THEN sum({0}) END"  # a sum with an unknown part is unknown
_SUMS = ", ".join(
    [
        *(_ALL_OR_NONE.format(cost) for cost in COSTS),
        *(_ALL_OR_NONE.format(f"CASE WHEN turn = 0 THEN 0 ELSE {cost} END") for cost in _REREAD.values()),
    ]
)
_TREE_SUMS = f"""
SELECT {_SUMS} FROM sample WHERE model_id = ?1 AND problem_id = ?2 AND idx % {STRIDE} = ?3"""
_TREE_CPU = f"""
SELECT coalesce(sum(cpu_s), 0) FROM verdict JOIN sample ON sample.id = sample_id
WHERE model_id = ?1 AND problem_id = ?2 AND idx % {STRIDE} = ?3 AND attempt = 1"""
_TREE_TALLY = (
    f"INSERT INTO tally(model_id, problem_id, sampled, scored, passed, cpu_s, {', '.join([*COSTS, *_REREAD])})"
    f" VALUES(?, ?, 1, 1, ?, ?{', ?' * (len(COSTS) + len(_REREAD))}) ON CONFLICT DO UPDATE SET {ADD_COSTS},"
    " scored = scored + 1, passed = passed + excluded.passed, cpu_s = cpu_s + excluded.cpu_s, "
    + ", ".join(f"{cost} = {cost} + excluded.{cost}" for cost in _REREAD)
)
_LATEST_PASSED = "SELECT verdict = 'PASSED' FROM verdict WHERE sample_id = ? ORDER BY attempt DESC LIMIT 1"


def _is_sequential(connection: sqlite3.Connection, model: int) -> bool:
    found = connection.execute("SELECT strategy_json IS NOT NULL FROM model WHERE id = ?", (model,)).fetchone()
    return bool(found[0])


def add_tree(connection: sqlite3.Connection, record: TreeRecord, now: float) -> None:
    """Add a tree that has ended, and its share of the tally; nothing if it is recorded already."""
    problem = connection.execute("SELECT problem_id FROM sample WHERE id = ?", (record.answer_id,)).fetchone()[0]
    place = (record.model_id, problem, record.tree)
    added = connection.execute(
        "INSERT OR IGNORE INTO tree(model_id, problem_id, tree, answer_id, samples, created_at)"
        " VALUES(?, ?, ?, ?, ?, ?)",
        (*place, record.answer_id, record.samples, now),
    ).rowcount
    if added:
        sums = connection.execute(_TREE_SUMS, place).fetchone()
        cpu_s = connection.execute(_TREE_CPU, place).fetchone()[0]
        passed = connection.execute(_LATEST_PASSED, (record.answer_id,)).fetchone()[0]
        connection.execute(_TREE_TALLY, (record.model_id, problem, passed, cpu_s, *sums))


def _costs(record: SampleRecord) -> tuple[float | None, ...]:
    """Return the values of the columns of `COSTS`."""
    sample = record.sample
    return (
        sample.prompt_tokens,
        sample.completion_tokens,
        sample.prompt_seconds,
        sample.decode_seconds,
        record.prompt_flops,
        record.decode_flops,
        sample.prompt_joules,
        sample.decode_joules,
        sample.thought_tokens,
        sample.cached_tokens,
        record.cached_flops,
        sample.cache_write_tokens,
    )


def add_verdict(connection: sqlite3.Connection, record: VerdictRecord, now: float) -> None:
    """Add a verdict, its facts, and its share of the tallies; nothing if the sample has one."""
    run = record.score.run
    inserted = connection.execute(
        "INSERT OR IGNORE INTO verdict(sample_id, verdict, ending, exit_code, signal, cpu_s, wall_s, memory_mb, "
        "error_type,"
        " error_message, stdout_sha, stderr_sha, flags, facts, selection, judge, created_at)"
        " SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM sample"
        " WHERE model_id = ? AND problem_id = ? AND idx = ?",
        (
            *(record.score.verdict.value, run.ending.value, run.exit_code, run.signal),
            *(run.cpu_s, run.wall_s, run.memory_mb),
            *_raised(record.score, record.reason),
            *(_keep_output(connection, run.stdout), _keep_output(connection, run.stderr)),
            *(_flags(record.score), record.facts, _selection(record.score), record.judge, now),
            *(record.model_id, record.problem_id, record.index),
        ),
    ).rowcount
    if not inserted:
        return
    passed = int(record.score.verdict is Verdict.PASSED)
    if not _is_sequential(connection, record.model_id):
        connection.execute(
            (
                "UPDATE tally SET scored = scored + 1, passed = passed + ?, cpu_s = cpu_s + ? WHERE model_id = ? AND "
                "problem_id = ?"
            ),
            (passed, run.cpu_s, record.model_id, record.problem_id),
        )
    connection.execute(
        "INSERT INTO verdict_tally(model_id, verdict, n) VALUES(?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1",
        (record.model_id, record.score.verdict.value),
    )


def add_judgement(connection: sqlite3.Connection, record: JudgementRecord, now: float) -> None:
    """Add a second judgement over the facts of a verdict as a new row, and update the tallies."""
    score = record.score
    sample_id, before, model_id, problem_id = connection.execute(
        "SELECT sample_id, verdict, model_id, problem_id FROM verdict JOIN sample ON sample.id = sample_id"
        " WHERE verdict.id = ?",
        (record.verdict_id,),
    ).fetchone()
    connection.execute(
        "INSERT INTO verdict(sample_id, attempt, verdict, ending, exit_code, signal, cpu_s, wall_s, memory_mb, "
        "error_type,"
        " error_message, stdout_sha, stderr_sha, flags, facts, selection, judge, created_at)"
        " SELECT sample_id, (SELECT max(attempt) + 1 FROM verdict WHERE sample_id = ?), ?, ending, exit_code, "
        "signal, cpu_s,"
        " wall_s, memory_mb, ?, ?, stdout_sha, stderr_sha, ?, facts, ?, ?, ? FROM verdict WHERE id = ?",
        (
            *(sample_id, score.verdict.value),
            *_raised(score, record.reason),
            *(_flags(score), _selection(score), record.judge, now, record.verdict_id),
        ),
    )
    gained = int(score.verdict is Verdict.PASSED) - int(before == Verdict.PASSED)
    answers = connection.execute("SELECT 1 FROM tree WHERE answer_id = ?", (sample_id,)).fetchone() is not None
    if answers or not _is_sequential(connection, model_id):
        connection.execute(
            "UPDATE tally SET passed = passed + ? WHERE model_id = ? AND problem_id = ?", (gained, model_id, problem_id)
        )
    for counted, change in ((before, -1), (score.verdict.value, 1)):
        connection.execute(
            (
                "INSERT INTO verdict_tally(model_id, verdict, n) VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET n = n + "
                "excluded.n"
            ),
            (model_id, counted, change),
        )


def _raised(score: Score, reason: str | None) -> tuple[str | None, str | None]:
    """Return the type and the message of what a program raised; no type, and the reason, where it answered wrongly."""
    raised = score.raised
    if raised is None:
        return None, None if reason is None else valid_text(reason)
    return valid_text(raised.type), valid_text(raised.message)


def _flags(score: Score) -> str:
    return ",".join(sorted(score.flags))


def _selection(score: Score) -> str | None:
    """Return the verdict of the selection tests, where there were any."""
    return None if score.selection is None else score.selection.verdict.value


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _keep_text(connection: sqlite3.Connection, text: str) -> bytes:
    digest = _digest(text)
    connection.execute("INSERT OR IGNORE INTO text(sha256, body) VALUES(?, ?)", (digest, text))
    return digest


def _keep_output(connection: sqlite3.Connection, output: bytes) -> bytes | None:
    """Return the beginning of an output; None for an empty one."""
    if not output:
        return None
    cut = "\n[cut here]" if len(output) > OUTPUT_KEPT else ""
    return _keep_text(connection, output[:OUTPUT_KEPT].decode("utf-8", "replace") + cut)


def open_ranker(connection: sqlite3.Connection, record: RankerRecord) -> int:
    """Return the ranker's id; delete values that were made with another digest."""
    name = valid_text(record.name)
    found = connection.execute(
        "SELECT id, digest FROM ranker WHERE study_id = ? AND name = ?", (record.study, name)
    ).fetchone()
    if found is None:
        return int(
            connection.execute(
                "INSERT INTO ranker(study_id, name, digest) VALUES(?, ?, ?) RETURNING id",
                (record.study, name, record.digest),
            ).fetchone()[0]
        )
    if found[1] != record.digest:
        connection.execute("DELETE FROM ranking WHERE ranker_id = ?", (found[0],))
        connection.execute("UPDATE ranker SET digest = ? WHERE id = ?", (record.digest, found[0]))
    return int(found[0])


def add_ranked(connection: sqlite3.Connection, ranker: int, rows: Sequence[RankedRow], now: float) -> None:
    """Store a ranker's scores of some samples, instead of its earlier ones."""
    connection.executemany(
        "INSERT OR REPLACE INTO ranking(sample_id, ranker_id, value, seconds, prompt_flops, flops, created_at)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        [(row.sample_id, ranker, row.value, row.seconds, row.prompt_flops, row.flops, now) for row in rows],
    )
