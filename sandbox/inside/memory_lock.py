"""Keep the code that our own processes run in memory, whatever a candidate does to the memory of the box.

When memory runs out, the kernel first evicts pages that it can read again from files: the interpreter itself, if this
box was the first to read it. From then on every process of the box waits for the disk at nearly every step, process 1
included, and a limit is noticed many seconds late. So process 1, before it forks, locks the files that it is mapped
from; such a lock belongs to the page and holds for all processes and all boxes.

Engines set a low limit on locked memory and cannot always raise it. A mapping above the limit is replaced by an
anonymous copy, which cannot be evicted either because a box has no swap. Copies cost time of each fork, so nothing is
copied that none of our processes runs. Afterwards no process of the box may lock memory.
"""

from __future__ import annotations

import ctypes
import mmap
import resource
from typing import NamedTuple

_MAYMOVE_FIXED = 1 | 2
_UNUSED = "/libcrypto."  # a third of all bytes; `hashlib` loads it, and only candidates and graders call it
_FAILED = ctypes.c_void_p(-1).value


class Mapping(NamedTuple):
    """A read-only mapping of a file."""

    start: int
    size: int
    rights: int


def lock_code() -> bool:
    """Lock or copy all files that this process is mapped from, then give up the right to lock.

    Returns whether that worked for each.
    """
    with open("/proc/self/maps", encoding="utf-8") as file:
        mappings = file_mappings(file.read())
    libc = _libc()
    largest_first = sorted(mappings, key=lambda mapping: -mapping.size)
    kept = [libc.mlock(mapping.start, mapping.size) == 0 or _copied(libc, mapping) for mapping in largest_first]
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    return all(kept)


def file_mappings(maps: str) -> list[Mapping]:
    """Return the read-only private mappings of files, from the text of `/proc/self/maps`."""
    found = []
    for line in maps.splitlines():
        span, rights, _, _, _, *name = line.split(maxsplit=5)
        if name and name[0].startswith("/") and _UNUSED not in name[0] and rights in {"r--p", "r-xp"}:
            start, end = (int(place, 16) for place in span.split("-"))
            executable = mmap.PROT_EXEC if "x" in rights else 0
            found.append(Mapping(start, end - start, mmap.PROT_READ | executable))
    return found


def _libc() -> ctypes.CDLL:
    libc, place, size, number = ctypes.CDLL(None), ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    libc.mlock.argtypes = libc.munmap.argtypes = (place, size)
    libc.mmap.argtypes, libc.mmap.restype = (place, size, number, number, number, ctypes.c_long), place
    libc.mprotect.argtypes = (place, size, number)
    libc.mremap.argtypes, libc.mremap.restype = (place, size, size, number, place), place
    return libc


def _copied(libc: ctypes.CDLL, mapping: Mapping) -> bool:
    """Replace a mapping by a copy; returns whether that worked.

    The kernel moves the copy into place in one step, so even the code that is running can be replaced.
    """
    start, size, rights = mapping
    copy = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if copy == _FAILED:
        return False
    ctypes.memmove(copy, start, size)
    if libc.mprotect(copy, size, rights) == 0 and libc.mremap(copy, size, size, _MAYMOVE_FIXED, start) == start:
        return True
    libc.munmap(copy, size)
    return False
