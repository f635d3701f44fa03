"""Rows of files and folders, and the filters that choose among them."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sandbox.cli import cli
from sandbox.problems import CATALOGUE, Filters, ProblemsError, load_problems, read_problems
from sandbox.problems.sources.catalogue import FAILING
from sandbox.problems.sources.filters import Facets, facets_of


def row(number: int, **more: object) -> dict[str, object]:
    return {
        "task_id": f"s/{number}",
        "prompt": "def f(n):\n",
        "entry_point": "f",
        "test": f"def check(f):\n    assert f({number}) == {number + 1}\n",
        **more,
    }


def lines(*rows: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in rows)


EVERY = Filters()


def names(path: Path, filters: Filters = EVERY) -> list[str]:
    return [problem.name for problem in load_problems(path, filters=filters)]


def test_lines_a_list_an_object_over_lines_and_packed_files_hold_the_same_problem(tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text("\n\n" + lines(row(1)))
    (tmp_path / "list.json").write_text(json.dumps([row(1)], indent=2))
    (tmp_path / "object.json").write_text(json.dumps(row(1), indent=2))
    (tmp_path / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(row(1)).encode())
    (tmp_path / "packed.bin").write_bytes(gzip.compress(json.dumps([row(1)]).encode()))
    for file in sorted(tmp_path.iterdir()):
        assert names(file) == ["s/1"], file


@pytest.mark.parametrize("indent", [None, 1])
def test_documents_that_hold_rows_are_read_as_their_rows(tmp_path: Path, indent: int | None) -> None:
    unnamed = {key: value for key, value in row(1).items() if key != "task_id"}
    documents: dict[str, object] = {
        "named": {"s/1": unnamed, "s/2": row(2)},
        "data": {"version": "1", "data": [row(1), row(2)]},
        "viewer": {"features": [], "rows": [{"row_idx": n, "row": row(n), "truncated_cells": []} for n in (1, 2)]},
    }
    for name, document in documents.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document, indent=indent))
        assert names(path) == ["s/1", "s/2"], name


def test_objects_behind_each_other_are_rows(tmp_path: Path) -> None:
    (tmp_path / "jq.json").write_text("\n".join(json.dumps(row(number), indent=2) for number in (1, 2)) + "\n")
    assert names(tmp_path / "jq.json") == ["s/1", "s/2"]


def test_a_table_is_read_with_cells_of_json(tmp_path: Path) -> None:
    fields = {"task_id": "7", "text": "Add, and say it.", "code": "def f(n):\n    return n", "note": ""}
    with (tmp_path / "table.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, [*fields, "test_list"])
        table.writeheader()
        table.writerow(fields | {"test_list": json.dumps(["assert f(1) == 1", "assert f(2) == 2"])})
    assert names(tmp_path / "table.csv") == ["MBPP/7"]
    (tmp_path / "table.csv").write_bytes(b"task_id\n\xff\xfe\n")
    with pytest.raises(ProblemsError, match="is no CSV in UTF-8"):
        load_problems(tmp_path / "table.csv")


def test_what_is_no_json_is_told_with_the_kinds_of_files_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a set\n")
    with pytest.raises(ProblemsError, match=r"line 1: not JSON .*; problems are JSON lines, a JSON list, CSV"):
        load_problems(tmp_path / "notes.txt")
    with pytest.raises(ProblemsError, match="did you mean 'humaneval'"):
        load_problems("HumanEvl")
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(ProblemsError, match="holds no problem"):
        load_problems(tmp_path / "empty.json")


def test_a_folder_of_data_files_is_one_set_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "part-1.jsonl").write_text(lines(row(2)))
    (tmp_path / "data" / "part-0.jsonl").write_text(lines(row(1)))
    (tmp_path / "dataset_infos.json").write_text("{}")
    (tmp_path / "README.md").write_text("a set")
    assert names(tmp_path) == ["s/1", "s/2"]


def test_csv_files_of_a_folder_are_read_where_there_is_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text('task_id,prompt,tests\nc/2,Echo.,"[{""stdin"": ""1"", ""stdout"": ""1""}]"\n')
    assert names(tmp_path) == ["c/2"]
    (tmp_path / "a.jsonl").write_text(lines(row(1)))
    assert names(tmp_path) == ["s/1"]


def test_a_folder_without_data_says_what_would_be_read(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("a set")
    with pytest.raises(ProblemsError, match=r"neither data files \(\.parquet.*input_output\.json"):
        load_problems(tmp_path)


def test_columns_are_read_like_lines(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra hub)")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.Table.from_pylist([row(number) for number in range(40)])
    parquet.write_table(table, tmp_path / "set.parquet", row_group_size=7)
    with pa.OSFile(str(tmp_path / "set.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "lines.jsonl").write_text(lines(*map(row, range(40))))
    read = [load_problems(tmp_path / name) for name in ("set.parquet", "set.arrow", "lines.jsonl")]
    assert read[0] == read[1] == read[2]
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "set.parquet").read_bytes()[:-20])
    with pytest.raises(ProblemsError, match=r"cut\.parquet cannot be read"):
        load_problems(tmp_path / "cut.parquet")


# What the sets write: LiveCodeBench, TACO, CodeContests, open-r1/codeforces, LeetCodeDataset, BigCodeBench.
SAID = [
    (
        {"contest_date": "2024-08-17T00:00:00", "difficulty": "hard", "platform": "atcoder"},
        Facets(date="2024-08-17", difficulty="hard", platform="atcoder"),
    ),
    (
        {"date": None, "difficulty": "VERY_HARD", "source": "codechef", "tags": "['Dynamic programming', 'Math']"},
        Facets(difficulty="very-hard", platform="codechef", tags=frozenset({"dynamic-programming", "math"})),
    ),
    (
        {"difficulty": 8, "source": 2, "cf_rating": 1300, "cf_tags": ["dp"]},
        Facets(difficulty="b", platform="codeforces", rating=1300.0, tags=frozenset({"dp"})),
    ),
    (
        {"contest_start": 1700000000, "rating": 2100, "tags": ["graphs"]},
        Facets(date="2023-11-14", rating=2100.0, tags=frozenset({"graphs"})),
    ),
    ({"estimated_date": "2024-08-04", "difficulty": "Medium"}, Facets(date="2024-08-04", difficulty="medium")),
    ({"libs": "['numpy', 'pandas']"}, Facets(tags=frozenset({"numpy", "pandas"}))),
    ({"difficulty": 99, "source": [], "tags": {"a": 1}, "date": "soon", "rating": True}, Facets()),
]


@pytest.mark.parametrize(("said", "facets"), SAID)
def test_what_a_row_says_of_its_problem_is_read_as_each_set_writes_it(said: dict[str, object], facets: Facets) -> None:
    assert facets_of(said) == facets


def test_filters_choose_by_date_difficulty_platform_and_tags(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    dates = ("2024-07-31", "2024-08-01", "2024-08-31", "2024-09-01")
    file.write_text(
        lines(*(row(n, contest_date=date, difficulty="easy" if n % 2 else "hard") for n, date in enumerate(dates)))
    )
    assert names(file, Filters(since="2024-08", until="2024-08")) == ["s/1", "s/2"]
    assert names(file, Filters(since="2024-08-02")) == ["s/2", "s/3"]
    assert names(file, Filters(difficulty=("Hard",), until="2024-08-31")) == ["s/0", "s/2"]
    assert read_problems(file, filters=Filters(until="2024")).notes == ("4 of 4 problems fit until=2024",)
    rated = tmp_path / "rated.jsonl"
    rated.write_text(lines(*(row(n, rating=800 + 400 * n) for n in range(4))))
    assert names(rated, Filters(difficulty=("1200-1600",))) == ["s/1", "s/2"]
    assert names(rated, Filters(difficulty=("2000", "-800"))) == ["s/0", "s/3"]


def test_a_filter_that_no_row_knows_or_that_nothing_fits_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text(lines(row(1, difficulty="easy"), row(2, difficulty="easy")))
    with pytest.raises(ProblemsError, match=r"no row of .* has a value for the filter platform; leave it out"):
        names(file, Filters(platform=("atcoder",)))
    with pytest.raises(ProblemsError, match="no problem that fits difficulty=hard"):
        names(file, Filters(difficulty=("hard",)))
    with pytest.raises(ValueError, match="since must be a date such as 2024-08"):
        Filters(since="August")


def test_rows_that_do_not_fit_are_never_read_as_problems(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text(lines(row(1, difficulty="easy"), {"task_id": 2, "difficulty": "hard", "test": None}))
    assert names(file, Filters(difficulty=("easy",))) == ["s/1"]


def test_problems_that_are_known_to_fail_are_left_out_with_the_reason_and_can_be_taken(tmp_path: Path) -> None:
    known = next(iter(FAILING))
    path = tmp_path / "p.jsonl"
    path.write_text(lines(row(1), row(2, task_id=known), row(3)), encoding="utf-8")
    found = read_problems(path)
    assert [problem.name for problem in found.problems] == ["s/1", "s/3"]
    assert list(found.left_out) == [f"{path}, line 2: {known} is left out: {FAILING[known]}"]
    assert found.untested == {known}
    assert names(path, Filters(keep_failing=True)) == ["s/1", known, "s/3"]
    assert names(path, Filters(keep_failing=True, leave_out={"s/3": "slow"})) == ["s/1", known]


def test_a_list_of_problems_to_leave_out_is_written_by_a_check_and_read_again(tmp_path: Path) -> None:
    path, listed = tmp_path / "p.jsonl", tmp_path / "failing.tsv"
    path.write_text(lines(row(1), row(2), row(3)), encoding="utf-8")
    listed.write_text("# by hand\ns/2\tWRONG\tit answered 1\n\ns/3\n", encoding="utf-8")
    said = CliRunner().invoke(cli, ["problems", str(path), "--leave-out", str(listed)])
    assert said.exit_code == 0
    assert "s/1\tf\tdata" in said.output
    assert "1 problems" in said.output
    assert "s/2 is left out: WRONG: it answered 1" in said.output
    refused = CliRunner().invoke(cli, ["problems", str(path), "--write-failing", str(listed)])
    assert refused.exit_code == 2
    assert "--check" in refused.output


def test_every_reason_for_leaving_a_problem_out_is_a_sentence_of_its_set() -> None:
    for one in CATALOGUE.values():
        assert not one.failing or one.problems > len(one.failing)
        assert all(" " in why for why in one.failing.values())
