"""The statements of the writer, of samples and verdicts.

Append-only facts, and the sums over them in the same transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3

from sampler.store.records import SampleRecord, VerdictRecord, valid_text
from sampler.store.writes import ADD_COSTS, COSTS
from sandbox.values import Score, Verdict

_SAMPLE = (
    "INSERT OR IGNORE INTO sample(model_id, problem_id, idx, seed, completion_sha, program_sha, finish, sum_logprob,"
    f" prompt_shared, extraction, prompt_form, created_at, {', '.join(COSTS)})"
    f" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?{', ?' * len(COSTS)})"
)
_TALLY = (
    f"INSERT INTO tally(model_id, problem_id, sampled, {', '.join(COSTS)}) VALUES(?, ?, 1{', ?' * len(COSTS)})"
    f" ON CONFLICT DO UPDATE SET {ADD_COSTS}"
)
OUTPUT_KEPT = 16 << 10  # bytes of a program's output that a store keeps


def add_sample(connection: sqlite3.Connection, record: SampleRecord, now: float) -> None:
    """The sample, its texts and its share of the tally; nothing at all if it is held already."""
    sample, costs = record.sample, _costs(record)
    completion, program = valid_text(sample.text), valid_text(record.source)
    place = (record.model_id, record.problem_id, sample.index, sample.seed, _digest(completion), _digest(program))
    how = (sample.finish and sample.finish.value, sample.sum_logprob, int(sample.prompt_shared))
    made = (record.extraction, record.prompt_form, now)
    if connection.execute(_SAMPLE, (*place, *how, *made, *costs)).rowcount:
        _keep_text(connection, completion)
        _keep_text(connection, program)
        connection.execute(_TALLY, (record.model_id, record.problem_id, *costs))


def _costs(record: SampleRecord) -> tuple[float | None, ...]:
    """What the columns of `COSTS` hold."""
    sample = record.sample
    return (
        sample.prompt_tokens, sample.completion_tokens, sample.prompt_seconds, sample.decode_seconds,
        record.prompt_flops, record.decode_flops, sample.prompt_joules, sample.decode_joules,
    )  # fmt: skip


def add_verdict(connection: sqlite3.Connection, record: VerdictRecord, now: float) -> None:
    """The verdict, what it was made from, and its share of the tallies; nothing if the sample has one."""
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
            *_raised(record.score),
            *(_keep_output(connection, run.stdout), _keep_output(connection, run.stderr)),
            *(_flags(record.score), record.facts, _selection(record.score), record.judge, now),
            *(record.model_id, record.problem_id, record.index),
        ),
    ).rowcount
    if not inserted:
        return
    passed = int(record.score.verdict is Verdict.PASSED)
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


def add_judgement(connection: sqlite3.Connection, verdict: int, score: Score, judge: str, now: float) -> None:
    """A second judgement over the facts of a verdict: a row beside it, and the tallies moved over."""
    sample_id, before, model_id, problem_id = connection.execute(
        "SELECT sample_id, verdict, model_id, problem_id FROM verdict JOIN sample ON sample.id = sample_id"
        " WHERE verdict.id = ?",
        (verdict,),
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
            *_raised(score),
            *(_flags(score), _selection(score), judge, now, verdict),
        ),
    )
    gained = int(score.verdict is Verdict.PASSED) - int(before == Verdict.PASSED)
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


def _raised(score: Score) -> tuple[str | None, str | None]:
    """The type and the message of what a program raised."""
    raised = score.raised
    return (None, None) if raised is None else (valid_text(raised.type), valid_text(raised.message))


def _flags(score: Score) -> str:
    return ",".join(sorted(score.flags))


def _selection(score: Score) -> str | None:
    """The verdict of the selection tests, where there were any."""
    return None if score.selection is None else score.selection.verdict.value


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _keep_text(connection: sqlite3.Connection, text: str) -> bytes:
    digest = _digest(text)
    connection.execute("INSERT OR IGNORE INTO text(sha256, body) VALUES(?, ?)", (digest, text))
    return digest


def _keep_output(connection: sqlite3.Connection, output: bytes) -> bytes | None:
    """The beginning of an output; None for an empty one."""
    if not output:
        return None
    cut = "\n[cut here]" if len(output) > OUTPUT_KEPT else ""
    return _keep_text(connection, output[:OUTPUT_KEPT].decode("utf-8", "replace") + cut)
