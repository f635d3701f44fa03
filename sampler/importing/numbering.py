"""Which number a sample has among those of its model and problem, and whether the store holds it already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from sampler.importing.imported import ImportFault


class Numbering:
    """The samples of one model. `held` are the indices that the store has of each problem, by the problem's id."""

    def __init__(self, held: Mapping[int, Collection[int]]) -> None:
        self._held = held
        self._come: Counter[int] = Counter()
        self._numbers: dict[int, set[int]] = {}
        self._added: Counter[int] = Counter()

    def place(self, problem: int, given: int | None) -> int | None:
        """The index of a problem's next sample; None if the store holds it.

        Raises ImportFault for one that comes twice.
        """
        if given is None:
            index = self._come[problem]
            self._come[problem] += 1
        else:
            index = given
            numbers = self._numbers.setdefault(problem, set())
            if index in numbers:
                raise ImportFault(f"a sample no. {index} of the same model and problem has come before")
            numbers.add(index)
        if self._come[problem] and self._numbers.get(problem):
            raise ImportFault("some samples of this model and problem are numbered and others are not")
        if index in self._held.get(problem, ()):
            return None
        self._added[problem] += 1
        return index

    @property
    def counts(self) -> list[int]:
        """How many samples each problem has that has any, those that were added included."""
        both = {problem: len(held) for problem, held in self._held.items()}
        return [count for problem in both | self._added if (count := both.get(problem, 0) + self._added[problem])]
