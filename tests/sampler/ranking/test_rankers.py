from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler.program_normalization import normal_form
from sampler.ranking.generated_tests import asserts, generated_tests, read_texts
from sampler.ranking.rankers import (
    PLAIN,
    Entry,
    RankingError,
    chance,
    codet,
    duplicates,
    external,
    first_finish,
    informative,
    longest,
    longest_thought,
    majority,
    mbr_exec,
    mean_logprob,
    read_scores,
    short,
    shortest,
    sum_logprob,
)
from sampler.stats.ranking import rank_score_of_votes
from sampler.stats.short_m_at_k import rank_score_of_shortest
from sandbox.inside import codec
from sandbox.values import Answer, Comparison, Raised, Stage


def entry(index: int = 0, source: str = "", tokens: int = 4, sum_logprob: float | None = -2.0) -> Entry:
    return Entry(problem="P/0", index=index, source=source, tokens=tokens, sum_logprob=sum_logprob)


def value(of: object) -> Answer:
    return Answer(value=of, data=codec.encode(of))


def raised(kind: str = "ValueError") -> Answer:
    return Answer(raised=Raised(stage=Stage.PROGRAM, type=kind, message="no"))


# --- scores -----------------------------------------------------------------------------------------------------------


def test_chance_has_no_opinion():
    assert set(chance([entry(n) for n in range(3)])) == {0.0}


def test_length_is_counted_in_tokens():
    entries = [entry(tokens=3), entry(tokens=9)]
    assert list(shortest(entries)) == [-3.0, -9.0]
    assert list(longest(entries)) == [3.0, 9.0]


def test_thoughts_rank_by_their_length_and_a_cut_one_comes_last():
    thoughts = [replace(entry(), thought_tokens=tokens) for tokens in (30, 10, 20)]
    thoughts[1] = replace(thoughts[1], cut=True)
    assert list(np.argsort(-first_finish(thoughts))) == [2, 0, 1]
    assert list(longest_thought(thoughts)) == [30.0, 10.0, 20.0]
    votes = majority([[value(1)], [value(2)], [value(2)]])
    found = short(thoughts, votes, 2)
    assert (found.m, list(found.scores)) == (2, list(votes.scores))
    first = rank_score_of_shortest(short(thoughts, votes, 1), [True, False, False], 3, np.random.default_rng(0))
    assert first.mean == 0.0, "the third finishes first"
    with pytest.raises(RankingError, match="it is not known how many tokens"):
        first_finish([entry()])


def test_the_mean_and_the_sum_of_log_probabilities_can_disagree():
    entries = [entry(tokens=10, sum_logprob=-4.0), entry(tokens=2, sum_logprob=-2.0)]
    assert list(mean_logprob(entries)) == pytest.approx([-0.4, -1.0])
    assert list(sum_logprob(entries)) == [-4.0, -2.0]


def test_a_completion_without_tokens_comes_last():
    entries = [entry(tokens=0, sum_logprob=0.0), entry()]
    assert list(mean_logprob(entries)) == [-np.inf, -0.5]
    assert list(sum_logprob(entries)) == [-np.inf, -2.0]


@pytest.mark.parametrize("ranker", [mean_logprob, sum_logprob])
def test_a_log_probability_that_nobody_told_is_not_made_up(ranker):
    with pytest.raises(RankingError, match="sample 7 of P/0 has no log-probability"):
        ranker([entry(7, sum_logprob=None)])


# --- duplicates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        "def f(x):\n    '''Says.'''\n    y = x + 1  # one more\n    return y\n",
        "def f(x: int) -> int:\n  total = (x + 1)\n\n  return total\n",
    ],
)
def test_the_looks_of_a_program_do_not_matter(other):
    assert normal_form(other) == normal_form("def f(x):\n    y = x + 1\n    return y\n")


@pytest.mark.parametrize(
    "other",
    [
        "def f(x):\n    y = x + 2\n    return y\n",
        "def g(x):\n    y = x + 1\n    return y\n",
        "def f(z):\n    y = z + 1\n    return y\n",  # a caller may say f(x=1)
        "def f(x):\n    global y\n    y = x + 1\n    return y\n",
        "def f(x):\n    y = x + 1\n    return x\n",
    ],
)
def test_what_a_program_does_and_how_it_is_called_matter(other):
    assert normal_form(other) != normal_form("def f(x):\n    y = x + 1\n    return y\n")


def test_what_does_not_parse_gets_no_vote():
    hostile = ["def f(x:\n", "(" * 5000, "#" * 100_000, "x = '\0'"]
    votes = duplicates([entry(source=text) for text in [*hostile, "x = 1", "x  =  1", "x = 2"]])
    assert list(votes.scores) == [0.0] * 4 + [2.0, 2.0, 1.0]


# --- answers ----------------------------------------------------------------------------------------------------------


def test_the_majority_is_of_programs_that_do_the_same_on_every_input():
    programs = [
        [value(1), raised()],
        [value(1.0), raised()],  # 1 == 1.0
        [value(1), raised("KeyError")],
        [value(1), None],
        [raised(), raised()],
        [raised(), raised()],
    ]
    assert list(majority(programs).scores) == [2.0, 2.0, 1.0, 1.0, 0.0, 0.0]


def test_mbr_exec_lets_what_fails_anywhere_agree_with_nobody():
    programs = [
        [value(1), value(2)],
        [value(1), value(2)],
        [value(1), raised()],
        [value(1), raised()],
        [value(3), value(2)],
    ]
    votes = mbr_exec([entry(n, sum_logprob=-float(n)) for n in range(5)], programs)
    assert list(votes.scores) == [2.0, 2.0, 0.0, 0.0, 1.0]
    best = rank_score_of_votes(votes, [True, False, False, False, False], 5, np.random.default_rng(0))
    assert best.mean == 1.0  # of the two that agree, the likelier one


def test_an_input_that_no_program_can_take_tells_nothing():
    programs = [[raised(), value(1), None], [raised(), raised(), value(2)]]
    assert informative(programs, [0, 1]) == [(value(1),), (raised(),)]
    assert informative(programs, [0]) == [(), ()]


def test_sets_and_answers_too_deep_to_compare_are_told_apart():
    deep: list[object] = []
    for _ in range(80):
        deep = [deep]
    programs = [[value({1, 2, 3})], [value({3, 2, 1})], [value(deep)], [value(float("nan"))], [value(float("nan"))]]
    assert list(mbr_exec([entry()] * 5, programs).scores) == [2.0, 2.0, 1.0, 2.0, 2.0]


@given(
    rows=st.lists(st.lists(st.sampled_from([0, 1, None, "ValueError"]), min_size=2, max_size=2), min_size=1, max_size=8)
)
def test_mbr_exec_is_the_least_total_loss(rows):
    programs = [
        [None if one is None else raised(one) if isinstance(one, str) else value(one) for one in row] for row in rows
    ]

    def loss(mine: list[object], its: list[object]) -> int:
        return int(
            any(not isinstance(a, int) or not isinstance(b, int) or a != b for a, b in zip(mine, its, strict=True))
        )

    scores = mbr_exec([entry()] * len(rows), programs).scores
    assert list(scores) == [len(rows) - sum(loss(mine, its) for its in rows) for mine in rows]


# --- CodeT ------------------------------------------------------------------------------------------------------------


def test_codet_groups_by_what_is_passed_and_counts_tests_as_often_as_they_were_written():
    passed = [(True, True), (True, True), (True, False), (False, False)]
    assert list(codet(passed, [3, 1]).scores) == pytest.approx([2**0.5 * 4, 2**0.5 * 4, 3, 0])
    assert list(codet(passed, [3, 1], PLAIN).scores) == [8, 8, 3, 0]


# --- tests that a model wrote -----------------------------------------------------------------------------------------

TEXT = """Sure:
assert f(1) == 2, 'one'
assert f(2) == 3
# and more
assert g(1) == 1
assert f(3) ==
assert round(f(4), 1) == 5.0
def f(x):
    assert f(5) == 6
"""


def test_asserts_are_read_one_by_one_and_only_those_of_the_function():
    assert list(asserts(TEXT, "f")) == [
        "assert f(1) == 2, 'one'",
        "assert f(2) == 3",
        "assert round(f(4), 1) == 5.0",
        "assert f(5) == 6",
    ]
    assert list(asserts("", "f")) == []


def test_a_call_and_a_literal_are_data_and_anything_else_is_code_behind_the_program():
    found = generated_tests([TEXT, "assert f(2) == 3"], "f", from_each=3)
    assert found is not None
    assert found.written == (1, 2, 1)
    assert [case.comparison for case in found.tests.cases] == [Comparison.EQUAL, Comparison.EQUAL, Comparison.TRUE]
    assert found.tests.cases[2].arguments == ("assert round(f(4), 1) == 5.0",)
    space: dict[str, object] = {}
    exec("def f(x):\n    return x + 1\n" + found.harness, space)
    call = found.tests.cases[2]
    assert space[call.function](*call.arguments) is True


def test_texts_without_a_test_are_no_tests():
    assert generated_tests(["", "assert g(1) == 2", "assert f("], "f") is None
    found = generated_tests(["assert f(1) == 1"], "f")
    assert found is not None
    assert not found.harness


@given(text=st.text(alphabet="assert f(1)=\n\t'\"#{[\\\0", max_size=60))
def test_any_text_can_be_read(text):
    for test in asserts(text, "f"):
        compile(test, "test", "exec", 1024)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 1"),
        ("[]", "line 1"),
        ('{"tests": []}', "task_id"),
        ('{"task_id": "P", "tests": "assert"}', "no list"),
    ],
)
def test_a_file_of_tests_that_is_none_names_its_line(tmp_path, line, why):
    path = tmp_path / "tests.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(RankingError, match=why):
        read_texts(path)


def test_texts_of_a_problem_on_several_lines_belong_together(tmp_path):
    path = tmp_path / "tests.jsonl"
    rows = [{"task_id": "P", "tests": ["a"]}, {"task_id": "Q", "tests": ["b"]}, {"task_id": "P", "tests": ["c"]}]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    assert read_texts(path) == {"P": ("a", "c"), "Q": ("b",)}
    with pytest.raises(RankingError, match="cannot read"):
        read_texts(tmp_path / "none.jsonl")


# --- scores of somebody else ------------------------------------------------------------------------------------------


def test_scores_of_a_file_are_found_with_and_without_a_model(tmp_path):
    path = tmp_path / "scores.jsonl"
    rows = [{"task_id": "P/0", "index": 0, "score": 2}, {"model": "m", "task_id": "P/0", "index": 1, "score": -1.5}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    given_scores = read_scores(path)
    assert list(external([entry(0), entry(1)], "m", given_scores)) == [2.0, -1.5]
    with pytest.raises(RankingError, match="none for sample 1 of P/0 by 'other'"):
        external([entry(1)], "other", given_scores)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "line 1"),
        ('{"task_id": "P", "index": 0}', "'score' is missing"),
        ('{"task_id": "P", "index": 0, "score": "high"}', "not a number"),
        ('{"task_id": "P", "index": 0, "score": NaN}', "not a number"),
        ('{"task_id": "P", "index": 0.5, "score": 1}', "whole number"),
        ('{"task_id": "P", "index": 0, "score": 1}\n{"task_id": "P", "index": 0, "score": 1}', "twice"),
    ],
)
def test_a_file_of_scores_that_is_none_names_its_line(tmp_path, line, why):
    path = tmp_path / "scores.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(RankingError, match=why):
        read_scores(path)
