"""The code blocks of a Markdown page, and what a test is to do with each.

A comment in the line above a block is for the test, and no reader sees it:

    <!-- not run: REASON -->    the block is not run, and the test says why
    <!-- serves -->             a server: it is started, and stopped at the end of the page
    <!-- exit code: 1 -->       the exit code that is right here, in the place of 0
    <!-- printed -->            a block of text: each of its lines stands in what the block before it has printed

A block with a title is written to the file of that name; other blocks of bash and Python are run, the rest is only
read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^( *)```(\w*)(.*)$")
_REMARK = re.compile(r"^ *<!-- (not run|serves|exit code|printed)(?:: (.*))? -->$")
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of a page: its language, its text, where it begins, and what the comment above it says."""

    page: str
    line: int
    language: str
    text: str
    title: str | None = None
    remark: str | None = None
    detail: str = ""

    @property
    def place(self) -> str:
        """Return where the block stands, as an editor takes it."""
        return f"{self.page}:{self.line}"

    @property
    def runs(self) -> bool:
        """Whether the block is code that a reader is meant to run."""
        return self.title is None and self.language in {"bash", "python"}


def blocks(path: Path, page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    remark: re.Match[str] | None = None
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            said = _REMARK.match(lines[at])
            if said or lines[at].strip():
                remark = said
            at += 1
            continue
        end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == "```")
        title = _TITLE.search(fence[3])
        found.append(
            Block(
                page=page,
                line=at + 1,
                language=fence[2],
                text="".join(f"{line.removeprefix(fence[1])}\n" for line in lines[at + 1 : end]),
                title=title and title[1],
                remark=remark and remark[1],
                detail=(remark and remark[2]) or "",
            )
        )
        remark, at = None, end + 1
    return found
