"""The Python API for other programs: a pool of warm boxes, scores for completions, rewards for a trainer.

    from sandbox import Pool, load_problems, score

    with Pool() as pool:
        for scored in score(completions, load_problems("humaneval")[0], pool=pool):
            print(scored.verdict)

`sandbox.ClusterPool` is the same on the nodes of a Ray cluster.

`given` says what the texts are: an "answer" of a chat, in which code is looked for (`sandbox.extraction`); a
"completion" of the problem's prompt or a complete "solution", both executed as they are; or a "raw" completion, which
is cut first. Without `given`, the messages of a chat are answers and texts are completions.

A score is always a verdict over what the program did. Where a program could not be judged because of a fault of ours,
`score` raises and `reward` returns None: counting it as 0 would teach a model that it was wrong. Equal programs of a
problem run once.
"""

from __future__ import annotations

import asyncio
import reprlib
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, nullcontext, suppress
from types import TracebackType
from typing import Any, NoReturn, Self

from sandbox.cluster.pool import ClusterPool
from sandbox.errors import SandboxError
from sandbox.extraction import TEXT_KINDS, TextKind, extract
from sandbox.problems import Problem
from sandbox.scoring.scorer import open_scorer
from sandbox.scoring.strategy import ScoringOptions
from sandbox.values import Limits, Program, Score, Verdict

Message = Mapping[str, object]  # of a chat: its `content` is a text, or a list of parts
_TEXTS = frozenset({None, "text", "output_text", "input_text"})  # types of parts that hold a text
_BESIDE_TEXT = ("tool_calls", "function_call", "refusal", "reasoning", "reasoning_content", "thinking")  # of a message
_PASSED_OVER = frozenset({"thinking", "redacted_thinking", "reasoning", "refusal", "tool_use", "tool_call"})


class Pool:
    """Warm boxes: one for each core, or as many as `boxes` says.

    A pool is a context manager: leaving it removes every container. So does `close`, and the end of the process. A pool
    belongs to the process that opened it: in a fork, using it raises PoolInOtherProcess (a SandboxError).
    """

    def __init__(
        self, limits: Limits | None = None, *, boxes: int | None = None, options: ScoringOptions | None = None
    ) -> None:
        """Open the boxes, and build a missing image; on failure raise SandboxError and leave nothing behind."""
        with ExitStack() as opening:
            self._scorer = opening.enter_context(open_scorer(limits or Limits(), boxes=boxes, options=options))
            self._opened = opening.pop_all()
        self._closed = weakref.finalize(self, _close_quietly, self._opened)

    def submit(self, program: Program, *, every_case: bool = False, limits: Limits | None = None) -> Future[Score]:
        """Submit a program; return a future of its score, which raises SandboxError if we could not judge it.

        With `every_case` it goes on after a failed test, until a limit of time stops it (see `Score.share_of_tests`).
        `limits` replace those of the pool and of the program's problem, but for `disk_mb` and `files`.
        """
        return self._scorer.submit(program, every_case=every_case, limits=limits)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a pool belongs to the process that opened it; open one in each process")

    def close(self) -> None:
        """Wait for the submitted programs, then remove the boxes."""
        self._closed.detach()
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.detach()
        self._opened.__exit__(kind, error, trace)


Openable = Pool | ClusterPool | Callable[[], Pool | ClusterPool]
_OPENING = threading.Lock()  # a trainer's threads ask at the same time, and functools.cache would open a pool for each


def _close_quietly(opened: ExitStack) -> None:
    """Close a pool that is still open when the process ends or the pool is garbage-collected.

    It does not wait, and ignores errors.
    """
    with suppress(Exception):
        opened.__exit__(GeneratorExit, GeneratorExit(), None)


def score(
    completions: Sequence[str | Sequence[Message]],
    problem: Problem,
    *,
    pool: Pool | ClusterPool | None = None,
    given: TextKind | None = None,
) -> list[Score]:
    """Return the score of each completion, in their order; without a `pool`, one is opened for this call.

    `given` says what the completions are (see above). Raises SandboxError when one of them could not be judged by our
    fault, and TypeError for one that is neither a text nor the messages of a chat.
    """
    texts = _texts(completions, given)
    _refuse_other_than_problems([problem])
    with nullcontext(pool) if pool is not None else Pool() as boxes:
        futures = _submitted(((text, problem) for text in texts), boxes)
        return [future.result() for future in futures]


def reward(
    completions: Sequence[str | Sequence[Message]],
    problems: Problem | Sequence[Problem],
    *,
    pool: Pool | ClusterPool,
    given: TextKind | None = None,
    partial: bool = False,
) -> list[float | None]:
    """Return 1.0 for each completion that passes its problem's tests, 0.0 for each that fails, None where not known.

    With `partial`, a completion that fails gets the share of the tests that it passes. A program that reaches a limit
    is not run again: its other tests count as failed, so an endless loop costs one limit of CPU time.

    `problems` is one for all completions, or one for each; else ValueError. Instead of a text, a completion may be the
    messages of a chat, of which the last one of the assistant counts: its content is a text, or a list of parts; a
    message that only calls a tool, refuses or thinks is an empty answer. Raises TypeError for what is neither, with its
    place.
    """
    futures = _submitted(_paired(completions, problems, given), pool, every_case=partial)
    return [_reward(future, partial=partial) for future in futures]


async def reward_async(
    completions: Sequence[str | Sequence[Message]],
    problems: Problem | Sequence[Problem],
    *,
    pool: Pool | ClusterPool,
    given: TextKind | None = None,
    partial: bool = False,
) -> list[float | None]:
    """Return what `reward` returns, without blocking the event loop; many calls may wait at the same time.

    If the call is cancelled, programs that have not begun are not run.
    """

    def submitted() -> list[Future[Score]]:
        return _submitted(_paired(completions, problems, given), pool, every_case=partial)

    futures = await asyncio.to_thread(submitted)  # it parses each completion
    waiting = [asyncio.wrap_future(future) for future in dict.fromkeys(futures)]
    await asyncio.gather(*waiting, return_exceptions=True)
    return [_reward(future, partial=partial) for future in futures]


def trl_reward(
    problems: Mapping[str, Problem] | Iterable[Problem],
    pool: Openable,
    *,
    column: str = "task_id",
    given: TextKind | None = None,
    partial: bool = False,
) -> Callable[..., list[float | None]]:
    """Return a reward function for TRL's trainers (`reward_funcs` of GRPOTrainer and RLOOTrainer).

    The trainer calls it with `prompts`, `completions`, `completion_ids`, every column of the data set, and values of
    its own; of a data set it needs the `column` with the problem's name. None, where we could not judge, becomes NaN in
    the trainer and does not count; so does a row without a name, as of another task in a mixed data set. Where the
    prompts are plain texts, so are the completions: `given` says what they are, by default a "completion". `pool` may
    be a function that opens one at its first call and returns the same one afterwards (`functools.cache`).
    """
    _refuse_other_kinds(given)
    known = _by_name(problems)

    def tests_passed(
        prompts: Sequence[object], completions: Sequence[str | Sequence[Message]], **columns: Any
    ) -> list[float | None]:
        del prompts
        if column not in columns:
            raise TypeError(f"the data set has no column {column!r} with the problems' names; add it, or name another")
        names = columns[column]
        if len(names) != len(_refuse_one_text(completions)):
            raise ValueError(f"{len(completions)} completions, but {len(names)} names in the column {column!r}")
        ours = [(text, _named(known, name)) for text, name in zip(completions, names, strict=True) if name is not None]
        texts, asked = [text for text, _ in ours], [problem for _, problem in ours]
        values = iter(reward(texts, asked, pool=_opened(pool), given=given, partial=partial) if ours else ())
        return [None if name is None else next(values) for name in names]

    return tests_passed


def verl_reward(
    problems: Mapping[str, Problem] | Iterable[Problem],
    pool: Openable,
    *,
    given: TextKind = "answer",
    partial: bool = False,
) -> Callable[..., Any]:
    """Return a reward function for verl (`custom_reward_function`): assign it to a name of a module, such as score.

    verl calls it with `data_source`, `solution_str`, `ground_truth` and `extra_info`, newer versions with more;
    `ground_truth` is the problem's name. The reward manager `batch` calls it with lists (`data_sources`,
    `solution_strs`, `ground_truths`, `extra_infos`) and gets a list. It raises SandboxError where we could not judge:
    verl has no reward for that. `given` says what the texts are: a base model continues the prompt ("raw"). Each
    worker of verl imports the module, so `pool` is best a function that opens a pool at its first call and returns the
    same one afterwards (`functools.cache`). Threads share that pool.
    """
    _refuse_other_kinds(given)
    known = _by_name(problems)

    def scores(answers: Sequence[str], names: Sequence[Any]) -> list[float]:
        asked = [_named(known, name) for name in names]
        values = reward(answers, asked, pool=_opened(pool), given=given, partial=partial)
        lost = [name for name, value in zip(names, values, strict=True) if value is None]
        if lost:
            raise SandboxError(f"{lost[0]!r} could not be judged: a box or the Docker engine failed")
        return [value for value in values if value is not None]

    def compute_score(
        data_source: Any = None,
        solution_str: str | None = None,
        ground_truth: str | None = None,
        extra_info: Any = None,
        **more: Any,
    ) -> float | list[float]:
        del data_source, extra_info
        if solution_str is None and "solution_strs" in more:
            return scores(more["solution_strs"], more["ground_truths"])
        if solution_str is None:
            raise TypeError("solution_str is missing: the text that the model wrote")
        return scores([solution_str], [ground_truth])[0]

    return compute_score


def _by_name(problems: Mapping[str, Problem] | Iterable[Problem]) -> Mapping[str, Problem]:
    return problems if isinstance(problems, Mapping) else {problem.name: problem for problem in problems}


def _named(known: Mapping[str, Problem], name: object) -> Problem:
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"no problem is called {name!r}; the first is {next(iter(known), None)!r}")
    return known[name]


def _opened(pool: Openable) -> Pool | ClusterPool:
    if not callable(pool):
        return pool
    with _OPENING:
        return pool()


def _paired(
    completions: Sequence[str | Sequence[Message]], problems: Problem | Sequence[Problem], given: TextKind | None
) -> list[tuple[tuple[str, TextKind], Problem]]:
    texts = _texts(completions, given)
    each = [problems] * len(texts) if isinstance(problems, Problem | str) else list(problems)
    _refuse_other_than_problems(each)
    if len(each) != len(texts):
        raise ValueError(f"{len(texts)} completions of {len(each)} problems; one for all, or one for each")
    return list(zip(texts, each, strict=True))


def _submitted(
    asked: Iterable[tuple[tuple[str, TextKind], Problem]], pool: Pool | ClusterPool, *, every_case: bool = False
) -> list[Future[Score]]:
    """Return a future for each text; equal programs of a problem share one."""
    known: dict[tuple[object, ...], Future[Score]] = {}
    futures = []
    for (text, given), problem in asked:
        program = problem.solve(extract(text, problem, given=given).source)
        tests = id(program.tests), id(program.selection)  # their text may be that of another problem's, too
        key = program.language, program.source, tests, program.assumptions, program.workspace
        if key not in known:
            known[key] = pool.submit(program, every_case=True) if every_case else pool.submit(program)
        futures.append(known[key])
    return futures


def _texts(completions: Sequence[str | Sequence[Message]], given: TextKind | None) -> list[tuple[str, TextKind]]:
    """Return the texts, each with its kind."""
    _refuse_other_kinds(given)
    found: list[tuple[str, TextKind]] = []
    for number, completion in enumerate(_refuse_one_text(completions)):
        usual: TextKind = "completion" if isinstance(completion, str) else "answer"
        found.append((_text(completion, f"completions[{number}]"), given or usual))
    return found


def _refuse_other_kinds(given: object) -> None:
    if given not in {None, *TEXT_KINDS}:
        raise ValueError(f"given is {given!r}; there are {', '.join(TEXT_KINDS)}")


def _refuse_one_text(completions: Sequence[str | Sequence[Message]]) -> Sequence[str | Sequence[Message]]:
    """Return the completions; raises TypeError for a single text.

    A text is a sequence, too, and each letter would be scored as a program.
    """
    if isinstance(completions, str):
        raise TypeError("completions is one text; hand over a list of them, as in [text]")
    return completions


def _text(completion: str | Sequence[Message], where: str) -> str:
    if isinstance(completion, str):
        return completion
    message = _last_message(completion)
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not content and any(message.get(name) for name in _BESIDE_TEXT):
        return ""
    if isinstance(content, list | tuple) and content:
        return "".join(_part(part, f"{where}: part {number} of its content") for number, part in enumerate(content))
    shown = reprlib.repr(completion)
    raise TypeError(
        f"{where}: a completion is a text, or the messages of a chat whose last of the assistant has a text as "
        f"content, or parts, not {shown}"
    )


def _last_message(chat: object) -> Message:
    """Return the last message of the assistant in a chat: what a tool or a user said after it is no answer."""
    messages = [one for one in chat if isinstance(one, Mapping)] if isinstance(chat, Sequence) else []
    written = [one for one in messages if one.get("role", "assistant") in {"assistant", "model"}]
    return written[-1] if written else {}


def _part(part: object, where: str) -> str:
    """Return the text of a part of a message; empty for reasoning, a refusal or a tool call."""
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, Mapping) else None
    text = part.get("text") if isinstance(part, Mapping) and kind in _TEXTS else None
    if isinstance(text, str):
        return text
    if kind in _PASSED_OVER:
        return ""
    raise TypeError(f"{where} holds no text: {reprlib.repr(part)}")


def _refuse_other_than_problems(problems: Iterable[object]) -> None:
    for problem in problems:
        if not isinstance(problem, Problem):
            shown = reprlib.repr(problem)
            raise TypeError(f"a problem is a Problem, as load_problems returns them, not {shown}")


def _reward(future: Future[Score], *, partial: bool) -> float | None:
    try:
        scored = future.result()
        return scored.share_of_tests if partial else float(scored.verdict is Verdict.PASSED)
    except (SandboxError, CancelledError):
        return None
