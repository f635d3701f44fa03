"""What the driver and its nodes send each other arrives as it was."""

import pickle
from dataclasses import replace

import pytest

from sandbox.cluster.messages import (
    MOST_SHEETS,
    BugOnNode,
    Fault,
    Sheet,
    SheetBook,
    bare,
    read_result,
    scored_tests,
    with_tests,
    write_result,
)
from sandbox.errors import EngineUnavailable, MachineBusy, SandboxError
from sandbox.inside import codec
from sandbox.scoring.collect_answers import ProgramAnswers
from sandbox.scoring.compiler import Executed
from sandbox.scoring.references import ReferenceFailed
from sandbox.values import (
    Answer,
    Assumptions,
    CallTest,
    CallTests,
    CheckTests,
    Comparison,
    Compilation,
    Ending,
    Flag,
    MemorySource,
    Program,
    Raised,
    Run,
    Score,
    Stage,
    StdinTest,
    StdinTests,
    Verdict,
)

RAISED = Raised(stage=Stage.TESTS, type="ValueError", message="\ud800 half a pair", line=3)
VALUES = [
    0,
    -(1 << 70),
    1.5,
    float("inf"),
    "text",
    b"bytes",
    [1, (2, {3: {4}})],
    None,
    True,
    complex(1, 2),
    frozenset({1}),
]
TESTS = CallTests(
    cases=tuple(
        CallTest(function="f", arguments=(number,), comparison=Comparison.EQUAL, expected=number) for number in range(3)
    ),
    source="assert f(0) == 0",
)


def answer(value: object) -> Answer:
    return Answer(value=value, data=codec.encode_answer(value, whole=True), arguments=b"a", exception=b"e")


RUN = Run(
    ending=Ending.EXITED,
    exit_code=0,
    cpu_s=0.25,
    wall_s=0.5,
    waited_s=0.125,
    memory_mb=3.5,
    memory_source=MemorySource.CGROUP,
    stdout=b"\xff\x00",
    proved=True,
    raised=RAISED,
    answers=(*map(answer, VALUES), Answer(raised=RAISED)),
    asked=(b"call",),
    digests=(b"digest",),
    missed=1,
    blamed=2,
    flags=frozenset({Flag.IDLE}),
)
SCORE = Score(
    verdict=Verdict.WRONG,
    run=RUN,
    passed_cases=1,
    cases=3,
    case=2,
    graded=RUN,
    runs={0: RUN, 2: RUN},
    raised=RAISED,
    flags=frozenset({Flag.IN_PROCESS}),
    selection=Score(verdict=Verdict.PASSED, run=RUN, tests=TESTS),
    tests=TESTS,
)


def test_what_a_compiler_made_stays_on_its_node_and_what_it_said_arrives() -> None:
    compiler = Run(ending=Ending.EXITED, stderr=b"warning", product=(("main", b"code"),))
    executed = Executed(run=RUN, compilation=Compilation(run=compiler, cached=True))
    came = sent(executed)
    assert (came.run, came.compilation.cached) == (RUN, True)
    assert came.compilation.run == replace(compiler, product=(("main", b""),))


def sent(result: object) -> object:
    """Return a result after the way that Ray takes it."""
    return read_result(pickle.loads(pickle.dumps(write_result(result), protocol=5)))


def test_a_score_arrives_whole_but_for_its_tests_which_come_once_for_each_sheet() -> None:
    came = sent(SCORE)
    assert came.tests is None
    assert came.selection.tests is None
    assert with_tests(came, *scored_tests(SCORE)) == SCORE


def test_the_bytes_behind_an_answer_arrive_with_it() -> None:
    came = sent(RUN)
    assert came == RUN
    assert [(one.data, one.arguments, one.exception) for one in came.answers] == [
        (one.data, one.arguments, one.exception) for one in RUN.answers
    ]


def test_answers_without_a_verdict_arrive() -> None:
    answered = ProgramAnswers(answers=(answer(3), None), cpu_s=0.5, wall_s=1.0, visits=2)
    assert sent(answered) == answered


@pytest.mark.parametrize("error", [MachineBusy("busy"), EngineUnavailable("gone"), SandboxError("else")])
def test_a_fault_of_ours_is_raised_as_what_it_was(error: SandboxError) -> None:
    came = sent(Fault.of(error)).error()
    assert (type(came), str(came)) == (type(error), str(error))


class Picky(SandboxError):
    """It is made of more than a message."""

    def __init__(self, *, what: str, where: str) -> None:
        super().__init__(f"{what} at {where}")


def test_a_fault_of_any_module_is_what_it_was_and_one_that_takes_no_message_keeps_its_words() -> None:
    assert type(sent(Fault.of(ReferenceFailed("no answer"))).error()) is ReferenceFailed
    for told in (sent(Fault.of(Picky(what="x", where="y"))), Fault("OfANewerVersion", "x at y")):
        assert (type(told.error()), str(told.error())) == (SandboxError, "x at y")


def test_tests_are_the_same_only_if_all_their_parts_are() -> None:
    def call(expected: object, text: str = "t") -> CallTests:
        case = CallTest(function="f", arguments=(1,), comparison=Comparison.EQUAL, expected=expected)
        return CallTests(cases=(case,), source=text)

    def code(**more: str) -> CheckTests:
        return CheckTests(**{"source": "assert f() == Y", "functions": ("f",), **more})

    different = [call(1), call(True), call(1.0), call(1, "other"), code(), code(prelude="Y = 1"), code(solution="s")]
    different += ["assert f()", None, StdinTests(cases=(StdinTest(stdin=b"", expected=b"1"),))]
    pairs = [(one, None) for one in different] + [(None, one) for one in different] + [(call(1), call(2))]
    book = SheetBook()
    numbers = [book.of(Program(source="x", tests=tests, selection=other)).number for tests, other in pairs]
    assert len(set(numbers)) == len(pairs) - 1, "nothing at all is there twice"
    again = [
        book.of(Program(source="y", tests=copied(tests), selection=copied(other))).number for tests, other in pairs
    ]
    assert again == numbers


def copied(tests: object) -> object:
    return pickle.loads(pickle.dumps(tests))


def test_a_sheet_that_was_forgotten_is_no_longer_there_and_what_cannot_be_read_is_a_fault() -> None:
    book = SheetBook()
    for number in range(2 * MOST_SHEETS + 1):
        book.of(Program(source="", tests=f"assert {number}"))
    assert len(book.forget(lambda: {2})) == MOST_SHEETS - 1
    assert (book.get(1), book.get(2).number) == (None, 2)
    assert isinstance(read_result(("score", (1, 2))), Fault)


def test_a_bug_on_a_node_is_no_fault_of_the_machine() -> None:
    came = sent(Fault.of(KeyError("x"))).error()
    assert isinstance(came, BugOnNode)
    assert "KeyError" in str(came)


def test_a_sheet_makes_the_program_again_and_leaves_behind_what_its_tests_have_computed() -> None:
    program = Program(source="def f(x): return x", tests=TESTS, assumptions=Assumptions(recursion_limit=200))
    assert TESTS.calls is not None  # computed and kept
    sheet = pickle.loads(pickle.dumps(Sheet.of(program).bare()))
    assert sheet.program(program.source) == program
    assert "calls" not in vars(sheet.template.tests)
    assert bare("text") == "text"
