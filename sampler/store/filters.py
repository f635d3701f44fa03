"""Parse filters for samples and translate them to SQL. Pure: no database is used.

    model:qwen* verdict:timeout tok>300 problem:HumanEval/3? err:~IndexError -infra since:10m

All words of a filter must match; `-` before a word negates it. `field:value` compares whole values (`*` and `?` are
wildcards, commas are "or"; of a model a part of its name is enough where none has that whole name), `field:~text`
searches for a part of the text, `field>number` compares numbers, and a word alone is searched in the names of model and
problem, the verdict and the error. Upper and lower case are equal. The user's text becomes an SQL parameter: the SQL
around it is fixed text of this module, whose tables are called `v` (verdict) and `s` (sample).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sandbox.sanitize import did_you_mean
from sandbox.values import Verdict

LONGEST = 500  # characters of a filter; SQLite compares every row with what stands in it
MOST = 24  # words

_WORD = re.compile(r'(?P<sign>-?)(?:(?P<field>[A-Za-z_]+)(?P<op>>=|<=|:~|[:=<>~]))?(?P<value>"[^"]*"?|\S*)')
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_SECONDS: Mapping[str, float] = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SCALES: Mapping[str, float] = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}

_MODEL = "s.model_id IN (SELECT id FROM model WHERE {})"
# A whole name, or a part of one where none is called so.
_NAMED = (
    "name LIKE ? ESCAPE '\\' OR (name LIKE ? ESCAPE '\\' AND"
    " NOT EXISTS (SELECT 1 FROM model WHERE name LIKE ? ESCAPE '\\'))"
)
_PROBLEM = "s.problem_id IN (SELECT id FROM problem WHERE {})"
_CODE = "EXISTS (SELECT 1 FROM text WHERE sha256 = s.program_sha AND {})"
_TEXTS: Mapping[str, tuple[str, str]] = {  # how a comparison of a column is wrapped, and the column
    "model": (_MODEL, "name"),
    "problem": (_PROBLEM, "name"),
    "verdict": ("{}", "v.verdict"),
    "err": ("{}", "v.error_type"),
    "msg": ("{}", "v.error_message"),
    "flag": ("{}", "(',' || v.flags || ',')"),
    "finish": ("{}", "s.finish"),
    "code": (_CODE, "body"),
    "ending": ("{}", "v.ending"),
}
_NUMBERS: Mapping[str, str] = {
    "tok": "s.completion_tokens",
    "prompt": "s.prompt_tokens",
    "thought": "s.thought_tokens",
    "cached": "s.cached_tokens",
    "cache_write": "s.cache_write_tokens",
    "sec": "(s.prompt_seconds + s.decode_seconds)",
    "flops": "(s.prompt_flops + s.decode_flops)",
    "cpu": "v.cpu_s",
    "wall": "v.wall_s",
    "mem": "v.memory_mb",
    "idx": "s.idx",
    "sample": "s.id",
    "turn": "s.turn",
    "attempt": "v.attempt",
}
_TIMES = ("since", "before")
_VERDICTS = tuple(verdict.value for verdict in Verdict)
_STATES: Mapping[str, str] = {
    "passed": "v.verdict = 'PASSED'",
    "failed": "v.verdict <> 'PASSED'",
    "flagged": "v.flags <> ''",
    "cut": "s.finish <> 'stop'",
    "pending": "v.id IS NULL",
    "infra": "v.id IS NULL",  # a fault of ours leaves a sample without a verdict
}
PENDING = frozenset({"pending", "infra"})
FIELDS = (*_TEXTS, *_NUMBERS, *_TIMES)
STATES = tuple(_STATES)


class FilterError(ValueError):
    """An invalid filter; the message names the word and says what is valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter as SQL over `v` and `s`.

    `samples`: it looks at `s`. `pending`: it asks for samples without a verdict.
    """

    text: str = ""
    where: str = "1"
    params: tuple[str | float, ...] = ()
    samples: bool = False
    pending: bool = False


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class _Term:
    sql: str
    params: tuple[str | float, ...] = ()


def parse(text: str, now: float) -> Filter:
    """Parse a filter; raises FilterError. `since:` counts back from `now`."""
    if len(text) > LONGEST:
        raise FilterError(f"a filter of {len(text)} characters is too long; at most {LONGEST} are read")
    words = [match for match in _WORD.finditer(text) if match[0]]
    if len(words) > MOST:
        raise FilterError(f"{len(words)} words are too many for a filter; at most {MOST} are read")
    terms: list[_Term] = []
    pending = False
    for word in words:
        term = _term(word, now)
        if word["sign"]:
            term = _Term(f"NOT coalesce({term.sql}, 0)", term.params)
        elif word["field"] is None and word["value"].lower() in PENDING:
            pending = True
        terms.append(term)
    where = " AND ".join(f"({term.sql})" for term in terms) or "1"
    params = tuple(value for term in terms for value in term.params)
    return Filter(text=text, where=where, params=params, samples="s." in where, pending=pending)


def toggled(text: str, state: str) -> str:
    """Return the filter with a state such as "failed" added, or removed if it is there."""
    words = text.split()
    return " ".join(word for word in words if word != state) if state in words else " ".join([*words, state])


def narrowed(text: str, field: str, value: str, op: str = ":") -> str:
    """Return the filter with one more word: `field` is exactly `value` (or holds it, with the op ":~")."""
    literal = value.replace('"', "?")
    plain = re.fullmatch(r"[A-Za-z0-9][\w./:+@-]*", literal)
    word = f"{field}{op}{literal}" if plain else f'{field}{op}"{literal}"'
    return f"{text} {word}".strip()


def _term(word: re.Match[str], now: float) -> _Term:
    field, value = word["field"], word["value"].strip('"')
    if field is None:
        return _plain(word, value)
    field, op = field.lower(), word["op"]
    if not value:
        raise FilterError(f"{word[0]!r} lacks a value, for instance {_example(field)}")
    if field in _TEXTS:
        return _text(field, op, value, quoted=word["value"].startswith('"'))
    if field in _NUMBERS:
        return _number(field, op, value)
    if field in _TIMES:
        return _time(field, op, value, now)
    raise FilterError(f"there is no field {field!r}{did_you_mean(field, FIELDS)}; fields: {', '.join(FIELDS)}")


def _plain(word: re.Match[str], value: str) -> _Term:
    """Parse a word alone: a state, or text to search for."""
    if not value:
        raise FilterError("'-' turns round the word behind it, and there is none")
    if not word["value"].startswith('"') and value.lower() in _STATES:
        return _Term(_STATES[value.lower()])
    pattern = _contains(value)
    columns = ("model", "problem", "verdict", "err", "msg")
    found = [_TEXTS[name][0].format(_like(_TEXTS[name][1])) for name in columns]
    return _Term(" OR ".join(f"coalesce({one}, 0)" for one in found), (pattern,) * len(columns))


def _text(field: str, op: str, value: str, *, quoted: bool) -> _Term:
    wrapped, column = _TEXTS[field]
    if op in {":~", "~"}:
        columns = [column, "v.error_message"] if field == "err" else [column]
        return _Term(wrapped.format(_any(_like(one) for one in columns)), (_contains(value),) * len(columns))
    if op not in {":", "="}:
        raise FilterError(f"{field}{op}: {field} is text and has no order; write {_example(field)}")
    if field == "code":
        raise FilterError(f"a whole program is hard to type; write code:~{value} to look for a piece of one")
    choices = [value] if quoted else [part for part in value.split(",") if part]
    if field == "verdict":
        _refuse_unknown_verdicts(choices)
    if not choices:
        raise FilterError(f"{field}:{value} names nothing; write {_example(field)}")
    if field == "model":
        return _Term(_MODEL.format(" OR ".join([_NAMED] * len(choices))), tuple(_parts(choices)))
    patterns = [f"%,{_wild(part)},%" if field == "flag" else _wild(part) for part in choices]
    return _Term(wrapped.format(_any(_like(column) for _ in patterns)), tuple(patterns))


def _parts(choices: Iterable[str]) -> Iterator[str]:
    """Yield the patterns of `_NAMED` for each name that was typed."""
    for part in choices:
        yield from (_wild(part), _contains(part), _wild(part))


def _refuse_unknown_verdicts(choices: Iterable[str]) -> None:
    """Raise FilterError for an unknown verdict: there are few verdicts, so it is misspelt."""
    for choice in choices:
        if choice.upper() not in _VERDICTS and not {"*", "?"} & set(choice):
            near = did_you_mean(choice.upper(), _VERDICTS).lower()
            raise FilterError(f"there is no verdict {choice!r}{near}; verdicts: {', '.join(_VERDICTS).lower()}")


def _number(field: str, op: str, value: str) -> _Term:
    if op in {"~", ":~"}:
        raise FilterError(f"{field} is a number; write {_example(field)}")
    choices = value.lower().split(",") if op in {":", "="} else [value.lower()]
    amounts = [_amount(field, choice) for choice in choices]
    comparison = f"{_NUMBERS[field]} {'=' if op == ':' else op} ?"
    return _Term(" OR ".join([comparison] * len(amounts)), tuple(amounts))


def _amount(field: str, value: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?)([kmgt]?)", value)
    if match is None:
        raise FilterError(f"{value!r} is no number; write {_example(field)}")
    return float(match[1]) * _SCALES[match[2]]


def _time(field: str, op: str, value: str, now: float) -> _Term:
    match = _AGO.fullmatch(value)
    if op not in {":", "="} or match is None:
        raise FilterError(f"{field} takes a stretch of time; write {field}:90s, {field}:10m, {field}:2h or {field}:1d")
    then = now - float(match[1]) * _SECONDS[match[2]]
    return _Term(f"coalesce(v.created_at, s.created_at) {'>=' if field == 'since' else '<'} ?", (then,))


def _like(column: str) -> str:
    return f"{column} LIKE ? ESCAPE '\\'"


def _any(comparisons: Iterable[str]) -> str:
    return " OR ".join(f"coalesce({one}, 0)" for one in comparisons)


def _literal(value: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", value.replace("\0", ""))


def _wild(value: str) -> str:
    return _literal(value).replace("*", "%").replace("?", "_")


def _contains(value: str) -> str:
    return f"%{_wild(value)}%"


def _example(field: str) -> str:
    examples: Mapping[str, Callable[[], str]] = {
        "model": lambda: "model:qwen*",
        "problem": lambda: "problem:HumanEval/3?",
        "verdict": lambda: "verdict:timeout,wrong",
        "err": lambda: "err:IndexError or err:~index",
        "msg": lambda: 'msg:~"out of range"',
        "flag": lambda: "flag:near_limit",
        "finish": lambda: "finish:length",
        "code": lambda: 'code:~"import os"',
        "ending": lambda: "ending:out_of_cpu",
    }
    return examples.get(field, lambda: f"{field}>300" if field in _NUMBERS else f"{field}:10m")()
