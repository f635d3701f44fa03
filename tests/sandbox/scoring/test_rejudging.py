"""Verdicts made anew from what was stored, without a box."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.boxes.result_decoder import read_claims
from sandbox.inside import codec, wire
from sandbox.judging import judge, score_records
from sandbox.judging.score_records import (
    Facts,
    FactsError,
    NotEnough,
    Unreadable,
    facts_of,
    pack,
    packed,
    rejudge,
    unpack,
)
from sandbox.problems import ChosenTests, load_problems
from sandbox.scoring.references import ReferenceFailed, References
from sandbox.scoring.samples import SamplesError, read_samples
from sandbox.scoring.scorefile import Changes, Row, Summary, read_kept, read_rows, rejudged, score_samples, write_rows
from sandbox.scoring.scorer import Scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import (
    OUTPUT_RULES,
    Answer,
    CallTest,
    CallTests,
    Comparison,
    Ending,
    Flag,
    Limits,
    MemorySource,
    Program,
    Raised,
    Run,
    Stage,
    StdinTest,
    StdinTests,
    Verdict,
)

PLUS: dict[str, Any] = {
    "task_id": "HumanEval/0", "prompt": "def f(x):\n", "canonical_solution": "    return x / 3\n", "entry_point": "f",
    "base_input": [[1]], "plus_input": [[2], [3.5]], "atol": 0,
}  # fmt: skip
STDIN = {"problem_id": "1", "question": "Double it.", "solutions": "[]",
         "input_output": json.dumps({"inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"]})}  # fmt: skip
CODE = {
    "task_id": "T/0",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x + 1\n",
    "test": "def check(candidate):\n    for n in range(3):\n        assert candidate(n) == n + 1\n",
    "example_test": "def check(candidate):\n    assert candidate(1) == 2\n",
}
CASES = [
    (PLUS, ["    return x / 3\n", "    return x\n", "    return x / 3 if x == 1 else 0\n", "    return (\n"]),
    (CODE, ["    return x + 1\n", "    return 2\n", "    return [].pop()\n", "    while True: pass\n"]),
    (
        STDIN,
        ["print(2 * int(input()))", "print(2)", "print(2 * int(input())); raise SystemExit(3)", "print('x' * 10**7)"],
    ),
]


def scored_rows(
    tmp_path: Path, scorer: Scorer, row: dict[str, Any], texts: list[str]
) -> tuple[Path, list[Row], ScoringOptions]:
    problems, samples = tmp_path / "problems.jsonl", tmp_path / "samples.jsonl"
    problems.write_text(json.dumps(row) + "\n", encoding="utf-8")
    known = {problem.name: problem for problem in load_problems(problems)}
    name = next(iter(known))
    samples.write_text(
        "".join(json.dumps({"task_id": name, "completion": text}) + "\n" for text in texts), encoding="utf-8"
    )
    options = ScoringOptions(kept=tmp_path / "references")
    filed = read_samples(samples, known, Limits(), ChosenTests.BOTH)
    return problems, list(score_samples(filed, Scorer(scorer.pool, options))), options


@pytest.mark.docker
@pytest.mark.parametrize(("row", "texts"), CASES)
def test_the_same_judge_says_the_same_again(
    tmp_path: Path, scorer: Scorer, row: dict[str, Any], texts: list[str]
) -> None:
    problems, rows, options = scored_rows(tmp_path, scorer, row, [*texts, texts[0]])
    write_rows(rows, tmp_path / "out.jsonl")
    known = {problem.name: problem for problem in load_problems(problems)}
    rows_anew = list(rejudged(read_rows(tmp_path / "out.jsonl"), known, References(options.kept)))
    assert [old for old, _, _ in rows_anew] == [new for _, new, _ in rows_anew]
    assert len({old["verdict"] for old, _, _ in rows_anew}) > 1
    assert [old["verdict"] for old, _, _ in rows_anew if "same_as" in old] == ["PASSED"]


@pytest.mark.docker
def test_a_mended_expectation_changes_verdicts_without_a_box(tmp_path: Path, scorer: Scorer) -> None:
    row = CODE | {"test": "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 4\n"}
    problems, rows, options = scored_rows(tmp_path, scorer, row, ["    return x + 1\n", "    return 2 * x\n"])
    assert sorted(one["verdict"] for one in rows) == ["PASSED", "WRONG"]
    mended = row | {"test": row["test"].replace("== 4", "== 3")}
    problems.write_text(json.dumps(mended), encoding="utf-8")
    known = {problem.name: problem for problem in load_problems(problems)}
    changes = Changes()
    anew = list(changes.counted(rejudged(rows, known, References(options.kept))))
    assert {one["line"]: one["verdict"] for one in anew} == {1: "PASSED", 2: "WRONG"}
    assert changes.moved == {("WRONG", "PASSED"): 1, ("PASSED", "WRONG"): 1}


@pytest.mark.docker
def test_answers_that_were_not_kept_are_named(tmp_path: Path, scorer: Scorer) -> None:
    problems, rows, _ = scored_rows(tmp_path, scorer, PLUS, ["    return 1\n"])
    known = {problem.name: problem for problem in load_problems(problems)}
    with pytest.raises(ReferenceFailed, match="sandbox problems FILE --check"):
        list(rejudged(rows, known, References(tmp_path / "elsewhere")))


RUN = Run(
    ending=Ending.EXITED,
    exit_code=0,
    signal=None,
    cpu_s=0.5,
    wall_s=1.0,
    memory_mb=3.0,
    stdout=b"\0\xff",
    stderr=b"",
    proved=True,
    answers=(Answer(value=[1, "é"], data=codec.encode([1, "é"])),),
)
FACTS = Facts(limits=Limits(cpu_s=7), run=RUN, runs={3: RUN}, selection=Facts(limits=Limits(), run=RUN, graded=RUN))


def test_facts_survive_being_packed() -> None:
    assert unpack(pack(FACTS)) == FACTS


RAISED = Raised(stage=Stage.TESTS, type="Ünknown", message="\ud800\0", line=7)
EVERYTHING = Run(
    ending=Ending.SIGNALLED,
    exit_code=3,
    signal=9,
    cpu_s=0.25,
    wall_s=1.5,
    waited_s=0.5,
    memory_mb=7.5,
    memory_source=MemorySource.SAMPLED,
    stdout=b"\0\xff",
    stderr=b"x",
    proved=True,
    raised=RAISED,
    answers=(Answer(value={"a": [1]}, data=codec.encode({"a": [1]})), Answer(raised=RAISED)),
    missed=4,
    blamed=5,
    flags=frozenset(Flag),
    points=0.5,
    said="ö" * 3,
)


def test_every_field_of_a_run_survives_being_packed() -> None:
    usual = Run(
        ending=Ending.EXITED,
        exit_code=None,
        signal=None,
        cpu_s=0.0,
        wall_s=0.0,
        memory_mb=0.0,
        stdout=b"",
        stderr=b"",
        proved=False,
    )
    same = [item.name for item in fields(Run) if getattr(EVERYTHING, item.name) == getattr(usual, item.name)]
    # What a grader box asks is answered and never kept; files that come back decide no verdict.
    assert same == ["asked", "digests", "product", "fetched"]
    told = unpack(pack(Facts(limits=Limits(), run=EVERYTHING, in_process=True, calls="x", graded=EVERYTHING)))
    assert (told.run, told.graded, told.in_process, told.calls) == (EVERYTHING, EVERYTHING, True, "x")


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
CLAIM = st.fixed_dictionaries(
    {},
    optional={
        "stage": st.sampled_from([*map(str, Stage)]) | ANYTHING,
        "type": st.text(max_size=9) | ANYTHING,
        "message": st.text(max_size=9) | ANYTHING,
        "line": st.sampled_from([0, 1, 2**31, 2**31 + 1, -1, True]) | ANYTHING,
        "call": st.sampled_from([0, 1, True]) | ANYTHING,
        "raised": ANYTHING,
        "value": st.just(b"i1") | ANYTHING,
        "sizes": st.just(b"\0\0\0\1") | ANYTHING,
        "values": ANYTHING,
        "asked": ANYTHING,
        "missed": ANYTHING,
        "blamed": ANYTHING,
    },
)


@given(st.lists(CLAIM, max_size=4))
def test_whatever_a_program_claims_can_be_read_again(said: list[dict[str, Any]]) -> None:
    claims = read_claims(b"".join(wire.frame(wire.encode(one)) for one in said), "proof", 3)
    run = replace(
        RUN,
        proved=False,
        raised=claims.raised,
        answers=tuple(claims.answers),
        missed=claims.missed,
        blamed=claims.blamed,
    )
    assert unpack(pack(Facts(limits=Limits(), run=run))).run == run


def test_output_that_turns_out_right_is_not_enough_where_other_inputs_were_never_tried() -> None:
    cases = (StdinTest(stdin=b"1", expected=b"YES"), StdinTest(stdin=b"2", expected=b"NO"))
    strict, lax = (StdinTests(cases=cases, rule=OUTPUT_RULES[rule]) for rule in ("tokens", "nocase"))
    tried = Facts(limits=Limits(), run=RUN, runs={0: replace(RUN, stdout=b"Yes")})
    assert rejudge(tried, strict).verdict is Verdict.WRONG
    with pytest.raises(NotEnough, match="no other input was tried"):
        rejudge(tried, lax)
    both = replace(tried, runs={0: replace(RUN, stdout=b"Yes"), 1: replace(RUN, stdout=b"no")})
    assert rejudge(both, lax).verdict is Verdict.PASSED
    with pytest.raises(Unreadable):
        rejudge(replace(tried, runs={}), lax)


@pytest.mark.parametrize(
    "changed",
    [
        {"line": []},
        {"line": True},
        {"task_id": 1},
        {"verdict": []},
        {"same_as": {}},
        {"explanation": None},
        {"digest": 0},
    ],
)
def test_a_file_that_somebody_else_wrote_is_refused_or_read(changed: dict[str, Any], tmp_path: Path) -> None:
    row = {"task_id": "HumanEval/0", "line": 1, "digest": "d", "verdict": "PASSED"}
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps(row | changed) + "\n", encoding="utf-8")
    with suppress(SamplesError):
        known = {problem.name: problem for problem in load_problems("humaneval")}
        summary = Summary()
        for _, new, _ in rejudged(read_rows(path), known, References()):
            summary.add(new)
        assert summary.pass_at() == {1: 0.0}
        assert list(read_kept(path)) == [1]


def test_facts_that_could_not_be_read_again_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    scored = judge.score(replace(RUN, stdout=b"0" * 100_000), Program(source=""), Limits())
    assert packed(scored, Limits()) is not None
    monkeypatch.setattr(score_records, "MAX_UNPACKED", 100_000)
    assert packed(scored, Limits()) is None


def test_a_row_that_cannot_be_read_costs_itself_alone() -> None:
    (problem, *_) = load_problems("humaneval")
    scored = judge.score(replace(RUN, proved=False, answers=()), Program(source="", tests=problem.checked_by), Limits())
    good = pack(facts_of(replace(scored, tests=problem.checked_by), Limits()))
    spoilt = pack(Facts(limits=Limits(), run=replace(RUN, raised=replace(RAISED, line=True))))
    kept = [good, spoilt, b"garbage", good]
    rows: list[Row] = [
        {
            "task_id": problem.name,
            "line": line,
            "digest": "d",
            "verdict": "PASSED",
            "tests": "judge",
            "facts": base64.b64encode(data).decode("ascii"),
        }
        for line, data in enumerate(kept, 1)
    ]
    changes = Changes()
    anew = list(changes.counted(rejudged([*rows, rows[0] | {"facts": "é"}], {problem.name: problem}, References())))
    assert [row["verdict"] for row in anew] == ["EARLY_EXIT", "PASSED", "PASSED", "EARLY_EXIT", "PASSED"]
    assert [told.partition(":")[0] for told in changes.unreadable] == [
        f"line {line} (HumanEval/0)" for line in (2, 3, 1)
    ]


@given(st.binary(max_size=200))
def test_bytes_that_are_no_facts_are_refused(data: bytes) -> None:
    with pytest.raises(FactsError):
        unpack(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told | {"format": 99},
        lambda told: told | {"run": None},
        lambda told: told | {"limits": {}},
        lambda told: told | {"run": told["run"] | {"proved": 1}},
        lambda told: told | {"run": told["run"] | {"ending": "won"}},
        lambda told: told | {"run": told["run"] | {"answers": [[None, b"garbage"]]}},
        lambda told: told | {"runs": [["3", told["run"]]]},
    ],
)
def test_facts_of_the_wrong_kind_are_refused(spoil: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    told: Any = wire.decode(zlib.decompress(pack(FACTS)))
    with pytest.raises(FactsError):
        unpack(zlib.compress(wire.encode(spoil(told))))


def test_a_score_without_evidence_stays_without_it() -> None:
    problem = load_problems("humaneval")[0]
    assert isinstance(problem.checked_by, CallTests)
    scored = replace(judge.score(replace(RUN, proved=False), problem.solve(""), Limits()), tests=problem.checked_by)
    assert rejudge(unpack(pack(facts_of(scored, Limits()))), problem.checked_by).verdict is Verdict.EARLY_EXIT


def test_answers_to_other_calls_are_not_judged() -> None:
    first, second = load_problems("humaneval")[:2]
    assert isinstance(first.checked_by, CallTests)
    scored = replace(judge.score(RUN, first.solve(""), Limits()), tests=first.checked_by)
    with pytest.raises(FactsError, match="belong to other calls"):
        rejudge(facts_of(scored, Limits()), second.checked_by)


def test_first_answers_that_turn_out_right_are_not_enough() -> None:
    case = CallTest(function="f", arguments=(1,), comparison=Comparison.EQUAL, expected=[1, "é"])
    tests = CallTests(cases=(case, replace(case, arguments=(2,))), source="")
    scored = replace(judge.score(RUN, Program(source="", tests=tests), Limits()), tests=tests)
    with pytest.raises(NotEnough, match="no more were asked for"):
        rejudge(facts_of(scored, Limits()), tests)
