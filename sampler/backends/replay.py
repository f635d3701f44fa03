"""Replay recorded samples as a backend: for a study without an engine, or for samples that others drew.

A recording is a file of JSON lines, gzip allowed, one sample a line:

    {"task_id": "HumanEval/0",         the problem's name
     "index": 0,                       which sample of it, from 0
     "completion": "    return …",     what the model wrote
     "prompt_tokens": 118, "completion_tokens": 41,
     "finish": "word",                 "word", "eos" or "stop": the model was done; "limit" or "length": it was cut off,
                                       "thought": before it had ended its thought
     "model": "qwen2.5-coder-0.5b",    the same on every line
     "sum_nll": 1.86,                  optional: minus the summed log-probability in nats
     "prompt_seconds": 0.6, "decode_seconds": 0.5,   optional, else not known; prompt_joules and decode_joules, too
     "thought": "First …", "thought_tokens": 30,     optional: what it thought before, among the completion's tokens
     "cached_tokens": 96,              optional: of the prompt's, those that the engine had in its cache
     "cache_write_tokens": 20,         optional: of the prompt's, those that it wrote into a cache
     "prompt_shared": true,            optional, else true
     "seed": 0}                        optional, else the seed that was asked for, which then decided nothing

Other fields are ignored, a recorded verdict too, because verdicts are made here. The study's temperature and length
have no effect: samples are returned as they were drawn.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sampler.backends.base import BackendError
from sampler.models.catalogue import UnknownModel, find
from sampler.values import Architecture, Closeable, Finish, ModelCard, Request, Sample, SamplingParams
from sandbox.problems.json_fields import not_json
from sandbox.values import MAX_SOURCE_BYTES

_FINISHES = {
    "word": Finish.STOP,
    "eos": Finish.STOP,
    "stop": Finish.STOP,
    "limit": Finish.LENGTH,
    "length": Finish.LENGTH,
    "thought": Finish.THOUGHT,
}

_IMPORT = "a recording has one sample a line, and `sampler import` reads other forms"


@dataclass(frozen=True, slots=True)
class _Recorded:
    sample: Sample
    seeded: bool


class ReplayBackend(Closeable):
    """The samples of one recording."""

    def __init__(self, path: Path) -> None:
        """Read the whole recording; raises BackendError, which names the file, the line and the fault."""
        data = _read(path)
        self._path = path
        self._samples: dict[tuple[str, int], _Recorded] = {}
        models: set[str] = set()
        for number, line in enumerate(data.split(b"\n"), 1):
            if line.strip():
                self._add(line, models, f"{path}, line {number}")
        if not self._samples:
            raise BackendError(f"{path} holds no sample; is it the right file?")
        if len(models) > 1:
            raise BackendError(
                f"{path} holds samples of {len(models)} models, {', '.join(sorted(models)[:3])}; split it"
            )
        name = models.pop()
        digest = hashlib.sha256(data).hexdigest()
        self._card = ModelCard(name=name, digest=digest, architecture=_architecture(name), engine="replay")

    @property
    def card(self) -> ModelCard:
        """Return the recorded model's card; its digest is that of the recording."""
        return self._card

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:  # noqa: ARG002 - recorded
        """Yield the recorded samples; raises BackendError, which names what the recording lacks."""
        for request in requests:
            for offset in range(request.count):
                yield self._one(request.problem, request.first + offset, request.seed + offset)

    def close(self) -> None:
        """Do nothing: no file is held open."""

    def _one(self, problem: str, index: int, seed: int) -> Sample:
        recorded = self._samples.get((problem, index))
        if recorded is None:
            held = sum(1 for name, _ in self._samples if name == problem)
            raise BackendError(
                f"{self._path} holds no sample {index} of {problem} (it holds {held} of that problem); ask for fewer "
                "samples or other problems"
            )
        return recorded.sample if recorded.seeded else replace(recorded.sample, seed=seed)

    def _add(self, line: bytes, models: set[str], where: str) -> None:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BackendError(f"{where} is {not_json(line, error)}; {_IMPORT}") from error
        if not isinstance(row, dict):
            raise BackendError(f"{where} is no object but a {type(row).__name__}; {_IMPORT}")
        try:
            recorded = _recorded(row)
            models.add(_text(row, "model"))
        except KeyError as error:
            raise BackendError(f"{where}: the field {error} is missing") from error
        except (ValueError, TypeError) as error:
            raise BackendError(f"{where}: {error}") from error
        key = recorded.sample.problem, recorded.sample.index
        size = len(recorded.sample.text.encode("utf-8", "replace"))
        if size > MAX_SOURCE_BYTES:
            raise BackendError(
                f"{where}: sample {key[1]} of {key[0]} is {size} bytes long, and no sandbox takes a program of more "
                f"than {MAX_SOURCE_BYTES}; take it out of the recording"
            )
        if key in self._samples:
            raise BackendError(f"{where}: sample {key[1]} of {key[0]} stands there twice")
        self._samples[key] = recorded


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise BackendError(f"cannot read the recording {path}: {error}") from error


def _recorded(row: dict[str, Any]) -> _Recorded:
    finish = _text(row, "finish")
    if finish not in _FINISHES:
        raise ValueError(f"finish is {finish!r}; known are {', '.join(_FINISHES)}")
    nll = row.get("sum_nll")
    sample = Sample(
        problem=_text(row, "task_id"),
        index=_count(row, "index"),
        seed=_count(row, "seed") if "seed" in row else 0,
        text=_text(row, "completion"),
        finish=_FINISHES[finish],
        prompt_tokens=_count(row, "prompt_tokens"),
        completion_tokens=_count(row, "completion_tokens"),
        prompt_seconds=_amount(row, "prompt_seconds"),
        decode_seconds=_amount(row, "decode_seconds"),
        prompt_joules=_amount(row, "prompt_joules"),
        decode_joules=_amount(row, "decode_joules"),
        sum_logprob=None if nll is None else -_number(nll, "sum_nll"),
        prompt_shared=bool(row.get("prompt_shared", True)),
        thought=None if row.get("thought") is None else _text(row, "thought"),
        thought_tokens=_count(row, "thought_tokens") if row.get("thought_tokens") is not None else None,
        cached_tokens=_count(row, "cached_tokens") if row.get("cached_tokens") is not None else None,
        cache_write_tokens=_count(row, "cache_write_tokens") if row.get("cache_write_tokens") is not None else None,
    )
    return _Recorded(sample, seeded="seed" in row)


def _text(row: dict[str, Any], key: str) -> str:
    if not isinstance(row[key], str):
        raise TypeError(f"{key} is {row[key]!r:.40}, not a text")
    return str(row[key])


def _count(row: dict[str, Any], key: str) -> int:
    value = row[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError(f"{key} is {value!r:.40}, not a whole number of at least 0")
    return value


def _amount(row: dict[str, Any], key: str) -> float | None:
    if row.get(key) is None:
        return None
    value = _number(row[key], key)
    if value < 0:
        raise ValueError(f"{key} is {value}, which is negative")
    return value


def _number(value: Any, key: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
        raise ValueError(f"{key} is {value!r:.40}, not a number")
    return float(value)


def _architecture(name: str) -> Architecture | None:
    """Return the architecture of a model of the catalogue; None for an unknown name."""
    try:
        return find(name).architecture
    except UnknownModel:
        return None
