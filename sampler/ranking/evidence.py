"""Provide rankers with the samples of one model on one problem, and with evidence, made when it is first needed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sampler.backends.openai.backend import HOSTED
from sampler.costs import arch_flops
from sampler.ranking.evaluation import Inputs, RankDependencies, RankRequest, TextModel
from sampler.ranking.generated_tests import Asker, CallResults, Generated, execute, generated_tests, read_texts
from sampler.ranking.rankers import Answers, Entry, Given, Need, RankingError, informative, need_of, read_scores
from sampler.store.read_models import ModelRow, ProblemRow, RankableRow
from sampler.study.problem_choice import choose_problems
from sampler.study.prompts import Template, prompt_for, without_prefill
from sampler.study.spec import StudySandbox
from sampler.values import Finish, Prompt, PromptStyle
from sandbox.judging.score_records import Facts, FactsError, unpack
from sandbox.problems import Problem, ProblemsError
from sandbox.values import Answer, Assumptions, Run, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The samples of one model on one problem; `sampling` are the stored settings of sampling."""

    model: ModelRow
    problem: ProblemRow
    sampling: str
    rows: tuple[RankableRow, ...]

    @property
    def passed(self) -> list[bool]:
        """Return which of the samples are correct, by the judge's tests."""
        return [row.verdict == Verdict.PASSED for row in self.rows]

    @property
    def entries(self) -> list[Entry]:
        """Return the samples as rankers see them."""
        return [
            Entry(
                problem=self.problem.name,
                index=row.index,
                source=row.program,
                tokens=row.completion_tokens,
                sum_logprob=row.sum_logprob,
                thought_tokens=row.thought_tokens,
                cut=row.finish == Finish.THOUGHT,
            )
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionScore:
    """A model's score of a completion, and the cost of scoring it."""

    sum_logprob: float
    tokens: int
    seconds: float
    prompt_flops: float | None
    flops: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySetup:
    """The source of a study's problems, and the sandbox of its programs."""

    problems: str
    sandbox: StudySandbox


class EvidenceSource:
    """Makes evidence for rankers; resources that it opens are closed with `stack`."""

    def __init__(
        self, request: RankRequest, dependencies: RankDependencies, stack: ExitStack, study: StudySetup
    ) -> None:
        self._request, self._dependencies, self._stack, self._study = request, dependencies, stack, study
        self._generated: dict[str, Generated | None] = {}
        self._executed: tuple[tuple[int, int], list[CallResults]] | None = None  # of the latest group

    @cached_property
    def text_model(self) -> TextModel:
        """Return the model that scores texts; raises BackendError."""
        if self._request.model is None:
            raise RankingError("no model is named whose opinion to ask for; name one with --with")
        self._dependencies.say(f"opening {self._request.model}")
        return self._stack.enter_context(self._dependencies.text_model(self._request.model))

    @cached_property
    def given(self) -> Given:
        """Return the scores of a given file."""
        return read_scores(_named(self._request.scores, "a file of scores", "--scores"))

    def digest(self, ranker: str) -> str:
        """Return the SHA-256 of what decides a ranker's values besides the samples and the ranker's name."""
        total = hashlib.sha256()
        if "@" in ranker:
            total.update(self.text_model.digest.encode())
        if need_of(ranker) in {Need.ANSWERS, Need.TESTS} and self._request.tests is not None:
            total.update(self._request.tests.read_bytes())
            differing = {name: one for name, one in self._assumed.items() if one != Assumptions()}
            total.update(repr(sorted(differing.items())).encode() if differing else b"")
        if need_of(ranker) is Need.FILE and self._request.scores is not None:
            total.update(self._request.scores.read_bytes())
        return total.hexdigest()

    def score_completion(self, group: Group, row: RankableRow) -> CompletionScore:
        """Return the named model's score of a completion."""
        began = time.monotonic()
        score = self.text_model.scorer.score(self._prompt(group), row.completion)
        seconds = time.monotonic() - began
        flops = None
        if self.text_model.architecture is not None:
            flops = arch_flops(self.text_model.architecture, score.prompt_tokens, score.tokens)
        return CompletionScore(
            sum_logprob=-score.sum_nll,
            tokens=score.tokens,
            seconds=seconds,
            prompt_flops=None if flops is None else float(flops.prompt),
            flops=None if flops is None else float(flops.decode),
        )

    def _prompt(self, group: Group) -> Prompt:
        """Return the prompt that the model got; raises ProblemsError or RankingError if it cannot be made again."""
        name, asked = group.problem.name, json.loads(group.sampling)
        found = self._problems.get(name)
        if found is None or found.prompt != group.problem.prompt:
            raise RankingError(
                f"{self._study.problems} has no problem {name!r} with the prompt that the samples were made for"
            )
        lacking = [shot for shot in asked.get("shots", ()) if shot not in self._problems]
        if lacking:
            raise RankingError(f"{self._study.problems} has no {lacking[0]!r}, which was shown before the problem")
        style = PromptStyle(asked.get("style", PromptStyle.COMPLETION))
        shots = [self._problems[shot] for shot in asked.get("shots", ())]
        template = Template(asked["template"]) if "template" in asked else None
        prompt = prompt_for(found, style, shots, template=template)
        return without_prefill(prompt) if asked.get("dialect") == HOSTED else prompt

    @cached_property
    def _problems(self) -> Mapping[str, Problem]:
        """Return the study's problems from their file.

        A prompt depends on more than the store keeps.
        """
        sources = [self._study.problems] if Path(self._study.problems).exists() else self._study.problems.split(", ")
        problems = choose_problems(self._study.sandbox.problems_of(*sources))
        return {problem.name: problem for problem in problems}

    def answers(self, group: Group) -> tuple[list[Answers], list[float]]:
        """Return the answers of the programs, and the sandbox's seconds for them.

        These are answers to generated tests if there are any, else the stored ones.

        Of generated tests only the inputs count, and only inputs for which some program returns a value: an input that
        a model guessed wrong would make every program fail. Stored answers were made with the verdict, so their cost is
        that of the verdict.
        """
        if self._request.tests is not None:
            executed, generated = self.executed(group)
            answers = informative([one.answered.answers for one in executed], generated.inputs)
            return answers, [one.cpu_s for one in executed]
        facts = [row.facts for row in group.rows]
        selection = self._request.inputs is Inputs.SELECTION

        def unreadable(number: int) -> None:
            sample = f"sample {group.rows[number].index} of {group.problem.name} by {group.model.name}"
            self._dependencies.say(f"{sample} counts as one without answers: its facts cannot be read; score it again")

        answers = stored_answers(facts, group.problem.name, selection=selection, unreadable=unreadable)
        return answers, [row.cpu_s for row in group.rows]

    def executed(self, group: Group) -> tuple[list[CallResults], Generated]:
        """Return the programs with their answers to the generated tests.

        Raises SandboxError, or RankingError without tests.
        """
        generated = self._tests_of(group.problem)
        if generated is None:
            raise NoTestsWritten(f"no test was generated for {group.problem.name}")
        of = (group.model.id, group.problem.id)
        if self._executed is None or self._executed[0] != of:
            assumed = self._assumed.get(group.problem.name, Assumptions())
            self._executed = of, execute(self._asker, [row.program for row in group.rows], generated, assumed)
        return self._executed[1], generated

    @cached_property
    def _assumed(self) -> Mapping[str, Assumptions]:
        """Return what the programs of each problem may assume; report problems that cannot be read any more."""
        try:
            return {name: problem.assumptions for name, problem in self._problems.items()}
        except ProblemsError as error:
            self._dependencies.say(f"generated tests run without the imports that the data set may provide: {error}")
            return {}

    @cached_property
    def _asker(self) -> Asker:
        return self._stack.enter_context(self._dependencies.asker(self._study.sandbox))

    @cached_property
    def _texts(self) -> Mapping[str, tuple[str, ...]]:
        return read_texts(_named(self._request.tests, "a file of generated tests", "--tests"))

    def _tests_of(self, problem: ProblemRow) -> Generated | None:
        if problem.entry_point is None:
            raise RankingError(f"{problem.name} is a whole program, which generated asserts cannot call")
        if problem.name not in self._generated:
            texts = self._texts.get(problem.name, ())
            self._generated[problem.name] = generated_tests(texts, problem.entry_point)
        return self._generated[problem.name]


class NoTestsWritten(RankingError):
    """There is no test for a problem, so its samples cannot be compared."""


class NoSelection(RankingError):
    """A problem has no selection tests: it is left out."""


def _named(path: Path | None, what: str, option: str) -> Path:
    if path is None:
        raise RankingError(f"{what} is needed; name it with {option}")
    return path


# What programs answered, from the facts that their verdicts were made from. No box and no verdict is needed.
#
# All programs of a problem were asked the same calls in the same order, so the n-th answers belong together. Where a
# program was told to be wrong by its first answers, no more were asked of it: then these facts are too few to compare
# programs by.

_WAY_OUT = "have the programs answer generated tests (--tests FILE), or choose another ranker"


def stored_answers(
    packed: Sequence[bytes | None],
    problem: str,
    *,
    selection: bool = False,
    unreadable: Callable[[int], None] = lambda _: None,
) -> list[Answers]:
    """Return the answers of each program to the judge's calls or, if wanted, to the selection's; raises RankingError.

    A program whose facts cannot be read has no answers; `unreadable` is called with its number.
    """
    views = [_view(data, problem, selection=selection) for data in packed]
    for number, view in enumerate(views):
        if view is None:
            unreadable(number)
    answered = _answers([view for view in views if view is not None], problem)
    silent: Answers = (None,) * (len(answered[0]) if answered else 0)
    rest = iter(answered)
    return [silent if view is None else next(rest) for view in views]


def _answers(facts: Sequence[Facts], problem: str) -> list[Answers]:
    if any(one.in_process for one in facts):
        raise RankingError(f"{problem}: its tests ran beside the programs, which were asked nothing; {_WAY_OUT}")
    if any(one.runs is not None for one in facts):
        return [_printed(one, facts, problem) for one in facts]
    lengths = [len(one.run.answers) for one in facts if one.run.proved]
    if all(one.calls is None for one in facts):  # tests that are code foresee the same calls of all, and may add some
        count = min(lengths, default=0)
    else:
        count = max((len(one.run.answers) for one in facts), default=0)
        if lengths and min(lengths) < count:
            raise RankingError(f"{problem}: wrong programs were asked too few calls to compare them; {_WAY_OUT}")
    return [_first(one.run, count) for one in facts]


def _view(data: bytes | None, problem: str, *, selection: bool) -> Facts | None:
    if data is None:
        raise RankingError(f"{problem}: the facts of a verdict were not kept; {_WAY_OUT}")
    try:
        facts = unpack(data)
    except FactsError:
        return None
    if not selection:
        return facts
    if facts.selection is None:
        raise RankingError(
            f"{problem} has no selection tests, or was scored without them; leave --inputs selection out"
        )
    return facts.selection


def _first(run: Run, count: int) -> Answers:
    given = run.answers[:count]
    return (*given, *[None] * (count - len(given)))


def _printed(facts: Facts, everyone: Sequence[Facts], problem: str) -> Answers:
    """Return what a whole program printed for each case, as its answer; None for a run that did not finish."""
    cases = range(max(len(one.runs or {}) for one in everyone))
    runs = facts.runs or {}
    if not set(cases) <= set(runs):
        raise RankingError(f"{problem}: programs stopped at their first wrong output; {_WAY_OUT}")
    return [_output(runs[number]) for number in cases]


def _output(run: Run) -> Answer | None:
    return Answer(value=run.stdout, data=run.stdout) if run.proved else None
