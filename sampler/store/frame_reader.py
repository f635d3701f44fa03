"""Read samples and verdicts of a store as columns of numbers, for data frames.

Words are numbers here, too: a place in a list of words. A NULL is `UNKNOWN`, infinity, which no fact of a store is.
How a million rows are read at a bearable cost stands in `sampler.store.column_reader`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sampler.store.column_reader import ColumnReader, Numbers, Query
from sampler.store.reader import Reader
from sandbox.values import Verdict

Whole = npt.NDArray[np.int64]
UNKNOWN = np.inf
FINISHES = ("stop", "length", "thought")
VERDICTS = tuple(verdict.value for verdict in Verdict)
SAMPLE_NUMBERS = (
    "prompt_tokens", "completion_tokens", "thought_tokens", "cached_tokens", "cache_write_tokens",
    "prompt_seconds", "decode_seconds",
    "prompt_flops", "decode_flops", "prompt_joules", "decode_joules", "sum_logprob",
)  # fmt: skip
VERDICT_NUMBERS = ("exit_code", "signal", "cpu_s", "wall_s", "memory_mb")
VERDICT_WORDS = ("verdict", "ending", "selection", "error_type", "error_message", "flags", "judge")
KEYS = ("id", "model_id", "problem_id", "idx")
_SELDOM = (
    "thought_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "prompt_joules",
    "decode_joules",
    "sum_logprob",
)  # often known of none
_FINISH = "CASE finish " + " ".join(f"WHEN '{word}' THEN {at}" for at, word in enumerate(FINISHES)) + " END"
_VERDICT = "CASE verdict " + " ".join(f"WHEN '{word}' THEN {at}" for at, word in enumerate(VERDICTS)) + " END"
_TEXTS = """
SELECT sample.id, seed, completion.body, program.body FROM sample
  LEFT JOIN text completion ON completion.sha256 = completion_sha
  LEFT JOIN text program ON program.sha256 = program_sha ORDER BY sample.id"""

WordRows = tuple[Whole, Sequence[tuple[str | None, ...]]]  # places, and the different rows of VERDICT_WORDS


class FrameReader(Reader):
    """Queries for data frames; each reads every sample or verdict of the store. Not for use from several threads.

    Rows of other studies come, too: leaving them out is cheaper in numpy than in SQL.
    """

    def problem_ids(self, study: int) -> Mapping[int, str]:
        """Return the names of a study's problems, in its order, by their ids."""
        rows = self._rows("SELECT id, name FROM problem WHERE study_id = ? ORDER BY position", study)
        return {row["id"]: row["name"] for row in rows}

    def samples(self) -> tuple[Mapping[str, Numbers], Mapping[str, Numbers]]:
        """Return the KEYS and SAMPLE_NUMBERS of each sample, by rising id, and its verdicts.

        Beside them are `turn`, `parent` (the index of the sample before it in its tree), `prompt_shared` (0 or 1) and
        `finish`, a place in FINISHES. Columns that no sample has are not read. Of each verdict, oldest first, come
        sample_id and `verdict`, a place in VERDICTS: the last one of a sample counts.
        """
        with self._errors(), self._column_reader() as reader:
            absent = self._absent()
            told = {name: name for name in KEYS}
            told |= {name: _number(name) for name in SAMPLE_NUMBERS if name not in absent}
            told |= {"finish": _number(_FINISH), "prompt_shared": "prompt_shared"}
            told |= {} if "turn" in absent else {"turn": "turn", "parent": _number("parent_id")}
            verdicts = {"sample_id": "sample_id", "verdict": _number(_VERDICT)}
            read = reader.read([Query("sample", [*told.values()]), Query("verdict", [*verdicts.values()])])
        found, judged = (
            dict(zip(names, one.columns, strict=True)) for names, one in zip((told, verdicts), read, strict=True)
        )
        samples = len(found["id"])
        unknown = np.broadcast_to(UNKNOWN, samples)
        found |= dict.fromkeys(absent, unknown)
        if "turn" in absent:
            return found | {"turn": np.zeros(samples), "parent": unknown}, judged
        known = np.flatnonzero(np.isfinite(found["parent"]))
        found["parent"][known] = found["idx"][np.searchsorted(found["id"], found["parent"][known])]
        return found, judged

    def _absent(self) -> set[str]:
        """Return which of the columns _SELDOM are NULL in every sample, and "turn" where all are 0.

        One look at the samples: each that knows more than those before it shortens what is looked for.
        """
        looked_for, last = {name: name for name in _SELDOM} | {"turn": "nullif(turn, 0)"}, 0
        while looked_for:
            known = [f"{cell} IS NOT NULL" for cell in looked_for.values()]
            sql = (
                f"SELECT id, {', '.join(known)} FROM sample WHERE id > ? AND ({' OR '.join(known)}) ORDER BY id LIMIT 1"
            )
            row = self._connection.execute(sql, (last,)).fetchone()
            if row is None:
                break
            last, *found = tuple(row)
            looked_for = {name: cell for (name, cell), one in zip(looked_for.items(), found, strict=True) if not one}
        return set(looked_for)

    def sample_texts(self) -> list[tuple[int, int | None, str, str]]:
        """Return id, seed, completion and program of each sample, by rising id."""
        with self._errors():
            return [tuple(row) for row in self._connection.execute(_TEXTS).fetchall()]

    def verdicts(self) -> tuple[Mapping[str, Numbers], Mapping[str, Numbers], WordRows]:
        """Return the KEYS of each sample; sample_id, attempt and VERDICT_NUMBERS of each verdict; and its words.

        Samples come by rising id, verdicts oldest first.
        """
        told = {name: name for name in ("sample_id", "attempt")} | {name: _number(name) for name in VERDICT_NUMBERS}
        queries = Query("sample", KEYS), Query("verdict", [*told.values()]), Query("verdict", VERDICT_WORDS, words=True)
        with self._errors(), self._column_reader() as reader:
            keys, numbers, words = reader.read(queries)
        return (
            dict(zip(KEYS, keys.columns, strict=True)),
            dict(zip(told, numbers.columns, strict=True)),
            (words.columns[0].astype(np.int64), words.words),
        )

    def _column_reader(self) -> ColumnReader:
        return ColumnReader(self._connection, self._uri, ("sample", "verdict"))


def _number(column: str) -> str:
    return f"ifnull({column}, 9e999)"  # what SQLite writes for infinity
