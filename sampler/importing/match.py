"""Which problem a sample belongs to.

By its name, as samples files write names (`sandbox.problems.find_problem`); else by the prompt; else by its place in
the data set's order. A prompt need not be the data set's own, because people leave out examples: then the function it
begins decides, and between two functions of one name the longer common beginning does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sampler.importing.imported import Imported, ImportFault, Untested
from sandbox.problems import Problem, find_name, find_problem

_FUNCTION = re.compile(r"^def\s+(\w+)\s*\(", re.MULTILINE)
_SPACE = re.compile(r"\s+")


class Matcher:
    """Finds problems, and remembers what it found: files name each problem many times."""

    def __init__(self, problems: Sequence[Problem], untested: frozenset[str] = frozenset()) -> None:
        self._problems, self._untested = problems, untested
        self._by_name = {problem.name: problem for problem in problems}
        self._found: dict[str | int, Problem] = {}

    def __call__(self, sample: Imported) -> Problem:
        """The problem of a sample; raises ImportFault."""
        key = sample.problem if sample.problem is not None else sample.prompt
        if key is None:
            return self._at(sample.position)
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise ImportFault(f"a problem is called {key!r:.40}, which is no name")
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._named(sample) if sample.problem is not None else self._asked(str(key))
        return found

    def _named(self, sample: Imported) -> Problem:
        found = find_problem(self._by_name, sample.problem)
        if found is None and (name := find_name(self._untested, sample.problem)) is not None:
            raise Untested(f"{name} has no test")
        if found is None:
            raise ImportFault(
                f"no problem is called {sample.problem!r:.80}; its first is {self._problems[0].name!r}: do the samples "
                "and --problems belong together?"
            )
        return found

    def _at(self, position: int | None) -> Problem:
        if position is None:
            raise ImportFault("neither the problem nor its prompt is told")
        if position >= len(self._problems):
            raise ImportFault(
                f"there are samples of a problem no. {position + 1}, and --problems has {len(self._problems)}: do they "
                "belong together?"
            )
        return self._problems[position]

    def _asked(self, prompt: str) -> Problem:
        same = [problem for problem in self._problems if problem.prompt.strip() == prompt.strip()]
        if len(same) == 1:
            return same[0]
        functions = _FUNCTION.findall(prompt)
        alike = [problem for problem in self._problems if functions and problem.entry_point == functions[-1]]
        shared = sorted(((_common(problem.prompt, prompt, functions[-1]), n) for n, problem in enumerate(alike)))
        if not shared or (len(shared) > 1 and shared[-1][0] == shared[-2][0]):
            raise ImportFault(f"no problem has this prompt, or more than one: {prompt.strip()!r:.80}")
        return alike[shared[-1][1]]


def _common(one: str, other: str, function: str) -> int:
    """How many characters two prompts share from the function on, whatever their white space."""
    texts = [_SPACE.sub("", text[text.rfind(f"def {function}") :]) for text in (one, other)]
    return next((n for n, pair in enumerate(zip(*texts, strict=False)) if pair[0] != pair[1]), min(map(len, texts)))
