"""Define paths, names, sizes and user ids of a box, for the host and the box.

The host names a range of user ids for each box, at random and above those of a distribution, so that two boxes hardly
ever share one. An engine that maps its containers' ids to a part of the machine's (rootless, or with user namespaces)
has fewer ids: there `uid_range` takes a smaller range out of those that exist.
"""

from __future__ import annotations

SCRATCH = "/tmp"  # emptied after each visit
SCRATCH_DIRECTORIES = (SCRATCH, "/dev/shm")
RUN = "/run/box"  # only process 1 can write here
USER = "box"  # the name of every user and group but root
STACK_BYTES = 256 << 20  # 50,000 levels of recursion through C take up to 5 kB each; what is not used costs nothing

MAX_UIDS = 4096  # of one box
MIN_UIDS = 1024  # of one box, where the engine maps ids
FIRST_UID = 1000  # ids below belong to the distribution
UID_STEP = 8192  # distance between the ranges that the host names


def uid_range(first: int, uid_map: str) -> range:
    """Return the user ids of a box that was given those from `first` on.

    `uid_map` is the text of `/proc/self/uid_map`. Raises SystemExit where the engine maps fewer ids than a box needs.
    """
    end = max(int(start) + int(count) for start, _, count in map(str.split, uid_map.splitlines()))
    if first + MAX_UIDS <= end:
        return range(first, first + MAX_UIDS)
    ranges = (end - FIRST_UID) // MIN_UIDS
    if ranges < 1:
        raise SystemExit(
            f"the engine gives its containers {end} user ids, and a box needs {FIRST_UID + MIN_UIDS} (/etc/subuid)"
        )
    begin = FIRST_UID + first // UID_STEP % ranges * MIN_UIDS
    return range(begin, begin + MIN_UIDS)
