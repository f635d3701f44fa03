"""What a study asks of a server: fields as they are, a row for each value of a list, defaults that are left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sampler.running.planning import requests
from sampler.study.spec import load_study
from sampler.study.spec_models import ModelSpec
from sampler.study.toml_table import SpecError
from sandbox.problems import load_problems

HEAD = '[problems]\nsource = "humaneval"\n[sampling]\nstyle = "{style}"\n[[models]]\nname = "thinker"\n'
SERVER = '[models.options]\nbase_url = "http://127.0.0.1:1/v1"\n'


def models(folder: Path, keys: str, tables: str = "", *, style: str = "chat") -> tuple[ModelSpec, ...]:
    path = folder / "study.toml"
    path.write_text(HEAD.format(style=style) + f'backend = "openai"\nsamples = 2\n{keys}\n{SERVER}{tables}')
    return load_study(path).models


def test_a_list_makes_a_row_for_each_value_named_after_it(tmp_path):
    rows = models(tmp_path, 'effort = ["low", "high"]')
    assert [row.name for row in rows] == ["thinker (effort=low)", "thinker (effort=high)"]
    assert {row.model for row in rows} == {"thinker"}
    assert [row.sampling.params.effort for row in rows] == ["low", "high"]
    assert len({row.sampling.decides for row in rows}) == 2


def test_lists_in_the_request_and_beside_it_are_multiplied(tmp_path):
    tables = "[models.request]\ntop_k = [20, 40]\nchat_template_kwargs = {enable_thinking = [true, false]}\n"
    rows = models(tmp_path, "max_thinking_tokens = [0, 512]", tables)
    assert len(rows) == 8
    assert rows[1].name == "thinker (max_thinking_tokens=0, top_k=20, enable_thinking=false)"
    assert rows[1].sampling.params.request == {"top_k": 20, "chat_template_kwargs": {"enable_thinking": False}}


def test_a_list_in_a_list_is_sent_as_a_list(tmp_path):
    (row,) = models(tmp_path, "", "[models.request]\nstop_token_ids = [[1, 2]]\n")
    assert row.sampling.params.request == {"stop_token_ids": [1, 2]}


def test_each_row_has_its_greedy_companion(tmp_path):
    rows = models(tmp_path, "greedy = true\nmax_tokens = [64, 128]")
    assert [row.name for row in rows] == [
        *("thinker (max_tokens=64)", "thinker (max_tokens=64) (greedy)"),
        *("thinker (max_tokens=128)", "thinker (max_tokens=128) (greedy)"),
    ]


@pytest.mark.parametrize(
    "keys",
    ["thinking = true", 'effort = "high"', 'effort = "none"', "max_thinking_tokens = 100", "max_thinking_tokens = 0"],
)
def test_a_thinking_model_gets_no_begun_answer_and_no_stop_strings(tmp_path, keys):
    (row,) = models(tmp_path, keys)
    assert row.sampling.thinking
    assert row.sampling.params.omit == ("prefill", "stop")
    (asked,) = requests(row, load_problems("humaneval")[:1], {}, 0)
    assert asked.prompt.prefill == ""
    (usual,) = models(tmp_path, 'effort = "none"\nthinking = false')
    assert requests(usual, load_problems("humaneval")[:1], {}, 0)[0].prompt.prefill


def test_a_model_may_say_otherwise_than_all(tmp_path):
    path = tmp_path / "study.toml"
    head = HEAD.format(style="chat").replace('"chat"\n', '"chat"\nthinking = true\nomit = ["seed"]\n', 1)
    path.write_text(f'{head}backend = "openai"\nsamples = 1\nthinking = false\n{SERVER}')
    (row,) = load_study(path).models
    assert (row.sampling.thinking, row.sampling.params.omit) == (False, ("seed",))


def test_what_is_as_usual_decides_nothing_so_that_old_stores_go_on(tmp_path):
    (row,) = models(tmp_path, "")
    assert json.loads(row.sampling.decides) == {"style": "chat", "temperature": 0.8, "top_p": 0.95, "max_tokens": 256}


@pytest.mark.parametrize(
    ("keys", "tables", "said"),
    [
        (
            "",
            "[models.request]\ntemperature = 1.0\n",
            r"temperature has a place of its own: it is a key of \[sampling\]",
        ),
        ("", "[models.request]\nseed = 1\n", "each sample has its own"),
        ("", "[models.request]\nmax_completion_tokens = 1\n", "max_tokens_key"),
        ("", "[models.request]\nday = 2026-11-30\n", "cannot be sent as JSON"),
        ("", "[models.request]\nx = inf\n", "cannot be sent as JSON"),
        ("effort = []", "", r"effort = \[\] has no value"),
        ("", f"[models.request]\nx = {list(range(65))}\n", "65 models, and the most is 64"),
        ('omit = ["speed"]', "", "'speed' is nothing that is sent by default"),
        ('omit = ["temperature"]\ngreedy = true', "", "which omit"),
        ("max_thinking_tokens = -1", "", "whole number from 0"),
    ],
)
def test_what_cannot_be_is_told_with_its_key(tmp_path, keys, tables, said):
    with pytest.raises(SpecError, match=said):
        models(tmp_path, keys, tables)


def test_a_thought_needs_a_chat_and_an_engine(tmp_path):
    with pytest.raises(SpecError, match='needs style = "chat"'):
        models(tmp_path, "thinking = true", style="completion")
    path = tmp_path / "study.toml"
    path.write_text(HEAD.format(style="chat") + 'backend = "replay"\nsamples = 1\nfile = "x"\neffort = "low"\n')
    with pytest.raises(SpecError, match="a replay has no engine"):
        load_study(path)
