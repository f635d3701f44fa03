from __future__ import annotations

import gzip
import json
from concurrent.futures import Future
from pathlib import Path

import pytest

from sandbox.errors import BoxLost
from sandbox.problems import Problem, load_problems
from sandbox.scoring.samples import FiledSample, ReadOptions, SamplesError, read_samples
from sandbox.scoring.scorefile import Summary, continued, read_kept, score_samples, still_to_score, write_row
from sandbox.values import Assumptions, Ending, Limits, Program, Run, Score, Verdict

LIMITS = Limits()
PROBLEMS = {"a": Problem(name="a", prompt="def f():\n", entry_point="f", tests="def check(c): assert c()")}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_both_forms_of_a_line_are_read_plain_or_packed(tmp_path: Path) -> None:
    rows = [{"task_id": "a", "completion": "    return 1"}, {"task_id": "a", "solution": "f = len", "extra": 1}]
    path = write(tmp_path / "s.jsonl", *rows)
    packed = tmp_path / "s.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, packed):
        first, second = read_samples(file, PROBLEMS, LIMITS)
        assert first.program.source == "def f():\n    return 1"
        assert second.program.source == "f = len"
        assert (first.line, second.line) == (1, 2)


def test_what_a_text_is_may_be_said_for_a_whole_file(tmp_path: Path) -> None:
    fenced = "```python\ndef f():\n    return 1\n```"
    rows = [{"task_id": "a", "completion": fenced}, {"task_id": "a", "solution": fenced}]
    path = write(tmp_path / "s.jsonl", *rows)
    for given, sources in [
        ("answer", ["def f():\n    return 1"] * 2),
        ("completion", ["def f():\n" + fenced] * 2),
        ("solution", [fenced] * 2),
        (None, ["def f():\n" + fenced, fenced]),
    ]:
        samples = list(read_samples(path, PROBLEMS, LIMITS, options=ReadOptions(given=given)))
        assert [one.program.source for one in samples] == sources
        assert [bool(one.extraction) for one in samples] == [given == "answer"] * 2


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"completion": "x"}, "task_id"),
        ({"task_id": "b", "completion": "x"}, "no problem is called 'b'"),
        (
            {"task_id": "a", "response": "x"},
            r"either .* has neither, but .task_id., .response.; rename .*sampler import",
        ),
        ({"problem_id": "a", "solution": "x"}, r"no object with a task_id, but .problem_id., .solution."),
        ({"task_id": "a", "completion": 3}, "either .* has completion 3"),
        ({"task_id": "a", "completion": "x", "solution": "y"}, "either .* has completion 'x' and solution 'y'"),
        ([1], "task_id, but a list; .* `sampler import`"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: object, complaint: str) -> None:
    path = write(tmp_path / "s.jsonl", {"task_id": "a", "completion": ""}, row)
    with pytest.raises(SamplesError, match=f"line 2.*{complaint}"):
        list(read_samples(path, PROBLEMS, LIMITS))


def test_a_sample_without_a_text_costs_itself_alone(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"task_id": "a", "completion": None}, {"task_id": "a", "solution": "x"}]
    rows += [{"task_id": "a", "solution": None}, {"task_id": "a", "error": "timeout"}]
    left_out: list[str] = []
    path = write(tmp_path / "s.jsonl", *rows)
    assert [
        one.line for one in read_samples(path, PROBLEMS, LIMITS, options=ReadOptions(left_out=left_out.append))
    ] == [2]
    assert [told.partition("s.jsonl, ")[2][:7] for told in left_out] == ["line 1:", "line 3:", "line 4:"]
    with pytest.raises(SamplesError, match=r"holds no samples.*left out: .*line 1: its text is null"):
        list(read_samples(write(tmp_path / "s.jsonl", rows[0]), PROBLEMS, LIMITS))


def test_a_sample_of_a_problem_without_tests_costs_itself_alone(tmp_path: Path) -> None:
    rows = [{"task_id": name, "completion": "x"} for name in ("a", "apps/0012", 12)]
    left_out: list[str] = []
    options = ReadOptions(left_out=left_out.append, untested=frozenset({"APPS/0012"}))
    path = write(tmp_path / "s.jsonl", *rows)
    assert [one.line for one in read_samples(path, PROBLEMS, LIMITS, options=options)] == [1]
    assert [told.partition("s.jsonl, ")[2] for told in left_out] == [
        f"line {line}: APPS/0012 has no test" for line in (2, 3)
    ]


def test_lines_that_are_no_samples_are_left_out_on_request(tmp_path: Path) -> None:
    rows: list[object] = [5, {"task_id": "b", "completion": "x"}, {"task_id": "a", "completion": 5}, {"task_id": True}]
    path = write(tmp_path / "s.jsonl", {"task_id": "a", "completion": "x"}, *rows)
    path.write_text(path.read_text("utf-8") + "{\n", encoding="utf-8")
    left_out: list[str] = []
    options = ReadOptions(skip_bad=True, left_out=left_out.append)
    assert [one.line for one in read_samples(path, PROBLEMS, LIMITS, options=options)] == [1]
    assert len(left_out) == 5


def test_a_broken_gz_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(gzip.compress(b"x" * 1000)[:-20])
    with pytest.raises(SamplesError, match=r"cannot read samples.*cut short or damaged"):
        list(read_samples(path, PROBLEMS, LIMITS))


def test_a_file_without_samples_is_not_scored_as_if_all_were_well(tmp_path: Path) -> None:
    for content in ("", "\n \n"):
        path = tmp_path / "s.jsonl"
        path.write_text(content)
        with pytest.raises(SamplesError, match=r"s\.jsonl holds no samples"):
            list(read_samples(path, PROBLEMS, LIMITS))


def test_what_is_packed_shows_in_the_contents_not_the_name(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.jsonl.gz", {"task_id": "a", "completion": "x"})
    packed = tmp_path / "packed.jsonl"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert [len(list(read_samples(path, PROBLEMS, LIMITS))) for path in (plain, packed)] == [1, 1]


class FakeScorer:
    """Judges by a word in the source, and counts how often it was asked."""

    boxes = 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    def limits_for(self, assumptions: Assumptions) -> Limits:
        return assumptions.limits(LIMITS, frozenset())

    def submit(self, program: Program) -> Future[Score]:
        self.asked.append(program.source)
        future: Future[Score] = Future()
        if "lost" in program.source:
            future.set_exception(BoxLost("a box is gone"))
        else:
            proved = "good" in program.source
            run = Run(
                ending=Ending.EXITED,
                exit_code=0,
                signal=None,
                cpu_s=0,
                wall_s=0,
                memory_mb=0,
                stdout=b"",
                stderr=b"",
                proved=proved,
            )
            future.set_result(Score(verdict=Verdict.PASSED if proved else Verdict.WRONG, run=run))
        return future


def filed(*sources: str) -> list[FiledSample]:
    return [
        FiledSample(line=n, problem="a", program=Program(source=source, tests=""), limits=LIMITS)
        for n, source in enumerate(sources, 1)
    ]


def test_equal_programs_run_once_and_every_line_gets_its_row() -> None:
    fake = FakeScorer()
    rows = list(score_samples(filed("good", "bad", "good", *["other"] * 200), fake))
    assert fake.asked == ["good", "bad", "other"]
    assert sorted(row["line"] for row in rows) == list(range(1, 204))
    assert {row["line"]: row["passed"] for row in rows if row["line"] < 4} == {1: True, 2: False, 3: True}


def test_only_what_is_equal_to_the_letter_shares_a_verdict() -> None:
    sources = [
        "a = 1",
        "a = 1\n",
        "a  = 1",
        "a = 1\r",
        "a = 1\0",
        "\ufeffa = 1",
        "é",
        "e\u0301",
        "K",
        "\u212a",
        "\ud800",
        "",
    ]
    fake = FakeScorer()
    list(score_samples(filed(*sources), fake))
    assert fake.asked == sources
    one, other = (
        FiledSample(line=1, problem="a", program=Program(source=source, tests=tests), limits=LIMITS)
        for source, tests in (("a\0b", "c"), ("a", "b\0c"))
    )
    assert one.digest != other.digest
    assert len(one.digest) == 32


def test_a_lost_box_leaves_a_sample_unscored_and_out_of_the_rate(tmp_path: Path) -> None:
    summary = Summary()
    rows = list(score_samples(filed("good", "lost"), FakeScorer()))
    for row in rows:
        summary.add(row)
    assert summary.unscored == 1
    assert summary.pass_at() == {1: 1.0}
    out = write(tmp_path / "out.jsonl", *rows)
    with continued(out) as (file, kept):
        assert list(kept) == [1], "an unscored line is scored again"
        with pytest.raises(SamplesError, match="another `sandbox score`"), continued(out):
            pass
        write_row(rows[0] | {"line": 2}, file)
    assert list(read_kept(out)) == [1, 2]


def test_pass_at_k_is_the_unbiased_estimate() -> None:
    summary = Summary()
    for passed in [True, True, False, False, False, *[False] * 5]:
        summary.add({"task_id": "a", "verdict": "x", "passed": passed})
    for _ in range(10):
        summary.add({"task_id": "b", "verdict": "x", "passed": True})
    assert summary.pass_at() == {1: pytest.approx((0.2 + 1) / 2), 10: 1.0}


@pytest.mark.parametrize("content", ["not json\n", '{"other": 1}\n', "[]\n", "a line without an end", '{"task'])
def test_a_file_that_is_no_output_of_ours_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "precious.txt"
    path.write_text(content)
    if b'{"task_id": '.startswith(content.encode()):
        assert read_kept(path) == {}, "our own line, cut off"
        return
    with pytest.raises(SamplesError, match="name another --out"):
        read_kept(path)
    assert path.read_text() == content


def test_results_under_other_limits_or_of_other_lines_are_refused(tmp_path: Path) -> None:
    samples = filed("good", "bad")
    rows = {row["line"]: row for row in score_samples(samples, FakeScorer())}
    assert still_to_score(samples, rows, tmp_path) == []
    other = [FiledSample(line=one.line, problem="a", program=one.program, limits=Limits(cpu_s=1)) for one in samples]
    for changed in (other, samples[:1], filed("bad", "good")):
        with pytest.raises(SamplesError, match="other samples, limits or options"):
            still_to_score(changed, rows, tmp_path)


def test_a_program_over_the_size_cap_costs_only_its_own_line() -> None:
    class Refusing(FakeScorer):
        def submit(self, program: Program) -> Future[Score]:
            if "huge" not in program.source:
                return super().submit(program)
            future: Future[Score] = Future()
            future.set_exception(ValueError("the program is too large"))
            return future

    rows = {row["line"]: row for row in score_samples(filed("good", "huge", "bad"), Refusing())}
    assert [rows[line]["verdict"] for line in (1, 2, 3)] == ["PASSED", None, "WRONG"]
    assert "too large" in rows[2]["unscored"]


def test_the_real_problems_make_programs_that_compile() -> None:
    for problem in load_problems("humaneval"):
        program = problem.complete(problem.canonical_solution or "")
        compile(program.source + problem.tests_as_code, problem.name, "exec")


def test_pass_at_k_is_told_for_what_every_problem_has_samples_for() -> None:
    summary = Summary()
    for name, samples in (("a", 3), ("b", 5)):
        for n in range(samples):
            summary.add({"task_id": name, "verdict": "PASSED" if n == 0 else "WRONG", "passed": n == 0})
    assert list(summary.pass_at()) == [1]
    assert summary.pass_at((1, 3, 4)) == {1: pytest.approx((1 / 3 + 1 / 5) / 2), 3: pytest.approx((1 + 3 / 5) / 2)}
    assert (summary.fewest, summary.most, summary.without_sample(["a", "c", "b", "d"])) == (3, 5, ["c", "d"])
