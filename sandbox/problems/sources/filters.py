"""Choose problems by what their data set says of them: date, difficulty, platform, tags.

A row is looked at before its tests are read, so a window of a large set takes little time.
"""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.problems.sources.catalogue import FAILING

# The enumerations of CodeContests (google-deepmind/code_contests, contest_problem.proto).
_PLATFORMS = ("", "codechef", "codeforces", "hackerearth", "codejam", "atcoder", "aizu")
_DIFFICULTIES = ("", "easy", "medium", "hard", "harder", "hardest", "external", *"abcdefghijklmnopqrstuv")
_DATES = ("contest_date", "date", "estimated_date", "release_date", "contest_start", "contest_start_year")
_RATINGS = ("rating", "cf_rating")
_TAGS = ("tags", "cf_tags", "raw_tags", "skill_types", "libs")
_SECONDS = 100_000  # a number of at least this is a time in seconds, one below is a year
_MILLISECONDS = 100_000_000_000
_BOUND = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", re.ASCII)
_RANGE = re.compile(r"(\d*)-(\d*)|(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """What a row says of its problem: an ISO date, names in lower case, a rating; empty where it says nothing."""

    date: str = ""
    difficulty: str = ""
    rating: float | None = None
    platform: str = ""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which problems are taken: those that fit every filter that is set.

    `since` and `until` are dates (2024, 2024-08 or 2024-08-31), both included. `difficulty`, `platform` and `tags` are
    names of which one has to fit; a difficulty may be a range of ratings such as 1200-1600.

    Whatever the row says, problems of `leave_out` (names, and why) are not taken, nor, without `keep_failing`, those
    whose canonical solution is known to fail here. They are no filters in the sense of `bool` and `text`.
    """

    since: str = ""
    until: str = ""
    difficulty: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    leave_out: Mapping[str, str] = field(default_factory=dict, hash=False)
    keep_failing: bool = False

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            bound = getattr(self, name)
            if bound and not _BOUND.fullmatch(bound):
                raise ValueError(f"{name} must be a date such as 2024-08 or 2024-08-31, not {bound!r}")

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def text(self) -> str:
        """Return the filters in one line."""
        said = {name: getattr(self, name) for name in ("since", "until", "difficulty", "platform", "tags")}
        return " ".join(
            f"{name}={value if isinstance(value, str) else ','.join(value)}" for name, value in said.items() if value
        )

    def why_not(self, name: str) -> str:
        """Return why a problem of this name is left out, "" if it is not."""
        return self.leave_out.get(name) or ("" if self.keep_failing else FAILING.get(name, ""))

    def unknown(self, facets: Facets) -> list[str]:
        """Return the filters that a row says nothing about."""
        missing = []
        if not facets.date:
            missing += [name for name in ("since", "until") if getattr(self, name)]
        if self.difficulty and not facets.difficulty and facets.rating is None:
            missing.append("difficulty")
        if self.platform and not facets.platform:
            missing.append("platform")
        if self.tags and not facets.tags:
            missing.append("tags")
        return missing

    def fits(self, facets: Facets) -> bool:
        """Return whether a problem is taken; one that says nothing about a filter is not."""
        return (
            not self.unknown(facets)
            and (not self.since or facets.date[: len(self.since)] >= self.since)
            and (not self.until or facets.date[: len(self.until)] <= self.until)
            and (not self.difficulty or any(_is_as_difficult(facets, one) for one in self.difficulty))
            and (not self.platform or facets.platform in map(_plain, self.platform))
            and (not self.tags or not facets.tags.isdisjoint(map(_plain, self.tags)))
        )


def _is_as_difficult(facets: Facets, wanted: str) -> bool:
    bounds = _RANGE.fullmatch(wanted)
    if bounds is None or wanted == "-":
        return facets.difficulty == _plain(wanted)
    low, high, exact = bounds.groups()
    if facets.rating is None:
        return False
    return float(exact or low or 0) <= facets.rating <= float(exact or high or "inf")


def facets_of(row: Mapping[str, Any]) -> Facets:
    """Return what a row of a known format says of its problem; a field of an unexpected kind says nothing."""
    difficulty, rating = row.get("difficulty"), next((_number(row.get(key)) for key in _RATINGS if row.get(key)), None)
    if type(difficulty) is int:
        difficulty = _DIFFICULTIES[difficulty] if 0 <= difficulty < len(_DIFFICULTIES) else ""
    platform = row.get("platform") or row.get("source")
    if type(platform) is int:
        platform = _PLATFORMS[platform] if 0 <= platform < len(_PLATFORMS) else ""
    return Facets(
        date=next(filter(None, (_date(row.get(key)) for key in _DATES)), ""),
        difficulty=_plain(difficulty) if isinstance(difficulty, str) else "",
        rating=rating,
        platform=_plain(platform) if isinstance(platform, str) else "",
        tags=frozenset(_plain(tag) for key in _TAGS for tag in _texts(row.get(key))),
    )


def _plain(text: str) -> str:
    """Return a name without differences of case and of spacing: `Dynamic programming` is dynamic-programming."""
    return re.sub(r"[\s_-]+", "-", text.strip().lower())


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _date(value: object) -> str:
    """Return an ISO date, or a year, from a text or from a number of seconds or milliseconds since 1970."""
    if isinstance(value, str):
        return value[:10] if re.match(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) else ""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return ""
    if value < _SECONDS:
        return f"{int(value):04}"
    try:
        moment = dt.datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.date().isoformat()


def _texts(value: object) -> Iterable[str]:
    """Return the texts of a list, which some sets write as Python in a text."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value) if value[:1] == "[" and len(value) < 1 << 16 else [value] if value else []
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            value = []
    return (one for one in value if isinstance(one, str)) if isinstance(value, list | tuple) else ()
