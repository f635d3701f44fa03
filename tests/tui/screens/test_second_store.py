"""A second store beside the first one: in Compare and Curves, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sampler.commands import cli as sampler
from sampler.store.writer import Store
from tui.app import BudgetApp
from tui.cli import cli
from tui.data.snapshot import Snapshot
from tui.data.store_watcher import StoreWatcher

Make = Callable[..., Path]
View = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def other(tmp_path: Path, writer_type: Callable[..., Any]) -> Make:
    """Makes another finished store; `problems` other than eight are other problems."""

    def make(name: str = "before.db", **options: int | str) -> Path:
        path = tmp_path / name
        with Store(path) as store:
            writer = writer_type(store, **options)
            writer.fill()
            writer.finish()
        return path

    return make


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_models_of_both_stores_are_compared(
    finished: Path, other: Make, view: View, size: tuple[int, int]
) -> None:
    async with view(finished, size, screen="compare", against=other()) as viewer:
        await viewer.sees("reach the same", "before", "Flips at the rule")
        await viewer.press("2")
        await viewer.sees("At the rule")
        await viewer.until(lambda: len({row[0] for row in viewer.app.screen.table().rows}) == 6)
        await viewer.press("1")
        await viewer.sees("Models (3)", "pass rate by FLOPs")
        assert "before" not in viewer.text


async def test_what_is_written_into_the_second_store_comes_to_the_screen(
    finished: Path, tmp_path: Path, writer_type: Callable[..., Any], view: View
) -> None:
    path = tmp_path / "after.db"
    with Store(path) as store:
        writer = writer_type(store)
        store.flush()
        async with view(finished, screen="curves", against=path) as viewer:
            await viewer.sees("At the rule")
            assert "after" not in viewer.text
            writer.fill()
            await viewer.sees("after")


async def test_a_second_store_with_other_problems_is_not_compared_and_the_screen_says_why(
    finished: Path, other: Make
) -> None:
    app = BudgetApp(StoreWatcher(path=finished, against=other(problems=5)), start="compare")
    async with app.run_test(size=(140, 40)) as pilot:
        while not (isinstance(app.news, Snapshot) and app.news.curves):
            await pilot.pause(0.02)
        assert app.news.compared is not None
        assert app.news.compared.models == ()
        assert "hold different problems" in app.news.compared.why_not
        assert len(app.news.curves.series) == 3


def test_other_problems_are_refused_in_the_words_of_sampler_compare(
    finished: Path, other: Make, tmp_path: Path
) -> None:
    second = other(problems=5)
    ended = CliRunner().invoke(cli, ["--screenshot", str(tmp_path / "x.svg"), str(finished), "--against", str(second)])
    theirs = CliRunner().invoke(sampler, ["compare", f"{finished}:toy-coder-3b", f"{second}:toy-coder-3b"])
    assert ended.exit_code == theirs.exit_code == 2
    assert "hold different problems (digests " in ended.output
    assert ended.output.removeprefix("budget-tui: ") == theirs.output.removeprefix("sampler: ")
    assert not (tmp_path / "x.svg").exists()


def test_a_second_store_that_is_missing_is_one_line(finished: Path, tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["--screenshot", "x.svg", str(finished), "--against", str(tmp_path / "none.db")])
    assert ended.exit_code == 6
    assert ended.output.count("\n") == 1


def test_a_picture_shows_both(finished: Path, other: Make, tmp_path: Path) -> None:
    words = ["--screenshot", str(tmp_path / "x.svg"), "--screen", "compare", str(finished), "--against", str(other())]
    ended = CliRunner().invoke(cli, words)
    assert ended.exit_code == 0, ended.output
    assert "before" in (tmp_path / "x.svg").read_text(encoding="utf-8")
