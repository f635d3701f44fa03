from __future__ import annotations

import re
import sqlite3
from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.store.filters import FIELDS, STATES, FilterError, narrowed, parse, toggled

NOW = 1_000_000.0
MODELS = ("qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "Llama_3%")
PROBLEMS = ("HumanEval/3", "HumanEval/30", "HumanEval/31", "Toy/1")
ROWS = [  # model, problem, tokens, verdict, error type, message, flags, created
    (0, 0, 100, "PASSED", None, None, "", NOW - 10),
    (0, 1, 301, "TIMEOUT", None, None, "near_limit", NOW - 1000),
    (1, 2, 500, "ERROR", "IndexError", "list index out of range", "near_limit,rejudged", NOW - 30),
    (1, 3, 20, "WRONG", "AssertionError", "it's 100% wrong; DROP TABLE", "", NOW - 59),
    (2, 0, 400, "ERROR", "NameError", "name 'a_b' is not defined", "", NOW - 90_000),
    (2, 1, 50, None, None, None, None, NOW - 5),
]


@pytest.fixture(scope="module")
def tables() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript("""
        CREATE TABLE model(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE problem(id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE text(sha256 BLOB PRIMARY KEY, body TEXT);
        CREATE TABLE sample(id INTEGER PRIMARY KEY, model_id, problem_id, idx, program_sha, finish, prompt_tokens,
          completion_tokens, prompt_seconds, decode_seconds, prompt_flops, decode_flops, created_at, turn);
        CREATE TABLE verdict(id INTEGER PRIMARY KEY, sample_id, attempt, verdict, ending, cpu_s, wall_s, memory_mb,
          error_type, error_message, flags, created_at);
    """)
    connection.executemany("INSERT INTO model VALUES(?, ?)", enumerate(MODELS))
    connection.executemany("INSERT INTO problem VALUES(?, ?)", enumerate(PROBLEMS))
    connection.execute("INSERT INTO text VALUES(x'00', 'import os\n')")
    for number, (model, problem, tokens, verdict, kind, message, flags, at) in enumerate(ROWS):
        sha = b"\0" if number == 2 else b"\1"
        finish = "length" if tokens == 500 else "stop"
        row = (number, model, problem, number, sha, finish, 10, tokens, 0.5, 1.5, None, None, at - 1, number == 3)
        connection.execute("INSERT INTO sample VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
        if verdict:
            row = (number, number, 1, verdict, "exited", 0.1, 0.2, 9.0, kind, message, flags, at)
            connection.execute("INSERT INTO verdict VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", row)
    return connection


def found(tables: sqlite3.Connection, text: str) -> set[int]:
    asked = parse(text, NOW)
    sql = f"SELECT s.id FROM sample s LEFT JOIN verdict v ON v.sample_id = s.id WHERE {asked.where}"
    return {row[0] for row in tables.execute(sql, asked.params)}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", {0, 1, 2, 3, 4, 5}),
        ("model:qwen*", {0, 1, 2, 3}),
        ("model:QWEN", {0, 1, 2, 3}),
        ("-model:qwen", {4, 5}),
        ("sample:1,3", {1, 3}),
        ("MODEL:QWEN*0.5B", {0, 1}),
        ("model:Llama_3%", {4, 5}),
        ("model:Llama?3%", {4, 5}),
        ("model:L_ama_3%", set()),
        ("problem:HumanEval/3", {0, 4}),
        ("problem:HumanEval/3?", {1, 2, 5}),
        ("verdict:timeout,wrong", {1, 3}),
        ("-verdict:passed", {1, 2, 3, 4, 5}),
        ("tok>300", {1, 2, 4}),
        ("tok>=301 tok<=400", {1, 4}),
        ("tok:100", {0}),
        ("tok>0.3k", {1, 2, 4}),
        ("sec>1.9", {0, 1, 2, 3, 4, 5}),
        ("flops>1e12", set()),
        ("err:IndexError", {2}),
        ("err:~index", {2}),
        ('err:~"out of range"', {2}),
        ("err:~a_b", {4}),
        ("err:~axb", set()),
        ("msg:~100%", {3}),
        ("-err:~name", {0, 1, 2, 3, 5}),
        ("verdict:wrong -err:?*", set()),
        ("failed -err:?*", {1}),
        ("flag:near_limit", {1, 2}),
        ("flag:rejudged", {2}),
        ("flag:near", set()),
        ("turn>0", {3}),
        ("finish:length", {2}),
        ("cut", {2}),
        ("passed", {0}),
        ("failed", {1, 2, 3, 4}),
        ("flagged", {1, 2}),
        ("pending", {5}),
        ("-infra", {0, 1, 2, 3, 4}),
        ("since:1m", {0, 2, 3, 5}),
        ("before:1h", {4}),
        ('code:~"import os"', {2}),
        ("drop", {3}),
        ("it's", {3}),
        ("llama", {4, 5}),
        ("timeout", {1}),
        ('"list index"', {2}),
        ("model:qwen* verdict:timeout tok>300 problem:HumanEval/3? -infra", {1}),
    ],
)
def test_what_a_filter_lets_through(tables: sqlite3.Connection, text: str, ids: set[int]) -> None:
    assert found(tables, text) == ids


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("modle:x", "did you mean 'model'"),
        ("nonsense:x", "fields: model"),
        ("verdict:timout,wrong", "did you mean 'timeout'"),
        ("verdict:slow", "verdicts: passed"),
        ("tok>many", "no number"),
        ("tok:~3", "tok is a number"),
        ("model>3", "no order"),
        ("since:yesterday", "since:10m"),
        ("model:", "lacks a value"),
        ("verdict:,", "names nothing"),
        ("-", "there is none"),
        ("code:x", "code:~x"),
        ("x" * 501, "too long"),
        ("a " * 30, "too many"),
    ],
)
def test_a_filter_that_says_nothing_names_the_way_out(text: str, told: str) -> None:
    with pytest.raises(FilterError, match=re.escape(told)):
        parse(text, NOW)


ANY = st.text(st.characters(codec=None), max_size=40)
PIECES = st.one_of(
    ANY,
    st.builds(
        lambda sign, field, op, value: f"{sign}{field}{op}{value}",
        st.sampled_from(["", "-"]),
        st.sampled_from([*FIELDS, *STATES]),
        st.sampled_from([":", ":~", ">", "<", ">=", "=", ""]),
        ANY,
    ),
)


@given(st.lists(PIECES, max_size=6).map(" ".join))
def test_whatever_is_typed_is_refused_in_words_or_is_sql_that_runs(tables: sqlite3.Connection, text: str) -> None:
    try:
        asked = parse(text, NOW)
    except FilterError:
        return
    assert asked.where.count("?") == len(asked.params)
    typed = [value for value in asked.params if isinstance(value, str)]
    assert all(ord(char) < 128 for char in asked.where), "nothing that is typed becomes SQL"
    try:
        [value.encode() for value in typed]
    except UnicodeEncodeError:
        return
    found(tables, text)


@given(
    st.text(st.characters(codec="ascii", exclude_characters='"\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x00'))
    .map(str.strip)
    .filter(bool)
)
def test_a_word_made_from_a_name_finds_that_name(tables: sqlite3.Connection, name: str) -> None:
    text = narrowed("", "model", name)
    if len(text) > 400:
        return
    asked = parse(text, NOW)
    pattern = asked.params[0]
    assert tables.execute("SELECT ? LIKE ? ESCAPE '\\'", (name, pattern)).fetchone()[0] == 1


@given(st.text("abAB*?%_", min_size=1, max_size=8), st.text("abAB%_", max_size=8))
def test_wildcards_are_those_of_a_shell(tables: sqlite3.Connection, pattern: str, name: str) -> None:
    asked = parse(f"model:{pattern}", NOW)
    mine = tables.execute("SELECT ? LIKE ? ESCAPE '\\'", (name, asked.params[0])).fetchone()[0]
    assert bool(mine) is bool(re.match(translate(pattern.lower()), name.lower()))


@given(st.sampled_from(["", "model:x", "failed", "model:x failed tok>3"]))
def test_toggling_a_state_twice_changes_nothing_that_matters(text: str) -> None:
    assert toggled(toggled(text, "failed"), "failed").split() in (
        text.split(),
        [*text.replace("failed", "").split(), "failed"],
    )
    assert ("failed" in toggled(text, "failed")) is ("failed" not in text)
