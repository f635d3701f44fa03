"""Report runs and gates to continuous integration: JUnit's XML, GitHub's summary and annotations.

A case is a gate, never a problem: that a model fails a problem is a measurement, not a failing test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

SUMMARY_BYTES = 1 << 20  # what GitHub takes of one step
ANNOTATIONS = 10  # of a kind, in one step
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class CiOutcome(StrEnum):
    """The result of a case; `error` is our fault or the machine's."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class CiCase:
    """One gate: its suite (a model, a study), its name, its result and the reason."""

    suite: str
    name: str
    outcome: CiOutcome
    message: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0  # how long it took


def junit(cases: Sequence[CiCase]) -> str:
    """Return the cases as JUnit's XML, with a suite for each model or study."""
    suites = dict.fromkeys(case.suite for case in cases)
    body = "".join(_suite(name, [case for case in cases if case.suite == name]) for name in suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {_counts(cases)}>\n{body}</testsuites>\n'


def _suite(name: str, cases: Sequence[CiCase]) -> str:
    body = "".join(_case(case) for case in cases)
    return f"  <testsuite name={_quoted(name)} {_counts(cases)}>\n{body}  </testsuite>\n"


def _counts(cases: Sequence[CiCase]) -> str:
    failed, broken = (sum(case.outcome is one for case in cases) for one in (CiOutcome.FAILED, CiOutcome.ERROR))
    took = sum(case.seconds for case in cases)
    return f'tests="{len(cases)}" failures="{failed}" errors="{broken}" time="{took:.3f}"'


def _case(case: CiCase) -> str:
    inside = "".join(_inside(case))
    name = f'classname={_quoted(case.suite)} name={_quoted(case.name)} time="{case.seconds:.3f}"'
    return f"    <testcase {name}>\n{inside}    </testcase>\n"


def _inside(case: CiCase) -> Iterator[str]:
    if case.properties:
        held = "".join(
            f"        <property name={_quoted(name)} value={_quoted(value)}/>\n"
            for name, value in case.properties.items()
        )
        yield f"      <properties>\n{held}      </properties>\n"
    if case.outcome is not CiOutcome.PASSED:
        tag = "failure" if case.outcome is CiOutcome.FAILED else "error"
        yield f"      <{tag} message={_quoted(case.message)}>{escape(_xml(case.message))}</{tag}>\n"


def _xml(text: str) -> str:
    """Return the text without characters that XML 1.0 forbids."""
    return _NOT_XML.sub("\ufffd", text)


def _quoted(text: str) -> str:
    return quoteattr(_xml(text))


def summary(title: str, cases: Sequence[CiCase]) -> str:
    """Return the cases as a table for GitHub's summary of a step."""
    lines = [f"### {_cell(title)}", "", "| | gate | |", "|---|---|---|"]
    marks = {CiOutcome.PASSED: "✅", CiOutcome.FAILED: "❌", CiOutcome.ERROR: "⚠️"}
    lines += [f"| {marks[one.outcome]} | {_cell(f'{one.suite}: {one.name}')} | {_cell(one.message)} |" for one in cases]
    text = "\n".join(lines) + "\n"
    cut = text.encode()[: SUMMARY_BYTES // 2].decode("utf-8", "ignore")
    return text if cut == text else cut[: cut.rfind("\n") + 1] + "\ncut here: too long for a summary\n"


def _cell(text: str) -> str:
    """Return the text with Markdown's special characters escaped."""
    flat = " ".join(_xml(text).split())
    return re.sub(r"([\\`*_{}\[\]()#+!|~@$:])", r"\\\1", flat.replace("&", "&amp;").replace("<", "&lt;"))


def remarks(cases: Sequence[CiCase]) -> list[str]:
    """Return a workflow command for each case that did not pass, as many as GitHub shows."""
    bad = [case for case in cases if case.outcome is not CiOutcome.PASSED]
    return [f"::error title={_property(f'{one.suite}: {one.name}')}::{_data(one.message)}" for one in bad[:ANNOTATIONS]]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where to report: a file for JUnit, a file for GitHub's summary (appended), and whether to annotate."""

    junit: Path | None = None
    summary: Path | None = None
    annotate: bool = False


def tell_ci(places: Places, title: str, cases: Sequence[CiCase], say: Callable[[str], None]) -> None:
    """Write the requested reports; `say` is called with annotations. Raises OSError."""
    if places.junit is not None:
        places.junit.parent.mkdir(parents=True, exist_ok=True)
        places.junit.write_text(junit(cases), encoding="utf-8")
    if places.summary is not None:
        with places.summary.open("a", encoding="utf-8") as file:
            file.write(summary(title, cases))
    if places.annotate:
        for line in remarks(cases):
            say(line)
