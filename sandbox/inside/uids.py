"""Which user ids are a box's own.

The host names a range, at random and far up, so that two boxes hardly ever share one. An engine that maps its
containers' ids to a part of the machine's (rootless, or with user namespaces) has none such: then a smaller range, out
of those that there are.
"""

from __future__ import annotations

MOST = 4096  # of a box
FEWEST = 1024  # where ids are mapped
LOWEST = 1000  # below are the ids of a distribution
STEP = 8192  # between the ranges that the host names


def share(first: int, uid_map: str) -> range:
    """The ids for a box that was given those from `first` on; raises SystemExit where the map leaves too few."""
    end = max(int(start) + int(count) for start, _, count in map(str.split, uid_map.splitlines()))
    if first + MOST <= end:
        return range(first, first + MOST)
    places = (end - LOWEST) // FEWEST
    if places < 1:
        raise SystemExit(
            f"the engine gives its containers {end} user ids, and a box needs {LOWEST + FEWEST} (/etc/subuid)"
        )
    begin = LOWEST + first // STEP % places * FEWEST
    return range(begin, begin + FEWEST)
