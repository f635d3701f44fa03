"""Read and write our own format: a problem and completions in, a verdict for each completion out.

The problem is an object in any of the formats of docs/problems.md, or the name of one that the server was started with.
A completion that could not be judged because of a fault of ours has the verdict null and the reason.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sandbox.judging import judge
from sandbox.problems import ChosenTests, Problem, ProblemsError, find_problem, read_problem
from sandbox.problems.json_fields import checked
from sandbox.problems.readers.stdin_formats import unpacking_at_most
from sandbox.serving import bodies
from sandbox.serving.bodies import Refused, weight
from sandbox.values import LIMIT_BOUNDS, SETTABLE, Limits, Program

MOST_COMPLETIONS = 1024
KEPT_PROBLEMS = 1024
KEPT_BYTES = 64 << 20  # of problems that clients have sent, as far as `weight` tells
LEAST_UNPACKED, MOST_UNPACKED, UNPACKED_TIMES = 2 << 20, 64 << 20, 32
_KINDS = {
    "problem": "any value",
    "completions": "a list with something in it",
    "solutions": "a list with something in it",
    "tests": "a text",
    "limits": "an object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """The programs of a problem that a request wants scored, in its order, and the limits that it asks for."""

    problem: str
    programs: tuple[Program, ...]
    limits: Mapping[str, float] = field(default_factory=dict)


class KnownProblems:
    """Holds problems by name, and problems that clients have sent lately; safe to call from any thread."""

    def __init__(self, named: Sequence[Problem] = ()) -> None:
        self._named = {problem.name: problem for problem in named}
        self._sent: OrderedDict[bytes, tuple[int, Problem]] = OrderedDict()
        self._kept_bytes = self._read_problems = self._read_bytes = 0
        self._lock = threading.Lock()

    @property
    def generation(self) -> int:
        """Return a number that changes after every so many problems.

        A scorer caches data of each problem, so it should be replaced when the number changes.
        """
        return self._read_problems // KEPT_PROBLEMS + self._read_bytes // KEPT_BYTES

    def find(self, problem: object) -> Problem:
        """Return the problem that a request names or contains; raises Refused."""
        if isinstance(problem, str):
            found = find_problem(self._named, problem)
            if found is None:
                raise Refused(404, f"no problem is called {problem!r} here; send the problem itself, as an object")
            return found
        return self._read(problem)

    def _read(self, problem: object) -> Problem:
        text = json.dumps(problem, sort_keys=True).encode()
        key, size = hashlib.sha256(text).digest(), weight(text)
        with self._lock:
            if (held := self._sent.get(key)) is not None:
                self._sent.move_to_end(key)
                return held[1]
        try:
            with unpacking_at_most(min(MOST_UNPACKED, max(LEAST_UNPACKED, UNPACKED_TIMES * len(text)))):
                found = read_problem(problem)
        except (ProblemsError, ValueError, RecursionError) as error:
            raise Refused(bodies.UNREADABLE, str(error)) from error
        with self._lock:
            self._read_problems += 1
            self._read_bytes += size
            self._keep(key, size, found)
        return found

    def _keep(self, key: bytes, size: int, problem: Problem) -> None:
        """Add a problem to the cache, and remove the least recently used ones.

        A problem that is too large is not kept.
        """
        if size > KEPT_BYTES or key in self._sent:
            return
        self._sent[key] = size, problem
        self._kept_bytes += size
        while len(self._sent) > KEPT_PROBLEMS or self._kept_bytes > KEPT_BYTES:
            _, (gone, _) = self._sent.popitem(last=False)
            self._kept_bytes -= gone


def read(body: Mapping[str, object], problems: KnownProblems) -> ScoreRequest:
    """Read a request; raises Refused."""
    try:
        checked(body, _KINDS)
    except ValueError as error:
        raise Refused(bodies.UNREADABLE, str(error)) from error
    if ("completions" in body) == ("solutions" in body):
        raise Refused(bodies.UNREADABLE, "give completions, which continue the prompt, or solutions, not both")
    wanted = bodies.text(body, "tests", ChosenTests.JUDGE)
    if wanted not in set(ChosenTests):
        raise Refused(bodies.UNREADABLE, f"tests must be one of {', '.join(ChosenTests)}, not {wanted!r}")
    if "problem" not in body:
        raise Refused(bodies.UNREADABLE, "problem is missing: an object, or the name of one that is known here")
    problem = problems.find(body["problem"])
    try:
        programs = _programs(body, problem, ChosenTests(wanted))
        return ScoreRequest(problem=problem.name, programs=programs, limits=_limits(body))
    except ProblemsError as error:
        raise Refused(bodies.UNREADABLE, str(error)) from error


def _limits(body: Mapping[str, object]) -> dict[str, float]:
    """Return the limits that a request asks for, by their names."""
    limits = bodies.entries(body, "limits")
    for name in limits:
        if name not in SETTABLE:
            raise Refused(bodies.UNREADABLE, f"limits has no {name!r}; a request may set {', '.join(SETTABLE)}")
    numbers = {name: bodies.number(limits, name, 0) for name in limits}
    return {name: value if name.endswith("_s") else int(value) for name, value in numbers.items()}


def granted(asked: Mapping[str, float], usual: Limits, most: Limits, longest_s: float) -> Limits:
    """Return the limits of a program with those that a request asks for; refused if they are beyond the server's."""
    for name, value in asked.items():
        least, bound = (
            LIMIT_BOUNDS[name][0],
            max(longest_s, most.wall_s) if name.endswith("_s") else getattr(most, name),
        )
        if not least <= value <= bound:
            raise Refused(400, f"limits.{name} must lie between {least:g} and {bound:g} here, not {value:g}")
    return replace(usual, **asked) if asked else usual  # type: ignore[arg-type]  # of the types of the fields


def _programs(body: Mapping[str, object], problem: Problem, wanted: ChosenTests) -> tuple[Program, ...]:
    name = "completions" if "completions" in body else "solutions"
    texts = bodies.items(body, name)
    if len(texts) > MOST_COMPLETIONS:
        raise Refused(bodies.UNREADABLE, f"{len(texts)} {name}; at most {MOST_COMPLETIONS} are taken at once")
    make = problem.complete if name == "completions" else problem.solve
    programs = []
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise Refused(bodies.UNREADABLE, f"{name}[{number}] must be a text, not {type(text).__name__}")
        programs.append(make(text.encode("utf-8", "replace").decode("utf-8"), wanted))
    return tuple(programs)


def answer(asked: ScoreRequest, rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the rows as a response."""
    return {"problem": asked.problem, "judge": judge.JUDGE_VERSION, "scores": list(rows)}


def failure(message: str) -> dict[str, object]:
    """Return the row of a completion that could not be judged because of a fault of ours."""
    return {"verdict": None, "passed": None, "unscored": message}
