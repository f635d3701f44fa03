"""A sample is executed once more by the command that a person would type."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from sampler.store.read_models import SampleDetail
from sampler.store.sample_readers import SampleReader
from sandbox.cli import cli as sandbox
from tui.run_control import CannotAct, rerun_command, write_sample
from tui.screens.base import Rights
from tui.screens.sample_detail import DetailScreen
from tui.screens.sample_pages import coloured_lines, extension_of, pages, sample_parts

View = Callable[..., AbstractAsyncContextManager[Any]]
LIMITS = (
    '{"cpu_s":4.0,"wall_s":10.0,"memory_mb":512,"python":"3.13","packages":["numpy"],"fresh":true,'
    '"output_rule":"lines","assume":{"imports":"import math\\n","long_integers":true}}'
)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def detail(finished: Path) -> SampleDetail:
    with SampleReader(finished) as reader:
        found = reader.detail(1)
    assert found is not None
    return replace(found, limits_json=LIMITS)


def test_the_command_has_the_studys_problems_and_limits(detail: SampleDetail, tmp_path: Path) -> None:
    file = tmp_path / "my sample.jsonl"
    command = rerun_command(detail, "humaneval", tmp_path, file)
    assert command.typed == (
        f"sandbox score --problems humaneval --samples '{file}' --cpu 4 --memory 512 --python 3.13 "
        "--output-rule lines --assume 'imports=import math\n' --assume long_integers=true --packages numpy "
        "--fresh --boxes 1 --explain"
    )
    (tmp_path / "own.jsonl").touch()
    assert str(tmp_path / "own.jsonl") in rerun_command(detail, "own.jsonl", tmp_path, file).words
    with pytest.raises(CannotAct, match="several sources"):
        rerun_command(detail, "humaneval, mbpp", tmp_path, file)


def test_a_later_turn_says_what_it_follows(detail: SampleDetail) -> None:
    later = replace(detail, row=replace(detail.row, index=2_000_003, turn=2, parent=1_000_003))
    (why,) = [page for page in pages(later, (), detail) if page.key == "why"]
    assert any(line.split() == ["turn", "2,", "after", "#3+1"] for line in why.lines)
    assert sample_parts(later.row)[0].text.endswith("#3+2")
    assert not any(line.split()[:1] == ["turn"] for page in pages(detail, (), None) for line in page.lines)


def test_every_option_of_the_command_is_one_of_sandbox_score(detail: SampleDetail, tmp_path: Path) -> None:
    every = {
        **json.loads(LIMITS),
        "wall_s": 11.0,
        "output_kb": 1024,
        "processes": 32,
        "disk_mb": 64,
        "files": 2048,
    }
    words = rerun_command(replace(detail, limits_json=json.dumps(every)), "humaneval", tmp_path, tmp_path).words
    score = sandbox.get_command(click.Context(sandbox), "score")
    assert score is not None
    known = {option for param in score.params for option in param.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_what_is_executed_is_the_program_as_it_was(detail: SampleDetail, tmp_path: Path) -> None:
    write_sample(detail, tmp_path / "one.jsonl")
    told = json.loads((tmp_path / "one.jsonl").read_text(encoding="utf-8"))
    assert told == {"task_id": detail.row.problem, "solution": detail.program}


async def test_what_the_command_says_stands_in_a_tab_and_nothing_is_stored(finished: Path, view: View) -> None:
    before = digest(finished)
    async with view(finished, screen="samples") as viewer:
        await viewer.sees("Samples · 120")
        await viewer.press("enter")
        await viewer.until(lambda: isinstance(viewer.app.screen, DetailScreen) and viewer.app.screen.detail)
        await viewer.press("R")
        await viewer.sees("Execute this program again?", "$ sandbox score --problems toy")
        await viewer.press("y")
        await viewer.sees("Again", "cannot read problems from")  # no set is called "toy": the command's own words
        assert viewer.app.screen.page.text.startswith("$ sandbox score")
        await viewer.press("n")
        await viewer.sees("Toy/7 #3")
        assert "Again" not in viewer.text
    assert digest(finished) == before


async def test_a_viewer_that_only_looks_executes_nothing(finished: Path, view: View) -> None:
    async with view(finished, screen="samples", rights=Rights(act=False)) as viewer:
        await viewer.sees("Samples · 120")
        await viewer.press("enter")
        await viewer.until(lambda: isinstance(viewer.app.screen, DetailScreen) and viewer.app.screen.detail)
        await viewer.press("R")
        await viewer.hears("read-only")


async def test_without_an_editor_a_page_is_not_opened(finished: Path, view: View) -> None:
    async with view(finished, screen="samples") as viewer:
        await viewer.sees("Samples · 120")
        await viewer.press("enter")
        await viewer.until(lambda: isinstance(viewer.app.screen, DetailScreen) and viewer.app.screen.detail)
        await viewer.press("o")
        await viewer.hears("$EDITOR")


def test_a_thought_has_a_page_of_its_own_and_its_tokens_among_the_facts(detail: SampleDetail) -> None:
    assert "thought" not in [page.key for page in pages(detail, (), None)]
    thinking = replace(
        detail,
        thought="First I add.\x1b[31m",
        cached_tokens=7,
        row=replace(detail.row, thought_tokens=40, completion_tokens=90),
    )
    found = {page.key: page for page in pages(thinking, (), None)}
    assert found["thought"].text.startswith("First I add.")
    assert "\x1b" not in found["thought"].text
    assert found["thought"].wrapped
    facts = {" ".join(line.split()) for line in found["why"].lines}
    assert {"tokens 90", "of them thought 40", "of them cached 7"} <= facts


@pytest.mark.parametrize(
    ("form", "language", "ending"),
    [
        ("chat, cpp", "cpp", ".cpp"),
        ("completion, rust, repair", "rust", ".rs"),
        ("chat, a whole program", "python", ".py"),
    ],
)
def test_code_is_coloured_as_that_of_its_language(detail: SampleDetail, form: str, language: str, ending: str) -> None:
    changed = replace(detail, prompt_form=form, program="int main() { return 1; }")
    code = pages(changed, [], None)[0]
    assert (code.language, extension_of(code.language)) == (language, ending)
    (line,) = coloured_lines(code, dark=True)
    assert line.plain == "int main() { return 1; }"
    coloured = {line.plain[span.start : span.end] for span in line.spans if "bold" in str(span.style)}
    assert ("int" in coloured) == (language == "cpp")
