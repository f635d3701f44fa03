from __future__ import annotations

import gzip
import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from script import ROOT
from variants import variants

from sampler.importing.imported_sample import Claim, Imported, ImportFault, MissingText, Reading
from sampler.importing.importer import Numbering
from sampler.importing.prepare import Matcher, PreparedSample, ReadingJob, SampleLeftOut, prepare_samples
from sampler.importing.sample_files import ImportRequest, column_reader, digest_of, format_of, samples_of, values_of
from sampler.importing.sample_formats import FORMATS, humaneval_samples, jsonl_samples, named, recognised
from sampler.values import Finish
from sandbox.problems import Problem, load_problems

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["task_id", "completion", "samples", "doc", "resps", "eval", "prompt", "response", "eval_count"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def problem(name: str, prompt: str, entry_point: str) -> Problem:
    return Problem(name=name, prompt=prompt, entry_point=entry_point, tests="def check(f):\n    assert f(1)\n")


def read(format_name: str, row: object) -> list[Imported]:
    return list(named(format_name).samples(row))


@pytest.mark.parametrize("known", FORMATS, ids=lambda one: one.name)
def test_the_example_of_every_format_is_taken_for_it_and_read(known):
    row = json.loads(known.example)
    assert recognised(row, "here").name == known.name
    assert all(sample.text for sample in known.samples(row))


@given(row=JSON)
def test_whatever_a_file_holds_is_refused_or_read_and_breaks_nothing(tmp_path_factory, row):
    path = tmp_path_factory.mktemp("any") / "x.jsonl"
    path.write_text(json.dumps(row))
    try:
        found = format_of(path, None)
        for _, sample in samples_of(path, found.samples):
            assert isinstance(sample, MissingText) or isinstance(sample.text, str)
    except ImportFault as error:
        assert str(path) in str(error)


@pytest.mark.parametrize(
    ("format_name", "row"),
    [
        ("livecodebench", {"question_id": "a", "code_list": ["x", None]}),
        ("lists", {"a": ["x", None]}),
        ("bigcode", [["x"], [None]]),
        ("codet", {"prompt": "p", "samples": [None, "x"]}),
        ("ollama", {"a": [["x", {"eval_count": 1}], [None, {"eval_count": 0}]]}),
        ("evalplus-results", {"eval": {"a": [{"solution": "x", "base_status": "pass"}, {"base_status": "fail"}]}}),
        ("paper", {"a": {"samples": [{"generation": "x"}, {"generation": None}]}}),
    ],
)
def test_an_answer_without_a_text_costs_no_other(format_name, row):
    assert recognised(row, "here").name == format_name
    assert sorted(type(sample).__name__ for sample in read(format_name, row)) == ["Imported", "MissingText"]


def test_a_log_of_mbpp_names_problems_of_mbpp():
    doc = {"task_id": 11, "text": "?", "test_list": ["assert f() == 1"]}
    (sample,) = read("lm-eval", {"doc": doc, "resps": [["x"]], "filtered_resps": ["x"]})
    assert sample.problem == "MBPP/11"


WRONG = (None, True, -1, 10**400, 2**63, "", "\ud800", [], [[]], [None], {}, {"a": 1}, "x" * 5)


@pytest.mark.parametrize("known", FORMATS, ids=lambda one: one.name)
def test_whatever_a_row_of_a_format_holds_it_is_read_left_out_or_one_error(known, tmp_path):
    path, problems = tmp_path / "x.jsonl", tuple(load_problems("humaneval"))
    for one in (one for wrong in WRONG for one in variants(json.loads(known.example), wrong)):
        path.write_text(json.dumps(one) + "\n", encoding="utf-8")
        for skip_bad in (False, True):
            asked = ImportRequest(files=(path,), study="s", format=known.name, skip_bad=skip_bad)
            with suppress(ImportFault):
                assert all(
                    isinstance(row, PreparedSample | SampleLeftOut)
                    for row in prepare_samples(ReadingJob(path=path, request=asked, problems=problems))
                )


def test_human_eval_results_are_claims_in_their_own_words():
    passed, failed = (
        read("humaneval", {"task_id": "a", "completion": "x", "result": result, "passed": ok})[0]
        for result, ok in (("passed", True), ("failed: no", False))
    )
    assert passed.claim == Claim(passed=True)
    assert failed.claim == Claim(passed=False, said="failed: no")
    assert read("humaneval", {"task_id": "a", "completion": "x"})[0].claim is None


def test_evalplus_results_pass_only_with_every_test_that_was_run():
    rows = [("pass", "pass"), ("pass", "fail"), ("pass", None)]
    told = [{"solution": "x", "base_status": base, "plus_status": plus} for base, plus in rows]
    claims = [sample.claim for sample in read("evalplus-results", {"eval": {"HumanEval/0": told}})]
    assert [claim.passed for claim in claims] == [True, False, True]
    assert claims[1].said == "pass/fail"


@pytest.mark.parametrize(("metric", "passed"), [(1.0, True), (0, False), (0.5, None), ([1.0], None), (None, None)])
def test_a_metric_of_lm_eval_is_a_verdict_only_where_it_is_one_samples(metric, passed):
    row = {"doc": {"task_id": "HumanEval/0"}, "resps": [["x"]], "filtered_resps": [["x"]], "pass@1": metric}
    (found,) = read("lm-eval", row)
    assert (None if found.claim is None else found.claim.passed) is passed


def test_results_of_bigcodebench_have_one_status():
    told = [{"task_id": "BigCodeBench/0", "solution": "x", "status": one, "details": {}} for one in ("pass", "timeout")]
    results = {"date": "2026-11-30 10:00", "eval": {"BigCodeBench/0": told}}
    assert recognised(results, "here").name == "evalplus-results"
    claims = [sample.claim for sample in read("evalplus-results", results)]
    assert claims == [Claim(passed=True, said="pass"), Claim(passed=False, said="timeout")]


def test_ollama_counts_and_nanoseconds_become_costs_without_the_loading_of_the_model():
    told = {
        "prompt_eval_count": 197,
        "prompt_eval_duration": 572604786,
        "eval_count": 41,
        "eval_duration": 581462322,
        "load_duration": 8373851005,
        "total_duration": 9530461290,
        "result": "failed: no",
        "done_reason": "length",
    }
    (sample,) = read("ollama", {"HumanEval/0": [["    return 1", told]]})
    assert (sample.prompt_tokens, sample.completion_tokens) == (197, 41)
    assert (sample.prompt_seconds, sample.decode_seconds) == (0.572604786, 0.581462322)
    assert (sample.finish, sample.claim) == (Finish.LENGTH, Claim(passed=False, said="failed: no"))
    thinking = {"task_id": "a", "message": {"content": "hi", "thinking": "hm"}, "eval_count": 2}
    assert [sample.thought for sample in read("ollama-lines", thinking)] == ["hm"]
    assert [sample.thought for sample in read("ollama-lines", thinking | {"response": "hi", "thinking": "so"})] == [
        "so"
    ]
    (line,) = read("ollama-lines", {"task_id": "a", "message": {"content": "hi"}, "eval_count": 2})
    assert (line.text, line.completion_tokens, line.prompt_tokens, line.decode_seconds) == ("hi", 2, None, None)


def test_an_lm_eval_metric_over_several_samples_claims_nothing_unless_they_agree():
    row = {"doc": {"task_id": 3}, "resps": [["a", "b"]], "filtered_resps": [["p1", "p2"]]}
    assert [s.claim for s in read("lm-eval", {**row, "pass@1": 0.5})] == [None, None]
    assert [s.claim for s in read("lm-eval", {**row, "pass@1": 1.0})] == [Claim(passed=True)] * 2
    assert [(s.text, s.reading) for s in read("lm-eval", row)] == [("p1", Reading.PROGRAM), ("p2", Reading.PROGRAM)]
    del row["filtered_resps"]
    assert [(s.text, s.reading) for s in read("lm-eval", row)] == [("a", Reading.RAW), ("b", Reading.RAW)]


def test_columns_are_mapped_by_name_also_inside_objects_and_misspelt_fields_are_told():
    samples = column_reader({"problem": "info.id", "text": "answer", "completion_tokens": "n", "passed": "ok"})
    (sample,) = samples({"info": {"id": "a"}, "answer": "x", "n": 3, "ok": 1})
    assert (sample.problem, sample.text, sample.completion_tokens) == ("a", "x", 3)
    assert sample.claim == Claim(passed=True)
    assert sample.prompt_tokens is None
    with pytest.raises(ImportFault, match="did you mean 'problem'"):
        column_reader({"problm": "x", "text": "y"})
    with pytest.raises(ImportFault, match="must name the columns"):
        column_reader({"text": "y"})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('{"task_id": "a"}', "no known format begins with the fields task_id"),
        ('{"task_id": "a", "completion": 3}', "line 1: completion is 3, not a text"),
        ('{"task_id": "a", "completion": "x"}\n{"task_id": "b"}', "line 2: the field 'completion' is missing"),
        ('{"task_id": "a", "completion": "x"}\n{"task', "line 2: not JSON"),
        ('{"task_id": "a", "completion": "x"}\n7', "line 2: "),
        ('{"task_id": "a", "completion": "x"}\n{"task', "the file ends within this line"),
        ("hello", "line 1: not JSON"),
        ('{"task_id": "a", "completion": "x"}\n5', "line 2: a sample is a JSON object, not 5"),
        ("{", "neither JSON lines nor one JSON document"),
        ("", "holds nothing"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(tmp_path, lines, words):
    path = tmp_path / "s.jsonl"
    path.write_text(lines)
    with pytest.raises(ImportFault, match=r"s\.jsonl") as caught:
        list(samples_of(path, format_of(path, None).samples))
    assert words in str(caught.value)


def test_files_may_be_zipped_cut_short_or_one_document_over_many_lines(tmp_path):
    rows = {"HumanEval/0": {"prompt": "p", "samples": [{"generation": "g", "pass_at_1": 0.0}]}}
    document = tmp_path / "d.json"
    document.write_text(json.dumps(rows, indent=2))
    assert format_of(document, None).name == "paper"
    zipped = tmp_path / "z.gz"
    zipped.write_bytes(gzip.compress(document.read_bytes()))
    assert [value for _, value in values_of(zipped)] == [rows]
    assert digest_of([document, zipped]) == digest_of([zipped, document]) != digest_of([document])
    zipped.write_bytes(zipped.read_bytes()[:-9])
    with pytest.raises(ImportFault, match="cannot read"):
        list(values_of(zipped))
    with pytest.raises(ImportFault, match="cannot read"):
        digest_of([tmp_path / "gone"])


def test_a_folder_of_programs_is_read_in_the_order_of_their_numbers(tmp_path):
    for task, number in (("HumanEval_1", 0), ("HumanEval_0", 10), ("HumanEval_0", 2)):
        folder = tmp_path / task
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.py").write_text(f"# {task} {number}")
    assert format_of(tmp_path, None).name == "evalplus"
    texts = [(s.problem, s.text) for _, s in samples_of(tmp_path, named("evalplus").samples)]
    assert texts == [
        ("HumanEval/0", "# HumanEval_0 2"),
        ("HumanEval/0", "# HumanEval_0 10"),
        ("HumanEval/1", "# HumanEval_1 0"),
    ]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ImportFault, match=r"HumanEval_0/0\.py"):
        list(values_of(empty))


def test_a_prompt_without_its_examples_still_finds_its_problem():
    add = problem("P/0", 'def add(a, b):\n    """Sum.\n    >>> add(1, 2)\n    3\n    """\n', "add")
    join = problem("P/1", 'def add(words, more):\n    """Join.\n    """\n', "add")
    other = problem("P/2", "def sub(a, b):\n", "sub")
    match = Matcher([add, join, other])
    assert match(Imported(text="", prompt='def add(a, b):\n    """Sum.\n    """\n')) is add
    assert match(Imported(text="", prompt='\ndef add(words, more):\n    """ Join.\n    """\n')) is join
    assert match(Imported(text="", problem="2")) is other
    assert match(Imported(text="", position=1)) is join
    for lost in ({"prompt": "def mul(a, b):\n"}, {"position": 3}, {"problem": "P/9"}, {}, {"problem": ["P/0"]}):
        with pytest.raises(ImportFault):
            match(Imported(text="", **lost))
    with pytest.raises(ImportFault, match="more than one"):
        match(Imported(text="", prompt="def add("))


def test_every_prompt_of_codet_finds_its_own_problem_of_humaneval(shared_data):
    match = Matcher(load_problems("humaneval"))
    with gzip.open(shared_data / "codet_HumanEval_for_code_generation.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    assert [match(Imported(text="", prompt=row["prompt"])).name for row in rows] == [row["task_id"] for row in rows]


def test_how_a_text_is_read_decides_its_program(tmp_path):
    path = tmp_path / "x.jsonl"
    one = problem("P/0", "import re\n\n\ndef f(x):\n", "f")
    text = "    return x\n\ndef g():\n    pass\n"
    fenced = "Here:\n```python\ndef f(x):\n    return 3\n```"
    for said, reading, source in [
        (text, Reading.COMPLETION, one.prompt + text),
        (text, Reading.RAW, one.prompt + "    return x\n"),
        (one.prompt + text, Reading.RAW, one.prompt + "    return x\n"),
        (one.prompt + text, Reading.COMPLETION, one.prompt + one.prompt + text),
        ("def f(x): return 2", Reading.PROGRAM, "def f(x): return 2"),
        (fenced, Reading.PROGRAM, fenced),
        (fenced, Reading.ANSWER, "import re\n\n\ndef f(x):\n    return 3"),
        ("```python\nreturn x\n```", Reading.ANSWER, one.prompt + "    return x"),
    ]:
        path.write_text(json.dumps({"task_id": "P/0", "completion": said}) + "\n")
        asked = ImportRequest(files=(path,), study="s", reading=reading)
        (row,) = prepare_samples(ReadingJob(path=path, request=asked, problems=(one,)))
        assert row.program == source


def test_samples_are_numbered_as_they_come_or_as_they_say_but_not_both():
    numbering = Numbering({1: {0, 1}})
    assert [numbering.place(1, None) for _ in range(4)] == [None, None, 2, 3]
    assert [numbering.place(2, given) for given in (7, 3)] == [7, 3]
    assert sorted(numbering.counts) == [2, 4]
    with pytest.raises(ImportFault, match=r"no\. 7"):
        numbering.place(2, 7)
    with pytest.raises(ImportFault, match="numbered and others are not"):
        numbering.place(2, None)


def test_the_documentation_shows_the_example_of_every_format():
    page = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in page.partition("```json\n")[2].partition("```")[0].splitlines()]
    assert all(f"| `{known.name}` |" in page for known in FORMATS)
    assert sorted(recognised(row, "docs").name for row in rows) == sorted(known.name for known in FORMATS)
    assert all(json.loads(known.example) in rows for known in FORMATS)


def test_a_list_of_objects_is_read_as_if_each_stood_on_a_line(tmp_path):
    rows = [{"task_id": "a", "completion": "x"}, {"task_id": "b", "completion": 3}]
    path = tmp_path / "s.json"
    for layout in (None, 2):
        path.write_text(json.dumps(rows, indent=layout))
        assert [value for _, value in values_of(path)] == rows
        with pytest.raises(ImportFault, match="element 2: completion is 3, not a text"):
            list(samples_of(path, format_of(path, None).samples))


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"task_id": "a", "completion": "x"}\r\n{"task_id": "b", "completion": "y"}')
    assert [sample.text for _, sample in samples_of(path, format_of(path, None).samples)] == ["x", "y"]


def test_a_file_cut_short_is_told_from_one_that_is_not_there(tmp_path):
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"task_id": "a", "completion": "x"}\n' * 99)[:-9])
    with pytest.raises(ImportFault, match="cut short or damaged"):
        list(values_of(path))
    with pytest.raises(ImportFault, match="check the name"):
        list(values_of(tmp_path / "gone"))


def test_a_folder_of_sample_files_says_which_files_to_give(tmp_path):
    (tmp_path / "samples.jsonl").write_text("{}")
    with pytest.raises(ImportFault, match=r"give the files that it holds instead: .*samples\.jsonl"):
        list(values_of(tmp_path))


def test_lines_of_human_eval_and_evalplus_tell_their_model_and_costs_too():
    row = {"task_id": "a", "completion": "x", "solution": "y", "model": "m", "completion_tokens": 5, "sum_nll": 1.5}
    for name in ("humaneval", "evalplus"):
        (sample,) = read(name, row)
        assert (sample.model, sample.completion_tokens, sample.sum_logprob) == ("m", 5, -1.5)
    with pytest.raises(TypeError, match="model is 3, not a text"):
        read("humaneval", {**row, "model": 3})


def test_livecodebench_grades_are_claims_and_answers_stand_in_for_missing_programs():
    graded = read("livecodebench", {"question_id": "a", "code_list": ["x", "y"], "graded_list": [True, False]})
    assert [(s.text, s.reading, s.claim) for s in graded] == [
        ("x", None, Claim(passed=True)),
        ("y", None, Claim(passed=False)),
    ]
    assert [s.reading for s in read("livecodebench", {"question_id": "a", "output_list": ["x"]})] == [Reading.ANSWER]
    with pytest.raises(ValueError, match="1 grades for the 2 texts"):
        read("livecodebench", {"question_id": "a", "code_list": ["x", "y"], "graded_list": [True]})


def test_numbers_that_went_through_a_table_with_gaps_are_numbers_and_gaps():
    row = {"task_id": "HumanEval/0", "completion": "    pass", "prompt_tokens": 118.0, "completion_tokens": math.nan}
    (found,) = jsonl_samples(row | {"model": "m", "index": 0.0, "prompt_seconds": math.nan, "finish": "end_turn"})
    assert (found.prompt_tokens, found.completion_tokens, found.index, found.prompt_seconds) == (118, None, 0, None)
    assert found.finish is Finish.STOP
    for wrong in (118.5, math.inf, -1.0, True):
        with pytest.raises(ValueError, match="not a whole number"):
            list(humaneval_samples(row | {"prompt_tokens": wrong}))


def test_numbers_whose_sums_no_store_could_hold_are_refused_and_seeds_may_be_as_large_as_ours():
    row = {"task_id": "HumanEval/0", "model": "m", "index": 0, "completion": "    pass", "seed": 2**63 - 1}
    assert next(iter(jsonl_samples(row))).seed == 2**63 - 1
    for field, wrong in {"prompt_tokens": 2**62, "decode_seconds": 1e308, "sum_nll": -1e308, "index": 2**62}.items():
        with pytest.raises(ValueError, match=f"{field} is .*(the most is|not a number from)"):
            list(jsonl_samples(row | {field: wrong}))


def test_every_cost_of_a_sample_can_be_mapped():
    row = {"id": "a", "text": "x", "thought": None, "usage": {"thought": 3, "cached": 2, "write": 1, "joules": 0.5}}
    places = {"thought_tokens": "thought", "cached_tokens": "cached", "cache_write_tokens": "write"}
    columns = {field: f"usage.{column}" for field, column in places.items()}
    read = column_reader(
        {"problem": "id", "text": "text", "thought": "thought", "decode_joules": "usage.joules"} | columns
    )
    (found,) = read(row)
    assert [found.thought_tokens, found.cached_tokens, found.cache_write_tokens, found.decode_joules] == [3, 2, 1, 0.5]
    assert found.thought is None


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def told(path, text: str, **asked: object) -> list[Imported | ImportFault]:
    path.write_text(text)
    columns = dict(asked.get("columns", {}))
    samples = column_reader(columns) if columns else format_of(path, None).samples
    return [sample for _, sample in samples_of(path, samples)]


def test_an_error_in_the_first_line_does_not_hide_what_a_file_is(tmp_path):
    rows = told(tmp_path / "s.jsonl", lines({"task_id": "a", "error": "timeout"}, {"task_id": "b", "completion": "x"}))
    assert [type(row) for row in rows] == [MissingText, Imported]
    with pytest.raises(ImportFault, match="no answer, but an error: 'timeout'"):
        told(tmp_path / "s.jsonl", lines({"task_id": "a", "error": "timeout"}))


def test_results_whose_first_problem_has_none_are_results(tmp_path):
    rows = told(tmp_path / "r.json", lines({"eval": {"a": [], "b": [{"solution": "x", "base_status": "pass"}]}}))
    assert [row.problem for row in rows] == ["b"]


@pytest.mark.parametrize("document", [{"question_id": "a"}, {"name": "a"}, {"problem_id": "a", "prompt": "p"}])
def test_documents_of_lm_eval_name_their_problem_in_the_words_of_their_set(document):
    (sample,) = read("lm-eval", {"doc": document, "resps": [["x"]], "filtered_resps": ["x"]})
    assert (sample.problem, sample.prompt) == ("a", None)
    (sample,) = read("lm-eval", {"doc": {"prompt": "p"}, "resps": [["x"]]})
    assert (sample.problem, sample.prompt) == (None, "p")


def test_one_answer_by_two_filters_of_lm_eval_is_not_counted_twice(tmp_path):
    row = {"doc": {"task_id": "a"}, "resps": [["x"]], "filtered_resps": ["x"]}
    assert len(told(tmp_path / "s.jsonl", lines(row | {"filter": "f"}, row | {"filter": "f"}))) == 2
    with pytest.raises(ImportFault, match="line 2: the file has the same answers by the filters 'f' and 'g'"):
        told(tmp_path / "s.jsonl", lines(row | {"filter": "f"}, row | {"filter": "g"}))


@pytest.mark.parametrize("gap", ["NaN", '""', "null"])
def test_a_gap_in_a_table_is_no_reason_to_finish(tmp_path, gap):
    row = f'{{"task_id": "a", "model": "m", "index": 0, "completion": "x", "finish": {gap}}}\n'
    (sample,) = told(tmp_path / "s.jsonl", row)
    assert sample.finish is None


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        ("NaN", None),
        ("null", None),
        ('"True"', True),
        ('"failed"', False),
        ('"maybe"', None),
        ("0", False),
        ("1.0", True),
    ],
)
def test_a_mapped_verdict_may_be_a_word_and_a_gap_is_none(tmp_path, value, passed):
    columns = {"problem": "id", "text": "answer", "passed": "ok"}
    (sample,) = told(tmp_path / "s.jsonl", f'{{"id": "a", "answer": "x", "ok": {value}}}\n', columns=columns)
    assert sample.claim == (None if passed is None else Claim(passed=passed))


def test_a_mapped_cost_may_be_missing_in_some_lines_but_not_in_the_first(tmp_path):
    columns = {"problem": "id", "text": "answer", "completion_tokens": "usage.tokens"}
    whole, without = {"id": "a", "answer": "x", "usage": {"tokens": 5}}, {"id": "a", "answer": "x", "usage": None}
    rows = told(tmp_path / "s.jsonl", lines(whole, without, {"id": "a", "answer": "x"}), columns=columns)
    assert [row.completion_tokens for row in rows] == [5, None, None]
    with pytest.raises(ImportFault, match=r"line 1: the field 'usage\.tokens' is missing"):
        told(tmp_path / "s.jsonl", lines(without), columns=columns)
    with pytest.raises(ImportFault, match="line 2: the field 'id' is missing; the line has answer"):
        told(tmp_path / "s.jsonl", lines(whole, {"answer": "x"}), columns=columns)
    with pytest.raises(ImportFault, match="the field 'ide' is missing; did you mean 'id'"):
        told(tmp_path / "s.jsonl", lines(whole), columns=columns | {"problem": "ide"})


def test_a_mapped_text_may_be_a_list_of_parts(tmp_path):
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "x"}]
    columns = {"problem": "id", "text": "message.content"}
    (sample,) = told(tmp_path / "s.jsonl", lines({"id": "a", "message": {"content": content}}), columns=columns)
    assert sample.text == "x"


def test_documents_behind_each_other_are_read_as_lines(tmp_path):
    rows = [{"task_id": "a", "completion": "x"}, {"task_id": "b", "completion": "y"}]
    found = told(tmp_path / "s.json", "\n".join(json.dumps(row, indent=2) for row in rows))
    assert [row.problem for row in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"task_id": "a", "response": "x"}, "--map task_id=problem --map response=text --as answer"),
        ({"id": 1, "messages": [{}, {"content": "x"}]}, "--map id=problem --map messages.1.content=text --as answer"),
        ({"name": "a", "choices": [{}]}, "--map name=problem --map choices.0.message.content=text --as answer"),
    ],
)
def test_a_line_of_no_known_format_is_told_with_the_columns_that_may_read_it(row, words):
    with pytest.raises(ImportFault, match=words):
        recognised(row, "here")


@pytest.mark.parametrize("name", [0, 0.0, "0", "HumanEval_0", "humaneval-0", " HumanEval/0", "HumanEval/00"])
def test_a_problem_is_found_however_its_name_was_written(name):
    match = Matcher([problem("HumanEval/0", "def f(x):\n", "f"), problem("HumanEval/10", "def g(x):\n", "g")])
    assert match(Imported(text="x", problem=name)).name == "HumanEval/0"


@pytest.mark.parametrize("name", ["MBPP/0", "MBPP_0", "HumanEval/1", "HumanEval0", "x_HumanEval_0"])
def test_a_problem_of_another_set_or_number_is_not_taken_for_it(name):
    match = Matcher([problem("HumanEval/0", "def f(x):\n", "f"), problem("HumanEval/10", "def g(x):\n", "g")])
    with pytest.raises(ImportFault, match="no problem is called"):
        match(Imported(text="x", problem=name))
