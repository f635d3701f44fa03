"""Define sequential strategies: what is asked of a model after a first answer, and in which words.

A *tree* begins with a draft, which is asked for like any sample. `repair` runs the draft's program on the problem's
selection tests; while nothing of the tree has passed them, each program of the newest turn is sent back with what
happened, and is repaired `repairs` times, up to `turns` turns. `revise` executes nothing: the model is asked to look
through its own answer, `turns` times. `resample` asks the draft's prompt again, until a program passes the selection
tests: sampling that stops. Each tree is one run of that policy, so what stopping does to counts of samples (more of
them where they fail) cannot bias what is counted here, which is runs. The tree's answer is the first program that
passes the selection tests, in the order of turns and places, and the last one where none does, or where nothing was
executed.

What a prompt may hold is the statement, the model's own program, and what happened in the *selection* tests, bounded in
length. Nothing of the judge tests, and no verdict that rests on them, ever gets into a prompt. A problem without
selection tests gives nothing to tell, so its drafts are its answers (`[problems] selection = "examples"` makes
selection tests of the examples in statements). Thoughts of earlier turns are not sent again.

Places in a tree count from the draft, 0, turn by turn: with b repairs those of place p are b·p+1 … b·p+b. The sample at
place p of tree t has the index t + p · 1,000,000, so that the drafts have the indices, and so the seeds, of independent
samples, and neither more drafts nor more turns move what a store holds.

Sources: Olausson et al. 2024 (arXiv 2306.09896) for trees of drafts and repairs, Chen et al. 2023 (arXiv 2304.05128)
for feedback with one's own explanation, Madaan et al. 2023 (arXiv 2303.17651) for revising without execution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sampler.study.toml_table import SpecError, TomlTable
from sampler.values import STRIDE, Prompt
from sandbox.judging.explaining import explain
from sandbox.problems import ChosenTests, Problem
from sandbox.values import Limits, Score, Verdict

MOST_NODES = 1000  # of a tree: seeds and indices stay small
MOST_SHOWN = 12_000  # characters of a program in a prompt
MOST_TOLD = 600  # characters of what happened


class StrategyKind(StrEnum):
    """What follows a draft."""

    REPAIR = "repair"
    REVISE = "revise"
    RESAMPLE = "resample"


class Feedback(StrEnum):
    """What a repair is told of the selection tests."""

    VERDICT = "verdict"  # that the program does not pass
    ERROR = "error"  # the exception or the limit that ended it, without inputs and outputs
    TEST = "test"  # the first test that fails: input, what came, what was expected
    EXPLAIN = "explain"  # the same, and the model says what is wrong before it writes


PLAIN = "sample"  # the word for independent samples
STRATEGIES = (PLAIN, *StrategyKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A strategy with its numbers; `repairs` are drawn for each program of a turn that is to be repaired."""

    kind: StrategyKind
    turns: int = 1
    repairs: int = 1
    feedback: Feedback = Feedback.TEST

    def __post_init__(self) -> None:
        if self.turns < 1 or self.repairs < 1:
            raise ValueError(f"turns and repairs must be at least 1, not {self.turns} and {self.repairs}")
        if self.kind is not StrategyKind.REPAIR and self.repairs > 1:
            raise ValueError(f"{self.kind} draws one program a turn; take repairs out")
        if self.nodes > MOST_NODES:
            raise ValueError(
                f"{self.turns} turns of {self.repairs} repairs make trees of {self.nodes} programs; "
                f"the most is {MOST_NODES}"
            )

    @property
    def nodes(self) -> int:
        """Return how many programs a whole tree has."""
        return sum(self.repairs**turn for turn in range(self.turns + 1))

    @property
    def decides(self) -> dict[str, object]:
        """Return what decides the samples, for the store's digest of a model's sampling."""
        said: dict[str, object] = {"kind": self.kind.value, "turns": self.turns}
        if self.kind is StrategyKind.REPAIR:
            said |= {"repairs": self.repairs, "feedback": self.feedback.value}
        return said

    def children(self, place: int) -> range:
        """Return the places of a program's repairs."""
        return range(self.repairs * place + 1, self.repairs * (place + 1) + 1)

    def parent(self, place: int) -> int:
        """Return the place of the program that is repaired at a place after 0."""
        return (place - 1) // self.repairs

    def turn(self, place: int) -> int:
        """Return the turn of a place; the draft's is 0."""
        turn = 0
        while place > 0:
            place, turn = self.parent(place), turn + 1
        return turn


def index_at(tree: int, place: int) -> int:
    """Return the index of the sample at a place of a tree."""
    return tree + place * STRIDE


def tree_and_place(index: int) -> tuple[int, int]:
    """Return the tree and the place of the sample with an index."""
    return index % STRIDE, index // STRIDE


@dataclass(frozen=True, slots=True)
class TreeState:
    """What is next in a tree: places to sample, or the place of its answer; neither while verdicts are missing."""

    wanted: tuple[int, ...] = ()
    answer: int | None = None


def next_in_tree(strategy: Strategy, held: dict[int, bool | None], scored: frozenset[int]) -> TreeState:
    """Return what a tree needs next: a function of what is held alone, so that every run is a resume.

    `held` says of each place whether its program passes the selection tests (None: there are none, or no verdict yet),
    `scored` are the places with a verdict.
    """
    newest = range(1)
    for turn in range(strategy.turns + 1):
        absent = tuple(place for place in newest if place not in held)
        if absent:
            return TreeState(wanted=absent)
        passed = [place for place in newest if held[place]]
        if strategy.kind is not StrategyKind.REVISE:
            if not set(newest) <= scored:
                return TreeState()
            if passed or any(held[place] is None for place in newest):
                return TreeState(answer=passed[0] if passed else newest[-1])
        if turn < strategy.turns:
            newest = range(strategy.children(newest[0])[0], strategy.children(newest[-1])[-1] + 1)
    return TreeState(answer=newest[-1]) if set(held) <= scored else TreeState()


def read_strategy(table: TomlTable, default: Strategy | None) -> Strategy | None:
    """Return the strategy that a table of sampling asks for; raises SpecError."""
    named = table.choice("strategy", STRATEGIES, PLAIN if default is None else default.kind.value)
    given = [key for key in ("turns", "repairs", "feedback") if table.has(key)]
    if named == PLAIN:
        if given:
            raise table.error(f'{given[0]} belongs to strategy = "repair"; add that, or take {given[0]} out')
        return None
    usual = default or Strategy(kind=StrategyKind(named))
    if named != StrategyKind.REPAIR and (wrong := [key for key in given if key != "turns"]):
        raise table.error(f'{wrong[0]} belongs to strategy = "repair": {named} tells nothing; take it out')
    try:
        return Strategy(
            kind=StrategyKind(named),
            turns=table.whole("turns", usual.turns),
            repairs=table.whole("repairs", usual.repairs if named == usual.kind else 1),
            feedback=Feedback(table.choice("feedback", tuple(Feedback), usual.feedback.value)),
        )
    except SpecError:
        raise
    except ValueError as error:
        raise table.error(str(error)) from error


# The prompts of later turns.
#
# The draft's own prompt comes first, unchanged, so that an engine's cache holds it. The answer is begun as the draft's
# was, unless the model is to explain first.


def next_prompt(first: Prompt, strategy: Strategy, program: str, told: str) -> Prompt:
    """Return the prompt that asks for the next turn; `told` is what `tell_selection` says, empty for a revision."""
    if strategy.kind is StrategyKind.RESAMPLE:
        return first
    fence = "```"
    while fence in program:
        fence += "`"
    tag = first.prefill.strip("`\n") or "python"
    shown = program if len(program) <= MOST_SHOWN else f"{program[:MOST_SHOWN]}\n# (cut here)"
    said = f"{first.text.rstrip()}\n\nThis answer was given:\n\n{fence}{tag}\n{shown.strip()}\n{fence}\n\n"
    explains = strategy.kind is StrategyKind.REPAIR and strategy.feedback is Feedback.EXPLAIN
    if strategy.kind is StrategyKind.REVISE:
        said += (
            "Look for mistakes in it: cases that it forgets, and what it takes the statement to mean. Then answer with "
            "one code block that holds the whole code, corrected where that is needed, and nothing else."
        )
    elif explains:
        said += (
            f"{told}\n\nFirst say in two or three sentences what is wrong and how to correct it. Then give the whole "
            "corrected code in one code block."
        )
    else:
        said += f"{told}\n\nAnswer with one code block that holds the whole corrected code and nothing else."
    form = f"{first.form}, {strategy.kind}"
    if explains:
        return replace(first, text=said, form=form, prefill="", stop=())
    return replace(first, text=said, form=form)


def tell_selection(kind: Feedback, selection: Score | None, limits: Limits, problem: Problem, program: str) -> str:
    """Return what may be said of a program that failed its selection tests, in at most `MOST_TOLD` characters.

    Only the score of the selection tests is given to this function, so that nothing else can be said. It is None where
    the facts were too large to keep: then only the failure itself is told.
    """
    failed = "It does not pass the public tests."
    if selection is None or kind is Feedback.VERDICT:
        return failed
    if kind is Feedback.ERROR:
        raised = selection.raised
        if raised is not None:
            return _bounded(f"{failed} It raises {raised.type}{': ' if raised.message else ''}{raised.message}.")
        return f"{failed} {_ENDED.get(selection.verdict, 'It gives a wrong answer.')}"
    said = explain(selection, limits, problem.solve(program, ChosenTests.SELECTION))
    return _bounded(
        f"{failed} Run on them, it {said[:1].lower()}{said[1:]}." if _is_verb(said) else f"{failed} {said}."
    )


_ENDED = {
    Verdict.TIMEOUT: "It takes too long.",
    Verdict.MEMORY: "It takes too much memory.",
    Verdict.OUTPUT: "It prints too much.",
    Verdict.CRASHED: "Its process crashes.",
    Verdict.EARLY_EXIT: "It ends its process before its answers are given.",
    Verdict.SYNTAX: "It is no valid Python.",
}


def _is_verb(said: str) -> bool:
    """Return whether an explanation goes on after "it", as "answered 3 where …"; an exception's name does not."""
    return said[:1].islower() and said.split(maxsplit=1)[0].isalpha()


def _bounded(said: str) -> str:
    return said if len(said) <= MOST_TOLD else said[: MOST_TOLD - 1] + "…"
