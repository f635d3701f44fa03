"""Count the probes that a dict or a set of hostile keys would need, before it is built.

CPython's hash tables use open addressing: a key goes to the place that its hash names, or to the next free place of a
fixed probe sequence. Keys whose sequences overlap make building quadratic, even where no two hashes are equal, and an
int, a float or a tuple of them has a hash that its author can choose. So the tables are simulated here with the hashes
alone, in linear time, and refused where the keys need more than a constant number of probes each, on average.

A table that passes is cheap to search, too, for any key: after at most 13 jumps a probe sequence follows the cycle
place → 5 · place + 1, and the longest filled stretch of that cycle is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import eq

from sandbox.inside.codec.codec_types import MAX_SAME_HASH, CodecError

SMALL = 100  # so few keys are cheap whatever their hashes
MAX_PROBES = 64  # for each key on average, in all tables that are filled until the last one; ordinary keys come to 20
MAX_STRETCH = 512  # filled places of the cycle in a row; ordinary keys come to 30, powers of two to 130
SAME_HASH = "too many keys with the same hash"
_SHIFT = 5  # CPython's PERTURB_SHIFT
_DICT_REACH, _SET_REACH = 1, 10  # places that one jump looks at; a set looks at its LINEAR_PROBES, 9, too
_LARGE_SET = 50_000
_STRIDE = 16
_MASK_64 = (1 << 64) - 1


def refuse_costly_dict(keys: Sequence[object]) -> None:
    """Raise CodecError for keys whose dict would take more than linear time, to build or to search."""
    if len(keys) <= SMALL:
        return
    hashes = _hashes(keys)
    probes, size, usable = MAX_PROBES * len(hashes), 8, 5
    while True:
        table = Table(size, _DICT_REACH, probes)
        table.fill(hashes[:usable])  # growing builds the table anew, in the order of the keys
        if len(hashes) <= usable:
            break
        probes, size, usable = table.probes, 2 * size, 4 * size // 3
    table.refuse_long_stretches()


def refuse_costly_set(keys: Sequence[object]) -> None:
    """Raise CodecError for keys whose set or frozenset would take more than linear time, to build or to search."""
    if len(keys) > SMALL:
        set_table(_hashes(keys)).refuse_long_stretches()


def distinct(keys: Sequence[object]) -> list[object]:
    """Return the keys without duplicates; raises CodecError if too many different keys have the same hash."""
    if len(keys) <= SMALL:
        return list(dict.fromkeys(keys))
    hashes = list(map(hash, keys))
    kept: list[int] = []
    for _, group in groupby(sorted(range(len(keys)), key=hashes.__getitem__), key=hashes.__getitem__):
        first: list[int] = []
        for number in group:
            if all(keys[number] != keys[other] for other in first):
                first.append(number)
            if len(first) > MAX_SAME_HASH:
                raise CodecError(SAME_HASH)
        kept += first
    return [keys[number] for number in sorted(kept)]


def set_table(hashes: list[int]) -> Table:
    """Return the last table of a set to which keys of these hashes are added in this order; raises CodecError."""
    table, added = Table(8, _SET_REACH, MAX_PROBES * len(hashes)), 0
    while True:
        most = -(-3 * (table.size - 1) // 5)  # so full, it grows
        table.fill(hashes[added:most])
        if len(hashes) < most:
            return table
        wanted, size, added = most * (2 if most > _LARGE_SET else 4), 8, most
        while size <= wanted:
            size *= 2
        grown = Table(size, _SET_REACH, table.probes)
        grown.fill(table.in_order())
        table = grown


class Table:
    """The places of a hash table, with the hashes of their keys; `probes` are those that filling it may still take."""

    def __init__(self, size: int, reach: int, probes: int) -> None:
        self.size, self.probes, self._reach = size, probes, reach
        self._taken = bytearray(size)
        self._places: list[int | None] = [None] * size

    def fill(self, hashes: list[int]) -> None:
        """Add a key for each hash, as CPython adds new keys; raises CodecError."""
        taken, places, mask = self._taken, self._places, self.size - 1
        for number in hashes:
            place = number & mask
            if taken[place]:
                place = self._free(place, number & _MASK_64)
            taken[place] = 1
            places[place] = number

    def _free(self, place: int, rest: int) -> int:
        """Return the free place for a key whose first one is taken."""
        taken, reach, mask, probes = self._taken, self._reach, self.size - 1, self.probes
        last = self.size - reach  # a set looks at no neighbours where some would be beyond its end
        while taken[place]:
            if reach > 1 and place <= last and (near := taken.find(0, place, place + reach)) >= 0:
                place = near
                break
            rest >>= _SHIFT
            place = (5 * place + rest + 1) & mask
            probes -= 1
        if probes < 0:
            raise CodecError("too many keys fall into the same places of a hash table")
        self.probes = probes
        return place

    def in_order(self) -> list[int]:
        """Return the hashes by their places: the order of iteration of a set."""
        return [number for number in self._places if number is not None]

    def refuse_long_stretches(self) -> None:
        """Raise CodecError if the cycle that probe sequences end in has a long filled stretch."""
        if b"\1" * (MAX_STRETCH // _STRIDE) in self._cycle(_STRIDE) and b"\1" * MAX_STRETCH in self._cycle(1):
            raise CodecError("the keys of a hash table are too close to each other")

    def _cycle(self, stride: int) -> bytearray:
        """Return every `stride`-th place of the cycle, starting at a free one: 1 if it is taken."""
        taken, mask, place = self._taken, self.size - 1, self._taken.find(0)
        factor = pow(5, stride, 4 * self.size)
        step = (factor - 1) // 4  # so many steps at once: place → factor · place + step
        cycle = bytearray()
        for _ in range(0, self.size, stride):
            cycle.append(taken[place])
            place = (factor * place + step) & mask
        return cycle


def _hashes(keys: Sequence[object]) -> list[int]:
    """Return the hashes of the keys.

    Raises CodecError where many are equal, because then CPython compares the keys themselves.
    """
    hashes = list(map(hash, keys))
    ordered = sorted(hashes)
    if any(map(eq, ordered, ordered[MAX_SAME_HASH:])):
        raise CodecError(SAME_HASH)
    return hashes
