"""Make data frames of pandas, pyarrow or Polars from columns, and say what each column of each frame means.

Columns are numpy arrays of numbers, in which infinity says that a value is missing, or places in a list of words. The
packages that make frames are imported when the first frame is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sampler.exit_codes import CommandError, Exit

KINDS = ("pandas", "arrow", "polars")
Frame = Any  # a pandas.DataFrame, a pyarrow.Table or a polars.DataFrame: none of the packages has to be installed
Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "samples": {
        "model": "name of the model (category)",
        "problem": "the data set's name of the problem (category)",
        "index": "number of the sample among the model's on this problem, from 0",
        "turn": "how many samples of its tree came before it; 0: a draft, or an independent sample",
        "parent": "index of the sample whose repair or revision it is; missing: none",
        "finish": "why the engine stopped: stop, length, or thought (cut while thinking)",
        "prompt_tokens": "tokens read",
        "completion_tokens": "tokens written, with the thought's",
        "thought_tokens": "of the completion's, those of the thought",
        "cached_tokens": "of the prompt's, those that the engine had in its cache",
        "cache_write_tokens": "of the prompt's, those that the server wrote into a cache, where it says so",
        "prompt_seconds": "engine time of reading",
        "decode_seconds": "engine time of writing",
        "prompt_flops": "FLOPs of reading, by the architecture",
        "decode_flops": "FLOPs of writing",
        "prompt_joules": "energy of reading",
        "decode_joules": "energy of writing",
        "sum_logprob": "sum of the tokens' log probabilities (nats)",
        "prompt_shared": "whether one reading of the prompt served several samples",
        "verdict": "the latest verdict; missing: not scored",
        "passed": "whether that is PASSED; missing: not scored",
        "seed": "the sample's seed (with texts=True)",
        "completion": "what the model answered (with texts=True)",
        "program": "what was executed, without the tests (with texts=True)",
    },
    "verdicts": {
        "model": "name of the model (category)",
        "problem": "the data set's name of the problem (category)",
        "index": "number of the sample",
        "attempt": "1 for the first verdict, more where it was judged again",
        "latest": "whether no later verdict of the sample exists",
        "verdict": "PASSED, WRONG, ERROR, SYNTAX, TIMEOUT, MEMORY, OUTPUT, CRASHED or EARLY_EXIT",
        "passed": "whether that is PASSED",
        "ending": "how the program's process ended",
        "selection": "verdict of the selection tests; missing: the problem has none",
        "exit_code": "the exit code, where the process exited",
        "signal": "the signal, where one ended it",
        "cpu_s": "CPU seconds of the program",
        "wall_s": "seconds of the program by the clock",
        "memory_mb": "largest memory (MB)",
        "error_type": "type of the exception that decided",
        "error_message": "its message, cut; without a type, what a wrong answer was; hostile text",
        "flags": "remarks beside the verdict, separated by commas",
        "judge": "version of the judge",
    },
    "costs": {
        "model": "name of the model (category)",
        "problem": "the data set's name of the problem (category)",
        "sampled": "samples in the store",
        "scored": "of them, those with a verdict",
        "passed": "of them, those whose latest verdict is PASSED",
        "prompt_tokens": "sum over the samples; missing as soon as one is unknown, as in all sums here",
        "completion_tokens": "sum of tokens written",
        "thought_tokens": "sum of the thoughts' tokens",
        "cached_tokens": "sum of tokens from the engine's cache",
        "cache_write_tokens": "sum of tokens written into a cache",
        "prompt_seconds": "sum of engine time of reading",
        "decode_seconds": "sum of engine time of writing",
        "prompt_flops": "sum of FLOPs of reading",
        "decode_flops": "sum of FLOPs of writing",
        "prompt_joules": "sum of energy of reading",
        "decode_joules": "sum of energy of writing",
        "cpu_s": "sum of the sandbox's CPU seconds, of the scored samples",
    },
    "curves": {
        "model": "name of the model (category)",
        "unit": "what budgets are counted in",
        "k": "samples of each problem",
        "budget": "what k samples of a problem cost, a mean over problems",
        "solved": "pass@k: share of problems solved, from 0 to 1",
        "low": "lower end of its 95% interval",
        "high": "upper end of its 95% interval",
        "band_low": "lower end of the band of the whole curve",
        "band_high": "upper end of the band of the whole curve",
    },
    "compare": {
        "budget": "a budget at which one of the two models gets one more sample",
        "k_a": "samples that it buys of the first model",
        "k_b": "samples that it buys of the second model",
        "solved_a": "pass@k of the first model",
        "solved_b": "pass@k of the second model",
        "difference": "first minus second, paired by problem",
        "low": "lower end of its 95% interval",
        "high": "upper end of its 95% interval",
        "band_low": "lower end of the band of all budgets at once",
        "band_high": "upper end of the band of all budgets at once",
        "p": "p value of the sign-flip test, corrected for all budgets and pairs; missing: nothing may be claimed",
        "clear": "whether the lead may be claimed",
        "row": "whether a report shows this budget",
    },
    "models": {
        "model": "name of the model (category)",
        "problems": "problems of which all samples are scored",
        "samples": "samples of each of these problems",
        "sampled": "samples in the store",
        "scored": "of them, those with a verdict",
        "passed": "of them, those that passed",
        "pass_1": "pass@1, from 0 to 1",
        "pass_all": "pass@k with all samples",
        "greedy": "pass@1 at temperature 0",
        "prompt_tokens": "mean tokens read for a sample",
        "completion_tokens": "mean tokens written for a sample",
    },
    "budgets": {
        "unit": "what budgets are counted in",
        "budget": "the budget for one problem",
        "finding": "clear, no_clear_winner, only_one, nothing_fits or too_few_samples",
        "winner": "the model that wins clearly, or the only one; missing: none",
        "model": "name of the model (category)",
        "k": "samples that the budget buys of the model",
        "solved": "pass@k; missing: the budget buys none, or more than were drawn",
        "low": "lower end of its 95% interval",
        "high": "upper end of its 95% interval",
    },
}  # fmt: skip
_WHOLE = frozenset({
    "index", "turn", "parent", "prompt_tokens", "completion_tokens", "thought_tokens", "cached_tokens",
    "cache_write_tokens", "attempt", "exit_code", "signal", "sampled", "scored", "passed", "k", "k_a", "k_b",
    "problems", "samples",
})  # fmt: skip
_MEANS = frozenset({"prompt_tokens", "completion_tokens"})  # of the table of models


class FramesMissing(CommandError):
    """The package that makes frames of this kind is not installed."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: a place in `words` for each row, -1 where the word is missing."""

    places: Places
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """A column of numbers, which become those of a type; infinity says that one is missing."""

    values: Numbers
    type: type[np.generic] = np.float64


@dataclass(frozen=True, slots=True)
class Objects:
    """A column of texts that are mostly different, or of whole numbers beyond 2^53."""

    values: Sequence[Any]


Column = Values | Words | Objects


def make_frame(columns: Mapping[str, Column], kind: str) -> Frame:
    """Return a frame of this kind; raises FramesMissing."""
    if kind == "arrow":
        return _arrow(columns)
    if kind == "polars":
        return _polars(columns)
    try:
        import pandas as pd  # heavy, and an extra
    except ImportError as error:
        raise FramesMissing("pandas is not installed; `pip install 'codebudget[frames]'` brings it") from error
    made: dict[str, Any] = {}
    for name, column in columns.items():
        match column:
            case Words(places, words):
                made[name] = pd.Categorical.from_codes(places, categories=list(words))
            case Objects(values):
                made[name] = pd.array(values, dtype="Int64" if name == "seed" else "string")
            case Values(values, type_):
                known = np.isfinite(values)
                if known.all():
                    made[name] = values.astype(type_, copy=False)
                    continue
                missing = ~known
                if type_ is np.float64:
                    made[name] = np.where(missing, np.nan, values)
                    continue
                told = np.where(missing, 0, values).astype(type_)
                nullable = pd.arrays.BooleanArray if type_ is np.bool_ else pd.arrays.IntegerArray
                made[name] = nullable(told, missing)
    return pd.DataFrame(made, copy=False)


def _arrow(columns: Mapping[str, Column]) -> Frame:
    try:
        import pyarrow as pa  # heavy, and an extra
    except ImportError as error:
        raise FramesMissing("pyarrow is not installed; `pip install 'codebudget[parquet]'` brings it") from error
    made: dict[str, Any] = {}
    for name, column in columns.items():
        match column:
            case Words(places, words):
                codes = pa.array(places, type=pa.int32(), mask=places < 0)
                made[name] = pa.DictionaryArray.from_arrays(codes, pa.array(words, type=pa.string()))
            case Objects(values):
                made[name] = pa.array(values)
            case Values(values, type_):
                missing = ~np.isfinite(values)
                made[name] = pa.array(np.where(missing, 0, values).astype(type_), mask=missing)
    return pa.table(made)


def _polars(columns: Mapping[str, Column]) -> Frame:
    try:
        import polars as pl  # heavy, and an extra
    except ImportError as error:
        raise FramesMissing("polars is not installed; `pip install 'codebudget[polars]'` brings it") from error
    return pl.from_arrow(_arrow(columns))


def words_column(told: Sequence[str | None]) -> Words:
    """Return a column of words that come again and again."""
    known = {word: place for place, word in enumerate(dict.fromkeys(word for word in told if word is not None))}
    places = np.array([-1 if word is None else known[word] for word in told], dtype=np.int32)
    return Words(places, tuple(known))


def numbers_column(name: str, values: Numbers) -> Values:
    """Return a column of numbers, whole ones where the name says that they are."""
    return Values(values, np.int64 if name in _WHOLE else np.float64)


def small_frame(name: str, rows: Sequence[Sequence[Any]], kind: str) -> Frame:
    """Return a small frame from rows in the order of its COLUMNS."""
    columns: dict[str, Column] = {}
    for at, column in enumerate(COLUMNS[name]):
        told = [row[at] for row in rows]
        if column in _TEXTUAL:
            columns[column] = words_column([None if value is None else str(value) for value in told])
            continue
        values = np.array([np.inf if value is None else float(value) for value in told], dtype=np.float64)
        mean = name == "models" and column in _MEANS
        columns[column] = (
            Values(values, np.bool_)
            if column in _TRUTHS
            else Values(values)
            if mean
            else numbers_column(column, values)
        )
    return make_frame(columns, kind)


_TEXTUAL = frozenset({"model", "problem", "unit", "finding", "winner"})
_TRUTHS = frozenset({"clear", "row"})
