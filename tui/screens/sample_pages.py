"""A sample's texts as pages: which there are, and their lines made harmless. Pure; `highlight` colours them later."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sampler.drawing.axis import quantity
from sampler.store.read_models import SampleDetail, SampleRow
from tui.header import Part
from tui.text import ELLIPSIS, harmless, in_words
from tui.view import Mood, mood

LONGEST_LINE = 2_000
MOST_LINES = 5_000
DIFF_LINES = 400
TAB = "    "
AGAIN = "again"  # the page of a program that was executed once more


class Kind(Enum):
    """How the lines of a page are to be coloured."""

    PYTHON = "python"
    PLAIN = "plain"
    DIFF = "diff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One tab of the sample."""

    key: str
    title: str
    kind: Kind
    lines: tuple[str, ...]
    numbered: bool = False
    raw: str = ""  # what is copied: the text as it is

    @property
    def wrapped(self) -> bool:
        """Whether long lines are broken: prose is, code is not."""
        return self.key in {"why", "answer", "output", AGAIN}

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def clean_lines(text: str, most: int = MOST_LINES) -> tuple[str, ...]:
    """The lines of a text, each harmless; what is too long is cut and says so."""
    lines = text.expandtabs(len(TAB)).replace("\r\n", "\n").split("\n", most + 1)
    kept = [harmless(line, LONGEST_LINE) for line in lines[:most]]
    if len(lines) > most:
        kept.append(f"{ELLIPSIS} more lines are not shown")
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    return tuple(kept)


def pages(detail: SampleDetail, sentences: Sequence[str], passing: SampleDetail | None) -> tuple[Page, ...]:
    """The pages of a sample in the order of their keys."""
    output = _outputs(detail)
    return (
        Page(key="code", title="Code", kind=Kind.PYTHON, lines=clean_lines(detail.program), numbered=True,
             raw=detail.program),
        Page(key="answer", title="Answer", kind=Kind.PLAIN, lines=clean_lines(detail.completion), raw=detail.completion),
        Page(key="prompt", title="Prompt", kind=Kind.PYTHON, lines=clean_lines(detail.prompt), raw=detail.prompt),
        Page(key="tests", title="Tests", kind=Kind.PYTHON, lines=clean_lines(detail.tests), raw=detail.tests),
        Page(key="output", title="Output", kind=Kind.PLAIN, lines=clean_lines(output), raw=output),
        Page(key="why", title="Why", kind=Kind.PLAIN, lines=_why(detail, sentences), raw="\n".join(sentences)),
        Page(key="diff", title="Diff", kind=Kind.DIFF, lines=_diff(detail, passing)),
    )  # fmt: skip


def _outputs(detail: SampleDetail) -> str:
    parts = [
        f"── {name} ──\n{body.rstrip()}"
        for name, body in (("stdout", detail.stdout), ("stderr", detail.stderr))
        if body
    ]
    return "\n\n".join(parts) or "it wrote nothing"


def _why(detail: SampleDetail, sentences: Sequence[str]) -> tuple[str, ...]:
    row = detail.row
    facts = [
        ("ending", detail.ending),
        ("exit code", detail.exit_code),
        ("signal", detail.signal),
        ("CPU", None if row.cpu_s is None else f"{row.cpu_s:.4f} s"),
        ("wall", None if row.wall_s is None else f"{row.wall_s:.4f} s"),
        ("memory", None if row.memory_mb is None else f"{row.memory_mb:.1f} MB"),
        ("error", ": ".join(part for part in (row.error_type, row.error_message) if part) or None),
        ("limits", in_words(detail.limits_json)),
        ("prompt tokens", row.prompt_tokens),
        ("tokens", row.completion_tokens),
        ("engine", f"{row.seconds:.2f} s" if row.seconds else None),
        ("cost", quantity(row.flops, "FLOPs") if row.flops else None),
        ("log-probability", None if detail.sum_logprob is None else f"{detail.sum_logprob:.2f} nats"),
        ("finish", row.finish),
        ("asked as", detail.prompt_form),
        ("seed", detail.seed),
    ]
    told = [harmless(sentence, LONGEST_LINE) for sentence in sentences]
    if detail.extraction:
        told.append(harmless(f"Extraction: {detail.extraction}.", LONGEST_LINE))
    return (*told, "", *(f"{name:>16}  {harmless(str(value), 500)}" for name, value in facts if value is not None))


def _diff(detail: SampleDetail, passing: SampleDetail | None) -> tuple[str, ...]:
    """What a sample that passed has instead."""
    if passing is None:
        return ("no other sample of this problem has passed yet",)
    mine, theirs = clean_lines(detail.program, DIFF_LINES), clean_lines(passing.program, DIFF_LINES)
    names = [f"{harmless(one.row.model, 100)} #{one.row.index} {one.row.verdict}" for one in (detail, passing)]
    found = tuple(difflib.unified_diff(mine, theirs, names[0], names[1], lineterm="", n=5))
    return found or (f"the same program as {names[1]}",)


def sample_parts(row: SampleRow) -> list[Part]:
    """The head of the page: which sample, and what became of it."""
    verdict = row.verdict or "pending"
    return [
        Part(text=f"{harmless(row.problem, 80)} #{row.index}", worth=9, strong=True),
        Part(text=harmless(row.model, 60), worth=7),
        Part(text=verdict, worth=10, mood=mood(verdict) if row.verdict else Mood.FAINT, strong=True),
        Part(text="" if row.completion_tokens is None else f"{row.completion_tokens} tok", worth=4),
        Part(text=f"{row.seconds:.2f} s" if row.seconds else "", worth=3),
        Part(text=quantity(row.flops, "FLOPs") if row.flops else "", worth=2),
        Part(text="" if row.cpu_s is None else f"{row.cpu_s:.3f} s CPU", worth=1),
        Part(text=harmless(row.flags, 60), worth=5, mood=Mood.WARN),
    ]
