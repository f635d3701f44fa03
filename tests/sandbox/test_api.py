"""What other programs import: scores and rewards."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

import sandbox
from sandbox import (
    Pool,
    Problem,
    Verdict,
    load_problems,
    read_problem,
    reward,
    reward_async,
    score,
    trl_reward,
    verl_reward,
)
from sandbox.boxes.container_config import LABEL, LABEL_OWNER
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.ownership import Owner
from sandbox.errors import BoxLost, SandboxError
from sandbox.values import CheckTests, Ending, Program, Run, Score

RIGHT, WRONG = "    return a + b\n", "    return a - b\n"


@pytest.fixture(scope="module")
def problem() -> Problem:
    row = {"task_id": "add", "prompt": "def add(a, b):\n", "entry_point": "add"}
    return read_problem({**row, "tests": [{"arguments": [1, 2], "expected": 3}]})


class LosesSome:
    """A pool some of whose boxes are lost, over one that is whole."""

    def __init__(self, whole: Pool) -> None:
        self.whole = whole
        self.asked: list[str] = []

    def submit(self, program: Program) -> Future[Score]:
        self.asked.append(program.source)
        if "lose me" not in program.source:
            return self.whole.submit(program)
        lost: Future[Score] = Future()
        lost.set_exception(BoxLost("a box went away"))
        return lost


class Judges:
    """A pool that passes programs that add, and loses its box over one that says so; it counts how often it opens."""

    def __init__(self) -> None:
        self.opened = 0
        self.asked: list[Program] = []

    def __call__(self) -> Judges:
        self.opened += 1
        return self

    def submit(self, program: Program, **_: object) -> Future[Score]:
        done: Future[Score] = Future()
        self.asked.append(program)
        if "lose me" in program.source:
            done.set_exception(BoxLost("a box went away"))
        else:
            run = Run(
                ending=Ending.EXITED,
                exit_code=0,
                signal=None,
                cpu_s=0.01,
                wall_s=0.02,
                memory_mb=9.0,
                stdout=b"",
                stderr=b"",
                proved=True,
                raised=None,
            )
            done.set_result(Score(verdict=Verdict.PASSED if "a + b" in program.source else Verdict.WRONG, run=run))
        return done


def test_trl_calls_its_reward_function_with_columns_and_values_of_its_own(problem: Problem) -> None:
    pool = Judges()
    function = trl_reward([problem], pool)
    completions = [
        [{"role": "assistant", "content": f"```python\ndef add(a, b):\n{body}```"}]
        for body in (RIGHT, WRONG, RIGHT + "# lose me\n")
    ]
    told = function(
        prompts=["p"] * 3,
        completions=completions,
        completion_ids=[[1], [2], [3]],
        task_id=["add"] * 3,
        trainer_state=object(),
        log_extra=print,
    )
    assert told == [1.0, 0.0, None]
    assert pool.opened == 1
    assert function.__name__ == "tests_passed", "the trainer logs a reward under its function's name"
    with pytest.raises(TypeError, match="no column 'task_id'"):
        function(prompts=["p"], completions=[RIGHT])
    with pytest.raises(ValueError, match="no problem is called 'sub'"):
        function(prompts=["p"], completions=[RIGHT], task_id=["sub"])


def test_a_row_of_another_task_has_no_reward_and_every_row_has_a_name_or_none(problem: Problem) -> None:
    pool = Judges()
    function = trl_reward([problem], pool)
    told = function(prompts=[""] * 3, completions=[RIGHT, "42", WRONG], task_id=["add", None, "add"], answer=[1, 2, 3])
    assert told == [1.0, None, 0.0]
    assert function(prompts=[""], completions=["42"], task_id=[None]) == [None]
    assert len(pool.asked) == 2
    with pytest.raises(ValueError, match="2 completions, but 1 names in the column 'task_id'"):
        function(prompts=["", ""], completions=[RIGHT, WRONG], task_id=["add"])
    with pytest.raises(ValueError, match="no problem is called \\['add'\\]"):
        function(prompts=[""], completions=[RIGHT], task_id=[["add"]])


def test_what_a_plain_text_is_can_be_said_to_both_trainers(problem: Problem) -> None:
    chatty = f"Sure:\n```python\ndef add(a, b):\n{RIGHT}```"
    goes_on = RIGHT + "\ndef next_one():\n    it's"
    asked: dict[str, Any] = {"prompts": [""] * 3, "completions": [RIGHT, chatty, goes_on], "task_id": ["add"] * 3}
    judges = Judges()
    trl_reward([problem], judges)(**asked)
    assert [program.source for program in judges.asked[1:]] == [
        problem.complete(text).source for text in (chatty, goes_on)
    ]
    judges = Judges()
    trl_reward([problem], judges, given="answer")(**{**asked, "completions": [chatty] * 3})
    verl_reward([problem], judges)("mine", chatty, "add")
    assert {program.source.strip() for program in judges.asked} == {f"def add(a, b):\n{RIGHT}".strip()}
    judges = Judges()
    trl_reward([problem], judges, given="raw")(**asked)
    verl_reward([problem], judges, given="raw")("mine", goes_on, "add")
    assert not any("next_one" in program.source for program in judges.asked)
    for adapter in (trl_reward, verl_reward):
        with pytest.raises(ValueError, match="given is 'chat'; there are"):
            adapter([problem], judges, given="chat")


def test_the_answer_of_an_agent_is_what_the_assistant_wrote_last(problem: Problem) -> None:
    asks = {"role": "assistant", "tool_calls": [{"function": {"name": "run", "arguments": {}}}]}
    tool = {"role": "tool", "name": "run", "content": f"def add(a, b):\n{RIGHT}"}
    answers = {"role": "assistant", "content": f"```python\ndef add(a, b):\n{RIGHT}```"}
    chats = [
        [asks, tool, answers],
        [answers, tool],
        [asks, tool],
        [{**asks, "content": None}],
        [tool, {**asks, "content": []}],
    ]
    assert trl_reward([problem], Judges())(prompts=[""] * 5, completions=chats, task_id=["add"] * 5) == [1, 1, 0, 0, 0]
    for wrong in ([tool], [{"role": "user", "content": RIGHT}], ["add"], [None], 5):
        with pytest.raises(TypeError, match="whose last of the assistant has a text"):
            reward([wrong], problem, pool=Judges())  # type: ignore[list-item, arg-type]


def test_threads_that_ask_at_the_same_time_open_one_pool(problem: Problem) -> None:
    begun = threading.Barrier(4)
    judges = Judges()

    @cache
    def pool() -> Judges:
        judges()
        with suppress(threading.BrokenBarrierError):
            begun.wait(0.2)  # passes at once where four threads open at the same time
        return judges

    function = verl_reward([problem], pool)  # type: ignore[arg-type]
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(function, "mine", f"```python\ndef add(a, b):\n{RIGHT}```", "add") for _ in range(4)]
        assert [call.result() for call in calls] == [1.0] * 4
    assert judges.opened == 1


def test_the_batch_manager_of_verl_gets_a_list(problem: Problem) -> None:
    judges = Judges()
    function = verl_reward([problem], judges)
    answers = [f"```python\ndef add(a, b):\n{body}```" for body in (RIGHT, WRONG)]
    batch = {"data_sources": ["mine"] * 2, "ground_truths": ["add"] * 2, "extra_infos": [{}, None]}
    assert function(**batch, solution_strs=answers, reward_router_address="x") == [1.0, 0.0]
    assert judges.opened == 1
    with pytest.raises(SandboxError, match="'add' could not be judged"):
        function(**batch, solution_strs=[answers[0], answers[0].replace("```python", "```python\n# lose me")])
    with pytest.raises(TypeError, match="solution_str is missing"):
        function(data_source="mine", ground_truth="add")
    with pytest.raises(ValueError, match="no problem is called None"):
        function("mine", answers[0], None)


def test_verl_calls_its_reward_function_by_names_and_gets_a_number_or_an_error(problem: Problem) -> None:
    function = verl_reward({"add": problem}, Judges())

    def call(body: str) -> float:
        return function(
            data_source="mine",
            solution_str=f"Sure:\n```python\ndef add(a, b):\n{body}```",
            ground_truth="add",
            extra_info={"num_turns": 1},
            reward_router_address=None,
            reward_model_tokenizer=None,
        )

    assert [call(RIGHT), call(WRONG)] == [1.0, 0.0]
    assert function("mine", "def add(a, b):\n" + RIGHT, "add") == 1.0
    with pytest.raises(SandboxError, match="'add' could not be judged"):
        call(RIGHT + "# lose me\n")


def test_importing_the_package_imports_no_docker() -> None:
    code = "import sandbox, sys; print('docker' in sys.modules, 'requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("completions", "told"),
    [
        ("    return a + b", "hand over a list of them"),
        ([None], "not None"),
        ([[{"role": "assistant"}]], "whose last of the assistant has a text as content"),
        ([[]], "not []"),
        ([RIGHT, [{"role": "assistant", "content": None}]], "completions[1]: a completion is a text"),
        (
            [[{"content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}]],
            "[0]: part 1 of its content holds no text",
        ),
        ([[{"content": [{"type": "text", "text": 5}]}]], "completions[0]: part 0 of its content holds no text"),
    ],
)
def test_what_is_no_completion_is_an_error_and_no_zero(problem: Problem, completions: object, told: str) -> None:
    for asked in (reward, score):
        with pytest.raises(TypeError, match=re.escape(told)):
            asked(completions, problem, pool=LosesSome(None))  # type: ignore[arg-type]


def test_an_equal_text_in_another_language_is_another_program() -> None:
    python = read_problem({"task_id": "three", "prompt": "Print 3.", "tests": [{"stdin": "", "stdout": "3\n"}]})
    pool = Judges()
    texts = ["print(3)", "print(3)", "print(3)"]
    reward(texts, [python, python.in_language("lua"), python], pool=pool)  # type: ignore[arg-type]
    assert [program.language for program in pool.asked] == ["python", "lua"]


def test_an_equal_text_of_a_problem_whose_tests_differ_in_more_than_their_text_is_another_program() -> None:
    usual = read_problem({"task_id": "three", "prompt": "Print 3.", "tests": [{"stdin": "", "stdout": "3\n"}]})
    problems = [
        replace(usual, given=CheckTests(source="assert f() == Y", functions=("f",), prelude=f"Y = {number}"))
        for number in (1, 2, 1)
    ]
    pool = Judges()
    reward(["x", "x", "x", "x"], [problems[0], problems[1], problems[0], problems[2]], pool=pool)  # type: ignore[arg-type]
    asked = [program.tests for program in pool.asked]
    assert [tests.prelude for tests in asked if isinstance(tests, CheckTests)] == ["Y = 1", "Y = 2", "Y = 1"]


@pytest.mark.parametrize("wrong", ["HumanEval/53", ["HumanEval/53"], [{"task_id": "add"}]])
def test_what_is_no_problem_is_an_error_that_says_where_problems_come_from(wrong: object) -> None:
    with pytest.raises(TypeError, match="as load_problems returns them"):
        reward([RIGHT], wrong, pool=LosesSome(None))  # type: ignore[arg-type]


def test_every_public_name_is_there_and_a_wrong_one_is_an_error() -> None:
    assert all(getattr(sandbox, name) is not None for name in sandbox.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'scores'"):
        _ = sandbox.scores  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def pool(engine: DockerClient) -> Iterator[Pool]:
    assert engine is not None
    with Pool(boxes=1) as opened:
        yield opened


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
class TestWithBoxes:
    def test_completions_are_scored_in_their_order(self, pool: Pool, problem: Problem) -> None:
        scored = score([WRONG, RIGHT, "    return 1 +\n", RIGHT], problem, pool=pool)
        assert [one.verdict for one in scored] == [Verdict.WRONG, Verdict.PASSED, Verdict.SYNTAX, Verdict.PASSED]

    def test_solutions_stand_alone(self, pool: Pool, problem: Problem) -> None:
        (scored,) = score(["add = lambda a, b: a + b"], problem, pool=pool, given="solution")
        assert scored.verdict is Verdict.PASSED

    def test_a_pool_is_opened_and_closed_for_one_call(self, problem: Problem) -> None:
        assert [one.verdict for one in score([RIGHT], problem)] == [Verdict.PASSED]

    def test_partial_credit_is_the_share_of_tests_and_an_endless_loop_costs_one_limit(self, pool: Pool) -> None:
        called = read_problem(
            {
                "task_id": "double",
                "prompt": "def f(n):\n",
                "entry_point": "f",
                "tests": [{"arguments": [n], "expected": 2 * n} for n in range(4)],
            }
        )
        few = ["    return 2 * n\n", "    return n if n == 3 else 2 * n\n", "    return 0\n", "    raise ValueError\n"]
        assert reward(few, called, pool=pool, partial=True) == [1.0, 0.75, 0.25, 0.0]
        assert reward(few, called, pool=pool) == [1.0, 0.0, 0.0, 0.0]
        cases = [{"stdin": f"{'9' * n}\n", "stdout": f"{n}\n"} for n in range(1, 9)]
        printed = read_problem({"task_id": "length", "prompt": "Print the length.", "tests": cases}).assuming(
            {"cpu_s": 0.3, "wall_s": 5.0}
        )
        programs = [
            "print(len(input()))",
            "print(min(4, len(input())))",
            "n = len(input())\nwhile n > 2: pass\nprint(n)",
        ]
        assert reward(programs, printed, pool=pool, partial=True, given="solution") == [1.0, 0.5, 0.25]
        looped = pool.submit(printed.solve(programs[2]), every_case=True).result()
        assert (looped.verdict, len(looped.runs or {})) == (Verdict.TIMEOUT, 3)

    async def test_rewards_can_be_awaited_many_at_a_time(self, pool: Pool, problem: Problem) -> None:
        asked = [reward_async([RIGHT, WRONG], problem, pool=pool) for _ in range(20)]
        assert await asyncio.gather(*asked) == [[1.0, 0.0]] * 20
        lost = await reward_async(["lose me", RIGHT], problem, pool=LosesSome(pool))  # type: ignore[arg-type]
        assert lost == [None, 1.0]

    def test_a_reward_is_one_or_zero_and_none_where_we_could_not_tell(self, pool: Pool, problem: Problem) -> None:
        losing = LosesSome(pool)
        texts = [RIGHT, WRONG, "    return a + b  # lose me\n", RIGHT]
        assert reward(texts, problem, pool=losing) == [1.0, 0.0, None, 1.0]
        assert len(losing.asked) == 3, "equal programs run once"

    def test_our_fault_is_an_exception_of_score(self, pool: Pool, problem: Problem) -> None:
        with pytest.raises(SandboxError, match="went away"):
            score(["    return 0  # lose me\n"], problem, pool=LosesSome(pool))

    def test_each_completion_may_have_its_own_problem_and_be_a_chat(self, pool: Pool, problem: Problem) -> None:
        other = load_problems("humaneval")[0]
        chats = [
            [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}] for text in (RIGHT, "    pass\n")
        ]
        assert reward(chats, [problem, other], pool=pool) == [1.0, 0.0]
        with pytest.raises(ValueError, match="2 completions of 1 problems"):
            reward(chats, [problem], pool=pool)

    def test_the_last_message_of_a_chat_is_an_answer_and_a_text_is_not(self, pool: Pool, problem: Problem) -> None:
        fenced = "<think>hm</think>Sure!\n```python\ndef add(a, b):\n    return a + b\n```\n"
        parts = [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": fenced[:30]},
            {"text": fenced[30:]},
            {"type": "tool_use", "name": "run", "input": {}},
        ]
        chats = [[{"role": "assistant", "content": content}] for content in (fenced, parts, RIGHT)]
        assert reward([*chats, fenced, RIGHT], problem, pool=pool) == [1.0, 1.0, 1.0, 0.0, 1.0]
        assert reward([fenced], problem, pool=pool, given="answer") == [1.0]
        assert reward([chats[0]], problem, pool=pool, given="solution") == [0.0]
        with pytest.raises(ValueError, match="given is 'chat'; there are answer, completion, solution"):
            reward([fenced], problem, pool=pool, given="chat")  # type: ignore[arg-type]


def test_no_boxes_are_refused_before_anything_is_opened() -> None:
    for boxes in (0, -1, 513):
        with pytest.raises(ValueError, match=f"boxes must be between 1 and 512.*not {boxes}"):
            Pool(boxes=boxes)


@pytest.mark.docker
def test_a_pool_that_nobody_closes_ends_quietly_with_its_process(engine: DockerClient) -> None:
    source = (
        "from sandbox import Pool, read_problem, score\n"
        "problem = read_problem({'task_id': 't', 'prompt': 'Say 1.', 'tests': [{'stdin': '', 'stdout': '1'}]})\n"
        "pool = Pool(boxes=1)\n"
        "print(score(['print(1)', '1 / 0'], problem, pool=pool))\n"
    )
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=300)
    assert re.fullmatch(r"\[<Score PASSED, .*CPU>, <Score ERROR, 'ZeroDivisionError: .*>\]\n", ran.stdout)
    assert ran.stderr == ""
    owners = [Owner.parse(found.labels[LABEL_OWNER]) for found in engine.containers(LABEL)]
    assert not [owner for owner in owners if owner is not None and owner.is_gone()]
